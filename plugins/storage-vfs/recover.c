/* SPDX-License-Identifier: Apache-2.0 */
/* After a start: the folder is compared with what the engine knows.  There is nothing in the kernel. */
#include "plugins/kit/recover.h"

#include "lib/base/cleanup.h"
#include "plugins/kit/call.h"
#include "plugins/kit/folder.h"
#include "plugins/kit/trash.h"
#include "plugins/storage-vfs/entries.h"
#include "plugins/storage-vfs/layout.h"

#include <errno.h>
#include <fcntl.h>

struct recovery {
	struct gty_storage *st;
	struct kit_known layers;
	struct kit_names there, staged;
	bool dry, reboot;
};

static bool is_pending(const struct gty_known *k)
{
	return k && (k->flags & GTY_KNOWN_F_PENDING);
}

static bool is_writable(const struct gty_storage *st, const char *id)
{
	struct vfs_about about = { 0 };
	auto_close int fd = layout_layer(st, id, NULL);

	return fd >= 0 && layout_read_about(fd, &about) && about.writable;
}

/* A writable layer that nobody knows after the machine went down may be somebody's work whose row was not
 * synced. */
static int drop_unknown(struct recovery *rc, const char *id, bool pending, struct error *err)
{
	struct gty_storage *st = rc->st;

	kit_log(st->host, rc->dry ? GTY_LOG_WARNING : GTY_LOG_INFO, "vfs: layer '%s' is %s", id,
		pending ? "half made" : "unknown");
	if (rc->dry)
		return 0;
	if (!rc->reboot || pending || !is_writable(st, id))
		return kit_trash_put(st->trash_fd, st->root_fd, id, err);
	kit_log(st->host, GTY_LOG_WARNING, "vfs: writable layer '%s' is kept in '%s/aside'", id, st->root);
	return kit_trash_set_aside(st->aside_fd, st->root_fd, id, err);
}

static int drop_layers(struct recovery *rc, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < rc->there.n; i++) {
		const struct gty_known *k = kit_known_find(&rc->layers, rc->there.v[i]);
		if (!k || is_pending(k))
			r = drop_unknown(rc, rc->there.v[i], is_pending(k), err);
	}
	/* What was being filled is filled anew: no worker has survived. */
	for (size_t i = 0; r == 0 && !rc->dry && i < rc->staged.n; i++)
		r = kit_trash_put(rc->st->trash_fd, rc->st->staging_fd, rc->staged.v[i], err);
	return r;
}

static int report_lost(struct recovery *rc, struct gty_call *call, struct gty_recover_rep *rep)
{
	struct gty_recover_rep found = { 0 };

	for (size_t i = 0; i < rc->layers.n; i++) {
		const struct gty_known *k = rc->layers.v[i];
		if (is_pending(k))
			continue;
		auto_close int fd = layout_tree(rc->st, k->id, O_PATH, NULL);
		if (fd < 0 && !kit_lost_put(call, &found, rc->layers.n, k->id, "it is not there"))
			return kit_no_memory(call);
	}
	rep->v = found.v;
	rep->n = found.n;
	return 0;
}

static bool any_name(const char *name)
{
	(void)name;
	return true;
}

static int recover_all(
	struct recovery *rc, struct gty_call *call, struct gty_recover_rep *rep, struct error *err)
{
	int r = kit_names_read(rc->st->root_fd, id_is_valid, &rc->there, err);

	if (r == 0)
		r = kit_names_read(rc->st->staging_fd, any_name, &rc->staged, err);
	if (r == 0)
		r = drop_layers(rc, err);
	return r < 0 ? kit_fail_error(call, err) : report_lost(rc, call, rep);
}

int vfs_recover(struct gty_storage *st, struct gty_call *call, const struct gty_recover_req *req,
	struct gty_recover_rep *rep)
{
	struct recovery rc = { .st = st,
		.dry = (req->flags & GTY_RECOVER_DRY) != 0,
		.reboot = (req->flags & GTY_RECOVER_REBOOT) != 0 };
	struct error err = ERROR_INIT;
	int r = kit_known_init(&rc.layers, req, GTY_KNOWN_LAYER);

	r = r < 0 ? kit_fail_sys(call, -r, "cannot compare the layers") : recover_all(&rc, call, rep, &err);
	kit_known_done(&rc.layers);
	kit_names_free(&rc.there);
	kit_names_free(&rc.staged);
	return r;
}
