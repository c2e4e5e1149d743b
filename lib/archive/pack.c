/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/archive/pack.h"

#include "lib/archive/tar_write.h"
#include "lib/archive/whiteout.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/sys.h"
#include "lib/rootfs/attrs.h"
#include "lib/rootfs/links.h"
#include "lib/rootfs/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define LINKS_MAX   100000
#define CHECK_EVERY 64
#define XATTRS_MAX  64
#define VALUES_SIZE (2 * ROOTFS_XATTR_VALUE_MAX)

struct pack {
	struct rootfs_walk walk;
	const struct archive_pack_options *options;
	const char *as;
	struct tar_writer *tar;
	struct rootfs_links links;
	struct archive_packed done;
	char *names, *values; /* of extended attributes */
	struct tar_xattr xattrs[XATTRS_MAX];
};

static int fail(int r, const char *path, struct error *err)
{
	if (r == -ECANCELED)
		return error_set(err, ERROR_CANCELLED, ECANCELED, "packing was cancelled");
	if (r == -ETIMEDOUT)
		return error_set(err, ERROR_TIMEOUT, ETIMEDOUT, "packing took too long");
	return error_sys(err, -r, "cannot pack '%.300s'", path);
}

/* ---- one entry --------------------------------------------------------------------------- */

/* type is what the directory said; 0, with *ret_fd -1, when the entry is gone or another one by now. */
static int open_entry(
	const struct pack *p, int dirfd, const char *name, unsigned char type, int *ret_fd, struct stat *st)
{
	bool real = type == DT_REG || type == DT_DIR;
	struct sys_open_how how = {
		.flags = O_NOFOLLOW | O_CLOEXEC | (real ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH),
		.resolve = SYS_RESOLVE_BENEATH | (p->options->cross_mounts ? 0 : SYS_RESOLVE_NO_XDEV),
	};

	*ret_fd = -1;
	auto_close int fd = sys_openat2(dirfd, name, &how);
	if (fd < 0)
		return errno == ENOENT || errno == ELOOP || errno == ENXIO ? 0 : -errno;
	if (fstat(fd, st) < 0)
		return -errno;
	if (IFTODT(st->st_mode) == type)
		*ret_fd = take_fd(fd);
	return 0;
}

/* Values lie behind each other in p->values; what does not fit any more is an error, not left out. */
static int read_xattrs(struct pack *p, int fd, struct tar_entry *e)
{
	ssize_t n = flistxattr(fd, p->names, ROOTFS_XATTR_LIST_MAX);
	size_t used = 0;

	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	for (const char *name = p->names; name < p->names + n; name += strlen(name) + 1) {
		if (!rootfs_xattr_allowed(name))
			continue;
		if (e->n_xattrs == XATTRS_MAX)
			return -E2BIG;
		ssize_t size = fgetxattr(fd, name, p->values + used, VALUES_SIZE - used);
		if (size < 0 && errno == ENODATA)
			continue;
		if (size < 0)
			return -errno;
		p->xattrs[e->n_xattrs++] = (struct tar_xattr){ name, p->values + used, (size_t)size };
		used += (size_t)size;
	}
	e->xattrs = p->xattrs;
	return 0;
}

static int tar_type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return TAR_FILE;
	case S_IFDIR: return TAR_DIR;
	case S_IFLNK: return TAR_SYMLINK;
	case S_IFCHR: return TAR_CHAR;
	case S_IFBLK: return TAR_BLOCK_DEVICE;
	case S_IFIFO: return TAR_FIFO;
	default: return 0;
	}
}

static struct tar_entry entry_of(const char *path, const struct stat *st)
{
	return (struct tar_entry){ .type = (enum tar_type)tar_type_of(st->st_mode),
		.name = path,
		.link = "",
		.mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.major = major(st->st_rdev),
		.minor = minor(st->st_rdev),
		.mtime = st->st_mtim };
}

/* An earlier name of the same file, or NULL after it was remembered. */
static int find_link(struct pack *p, const char *path, const struct stat *st, const char **ret)
{
	*ret = NULL;
	if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
		return 0;
	*ret = rootfs_links_find(&p->links, st->st_dev, st->st_ino);
	return *ret ? 0 : rootfs_links_add(&p->links, st->st_dev, st->st_ino, path);
}

