/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/rootfs/copy.h"

#include "lib/base/cleanup.h"
#include "lib/base/sys.h"
#include "lib/rootfs/attrs.h"
#include "lib/rootfs/data.h"
#include "lib/rootfs/links.h"
#include "lib/rootfs/resolve.h"
#include "lib/rootfs/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define LINKS_MAX   100000
#define CHECK_EVERY 64
#define BUF_SIZE    (ROOTFS_DATA_BUFFER + ROOTFS_XATTR_LIST_MAX + ROOTFS_XATTR_VALUE_MAX)

struct copy {
	struct rootfs_walk src, dst; /* in step */
	int dst_top;
	struct rootfs_copy_options options;
	struct rootfs_links links;
	struct rootfs_data_ways ways;
	struct rootfs_copied done;
	char *buf;
};

/* Internal: the entry exists and stays as it is. */
#define KEPT 1

static int fail(struct copy *c, int r, const char *name, struct error *err)
{
	const char *dir = c->src.path_n < 200 ? c->src.path : "…";
	const char *slash = dir[0] ? "/" : "";

	if (r == -EXDEV)
		return error_set(err, ERROR_CONFLICT, EXDEV,
			"cannot copy '%s%s%s': something is mounted on it", dir, slash, name);
	if (r == -EMLINK)
		return error_set(err, ERROR_EXHAUSTED, EMLINK,
			"cannot copy '%s%s%s': too many files with several names", dir, slash, name);
	if (r == -ECANCELED)
		return error_set(err, ERROR_CANCELLED, ECANCELED, "copying was cancelled");
	if (r == -ETIMEDOUT)
		return error_set(err, ERROR_TIMEOUT, ETIMEDOUT, "copying took too long");
	return error_sys(err, -r, "cannot copy '%s%s%s'", dir, slash, name);
}

/* ---- one entry -------------------------------------------------------------------- */

/* type is what the directory said; what is opened must be of that type still.  A device is never opened for
 * real unless someone swaps it in right here; O_NONBLOCK keeps even that from waiting. */
static int open_source(struct copy *c, const char *name, unsigned char type, struct stat *st)
{
	bool real = type == DT_REG || type == DT_DIR;
	struct sys_open_how how = {
		.flags = O_NOFOLLOW | O_CLOEXEC | (real ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH),
		.resolve = SYS_RESOLVE_BENEATH | (c->options.cross_mounts ? 0 : SYS_RESOLVE_NO_XDEV),
	};

	auto_close int fd = sys_openat2(rootfs_walk_fd(&c->src), name, &how);
	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? -ESTALE : -errno;
	if (fstat(fd, st) < 0)
		return -errno;
	return IFTODT(st->st_mode) == type ? take_fd(fd) : -ESTALE;
}

