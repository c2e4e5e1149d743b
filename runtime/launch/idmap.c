/* SPDX-License-Identifier: Apache-2.0 */
/* User and group id maps: of the container's process, and of user namespaces that carry an idmapped mount. */
#include "runtime/launch/run.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/sys.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>

/* The kernel takes a map in one write and at most 340 lines of it. */
#define MAP_TEXT_MAX (340 * 36)

static int write_map(pid_t pid, const char *file, const struct launch_idmap *map, uint32_t n)
{
	char path[64];
	static char text[MAP_TEXT_MAX]; /* static: too large for a stack that is shared with signal frames */
	size_t len = 0;

	for (uint32_t i = 0; i < n; i++) {
		int w = snprintf(text + len, sizeof text - len, "%u %u %u\n", map[i].inside, map[i].outside,
			map[i].count);
		if (w < 0 || (size_t)w >= sizeof text - len)
			return -E2BIG;
		len += (size_t)w;
	}
	int r = path_format(path, sizeof path, "/proc/%d/%s", (int)pid, file);
	return r < 0 ? r : fd_write_file(AT_FDCWD, path, text);
}

static int write_maps(pid_t pid, const struct launch_idmap *uids, uint32_t nuids,
	const struct launch_idmap *gids, uint32_t ngids)
{
	int r = nuids ? write_map(pid, "uid_map", uids, nuids) : 0;

	return r == 0 && ngids ? write_map(pid, "gid_map", gids, ngids) : r;
}

int idmap_write(pid_t pid, const struct launch_record *rec)
{
	return write_maps(pid, launch_items(rec, rec->uid_map, struct launch_idmap), rec->uid_map.n,
		launch_items(rec, rec->gid_map, struct launch_idmap), rec->gid_map.n);
}

int idmap_userns(
	const struct launch_idmap *uids, uint32_t nuids, const struct launch_idmap *gids, uint32_t ngids)
{
	struct sys_clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	char path[64];
	pid_t pid = sys_clone3(&args);

	if (pid < 0)
		return -errno;
	if (pid == 0)
		for (;;)
			pause();
	int r = write_maps(pid, uids, nuids, gids, ngids);
	if (r == 0)
		r = path_format(path, sizeof path, "/proc/%d/ns/user", (int)pid);
	if (r == 0) {
		r = open(path, O_RDONLY | O_CLOEXEC);
		if (r < 0)
			r = -errno;
	}
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}
