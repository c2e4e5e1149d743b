/* SPDX-License-Identifier: Apache-2.0 */
/* mount and unmount: which layers make the tree, who may have it, and in what form it is answered. */
#include "plugins/storage-overlay/mountapi.h"

#include "lib/base/cleanup.h"
#include "lib/base/sys.h"
#include "plugins/kit/call.h"
#include "plugins/kit/trash.h"
#include "plugins/storage-overlay/entries.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int find_lowers(
	int dirfd, const char *id, bool with_self, struct overlay_tree *tree, struct error *err)
{
	char below[OVERLAY_LOWER_MAX], link[8], self[ID_LEN + 16] = "";
	int r = layout_lower(dirfd, below, err);

	if (r < 0)
		return error_prefix(err, r, "layer '%s'", id);
	if (with_self && layout_own_link(dirfd, link))
		snprintf(self, sizeof self, "l/%s", link);
	else if (with_self)
		snprintf(self, sizeof self, "%s/diff", id);
	/* Overlay wants a lower layer below an upper, and two where there is no upper. */
	const char *ground = below[0] ? "" : "empty";
	r = snprintf(tree->lowers, sizeof tree->lowers, "%s%s%s%s", self, self[0] ? ":" : "", below, ground);
	return r < (int)sizeof tree->lowers ? 0 : error_set(err, ERROR_EXHAUSTED, E2BIG, "too many layers");
}

