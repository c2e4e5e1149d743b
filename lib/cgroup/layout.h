/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which cgroup hierarchies this system has, and which of them owns a controller: cgroup v1 with one hierarchy
 * a controller or joined ones ("cpu,cpuacct"), cgroup v2 alone, and both at once (hybrid).  Found once from
 * /proc/self/mountinfo, never changed afterwards.  A layout has no descriptors and no heap: it may be copied.
 */
#ifndef GANTRY_CGROUP_LAYOUT_H
#define GANTRY_CGROUP_LAYOUT_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CGROUP_HIERARCHIES_MAX 16
#define CGROUP_MOUNT_POINT_MAX 200

/* "blkio" of v1 and "io" of v2 are one.  The numbers stand in launch records: append only. */
enum cgroup_controller {
	CGROUP_CPU,
	CGROUP_CPUACCT,
	CGROUP_CPUSET,
	CGROUP_MEMORY,
	CGROUP_DEVICES,
	CGROUP_FREEZER,
	CGROUP_BLKIO,
	CGROUP_PIDS,
	CGROUP_HUGETLB,
	CGROUP_NET_CLS,
	CGROUP_NET_PRIO,
	CGROUP_PERF_EVENT,
	CGROUP_RDMA,
	CGROUP_MISC,
	CGROUP_UNIFIED, /* not a controller: the v2 hierarchy itself, for its cgroup.* files */
	CGROUP_CONTROLLERS,
};
#define CGROUP_BIT(controller) (UINT32_C(1) << (controller))

struct cgroup_hierarchy {
	char mount_point[CGROUP_MOUNT_POINT_MAX];
	char name[32];        /* v1 "name=": "systemd"; else "" */
	uint32_t controllers; /* bits of enum cgroup_controller; 0 for a named one */
	bool v2;
};

struct cgroup_layout {
	size_t n;
	struct cgroup_hierarchy hierarchies[CGROUP_HIERARCHIES_MAX];
	int8_t owner[CGROUP_CONTROLLERS]; /* index of the hierarchy that owns a controller, -1: none */
	int8_t main;                      /* the hierarchy whose cgroup.procs is asked for processes */
	bool pure_v2;                     /* v2 and nothing else */
};

/* Reads the mounts of the calling process.  No hierarchy at all: -ENOENT, kind UNAVAILABLE. */
int cgroup_layout_discover(struct cgroup_layout *ret, struct error *err);

/* The same from the text of a mountinfo file (proc(5)); v2_controllers is the text of the v2 mount's
 * cgroup.controllers, or NULL.  Mounts at over-long places are passed over.  Malformed lines: -EINVAL;
 * hierarchies past the limit: -E2BIG. */
int cgroup_layout_parse(
	const char *mountinfo, const char *v2_controllers, struct cgroup_layout *ret, struct error *err);

/* Fills owner, main and pure_v2 from the hierarchies, and v2's controllers from the text where it is not
 * NULL. */
void cgroup_layout_assign(struct cgroup_layout *layout, const char *v2_controllers);

/* Index of the v2 hierarchy, or -1. */
int cgroup_layout_v2(const struct cgroup_layout *layout);

/* True when the controller exists, and when it lives in the v2 hierarchy. */
bool cgroup_layout_has(const struct cgroup_layout *layout, enum cgroup_controller controller);
bool cgroup_layout_on_v2(const struct cgroup_layout *layout, enum cgroup_controller controller);

/* "memory"; BLKIO is "io" when v2.  Never NULL. */
const char *cgroup_controller_name(enum cgroup_controller controller, bool v2);

/* The controller of a v1 or v2 name of n bytes, or -1. */
int cgroup_controller_find(const char *name, size_t n);

/* What Docker's /info tells about limits. */
struct cgroup_features {
	bool memory_limit, swap_limit, oom_kill_disable, swappiness, reservation;
	bool cpu_shares, cpu_cfs_quota, cpu_rt, cpuset, pids_limit, blkio_weight, blkio_throttle, freezer,
		devices;
};
void cgroup_layout_features(const struct cgroup_layout *layout, struct cgroup_features *ret);

/* Checks a cgroup's path: absolute, not "/", no empty, "." or ".." component, no name over NAME_MAX, no
 * control character, at most CGROUP_PATH_MAX with its NUL. */
#define CGROUP_PATH_MAX 1024
int cgroup_path_check(const char *path, struct error *err);

#endif
