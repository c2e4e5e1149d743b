/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/storage-vfs/layout.h"

#include "lib/base/cleanup.h"
#include "plugins/kit/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

int layout_open(struct gty_storage *st, const char *root, int root_fd, struct error *err)
{
	const struct {
		const char *name;
		int *fd;
	} folders[] = { { "staging", &st->staging_fd }, { "trash", &st->trash_fd },
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
	return 0;
}

void layout_close(struct gty_storage *st)
{
	const int fds[] = { st->root_fd, st->staging_fd, st->trash_fd, st->aside_fd };

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

int layout_tree(const struct gty_storage *st, const char *id, int flags, struct error *err)
{
	auto_close int dirfd = layout_layer(st, id, err);

	if (dirfd < 0)
		return dirfd;
	int fd = openat(dirfd, "fs", flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_sys(err, errno, "cannot open the files of layer '%s'", id) : fd;
}

int layout_write_about(int dirfd, bool writable, const char *parent, struct error *err)
{
	char text[ID_LEN + 16];

	snprintf(text, sizeof text, "%s:%s", writable ? "writable" : "image", parent ? parent : "");
	if (symlinkat(text, dirfd, "about") < 0)
		return error_sys(err, errno, "cannot note what kind of layer this is");
	return 0;
}

bool layout_read_about(int dirfd, struct vfs_about *ret)
{
	char text[ID_LEN + 16];
	ssize_t n = readlinkat(dirfd, "about", text, sizeof text - 1);

	if (n < 0)
		return false;
	text[n] = '\0';
	char *parent = strchr(text, ':');
	if (!parent)
		return false;
	*parent++ = '\0';
	if ((*parent && !id_is_valid(parent)) ||
		(strcmp(text, "writable") != 0 && strcmp(text, "image") != 0))
		return false;
	ret->writable = text[0] == 'w';
	snprintf(ret->parent, sizeof ret->parent, "%.64s", parent);
	return true;
}
