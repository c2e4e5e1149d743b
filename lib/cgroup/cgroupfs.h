/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that open and make cgroups.  Internal to lib/cgroup. */
#ifndef GANTRY_CGROUP_CGROUPFS_H
#define GANTRY_CGROUP_CGROUPFS_H

#include "lib/cgroup/cgroup.h"

/* A handle with path and no descriptor. */
void cgroupfs_init(struct cgroup *cg, const struct cgroup_layout *layout, const char *path);

/* The root directory of a hierarchy: a descriptor or -errno. */
int cgroupfs_open_root(const struct cgroup_layout *layout, size_t hierarchy);

/* path (relative) below dir, without leaving the mount: a directory's descriptor or -errno. */
int cgroupfs_open_below(int dir, const char *path);

/* Opens `tasks` of a v1 directory that is open already. */
int cgroupfs_open_tasks(struct cgroup *cg, size_t hierarchy);

/* Waits until no process is left: 0, -ETIMEDOUT or -errno. */
int cgroupfs_wait_empty(const struct cgroup *cg, int64_t deadline_ns);

#endif
