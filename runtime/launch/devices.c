/* SPDX-License-Identifier: Apache-2.0 */
/* Device nodes, the links of /dev, and the container's terminal. */
#include "runtime/launch/run.h"

#include "lib/base/cleanup.h"
#include "lib/base/sys.h"
#include "lib/rootfs/resolve.h"
#include "runtime/launch/channel.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <termios.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

static const struct launch_device *device_at(const struct run *run, uint32_t i)
{
	return &launch_items(run->rec, run->rec->devices, struct launch_device)[i];
}

static int fail(struct run *run, int code, const char *what)
{
	return phase_fail(run->err, LAUNCH_PHASE_DEVICE, code, what);
}

static dev_t number_of(const struct launch_device *d)
{
	return d->type == S_IFIFO ? 0 : makedev(d->major, d->minor);
}

/* In a user namespace nodes cannot be made: the host's own, checked to be the device that is meant, is bound.
 */
static int open_node(const struct launch_device *d, const char *path)
{
	auto_close int tree = sys_open_tree(
		AT_FDCWD, path, OPEN_TREE_CLONE | O_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	struct stat st;

	if (tree < 0 || fstat(tree, &st) < 0)
		return -errno;
	if ((st.st_mode & S_IFMT) != d->type || st.st_rdev != number_of(d))
		return -ENODEV;
	int r = mounts_set(tree, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0, MS_PRIVATE, false);
	return r < 0 ? r : take_fd(tree);
}

int devices_open(struct run *run)
{
	if (!run->userns)
		return 0;
	for (uint32_t i = 0; i < run->rec->devices.n; i++) {
		const struct launch_device *d = device_at(run, i);
		const char *path = launch_text(run->rec, d->path);
		run->nodes[i] = open_node(d, path);
		if (run->nodes[i] < 0)
			return fail(run, -run->nodes[i], path);
	}
	return 0;
}

static int bind_node(struct run *run, uint32_t i, const char *path)
{
	auto_close int tree = take_fd(run->nodes[i]);
	auto_close int target = rootfs_mkfile(run->root, path, 0666, (uid_t)-1, (gid_t)-1);

	if (target < 0)
		return target;
	if (sys_move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

/* A node that the image, or an earlier entry, has there is fine if it is the same device. */
static int make_node(int dir, const char *name, const struct launch_device *d)
{
	struct stat st;

	if (mknodat(dir, name, (mode_t)(d->type | (d->mode & 07777)), number_of(d)) < 0) {
		if (errno != EEXIST || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		return (st.st_mode & S_IFMT) == d->type && st.st_rdev == number_of(d) ? 0 : -EEXIST;
	}
	if ((d->uid || d->gid) && fchownat(dir, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

/* Nearly all devices are plain names in /dev, which is open already. */
static int make_device(struct run *run, uint32_t i, int dev)
{
	const struct launch_device *d = device_at(run, i);
	const char *path = launch_text(run->rec, d->path);
	char name[NAME_MAX + 1], parent[PATH_MAX];
	int r;

	if (run->userns)
		return bind_node(run, i, path);
	if (strncmp(path, "/dev/", 5) == 0 && !strchr(path + 5, '/'))
		return make_node(dev, path + 5, d);
	const char *slash = strrchr(path, '/');
	if (!slash || slash == path || !slash[1] || (size_t)(slash - path) >= sizeof parent ||
		strlen(slash + 1) > NAME_MAX)
		return -EINVAL;
	memcpy(parent, path, (size_t)(slash - path));
	parent[slash - path] = '\0';
	memcpy(name, slash + 1, strlen(slash + 1) + 1);
	auto_close int dir = rootfs_mkdirs(run->root, parent, 0755, (uid_t)-1, (gid_t)-1);
	r = dir < 0 ? dir : make_node(dir, name, d);
	return r;
}

static int make_link(int dir, const char *target, const char *name, bool replace)
{
	if (symlinkat(target, dir, name) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (!replace)
		return 0;
	if (unlinkat(dir, name, 0) < 0 || symlinkat(target, dir, name) < 0)
		return -errno;
	return 0;
}

static int make_links(struct run *run, int dev)
{
	static const char *const links[][2] = { { "/proc/self/fd", "fd" }, { "/proc/self/fd/0", "stdin" },
		{ "/proc/self/fd/1", "stdout" }, { "/proc/self/fd/2", "stderr" } };
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof links / sizeof links[0]; i++)
		r = make_link(dev, links[i][0], links[i][1], false);
	if (r == 0 && run->proc_fs >= 0 && faccessat(run->proc_fs, "kcore", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		r = make_link(dev, "/proc/kcore", "core", false);
	return r == 0 && run->devpts >= 0 ? make_link(dev, "pts/ptmx", "ptmx", true) : r;
}

/* A /dev bound from elsewhere belongs to the host and stays as it is. */
static bool dev_is_bound(const struct run *run)
{
	const struct launch_mount *m = launch_items(run->rec, run->rec->mounts, struct launch_mount);

	for (uint32_t i = 0; i < run->rec->mounts.n; i++)
		if ((m[i].kind == LAUNCH_MOUNT_BIND || m[i].kind == LAUNCH_MOUNT_FD) &&
			strcmp(launch_text(run->rec, m[i].target), "/dev") == 0)
			return true;
	return false;
}

int devices_make(struct run *run)
{
	int r = 0;

	if (dev_is_bound(run))
		return 0;
	auto_close int dev = rootfs_mkdirs(run->root, "/dev", 0755, (uid_t)-1, (gid_t)-1);
	if (dev < 0)
		return fail(run, -dev, "/dev");
	for (uint32_t i = 0; i < run->rec->devices.n; i++) {
		r = make_device(run, i, dev);
		if (r < 0)
			return fail(run, -r, launch_text(run->rec, device_at(run, i)->path));
	}
	r = make_links(run, dev);
	return r < 0 ? fail(run, -r, "/dev") : 0;
}

static int open_pty(struct run *run, int *ret_master, int *ret_slave)
{
	int unlock = 0;

	if (run->devpts < 0) /* exec: the container's own, already entered */
		run->devpts = open("/dev/pts", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;
	if (run->devpts < 0 || fstatfs(run->devpts, &fs) < 0)
		return -errno;
	if (fs.f_type != DEVPTS_SUPER_MAGIC) /* the image, or the container, put something else there */
		return -ENODEV;
	auto_close int master = openat(run->devpts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);
	if (master < 0)
		return -errno;
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return -errno;
	/* By descriptor: /dev/pts/N could be something else by now. */
	int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return -errno;
	*ret_master = take_fd(master);
	*ret_slave = slave;
	return 0;
}

static int bind_console(struct run *run, int slave)
{
	if (run->rec->flags & LAUNCH_F_EXEC)
		return 0;
	auto_close int target = rootfs_mkfile(run->root, "/dev/console", 0600, (uid_t)-1, (gid_t)-1);
	if (target < 0)
		return target;
	auto_close int tree = sys_open_tree(slave, "", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0)
		return -errno;
	if (sys_move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

static int become_terminal(const struct launch_process *p, int slave)
{
	struct winsize size = { .ws_row = p->console_height, .ws_col = p->console_width };

	if (size.ws_row && size.ws_col && ioctl(slave, TIOCSWINSZ, &size) < 0)
		return -errno;
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return -errno;
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(slave, fd) < 0)
			return -errno;
	return 0;
}

int devices_console(struct run *run)
{
	auto_close int master = -1;
	auto_close int slave = -1;
	int r = open_pty(run, &master, &slave);

	if (r == 0)
		r = bind_console(run, slave);
	if (r == 0)
		r = become_terminal(run->proc, slave);
	if (r == 0)
		r = channel_send(run->sock, CHANNEL_CONSOLE, NULL, 0, master);
	return r < 0 ? phase_fail(run->err, LAUNCH_PHASE_CONSOLE, -r, "/dev/pts") : 0;
}
