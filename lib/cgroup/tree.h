/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking and removing the directories below a cgroup.  A container with a writable cgroup mount decides
 * their number and depth, so neither stack nor descriptors grow with either.  Internal to lib/cgroup.
 */
#ifndef GANTRY_CGROUP_TREE_H
#define GANTRY_CGROUP_TREE_H

#include <stdint.h>

#define CGROUP_TREE_DEPTH_MAX 16384
#define CGROUP_TREE_DIRS_MAX  262144

/* Calls visit for dir and each directory below, parents first.  A visit that answers non-zero ends the walk
 * with that. Directories that vanish meanwhile are passed over.  -ELOOP, -E2BIG: beyond the limits. */
int cgroup_tree_walk(int dir, int (*visit)(int dir, void *arg), void *arg);

/* Removes everything below dir, deepest first, waiting for EBUSY until deadline_ns. */
int cgroup_tree_clear(int dir, int64_t deadline_ns);

/* rmdir of name in parent, with everything below it. */
int cgroup_tree_remove(int parent, const char *name, int64_t deadline_ns);

#endif
