/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the kernel kills in the container's cgroup for want of memory, while the container runs. */
#ifndef GANTRY_SHIM_OOM_H
#define GANTRY_SHIM_OOM_H

#include "lib/cgroup/cgroup.h"

#include <stdbool.h>
#include <stdint.h>

#define OOM_EVENTS_MAX 8 /* told of one container: a program that is killed for ever fills no journal */

struct oom {
	int fd; /* -1: not watched */
	short events;
	uint64_t seen;   /* kills */
	int64_t look_at; /* cgroup v1 wakes before it kills: when to look once more; 0: not */
	unsigned told;
};

/* Without a cgroup, or a memory controller, nothing is watched. */
void oom_open(struct oom *o, const struct cgroup *cg);
void oom_close(struct oom *o);

/* Its descriptor is ready. */
void oom_wake(struct oom *o);

/* True when there were kills since the last look, and they are to be told. */
bool oom_look(struct oom *o, const struct cgroup *cg);

#endif
