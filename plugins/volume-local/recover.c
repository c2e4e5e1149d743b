/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a start: the folder is compared with what the engine knows.  Half-made volumes are removed; a whole
 * one that nobody knows holds somebody's data and is set aside, never deleted.
 */
#include "plugins/kit/recover.h"

#include "lib/base/cleanup.h"
#include "plugins/kit/call.h"
#include "plugins/kit/folder.h"
#include "plugins/kit/trash.h"
#include "plugins/volume-local/entries.h"
#include "plugins/volume-local/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct recovery {
	struct gty_volume *vd;
	struct kit_known volumes, mounts;
	struct kit_names there, half;
	bool dry, reboot;
};

static bool is_pending(const struct gty_known *k)
{
	return k && (k->flags & GTY_KNOWN_F_PENDING);
}

static int hold_again(struct recovery *rc, struct error *err)
{
	char other[2];

	for (size_t i = 0; i < rc->mounts.n && !rc->reboot && !rc->dry; i++) {
		const struct gty_known *k = rc->mounts.v[i];
		if (!k->holder || is_pending(k))
			continue;
		int r = kit_holders_add(
			&rc->vd->holders, k->id, k->holder, KIT_HOLD_WRITE, false, other, sizeof other);
		if (r < 0)
			return error_sys(err, -r, "cannot note who mounts volume '%s'", k->id);
	}
	return 0;
}

static int drop_unknown(struct recovery *rc, const char *name, bool pending, struct error *err)
{
	struct gty_volume *vd = rc->vd;

	kit_log(vd->host, GTY_LOG_WARNING, "local: volume '%s' is %s", name,
		pending ? "half made" : "unknown");
	if (rc->dry)
		return 0;
	layout_unmount(vd, name);
	if (pending)
		return kit_trash_put(vd->trash_fd, vd->root_fd, name, err);
	kit_log(vd->host, GTY_LOG_WARNING, "local: volume '%s' is kept in '%s/.aside'", name, vd->root);
	return kit_trash_set_aside(vd->aside_fd, vd->root_fd, name, err);
}

static int drop_volumes(struct recovery *rc, struct error *err)
{
	struct gty_volume *vd = rc->vd;
	int r = 0;

	for (size_t i = 0; r == 0 && i < rc->there.n; i++) {
		const char *name = rc->there.v[i];
		const struct gty_known *k = kit_known_find(&rc->volumes, name);
		if (!k || is_pending(k))
			r = drop_unknown(rc, name, is_pending(k), err);
		else if (!rc->dry && !kit_holders_any(&vd->holders, name, NULL, 0))
			layout_unmount(vd, name);
	}
	for (size_t i = 0; r == 0 && !rc->dry && i < rc->half.n; i++)
		r = kit_trash_put(vd->trash_fd, vd->new_fd, rc->half.v[i], err);
	return r;
}

static int report_lost(struct recovery *rc, struct gty_call *call, struct gty_recover_rep *rep)
{
	struct gty_recover_rep found = { 0 };

	for (size_t i = 0; i < rc->volumes.n; i++) {
		const struct gty_known *k = rc->volumes.v[i];
		if (is_pending(k))
			continue;
		auto_close int fd = layout_data(rc->vd, k->id, O_PATH, NULL);
		if (fd < 0 && !kit_lost_put(call, &found, rc->volumes.n, k->id, "its folder is not there"))
			return kit_no_memory(call);
	}
	rep->v = found.v;
	rep->n = found.n;
	return 0;
}

static int recover_all(
	struct recovery *rc, struct gty_call *call, struct gty_recover_rep *rep, struct error *err)
{
	int r = kit_names_read(rc->vd->root_fd, layout_name_valid, &rc->there, err);

	if (r == 0)
		r = kit_names_read(rc->vd->new_fd, layout_name_valid, &rc->half, err);
	if (r == 0)
		r = hold_again(rc, err);
	if (r == 0)
		r = drop_volumes(rc, err);
	if (r < 0)
		return kit_fail_error(call, err);
	if (!rc->dry)
		reaper_wake(&rc->vd->reaper);
	return report_lost(rc, call, rep);
}

int local_recover(struct gty_volume *vd, struct gty_call *call, const struct gty_recover_req *req,
	struct gty_recover_rep *rep)
{
	struct recovery rc = { .vd = vd,
		.dry = (req->flags & GTY_RECOVER_DRY) != 0,
		.reboot = (req->flags & GTY_RECOVER_REBOOT) != 0 };
	struct error err = ERROR_INIT;
	int r = kit_known_init(&rc.volumes, req, GTY_KNOWN_VOLUME);

	if (r == 0)
		r = kit_known_init(&rc.mounts, req, GTY_KNOWN_MOUNT);
	r = r < 0 ? kit_fail_sys(call, -r, "cannot compare the volumes") : recover_all(&rc, call, rep, &err);
	kit_known_done(&rc.volumes);
	kit_known_done(&rc.mounts);
	kit_names_free(&rc.there);
	kit_names_free(&rc.half);
	return r;
}
