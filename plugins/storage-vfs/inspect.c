/* SPDX-License-Identifier: Apache-2.0 */
/* What there is: status, lists, a layer's folder, sizes. */
#include "plugins/storage-vfs/layout.h"

#include "lib/base/cleanup.h"
#include "plugins/kit/call.h"
#include "plugins/kit/list.h"
#include "plugins/storage-vfs/entries.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

int vfs_status(struct gty_storage *st, struct gty_call *call, struct gty_kvs *rep)
{
	struct gty_kvs kvs = { 0 };

	if (!kit_kvs_put(call, &kvs, 1, "Backing Filesystem", st->backing))
		return kit_no_memory(call);
	rep->v = kvs.v;
	rep->n = kvs.n;
	return 0;
}

static bool describe_layer(
	struct gty_storage *st, const char *id, bool staged, char parent[ID_LEN + 1], uint32_t *ret_flags)
{
	struct vfs_about about = { 0 };
	auto_close int fd = openat(
		staged ? st->staging_fd : st->root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return false;
	layout_read_about(fd, &about);
	memcpy(parent, about.parent, sizeof about.parent);
	*ret_flags = staged ? GTY_LAYER_STAGED : about.writable ? GTY_LAYER_WRITABLE : 0;
	return true;
}

int vfs_list(struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref, struct gty_layers *rep)
{
	const struct kit_lister lister = { st->root_fd, st->staging_fd, describe_layer };

	return kit_list_layers(&lister, st, call, ref, rep);
}

int vfs_describe(
	struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref, struct gty_kvs *rep)
{
	struct error err = ERROR_INIT;
	struct gty_kvs kvs = { 0 };
	auto_close int fd = layout_layer(st, ref->id, &err);

	if (fd < 0)
		return kit_fail_error(call, &err);
	const char *dir = kit_format(call, "%s/%s/fs", st->root, ref->id);
	if (!dir || !kit_kvs_put(call, &kvs, 1, "Dir", dir))
		return kit_no_memory(call);
	rep->v = kvs.v;
	rep->n = kvs.n;
	return 0;
}

int vfs_usage(struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref, struct gty_usage *rep)
{
	struct error err = ERROR_INIT;
	struct kit_usage usage = { 0 };
	uint64_t limit = 0;
	auto_close int dirfd = layout_layer(st, ref->id, &err);

	if (dirfd < 0)
		return kit_fail_error(call, &err);
	if (!kit_quota_usage(&st->quota, dirfd, &usage, &limit)) {
		auto_close int fd = layout_tree(st, ref->id, O_RDONLY, &err);
		if (fd < 0 || kit_usage_walk(fd, call, &usage, &err) < 0)
			return kit_fail_error(call, &err);
	}
	rep->bytes = usage.bytes;
	rep->inodes = usage.inodes;
	rep->limit = limit;
	return 0;
}
