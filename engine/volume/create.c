/* SPDX-License-Identifier: Apache-2.0 */
/* Making and removing volumes: row, driver, row. */
#include "engine/volume/object.h"

#include "core/plugin/call.h"
#include "core/volume/entries.h"
#include "engine/engine.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/base/timefmt.h"
#include "lib/json/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX   256
#define HOLDERS_TEXT  4096
#define ANONYMOUS_KEY "com.docker.volume.anonymous"

/* ---- the driver's part ------------------------------------------------------------------ */
static int to_kvs(const struct json *o, struct gty_kv *kvs, uint32_t *n, struct error *err)
{
	*n = 0;
	json_each (o, it) {
		const char *value = json_string(it.value);
		if (*n == OPTIONS_MAX)
			return error_invalid(err, "more than %d options of a volume", OPTIONS_MAX);
		kvs[(*n)++] = (struct gty_kv){ it.key, value ? value : "" };
	}
	return 0;
}

static int keep(char **slot, const char *text, struct error *err)
{
	char *copy = strdup(text ? text : "");

	if (!copy)
		return error_sys(err, ENOMEM, "cannot keep a volume");
	free(*slot);
	*slot = copy;
	return 0;
}

/* Docker's words for an option that the driver does not have. */
static int unknown_option(const struct volume *v, int r, struct error *err)
{
	return error_prefix(err, r, "create %s", v->name);
}

int volume_ask_driver(struct volume *v, bool repeat, struct error *err)
{
	struct gty_kv opts[OPTIONS_MAX], labels[OPTIONS_MAX];
	struct gty_volume_req req = { .name = v->name, .opts = opts, .labels = labels };
	struct call_by by = { .repeat = repeat };
	auto_reply struct gty_volume_rep *rep = NULL;
	char now[TIMEFMT_SIZE];
	int r = to_kvs(v->options, opts, &req.opts_n, err);

	if (r == 0)
		r = to_kvs(v->labels, labels, &req.labels_n, err);
	if (r == 0)
		r = volume_create(v->by, &req, &by, &rep, err);
	if (r < 0)
		return unknown_option(v, r, err);
	const char *created = rep->created && *rep->created
				      ? rep->created
				      : timefmt_rfc3339nano(clock_real_ns() / CLOCK_S * CLOCK_S, now);
	r = keep(&v->state, rep->state, err);
	if (r == 0)
		r = keep(&v->where, rep->where, err);
	return r == 0 && !v->created ? keep(&v->created, created, err) : r;
}

int volume_ask_removal(struct volume *v, bool force, struct error *err)
{
	int r = volume_remove(v->by, v->name, v->state, force, NULL, err);

	return r == -ENOENT ? 0 : r;
}

/* ---- making --------------------------------------------------------------------------------- */
static int check_name(const char *name, struct error *err)
{
	if (!volume_is_name(name))
		return error_invalid(err,
			"create %s: \"%s\" includes invalid characters for a local volume name, only "
			"\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host "
			"directory, use absolute path",
			name, name);
	if (!name[1])
		return error_invalid(err,
			"create %s: volume name is too short, names should be at least two alphanumeric "
			"characters",
			name);
	return 0;
}

static int describe(struct volume *v, const struct volume_ask *ask, bool anonymous, struct error *err)
{
	v->anonymous = anonymous;
	if (json_count(ask->options) > 0)
		v->options = json_copy(ask->options);
	if (ask->labels)
		v->labels = json_copy(ask->labels);
	if (anonymous) {
		if (!v->labels)
			v->labels = json_new_object();
		json_set_string(v->labels, ANONYMOUS_KEY, "");
	}
	if ((json_count(ask->options) > 0 && !v->options) || ((ask->labels || anonymous) && !v->labels))
		return error_sys(err, ENOMEM, "cannot keep a volume");
	return 0;
}

/* A volume that is there already, with the lock. */
static int check_same(const struct volume *v, const char *driver, struct error *err)
{
	if (!*driver || strcmp(driver, v->driver) == 0)
		return 0;
	return error_set(err, ERROR_CONFLICT, EEXIST,
		"create %s: a volume with this name is there already, with the driver '%s'", v->name,
		v->driver);
}

/* Into the table, busy: 1; or the one that is there: 0.  Held under the lock: nobody removes it in between.
 */
static int enter(struct volume_table *all, struct volume *v, const char *driver, const char *holder,
	struct volume **ret, struct error *err)
{
	int r = 0;

	pthread_mutex_lock(&all->lock);
	struct volume *there = volume_find_idle(all, v->name), *it = there ? there : v;
	if (there)
		r = check_same(there, driver, err);
	if (r == 0 && holder)
		r = volume_hold_locked(it, holder, err);
	if (r == 0 && !there) {
		v->busy = true;
		v->next = all->first;
		all->first = volume_ref(v);
	}
	if (r == 0)
		*ret = there ? volume_ref(there) : v;
	pthread_mutex_unlock(&all->lock);
	return r == 0 && !there ? 1 : r;
}

