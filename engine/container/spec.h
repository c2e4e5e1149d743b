/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's Config and HostConfig -> an OCI configuration for runtime/compile. */
#ifndef GANTRY_ENGINE_CONTAINER_SPEC_H
#define GANTRY_ENGINE_CONTAINER_SPEC_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct json;

struct spec_facts {
	const struct engine *engine;
	const char *id;
	const struct json *config, *host_config; /* with defaults filled in */
	const char *etc; /* folder of the container's hosts, hostname and resolv.conf */
};

/* *ret is a root of its own.  Errors are the request's: kind INVALID, in Docker's words where it has some. */
int spec_build(const struct spec_facts *facts, struct json **ret, struct error *err);

/* "NAME=..." or "NAME": env (an array, or NULL) has the name. */
bool spec_env_sets(const struct json *env, const char *line);
/* process.capabilities of an OCI process. */
void spec_add_caps(struct json *process, uint64_t caps);

#endif
