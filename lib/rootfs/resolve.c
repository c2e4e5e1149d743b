/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/rootfs/resolve.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#define PROC_MAGIC     0x9fa0
#define AGAIN_MAX      512 /* openat2 gives up on ".." while anything is renamed or mounted */
#define RACE_MAX       64  /* entries that vanish or appear between two calls */
#define PARENT_MODE    0755
#define RESOLVE_COMMON SYS_RESOLVE_NO_MAGICLINKS

static int open_resolved(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct sys_open_how how = { .resolve = resolve | RESOLVE_COMMON };

	if (flags == 0)
		flags = O_PATH;
	if (!(flags & O_PATH))
		flags |= O_NOCTTY;
	how.flags = (uint64_t)(unsigned)flags | O_CLOEXEC;
	if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE)
		how.mode = mode & 07777;
	for (int i = 0; i < AGAIN_MAX; i++) {
		int fd = sys_openat2(dirfd, *path ? path : ".", &how);
		if (fd >= 0)
			return fd;
		if (errno == EAGAIN)
			sched_yield();
		else if (errno != EINTR)
			return -errno;
	}
	return -EAGAIN;
}

int rootfs_open(int rootfd, const char *path, int flags, mode_t mode)
{
	return open_resolved(rootfd, path, flags, mode, SYS_RESOLVE_IN_ROOT);
}

int rootfs_open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
	return open_resolved(dirfd, path, flags, mode, SYS_RESOLVE_BENEATH);
}

/* One name in a directory that is already open: cannot leave it. */
static int open_child(int dir, const char *name, int flags)
{
	return open_resolved(dir, name, flags | O_NOFOLLOW, 0, SYS_RESOLVE_BENEATH);
}

static bool same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

int rootfs_open_file(int rootfd, const char *path)
{
	struct stat seen, got;

	auto_close int found = rootfs_open(rootfd, path, O_PATH, 0);
	if (found < 0)
		return found;
	int r = rootfs_check_file(found);
	if (r < 0)
		return r;
	auto_close int fd = fd_reopen(found, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd == -ENOENT || fd == -ENOTDIR)
		fd = rootfs_open(rootfd, path, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	if (fstat(found, &seen) < 0 || fstat(fd, &got) < 0)
		return -errno;
	if (!same_inode(&seen, &got) || !S_ISREG(got.st_mode))
		return -EAGAIN;
	return take_fd(fd);
}

/* ---- walking with creation ---------------------------------------------------- */

/*
 * The walk of mkdirs and mkfile.  openat2 cannot create, so components are taken one by one: `cur` is the
 * directory reached, `done` its path from the root as text (without symlinks when nobody races), `rest` what
 * is still to be taken.  ".." is never opened in `cur`, which may have been moved meanwhile: `done` is
 * shortened and resolved again from the root.
 */
struct creation {
	int rootfd, cur;
	bool beneath; /* leaving is an error */
	int links;
	uid_t uid;
	gid_t gid;
	size_t done_n;
	char done[PATH_MAX], rest[PATH_MAX];
};

static int creation_init(struct creation *c, int rootfd, const char *path, bool beneath, uid_t uid, gid_t gid)
{
	size_t n = strlen(path);

	if (n >= sizeof c->rest)
		return -ENAMETOOLONG;
	if (beneath && path[0] == '/')
		return -EXDEV;
	c->rootfd = rootfd;
	c->beneath = beneath;
	c->links = 0;
	c->uid = uid;
	c->gid = gid;
	c->done_n = 0;
	c->done[0] = '\0';
	memcpy(c->rest, path, n + 1);
	c->cur = open_resolved(rootfd, ".", O_PATH | O_DIRECTORY, 0, SYS_RESOLVE_IN_ROOT);
	return c->cur < 0 ? c->cur : 0;
}

static void set_cur(struct creation *c, int fd)
{
	if (c->cur >= 0)
		close(c->cur);
	c->cur = fd;
}

/* Cuts the next component off rest; returns false at the end. */
static int next_name(struct creation *c, char name[NAME_MAX + 1])
{
	char *p = c->rest + strspn(c->rest, "/");
	size_t n = strcspn(p, "/");

	if (n == 0)
		return 0;
	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, p, n);
	name[n] = '\0';
	p += n;
	memmove(c->rest, p, strlen(p) + 1);
	return 1;
}

static bool rest_is_empty(const struct creation *c)
{
	return c->rest[strspn(c->rest, "/")] == '\0';
}

static int go_to_root(struct creation *c)
{
	int fd = open_resolved(c->rootfd, ".", O_PATH | O_DIRECTORY, 0, SYS_RESOLVE_IN_ROOT);

	if (fd < 0)
		return fd;
	set_cur(c, fd);
	c->done_n = 0;
	c->done[0] = '\0';
	return 0;
}

