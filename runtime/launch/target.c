/* SPDX-License-Identifier: Apache-2.0 */
/* The namespaces of a process that another one is to join. */
#include "runtime/launch/launch.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static const struct {
	uint32_t flag;
	const char *name;
} places[] = { { CLONE_NEWNS, "mnt" }, { CLONE_NEWPID, "pid" }, { CLONE_NEWNET, "net" },
	{ CLONE_NEWIPC, "ipc" }, { CLONE_NEWUTS, "uts" }, { CLONE_NEWCGROUP, "cgroup" },
	{ CLONE_NEWUSER, "user" }, { CLONE_NEWTIME, "time" } };

int launch_namespaces_of(pid_t pid, uint32_t *ret)
{
	char path[64];
	struct stat own, theirs;
	uint32_t flags = 0;

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		snprintf(path, sizeof path, "/proc/self/ns/%s", places[i].name);
		if (stat(path, &own) < 0)
			continue; /* a kernel without this kind */
		snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, places[i].name);
		if (stat(path, &theirs) < 0)
			return -errno;
		if (own.st_ino != theirs.st_ino || own.st_dev != theirs.st_dev)
			flags |= places[i].flag;
	}
	*ret = flags;
	return 0;
}
