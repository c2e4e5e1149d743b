/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's Config and HostConfig -> an OCI configuration for runtime/compile. */
#ifndef GANTRY_ENGINE_CONTAINER_SPEC_H
#define GANTRY_ENGINE_CONTAINER_SPEC_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct json;
struct mount_points;

/* Where Docker puts a container's own init (HostConfig.Init). */
#define SPEC_INIT "/sbin/docker-init"

struct spec_facts {
	const struct engine *engine;
	const char *id;
	const struct json *config, *host_config; /* with defaults filled in */
	const struct mount_points *mounts;
	const char *etc;  /* folder of the container's hosts, hostname and resolv.conf */
	const char *init; /* path of gantry-init; NULL: not needed */
	bool starting;    /* devices of the host are looked up now, and not at create */
};

/* gantry-init runs first: Init is set, and the container's pids are its own. */
bool spec_has_init(const struct json *host_config);

/* *ret is a root of its own.  Errors are the request's: kind INVALID, in Docker's words where it has some. */
int spec_build(const struct spec_facts *facts, struct json **ret, struct error *err);

/* "NAME=..." or "NAME": env (an array, or NULL) has the name. */
bool spec_env_sets(const struct json *env, const char *line);
/* process.capabilities of an OCI process. */
void spec_add_caps(struct json *process, uint64_t caps);

#endif