static int go_up(struct creation *c)
{
	if (c->done_n == 0)
		return c->beneath ? -EXDEV : 0;
	while (c->done_n > 0 && c->done[--c->done_n] != '/')
		;
	c->done[c->done_n] = '\0';
	int fd = open_resolved(c->rootfd, c->done, O_PATH | O_DIRECTORY, 0, SYS_RESOLVE_IN_ROOT);
	if (fd < 0)
		return fd;
	set_cur(c, fd);
	return 0;
}

/* Takes ownership of fd. */
static int go_down(struct creation *c, const char *name, int fd)
{
	size_t n = strlen(name), slash = c->done_n > 0;

	if (c->done_n + slash + n >= sizeof c->done) {
		close(fd);
		return -ENAMETOOLONG;
	}
	if (slash)
		c->done[c->done_n++] = '/';
	memcpy(c->done + c->done_n, name, n + 1);
	c->done_n += n;
	set_cur(c, fd);
	return 0;
}

/* Puts the text of the symlink before rest. */
static int follow(struct creation *c, int link)
{
	char target[PATH_MAX];
	struct statfs fs;

	if (++c->links > ROOTFS_LINKS_MAX)
		return -ELOOP;
	/* The text of a link of procfs does not say where the kernel would go. */
	if (fstatfs(link, &fs) < 0)
		return -errno;
	if (fs.f_type == PROC_MAGIC)
		return -ELOOP;
	ssize_t n = readlinkat(link, "", target, sizeof target);
	if (n < 0)
		return -errno;
	if (n == 0 || (size_t)n == sizeof target)
		return n == 0 ? -ENOENT : -ENAMETOOLONG;
	size_t rest_n = strlen(c->rest);
	if ((size_t)n + 1 + rest_n >= sizeof c->rest)
		return -ENAMETOOLONG;
	memmove(c->rest + n + 1, c->rest, rest_n + 1);
	memcpy(c->rest, target, (size_t)n);
	c->rest[n] = '/';
	if (target[0] != '/')
		return 0;
	return c->beneath ? -EXDEV : go_to_root(c);
}

static int set_owner(const struct creation *c, int fd, const struct stat *st)
{
	uid_t uid = c->uid == (uid_t)-1 ? st->st_uid : c->uid;
	gid_t gid = c->gid == (gid_t)-1 ? st->st_gid : c->gid;

	if (uid == st->st_uid && gid == st->st_gid)
		return 0;
	return fchown(fd, uid, gid) < 0 ? -errno : 0;
}

/* Owner and mode of what was just made; the owner first, since chown clears setuid. */
static int dress(const struct creation *c, int fd, mode_t mode)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	int r = set_owner(c, fd, &st);
	if (r == 0 && (st.st_mode & 07777) != mode && fchmod(fd, mode) < 0)
		r = -errno;
	return r;
}

/* Someone may put another directory of the container in the place of the new one; a full one is not ours to
 * dress. */
static bool is_new_dir(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid == geteuid() && st.st_nlink <= 2;
}

