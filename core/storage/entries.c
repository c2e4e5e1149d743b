/* SPDX-License-Identifier: Apache-2.0 */
/* The storage kind as data: its records, its entries, the checks of its replies. */
#include "core/storage/entries.h"
#include "lib/base/id.h"

#include <string.h>
#include <sys/stat.h>

#define T struct gty_storage_info
RECORD_SIZED(storage_info, T, INT_(T, max_depth), INT_(T, caps), NAME_(T, backing));
#undef T
#define T struct gty_stage_req
RECORD_SIZED(stage_req, T, INT_(T, flags), NEEDNAME_(T, id), NAME_(T, parent), NAME_(T, diff_id),
	NAME_(T, blob_digest), NAME_(T, media_type), INT_(T, blob_size), INT_(T, plain_size),
	LIST_(T, annotations, annotations_n, record_kv), TEXT_(T, source));
#undef T
#define T struct gty_stage_rep
RECORD_SIZED(stage_rep, T, INT_(T, form), FD_(T, fd), INT_(T, whiteout));
#undef T
#define T struct gty_commit_req
RECORD_SIZED(commit_req, T, INT_(T, flags), NEEDNAME_(T, id), INT_(T, size), INT_(T, files));
#undef T
#define T struct gty_create_req
RECORD_SIZED(create_req, T, INT_(T, flags), NEEDNAME_(T, id), NAME_(T, parent), INT_(T, size_limit),
	LIST_(T, opts, opts_n, record_kv), PTR_(T, maps, record_idmaps));
#undef T
#define T struct gty_mount_req
RECORD_SIZED(mount_req, T, INT_(T, flags), NEEDNAME_(T, id), NEEDNAME_(T, holder), TEXT_(T, label),
	PTR_(T, maps, record_idmaps), LIST_(T, opts, opts_n, record_kv));
#undef T
#define T struct gty_layer
RECORD_PLAIN(layer, T, NEEDNAME_(T, id), NAME_(T, parent), INT_(T, flags), INT_(T, size));
#undef T
#define T struct gty_layers
RECORD_SIZED(layers, T, LIST_(T, v, n, layer));
#undef T
#define T struct gty_usage
RECORD_SIZED(usage_rep, T, INT_(T, flags), INT_(T, bytes), INT_(T, inodes), INT_(T, limit));
#undef T

ENTRY_RUN_LIFE(storage)
ENTRY_RUN(storage, recover, struct gty_recover_req, struct gty_recover_rep)
ENTRY_RUN_REP(storage, status, struct gty_kvs)
ENTRY_RUN(storage, stage, struct gty_stage_req, struct gty_stage_rep)
ENTRY_RUN(storage, commit, struct gty_commit_req, struct gty_usage)
ENTRY_RUN(storage, create, struct gty_create_req, struct gty_kvs)
ENTRY_RUN_REQ(storage, remove, struct gty_ref)
ENTRY_RUN(storage, mount, struct gty_mount_req, struct gty_tree)
ENTRY_RUN_REQ(storage, unmount, struct gty_ref)
ENTRY_RUN(storage, list, struct gty_ref, struct gty_layers)
ENTRY_RUN(storage, describe, struct gty_ref, struct gty_kvs)
ENTRY_RUN(storage, usage, struct gty_ref, struct gty_usage)
ENTRY_RUN_REQ(storage, changes, struct gty_ref)
ENTRY_RUN_REQ(storage, resize, struct gty_ref)
ENTRY_RUN_REP(storage, sweep, struct gty_usage)
ENTRY_RUN(storage, check, struct gty_ref, struct gty_kvs)

static int check_stage(const struct facts *facts, const void *req, const void *rep, struct error *err)
{
	const struct gty_stage_rep *s = rep;
	struct stat st;

	(void)req;
	switch (s->form) {
	case GTY_STAGE_DIR:
		if (s->whiteout > GTY_WHITEOUT_AUFS)
			return error_invalid(err, "whiteout style %u is unknown", s->whiteout);
		return reply_folder("fd", s->fd, facts->root, err);
	case GTY_STAGE_STREAM:
		if (s->fd < 0 || fstat(s->fd, &st) < 0)
			return error_invalid(err, "fd is no open descriptor");
		if (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode) && !S_ISREG(st.st_mode))
			return error_invalid(err, "fd is neither pipe nor socket nor file");
		return 0;
	case GTY_STAGE_READY:
		return s->fd < 0 ? 0 : error_invalid(err, "a descriptor, though nothing is to be filled");
	default: return error_invalid(err, "form %u is unknown", s->form);
	}
}

