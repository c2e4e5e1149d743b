/* SPDX-License-Identifier: Apache-2.0 */
/* The volume kind as data: its records, its entries, the checks of its replies. */
#include "core/volume/entries.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define T struct gty_volume_info
RECORD_SIZED(volume_info, T, INT_(T, caps));
#undef T
#define T struct gty_volume_req
RECORD_SIZED(volume_req, T, INT_(T, flags), NEEDNAME_(T, name), TEXT_(T, state),
	LIST_(T, opts, opts_n, record_kv), LIST_(T, labels, labels_n, record_kv), INT_(T, size_limit));
#undef T
#define T struct gty_volume_rep
RECORD_SIZED(volume_rep, T, TEXT_(T, state), TEXT_(T, where), NAME_(T, created),
	LIST_(T, status, status_n, record_kv));
#undef T
#define T struct gty_volume_mount_req
RECORD_SIZED(mount_req, T, INT_(T, flags), NEEDNAME_(T, name), TEXT_(T, state), NEEDNAME_(T, holder),
	TEXT_(T, label), LIST_(T, opts, opts_n, record_kv), LIST_(T, mount_opts, mount_opts_n, record_kv),
	PTR_(T, maps, record_idmaps));
#undef T
#define T struct gty_volume_item
RECORD_PLAIN(item, T, NEEDNAME_(T, name), TEXT_(T, state), TEXT_(T, where), NAME_(T, created));
#undef T
#define T struct gty_volume_items
RECORD_SIZED(items, T, LIST_(T, v, n, item));
#undef T
#define T struct gty_volume_usage
RECORD_SIZED(volume_usage, T, INT_(T, flags), INT_(T, bytes), INT_(T, inodes), INT_(T, limit));
#undef T

ENTRY_RUN_LIFE(volume)
ENTRY_RUN(volume, recover, struct gty_recover_req, struct gty_recover_rep)
ENTRY_RUN_REP(volume, status, struct gty_kvs)
ENTRY_RUN(volume, create, struct gty_volume_req, struct gty_volume_rep)
ENTRY_RUN_REQ(volume, remove, struct gty_ref)
ENTRY_RUN(volume, mount, struct gty_volume_mount_req, struct gty_tree)
ENTRY_RUN_REQ(volume, unmount, struct gty_ref)
ENTRY_RUN(volume, describe, struct gty_ref, struct gty_volume_rep)
ENTRY_RUN(volume, list, struct gty_ref, struct gty_volume_items)
ENTRY_RUN(volume, usage, struct gty_ref, struct gty_volume_usage)
ENTRY_RUN_REQ(volume, resize, struct gty_ref)

bool volume_is_name(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > RECORD_NAME_MAX || !isalnum((unsigned char)name[0]))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("_.-", name[i]))
			return false;
	return true;
}

static int check_volume(const struct facts *facts, const void *req, const void *rep, struct error *err)
{
	(void)facts;
	(void)req;
	return reply_path("where", ((const struct gty_volume_rep *)rep)->where, err);
}

static int check_mount(const struct facts *facts, const void *req, const void *rep, struct error *err)
{
	(void)facts;
	return reply_tree(rep, NULL, ((const struct gty_volume_mount_req *)req)->maps, false, false, err);
}

static int check_list(const struct facts *facts, const void *req, const void *rep, struct error *err)
{
	const struct gty_ref *ref = req;
	const struct gty_volume_items *l = rep;
	const char *before = ref->after;

	(void)facts;
	if (ref->max && l->n > ref->max)
		return error_invalid(err, "%u volumes, %u were asked for", l->n, ref->max);
	for (uint32_t i = 0; i < l->n; i++) {
		if (!volume_is_name(l->v[i].name))
			return error_invalid(
				err, "v[%u].name '%.80s' is no name of a volume", i, l->v[i].name);
		if (before && strcmp(before, l->v[i].name) >= 0)
			return error_invalid(err, "v[%u].name '%.80s' is not greater than the one before it",
				i, l->v[i].name);
		if (reply_path("where", l->v[i].where, err) < 0)
			return error_prefix(err, -EINVAL, "v[%u]", i);
		before = l->v[i].name;
	}
	return 0;
}

static void order_volume(const void *req, struct order_wants *ret)
{
	order_add(ret, 'v', ((const struct gty_volume_req *)req)->name, true);
}

static void order_mount(const void *req, struct order_wants *ret)
{
	order_add(ret, 'v', ((const struct gty_volume_mount_req *)req)->name, true);
}

