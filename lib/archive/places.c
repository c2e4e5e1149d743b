/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/archive/places.h"

#include "lib/base/cleanup.h"
#include "lib/rootfs/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define IMPLIED_MODE 0755

void places_init(struct places *p, int rootfd, struct inodes *ours)
{
	*p = (struct places){ .rootfd = rootfd, .ours = ours };
}

static int close_place(struct place *d)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, d->mtime };
	int r = 0;

	if (!d->path)
		return 0;
	if (futimens(d->fd, times) < 0)
		r = -errno;
	close(d->fd);
	free(d->path);
	*d = (struct place){ 0 };
	return r;
}

int places_flush(struct places *p)
{
	int first = 0;

	for (size_t i = 0; i < PLACES; i++) {
		int r = close_place(&p->dirs[i]);
		if (first == 0)
			first = r;
	}
	return first;
}

int places_done(struct places *p)
{
	return places_flush(p);
}

/* The directories on the way hold something of ours, too. */
static int note_way(struct places *p, const char *path)
{
	char prefix[PATH_MAX];
	struct stat st;
	size_t n = 0;

	while (p->ours) {
		memcpy(prefix, path, n);
		prefix[n] = '\0';
		auto_close int fd = rootfs_open(p->rootfd, prefix, O_PATH, 0);
		if (fd < 0)
			return fd;
		if (fstat(fd, &st) < 0)
			return -errno;
		int r = inodes_add(p->ours, st.st_ino);
		if (r < 0 || path[n] == '\0')
			return r;
		n += n > 0;
		n += strcspn(path + n, "/");
	}
	return 0;
}

static struct place *oldest(struct places *p)
{
	struct place *best = &p->dirs[0];

	for (size_t i = 0; i < PLACES && best->path; i++)
		if (!p->dirs[i].path || p->dirs[i].used < best->used)
			best = &p->dirs[i];
	return best;
}

static struct place *find_inode(struct places *p, const struct stat *st)
{
	for (size_t i = 0; i < PLACES; i++)
		if (p->dirs[i].path && p->dirs[i].ino == st->st_ino && p->dirs[i].dev == st->st_dev)
			return &p->dirs[i];
	return NULL;
}

static int open_dir(struct places *p, const char *path)
{
	int fd = rootfs_open(p->rootfd, path, O_RDONLY | O_DIRECTORY, 0);

	if (fd != -ENOENT)
		return fd;
	auto_close int made = rootfs_mkdirs(p->rootfd, path, IMPLIED_MODE, 0, 0);
	if (made < 0)
		return made;
	fd = openat(made, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A directory reached by two paths has one place, or its time would be lost. */
static int keep(struct places *p, const char *path, int opened)
{
	auto_close int fd = opened;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	int r = note_way(p, path);
	if (r < 0)
		return r;
	char *copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	struct place *d = find_inode(p, &st);
	if (d) {
		free(d->path);
		d->path = copy;
		d->used = ++p->clock;
		return d->fd;
	}
	d = oldest(p);
	r = close_place(d);
	if (r < 0) {
		free(copy);
		return r;
	}
	*d = (struct place){ copy, take_fd(fd), st.st_dev, st.st_ino, st.st_mtim, ++p->clock };
	return d->fd;
}

static const struct place *find_path(const struct places *p, const char *path)
{
	for (size_t i = 0; i < PLACES; i++)
		if (p->dirs[i].path && strcmp(p->dirs[i].path, path) == 0)
			return &p->dirs[i];
	return NULL;
}

bool places_has(const struct places *p, const char *path)
{
	return find_path(p, path) != NULL;
}

int places_get(struct places *p, const char *path)
{
	const struct place *d = find_path(p, path);

	if (d) {
		p->dirs[d - p->dirs].used = ++p->clock;
		return d->fd;
	}
	int fd = open_dir(p, path);
	return fd < 0 ? fd : keep(p, path, fd);
}

void places_set_mtime(struct places *p, const struct stat *st, struct timespec mtime)
{
	struct place *d = find_inode(p, st);

	if (d)
		d->mtime = mtime;
}
