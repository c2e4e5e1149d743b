/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/storage-vfs/copy.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "plugins/kit/call.h"
#include "plugins/kit/inodes.h"
#include "plugins/kit/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

/* A caller that gave up is noticed after so many bytes of one file. */
#define PIECE      (64 << 20)
#define BUFFER     (8 << 10)
#define XATTR_LIST 65536
#define XATTR_MAX  65536

struct copy {
	const struct gty_call *call;
	struct kit_inodes seen;
	int to[KIT_WALK_DEPTH + 1]; /* folders being filled, by depth */
	unsigned depth;             /* of the deepest one open */
	bool no_clone, no_range;
	char *xattrs, *value;
};

static bool unsupported(int sys_errno)
{
	return sys_errno == EOPNOTSUPP || sys_errno == EXDEV || sys_errno == EINVAL || sys_errno == ENOTTY ||
	       sys_errno == ENOSYS;
}

static int copy_by_buffer(int from, int to, off_t at, off_t n)
{
	char buf[BUFFER];

	while (n > 0) {
		ssize_t r = pread(from, buf, n < BUFFER ? (size_t)n : BUFFER, at);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : 0;
		for (ssize_t done = 0; done < r;) {
			ssize_t w = pwrite(to, buf + done, (size_t)(r - done), at + done);
			if (w < 0 && errno != EINTR)
				return -errno;
			done += w > 0 ? w : 0;
		}
		at += r;
		n -= r;
	}
	return 0;
}

/* 0 when all of the range was copied by the kernel, 1 when another way has to be taken from *at on. */
static int copy_by_kernel(struct copy *c, int from, int to, off_t *at, off_t end)
{
	while (*at < end && !c->no_range) {
		off_t out = *at;
		ssize_t r = copy_file_range(from, at, to, &out, (size_t)(end - *at), 0);
		if (r == 0)
			return 1;
		if (r < 0 && unsupported(errno))
			c->no_range = true;
		else if (r < 0 && errno != EINTR)
			return -errno;
	}
	return *at < end;
}

static int copy_range(struct copy *c, int from, int to, off_t at, off_t end, struct error *err)
{
	while (at < end) {
		off_t piece = end - at > PIECE ? at + PIECE : end;
		int r = kit_check_time(c->call, err);
		if (r < 0)
			return r;
		r = copy_by_kernel(c, from, to, &at, piece);
		if (r > 0)
			r = copy_by_buffer(from, to, at, piece - at);
		if (r < 0)
			return error_sys(err, -r, "cannot copy a file");
		at = piece;
	}
	return 0;
}

