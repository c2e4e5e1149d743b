/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test's folders in the mounted cgroup hierarchies, v1 and v2.  Written apart from lib/cgroup, which is
 * what the tests test.
 */
#ifndef GANTRY_TESTS_CGROUPTREE_H
#define GANTRY_TESTS_CGROUPTREE_H

#include "lib/base/error.h"

#include <stdbool.h>

/* Calls visit with the mount point of every hierarchy of this mount namespace; stops at the first failure
 * (err is filled for a failure to read the mounts alone). */
int cgrouptree_each(int (*visit)(const char *mountpoint, bool v2, void *ctx), void *ctx, struct error *err);

/* Makes the folder `name` in each hierarchy, ready for processes (cpuset filled, v2 controllers passed down).
 */
int cgrouptree_make_all(const char *name, struct error *err);

/* Kills what runs in the folders and removes them with all below.  Reports the first failure and goes on. */
int cgrouptree_remove_all(const char *name, struct error *err);

#endif