static int make(struct volume *v, struct error *err)
{
	int r = volume_save(v, VOLUME_CREATING, err);

	if (r < 0)
		return r;
	r = fault_point("volume.row");
	if (r == 0)
		r = volume_ask_driver(v, false, err);
	if (r == 0) {
		fault_point("volume.created");
		r = volume_save(v, VOLUME_READY, err);
		if (r < 0)
			volume_ask_removal(v, true, NULL);
	}
	if (r < 0 && volume_forget(v, NULL) < 0)
		log_warning("volume '%s' is half made: the next start of gantryd removes it", v->name);
	return r;
}

/* Made or not: out of the way of those who wait. */
static void leave(struct volume *v, bool made)
{
	struct volume_table *all = v->all;

	pthread_mutex_lock(&all->lock);
	if (!made)
		volume_drop(v);
	v->busy = false;
	pthread_cond_broadcast(&all->idle);
	pthread_mutex_unlock(&all->lock);
	if (!made)
		volume_unref(v); /* the table's */
}

int volumes_make(struct volume_table *all, const struct volume_ask *ask, const char *holder,
	struct volume **ret, struct error *err)
{
	const char *driver = ask->driver ? ask->driver : "";
	bool unnamed = !ask->name || !*ask->name;
	struct volumes *by;
	char random[ID_SIZE];
	int r = unnamed ? 0 : check_name(ask->name, err);

	id_new(random);
	const char *name = unnamed ? random : ask->name;
	if (r < 0)
		return r;
	r = volume_drivers_get(all, driver, &by, err);
	if (r < 0)
		return error_prefix(err, r, "create %s", name);
	struct volume *fresh = volume_new(all, name, volume_driver_name(by));
	if (!fresh)
		return error_sys(err, ENOMEM, "cannot keep a volume");
	fresh->by = by;
	r = describe(fresh, ask, unnamed || ask->anonymous, err);
	if (r == 0)
		r = enter(all, fresh, *driver ? fresh->driver : "", holder, ret, err);
	if (r == 1) {
		r = make(fresh, err);
		leave(fresh, r == 0);
		if (r == 0) {
			volume_event(fresh, "create");
			return 0;
		}
	}
	volume_unref(fresh);
	return r;
}

/* ---- removing ----------------------------------------------------------------------------------- */
static int refuse_held(const struct volume *v, struct error *err)
{
	auto_str struct str ids = STR_INIT(HOLDERS_TEXT);

	for (const struct volume_holder *h = v->holders; h; h = h->next)
		str_addf(&ids, "%s%s", ids.len ? ", " : "", h->id);
	return error_set(
		err, ERROR_CONFLICT, EBUSY, "remove %s: volume is in use - [%s]", v->name, str_text(&ids));
}

/* Busy, and the caller's to remove. */
static int claim(struct volume_table *all, const char *name, struct volume **ret, struct error *err)
{
	int r = 0;

	pthread_mutex_lock(&all->lock);
	struct volume *v = volume_find_idle(all, name);
	if (!v)
		r = error_set(err, ERROR_NOT_FOUND, ENOENT, "get %s: no such volume", name);
	else if (v->holders)
		r = refuse_held(v, err);
	else if (!v->by)
		r = error_set(err, ERROR_UNAVAILABLE, ENODEV, "remove %s: its driver '%s' is not there", name,
			v->driver);
	if (r == 0) {
		v->busy = true;
		*ret = volume_ref(v);
	}
	pthread_mutex_unlock(&all->lock);
	return r;
}

static int remove_claimed(struct volume *v, bool force, struct error *err)
{
	int r = volume_save(v, VOLUME_REMOVING, err);

	if (r < 0)
		return r;
	fault_point("volume.removing");
	r = volume_ask_removal(v, force, err);
	if (r < 0) {
		if (volume_save(v, VOLUME_READY, NULL) < 0)
			log_warning("volume '%s': the next start of gantryd removes it", v->name);
		return error_prefix(err, r, "remove %s", v->name);
	}
	fault_point("volume.removed");
	return volume_forget(v, err);
}

int volumes_remove(struct volume_table *all, const char *name, bool force, struct error *err)
{
	struct volume *v = NULL;
	int r = claim(all, name, &v, err);

	if (r == -ENOENT && force)
		return 0;
	if (r < 0)
		return r;
	r = remove_claimed(v, force, err);
	leave(v, r < 0);
	if (r == 0)
		volume_event(v, "destroy");
	volume_unref(v);
	return r;
}
