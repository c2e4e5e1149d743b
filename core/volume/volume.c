/* SPDX-License-Identifier: Apache-2.0 */
#include "core/volume/volume.h"

#include "core/volume/entries.h"

#include <errno.h>

struct volumes {
	struct instance in; /* first */
	struct gty_volume_info *info;
};

int volume_open(const struct driver *driver, const struct driver_config *config, struct volumes **ret,
	struct error *err)
{
	void *front, *info;
	int r = front_open(sizeof(struct volumes), driver, config, &front, &info, err);

	if (r < 0)
		return r;
	*ret = front;
	(*ret)->info = info;
	return 0;
}

int volume_close(struct volumes *vd)
{
	struct gty_volume_info *info = vd ? vd->info : NULL;
	int r = front_close(vd);

	reply_free(info);
	return r;
}

const char *volume_driver_name(const struct volumes *vd)
{
	return vd->in.name;
}

uint64_t volume_caps(const struct volumes *vd)
{
	return vd->info->caps;
}

void volume_load(struct volumes *vd, struct call_load *ret)
{
	call_load(&vd->in, ret);
}

static int run(struct volumes *vd, enum volume_entry entry, const void *req, const struct call_by *by,
	void *ret_rep, struct error *err)
{
	void *rep = NULL;
	int r = call_run(&vd->in, entry, req, by, &rep, err);

	if (r == 0 && ret_rep)
		*(void **)ret_rep = rep;
	else
		reply_free(rep);
	return r;
}

static int need_name(const char *name, struct error *err)
{
	return name && volume_is_name(name)
		       ? 0
		       : error_invalid(err, "'%.80s' is no name of a volume", name ? name : "");
}

static int run_ref(struct volumes *vd, enum volume_entry entry, const struct gty_ref *ref,
	const struct call_by *by, void *ret_rep, struct error *err)
{
	int r = need_name(ref->id, err);

	return r < 0 ? r : run(vd, entry, ref, by, ret_rep, err);
}

int volume_recover(struct volumes *vd, const struct gty_recover_req *req, struct gty_recover_rep **ret,
	struct error *err)
{
	return run(vd, VOLUME_RECOVER, req, NULL, ret, err);
}

int volume_status(struct volumes *vd, const struct call_by *by, struct gty_kvs **ret, struct error *err)
{
	return run(vd, VOLUME_STATUS, NULL, by, ret, err);
}

int volume_create(struct volumes *vd, const struct gty_volume_req *req, const struct call_by *by,
	struct gty_volume_rep **ret, struct error *err)
{
	int r = need_name(req->name, err);

	if (r == 0 && req->size_limit && !(vd->info->caps & GTY_VOLUME_CAP_QUOTA))
		r = error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
			"volume driver '%s' cannot limit the size of a volume here", vd->in.name);
	return r < 0 ? r : run(vd, VOLUME_CREATE, req, by, ret, err);
}

int volume_remove(struct volumes *vd, const char *name, const char *state, bool force,
	const struct call_by *by, struct error *err)
{
	const struct gty_ref ref = {
		.id = name, .state = state, .flags = force ? GTY_REF_FORCE : 0, .fd = -1
	};

	return run_ref(vd, VOLUME_REMOVE, &ref, by, NULL, err);
}

int volume_mount(struct volumes *vd, const struct gty_volume_mount_req *req, const struct call_by *by,
	struct gty_tree **ret, struct error *err)
{
	int r = need_name(req->name, err);

	return r < 0 ? r : run(vd, VOLUME_MOUNT, req, by, ret, err);
}

int volume_unmount(struct volumes *vd, const char *name, const char *holder, const char *state,
	const struct call_by *by, struct error *err)
{
	const struct gty_ref ref = { .id = name, .holder = holder, .state = state, .fd = -1 };

	return run_ref(vd, VOLUME_UNMOUNT, &ref, by, NULL, err);
}

int volume_describe(struct volumes *vd, const char *name, const char *state, const struct call_by *by,
	struct gty_volume_rep **ret, struct error *err)
{
	const struct gty_ref ref = { .id = name, .state = state, .fd = -1 };

	return run_ref(vd, VOLUME_DESCRIBE, &ref, by, ret, err);
}

int volume_list(struct volumes *vd, const char *after, uint32_t max, const struct call_by *by,
	struct gty_volume_items **ret, struct error *err)
{
	const struct gty_ref ref = { .after = after, .max = max, .fd = -1 };

	return run(vd, VOLUME_LIST, &ref, by, ret, err);
}

int volume_usage(struct volumes *vd, const char *name, const char *state, const struct call_by *by,
	struct gty_volume_usage *ret, struct error *err)
{
	const struct gty_ref ref = { .id = name, .state = state, .fd = -1 };
	auto_reply struct gty_volume_usage *rep = NULL;
	int r = run_ref(vd, VOLUME_USAGE, &ref, by, &rep, err);

	if (r == 0)
		*ret = *rep;
	return r;
}

int volume_resize(struct volumes *vd, const char *name, const char *state, uint64_t size,
	const struct call_by *by, struct error *err)
{
	const struct gty_ref ref = { .id = name, .state = state, .size = size, .fd = -1 };

	return run_ref(vd, VOLUME_RESIZE, &ref, by, NULL, err);
}