static int write_link(struct pack *p, const char *path, int fd, const struct stat *st, struct error *err)
{
	struct tar_entry e = entry_of(path, st);
	char target[PATH_MAX];
	const char *first;

	int r = find_link(p, path, st, &first);
	if (r < 0)
		return fail(r, path, err);
	if (first) {
		e.type = TAR_HARDLINK;
		e.link = first;
	} else if (e.type == TAR_SYMLINK) {
		ssize_t n = readlinkat(fd, "", target, sizeof target - 1);
		if (n < 0)
			return fail(-errno, path, err);
		target[n] = '\0';
		e.link = target;
	} else if (e.type == TAR_FILE) {
		e.size = (uint64_t)st->st_size;
		r = read_xattrs(p, fd, &e);
		if (r < 0)
			return fail(r, path, err);
	}
	r = tar_writer_entry(p->tar, &e, err);
	if (r == 0 && e.type == TAR_FILE)
		r = tar_writer_file(p->tar, fd, e.size, err);
	p->done.entries += r == 0;
	return r;
}

/* An empty file that says something by its name. */
static int write_mark(struct pack *p, const char *path, const struct stat *st, struct error *err)
{
	struct tar_entry e = entry_of(path, st);

	e.type = TAR_FILE;
	e.mode = 0;
	p->done.entries++;
	return tar_writer_entry(p->tar, &e, err);
}

static bool is_opaque(const struct pack *p, int fd)
{
	const char *name = p->options->whiteouts == ARCHIVE_WHITEOUT_OVERLAY ? "trusted.overlay.opaque"
									     : "user.overlay.opaque";
	char value[2];

	if (p->options->whiteouts != ARCHIVE_WHITEOUT_OVERLAY &&
		p->options->whiteouts != ARCHIVE_WHITEOUT_OVERLAY_USER)
		return false;
	return fgetxattr(fd, name, value, sizeof value) == 1 && value[0] == 'y';
}

static int write_dir(struct pack *p, const char *path, int fd, const struct stat *st, struct error *err)
{
	char with[PATH_MAX + 16];

	int r = path_format(with, sizeof with, "%s/", path);
	struct tar_entry e = entry_of(with, st);
	if (r == 0)
		r = read_xattrs(p, fd, &e);
	if (r < 0)
		return fail(r, path, err);
	r = tar_writer_entry(p->tar, &e, err);
	p->done.entries += r == 0;
	if (r < 0 || !is_opaque(p, fd))
		return r;
	r = path_format(with, sizeof with, "%s/.wh..wh..opq", path);
	return r < 0 ? fail(r, path, err) : write_mark(p, with, st, err);
}

/* What marks a deleted file, or belongs to the driver alone: 1 when the entry has been dealt with. */
static int take_mark(
	struct pack *p, const char *path, const char *name, const struct stat *st, struct error *err)
{
	enum archive_whiteouts style = p->options->whiteouts;
	char mark[PATH_MAX + 8];
	const char *deleted;

	if (style == ARCHIVE_WHITEOUT_AUFS)
		return whiteout_classify(name, &deleted) == WHITEOUT_IGNORE;
	if ((style != ARCHIVE_WHITEOUT_OVERLAY && style != ARCHIVE_WHITEOUT_OVERLAY_USER) ||
		!whiteout_is_mark(st))
		return 0;
	int dir = (int)(path_base(path) - path);
	int r = path_format(mark, sizeof mark, "%.*s.wh.%s", dir, path, name);
	r = r < 0 ? fail(r, path, err) : write_mark(p, mark, st, err);
	return r < 0 ? r : 1;
}

/* ---- the tree --------------------------------------------------------------------------------- */

static int path_of(const struct pack *p, const char *name, char buf[PATH_MAX])
{
	const char *as = p->as, *dir = p->walk.path ? p->walk.path : "";

	return path_format(buf, PATH_MAX, "%s%s%s%s%s", as, as[0] ? "/" : "", dir, dir[0] ? "/" : "", name);
}

static int enter(struct pack *p, const char *path, const char *name, int opened, const struct stat *st,
	struct error *err)
{
	auto_close int fd = opened;
	char copy[NAME_MAX + 1];

	int r = write_dir(p, path, fd, st, err);
	if (r < 0)
		return r;
	memcpy(copy, name, strlen(name) + 1); /* name lies in the walk's buffer */
	r = rootfs_walk_down(&p->walk, copy, take_fd(fd));
	return r < 0 ? fail(r, path, err) : 0;
}

