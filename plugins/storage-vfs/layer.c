/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How layers come and go.  Each is a whole tree: a copy of its parent, made in staging/<id>, and a layer from
 * one rename on.  Image layers are durable before it, writable ones are not synced.
 */
#include "plugins/storage-vfs/layout.h"

#include "lib/base/cleanup.h"
#include "lib/base/sys.h"
#include "plugins/kit/call.h"
#include "plugins/kit/folder.h"
#include "plugins/kit/options.h"
#include "plugins/kit/trash.h"
#include "plugins/storage-vfs/copy.h"
#include "plugins/storage-vfs/entries.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int check_pair(const char *id, const char *parent, struct error *err)
{
	int r = kit_id_check("layer", id, err);

	return r == 0 && parent ? kit_id_check("parent", parent, err) : r;
}

static int copy_parent(
	struct gty_storage *st, const char *parent, int to, const struct gty_call *call, struct error *err)
{
	auto_close int from = layout_tree(st, parent, O_RDONLY, err);

	if (from < 0)
		return from == -ENOENT ? error_prefix(err, from, "parent") : from;
	return copy_tree(from, to, call, err);
}

/* Fills staging/<id> anew; answers its tree's descriptor. */
static int stage_tree(struct gty_storage *st, const char *id, const char *parent, bool writable,
	uint64_t size, const struct gty_call *call, struct error *err)
{
	int r = kit_trash_put(st->trash_fd, st->staging_fd, id, err);
	auto_close int dirfd = r < 0 ? r : kit_folder_open(st->staging_fd, id, err);

	if (dirfd < 0)
		return dirfd;
	/* Before anything is made in the folder: the project is inherited, not set again. */
	if (size > 0)
		r = kit_quota_assign(&st->quota, dirfd, size, err);
	if (r == 0)
		r = layout_write_about(dirfd, writable, parent, err);
	if (r < 0)
		return r;
	if (mkdirat(dirfd, "fs", 0755) < 0)
		return error_sys(err, errno, "cannot make a layer's folder");
	auto_close int fd = openat(dirfd, "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0755) < 0)
		return error_sys(err, errno, "cannot open a layer's folder");
	if (parent)
		r = copy_parent(st, parent, fd, call, err);
	return r < 0 ? r : take_fd(fd);
}

/* 1 when the layer is there as wanted, 0 when it is not there. */
static int find_same(
	const struct gty_storage *st, const char *id, const char *parent, bool writable, struct error *err)
{
	struct vfs_about about;
	auto_close int dirfd = layout_layer(st, id, err);

	if (dirfd < 0)
		return dirfd == -ENOENT ? 0 : dirfd;
	if (!layout_read_about(dirfd, &about) || about.writable != writable ||
		strcmp(about.parent, parent ? parent : "") != 0)
		return error_set(err, ERROR_CONFLICT, EEXIST, "layer '%s' is there as another one", id);
	return 1;
}

int vfs_stage(struct gty_storage *st, struct gty_call *call, const struct gty_stage_req *req,
	struct gty_stage_rep *rep)
{
	struct error err = ERROR_INIT;
	int fd = -1, r = check_pair(req->id, req->parent, &err);

	if (r == 0)
		r = find_same(st, req->id, req->parent, false, &err);
	if (r == 0) {
		fd = stage_tree(st, req->id, req->parent, false, 0, call, &err);
		if (fd < 0)
			kit_trash_put(st->trash_fd, st->staging_fd, req->id, NULL);
	}
	if (r < 0 || (r == 0 && fd < 0))
		return kit_fail_error(call, &err);
	rep->form = r > 0 ? GTY_STAGE_READY : GTY_STAGE_DIR;
	rep->whiteout = GTY_WHITEOUT_APPLY;
	if (fd >= 0)
		rep->fd = fd;
	return 0;
}

static int publish(struct gty_storage *st, const char *id, bool durable, struct error *err)
{
	if (durable && syncfs(st->root_fd) < 0)
		return error_sys(err, errno, "cannot write layer '%s' to disk", id);
	int r = kit_rename_new(st->staging_fd, id, st->root_fd, id);
	if (r < 0)
		return error_sys(err, -r, "cannot make layer '%s' visible", id);
	if (durable && fsync(st->root_fd) < 0)
		return error_sys(err, errno, "cannot write the name of layer '%s' to disk", id);
	return 0;
}

static int count_tree(const struct gty_storage *st, const char *id, struct gty_call *call,
	struct gty_usage *rep, struct error *err)
{
	struct kit_usage usage = { 0 };
	auto_close int fd = layout_tree(st, id, O_RDONLY, err);
	int r = fd < 0 ? fd : kit_usage_walk(fd, call, &usage, err);

	if (r < 0)
		return r;
	rep->bytes = usage.bytes;
	rep->inodes = usage.inodes;
	return 0;
}

int vfs_commit(struct gty_storage *st, struct gty_call *call, const struct gty_commit_req *req,
	struct gty_usage *rep)
{
	struct error err = ERROR_INIT;
	int r = kit_id_check("layer", req->id, &err);

	if (r == 0 && faccessat(st->staging_fd, req->id, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		r = publish(st, req->id, true, &err);
	if (r == 0)
		r = count_tree(st, req->id, call, rep, &err);
	return r < 0 ? kit_fail_error(call, &err) : 0;
}

static int read_size(
	const struct gty_storage *st, const struct gty_create_req *req, uint64_t *ret, struct error *err)
{
	uint64_t size;
	int r = kit_option_size(req->opts, req->opts_n, "size", 0, &size, err);

	if (r < 0)
		return r;
	*ret = req->size_limit ? req->size_limit : size ? size : st->default_size;
	return *ret > 0 && !st->quota.on ? kit_quota_missing("the writable layer", err) : 0;
}

static int create_writable(struct gty_storage *st, struct gty_call *call, const struct gty_create_req *req,
	uint64_t size, struct error *err)
{
	int fd = stage_tree(st, req->id, req->parent, true, size, call, err);
	int r = fd < 0 ? fd : publish(st, req->id, false, err);

	if (fd >= 0)
		close(fd);
	if (r < 0)
		kit_trash_put(st->trash_fd, st->staging_fd, req->id, NULL);
	return r;
}

/* Ids stay as they are on disk: without CAP_IDMAP it is the core that maps the tree. */
int vfs_create(
	struct gty_storage *st, struct gty_call *call, const struct gty_create_req *req, struct gty_kvs *rep)
{
	struct error err = ERROR_INIT;
	uint64_t size;
	int r = check_pair(req->id, req->parent, &err);

	(void)rep;
	if (r == 0)
		r = read_size(st, req, &size, &err);
	if (r == 0)
		r = find_same(st, req->id, req->parent, true, &err);
	if (r == 0)
		r = create_writable(st, call, req, size, &err);
	return r < 0 ? kit_fail_error(call, &err) : 0;
}

int vfs_remove(struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref)
{
	struct error err = ERROR_INIT;
	int r = kit_id_check("layer", ref->id, &err);

	if (r == 0)
		r = kit_trash_put(st->trash_fd, st->root_fd, ref->id, &err);
	if (r == 0)
		r = kit_trash_put(st->trash_fd, st->staging_fd, ref->id, &err);
	return r < 0 ? kit_fail_error(call, &err) : 0;
}

/* A folder of the host: the core clones it, which only works in the host's mount namespace. */
int vfs_mount(
	struct gty_storage *st, struct gty_call *call, const struct gty_mount_req *req, struct gty_tree *rep)
{
	struct vfs_about about;
	struct error err = ERROR_INIT;
	auto_close int dirfd = layout_layer(st, req->id, &err);

	if (dirfd < 0)
		return kit_fail_error(call, &err);
	if (req->flags & GTY_MOUNT_BLOCK)
		return kit_fail(call, GTY_E_UNSUPPORTED, EOPNOTSUPP, "vfs has no block devices");
	if (!req->holder || !*req->holder)
		return kit_fail(call, GTY_E_INVALID, EINVAL, "a mount needs a holder");
	if (!layout_read_about(dirfd, &about))
		return kit_fail(call, GTY_E_CONFLICT, EUCLEAN,
			"layer '%s' is damaged: it has no note of its kind", req->id);
	char *where = kit_format(call, "%s/%s/fs", st->root, req->id);
	if (!where)
		return kit_no_memory(call);
	auto_close int fd = openat(dirfd, "fs", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return kit_fail_sys(call, errno, "cannot open the files of layer '%s'", req->id);
	/* What others are copied from is never written to. */
	bool writable = about.writable && !(req->flags & GTY_MOUNT_RDONLY);
	rep->form = GTY_TREE_DIR;
	rep->attrs = writable ? 0 : MOUNT_ATTR_RDONLY;
	rep->where = where;
	rep->state = writable ? "rw" : "ro";
	rep->fd = take_fd(fd);
	return 0;
}

/* Nothing was made. */
int vfs_unmount(struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref)
{
	struct error err = ERROR_INIT;

	(void)st;
	return kit_id_check("layer", ref->id, &err) < 0 ? kit_fail_error(call, &err) : 0;
}

int vfs_resize(struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref)
{
	struct error err = ERROR_INIT;
	auto_close int dirfd = layout_layer(st, ref->id, &err);

	if (dirfd < 0 || kit_quota_change(&st->quota, dirfd, ref->size, &err) < 0)
		return kit_fail_error(call, &err);
	return 0;
}

int vfs_sweep(struct gty_storage *st, struct gty_call *call, struct gty_usage *freed)
{
	struct error err = ERROR_INIT;
	struct kit_usage usage = { 0 };

	if (kit_trash_sweep(st->trash_fd, call, &usage, &err) < 0)
		return kit_fail_error(call, &err);
	freed->bytes = usage.bytes;
	freed->inodes = usage.inodes;
	return 0;
}
