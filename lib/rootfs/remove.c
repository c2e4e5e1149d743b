/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/rootfs/remove.h"

#include "lib/rootfs/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define CHECK_EVERY 256
#define RETRY_MAX   64 /* directories that fill up again, trees that are moved under us */

struct removal {
	struct rootfs_walk walk;
	const struct rootfs_cancel *cancel;
	unsigned retries, since_check;
};

static int fail(int r, const char *name, struct error *err)
{
	if (r == -EBUSY || r == -EXDEV) {
		error_set(err, ERROR_CONFLICT, EXDEV, "cannot delete '%s': something is mounted on it", name);
		return -EXDEV;
	}
	if (r == -ECANCELED)
		return error_set(err, ERROR_CANCELLED, ECANCELED, "deleting was cancelled at '%s'", name);
	if (r == -ETIMEDOUT)
		return error_set(err, ERROR_TIMEOUT, ETIMEDOUT, "deleting took too long, at '%s'", name);
	return error_sys(err, -r, "cannot delete '%s'", name);
}

/* 1: a directory that is not empty.  What the type says may be wrong by now. */
static int remove_one(int dirfd, const char *name, bool is_dir)
{
	for (int i = 0; i < 4; i++) {
		if (unlinkat(dirfd, name, is_dir ? AT_REMOVEDIR : 0) == 0 || errno == ENOENT)
			return 0;
		if (is_dir && (errno == ENOTEMPTY || errno == EEXIST))
			return 1;
		if (errno != (is_dir ? ENOTDIR : EISDIR))
			return -errno;
		is_dir = !is_dir;
	}
	return -EBUSY;
}

static int check_cancel(struct removal *m)
{
	if (m->since_check++ % CHECK_EVERY)
		return 0;
	return rootfs_cancel_check(m->cancel);
}

static int enter(struct removal *m, const char *name)
{
	int fd = rootfs_walk_open_dir(&m->walk, name);

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0; /* swapped: it is met again, or is gone */
	return fd < 0 ? fd : rootfs_walk_down(&m->walk, NULL, fd);
}

/* The directory below has been emptied. */
static int leave(struct removal *m, struct error *err)
{
	int r = rootfs_walk_up(&m->walk);

	if (r < 0)
		return r == -ESTALE ? r : fail(r, "..", err);
	const char *name = rootfs_walk_current(&m->walk);
	if (!name) {
		r = rootfs_walk_rewind(&m->walk);
		return r < 0 ? fail(r, ".", err) : 0;
	}
	r = remove_one(rootfs_walk_fd(&m->walk), name, true);
	if (r > 0)
		r = m->retries++ < RETRY_MAX ? enter(m, name) : -ENOTEMPTY;
	return r < 0 ? fail(r, name, err) : 0;
}

static int empty(struct removal *m, struct error *err)
{
	struct rootfs_walk_entry e;

	for (;;) {
		int r = rootfs_walk_next(&m->walk, &e);
		if (r < 0)
			return fail(r, ".", err);
		if (r == 0 && rootfs_walk_at_top(&m->walk))
			return 0;
		if (r == 0) {
			r = leave(m, err);
			if (r < 0)
				return r;
			continue;
		}
		r = check_cancel(m);
		if (r == 0)
			r = remove_one(rootfs_walk_fd(&m->walk), e.name, e.type == DT_DIR);
		if (r > 0)
			r = enter(m, e.name);
		if (r < 0)
			return fail(r, e.name, err);
	}
}

int rootfs_remove_content(int dirfd, const struct rootfs_cancel *cancel, struct error *err)
{
	int r = -ESTALE;

	for (int i = 0; r == -ESTALE && i < RETRY_MAX; i++) {
		struct removal m = { .cancel = cancel };
		r = rootfs_walk_init(&m.walk, dirfd, false, false);
		if (r < 0)
			return error_sys(err, -r, "cannot open the directory to empty");
		r = empty(&m, err);
		rootfs_walk_done(&m.walk);
	}
	return r == -ESTALE ? error_sys(err, ESTALE, "the tree changes while it is deleted") : r;
}

static int open_top(int dirfd, const char *name)
{
	struct rootfs_walk w;

	int r = rootfs_walk_init(&w, dirfd, false, false);
	if (r < 0)
		return r;
	r = rootfs_walk_open_dir(&w, name);
	rootfs_walk_done(&w);
	return r;
}

int rootfs_remove_tree(int dirfd, const char *name, const struct rootfs_cancel *cancel, struct error *err)
{
	if (!name[0] || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return error_invalid(err, "cannot delete '%s': not a name", name);
	for (int i = 0; i < RETRY_MAX; i++) {
		int r = remove_one(dirfd, name, false);
		if (r == 0)
			return 0;
		int fd = r < 0 ? r : open_top(dirfd, name);
		if (fd == -ENOENT || fd == -ENOTDIR)
			continue;
		if (fd < 0)
			return fail(fd, name, err);
		r = rootfs_remove_content(fd, cancel, err);
		close(fd);
		if (r < 0)
			return r;
	}
	return fail(-ENOTEMPTY, name, err);
}
