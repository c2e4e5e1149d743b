/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's mounts, by descriptor: a tree is detached, gets its attributes, and is moved onto a
 * target that was resolved inside the root and opened.  No target is looked up by path twice, so
 * nobody can swap it in between.
 */
#include "runtime/launch/run.h"

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/sys.h"
#include "lib/rootfs/copy.h"
#include "lib/rootfs/resolve.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define FSMOUNT_ATTRS                                                                                       \
	(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR__ATIME | \
		MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW)

static const struct launch_mount *mount_at(const struct run *run, uint32_t i)
{
	return &launch_items(run->rec, run->rec->mounts, struct launch_mount)[i];
}

static const char *target_of(const struct run *run, const struct launch_mount *m)
{
	return launch_text(run->rec, m->target);
}

int mounts_set(int tree, uint64_t set, uint64_t clr, uint64_t propagation, bool rec)
{
	struct sys_mount_attr attr = { .attr_set = set, .attr_clr = clr, .propagation = propagation };

	if (!set && !clr && !propagation)
		return 0;
	return sys_mount_setattr(tree, "", AT_EMPTY_PATH | (rec ? AT_RECURSIVE : 0), &attr) < 0 ? -errno : 0;
}

static int set_propagation(int tree, uint32_t flags)
{
	return flags ? mounts_set(tree, 0, 0, flags & ~(uint32_t)MS_REC, flags & MS_REC) : 0;
}

static int set_idmap(const struct run *run, const struct launch_mount *m, int tree)
{
	if (m->uid_map.n == 0 && m->gid_map.n == 0)
		return 0;
	auto_close int userns = idmap_userns(launch_items(run->rec, m->uid_map, struct launch_idmap),
		m->uid_map.n, launch_items(run->rec, m->gid_map, struct launch_idmap), m->gid_map.n);
	if (userns < 0)
		return userns;
	struct sys_mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns };
	unsigned rec = m->flags & LAUNCH_MOUNT_RECURSIVE ? AT_RECURSIVE : 0;
	return sys_mount_setattr(tree, "", AT_EMPTY_PATH | rec, &attr) < 0 ? -errno : 0;
}

/* A clone of a shared mount is its peer: what the container mounts would appear on the host.  So a tree
 * becomes a slave unless the record says what it shall be. */
static int set_attributes(const struct run *run, const struct launch_mount *m, int tree)
{
	int r = set_idmap(run, m, tree);

	if (r == 0)
		r = mounts_set(
			tree, m->rec_set, m->rec_clr, m->propagation || m->prop_rec ? 0 : MS_SLAVE, true);
	if (r == 0)
		r = mounts_set(tree, m->attr_set, m->attr_clr, 0, false);
	if (r == 0)
		r = set_propagation(tree, m->propagation);
	if (r == 0)
		r = set_propagation(tree, m->prop_rec);
	return r;
}

static int open_bind(struct run *run, const struct launch_mount *m)
{
	unsigned flags = OPEN_TREE_CLONE | O_CLOEXEC;
	const char *source = launch_text(run->rec, m->source);

	if (m->flags & LAUNCH_MOUNT_RECURSIVE)
		flags |= AT_RECURSIVE;
	if (m->flags & LAUNCH_MOUNT_NO_FOLLOW)
		flags |= AT_SYMLINK_NOFOLLOW;
	int tree = sys_open_tree(AT_FDCWD, source, flags);
	return tree < 0 ? phase_errno(run->err, LAUNCH_PHASE_MOUNT_SOURCE, source) : tree;
}

static int open_root(struct run *run)
{
	const struct launch_record *rec = run->rec;

	if (rec->root_fd != LAUNCH_NO_FD)
		run->root = fcntl(run->args->fds[rec->root_fd], F_DUPFD_CLOEXEC, 3);
	else
		run->root = sys_open_tree(
			AT_FDCWD, launch_text(rec, rec->root), OPEN_TREE_CLONE | O_CLOEXEC | AT_RECURSIVE);
	if (run->root < 0)
		return phase_errno(run->err, LAUNCH_PHASE_ROOT, launch_text(rec, rec->root));
	/* pivot_root(2) refuses a shared root. */
	int r = mounts_set(run->root, 0, 0, MS_SLAVE, true);
	if (r == 0)
		r = mounts_set(run->root, 0, 0, MS_PRIVATE, false);
	return r < 0 ? phase_fail(run->err, LAUNCH_PHASE_ROOT, -r, launch_text(rec, rec->root)) : 0;
}

