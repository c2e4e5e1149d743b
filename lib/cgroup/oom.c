/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the kernel killed for want of memory: memory.oom_control of v1, memory.events of v2. */
#include "lib/cgroup/cgroup.h"

#include "lib/base/cleanup.h"
#include "lib/cgroup/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>

static int memory_dir(const struct cgroup *cg)
{
	if (!cgroup_layout_has(cg->layout, CGROUP_MEMORY))
		return -ENOTSUP;
	int dir = cg->dir[cg->layout->owner[CGROUP_MEMORY]];
	return dir < 0 ? -ENODEV : dir;
}

int cgroup_oom_kills(const struct cgroup *cg, uint64_t *ret)
{
	int dir = memory_dir(cg);

	if (dir < 0)
		return dir;
	return cgroup_file_key(dir,
		cgroup_layout_on_v2(cg->layout, CGROUP_MEMORY) ? "memory.events" : "memory.oom_control",
		"oom_kill", ret);
}

static int watch_v1(int dir)
{
	char text[32];
	auto_close int oom = openat(dir, "memory.oom_control", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (oom < 0)
		return -errno;
	auto_close int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (event < 0)
		return -errno;
	snprintf(text, sizeof text, "%d %d", event, oom);
	int r = cgroup_file_write(dir, "cgroup.event_control", text);
	return r < 0 ? r : take_fd(event);
}

static int watch_v2(int dir)
{
	int fd = openat(dir, "memory.events", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	int r = cgroup_oom_acknowledge(fd, POLLPRI);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

int cgroup_oom_watch(const struct cgroup *cg, int *ret_fd, short *ret_events, struct error *err)
{
	bool v2 = cgroup_layout_on_v2(cg->layout, CGROUP_MEMORY);
	int dir = memory_dir(cg);

	if (dir == -ENOTSUP)
		return error_set(err, ERROR_UNSUPPORTED, ENOTSUP, "there is no cgroup controller 'memory'");
	int fd = dir < 0 ? dir : v2 ? watch_v2(dir) : watch_v1(dir);
	if (fd < 0)
		return error_sys(err, -fd, "cannot watch the memory of cgroup '%s'", cg->path);
	*ret_fd = fd;
	*ret_events = v2 ? POLLPRI : POLLIN;
	return 0;
}

int cgroup_oom_acknowledge(int fd, short events)
{
	char buf[512];
	ssize_t n = events & POLLIN ? read(fd, buf, sizeof(uint64_t)) : pread(fd, buf, sizeof buf, 0);

	return n < 0 && errno != EAGAIN ? -errno : 0;
}
