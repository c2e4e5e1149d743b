/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/archive/whiteout.h"

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/rootfs/remove.h"
#include "lib/rootfs/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define PREFIX      ".wh."
#define PREFIX_N    4
#define META_PREFIX ".wh..wh."
#define META_N      8
#define OPAQUE_NAME ".wh..wh..opq"

enum whiteout_kind whiteout_classify(const char *path, const char **ret_name)
{
	const char *base = path_base(path);

	for (const char *p = path; p < base; p += strcspn(p, "/") + 1) {
		if (strncmp(p, META_PREFIX, META_N) == 0)
			return WHITEOUT_IGNORE;
		if (strncmp(p, PREFIX, PREFIX_N) == 0)
			return WHITEOUT_WRONG;
	}
	if (strncmp(base, PREFIX, PREFIX_N) != 0)
		return WHITEOUT_NOT;
	if (strcmp(base, OPAQUE_NAME) == 0)
		return WHITEOUT_OPAQUE;
	if (strncmp(base, META_PREFIX, META_N) == 0)
		return WHITEOUT_IGNORE;
	const char *name = base + PREFIX_N;
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return WHITEOUT_WRONG;
	*ret_name = name;
	return WHITEOUT_DELETE;
}

bool whiteout_is_mark(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static bool is_overlay(const struct whiteouts *w)
{
	return w->style == ARCHIVE_WHITEOUT_OVERLAY || w->style == ARCHIVE_WHITEOUT_OVERLAY_USER;
}

static int fail(int r, const char *name, struct error *err)
{
	return error_sys(err, -r, "cannot mark '%s' as deleted", name);
}

/* ---- full copy: deleting ------------------------------------------------------------- */

/* Goes through the tree that the walk stands at the top of and deletes what this layer did not bring. */
static int purge(struct whiteouts *w, struct rootfs_walk *walk, struct error *err)
{
	struct rootfs_walk_entry e;
	struct stat st;

	for (;;) {
		int r = rootfs_walk_next(walk, &e);
		if (r == 0 && rootfs_walk_at_top(walk))
			return 0;
		if (r == 0) {
			r = rootfs_walk_up(walk);
			if (r < 0)
				return fail(r, "..", err);
			continue;
		}
		if (r < 0 || fstatat(rootfs_walk_fd(walk), e.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return fail(r < 0 ? r : -errno, ".", err);
		if (!inodes_has(&w->ours, st.st_ino)) {
			r = rootfs_remove_tree(rootfs_walk_fd(walk), e.name, w->cancel, err);
			if (r < 0)
				return r;
		} else if (S_ISDIR(st.st_mode)) {
			int fd = rootfs_walk_open_dir(walk, e.name);
			r = fd < 0 ? fd : rootfs_walk_down(walk, NULL, fd);
			if (r < 0)
				return fail(r, e.name, err);
		}
	}
}

static int purge_dir(struct whiteouts *w, int dirfd, struct error *err)
{
	struct rootfs_walk walk;

	int r = rootfs_walk_init(&walk, dirfd, false, false);
	if (r < 0)
		return fail(r, ".", err);
	r = purge(w, &walk, err);
	rootfs_walk_done(&walk);
	return r;
}

static int open_child(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int delete_below(struct whiteouts *w, int dirfd, const char *name, struct error *err)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail(-errno, name, err);
	if (!inodes_has(&w->ours, st.st_ino))
		return rootfs_remove_tree(dirfd, name, w->cancel, err);
	if (!S_ISDIR(st.st_mode))
		return 0;
	auto_close int fd = open_child(dirfd, name);
	return fd < 0 ? fail(fd, name, err) : purge_dir(w, fd, err);
}

/* ---- marks ------------------------------------------------------------------------------ */

static int make_empty(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);

	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	close(fd);
	return 0;
}

static int set_opaque(struct whiteouts *w, int dirfd)
{
	const char *name = w->style == ARCHIVE_WHITEOUT_OVERLAY ? "trusted.overlay.opaque"
								: "user.overlay.opaque";

	if (w->style == ARCHIVE_WHITEOUT_AUFS)
		return make_empty(dirfd, OPAQUE_NAME);
	return fsetxattr(dirfd, name, "y", 1, 0) < 0 ? -errno : 0;
}

/* The layer has an entry of that name itself: it hides what is below, and a directory has to be told so. */
static int mark_existing(struct whiteouts *w, int dirfd, const char *name, const struct stat *st)
{
	if (!S_ISDIR(st->st_mode))
		return 0;
	auto_close int fd = open_child(dirfd, name);
	return fd < 0 ? fd : set_opaque(w, fd);
}

static int mark(struct whiteouts *w, int dirfd, const char *name)
{
	char file[NAME_MAX + 1];
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return mark_existing(w, dirfd, name, &st);
	if (errno != ENOENT)
		return -errno;
	w->made = true;
	if (is_overlay(w))
		return mknodat(dirfd, name, S_IFCHR, makedev(0, 0)) < 0 ? -errno : 0;
	int r = path_format(file, sizeof file, PREFIX "%s", name);
	return r < 0 ? r : make_empty(dirfd, file);
}

int whiteout_delete(struct whiteouts *w, int dirfd, const char *name, struct error *err)
{
	if (w->style == ARCHIVE_WHITEOUT_APPLY)
		return delete_below(w, dirfd, name, err);
	int r = mark(w, dirfd, name);
	return r < 0 ? fail(r, name, err) : 0;
}

int whiteout_opaque(struct whiteouts *w, int dirfd, struct error *err)
{
	if (w->style == ARCHIVE_WHITEOUT_APPLY)
		return purge_dir(w, dirfd, err);
	int r = set_opaque(w, dirfd);
	return r < 0 ? error_sys(err, -r, "cannot mark a directory as opaque") : 0;
}

int whiteout_lift(struct whiteouts *w, int dirfd, const char *name)
{
	char file[NAME_MAX + 1];
	struct stat st;

	if (!w->made)
		return 0;
	if (is_overlay(w)) {
		if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !whiteout_is_mark(&st))
			return 0;
		return unlinkat(dirfd, name, 0) < 0 ? -errno : 1;
	}
	if (path_format(file, sizeof file, PREFIX "%s", name) < 0 || unlinkat(dirfd, file, 0) < 0)
		return 0;
	return 1;
}
