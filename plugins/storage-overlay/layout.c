/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/storage-overlay/layout.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "plugins/kit/folder.h"
#include "plugins/kit/links.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int layout_open(struct gty_storage *st, const char *root, int root_fd, struct error *err)
{
	const struct {
		const char *name;
		int *fd;
	} folders[] = { { "l", &st->links_fd }, { "staging", &st->staging_fd }, { "trash", &st->trash_fd },
		{ "aside", &st->aside_fd } };

	st->root = strdup(root);
	if (!st->root)
		return error_sys(err, ENOMEM, "cannot open '%s'", root);
	st->root_fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (st->root_fd < 0)
		return error_sys(err, errno, "cannot open '%s'", root);
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		*folders[i].fd = kit_folder_open(st->root_fd, folders[i].name, err);
		if (*folders[i].fd < 0)
			return *folders[i].fd;
	}
	if (mkdirat(st->root_fd, "empty", 0755) < 0 && errno != EEXIST)
		return error_sys(err, errno, "cannot make folder 'empty'");
	return 0;
}

void layout_close(struct gty_storage *st)
{
	const int fds[] = { st->root_fd, st->links_fd, st->staging_fd, st->trash_fd, st->aside_fd };

	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	free(st->root);
}

int layout_layer(const struct gty_storage *st, const char *id, struct error *err)
{
	int r = kit_id_check("layer", id, err);

	if (r < 0)
		return r;
	int fd = openat(st->root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return error_set(err, ERROR_NOT_FOUND, ENOENT, "layer '%s' is not there", id);
	return fd < 0 ? error_sys(err, errno, "cannot open layer '%s'", id) : fd;
}

int layout_lower(int dirfd, char buf[OVERLAY_LOWER_MAX], struct error *err)
{
	auto_close int fd = openat(dirfd, "lower", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = fd < 0 ? -errno : fd_read_full(fd, buf, OVERLAY_LOWER_MAX);

	if (n < 0 && n != -ENOENT)
		return error_sys(err, (int)-n, "cannot read what lies below the layer");
	if (n <= 0 || n == OVERLAY_LOWER_MAX || buf[n - 1] != '\n' || memchr(buf, '\0', (size_t)n))
		return error_set(err, ERROR_CONFLICT, EUCLEAN,
			"the layer is damaged by an unclean end of the machine: its file 'lower' is cut "
			"short");
	buf[n - 1] = '\0';
	return 0;
}

bool layout_own_link(int dirfd, char ret_link[8])
{
	char buf[8];
	auto_close int fd = openat(dirfd, "link", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_full(fd, buf, sizeof buf - 1);

	if (n != KIT_LINK_LEN)
		return false;
	buf[n] = '\0';
	if (!kit_link_valid(buf))
		return false;
	memcpy(ret_link, buf, (size_t)n + 1);
	return true;
}

static unsigned depth_of(const char *lower)
{
	unsigned depth = *lower != '\0';

	for (; *lower; lower++)
		depth += *lower == ':';
	return depth;
}

int layout_lower_of_child(
	const struct gty_storage *st, const char *parent, char buf[OVERLAY_LOWER_MAX], struct error *err)
{
	char link[8], below[OVERLAY_LOWER_MAX];

	if (!parent) {
		memcpy(buf, "\n", 2);
		return 0;
	}
	auto_close int fd = layout_layer(st, parent, err);
	if (fd < 0)
		return fd == -ENOENT ? error_prefix(err, fd, "parent") : fd;
	if (!layout_own_link(fd, link))
		return error_set(err, ERROR_CONFLICT, EUCLEAN,
			"layer '%s' has no short name: it can have no children", parent);
	int r = layout_lower(fd, below, err);
	if (r < 0)
		return r;
	if (depth_of(below) + 1 >= OVERLAY_DEPTH_MAX)
		return error_set(err, ERROR_EXHAUSTED, ELOOP, "a tree of overlay has at most %d layers",
			OVERLAY_DEPTH_MAX);
	r = snprintf(buf, OVERLAY_LOWER_MAX, "l/%s%s%s\n", link, below[0] ? ":" : "", below);
	if (r < 0 || r >= OVERLAY_LOWER_MAX)
		return error_set(
			err, ERROR_EXHAUSTED, E2BIG, "the names of the layers below do not fit into a page");
	return 0;
}

bool layout_link_id(const struct gty_storage *st, const char *link, size_t len, char ret_id[ID_LEN + 1])
{
	char name[8], target[ID_LEN + 16];
	const size_t before = strlen("../"), whole = before + ID_LEN + strlen("/diff");

	if (len > 2 && strncmp(link, "l/", 2) == 0) {
		link += 2;
		len -= 2;
	}
	if (len >= sizeof name)
		return false;
	memcpy(name, link, len);
	name[len] = '\0';
	ssize_t n = kit_link_valid(name) ? readlinkat(st->links_fd, name, target, sizeof target) : -1;
	if (n != (ssize_t)whole || memcmp(target, "../", before) != 0)
		return false;
	memcpy(ret_id, target + before, ID_LEN);
	ret_id[ID_LEN] = '\0';
	return id_is_valid(ret_id);
}

void layout_parent(const struct gty_storage *st, int dirfd, char ret_id[ID_LEN + 1])
{
	char lower[OVERLAY_LOWER_MAX];

	ret_id[0] = '\0';
	if (layout_lower(dirfd, lower, NULL) < 0 || lower[0] == '\0')
		return;
	if (!layout_link_id(st, lower, strcspn(lower, ":"), ret_id))
		ret_id[0] = '\0';
}

bool layout_is_writable(int dirfd)
{
	struct stat st;

	return fstatat(dirfd, "work", &st, AT_SYMLINK_NOFOLLOW) == 0;
}
