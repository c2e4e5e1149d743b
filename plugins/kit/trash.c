/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/kit/trash.h"

#include "lib/base/clock.h"
#include "plugins/kit/call.h"
#include "plugins/kit/folder.h"
#include "plugins/kit/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A container can nest folders without end; what lies deeper becomes a piece of trash of its own. */
#define DEPTH      128
#define NAME_TRIES 100

struct sweep {
	int trash_fd;
	const struct gty_call *call;
	struct kit_usage *freed;
	struct error *first; /* of what was left behind */
	unsigned entries;
	bool moved;
};

static void unique_name(char *buf, size_t size)
{
	static atomic_uint counter;

	snprintf(buf, size, "%016llx.%u", (unsigned long long)clock_real_ns(), atomic_fetch_add(&counter, 1));
}

int kit_trash_put(int trash_fd, int from_fd, const char *name, struct error *err)
{
	char to[64];
	int r;

	do {
		unique_name(to, sizeof to);
		r = kit_rename_new(from_fd, name, trash_fd, to);
	} while (r == -EEXIST);
	if (r == 0 || r == -ENOENT)
		return 0;
	return error_sys(err, -r, "cannot move '%s' into the trash", name);
}

int kit_trash_set_aside(int aside_fd, int from_fd, const char *name, struct error *err)
{
	char to[300];
	int r = kit_rename_new(from_fd, name, aside_fd, name);

	for (int i = 1; r == -EEXIST && i < NAME_TRIES; i++) {
		snprintf(to, sizeof to, "%.240s~%d", name, i);
		r = kit_rename_new(from_fd, name, aside_fd, to);
	}
	if (r == 0 || r == -ENOENT)
		return 0;
	return error_sys(err, -r, "cannot set '%s' aside", name);
}

static int leave_behind(struct sweep *s, int sys_errno, const char *name)
{
	if (sys_errno == EXDEV)
		error_set(s->first, ERROR_CONFLICT, EBUSY, "'%s' in the trash is a mount point; unmount it",
			name);
	else
		error_sys(s->first, sys_errno, "cannot delete '%s' in the trash", name);
	s->first = NULL; /* the first one is told */
	return 0;
}

static int remove_entry(struct sweep *s, int dirfd, const char *name, unsigned depth, struct error *err);

/* Takes dirfd. */
static int remove_below(struct sweep *s, int dirfd, unsigned depth, struct error *err)
{
	DIR *dir = fdopendir(dirfd);
	int r = 0;

	if (!dir) {
		r = error_sys(err, errno, "cannot list a folder in the trash");
		close(dirfd);
		return r;
	}
	while (r == 0) {
		struct dirent *e = readdir(dir);
		if (!e)
			break;
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = remove_entry(s, dirfd, e->d_name, depth, err);
	}
	closedir(dir);
	return r;
}

static int remove_folder(struct sweep *s, int dirfd, const char *name, unsigned depth, struct error *err)
{
	if (depth >= DEPTH) {
		s->moved = true;
		return kit_trash_put(s->trash_fd, dirfd, name, err);
	}
	int fd = kit_walk_open(dirfd, name);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return leave_behind(s, -fd, name);
	int r = remove_below(s, fd, depth + 1, err);
	if (r < 0)
		return r;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return leave_behind(s, errno, name);
	return 0;
}

static int remove_entry(struct sweep *s, int dirfd, const char *name, unsigned depth, struct error *err)
{
	struct stat st;

	if (s->entries++ % 64 == 0) {
		int r = kit_check_time(s->call, err);
		if (r < 0)
			return r;
	}
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : leave_behind(s, errno, name);
	if (S_ISDIR(st.st_mode)) {
		int r = remove_folder(s, dirfd, name, depth, err);
		if (r < 0)
			return r;
	} else if (unlinkat(dirfd, name, 0) < 0) {
		return errno == ENOENT ? 0 : leave_behind(s, errno, name);
	}
	if (S_ISDIR(st.st_mode) || st.st_nlink == 1) {
		s->freed->bytes += (uint64_t)st.st_blocks * 512;
		s->freed->inodes++;
	}
	return 0;
}

int kit_trash_sweep(int trash_fd, const struct gty_call *call, struct kit_usage *freed, struct error *err)
{
	struct error left = ERROR_INIT;
	struct sweep s = { .trash_fd = trash_fd, .call = call, .freed = freed, .first = &left };
	int r;

	do {
		s.moved = false;
		int fd = openat(trash_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return error_sys(err, errno, "cannot open the trash");
		r = remove_below(&s, fd, 0, err);
	} while (r == 0 && s.moved);
	if (r == 0 && !s.first) {
		*err = left;
		return -left.sys_errno;
	}
	return r;
}
