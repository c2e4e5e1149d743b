/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/volume-local/layout.h"

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "plugins/kit/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

int layout_open(struct gty_volume *vd, const char *root, int root_fd, struct error *err)
{
	const struct {
		const char *name;
		int *fd;
	} folders[] = { { ".new", &vd->new_fd }, { ".trash", &vd->trash_fd }, { ".aside", &vd->aside_fd } };

	vd->root = strdup(root);
	if (!vd->root)
		return error_sys(err, ENOMEM, "cannot open '%s'", root);
	vd->root_fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (vd->root_fd < 0)
		return error_sys(err, errno, "cannot open '%s'", root);
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		*folders[i].fd = kit_folder_open(vd->root_fd, folders[i].name, err);
		if (*folders[i].fd < 0)
			return *folders[i].fd;
	}
	return 0;
}

void layout_close(struct gty_volume *vd)
{
	const int fds[] = { vd->root_fd, vd->new_fd, vd->trash_fd, vd->aside_fd };

	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	free(vd->root);
}

bool layout_name_valid(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= NAME_MAX && strspn(name, LETTERS) > 0 && strspn(name, LETTERS "_.-") == n;
}

int layout_check_name(const char *name, struct error *err)
{
	if (!name || !layout_name_valid(name))
		return error_invalid(err,
			"'%.255s' is no name of a volume: letters, digits, '_', '.' and '-' only, a letter "
			"or digit first",
			name ? name : "");
	return 0;
}

int layout_volume(const struct gty_volume *vd, const char *name, struct error *err)
{
	int r = layout_check_name(name, err);

	if (r < 0)
		return r;
	int fd = openat(vd->root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return error_set(err, ERROR_NOT_FOUND, ENOENT, "volume '%s' is not there", name);
	return fd < 0 ? error_sys(err, errno, "cannot open volume '%s'", name) : fd;
}

int layout_data(const struct gty_volume *vd, const char *name, int flags, struct error *err)
{
	auto_close int dirfd = layout_volume(vd, name, err);

	if (dirfd < 0)
		return dirfd;
	int fd = openat(dirfd, "_data", flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_sys(err, errno, "cannot open the files of volume '%s'", name) : fd;
}

int layout_where(const struct gty_volume *vd, const char *name, char buf[PATH_MAX])
{
	return path_format(buf, PATH_MAX, "%s/%s/_data", vd->root, name);
}

bool layout_is_mounted(const struct gty_volume *vd, const char *name)
{
	auto_close int data = layout_data(vd, name, O_PATH, NULL);
	struct statx above, stx;

	/* A volume below a mount point of another file system is told by the mount's id (kernel 5.8). */
	if (data < 0 || statx(vd->root_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &above) < 0 ||
		statx(data, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0)
		return false;
	return above.stx_mnt_id != stx.stx_mnt_id;
}

/* Containers have mounts of their own of the same files: what they use stays. */
void layout_unmount(const struct gty_volume *vd, const char *name)
{
	char where[PATH_MAX];

	if (layout_where(vd, name, where) < 0)
		return;
	while (layout_is_mounted(vd, name)) {
		if (umount2(where, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			return;
	}
}
