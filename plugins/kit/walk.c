/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/kit/walk.h"

#include "lib/base/cleanup.h"
#include "lib/base/sys.h"
#include "plugins/kit/call.h"

#include <dirent.h>
#include <stdint.h>
#include <string.h>

/* A caller that gave up is noticed after so many entries. */
#define ENTRIES_PER_LOOK 64

struct state {
	const struct kit_walk *walk;
	char *path;
	size_t room;
	unsigned entries;
};

int kit_walk_open(int dirfd, const char *name)
{
	struct sys_open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = SYS_RESOLVE_NO_XDEV | SYS_RESOLVE_NO_SYMLINKS | SYS_RESOLVE_BENEATH };
	int fd = sys_openat2(dirfd, name, &how);

	return fd < 0 ? -errno : fd;
}

static int path_append(struct state *s, size_t len, const char *name, size_t *ret_len, struct error *err)
{
	size_t n = strlen(name), need = len + (len > 0) + n + 1;

	if (need > KIT_WALK_PATH + 1)
		return error_set(err, ERROR_UNSUPPORTED, ENAMETOOLONG,
			"a path in the tree is longer than %d bytes", KIT_WALK_PATH);
	if (need > s->room) {
		size_t more = need * 2;
		char *path = realloc(s->path, more);
		if (!path)
			return error_sys(err, ENOMEM, "cannot walk the tree");
		s->path = path;
		s->room = more;
	}
	if (len > 0)
		s->path[len++] = '/';
	memcpy(s->path + len, name, n + 1);
	*ret_len = len + n;
	return 0;
}

static int walk_folder(struct state *s, int dirfd, size_t len, unsigned depth, struct error *err);

static int walk_into(struct state *s, const struct kit_entry *e, size_t len, struct error *err)
{
	if (e->depth + 1 >= KIT_WALK_DEPTH)
		return error_set(err, ERROR_UNSUPPORTED, ELOOP, "folders are nested deeper than %d levels",
			KIT_WALK_DEPTH);
	int fd = kit_walk_open(e->dirfd, e->name);
	if (fd == -ENOENT || fd == -EXDEV || fd == -ELOOP || fd == -ENOTDIR)
		return 0;
	if (fd < 0)
		return error_sys(err, -fd, "cannot open folder '%s'", s->path);
	return walk_folder(s, fd, len, e->depth + 1, err);
}

static int visit(struct state *s, int dirfd, const char *name, size_t len, unsigned depth, struct error *err)
{
	struct kit_entry e = { .dirfd = dirfd, .name = name, .depth = depth };
	size_t below = 0;
	int r = 0;

	if (s->entries++ % ENTRIES_PER_LOOK == 0)
		r = kit_check_time(s->walk->call, err);
	if (r == 0)
		r = path_append(s, len, name, &below, err);
	if (r < 0)
		return r;
	if (fstatat(dirfd, name, &e.st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_sys(err, errno, "cannot look at '%s'", s->path);
	e.path = s->path;
	r = s->walk->entry(s->walk->ctx, &e, err);
	if (r != KIT_WALK_ON || !S_ISDIR(e.st.st_mode))
		return r < 0 ? r : 0;
	r = walk_into(s, &e, below, err);
	if (r < 0 || !s->walk->leave)
		return r;
	s->path[below] = '\0';
	e.path = s->path;
	return s->walk->leave(s->walk->ctx, &e, err);
}

/* Takes dirfd. */
static int walk_folder(struct state *s, int dirfd, size_t len, unsigned depth, struct error *err)
{
	DIR *dir = fdopendir(dirfd);
	int r = 0;

	if (!dir) {
		r = error_sys(err, errno, "cannot list a folder");
		close(dirfd);
		return r;
	}
	while (r == 0) {
		errno = 0;
		struct dirent *e = readdir(dir);
		if (!e) {
			if (errno != 0)
				r = error_sys(err, errno, "cannot list a folder");
			break;
		}
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = visit(s, dirfd, e->d_name, len, depth, err);
	}
	closedir(dir);
	return r;
}

int kit_walk(int dirfd, const struct kit_walk *walk, struct error *err)
{
	struct state s = { .walk = walk };
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_sys(err, errno, "cannot open the tree");
	int r = walk_folder(&s, fd, 0, 0, err);
	free(s.path);
	return r;
}
