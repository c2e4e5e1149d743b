/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes as folders of the host: the driver's table and options. */
#include "plugins/kit/call.h"
#include "plugins/kit/folder.h"
#include "plugins/volume-local/entries.h"
#include "plugins/volume-local/layout.h"

#include <errno.h>
#include <stdlib.h>

static int probe(const struct gty_host *host, struct gty_call *call, const struct gty_open *req)
{
	(void)host;
	(void)call;
	(void)req;
	return 0;
}

static void close_driver(struct gty_volume *vd)
{
	if (!vd)
		return;
	reaper_done(&vd->reaper);
	kit_holders_done(&vd->holders);
	kit_quota_done(&vd->quota);
	layout_close(vd);
	free(vd);
}

static int open_all(
	struct gty_volume *vd, const struct gty_host *host, const struct gty_open *req, struct error *err)
{
	int r = layout_open(vd, req->root, req->root_fd, err);

	if (r < 0)
		return r;
	vd->quota.fd = vd->root_fd;
	r = reaper_init(&vd->reaper, host, vd->trash_fd);
	return r < 0 ? error_sys(err, -r, "cannot open the driver") : 0;
}

static int open_driver(const struct gty_host *host, struct gty_call *call, const struct gty_open *req,
	struct gty_volume **ret, struct gty_volume_info *info)
{
	struct error err = ERROR_INIT;
	struct gty_volume *vd = calloc(1, sizeof *vd);

	if (!vd)
		return kit_fail_sys(call, ENOMEM, "cannot open the driver");
	vd->host = host;
	vd->root_fd = vd->new_fd = vd->trash_fd = vd->aside_fd = vd->reaper.cancel_fd = -1;
	kit_holders_init(&vd->holders);
	kit_quota_init(&vd->quota, req->root_fd, host->instance);
	int r = open_all(vd, host, req, &err);
	if (r < 0) {
		close_driver(vd);
		return kit_fail_error(call, &err);
	}
	info->caps = vd->quota.on ? GTY_VOLUME_CAP_QUOTA : 0;
	*ret = vd;
	return 0;
}

static int status(struct gty_volume *vd, struct gty_call *call, struct gty_kvs *rep)
{
	struct error err = ERROR_INIT;
	struct gty_kvs kvs = { 0 };
	long magic;

	if (kit_fs_magic(vd->root_fd, &magic, &err) < 0)
		return kit_fail_error(call, &err);
	if (!kit_kvs_put(call, &kvs, 1, "Backing Filesystem", kit_fs_name(magic)))
		return kit_no_memory(call);
	rep->v = kvs.v;
	rep->n = kvs.n;
	return 0;
}

static const struct gty_volume_ops ops = {
	.struct_size = sizeof ops,
	.probe = probe,
	.open = open_driver,
	.close = close_driver,
	.recover = local_recover,
	.status = status,
	.create = local_create,
	.remove = local_remove,
	.mount = local_mount,
	.unmount = local_unmount,
	.describe = local_describe,
	.usage = local_usage,
	.resize = local_resize,
};

static const struct gty_option options[] = {
	{ "type", "string", "", "type of the file system to mount; none: a bind", GTY_OPT_OBJECT, 0, 0 },
	{ "device", "string", "", "what to mount: a folder, a device, a server's path", GTY_OPT_OBJECT, 0,
		0 },
	{ "o", "string", "", "mount options, separated by commas", GTY_OPT_OBJECT, 0, 0 },
	{ "size", "size", "0", "largest size; needs project quotas", GTY_OPT_OBJECT, 0, 0 },
	{ "subpath", "string", "", "folder in the volume that is mounted instead of the whole",
		GTY_OPT_ATTACH, 0, 0 },
	{ 0 },
};

static const struct gty_driver driver = {
	.struct_size = sizeof driver,
	.kind = GTY_KIND_VOLUME,
	.abi_major = GTY_VOLUME_ABI_MAJOR,
	.abi_minor = GTY_VOLUME_ABI_MINOR,
	.priority = 100,
	.name = "local",
	.help = "folders of this host, binds, tmpfs, network file systems",
	.options = options,
	.ops = &ops,
};
static const struct gty_driver *const drivers[] = { &driver, NULL };

GTY_PLUGIN("volume-local", GANTRY_VERSION, "Apache-2.0", drivers);
