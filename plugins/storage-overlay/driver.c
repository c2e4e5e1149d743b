/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's overlay as a storage driver: its table, its options, what it needs of kernel and file system.
 */
#include "plugins/kit/call.h"
#include "plugins/kit/folder.h"
#include "plugins/kit/options.h"
#include "plugins/kit/trash.h"
#include "plugins/storage-overlay/entries.h"
#include "plugins/storage-overlay/mountapi.h"

#include "lib/base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

/* The kernel takes none of these below an upper folder, or takes them and then loses files. */
static int check_backing(int root_fd, const char **ret_name, struct error *err)
{
	static const char *const unfit[] = { "overlayfs", "nfs", "fuse", "aufs", "ecryptfs", "9p", "ceph",
		"cifs", "smb2", "squashfs", "erofs" };
	long magic;
	int r = kit_fs_magic(root_fd, &magic, err);

	if (r < 0)
		return r;
	const char *name = kit_fs_name(magic);
	for (size_t i = 0; i < sizeof unfit / sizeof unfit[0]; i++) {
		if (strcmp(name, unfit[i]) == 0)
			return error_set(err, ERROR_UNSUPPORTED, EOPNOTSUPP,
				"overlay cannot keep layers on %s: put the data root on ext4, xfs or btrfs, "
				"or use the driver vfs",
				name);
	}
	*ret_name = name;
	return 0;
}

static int check_d_type(int fd, struct error *err)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	bool typed = false;

	if (!dir) {
		int r = error_sys(err, errno, "cannot list the driver's folder");
		if (copy >= 0)
			close(copy);
		return r;
	}
	for (struct dirent *e = readdir(dir); e; e = readdir(dir))
		typed = typed || e->d_type == DT_DIR;
	closedir(dir);
	if (!typed)
		return error_set(err, ERROR_UNSUPPORTED, EOPNOTSUPP,
			"the file system below does not tell file types (d_type), without which overlay "
			"shows whiteouts "
			"as files: make an xfs with ftype=1");
	return 0;
}

/* Overlay's marks are trusted.overlay.*, or user.overlay.* where this process may not set trusted ones. */
static int check_marks(int dirfd, bool *ret_userxattr, struct error *err)
{
	bool user = false;

	if (fsetxattr(dirfd, "trusted.overlay.gantry", "y", 1, 0) < 0) {
		if (errno != EPERM || fsetxattr(dirfd, "user.overlay.gantry", "y", 1, 0) < 0)
			return error_set(err, ERROR_UNSUPPORTED, errno,
				"the file system below has no extended attributes for overlay's marks");
		user = true;
	}
	if (mknodat(dirfd, "whiteout", S_IFCHR, makedev(0, 0)) < 0)
		return error_set(err, ERROR_UNSUPPORTED, errno,
			"whiteouts (devices 0:0) cannot be made here: %s", strerror(errno));
	if (mknodat(dirfd, "file", S_IFREG | 0600, 0) < 0 ||
		renameat2(dirfd, "file", dirfd, "renamed", RENAME_WHITEOUT) < 0)
		return error_set(err, ERROR_UNSUPPORTED, errno,
			"the file system below has no rename that leaves a whiteout: %s", strerror(errno));
	*ret_userxattr = user;
	return 0;
}

static int try_in(int dirfd, const char *name, bool *ret_userxattr, struct error *err)
{
	static const char *const made[] = { "whiteout", "file", "renamed" };
	auto_close int fd = kit_folder_open(dirfd, name, err);

	if (fd < 0)
		return fd;
	int r = check_marks(fd, ret_userxattr, err);
	for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
		unlinkat(fd, made[i], 0);
	unlinkat(dirfd, name, AT_REMOVEDIR);
	return r;
}

static int probe(const struct gty_host *host, struct gty_call *call, const struct gty_open *req)
{
	struct gty_storage st = { .root = (char *)(uintptr_t)req->root };
	struct error err = ERROR_INIT;
	auto_close int fd = openat(req->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)host;
	if (fd < 0)
		return kit_fail_sys(call, errno, "cannot open '%s'", req->root);
	st.root_fd = fd;
	int r = check_backing(fd, &st.backing, &err);
	if (r == 0)
		r = check_d_type(fd, &err);
	if (r == 0)
		r = try_in(fd, ".try", &st.userxattr, &err);
	if (r == 0)
		r = mountapi_detect(&st, &err);
	return r < 0 ? kit_fail_error(call, &err) : 0;
}