/* Makes the way free for a new entry: 0 when it may be made, KEPT when the old one stays. */
static int clear_way(struct copy *c, const char *name)
{
	if (!c->options.replace)
		return KEPT;
	return unlinkat(rootfs_walk_fd(&c->dst), name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static int set_times_at(int dirfd, const char *name, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	return utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* Owner before attributes (chown drops security.capability), mode after them (an ACL changes it). */
static int finish_open(struct copy *c, int src, int dst, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	int r = rootfs_set_owner_mode(dst, st);
	if (r == 0)
		r = rootfs_copy_xattrs(src, dst, c->buf + ROOTFS_DATA_BUFFER);
	if (r == 0)
		r = rootfs_set_owner_mode(dst, st);
	if (r == 0 && futimens(dst, times) < 0)
		r = -errno;
	return r;
}

static int copy_file(struct copy *c, const char *name, int src, const struct stat *st)
{
	uint64_t bytes = 0;
	int dir = rootfs_walk_fd(&c->dst);
	int fd = -1;

	for (int i = 0; i < 2 && fd < 0; i++) {
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0)
			break;
		int r = errno == EEXIST ? clear_way(c, name) : -errno;
		if (r != 0)
			return r;
	}
	auto_close int dst = fd;
	if (dst < 0)
		return -EEXIST;
	int r = rootfs_copy_data(src, dst, st, &c->ways, c->buf, &bytes);
	c->done.bytes += bytes;
	return r < 0 ? r : finish_open(c, src, dst, st);
}

static int make_special(int dir, const char *name, int src, const struct stat *st)
{
	char target[PATH_MAX];

	if (!S_ISLNK(st->st_mode))
		return mknodat(dir, name, st->st_mode, st->st_rdev) < 0 ? -errno : 0;
	ssize_t n = readlinkat(src, "", target, sizeof target);
	if (n < 0)
		return -errno;
	if ((size_t)n == sizeof target)
		return -ENAMETOOLONG;
	target[n] = '\0';
	return symlinkat(target, dir, name) < 0 ? -errno : 0;
}

static int copy_special(struct copy *c, const char *name, int src, const struct stat *st)
{
	int dir = rootfs_walk_fd(&c->dst);

	int r = make_special(dir, name, src, st);
	if (r == -EEXIST) {
		r = clear_way(c, name);
		if (r == 0)
			r = make_special(dir, name, src, st);
	}
	if (r != 0)
		return r;
	r = rootfs_set_owner_mode_at(dir, name, st);
	return r < 0 ? r : set_times_at(dir, name, st);
}

static int path_of(const struct copy *c, const char *name, char buf[PATH_MAX])
{
	size_t n = strlen(name), slash = c->src.path_n > 0;

	if (c->src.path_n + slash + n >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(buf, c->src.path, c->src.path_n);
	buf[c->src.path_n] = '/';
	memcpy(buf + c->src.path_n + slash, name, n + 1);
	return 0;
}

/* Gives the entry the inode that was copied to path. */
static int link_to(struct copy *c, const char *path, const char *name)
{
	char base[NAME_MAX + 1];
	int parent = -1;

	int r = rootfs_parent(c->dst_top, path, &parent, base);
	if (r < 0)
		return r;
	auto_close int dir = parent;
	r = linkat(dir, base, rootfs_walk_fd(&c->dst), name, 0) < 0 ? -errno : 0;
	if (r == -EEXIST) {
		r = clear_way(c, name);
		if (r == 0 && linkat(dir, base, rootfs_walk_fd(&c->dst), name, 0) < 0)
			r = -errno;
	}
	return r;
}

/* A file that has more names: the first one is copied and remembered.  A path too long to be remembered is
 * copied for each of its names. */
static int copy_linked(struct copy *c, const char *name, int src, const struct stat *st)
{
	char path[PATH_MAX];

	const char *first = rootfs_links_find(&c->links, st->st_dev, st->st_ino);
	if (first)
		return link_to(c, first, name);
	int r = S_ISREG(st->st_mode) ? copy_file(c, name, src, st) : copy_special(c, name, src, st);
	if (r != 0 || path_of(c, name, path) < 0)
		return r;
	return rootfs_links_add(&c->links, st->st_dev, st->st_ino, path);
}

/* ---- directories -------------------------------------------------------------------- */

static int make_dir(struct copy *c, const char *name)
{
	int dir = rootfs_walk_fd(&c->dst);

	for (int i = 0; i < 2; i++) {
		if (mkdirat(dir, name, 0700) == 0 || errno == EEXIST) {
			int fd = rootfs_walk_open_dir(&c->dst, name);
			if (fd != -ENOTDIR && fd != -ELOOP)
				return fd;
		} else {
			return -errno;
		}
		int r = clear_way(c, name);
		if (r != 0)
			return r == KEPT ? -EEXIST : r;
	}
	return -EEXIST;
}

static int enter(struct copy *c, const char *name, int src)
{
	char copy[NAME_MAX + 1];
	int dst = make_dir(c, name);

	if (dst < 0) {
		close(src);
		return dst == -EEXIST && !c->options.replace ? KEPT : dst;
	}
	memcpy(copy, name, strlen(name) + 1); /* the walk's buffer goes on without us */
	int r = rootfs_walk_down(&c->dst, NULL, dst);
	if (r < 0) {
		close(src);
		return r;
	}
	return rootfs_walk_down(&c->src, copy, src);
}

/* Times of a directory are set when nothing more is put into it. */
static int finish_dir(struct copy *c)
{
	struct stat st;

	if (fstat(rootfs_walk_fd(&c->src), &st) < 0)
		return -errno;
	return finish_open(c, rootfs_walk_fd(&c->src), rootfs_walk_fd(&c->dst), &st);
}

static int leave(struct copy *c)
{
	int r = finish_dir(c);

	if (r == 0 && !rootfs_walk_at_top(&c->src)) {
		r = rootfs_walk_up(&c->dst);
		if (r == 0)
			r = rootfs_walk_up(&c->src);
	}
	return r;
}

static int copy_entry(struct copy *c, const struct rootfs_walk_entry *e)
{
	struct stat st;
	int r;

	auto_close int src = open_source(c, e->name, e->type, &st);
	if (src == -ENOENT)
		return 0;
	if (src < 0)
		return src;
	if (e->type == DT_DIR)
		r = enter(c, e->name, take_fd(src));
	else if (st.st_nlink > 1)
		r = copy_linked(c, e->name, src, &st);
	else if (e->type == DT_REG)
		r = copy_file(c, e->name, src, &st);
	else
		r = copy_special(c, e->name, src, &st);
	c->done.entries += r == 0;
	return r == KEPT ? 0 : r;
}

static int copy_all(struct copy *c, struct error *err)
{
	for (unsigned i = 0;; i++) {
		struct rootfs_walk_entry e = { .name = "." };
		int r = i % CHECK_EVERY == 0 ? rootfs_cancel_check(c->options.cancel) : 0;
		if (r == 0)
			r = rootfs_walk_next(&c->src, &e);
		if (r == 0) {
			bool top = rootfs_walk_at_top(&c->src);
			r = leave(c);
			if (r == 0 && top)
				return 0;
		} else if (r > 0) {
			r = copy_entry(c, &e);
		}
		if (r < 0)
			return fail(c, r, e.name, err);
	}
}

int rootfs_copy_tree(int src, int dst, const struct rootfs_copy_options *options, struct rootfs_copied *ret,
	struct error *err)
{
	struct copy c = { .dst_top = dst };

	if (options)
		c.options = *options;
	auto_free char *buf = malloc(BUF_SIZE);
	if (!buf)
		return error_sys(err, ENOMEM, "cannot copy");
	c.buf = buf;
	rootfs_links_init(&c.links, c.options.links_max ? c.options.links_max : LINKS_MAX);
	int r = rootfs_walk_init(&c.src, src, c.options.cross_mounts, true);
	if (r < 0)
		return error_sys(err, -r, "cannot open the directory to copy");
	r = rootfs_walk_init(&c.dst, dst, false, false);
	if (r < 0) {
		rootfs_walk_done(&c.src);
		return error_sys(err, -r, "cannot open the directory to copy into");
	}
	r = copy_all(&c, err);
	rootfs_walk_done(&c.src);
	rootfs_walk_done(&c.dst);
	rootfs_links_done(&c.links);
	if (r == 0 && ret)
		*ret = c.done;
	return r;
}