static int check_mount(const struct facts *facts, const void *req, const void *rep, struct error *err)
{
	const struct gty_mount_req *q = req;

	return reply_tree(
		rep, facts->root, q->maps, q->flags & GTY_MOUNT_NO_STEPS, q->flags & GTY_MOUNT_BLOCK, err);
}

static int check_list(const struct facts *facts, const void *req, const void *rep, struct error *err)
{
	const struct gty_ref *ref = req;
	const struct gty_layers *l = rep;
	const char *before = ref->after;

	(void)facts;
	if (ref->max && l->n > ref->max)
		return error_invalid(err, "%u layers, %u were asked for", l->n, ref->max);
	for (uint32_t i = 0; i < l->n; i++) {
		if (!id_is_valid(l->v[i].id))
			return error_invalid(err, "v[%u].id '%.80s' is not 64 hex digits", i, l->v[i].id);
		if (before && strcmp(before, l->v[i].id) >= 0)
			return error_invalid(
				err, "v[%u].id '%.80s' is not greater than the one before it", i, l->v[i].id);
		if (l->v[i].parent && !id_is_valid(l->v[i].parent))
			return error_invalid(
				err, "v[%u].parent '%.80s' is not 64 hex digits", i, l->v[i].parent);
		before = l->v[i].id;
	}
	return 0;
}

static void order_child(struct order_wants *w, const char *id, const char *parent)
{
	order_add(w, 'l', id, true);
	order_add(w, 'l', parent, false);
}

static void order_stage(const void *req, struct order_wants *ret)
{
	order_child(
		ret, ((const struct gty_stage_req *)req)->id, ((const struct gty_stage_req *)req)->parent);
}

static void order_create(const void *req, struct order_wants *ret)
{
	order_child(
		ret, ((const struct gty_create_req *)req)->id, ((const struct gty_create_req *)req)->parent);
}

static void order_commit(const void *req, struct order_wants *ret)
{
	order_add(ret, 'l', ((const struct gty_commit_req *)req)->id, true);
}

static void order_mount(const void *req, struct order_wants *ret)
{
	order_add(ret, 'l', ((const struct gty_mount_req *)req)->id, true);
}

static void order_ref(const void *req, struct order_wants *ret)
{
	order_add(ret, 'l', ((const struct gty_ref *)req)->id, true);
}

static void order_sweep(const void *req, struct order_wants *ret)
{
	(void)req;
	order_add(ret, 's', "sweep", true);
}

static void order_alone(const void *req, struct order_wants *ret)
{
	(void)req;
	order_add_driver(ret, true);
}

static bool undo_stage(const void *req, const void *rep, void *ret)
{
	((struct gty_ref *)ret)->id = ((const struct gty_stage_req *)req)->id;
	return ((const struct gty_stage_rep *)rep)->form != GTY_STAGE_READY;
}

static bool undo_create(const void *req, const void *rep, void *ret)
{
	(void)rep;
	((struct gty_ref *)ret)->id = ((const struct gty_create_req *)req)->id;
	return true;
}

static bool undo_mount(const void *req, const void *rep, void *ret)
{
	const struct gty_mount_req *q = req;
	struct gty_ref *ref = ret;

	ref->id = q->id;
	ref->holder = q->holder;
	ref->state = ((const struct gty_tree *)rep)->state;
	return true;
}

