/* SPDX-License-Identifier: Apache-2.0 */
#include "core/storage/storage.h"

#include "core/storage/entries.h"
#include "lib/base/id.h"

#include <errno.h>
#include <string.h>

struct storage {
	struct instance in; /* first */
	struct gty_storage_info *info;
};

int storage_open(const struct driver *driver, const struct driver_config *config, struct storage **ret,
	struct error *err)
{
	void *front, *info;
	int r = front_open(sizeof(struct storage), driver, config, &front, &info, err);

	if (r < 0)
		return r;
	*ret = front;
	(*ret)->info = info;
	return 0;
}

int storage_close(struct storage *st)
{
	struct gty_storage_info *info = st ? st->info : NULL;
	int r = front_close(st);

	reply_free(info);
	return r;
}

const char *storage_name(const struct storage *st)
{
	return st->in.name;
}

uint64_t storage_caps(const struct storage *st)
{
	return st->info->caps;
}

uint32_t storage_max_depth(const struct storage *st)
{
	return st->info->max_depth;
}

const char *storage_backing(const struct storage *st)
{
	return st->info->backing;
}

void storage_load(struct storage *st, struct call_load *ret)
{
	call_load(&st->in, ret);
}

static int run(struct storage *st, enum storage_entry entry, const void *req, const struct call_by *by,
	void *ret_rep, struct error *err)
{
	void *rep = NULL;
	int r = call_run(&st->in, entry, req, by, &rep, err);

	if (r == 0 && ret_rep)
		*(void **)ret_rep = rep;
	else
		reply_free(rep);
	return r;
}

/* For replies without memory of their own. */
static int run_usage(struct storage *st, enum storage_entry entry, const void *req, const struct call_by *by,
	struct gty_usage *ret, struct error *err)
{
	auto_reply struct gty_usage *rep = NULL;
	int r = run(st, entry, req, by, &rep, err);

	if (r == 0 && ret)
		*ret = *rep;
	return r;
}

static int need_id(const char *id, struct error *err)
{
	return id_is_valid(id) ? 0 : error_invalid(err, "'%.80s' is no id of a layer", id ? id : "");
}

int storage_recover(struct storage *st, const struct gty_recover_req *req, struct gty_recover_rep **ret,
	struct error *err)
{
	return run(st, STORAGE_RECOVER, req, NULL, ret, err);
}

int storage_status(struct storage *st, const struct call_by *by, struct gty_kvs **ret, struct error *err)
{
	return run(st, STORAGE_STATUS, NULL, by, ret, err);
}

int storage_stage(struct storage *st, const struct gty_stage_req *req, const struct call_by *by,
	struct gty_stage_rep **ret, struct error *err)
{
	int r = need_id(req->id, err);

	return r < 0 ? r : run(st, STORAGE_STAGE, req, by, ret, err);
}

int storage_commit(struct storage *st, const struct gty_commit_req *req, const struct call_by *by,
	struct gty_usage *ret, struct error *err)
{
	int r = need_id(req->id, err);

	return r < 0 ? r : run_usage(st, STORAGE_COMMIT, req, by, ret, err);
}

int storage_create(
	struct storage *st, const struct gty_create_req *req, const struct call_by *by, struct error *err)
{
	int r = need_id(req->id, err);

	if (r == 0 && req->size_limit && !(st->info->caps & GTY_STORAGE_CAP_QUOTA))
		r = error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
			"storage driver '%s' cannot limit the size of a layer here", st->in.name);
	return r < 0 ? r : run(st, STORAGE_CREATE, req, by, NULL, err);
}

int storage_remove(struct storage *st, const char *id, const struct call_by *by, struct error *err)
{
	const struct gty_ref ref = { .id = id, .fd = -1 };
	int r = need_id(id, err);

	return r < 0 ? r : run(st, STORAGE_REMOVE, &ref, by, NULL, err);
}

int storage_mount_begin(struct storage *st, const struct gty_mount_req *req, const struct call_by *by,
	struct call **ret, struct error *err)
{
	int r = need_id(req->id, err);

	return r < 0 ? r : call_begin(&st->in, STORAGE_MOUNT, req, by, ret, err);
}

int storage_mount_end(struct call *call, struct gty_tree **ret, struct error *err)
{
	void *rep = NULL;
	int r = call_end(call, &rep, err);

	if (r == 0)
		*ret = rep;
	return r;
}

int storage_mount(struct storage *st, const struct gty_mount_req *req, const struct call_by *by,
	struct gty_tree **ret, struct error *err)
{
	struct call *call;
	int r = storage_mount_begin(st, req, by, &call, err);

	return r < 0 ? r : storage_mount_end(call, ret, err);
}

int storage_unmount(struct storage *st, const char *id, const char *holder, const char *state,
	const struct call_by *by, struct error *err)
{
	const struct gty_ref ref = { .id = id, .holder = holder, .state = state, .fd = -1 };
	int r = need_id(id, err);

	return r < 0 ? r : run(st, STORAGE_UNMOUNT, &ref, by, NULL, err);
}

int storage_list(struct storage *st, const char *after, uint32_t max, const struct call_by *by,
	struct gty_layers **ret, struct error *err)
{
	const struct gty_ref ref = { .after = after, .max = max, .fd = -1 };

	return run(st, STORAGE_LIST, &ref, by, ret, err);
}

int storage_describe(
	struct storage *st, const char *id, const struct call_by *by, struct gty_kvs **ret, struct error *err)
{
	const struct gty_ref ref = { .id = id, .fd = -1 };
	int r = need_id(id, err);

	return r < 0 ? r : run(st, STORAGE_DESCRIBE, &ref, by, ret, err);
}

int storage_usage(struct storage *st, const char *id, const struct call_by *by, struct gty_usage *ret,
	struct error *err)
{
	const struct gty_ref ref = { .id = id, .fd = -1 };
	int r = need_id(id, err);

	return r < 0 ? r : run_usage(st, STORAGE_USAGE, &ref, by, ret, err);
}

int storage_changes(struct storage *st, const char *id, int fd, const struct call_by *by, struct error *err)
{
	const struct gty_ref ref = { .id = id, .fd = fd };
	int r = need_id(id, err);

	return r < 0 ? r : run(st, STORAGE_CHANGES, &ref, by, NULL, err);
}

int storage_resize(
	struct storage *st, const char *id, uint64_t size, const struct call_by *by, struct error *err)
{
	const struct gty_ref ref = { .id = id, .size = size, .fd = -1 };
	int r = need_id(id, err);

	return r < 0 ? r : run(st, STORAGE_RESIZE, &ref, by, NULL, err);
}

int storage_sweep(
	struct storage *st, const struct call_by *by, struct gty_usage *ret_freed, struct error *err)
{
	return run_usage(st, STORAGE_SWEEP, NULL, by, ret_freed, err);
}

int storage_check(struct storage *st, bool repair, const struct call_by *by, struct gty_kvs **ret_problems,
	struct error *err)
{
	const struct gty_ref ref = { .flags = repair ? GTY_REF_REPAIR : 0, .fd = -1 };

	return run(st, STORAGE_CHECK, &ref, by, ret_problems, err);
}
