/* SPDX-License-Identifier: Apache-2.0 */
/* A volume's row in the database, and what a start makes of the rows. */
#include "engine/volume/object.h"

#include "engine/engine.h"
#include "engine/state/state.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/json/json.h"

#include <stdlib.h>
#include <string.h>

static char *row_of(const struct volume *v, enum volume_phase phase)
{
	auto_json struct json *doc = json_new_object();

	json_set_string(doc, "name", v->name);
	json_set_string(doc, "driver", v->driver);
	json_set_int(doc, "phase", phase);
	json_set_bool(doc, "anonymous", v->anonymous);
	json_set_string(doc, "created", v->created ? v->created : "");
	json_set_string(doc, "where", v->where ? v->where : "");
	json_set_string(doc, "state", v->state ? v->state : "");
	if (v->options)
		json_set(doc, "options", json_copy(v->options));
	if (v->labels)
		json_set(doc, "labels", json_copy(v->labels));
	return json_text(doc);
}

int volume_save(const struct volume *v, enum volume_phase phase, struct error *err)
{
	auto_free char *row = row_of(v, phase);
	struct state_txn *txn = row ? state_begin(v->all->engine->state) : NULL;

	if (!txn)
		return error_sys(err, ENOMEM, "cannot keep volume '%s'", v->name);
	state_put(txn, STATE_VOLUME, v->name, NULL, row); /* a failure comes back from the commit */
	int r = state_commit(txn, STATE_NOW, err);
	return r < 0 ? error_prefix(err, r, "cannot keep volume '%s'", v->name) : 0;
}

int volume_forget(const struct volume *v, struct error *err)
{
	struct state_txn *txn = state_begin(v->all->engine->state);

	state_delete(txn, STATE_VOLUME, v->name);
	int r = state_commit(txn, STATE_NOW, err);
	return r < 0 ? error_prefix(err, r, "cannot forget volume '%s'", v->name) : 0;
}

/* ---- loading -------------------------------------------------------------------------- */
static int take_text(const struct json *doc, const char *key, char **ret, struct error *err)
{
	const char *t = "";
	int r = json_opt_string(doc, key, "", &t, err);

	if (r == 0 && !(*ret = strdup(t)))
		r = error_sys(err, ENOMEM, "cannot keep '%s'", key);
	return r;
}

static int take_object(const struct json *doc, const char *key, struct json **ret, struct error *err)
{
	const struct json *o = NULL;
	int r = json_opt_object(doc, key, &o, err);

	if (r == 0 && o && !(*ret = json_copy(o)))
		r = error_sys(err, ENOMEM, "cannot keep '%s'", key);
	return r;
}

static int read_row(struct volume *v, const struct json *doc, int64_t *ret_phase, struct error *err)
{
	int r = json_get_int(doc, "phase", VOLUME_CREATING, VOLUME_REMOVING, ret_phase, err);

	if (r == 0)
		r = json_opt_bool(doc, "anonymous", false, &v->anonymous, err);
	if (r == 0)
		r = take_text(doc, "created", &v->created, err);
	if (r == 0)
		r = take_text(doc, "where", &v->where, err);
	if (r == 0)
		r = take_text(doc, "state", &v->state, err);
	if (r == 0)
		r = take_object(doc, "options", &v->options, err);
	return r == 0 ? take_object(doc, "labels", &v->labels, err) : r;
}

int volume_empty_again(struct volume *v, struct error *err)
{
	int r = volume_ask_removal(v, false, err);

	if (r == 0)
		r = volume_ask_driver(v, true, err);
	return r == 0 ? volume_save(v, VOLUME_READY, err) : r;
}

static int settle(struct volume *v, enum volume_phase phase, struct error *err)
{
	if (phase == VOLUME_READY)
		return 0;
	if (!v->by)
		return error_set(err, ERROR_UNAVAILABLE, ENODEV, "its driver '%s' is not there", v->driver);
	if (phase == VOLUME_FILLING)
		return volume_empty_again(v, err);
	int r = volume_ask_removal(v, true, err);
	if (r == 0)
		r = volume_forget(v, err);
	if (r == 0)
		volume_drop(v);
	if (r == 0)
		volume_unref(v);
	return r;
}

static int load_row(void *ctx, const struct state_row *row, struct error *err)
{
	struct volume_table *all = ctx;
	auto_json struct json *doc = NULL;
	const char *driver = "";
	int64_t phase = 0;
	struct volume *v = NULL;
	int r = json_parse(row->body, row->body_len, 0, &doc, err);

	if (r == 0)
		r = json_get_string(doc, "driver", &driver, err);
	if (r == 0 && !(v = volume_new(all, row->id, driver)))
		r = error_sys(err, ENOMEM, "cannot keep a volume");
	if (r == 0)
		r = read_row(v, doc, &phase, err);
	if (r < 0) { /* one bad row does not take the others away */
		log_error("row of volume '%s': %s: it is passed over", row->id, err->text);
		volume_free(v);
		return 0;
	}
	if (volume_drivers_get(all, driver, &v->by, err) < 0)
		log_warning("volume '%s': %s", v->name, err->text);
	v->next = all->first;
	all->first = v;
	if (settle(v, (enum volume_phase)phase, err) < 0)
		log_warning("volume '%s' is half made: %s", row->id, err->text);
	return 0;
}

int volume_rows_load(struct volume_table *all, struct error *err)
{
	return state_each(all->engine->state, STATE_VOLUME, load_row, all, err);
}