#define SLOT(e)    .name = #e, .slot = offsetof(struct gty_storage_ops, e), .run = run_##e
#define SUBJECT(t) .subject = offsetof(struct t, id)
static const struct entry entries[] = {
	[ENTRY_PROBE] = { SLOT(probe), .req = &record_open, .timeout_s = 5, .order = order_alone },
	[ENTRY_OPEN] = { SLOT(open), .req = &record_open, .rep = &storage_info, .undo = ENTRY_CLOSE + 1,
		.order = order_alone },
	[ENTRY_CLOSE] = { SLOT(close), .order = order_alone },
	[STORAGE_RECOVER] = { SLOT(recover), .req = &record_recover_req, .rep = &record_recover_rep,
		.timeout_s = 120, .order = order_alone },
	[STORAGE_STATUS] = { SLOT(status), .rep = &record_kvs, .timeout_s = 5 },
	[STORAGE_STAGE] = { SLOT(stage), .req = &stage_req, .rep = &stage_rep, SUBJECT(gty_stage_req),
		.check = check_stage, .order = order_stage, .undo = STORAGE_REMOVE + 1,
		.fill_undo = undo_stage, .timeout_s = 300 },
	[STORAGE_COMMIT] = { SLOT(commit), .req = &commit_req, .rep = &usage_rep, SUBJECT(gty_commit_req),
		.order = order_commit, .timeout_s = 300 },
	[STORAGE_CREATE] = { SLOT(create), .req = &create_req, .rep = &record_kvs, SUBJECT(gty_create_req),
		.order = order_create, .undo = STORAGE_REMOVE + 1, .fill_undo = undo_create },
	[STORAGE_REMOVE] = { SLOT(remove), .req = &record_ref, SUBJECT(gty_ref), .order = order_ref },
	[STORAGE_MOUNT] = { SLOT(mount), .req = &mount_req, .rep = &record_tree, SUBJECT(gty_mount_req),
		.check = check_mount, .order = order_mount, .undo = STORAGE_UNMOUNT + 1,
		.fill_undo = undo_mount },
	[STORAGE_UNMOUNT] = { SLOT(unmount), .req = &record_ref, SUBJECT(gty_ref), .order = order_ref },
	[STORAGE_LIST] = { SLOT(list), .req = &record_ref, .rep = &layers, .check = check_list,
		.timeout_s = 5 },
	[STORAGE_DESCRIBE] = { SLOT(describe), .req = &record_ref, .rep = &record_kvs, SUBJECT(gty_ref),
		.timeout_s = 5 },
	[STORAGE_USAGE] = { SLOT(usage), .req = &record_ref, .rep = &usage_rep, SUBJECT(gty_ref) },
	[STORAGE_CHANGES] = { SLOT(changes), .req = &record_ref, SUBJECT(gty_ref), .class = ENTRY_OPTIONAL,
		.timeout_s = 300 },
	[STORAGE_RESIZE] = { SLOT(resize), .req = &record_ref, SUBJECT(gty_ref), .class = ENTRY_OPTIONAL,
		.order = order_ref },
	[STORAGE_SWEEP] = { SLOT(sweep), .rep = &usage_rep, .class = ENTRY_OPTIONAL, .order = order_sweep,
		.timeout_s = 300 },
	[STORAGE_CHECK] = { SLOT(check), .req = &record_ref, .rep = &record_kvs, .class = ENTRY_OPTIONAL,
		.order = order_sweep, .timeout_s = 300 },
};

static const struct cap_rule caps[] = {
	{ GTY_STORAGE_CAP_QUOTA, "CAP_QUOTA", -1 },
	{ GTY_STORAGE_CAP_IDMAP, "CAP_IDMAP", -1 },
	{ GTY_STORAGE_CAP_ANY_ORDER, "CAP_ANY_ORDER", -1 },
	{ GTY_STORAGE_CAP_BLOCK, "CAP_BLOCK", -1 },
	{ GTY_STORAGE_CAP_LAZY, "CAP_LAZY", -1 },
	{ GTY_STORAGE_CAP_SHARED_RW, "CAP_SHARED_RW", -1 },
	{ 0 },
};

const struct kind storage_kind = { .id = GTY_KIND_STORAGE,
	.name = "storage",
	.abi_major = GTY_STORAGE_ABI_MAJOR,
	.abi_minor = GTY_STORAGE_ABI_MINOR,
	.ops_size = sizeof(struct gty_storage_ops),
	.entries_n = STORAGE_ENTRIES,
	.entries = entries,
	.caps = caps,
	.caps_offset = offsetof(struct gty_storage_info, caps) };