static void order_ref(const void *req, struct order_wants *ret)
{
	order_add(ret, 'v', ((const struct gty_ref *)req)->id, true);
}

static void order_alone(const void *req, struct order_wants *ret)
{
	(void)req;
	order_add_driver(ret, true);
}

static bool undo_create(const void *req, const void *rep, void *ret)
{
	struct gty_ref *ref = ret;

	ref->id = ((const struct gty_volume_req *)req)->name;
	ref->state = ((const struct gty_volume_rep *)rep)->state;
	return true;
}

static bool undo_mount(const void *req, const void *rep, void *ret)
{
	const struct gty_volume_mount_req *q = req;
	struct gty_ref *ref = ret;

	ref->id = q->name;
	ref->holder = q->holder;
	ref->state = ((const struct gty_tree *)rep)->state ? ((const struct gty_tree *)rep)->state : q->state;
	return true;
}

#define SLOT(e)       .name = #e, .slot = offsetof(struct gty_volume_ops, e), .run = run_##e
#define SUBJECT(t, m) .subject = offsetof(struct t, m)
static const struct entry entries[] = {
	[ENTRY_PROBE] = { SLOT(probe), .req = &record_open, .timeout_s = 5, .order = order_alone },
	[ENTRY_OPEN] = { SLOT(open), .req = &record_open, .rep = &volume_info, .undo = ENTRY_CLOSE + 1,
		.order = order_alone },
	[ENTRY_CLOSE] = { SLOT(close), .order = order_alone },
	[VOLUME_RECOVER] = { SLOT(recover), .req = &record_recover_req, .rep = &record_recover_rep,
		.timeout_s = 120, .order = order_alone },
	[VOLUME_STATUS] = { SLOT(status), .rep = &record_kvs, .timeout_s = 5 },
	[VOLUME_CREATE] = { SLOT(create), .req = &volume_req, .rep = &volume_rep,
		SUBJECT(gty_volume_req, name), .check = check_volume, .order = order_volume,
		.undo = VOLUME_REMOVE + 1, .fill_undo = undo_create },
	[VOLUME_REMOVE] = { SLOT(remove), .req = &record_ref, SUBJECT(gty_ref, id), .order = order_ref },
	[VOLUME_MOUNT] = { SLOT(mount), .req = &mount_req, .rep = &record_tree,
		SUBJECT(gty_volume_mount_req, name), .check = check_mount, .order = order_mount,
		.undo = VOLUME_UNMOUNT + 1, .fill_undo = undo_mount },
	[VOLUME_UNMOUNT] = { SLOT(unmount), .req = &record_ref, SUBJECT(gty_ref, id), .order = order_ref },
	[VOLUME_DESCRIBE] = { SLOT(describe), .req = &record_ref, .rep = &volume_rep, SUBJECT(gty_ref, id),
		.check = check_volume, .timeout_s = 5 },
	[VOLUME_LIST] = { SLOT(list), .req = &record_ref, .rep = &items, .class = ENTRY_OPTIONAL,
		.check = check_list, .timeout_s = 5 },
	[VOLUME_USAGE] = { SLOT(usage), .req = &record_ref, .rep = &volume_usage, .class = ENTRY_OPTIONAL,
		SUBJECT(gty_ref, id) },
	[VOLUME_RESIZE] = { SLOT(resize), .req = &record_ref, .class = ENTRY_OPTIONAL, SUBJECT(gty_ref, id),
		.order = order_ref },
};

static const struct cap_rule caps[] = {
	{ GTY_VOLUME_CAP_LISTS, "CAP_LISTS", VOLUME_LIST },
	{ GTY_VOLUME_CAP_GLOBAL, "CAP_GLOBAL", -1 },
	{ GTY_VOLUME_CAP_QUOTA, "CAP_QUOTA", -1 },
	{ GTY_VOLUME_CAP_BUSY, "CAP_BUSY", -1 },
	{ 0 },
};

const struct kind volume_kind = { .id = GTY_KIND_VOLUME,
	.name = "volume",
	.abi_major = GTY_VOLUME_ABI_MAJOR,
	.abi_minor = GTY_VOLUME_ABI_MINOR,
	.ops_size = sizeof(struct gty_volume_ops),
	.entries_n = VOLUME_ENTRIES,
	.entries = entries,
	.caps = caps,
	.caps_offset = offsetof(struct gty_volume_info, caps) };
