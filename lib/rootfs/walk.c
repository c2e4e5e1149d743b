/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/rootfs/walk.h"

#include "lib/base/cleanup.h"
#include "lib/base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define BUF_SIZE 16384
#define NO_ENTRY ((size_t)-1)

/* linux_dirent64, which only glibc declares under that layout */
struct dirent_raw {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

struct rootfs_walk_level {
	dev_t dev;
	ino_t ino;
	int64_t off; /* where reading goes on */
	size_t path_n;
};

static struct rootfs_walk_slot *slot_of(struct rootfs_walk *w, size_t level)
{
	return &w->slots[level % ROOTFS_WALK_WINDOW];
}

static const struct rootfs_walk_slot *top_slot(const struct rootfs_walk *w)
{
	return &w->slots[(w->depth - 1) % ROOTFS_WALK_WINDOW];
}

static int open_dir(int dirfd, const char *name, uint64_t resolve)
{
	struct sys_open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		.resolve = resolve | SYS_RESOLVE_NO_SYMLINKS };
	int fd;

	do
		fd = sys_openat2(dirfd, name, &how);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

static void set_slot(struct rootfs_walk_slot *s, int fd)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = fd;
	s->at = s->n = 0;
	s->current = NO_ENTRY;
}

static int grow(void **array, size_t *room, size_t need, size_t item)
{
	size_t n = *room ? *room : 64;

	if (need <= *room)
		return 0;
	while (n < need)
		n *= 2;
	void *bigger = realloc(*array, n * item);
	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	*room = n;
	return 0;
}

static int append_path(struct rootfs_walk *w, const char *name)
{
	size_t n = strlen(name), slash = w->path_n > 0;

	int r = grow((void **)&w->path, &w->path_room, w->path_n + slash + n + 1, 1);
	if (r < 0)
		return r;
	if (slash)
		w->path[w->path_n++] = '/';
	memcpy(w->path + w->path_n, name, n + 1);
	w->path_n += n;
	return 0;
}

int rootfs_walk_down(struct rootfs_walk *w, const char *name, int fd)
{
	auto_close int dir = fd;
	size_t path_n = w->path_n;
	struct stat st;

	if (fstat(dir, &st) < 0)
		return -errno;
	if (w->depth == ROOTFS_WALK_DEPTH_MAX)
		return -ELOOP;
	int r = grow((void **)&w->levels, &w->room, w->depth + 1, sizeof *w->levels);
	if (r == 0 && w->keep_path)
		r = append_path(w, name);
	if (r < 0)
		return r;
	w->levels[w->depth] = (struct rootfs_walk_level){ st.st_dev, st.st_ino, 0, path_n };
	set_slot(slot_of(w, w->depth), take_fd(dir));
	w->depth++;
	return 0;
}

int rootfs_walk_init(struct rootfs_walk *w, int dirfd, bool cross_mounts, bool keep_path)
{
	memset(w, 0, sizeof *w);
	for (size_t i = 0; i < ROOTFS_WALK_WINDOW; i++)
		w->slots[i].fd = -1;
	w->cross_mounts = cross_mounts;
	int fd = open_dir(dirfd, ".", 0);
	if (fd < 0)
		return fd;
	int r = rootfs_walk_down(w, "", fd);
	w->keep_path = keep_path;
	if (r == 0 && keep_path) {
		r = grow((void **)&w->path, &w->path_room, 1, 1);
		if (r == 0)
			w->path[0] = '\0';
	}
	if (r < 0)
		rootfs_walk_done(w);
	return r;
}

void rootfs_walk_done(struct rootfs_walk *w)
{
	for (size_t i = 0; i < ROOTFS_WALK_WINDOW; i++) {
		set_slot(&w->slots[i], -1);
		free(w->slots[i].buf);
	}
	free(w->levels);
	free(w->path);
	memset(w, 0, sizeof *w);
	for (size_t i = 0; i < ROOTFS_WALK_WINDOW; i++)
		w->slots[i].fd = -1;
}