int mounts_open(struct run *run)
{
	int r = open_root(run);

	for (uint32_t i = 0; r == 0 && i < run->rec->mounts.n; i++) {
		const struct launch_mount *m = mount_at(run, i);
		if (m->kind == LAUNCH_MOUNT_FD)
			run->trees[i] = fcntl(run->args->fds[m->fd], F_DUPFD_CLOEXEC, 3);
		else if (m->kind == LAUNCH_MOUNT_BIND)
			run->trees[i] = open_bind(run, m);
		else
			continue;
		if (run->trees[i] < 0)
			return run->err->code
				       ? -run->err->code
				       : phase_errno(run->err, LAUNCH_PHASE_MOUNT_SOURCE, target_of(run, m));
		r = set_attributes(run, m, run->trees[i]);
		if (r < 0)
			phase_fail(run->err, LAUNCH_PHASE_MOUNT, -r, target_of(run, m));
	}
	return r;
}

static int move_root(struct run *run, const char *where)
{
	if (sys_move_mount(run->root, "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_ROOT, where);
	return 0;
}

static int isolate(struct run *run)
{
	unsigned long prop = run->rec->root_propagation ? run->rec->root_propagation : MS_SLAVE | MS_REC;

	if (mount(NULL, "/", NULL, prop, NULL) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_ROOT, "/");
	/* "/" must not be a shared parent of what is attached over it. */
	if ((prop & MS_SHARED) && mount(NULL, "/", NULL, MS_PRIVATE, NULL) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_ROOT, "/");
	return 0;
}

int mounts_attach_root(struct run *run)
{
	int r = isolate(run);

	return r < 0 ? r : move_root(run, "/");
}

/* Not over "/": a process whose root is not the topmost one counts as chrooted, and clone(2) then refuses it
 * a user namespace.  /mnt is in the file hierarchy standard and in the engine's template namespace. */
static const char *stage_place(const struct run *run)
{
	return run->rec->root.off ? launch_text(run->rec, run->rec->root) : "/mnt";
}

int mounts_stage_root(struct run *run)
{
	int r = isolate(run);

	return r < 0 ? r : move_root(run, stage_place(run));
}

/* run->root still names the launcher's mount; the copy lies at the same place, and is locked. */
int mounts_unlock_root(struct run *run)
{
	auto_close int locked = open(stage_place(run), O_PATH | O_DIRECTORY | O_CLOEXEC);
	int root = -1;

	if (locked >= 0)
		root = sys_open_tree(locked, "", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	if (root < 0)
		return phase_errno(run->err, LAUNCH_PHASE_ROOT, stage_place(run));
	close(run->root);
	run->root = root;
	return move_root(run, "/");
}

/* proc and sysfs over a symlink would leave the real /proc and /sys to the image. */
static bool needs_plain_target(const struct run *run, const struct launch_mount *m)
{
	const char *fstype = launch_text(run->rec, m->fstype);

	return m->kind == LAUNCH_MOUNT_FS && (strcmp(fstype, "proc") == 0 || strcmp(fstype, "sysfs") == 0);
}

static int open_plain(int root, const char *target)
{
	struct sys_open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = SYS_RESOLVE_IN_ROOT | SYS_RESOLVE_NO_SYMLINKS };
	int fd = sys_openat2(root, target, &how);

	return fd < 0 ? (errno == ELOOP ? -ENOTDIR : -errno) : fd;
}

/* A symlink of the image may lead a harmless target name into /proc. */
static int check_target(struct run *run, int fd, const char *target)
{
	struct stat at, root;

	if (rootfs_check_procfs(fd) == 0 && !path_is_below(target, "/proc"))
		return phase_fail(run->err, LAUNCH_PHASE_MOUNT_TARGET, EPERM, target);
	if (fstat(fd, &at) < 0 || fstat(run->root, &root) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_MOUNT_TARGET, target);
	if (at.st_dev == root.st_dev && at.st_ino == root.st_ino)
		return phase_fail(run->err, LAUNCH_PHASE_MOUNT_TARGET, EINVAL, target);
	return 0;
}

static int open_target(struct run *run, const struct launch_mount *m, bool dir)
{
	const char *target = target_of(run, m);
	int fd = needs_plain_target(run, m) ? open_plain(run->root, target)
					    : rootfs_open(run->root, target, 0, 0);

	if (fd == -ENOENT)
		fd = dir ? rootfs_mkdirs(run->root, target, 0755, (uid_t)-1, (gid_t)-1)
			 : rootfs_mkfile(run->root, target, 0644, (uid_t)-1, (gid_t)-1);
	if (fd < 0)
		return phase_fail(run->err, LAUNCH_PHASE_MOUNT_TARGET, -fd, target);
	int r = check_target(run, fd, target);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

/* The kernel says more than errno in the file system context: "e overlay: ...". */
static int fs_error(struct run *run, int fs, const char *target)
{
	int code = errno;
	char text[200], detail[sizeof run->err->detail];
	ssize_t n = read(fs, text, sizeof text - 1);

	if (n <= 2)
		return phase_fail(run->err, LAUNCH_PHASE_MOUNT, code, target);
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (path_format(detail, sizeof detail, "%s (%s)", target, text + 2) < 0)
		return phase_fail(run->err, LAUNCH_PHASE_MOUNT, code, target);
	return phase_fail(run->err, LAUNCH_PHASE_MOUNT, code, detail);
}

static int fs_option(int fs, const char *option)
{
	char key[256];
	const char *eq = strchr(option, '=');

	if (!eq)
		return sys_fsconfig(fs, SYS_FSCONFIG_FLAG, option, NULL, 0);
	size_t n = (size_t)(eq - option);
	if (n >= sizeof key) {
		errno = EINVAL;
		return -1;
	}
	memcpy(key, option, n);
	key[n] = '\0';
	return sys_fsconfig(fs, SYS_FSCONFIG_STRING, key, eq + 1, 0);
}

static int make_fs(struct run *run, const struct launch_mount *m)
{
	const char *target = target_of(run, m);
	const char *source = launch_text(run->rec, m->source);
	const struct launch_str *options = launch_items(run->rec, m->options, struct launch_str);
	auto_close int fs = sys_fsopen(launch_text(run->rec, m->fstype), FSOPEN_CLOEXEC);
	unsigned attrs = (unsigned)m->attr_set & FSMOUNT_ATTRS;

	if (fs < 0)
		return phase_errno(run->err, LAUNCH_PHASE_MOUNT, target);
	if (source && sys_fsconfig(fs, SYS_FSCONFIG_STRING, "source", source, 0) < 0)
		return fs_error(run, fs, target);
	for (uint32_t i = 0; i < m->options.n; i++)
		if (fs_option(fs, launch_text(run->rec, options[i])) < 0)
			return fs_error(run, fs, target);
	if (sys_fsconfig(fs, SYS_FSCONFIG_CREATE, NULL, NULL, 0) < 0)
		return fs_error(run, fs, target);
	if (m->flags & LAUNCH_MOUNT_COPY_UP)
		attrs &= ~(unsigned)MOUNT_ATTR_RDONLY;
	int tree = sys_fsmount(fs, FSMOUNT_CLOEXEC, attrs);
	return tree < 0 ? fs_error(run, fs, target) : tree;
}

static int copy_up(struct run *run, const struct launch_mount *m, int target, int tree)
{
	int r = rootfs_copy_tree(target, tree, NULL, NULL, NULL);

	if (r == 0)
		r = mounts_set(tree, m->attr_set & MOUNT_ATTR_RDONLY, 0, 0, false);
	return r < 0 ? phase_fail(run->err, LAUNCH_PHASE_MOUNT, -r, target_of(run, m)) : 0;
}

/* Some of our own mounts are needed again, by descriptor. */
static int remember(struct run *run, const struct launch_mount *m, int tree)
{
	const char *fstype = launch_text(run->rec, m->fstype);
	int *slot = NULL;

	if (m->kind != LAUNCH_MOUNT_FS)
		return 0;
	if (strcmp(fstype, "proc") == 0 && run->proc_fs < 0)
		slot = &run->proc_fs;
	else if (strcmp(fstype, "devpts") == 0 && strcmp(target_of(run, m), "/dev/pts") == 0)
		slot = &run->devpts;
	if (!slot)
		return 0;
	*slot = fcntl(tree, F_DUPFD_CLOEXEC, 3);
	return *slot < 0 ? phase_errno(run->err, LAUNCH_PHASE_MOUNT, target_of(run, m)) : 0;
}

static int attach_tree(struct run *run, const struct launch_mount *m, int tree)
{
	struct stat st, at;

	if (fstat(tree, &st) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_MOUNT, target_of(run, m));
	auto_close int target = open_target(run, m, S_ISDIR(st.st_mode));
	if (target < 0)
		return target;
	/* The kernel calls a folder on a file, or a file on a folder, EINVAL, which says nothing. */
	if (fstat(target, &at) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_MOUNT, target_of(run, m));
	if (S_ISDIR(st.st_mode) != S_ISDIR(at.st_mode))
		return phase_fail(run->err, LAUNCH_PHASE_MOUNT, ENOTDIR, target_of(run, m));
	int r = m->flags & LAUNCH_MOUNT_COPY_UP ? copy_up(run, m, target, tree) : 0;
	if (r < 0)
		return r;
	if (sys_move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_MOUNT, target_of(run, m));
	return remember(run, m, tree);
}

static int attach_fs(struct run *run, const struct launch_mount *m)
{
	auto_close int tree = make_fs(run, m);

	if (tree < 0)
		return tree;
	int r = mounts_set(tree, m->rec_set, m->rec_clr, 0, true);
	if (r == 0)
		r = set_propagation(tree, m->propagation);
	if (r < 0)
		return phase_fail(run->err, LAUNCH_PHASE_MOUNT, -r, target_of(run, m));
	return attach_tree(run, m, tree);
}

static int remount(struct run *run, const struct launch_mount *m)
{
	auto_close int target = rootfs_open(run->root, target_of(run, m), 0, 0);

	if (target < 0)
		return phase_fail(run->err, LAUNCH_PHASE_MOUNT_TARGET, -target, target_of(run, m));
	int r = set_attributes(run, m, target);
	return r < 0 ? phase_fail(run->err, LAUNCH_PHASE_MOUNT, -r, target_of(run, m)) : 0;
}

static int attach_cgroup(struct run *run, const struct launch_mount *m)
{
	auto_close int target = open_target(run, m, true);

	return target < 0 ? target : cgroupfs_mount(run, m, target);
}

static int attach(struct run *run, uint32_t i)
{
	const struct launch_mount *m = mount_at(run, i);
	int r;

	switch (m->kind) {
	case LAUNCH_MOUNT_FS: return attach_fs(run, m);
	case LAUNCH_MOUNT_CGROUP: return attach_cgroup(run, m);
	case LAUNCH_MOUNT_REMOUNT: return remount(run, m);
	default: break;
	}
	if (run->trees[i] < 0)
		return 0; /* staged */
	r = attach_tree(run, m, run->trees[i]);
	close(take_fd(run->trees[i]));
	return r;
}

static bool can_stage(const struct run *run, uint32_t i)
{
	const struct launch_mount *m = mount_at(run, i);

	if (m->kind != LAUNCH_MOUNT_FD && m->kind != LAUNCH_MOUNT_BIND)
		return false;
	for (uint32_t k = 0; k < i; k++) {
		const struct launch_mount *earlier = mount_at(run, k);
		bool late = earlier->kind == LAUNCH_MOUNT_FS || earlier->kind == LAUNCH_MOUNT_CGROUP;
		if (late && path_is_below(target_of(run, m), target_of(run, earlier)))
			return false;
	}
	return true;
}

int mounts_attach(struct run *run, bool staged)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < run->rec->mounts.n; i++)
		if (!staged || can_stage(run, i))
			r = attach(run, i);
	return r;
}

static int finish_root(struct run *run)
{
	uint32_t prop = run->rec->root_propagation & ~(uint32_t)MS_REC;
	auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = root < 0 ? -errno : 0;

	if (r == 0 && (run->rec->flags & LAUNCH_F_ROOT_RDONLY))
		r = mounts_set(root, MOUNT_ATTR_RDONLY, 0, 0, false);
	if (r == 0 && prop)
		r = mounts_set(root, 0, 0, prop, false);
	return r < 0 ? phase_fail(run->err, LAUNCH_PHASE_ROOT, -r, "/") : 0;
}

/* The old root is made a slave first: unmounting it must not reach the host, whatever the propagation. */
static int pivot(struct run *run)
{
	auto_close int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (old < 0 || fchdir(run->root) < 0 || sys_pivot_root(".", ".") < 0 || fchdir(old) < 0 ||
		mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0 || umount2(".", MNT_DETACH) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_PIVOT, "pivot_root");
	return 0;
}

int mounts_enter(struct run *run)
{
	int r = 0;

	if (!(run->rec->flags & LAUNCH_F_NO_PIVOT))
		r = pivot(run);
	else if (fchdir(run->root) < 0 || chroot(".") < 0)
		r = phase_errno(run->err, LAUNCH_PHASE_PIVOT, "chroot");
	if (r < 0)
		return r;
	if (chdir("/") < 0)
		return phase_errno(run->err, LAUNCH_PHASE_PIVOT, "/");
	return finish_root(run);
}
