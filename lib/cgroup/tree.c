/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cgroup/tree.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#define RETRY_FIRST (CLOCK_MS / 5)
#define RETRY_MOST  (20 * CLOCK_MS)

struct linux_dirent64 { /* getdents64(2) */
	uint64_t d_ino;
	int64_t d_off;
	unsigned short d_reclen;
	unsigned char d_type;
	char d_name[];
};

/* Finds the next subdirectory from the descriptor's offset on and leaves the offset behind it: 1, 0 at the
 * end or -errno.  One entry's position, unlike a DIR stream, can be kept in eight bytes. */
static int next_dir(int dir, char name[NAME_MAX + 1], off_t *ret_after)
{
	_Alignas(struct linux_dirent64) char buf[2048];

	for (;;) {
		long n = syscall(SYS_getdents64, dir, buf, sizeof buf);
		if (n < 0)
			return errno == ENOENT ? 0 : -errno;
		if (n == 0)
			return 0;
		for (long at = 0; at < n;) {
			const struct linux_dirent64 *e = (const void *)(buf + at);
			at += e->d_reclen;
			if (e->d_type != DT_DIR || !strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
				continue;
			if (lseek(dir, e->d_off, SEEK_SET) < 0)
				return -errno;
			memcpy(name, e->d_name, strnlen(e->d_name, NAME_MAX) + 1);
			name[NAME_MAX] = '\0';
			*ret_after = e->d_off;
			return 1;
		}
	}
}

static int open_dir(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static bool is_gone(int r)
{
	return r == -ENOENT || r == -ENODEV;
}

struct walk {
	int cur;       /* owned */
	off_t *behind; /* for each level above: where to go on there */
	size_t depth, room, seen;
};

static int enter(struct walk *w, const char *name, off_t after)
{
	if (w->depth == CGROUP_TREE_DEPTH_MAX)
		return -ELOOP;
	if (++w->seen > CGROUP_TREE_DIRS_MAX)
		return -E2BIG;
	if (w->depth == w->room) {
		size_t room = w->room ? w->room * 2 : 16;
		off_t *bigger = realloc(w->behind, room * sizeof *bigger);
		if (!bigger)
			return -ENOMEM;
		w->behind = bigger;
		w->room = room;
	}
	int fd = open_dir(w->cur, name);
	if (fd < 0)
		return fd;
	w->behind[w->depth++] = after;
	close(w->cur);
	w->cur = fd;
	return 0;
}

static int leave(struct walk *w)
{
	int fd = open_dir(w->cur, "..");

	if (fd < 0)
		return fd;
	close(w->cur);
	w->cur = fd;
	return lseek(fd, w->behind[--w->depth], SEEK_SET) < 0 ? -errno : 0;
}

static int walk_on(struct walk *w, int (*visit)(int dir, void *arg), void *arg)
{
	char name[NAME_MAX + 1];
	off_t after;

	for (;;) {
		int r = next_dir(w->cur, name, &after);
		if (r > 0) {
			r = enter(w, name, after);
			if (is_gone(r))
				continue;
			if (r == 0)
				r = visit(w->cur, arg);
		} else if (r == 0) {
			if (w->depth == 0)
				return 0;
			r = leave(w);
		}
		if (r != 0)
			return r;
	}
}

int cgroup_tree_walk(int dir, int (*visit)(int dir, void *arg), void *arg)
{
	struct walk w = { .cur = open_dir(dir, ".") };

	if (w.cur < 0)
		return is_gone(w.cur) ? 0 : w.cur;
	int r = visit(w.cur, arg);
	if (r == 0)
		r = walk_on(&w, visit, arg);
	close(w.cur);
	free(w.behind);
	return r;
}

/* Waits a little longer each time; false when the deadline is past. */
static bool wait_more(int64_t *pause, int64_t deadline_ns)
{
	int64_t left = deadline_ns - clock_mono_ns();

	if (left <= 0)
		return false;
	struct timespec t = { .tv_nsec = (long)(*pause < left ? *pause : left) };
	nanosleep(&t, NULL);
	*pause = *pause * 2 < RETRY_MOST ? *pause * 2 : RETRY_MOST;
	return true;
}

/* Waits for rmdir of a directory that has no directories. */
static int remove_leaf(int parent, const char *name, int64_t deadline_ns)
{
	int64_t pause = RETRY_FIRST;

	for (;;) {
		if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || is_gone(-errno))
			return 0;
		if (errno != EBUSY && errno != ENOTEMPTY)
			return -errno;
		int r = -errno;
		auto_close int fd = open_dir(parent, name);
		char child[NAME_MAX + 1];
		off_t after;
		/* Somebody made a directory meanwhile. */
		if (fd >= 0 && next_dir(fd, child, &after) > 0)
			return -ENOTEMPTY;
		if (!wait_more(&pause, deadline_ns))
			return r;
	}
}

/* Removes the first directory of cur or, when that has directories itself, goes into it: 1.  0: cur has none.
 */
static int clear_step(int *cur, size_t *depth, int64_t deadline_ns)
{
	char name[NAME_MAX + 1];
	off_t after;

	if (lseek(*cur, 0, SEEK_SET) < 0)
		return -errno;
	int r = next_dir(*cur, name, &after);
	if (r <= 0)
		return r;
	r = remove_leaf(*cur, name, deadline_ns);
	if (r != -ENOTEMPTY)
		return r < 0 ? r : 1;
	r = open_dir(*cur, name);
	if (r < 0)
		return is_gone(r) ? 1 : r;
	close(*cur);
	*cur = r;
	++*depth;
	return 1;
}

/* Names above the present level are not kept: back there, the first directory is looked for again, and is
 * empty now. */
int cgroup_tree_clear(int dir, int64_t deadline_ns)
{
	int cur = open_dir(dir, ".");
	size_t depth = 0, steps = 0;
	int r;

	if (cur < 0)
		return is_gone(cur) ? 0 : cur;
	for (;;) {
		r = clear_step(&cur, &depth, deadline_ns);
		if (r < 0 || (r == 0 && depth == 0))
			break;
		if (++steps > 4 * (size_t)CGROUP_TREE_DIRS_MAX) {
			r = -E2BIG;
			break;
		}
		if (r > 0)
			continue;
		int up = open_dir(cur, "..");
		if (up < 0) {
			r = up;
			break;
		}
		close(cur);
		cur = up;
		depth--;
	}
	close(cur);
	return r;
}

int cgroup_tree_remove(int parent, const char *name, int64_t deadline_ns)
{
	for (int tries = 0;; tries++) {
		int r = remove_leaf(parent, name, deadline_ns);
		if (r != -ENOTEMPTY || tries == 1000)
			return r;
		auto_close int fd = open_dir(parent, name);
		if (fd < 0)
			return is_gone(fd) ? 0 : fd;
		r = cgroup_tree_clear(fd, deadline_ns);
		if (r < 0)
			return r;
	}
}