/* A mount point, as the directory that it is from outside. */
static int write_mount_point(struct pack *p, const char *path, const char *name, struct error *err)
{
	char with[PATH_MAX + 1];
	struct stat st;

	if (fstatat(rootfs_walk_fd(&p->walk), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(-errno, path, err);
	if (!S_ISDIR(st.st_mode))
		return write_mark(p, path, &st, err);
	int r = path_format(with, sizeof with, "%s/", path);
	struct tar_entry e = entry_of(with, &st);
	if (r < 0)
		return fail(r, path, err);
	p->done.entries++;
	return tar_writer_entry(p->tar, &e, err);
}

static int take(struct pack *p, const struct rootfs_walk_entry *w, struct error *err)
{
	char path[PATH_MAX];
	struct stat st;
	int opened = -1;

	if (w->type == DT_SOCK)
		return 0;
	int r = path_of(p, w->name, path);
	if (r == 0)
		r = open_entry(p, rootfs_walk_fd(&p->walk), w->name, w->type, &opened, &st);
	if (r == -EXDEV)
		return write_mount_point(p, path, w->name, err);
	if (r < 0)
		return fail(r, w->name, err);
	auto_close int fd = opened;
	if (fd < 0)
		return 0;
	r = take_mark(p, path, w->name, &st, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (w->type == DT_DIR)
		return enter(p, path, w->name, take_fd(fd), &st, err);
	return write_link(p, path, fd, &st, err);
}

static int pack_content(struct pack *p, int dirfd, struct error *err)
{
	struct rootfs_walk_entry e;

	int r = rootfs_walk_init(&p->walk, dirfd, p->options->cross_mounts, true);
	for (unsigned i = 0; r >= 0; i++) {
		r = i % CHECK_EVERY == 0 ? rootfs_cancel_check(p->options->cancel) : 0;
		if (r == 0)
			r = rootfs_walk_next(&p->walk, &e);
		if (r == 0 && rootfs_walk_at_top(&p->walk))
			return 0;
		if (r == 0) {
			r = rootfs_walk_up(&p->walk);
		} else if (r > 0) {
			r = take(p, &e, err);
			if (r < 0)
				return r;
		}
	}
	return fail(r, p->walk.path && p->walk.path[0] ? p->walk.path : ".", err);
}

static int pack_entry(struct pack *p, int dirfd, const char *name, struct error *err)
{
	struct stat st;
	int opened = -1;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(-errno, name, err);
	if (S_ISSOCK(st.st_mode))
		return error_invalid(err, "cannot pack '%.200s': sockets have no place in an archive", name);
	int r = open_entry(p, dirfd, name, (unsigned char)IFTODT(st.st_mode), &opened, &st);
	if (r == 0 && opened < 0)
		r = -ESTALE;
	if (r < 0)
		return fail(r, name, err);
	auto_close int fd = opened;
	if (!S_ISDIR(st.st_mode))
		return write_link(p, p->as, fd, &st, err);
	r = write_dir(p, p->as, fd, &st, err);
	return r < 0 ? r : pack_content(p, fd, err);
}

static int run(struct pack *p, int dirfd, const char *name, struct error *err)
{
	int r = name ? pack_entry(p, dirfd, name, err) : pack_content(p, dirfd, err);

	return r < 0 ? r : tar_writer_end(p->tar, &p->done.bytes, err);
}

int archive_pack(int dirfd, const char *name, const char *as, int out,
	const struct archive_pack_options *options, struct archive_packed *ret, struct error *err)
{
	auto_free struct pack *p = calloc(1, sizeof *p);
	auto_free char *names = malloc(ROOTFS_XATTR_LIST_MAX), *values = malloc(VALUES_SIZE);

	if (!p || !names || !values)
		return error_sys(err, ENOMEM, "cannot pack");
	p->options = options;
	p->as = as;
	p->names = names;
	p->values = values;
	for (size_t i = 0; i < ROOTFS_WALK_WINDOW; i++)
		p->walk.slots[i].fd = -1;
	rootfs_links_init(&p->links, options->links_max ? options->links_max : LINKS_MAX);
	int r = tar_writer_new(out, &p->tar, err);
	if (r == 0)
		r = run(p, dirfd, name, err);
	tar_writer_free(p->tar);
	rootfs_walk_done(&p->walk);
	rootfs_links_done(&p->links);
	if (r == 0 && ret)
		*ret = p->done;
	return r;
}
