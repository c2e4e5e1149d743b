/* SPDX-License-Identifier: Apache-2.0 */
/* Whole copies as a storage driver: works on any file system, and is the last resort. */
#include "plugins/kit/call.h"
#include "plugins/kit/folder.h"
#include "plugins/kit/options.h"
#include "plugins/storage-vfs/entries.h"
#include "plugins/storage-vfs/layout.h"

#include <errno.h>
#include <stdlib.h>

static int probe(const struct gty_host *host, struct gty_call *call, const struct gty_open *req)
{
	struct error err = ERROR_INIT;
	long magic;

	(void)host;
	return kit_fs_magic(req->root_fd, &magic, &err) < 0 ? kit_fail_error(call, &err) : 0;
}

static int open_all(struct gty_storage *st, const struct gty_open *req, struct error *err)
{
	long magic;
	int r = layout_open(st, req->root, req->root_fd, err);

	if (r == 0)
		r = kit_fs_magic(st->root_fd, &magic, err);
	if (r == 0)
		r = kit_option_size(req->opts, req->opts_n, "size", 0, &st->default_size, err);
	if (r == 0 && st->default_size > 0 && !st->quota.on)
		r = kit_quota_missing("the size of writable layers (option 'size')", err);
	if (r == 0)
		st->backing = kit_fs_name(magic);
	return r;
}

static void close_driver(struct gty_storage *st)
{
	if (!st)
		return;
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
	st->root_fd = st->staging_fd = st->trash_fd = st->aside_fd = -1;
	kit_quota_init(&st->quota, req->root_fd, host->instance);
	int r = open_all(st, req, &err);
	if (r < 0) {
		close_driver(st);
		return kit_fail_error(call, &err);
	}
	st->quota.fd = st->root_fd;
	/* Each tree is a plain folder: any number may write to it. */
	info->caps = GTY_STORAGE_CAP_SHARED_RW | (st->quota.on ? GTY_STORAGE_CAP_QUOTA : 0);
	info->backing = st->backing;
	*ret = st;
	return 0;
}

static const struct gty_storage_ops ops = {
	.struct_size = sizeof ops,
	.probe = probe,
	.open = open_driver,
	.close = close_driver,
	.recover = vfs_recover,
	.status = vfs_status,
	.stage = vfs_stage,
	.commit = vfs_commit,
	.create = vfs_create,
	.remove = vfs_remove,
	.mount = vfs_mount,
	.unmount = vfs_unmount,
	.list = vfs_list,
	.describe = vfs_describe,
	.usage = vfs_usage,
	.resize = vfs_resize,
	.sweep = vfs_sweep,
};

static const struct gty_option options[] = {
	{ "size", "size", "0", "largest size of a container's tree; needs project quotas",
		GTY_OPT_DRIVER | GTY_OPT_OBJECT, 0, 0 },
	{ 0 },
};

static const struct gty_driver driver = {
	.struct_size = sizeof driver,
	.kind = GTY_KIND_STORAGE,
	.abi_major = GTY_STORAGE_ABI_MAJOR,
	.abi_minor = GTY_STORAGE_ABI_MINOR,
	.priority = 1,
	.name = "vfs",
	.help = "a whole copy for each layer, on any file system",
	.options = options,
	.ops = &ops,
};
static const struct gty_driver *const drivers[] = { &driver, NULL };

GTY_PLUGIN("storage-vfs", GANTRY_VERSION, "Apache-2.0", drivers);
