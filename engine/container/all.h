/* SPDX-License-Identifier: Apache-2.0 */
/* What all containers share.  Only for this folder. */
#ifndef GANTRY_ENGINE_CONTAINER_ALL_H
#define GANTRY_ENGINE_CONTAINER_ALL_H

#include "lib/cgroup/cgroup.h"

#include <stdbool.h>

struct containers;
struct pool;
struct seccomp_cache;
struct shim_hub;

struct all {
	struct shim_hub *shims;
	struct pool *pool;
	struct seccomp_cache *seccomp_cache;
	bool apparmor;
	struct cgroup shim_cgroup;
	int shim_tasks[CGROUP_HIERARCHIES_MAX];
	size_t n_shim_tasks;
};

/* Set by containers_open, then only read. */
struct all *table_all(struct containers *all);

#endif