static int fill(struct rootfs_walk_slot *s)
{
	if (!s->buf)
		s->buf = malloc(BUF_SIZE);
	if (!s->buf)
		return -ENOMEM;
	long n = syscall(SYS_getdents64, s->fd, s->buf, BUF_SIZE);
	if (n < 0)
		return -errno;
	s->at = 0;
	s->n = (size_t)n;
	s->current = NO_ENTRY;
	return n > 0;
}

static int type_of(int dirfd, const struct dirent_raw *e)
{
	struct stat st;

	if (e->type != DT_UNKNOWN)
		return e->type;
	if (fstatat(dirfd, e->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return IFTODT(st.st_mode);
}

int rootfs_walk_next(struct rootfs_walk *w, struct rootfs_walk_entry *ret)
{
	struct rootfs_walk_slot *s = slot_of(w, w->depth - 1);

	for (;;) {
		if (s->at == s->n) {
			int r = fill(s);
			if (r <= 0)
				return r;
		}
		const struct dirent_raw *e = (const void *)(s->buf + s->at);
		s->current = s->at;
		s->at += e->reclen;
		w->levels[w->depth - 1].off = e->off;
		if (strcmp(e->name, ".") == 0 || strcmp(e->name, "..") == 0)
			continue;
		int type = type_of(s->fd, e);
		if (type == -ENOENT)
			continue;
		if (type < 0)
			return type;
		*ret = (struct rootfs_walk_entry){ e->name, (unsigned char)type };
		return 1;
	}
}

const char *rootfs_walk_current(const struct rootfs_walk *w)
{
	const struct rootfs_walk_slot *s = top_slot(w);

	if (s->current == NO_ENTRY)
		return NULL;
	return ((const struct dirent_raw *)(const void *)(s->buf + s->current))->name;
}

int rootfs_walk_rewind(struct rootfs_walk *w)
{
	struct rootfs_walk_slot *s = slot_of(w, w->depth - 1);

	if (lseek(s->fd, 0, SEEK_SET) < 0)
		return -errno;
	s->at = s->n = 0;
	s->current = NO_ENTRY;
	w->levels[w->depth - 1].off = 0;
	return 0;
}

int rootfs_walk_open_dir(const struct rootfs_walk *w, const char *name)
{
	return open_dir(
		rootfs_walk_fd(w), name, SYS_RESOLVE_BENEATH | (w->cross_mounts ? 0 : SYS_RESOLVE_NO_XDEV));
}

/* Opens the directory above again, and only if it is the one that was left. */
static int reopen_above(struct rootfs_walk *w)
{
	const struct rootfs_walk_level *above = &w->levels[w->depth - 2];
	struct stat st;

	auto_close int fd = open_dir(top_slot(w)->fd, "..", 0);
	if (fd < 0)
		return fd == -ENOENT ? -ESTALE : fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev != above->dev || st.st_ino != above->ino)
		return -ESTALE;
	if (lseek(fd, above->off, SEEK_SET) < 0)
		return -errno;
	return take_fd(fd);
}

/* The slot above was given to a deeper level when that came into the window: it is empty by now. */
int rootfs_walk_up(struct rootfs_walk *w)
{
	struct rootfs_walk_slot *above = slot_of(w, w->depth - 2);

	if (above->fd < 0) {
		int fd = reopen_above(w);
		if (fd < 0)
			return fd;
		set_slot(above, fd);
	}
	set_slot(slot_of(w, w->depth - 1), -1);
	if (w->keep_path) {
		w->path_n = w->levels[w->depth - 1].path_n;
		w->path[w->path_n] = '\0';
	}
	w->depth--;
	return 0;
}

int rootfs_walk_fd(const struct rootfs_walk *w)
{
	return top_slot(w)->fd;
}

bool rootfs_walk_at_top(const struct rootfs_walk *w)
{
	return w->depth == 1;
}