static int copy_content(struct copy *c, int from, int to, off_t size, struct error *err)
{
	off_t at = 0;

	if (size == 0)
		return 0;
	if (!c->no_clone) {
		if (ioctl(to, FICLONE, from) == 0)
			return 0;
		if (!unsupported(errno))
			return error_sys(err, errno, "cannot share the blocks of a file");
		c->no_clone = true;
	}
	while (at < size) {
		off_t data = lseek(from, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break; /* the rest is a hole */
		off_t hole = data < 0 ? -1 : lseek(from, data, SEEK_HOLE);
		if (data < 0 || hole < 0) {
			data = at;
			hole = size;
		}
		int r = copy_range(c, from, to, data, hole, err);
		if (r < 0)
			return r;
		at = hole;
	}
	return ftruncate(to, size) < 0 ? error_sys(err, errno, "cannot set the size of a copy") : 0;
}

static int copy_xattr(struct copy *c, const char *from, const char *to, const char *key, struct error *err)
{
	ssize_t n = getxattr(from, key, c->value, XATTR_MAX);

	if (n < 0 && errno == ENODATA)
		return 0;
	if (n < 0)
		return error_sys(err, errno, "cannot read attribute '%.100s'", key);
	if (setxattr(to, key, c->value, (size_t)n, 0) < 0 && errno != EOPNOTSUPP)
		return error_sys(err, errno, "cannot set attribute '%.100s'", key);
	return 0;
}

/* The links in /proc lead to the files themselves, symbolic links included. */
static int copy_xattrs(struct copy *c, int from_fd, int to_fd, struct error *err)
{
	char from[40], to[40];

	snprintf(from, sizeof from, "/proc/self/fd/%d", from_fd);
	snprintf(to, sizeof to, "/proc/self/fd/%d", to_fd);
	ssize_t n = listxattr(from, c->xattrs, XATTR_LIST);
	if (n < 0)
		return errno == EOPNOTSUPP ? 0
					   : error_sys(err, errno, "cannot list the attributes of a file");
	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(c->xattrs + at) + 1) {
		int r = copy_xattr(c, from, to, c->xattrs + at, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The owner comes first: changing it clears set-id bits and file capabilities. */
static int copy_attributes(struct copy *c, int from_fd, int to_fd, const struct stat *st, struct error *err)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	char path[40];

	snprintf(path, sizeof path, "/proc/self/fd/%d", to_fd);
	if (fchownat(to_fd, "", st->st_uid, st->st_gid, AT_EMPTY_PATH) < 0)
		return error_sys(err, errno, "cannot set the owner of a copy");
	if (!S_ISLNK(st->st_mode) && chmod(path, st->st_mode & 07777) < 0)
		return error_sys(err, errno, "cannot set the mode of a copy");
	int r = copy_xattrs(c, from_fd, to_fd, err);
	if (r < 0)
		return r;
	if (utimensat(AT_FDCWD, path, times, 0) < 0)
		return error_sys(err, errno, "cannot set the times of a copy");
	return 0;
}

static int copy_file(struct copy *c, const struct kit_entry *e, int to, struct error *err)
{
	auto_close int from_fd = openat(e->dirfd, e->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (from_fd < 0)
		return error_sys(err, errno, "cannot open '%.200s'", e->path);
	auto_close int to_fd = openat(
		to, e->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to_fd < 0)
		return error_sys(err, errno, "cannot make '%.200s'", e->path);
	int r = copy_content(c, from_fd, to_fd, e->st.st_size, err);
	if (r == 0)
		r = copy_attributes(c, from_fd, to_fd, &e->st, err);
	return r < 0 ? error_prefix(err, r, "copying '%.200s'", e->path) : 0;
}

static int make_special(const struct kit_entry *e, int to)
{
	char target[PATH_MAX];

	if (!S_ISLNK(e->st.st_mode))
		return mknodat(to, e->name, (e->st.st_mode & S_IFMT) | 0600, e->st.st_rdev) < 0 ? -errno : 0;
	ssize_t n = readlinkat(e->dirfd, e->name, target, sizeof target - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlinkat(target, to, e->name) < 0 ? -errno : 0;
}

static int copy_special(struct copy *c, const struct kit_entry *e, int to, struct error *err)
{
	int r = make_special(e, to);

	if (r < 0)
		return error_sys(err, -r, "cannot make '%.200s'", e->path);
	auto_close int from_fd = openat(e->dirfd, e->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	auto_close int to_fd = openat(to, e->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (from_fd < 0 || to_fd < 0)
		return error_sys(err, errno, "cannot open '%.200s'", e->path);
	r = copy_attributes(c, from_fd, to_fd, &e->st, err);
	return r < 0 ? error_prefix(err, r, "copying '%.200s'", e->path) : 0;
}

static int copy_folder(struct copy *c, const struct kit_entry *e, int to, struct error *err)
{
	if (mkdirat(to, e->name, 0700) < 0)
		return error_sys(err, errno, "cannot make '%.200s'", e->path);
	int fd = openat(to, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "cannot open '%.200s'", e->path);
	c->depth = e->depth + 1;
	c->to[c->depth] = fd;
	return KIT_WALK_ON;
}

static int copy_entry(void *ctx, const struct kit_entry *e, struct error *err)
{
	struct copy *c = ctx;
	int to = c->to[e->depth], r = 0;

	if (S_ISDIR(e->st.st_mode))
		return copy_folder(c, e, to, err);
	if (e->st.st_nlink > 1) {
		const char *first = kit_inodes_note(&c->seen, e->st.st_ino, e->path, &r);
		if (r < 0)
			return error_sys(err, -r, "cannot copy the tree");
		if (first && linkat(c->to[0], first, to, e->name, 0) < 0)
			return error_sys(err, errno, "cannot link '%.200s'", e->path);
		if (first)
			return 0;
	}
	return S_ISREG(e->st.st_mode) ? copy_file(c, e, to, err) : copy_special(c, e, to, err);
}

/* A folder's times are set when nothing more is put into it. */
static int leave_folder(void *ctx, const struct kit_entry *e, struct error *err)
{
	struct copy *c = ctx;
	auto_close int to_fd = c->to[c->depth--];
	auto_close int from_fd = kit_walk_open(e->dirfd, e->name);

	if (from_fd < 0)
		return error_sys(err, -from_fd, "cannot open '%.200s'", e->path);
	int r = copy_attributes(c, from_fd, to_fd, &e->st, err);
	return r < 0 ? error_prefix(err, r, "copying '%.200s'", e->path) : 0;
}

static int copy_all(struct copy *c, int from_fd, struct error *err)
{
	struct kit_walk walk = { .entry = copy_entry, .leave = leave_folder, .ctx = c, .call = c->call };
	struct stat st;
	int r = kit_walk(from_fd, &walk, err);

	if (r == 0 && fstat(from_fd, &st) < 0)
		r = error_sys(err, errno, "cannot look at the tree");
	return r < 0 ? r : copy_attributes(c, from_fd, c->to[0], &st, err);
}

int copy_tree(int from_fd, int to_fd, const struct gty_call *call, struct error *err)
{
	auto_free char *buffers = malloc(XATTR_LIST + XATTR_MAX);
	auto_free struct copy *c = calloc(1, sizeof *c);

	if (!buffers || !c)
		return error_sys(err, ENOMEM, "cannot copy the tree");
	c->call = call;
	c->seen = KIT_INODES_INIT;
	c->to[0] = to_fd;
	c->xattrs = buffers;
	c->value = buffers + XATTR_LIST;
	int r = copy_all(c, from_fd, err);
	for (; c->depth > 0; c->depth--)
		close(c->to[c->depth]);
	kit_inodes_done(&c->seen);
	return r;
}