/* Overlay marks the work folder of a volatile upper and refuses to mount it again while the mark is there. */
static int clear_volatile_mark(struct gty_storage *st, int dirfd, struct error *err)
{
	auto_close int work = openat(dirfd, "work/work", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (work < 0)
		return errno == ENOENT ? 0 : error_sys(err, errno, "cannot open a work folder");
	return kit_trash_put(st->trash_fd, work, "incompat", err);
}

static int find_tree(struct gty_storage *st, const struct gty_mount_req *req, int dirfd,
	struct overlay_tree *tree, struct error *err)
{
	bool writable = layout_is_writable(dirfd) && !(req->flags & GTY_MOUNT_RDONLY);
	int r = 0;

	*tree = (struct overlay_tree){
		.upper = writable ? req->id : NULL, .label = req->label, .userns_fd = -1
	};
	if (req->label && (strlen(req->label) > 255 || strpbrk(req->label, "\"\n")))
		return error_invalid(err, "the label is not an SELinux context");
	if (req->maps) {
		if (!st->by_fd)
			return error_set(err, ERROR_UNSUPPORTED, EOPNOTSUPP,
				"this kernel's overlay takes no layers with mapped ids (6.13 does)");
		if (req->maps->userns_fd < 0)
			return error_invalid(err, "mapped ids need the descriptor of a user namespace");
		tree->userns_fd = req->maps->userns_fd;
	}
	if (writable && faccessat(dirfd, "volatile", F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		tree->is_volatile = true;
		r = clear_volatile_mark(st, dirfd, err);
	}
	return r < 0 ? r : find_lowers(dirfd, req->id, !writable, tree, err);
}

static int hold(struct gty_storage *st, const struct gty_mount_req *req, bool writable, struct error *err)
{
	char other[256];
	int r = kit_holders_add(&st->holders, req->id, req->holder, writable ? KIT_HOLD_WRITE : KIT_HOLD_READ,
		true, other, sizeof other);

	if (r == -EBUSY)
		return error_set(err, ERROR_CONFLICT, EBUSY,
			"layer '%s' is mounted for writing by '%s': its tree is to be reached through that "
			"one",
			req->id, other);
	return r < 0 ? error_sys(err, -r, "cannot note who mounts layer '%s'", req->id) : r;
}

static int answer_steps(struct gty_storage *st, struct gty_call *call, const struct overlay_tree *tree,
	struct gty_tree *rep, struct error *err)
{
	char data[OVERLAY_DATA_MAX + 1];
	int r = mountapi_data(st, tree, data, err);

	if (r < 0)
		return r;
	struct gty_step *step = kit_alloc(call, 1, sizeof *step);
	char *copy = call->strdup(call, data), *base = call->strdup(call, st->root);
	if (!step || !copy || !base)
		return error_set(err, ERROR_EXHAUSTED, ENOMEM, "the answer is too large for a call");
	step->op = GTY_STEP_MOUNT2;
	step->flags = tree->upper ? 0 : MS_RDONLY;
	step->fstype = step->source = "overlay";
	step->data = copy;
	rep->form = GTY_TREE_STEPS;
	rep->steps = step;
	rep->steps_n = 1;
	rep->base = base;
	return 0;
}

static int answer_mount(
	struct gty_storage *st, const struct overlay_tree *tree, struct gty_tree *rep, struct error *err)
{
	int fd = st->api == OVERLAY_API_FSOPEN ? mountapi_fsopen(st, tree, err)
					       : mountapi_mount2(st, tree, err);

	if (fd < 0)
		return fd;
	rep->form = GTY_TREE_MOUNT;
	rep->fd = fd;
	return 0;
}

static int answer(struct gty_storage *st, struct gty_call *call, const struct gty_mount_req *req,
	const struct overlay_tree *tree, struct gty_tree *rep, struct error *err)
{
	char *where = kit_format(call, "%s/%s/merged", st->root, req->id);
	int r;

	if (!where)
		return error_set(err, ERROR_EXHAUSTED, ENOMEM, "the answer is too large for a call");
	/* Waiting in the container costs the daemon nothing; fsopen has to be done here, where the layers
	 * are. */
	if (st->api == OVERLAY_API_MOUNT2 && !(req->flags & GTY_MOUNT_NO_STEPS))
		r = answer_steps(st, call, tree, rep, err);
	else
		r = answer_mount(st, tree, rep, err);
	if (r < 0)
		return r;
	rep->attrs = tree->upper ? 0 : MOUNT_ATTR_RDONLY;
	rep->where = where;
	rep->state = tree->upper ? "rw" : "ro";
	rep->flags = (tree->userns_fd >= 0 ? GTY_TREE_F_IDMAPPED : 0) |
		     (tree->label ? GTY_TREE_F_LABELLED : 0);
	return 0;
}

int overlay_mount(
	struct gty_storage *st, struct gty_call *call, const struct gty_mount_req *req, struct gty_tree *rep)
{
	struct error err = ERROR_INIT;
	struct overlay_tree tree;
	auto_close int dirfd = layout_layer(st, req->id, &err);

	if (dirfd < 0)
		return kit_fail_error(call, &err);
	if (req->flags & GTY_MOUNT_BLOCK)
		return kit_fail(call, GTY_E_UNSUPPORTED, EOPNOTSUPP, "overlay has no block devices");
	if (!req->holder || !*req->holder)
		return kit_fail(call, GTY_E_INVALID, EINVAL, "a mount needs a holder");
	/* Before the work folder is touched: somebody may be using it. */
	bool writable = layout_is_writable(dirfd) && !(req->flags & GTY_MOUNT_RDONLY);
	int fresh = hold(st, req, writable, &err);
	if (fresh < 0)
		return kit_fail_error(call, &err);
	int r = find_tree(st, req, dirfd, &tree, &err);
	if (r == 0)
		r = answer(st, call, req, &tree, rep, &err);
	if (r < 0 && fresh)
		kit_holders_remove(&st->holders, req->id, req->holder);
	return r < 0 ? kit_fail_error(call, &err) : 0;
}

/* The container's namespace, or the descriptor, was the mount: there is nothing to undo but the note. */
int overlay_unmount(struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref)
{
	struct error err = ERROR_INIT;

	if (kit_id_check("layer", ref->id, &err) < 0)
		return kit_fail_error(call, &err);
	if (ref->holder)
		kit_holders_remove(&st->holders, ref->id, ref->holder);
	return 0;
}
