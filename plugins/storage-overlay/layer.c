/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How layers come and go.  An image layer is filled in staging/<id> and exists from one rename on, made
 * durable before it; a writable layer is made the same way without a sync, since its container's row is
 * not synced either.  Removal is a rename into the trash.
 */
#include "plugins/storage-overlay/layout.h"

#include "lib/base/cleanup.h"
#include "plugins/kit/call.h"
#include "plugins/kit/folder.h"
#include "plugins/kit/links.h"
#include "plugins/kit/options.h"
#include "plugins/kit/trash.h"
#include "plugins/storage-overlay/entries.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Makes an empty staging/<id>, dropping a half-made one.  Returns its descriptor. */
static int staging_new(struct gty_storage *st, const char *id, struct error *err)
{
	int r = kit_trash_put(st->trash_fd, st->staging_fd, id, err);

	return r < 0 ? r : kit_folder_open(st->staging_fd, id, err);
}

/* The root folder of a merged tree is the uppermost layer's: it takes after the parent's. */
static int root_attributes(const struct gty_storage *st, const char *parent, struct stat *ret)
{
	char path[ID_LEN + 8];

	*ret = (struct stat){ .st_mode = 0755 };
	if (!parent)
		return 0;
	snprintf(path, sizeof path, "%s/diff", parent);
	return fstatat(st->root_fd, path, ret, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int make_diff(int dirfd, const struct stat *like, const struct gty_idmaps *maps, struct error *err)
{
	uint32_t uid = like->st_uid, gid = like->st_gid;
	int r = kit_map_owner(maps, &uid, &gid, err);

	if (r < 0)
		return r;
	if (mkdirat(dirfd, "diff", 0755) < 0)
		return error_sys(err, errno, "cannot make a layer's folder");
	auto_close int fd = openat(dirfd, "diff", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "cannot open a layer's folder");
	if ((uid != 0 || gid != 0) && fchown(fd, uid, gid) < 0)
		return error_sys(err, errno, "cannot give a layer's folder to %u:%u", uid, gid);
	if (fchmod(fd, like->st_mode & 07777) < 0)
		return error_sys(err, errno, "cannot set the mode of a layer's folder");
	return take_fd(fd);
}

static bool same_parent(const struct gty_storage *st, int dirfd, const char *parent)
{
	char id[ID_LEN + 1];

	layout_parent(st, dirfd, id);
	return strcmp(id, parent ? parent : "") == 0;
}

static int check_pair(const char *id, const char *parent, struct error *err)
{
	int r = kit_id_check("layer", id, err);

	return r == 0 && parent ? kit_id_check("parent", parent, err) : r;
}

static int stage_folder(
	struct gty_storage *st, const char *id, const char *parent, int *ret_fd, struct error *err)
{
	struct stat like;
	auto_close int dirfd = staging_new(st, id, err);

	if (dirfd < 0)
		return dirfd;
	/* The parent may still be on its way: its root folder's mode is then left to the tar. */
	if (root_attributes(st, parent, &like) < 0)
		like = (struct stat){ .st_mode = 0755 };
	if (parent && symlinkat(parent, dirfd, "parent") < 0)
		return error_sys(err, errno, "cannot note the parent of layer '%s'", id);
	int fd = make_diff(dirfd, &like, NULL, err);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

int overlay_stage(struct gty_storage *st, struct gty_call *call, const struct gty_stage_req *req,
	struct gty_stage_rep *rep)
{
	struct error err = ERROR_INIT;
	int fd = -1, r = check_pair(req->id, req->parent, &err);

	if (r < 0)
		return kit_fail_error(call, &err);
	auto_close int there = layout_layer(st, req->id, &err);
	if (there >= 0) {
		if (layout_is_writable(there) || !same_parent(st, there, req->parent))
			return kit_fail(call, GTY_E_CONFLICT, EEXIST,
				"layer '%s' is there with another parent", req->id);
		rep->form = GTY_STAGE_READY;
		return 0;
	}
	r = there == -ENOENT ? stage_folder(st, req->id, req->parent, &fd, &err) : there;
	if (r < 0)
		return kit_fail_error(call, &err);
	rep->form = GTY_STAGE_DIR;
	rep->whiteout = st->userxattr ? GTY_WHITEOUT_OVERLAY_USER : GTY_WHITEOUT_OVERLAY;
	rep->fd = fd;
	return 0;
}

static int staged_parent(int dirfd, char buf[ID_LEN + 1], const char **ret, struct error *err)
{
	ssize_t n = readlinkat(dirfd, "parent", buf, ID_LEN + 1);

	if (n < 0 && errno == ENOENT) {
		*ret = NULL;
		return 0;
	}
	if (n != ID_LEN)
		return error_set(
			err, ERROR_INTERNAL, EUCLEAN, "the note of a staged layer's parent is damaged");
	buf[n] = '\0';
	*ret = buf;
	return kit_id_check("parent", buf, err);
}

static int write_text(int dirfd, const char *name, const char *text, struct error *err)
{
	int r = kit_file_write(dirfd, name, text, strlen(text));

	return r < 0 ? error_sys(err, -r, "cannot write a layer's file '%s'", name) : 0;
}

/* Everything of the layer is on disk before the rename that makes it one. */
static int publish(struct gty_storage *st, const char *id, struct error *err)
{
	if (syncfs(st->root_fd) < 0)
		return error_sys(err, errno, "cannot write layer '%s' to disk", id);
	int r = kit_rename_new(st->staging_fd, id, st->root_fd, id);
	if (r < 0)
		return error_sys(err, -r, "cannot make layer '%s' visible", id);
	if (fsync(st->root_fd) < 0)
		return error_sys(err, errno, "cannot write the name of layer '%s' to disk", id);
	return 0;
}

static int commit_staged(struct gty_storage *st, const char *id, int dirfd, struct error *err)
{
	char lower[OVERLAY_LOWER_MAX], parent_buf[ID_LEN + 1], target[ID_LEN + 16], link[8] = "";
	const char *parent;
	int r = staged_parent(dirfd, parent_buf, &parent, err);

	if (r == 0)
		r = layout_lower_of_child(st, parent, lower, err);
	if (r == 0)
		r = write_text(dirfd, "lower", lower, err);
	if (r < 0)
		return r;
	snprintf(target, sizeof target, "../%s/diff", id);
	r = kit_link_create(st->links_fd, target, link, err);
	if (r < 0)
		return r;
	r = write_text(dirfd, "link", link, err);
	if (r == 0)
		r = publish(st, id, err);
	if (r == 0)
		return 0;
	if (faccessat(st->root_fd, id, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		unlinkat(st->links_fd, link, 0);
	return r;
}

static int committed_usage(const struct gty_commit_req *req, struct gty_call *call, int dirfd,
	struct gty_usage *rep, struct error *err)
{
	struct kit_usage usage = { req->size, req->files };

	if (usage.bytes == 0 && usage.inodes == 0) {
		auto_close int diff = openat(dirfd, "diff", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (diff < 0)
			return error_sys(err, errno, "cannot open the files of layer '%s'", req->id);
		int r = kit_usage_walk(diff, call, &usage, err);
		if (r < 0)
			return r;
	}
	rep->bytes = usage.bytes;
	rep->inodes = usage.inodes;
	return 0;
}

int overlay_commit(struct gty_storage *st, struct gty_call *call, const struct gty_commit_req *req,
	struct gty_usage *rep)
{
	struct error err = ERROR_INIT;
	int r = kit_id_check("layer", req->id, &err);

	if (r < 0)
		return kit_fail_error(call, &err);
	auto_close int staged = openat(
		st->staging_fd, req->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (staged >= 0) {
		r = commit_staged(st, req->id, staged, &err);
		if (r < 0)
			return kit_fail_error(call, &err);
	}
	auto_close int dirfd = layout_layer(st, req->id, &err);
	if (dirfd < 0 || committed_usage(req, call, dirfd, rep, &err) < 0)
		return kit_fail_error(call, &err);
	return 0;
}

struct wanted {
	const char *id, *parent;
	const struct gty_idmaps *maps;
	uint64_t size;
	bool is_volatile;
	char lower[OVERLAY_LOWER_MAX];
};

static int fill_writable(struct gty_storage *st, const struct wanted *w, int dirfd, struct error *err)
{
	struct stat like;
	int r = root_attributes(st, w->parent, &like);

	if (r < 0)
		return error_sys(err, -r, "cannot look at parent '%s'", w->parent);
	/* Before anything is made in the folder: the project is inherited, not set again. */
	if (w->size > 0)
		r = kit_quota_assign(&st->quota, dirfd, w->size, err);
	if (r < 0)
		return r;
	auto_close int diff = make_diff(dirfd, &like, w->maps, err);
	if (diff < 0)
		return diff;
	if (mkdirat(dirfd, "work", 0700) < 0)
		return error_sys(err, errno, "cannot make the work folder of layer '%s'", w->id);
	r = write_text(dirfd, "lower", w->lower, err);
	if (r == 0 && w->is_volatile)
		r = write_text(dirfd, "volatile", "", err);
	return r;
}

static int create_writable(struct gty_storage *st, const struct wanted *w, struct error *err)
{
	auto_close int dirfd = staging_new(st, w->id, err);

	if (dirfd < 0)
		return dirfd;
	int r = fill_writable(st, w, dirfd, err);
	if (r == 0) {
		r = kit_rename_new(st->staging_fd, w->id, st->root_fd, w->id);
		if (r < 0)
			error_sys(err, -r, "cannot make layer '%s' visible", w->id);
	}
	if (r < 0)
		kit_trash_put(st->trash_fd, st->staging_fd, w->id, NULL);
	return r;
}

/* A repeated create mends what a crash may have cut short. */
static int create_again(const struct wanted *w, int dirfd, struct error *err)
{
	char lower[OVERLAY_LOWER_MAX];

	if (!layout_is_writable(dirfd))
		return error_set(
			err, ERROR_CONFLICT, EEXIST, "layer '%s' is there and belongs to an image", w->id);
	if (layout_lower(dirfd, lower, NULL) == -EUCLEAN)
		return write_text(dirfd, "lower", w->lower, err);
	if (strncmp(lower, w->lower, strlen(lower)) != 0 || strlen(lower) + 1 != strlen(w->lower))
		return error_set(
			err, ERROR_CONFLICT, EEXIST, "layer '%s' is there with another parent", w->id);
	return 0;
}

static int read_request(
	const struct gty_storage *st, const struct gty_create_req *req, struct wanted *w, struct error *err)
{
	uint64_t size = 0;
	int r = check_pair(req->id, req->parent, err);

	*w = (struct wanted){ .id = req->id, .parent = req->parent, .maps = req->maps };
	if (r == 0)
		r = kit_option_size(req->opts, req->opts_n, "size", 0, &size, err);
	if (r == 0)
		r = kit_option_bool(req->opts, req->opts_n, "volatile", false, &w->is_volatile, err);
	w->size = req->size_limit ? req->size_limit : size ? size : st->default_size;
	if (r == 0 && w->size > 0 && !st->quota.on)
		r = kit_quota_missing("the writable layer", err);
	return r == 0 ? layout_lower_of_child(st, req->parent, w->lower, err) : r;
}

int overlay_create(
	struct gty_storage *st, struct gty_call *call, const struct gty_create_req *req, struct gty_kvs *rep)
{
	struct error err = ERROR_INIT;
	struct wanted w;

	(void)rep;
	if (read_request(st, req, &w, &err) < 0)
		return kit_fail_error(call, &err);
	auto_close int there = layout_layer(st, req->id, &err);
	int r = there;
	if (there >= 0)
		r = create_again(&w, there, &err);
	else if (there == -ENOENT)
		r = create_writable(st, &w, &err);
	return r < 0 ? kit_fail_error(call, &err) : 0;
}

int overlay_remove(struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref)
{
	char link[8] = "", holder[256];
	struct error err = ERROR_INIT;
	int r = kit_id_check("layer", ref->id, &err);

	if (r < 0)
		return kit_fail_error(call, &err);
	if (!(ref->flags & GTY_REF_FORCE) && kit_holders_any(&st->holders, ref->id, holder, sizeof holder))
		return kit_fail(
			call, GTY_E_CONFLICT, EBUSY, "layer '%s' is mounted by '%s'", ref->id, holder);
	auto_close int dirfd = openat(st->root_fd, ref->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dirfd >= 0) {
		layout_own_link(dirfd, link);
		r = kit_trash_put(st->trash_fd, st->root_fd, ref->id, &err);
		/* The layer goes first: a link without a layer is mended, a layer without a link is lost to
		 * its children. */
		if (r == 0 && link[0])
			unlinkat(st->links_fd, link, 0);
	}
	if (r == 0)
		r = kit_trash_put(st->trash_fd, st->staging_fd, ref->id, &err);
	return r < 0 ? kit_fail_error(call, &err) : 0;
}

int overlay_resize(struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref)
{
	struct error err = ERROR_INIT;
	auto_close int dirfd = layout_layer(st, ref->id, &err);

	if (dirfd < 0 || kit_quota_change(&st->quota, dirfd, ref->size, &err) < 0)
		return kit_fail_error(call, &err);
	return 0;
}

int overlay_sweep(struct gty_storage *st, struct gty_call *call, struct gty_usage *freed)
{
	struct error err = ERROR_INIT;
	struct kit_usage usage = { 0 };

	if (kit_trash_sweep(st->trash_fd, call, &usage, &err) < 0)
		return kit_fail_error(call, &err);
	freed->bytes = usage.bytes;
	freed->inodes = usage.inodes;
	return 0;
}
