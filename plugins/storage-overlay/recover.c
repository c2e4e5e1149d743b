/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a start: the folder is compared with what the engine knows.  In the kernel there is nothing to look
 * for: a detached mount died with its last holder, one in a container's namespace belongs to that.
 */
#include "plugins/kit/recover.h"

#include "lib/base/cleanup.h"
#include "plugins/kit/call.h"
#include "plugins/kit/folder.h"
#include "plugins/kit/links.h"
#include "plugins/kit/trash.h"
#include "plugins/storage-overlay/entries.h"
#include "plugins/storage-overlay/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct recovery {
	struct gty_storage *st;
	struct kit_known layers, mounts;
	struct kit_names there, staged;
	bool dry, reboot;
};

static bool is_pending(const struct gty_known *k)
{
	return k && (k->flags & GTY_KNOWN_F_PENDING);
}

/* A writable layer that nobody knows after the machine went down may be somebody's work whose row was not
 * synced. */
static int drop_unknown(struct recovery *rc, const char *id, bool pending, struct error *err)
{
	struct gty_storage *st = rc->st;
	auto_close int dirfd = layout_layer(st, id, NULL);
	char link[8];

	kit_log(st->host, rc->dry ? GTY_LOG_WARNING : GTY_LOG_INFO, "overlay: layer '%s' is %s", id,
		pending ? "half made" : "unknown");
	if (rc->dry || dirfd < 0)
		return 0;
	if (rc->reboot && !pending && layout_is_writable(dirfd)) {
		kit_log(st->host, GTY_LOG_WARNING, "overlay: writable layer '%s' is kept in '%s/aside'", id,
			st->root);
		return kit_trash_set_aside(st->aside_fd, st->root_fd, id, err);
	}
	bool linked = layout_own_link(dirfd, link);
	int r = kit_trash_put(st->trash_fd, st->root_fd, id, err);
	if (r == 0 && linked)
		unlinkat(st->links_fd, link, 0);
	return r;
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

static bool any_name(const char *name)
{
	(void)name;
	return true;
}

/* Short names that lead nowhere are left from a crash between commit's steps or remove's. */
static int drop_links(struct recovery *rc, struct error *err)
{
	struct kit_names links = { 0 };
	char id[ID_LEN + 1], own[8];
	int r = kit_names_read(rc->st->links_fd, any_name, &links, err);

	for (size_t i = 0; r == 0 && i < links.n; i++) {
		const char *name = links.v[i];
		auto_close int dirfd = layout_link_id(rc->st, name, strlen(name), id)
					       ? layout_layer(rc->st, id, NULL)
					       : -1;
		if (dirfd >= 0 && layout_own_link(dirfd, own) && strcmp(own, name) == 0)
			continue;
		unlinkat(rc->st->links_fd, name, 0);
	}
	kit_names_free(&links);
	return r;
}

static int relink(struct gty_storage *st, const char *id, const char *link)
{
	char target[ID_LEN + 16], there[ID_LEN + 1];

	if (layout_link_id(st, link, strlen(link), there) && strcmp(there, id) == 0)
		return 0;
	snprintf(target, sizeof target, "../%s/diff", id);
	return symlinkat(target, st->links_fd, link) < 0 ? -errno : 0;
}

static bool has_folder(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* NULL when the layer can be used; mends what follows from its name, its parent and its files. */
static const char *mend(struct gty_storage *st, const char *id, const char *parent, int dirfd, bool repair)
{
	char lower[OVERLAY_LOWER_MAX], link[8];
	bool writable = layout_is_writable(dirfd);

	if (!has_folder(dirfd, "diff"))
		return "its files are gone";
	if (!writable && !layout_own_link(dirfd, link))
		return "its short name is gone";
	if (!writable && repair && relink(st, id, link) < 0)
		return "its short name leads elsewhere";
	if (layout_lower(dirfd, lower, NULL) == 0)
		return NULL;
	if (!repair || !parent || layout_lower_of_child(st, parent, lower, NULL) < 0 ||
		kit_file_write(dirfd, "lower", lower, strlen(lower)) < 0)
		return "the list of layers below it was cut short";
	return NULL;
}

static int report_lost(struct recovery *rc, struct gty_call *call, struct gty_recover_rep *rep)
{
	struct gty_recover_rep found = { 0 };

	for (size_t i = 0; i < rc->layers.n; i++) {
		const struct gty_known *k = rc->layers.v[i];
		if (is_pending(k))
			continue;
		auto_close int dirfd = layout_layer(rc->st, k->id, NULL);
		const char *why = "it is not there";
		if (dirfd >= 0)
			why = mend(rc->st, k->id, k->parent, dirfd, !rc->dry);
		if (why && !kit_lost_put(call, &found, rc->layers.n, k->id, why))
			return kit_no_memory(call);
	}
	rep->v = found.v;
	rep->n = found.n;
	return 0;
}

static int hold_again(struct recovery *rc, struct error *err)
{
	char other[256];

	if (rc->reboot || rc->dry)
		return 0;
	for (size_t i = 0; i < rc->mounts.n; i++) {
		const struct gty_known *k = rc->mounts.v[i];
		bool reads = k->state && strcmp(k->state, "ro") == 0;
		if (!k->holder || is_pending(k))
			continue;
		int r = kit_holders_add(&rc->st->holders, k->id, k->holder,
			reads ? KIT_HOLD_READ : KIT_HOLD_WRITE, false, other, sizeof other);
		if (r < 0)
			return error_sys(err, -r, "cannot note who mounts layer '%s'", k->id);
	}
	return 0;
}

static int recover_all(
	struct recovery *rc, struct gty_call *call, struct gty_recover_rep *rep, struct error *err)
{
	int r = kit_names_read(rc->st->root_fd, id_is_valid, &rc->there, err);

	if (r == 0)
		r = kit_names_read(rc->st->staging_fd, any_name, &rc->staged, err);
	if (r == 0)
		r = drop_layers(rc, err);
	if (r == 0 && !rc->dry)
		r = drop_links(rc, err);
	if (r == 0)
		r = hold_again(rc, err);
	return r < 0 ? kit_fail_error(call, err) : report_lost(rc, call, rep);
}

int overlay_recover(struct gty_storage *st, struct gty_call *call, const struct gty_recover_req *req,
	struct gty_recover_rep *rep)
{
	struct recovery rc = { .st = st,
		.dry = (req->flags & GTY_RECOVER_DRY) != 0,
		.reboot = (req->flags & GTY_RECOVER_REBOOT) != 0 };
	struct error err = ERROR_INIT;
	int r = kit_known_init(&rc.layers, req, GTY_KNOWN_LAYER);

	if (r == 0)
		r = kit_known_init(&rc.mounts, req, GTY_KNOWN_MOUNT);
	r = r < 0 ? kit_fail_sys(call, -r, "cannot compare the layers") : recover_all(&rc, call, rep, &err);
	kit_known_done(&rc.layers);
	kit_known_done(&rc.mounts);
	kit_names_free(&rc.there);
	kit_names_free(&rc.staged);
	return r;
}

/* A broken name among the layers below makes a tree that cannot be mounted. */
static const char *broken_below(struct gty_storage *st, int dirfd)
{
	char lower[OVERLAY_LOWER_MAX], id[ID_LEN + 1];

	if (layout_lower(dirfd, lower, NULL) < 0)
		return NULL;
	for (const char *p = lower; *p;) {
		size_t n = strcspn(p, ":");
		auto_close int below = layout_link_id(st, p, n, id) ? layout_layer(st, id, NULL) : -1;
		if (below < 0)
			return "a layer below it is gone";
		p += n + (p[n] == ':');
	}
	return NULL;
}

int overlay_check(
	struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref, struct gty_kvs *problems)
{
	struct kit_names ids = { 0 };
	struct gty_kvs kvs = { 0 };
	struct error err = ERROR_INIT;
	char parent[ID_LEN + 1];
	bool room = true;
	int r = kit_names_read(st->root_fd, id_is_valid, &ids, &err);

	for (size_t i = 0; r == 0 && room && i < ids.n && kvs.n < 4096; i++) {
		if (ref->id && strcmp(ref->id, ids.v[i]) != 0)
			continue;
		auto_close int dirfd = layout_layer(st, ids.v[i], NULL);
		if (dirfd < 0)
			continue;
		ssize_t n = readlinkat(dirfd, "parent", parent, sizeof parent);
		parent[n == ID_LEN ? n : 0] = '\0';
		const char *why = mend(
			st, ids.v[i], parent[0] ? parent : NULL, dirfd, (ref->flags & GTY_REF_REPAIR) != 0);
		if (!why)
			why = broken_below(st, dirfd);
		char *id = why ? call->strdup(call, ids.v[i]) : NULL;
		if (why)
			room = id && kit_kvs_put(call, &kvs, ids.n < 4096 ? (uint32_t)ids.n : 4096, id, why);
		r = kit_check_time(call, &err);
	}
	kit_names_free(&ids);
	if (r < 0)
		return kit_fail_error(call, &err);
	if (!room)
		return kit_no_memory(call);
	problems->v = kvs.v;
	problems->n = kvs.n;
	return 0;
}