static int make_dir(struct creation *c, const char *name, mode_t mode)
{
	if (mkdirat(c->cur, name, mode) < 0)
		return errno == EEXIST ? -EAGAIN : -errno;
	auto_close int dir = open_child(c->cur, name, O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return dir == -ENOENT || dir == -ENOTDIR || dir == -ELOOP ? -EAGAIN : dir;
	if (!is_new_dir(dir))
		return -EAGAIN;
	int r = dress(c, dir, mode);
	if (r < 0)
		return r;
	int fd = open_resolved(dir, ".", O_PATH | O_DIRECTORY, 0, SYS_RESOLVE_BENEATH);
	return fd < 0 ? fd : go_down(c, name, fd);
}

/* Takes one component as a directory, made where missing.  -EAGAIN: it changed under us, take it again. */
static int take_dir(struct creation *c, const char *name, mode_t mode)
{
	struct stat st;

	auto_close int fd = open_child(c->cur, name, O_PATH);
	if (fd == -ENOENT)
		return make_dir(c, name, mode);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return follow(c, fd);
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return go_down(c, name, take_fd(fd));
}

typedef int take_fn(struct creation *c, const char *name, mode_t mode);

/* ".", ".." or a component for take, which may be repeated when it lost a race. */
static int take_name(struct creation *c, const char *name, take_fn *take, mode_t mode)
{
	int r = -EAGAIN;

	if (strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0)
		return go_up(c);
	for (int i = 0; r == -EAGAIN && i < RACE_MAX; i++)
		r = take(c, name, mode);
	return r;
}

static int make_dirs(int rootfd, const char *path, bool beneath, mode_t mode, uid_t uid, gid_t gid)
{
	struct creation c;
	char name[NAME_MAX + 1];

	int r = creation_init(&c, rootfd, path, beneath, uid, gid);
	if (r < 0)
		return r;
	while ((r = next_name(&c, name)) > 0) {
		r = take_name(&c, name, take_dir, mode);
		if (r < 0)
			break;
	}
	if (r == 0)
		return c.cur;
	close(c.cur);
	return r;
}

int rootfs_mkdirs(int rootfd, const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	int fd = rootfs_open(rootfd, path, O_PATH | O_DIRECTORY, 0);

	return fd == -ENOENT ? make_dirs(rootfd, path, false, mode, uid, gid) : fd;
}

int rootfs_mkdirs_beneath(int dirfd, const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	int fd = rootfs_open_beneath(dirfd, path, O_PATH | O_DIRECTORY, 0);

	return fd == -ENOENT ? make_dirs(dirfd, path, true, mode, uid, gid) : fd;
}

/* O_EXCL: an open file here is always one that we made. */
static int make_file(struct creation *c, const char *name, mode_t mode)
{
	struct stat made, found;

	auto_close int fd = openat(c->cur, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return errno == EEXIST ? -EAGAIN : -errno;
	int r = dress(c, fd, mode);
	if (r < 0)
		return r;
	auto_close int seen = open_child(c->cur, name, O_PATH);
	if (seen < 0)
		return seen == -ENOENT ? -EAGAIN : seen;
	if (fstat(fd, &made) < 0 || fstat(seen, &found) < 0)
		return -errno;
	if (!same_inode(&made, &found))
		return -EAGAIN;
	set_cur(c, take_fd(seen));
	return 1;
}

/* The last component: 1 when cur has become the file, 0 after a symlink. */
static int take_file(struct creation *c, const char *name, mode_t mode)
{
	struct stat st;

	auto_close int fd = open_child(c->cur, name, O_PATH);
	if (fd == -ENOENT)
		return make_file(c, name, mode);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return follow(c, fd);
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	set_cur(c, take_fd(fd));
	return 1;
}

int rootfs_mkfile(int rootfd, const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	struct creation c;
	char name[NAME_MAX + 1];

	int found = rootfs_open(rootfd, path, O_PATH, 0);
	if (found >= 0 && rootfs_check_dir(found) == 0) {
		close(found);
		return -EISDIR;
	}
	if (found != -ENOENT)
		return found;
	int r = creation_init(&c, rootfd, path, false, uid, gid);
	if (r < 0)
		return r;
	while ((r = next_name(&c, name)) > 0) {
		bool last = rest_is_empty(&c);
		r = take_name(&c, name, last ? take_file : take_dir, last ? mode : PARENT_MODE);
		if (r != 0)
			break;
	}
	if (r > 0)
		return c.cur;
	close(c.cur);
	return r == 0 ? -EISDIR : r; /* the path ended in a directory */
}

/* ---- looking -------------------------------------------------------------------- */

int rootfs_parent(int rootfd, const char *path, int *ret_parent, char ret_name[NAME_MAX + 1])
{
	char dir[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof dir)
		return -ENAMETOOLONG;
	while (n > 0 && path[n - 1] == '/')
		n--;
	size_t start = n;
	while (start > 0 && path[start - 1] != '/')
		start--;
	const char *name = path + start;
	size_t name_n = n - start;
	if (name_n > NAME_MAX)
		return -ENAMETOOLONG;
	bool whole = name_n == 0 || (name_n == 1 && name[0] == '.') ||
		     (name_n == 2 && memcmp(name, "..", 2) == 0);
	size_t dir_n = whole ? n : start;
	memcpy(dir, path, dir_n);
	dir[dir_n] = '\0';
	int fd = rootfs_open(rootfd, dir, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	memcpy(ret_name, whole ? "." : name, whole ? 1 : name_n);
	ret_name[whole ? 1 : name_n] = '\0';
	*ret_parent = fd;
	return 0;
}

ssize_t rootfs_readlink(int rootfd, const char *path, char *buf, size_t size)
{
	struct stat st;

	auto_close int fd = rootfs_open(rootfd, path, O_PATH | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISLNK(st.st_mode))
		return -EINVAL;
	ssize_t n = readlinkat(fd, "", buf, size);
	if (n < 0)
		return -errno;
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	buf[n] = '\0';
	return n;
}

int rootfs_check_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG: return 0;
	case S_IFDIR: return -EISDIR;
	case S_IFLNK: return -ELOOP;
	default: return -EINVAL;
	}
}

int rootfs_check_dir(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int rootfs_check_device(int fd, unsigned major, unsigned minor)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISCHR(st.st_mode) && st.st_rdev == makedev(major, minor) ? 0 : -ENODEV;
}

int rootfs_check_procfs(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return -errno;
	return fs.f_type == PROC_MAGIC ? 0 : -EXDEV;
}
