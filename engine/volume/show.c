/* SPDX-License-Identifier: Apache-2.0 */
/* GET /volumes, and the pruning of what nobody uses. */
#include "engine/volume/object.h"

#include "core/plugin/call.h"
#include "engine/engine.h"
#include "engine/events/events.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "lib/model/filters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void copy_or_null(struct json *o, const char *key, const struct json *value)
{
	if (value)
		json_set(o, key, json_copy(value));
	else
		json_set_null(o, key);
}

static void fill(struct json *o, const struct volume *v)
{
	bool global = v->by && (volume_caps(v->by) & GTY_VOLUME_CAP_GLOBAL);

	json_set_string(o, "CreatedAt", v->created);
	json_set_string(o, "Driver", v->driver);
	copy_or_null(o, "Labels", v->labels);
	json_set_string(o, "Mountpoint", volume_where(v));
	json_set_string(o, "Name", v->name);
	copy_or_null(o, "Options", v->options);
	json_set_string(o, "Scope", global ? "global" : "local");
}

static void add_status(struct json *o, const struct volume *v)
{
	auto_reply struct gty_volume_rep *rep = NULL;

	if (!v->by || volume_describe(v->by, v->name, v->state, NULL, &rep, NULL) < 0 || rep->status_n == 0)
		return;
	struct json *status = json_set_object(o, "Status");
	for (uint32_t i = 0; i < rep->status_n; i++)
		json_set_string(status, rep->status[i].key, rep->status[i].value);
}

int volume_show(const struct volume *v, struct json **ret, struct error *err)
{
	struct json *o = json_new_object();

	if (!o)
		return error_sys(err, ENOMEM, "cannot write the answer");
	fill(o, v);
	add_status(o, v);
	*ret = o;
	return 0;
}

/* ---- lists ----------------------------------------------------------------------------- */
/* "name" is a substring or pattern, as in Docker. */
static bool name_matches(const struct filters *f, const char *name)
{
	if (!filters_has(f, "name"))
		return true;
	for (size_t i = 0; i < filters_count(f, "name"); i++)
		if (strstr(name, filters_value(f, "name", i)))
			return true;
	return filters_match_regex(f, "name", name);
}

/* With the lock. */
static bool matches(const struct volume *v, const struct filters *f, bool ask_dangling, bool dangling)
{
	if (ask_dangling && dangling != (v->holders == NULL))
		return false;
	return name_matches(f, v->name) && filters_match(f, "driver", v->driver) &&
	       filters_match_labels(f, v->labels);
}

int volumes_list(struct volume_table *all, const struct filters *f, struct json **ret, struct error *err)
{
	struct json *doc = json_new_object(), *list = doc ? json_set_array(doc, "Volumes") : NULL;
	bool ask = filters_has(f, "dangling"), dangling = false;
	int r = filters_bool(f, "dangling", false, &dangling, err);

	if (r == 0 && !list)
		r = error_sys(err, ENOMEM, "cannot write the answer");
	if (r < 0) {
		json_free(doc);
		return r;
	}
	pthread_mutex_lock(&all->lock);
	/* One that is being made or removed is there already, or not any more, when its create or remove has
	 * been answered. */
	for (const struct volume *v = all->first; v; v = v->next)
		if (!v->busy && matches(v, f, ask, dangling))
			fill(json_add_object(list), v);
	pthread_mutex_unlock(&all->lock);
	json_set_null(doc, "Warnings");
	*ret = doc;
	return 0;
}

/* ---- pruning ------------------------------------------------------------------------------- */
/* What has options may be somebody else's files (a bind, a server's folder): it is removed by name alone. */
static bool may_go(const struct volume *v, const struct filters *f, bool named)
{
	return !v->busy && !v->holders && json_count(v->options) == 0 && (named || v->anonymous) &&
	       filters_match_labels(f, v->labels);
}

static int collect(struct volume_table *all, const struct filters *f, bool named, char ***ret)
{
	int r = 0;

	pthread_mutex_lock(&all->lock);
	for (const struct volume *v = all->first; r == 0 && v; v = v->next)
		if (may_go(v, f, named))
			r = str_list_add(ret, v->name);
	pthread_mutex_unlock(&all->lock);
	return r;
}

static uint64_t bytes_of(struct volume_table *all, const char *name)
{
	struct gty_volume_usage usage = { 0 };
	struct volume *v;

	if (volumes_find(all, name, &v, NULL) < 0)
		return 0;
	if (v->by)
		volume_usage(v->by, v->name, v->state, NULL, &usage, NULL);
	volume_unref(v);
	return usage.bytes;
}

static void tell_prune(struct volume_table *all, uint64_t bytes)
{
	auto_json struct json *attrs = json_new_object();
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)bytes);
	json_set_string(attrs, "reclaimed", text);
	struct event event = { .type = "volume", .action = "prune", .id = "", .attributes = attrs };
	events_publish(all->engine->events, &event);
}

int volumes_prune(struct volume_table *all, const struct filters *filters, bool named, struct json **ret,
	struct error *err)
{
	auto_str_list char **names = NULL;
	struct json *doc = json_new_object(), *deleted = doc ? json_set_array(doc, "VolumesDeleted") : NULL;
	uint64_t reclaimed = 0;

	if (!deleted || collect(all, filters, named, &names) < 0) {
		json_free(doc);
		return error_sys(err, ENOMEM, "cannot list what is to be pruned");
	}
	for (size_t i = 0; names && names[i]; i++) {
		uint64_t bytes = bytes_of(all, names[i]);
		if (volumes_remove(all, names[i], false, NULL) < 0)
			continue; /* somebody took it meanwhile */
		json_add_string(deleted, names[i]);
		reclaimed += bytes;
	}
	json_set_uint(doc, "SpaceReclaimed", reclaimed);
	tell_prune(all, reclaimed);
	*ret = doc;
	return 0;
}
