/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world of its own for a test: mount, network, IPC and UTS namespaces, a fresh /sys with the host's cgroup
 * tree in it, a tmpfs on /run, a scratch tmpfs, loopback up, and a folder of the test's in every cgroup
 * hierarchy.  Nothing that a test makes in it outlives the process, and world_leave ends the processes and
 * removes the cgroups. Needs root and a process with one thread.  The namespaces last as long as the process.
 */
#ifndef GANTRY_TESTS_WORLD_H
#define GANTRY_TESTS_WORLD_H

#include "lib/base/error.h"

#include <stddef.h>

#define WORLD_SCRATCH "/run/scratch" /* a tmpfs that serves as overlay's upper folder, too */

#define WORLD_CGROUP_PREFIX "gantry-test-"

struct world {
	char cgroup[64]; /* name of the folder below each hierarchy's mount point: the prefix and a number
			  */
};

/* Moves this process into a new world.  flags: more CLONE_NEW* to unshare (CLONE_NEWPID: the next child is
 * its init). */
int world_enter(struct world *world, int flags, struct error *err);

/* Kills and reaps every descendant and everything in the world's cgroups, removes those.  Reports the first
 * failure and goes on. */
int world_leave(struct world *world, struct error *err);

/* Full path of the world's folder in a hierarchy, made when it is not there: controller is "memory", "pids",
 * ... as mounted at /sys/fs/cgroup, "" for a cgroup v2 mounted there, "unified" for v2 beside v1. -ENOENT:
 * not mounted. */
int world_cgroup_path(const struct world *world, const char *controller, char *buf, size_t size);

/* The two as group setup and teardown of cmocka; *state is the struct world. */
int world_setup(void **state);
int world_teardown(void **state);

#endif