static int read_options(struct gty_storage *st, const struct gty_open *req, struct error *err)
{
	const char *api = kit_option(req->opts, req->opts_n, "mount-api");
	int r = kit_option_size(req->opts, req->opts_n, "size", 0, &st->default_size, err);

	if (r < 0)
		return r;
	if (st->default_size > 0 && !st->quota.on)
		return kit_quota_missing("the size of writable layers (option 'size')", err);
	if (!api || strcmp(api, "auto") == 0)
		return 0;
	if (strcmp(api, "mount2") == 0) {
		st->api = OVERLAY_API_MOUNT2;
		st->by_fd = false;
		return 0;
	}
	if (strcmp(api, "fsopen") != 0)
		return error_invalid(err, "option 'mount-api' is auto, fsopen or mount2, not '%s'", api);
	if (st->api != OVERLAY_API_FSOPEN)
		return error_set(err, ERROR_UNSUPPORTED, EOPNOTSUPP,
			"option 'mount-api': this kernel's overlay has no 'lowerdir+' (6.8 has)");
	return 0;
}

static int open_all(struct gty_storage *st, const struct gty_open *req, struct error *err)
{
	int r = layout_open(st, req->root, req->root_fd, err);

	if (r == 0)
		r = check_backing(st->root_fd, &st->backing, err);
	if (r == 0)
		r = check_d_type(st->root_fd, err);
	if (r == 0)
		r = try_in(st->trash_fd, ".try", &st->userxattr, err);
	if (r == 0)
		r = mountapi_detect(st, err);
	return r == 0 ? read_options(st, req, err) : r;
}

static void close_driver(struct gty_storage *st)
{
	if (!st)
		return;
	kit_holders_done(&st->holders);
	kit_quota_done(&st->quota);
	layout_close(st);
	free(st);
}

static int open_driver(const struct gty_host *host, struct gty_call *call, const struct gty_open *req,
	struct gty_storage **ret, struct gty_storage_info *info)
{
	struct error err = ERROR_INIT;
	struct gty_storage *st = calloc(1, sizeof *st);

	if (!st)
		return kit_fail_sys(call, ENOMEM, "cannot open the driver");
	st->host = host;
	st->root_fd = st->links_fd = st->staging_fd = st->trash_fd = st->aside_fd = -1;
	/* Neither fails for anything but memory that is there. */
	kit_holders_init(&st->holders);
	kit_quota_init(&st->quota, req->root_fd, host->instance);
	int r = open_all(st, req, &err);
	if (r < 0) {
		close_driver(st);
		return kit_fail_error(call, &err);
	}
	st->quota.fd = st->root_fd;
	info->max_depth = OVERLAY_DEPTH_MAX;
	info->caps = GTY_STORAGE_CAP_ANY_ORDER | (st->quota.on ? GTY_STORAGE_CAP_QUOTA : 0) |
		     (st->by_fd ? GTY_STORAGE_CAP_IDMAP : 0);
	info->backing = st->backing;
	*ret = st;
	return 0;
}

static const struct gty_storage_ops ops = {
	.struct_size = sizeof ops,
	.probe = probe,
	.open = open_driver,
	.close = close_driver,
	.recover = overlay_recover,
	.status = overlay_status,
	.stage = overlay_stage,
	.commit = overlay_commit,
	.create = overlay_create,
	.remove = overlay_remove,
	.mount = overlay_mount,
	.unmount = overlay_unmount,
	.list = overlay_list,
	.describe = overlay_describe,
	.usage = overlay_usage,
	.changes = overlay_changes,
	.resize = overlay_resize,
	.sweep = overlay_sweep,
	.check = overlay_check,
};

static const struct gty_option options[] = {
	{ "size", "size", "0", "largest size of a container's writable layer; needs project quotas",
		GTY_OPT_DRIVER | GTY_OPT_OBJECT, 0, 0 },
	{ "volatile", "bool", "false",
		"skip all syncs of the writable layer: it is lost when the machine crashes", GTY_OPT_OBJECT,
		0, 0 },
	{ "mount-api", "enum:auto|fsopen|mount2", "auto", "how trees are mounted; auto: as the kernel allows",
		GTY_OPT_DRIVER, 0, 0 },
	{ 0 },
};

/* cAdvisor and Docker's clients know it by this name. */
static const char *const aliases[] = { "overlay2", NULL };

static const struct gty_driver driver = {
	.struct_size = sizeof driver,
	.kind = GTY_KIND_STORAGE,
	.abi_major = GTY_STORAGE_ABI_MAJOR,
	.abi_minor = GTY_STORAGE_ABI_MINOR,
	.priority = 100,
	.name = "overlay",
	.aliases = aliases,
	.help = "the kernel's union file system",
	.options = options,
	.ops = &ops,
};
static const struct gty_driver *const drivers[] = { &driver, NULL };

GTY_PLUGIN("storage-overlay", GANTRY_VERSION, "Apache-2.0", drivers);
