/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine and its host are: GET /info, and the facts that GET /version shares with it. */
#ifndef GANTRY_ENGINE_INFO_H
#define GANTRY_ENGINE_INFO_H

#include "lib/base/error.h"

#include <stdint.h>

struct engine;
struct json;

#ifndef INFO_COMMIT
#define INFO_COMMIT "" /* the build system's to say */
#endif
#ifndef INFO_BUILD_TIME
#define INFO_BUILD_TIME ""
#endif

struct host_facts {
	char kernel[66], machine[66], name[65]; /* uname(2) */
	const char *go_arch;                    /* "amd64" */
	char os_name[128], os_version[32];      /* os-release(5) */
	int64_t ncpu, memory;                   /* online processors, bytes */
};
void info_host(struct host_facts *ret);

/* The whole answer; version is the one that clients are told. */
int info_json(struct engine *engine, const char *version, struct json **ret, struct error *err);

#endif
