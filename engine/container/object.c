/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container/object.h"

#include "engine/events/events.h"
#include "engine/image/image.h"
#include "engine/net/net.h"
#include "engine/state/state.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/path.h"
#include "lib/json/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct container *container_new(struct engine *engine, const char *id)
{
	struct container *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->engine = engine;
	atomic_init(&c->refs, 1);
	memcpy(c->id, id, CONTAINER_ID_LEN);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->op_done, NULL);
	return c;
}

struct container *container_ref(struct container *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void container_unref(struct container *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	net_free(c->net);
	json_free(c->network_saved);
	mounts_done(&c->mounts);
	json_free(c->config);
	json_free(c->host_config);
	image_unref(c->image);
	free(c->image_id);
	free(c->image_name);
	free(c->storage);
	free(c->name);
	pthread_cond_destroy(&c->op_done);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

const char *container_id(const struct container *c)
{
	return c->id;
}

struct container_life container_life(struct container *c)
{
	pthread_mutex_lock(&c->lock);
	struct container_life life = c->life;
	pthread_mutex_unlock(&c->lock);
	return life;
}

/* ---- turns ------------------------------------------------------------------------------ */
int container_op_begin(struct container *c, const char *op, struct error *err)
{
	int r = 0;

	pthread_mutex_lock(&c->lock);
	while (c->op)
		pthread_cond_wait(&c->op_done, &c->lock);
	if (c->life.phase == CONTAINER_REMOVING)
		r = error_set(err, ERROR_NOT_FOUND, ENOENT, "No such container: %s", c->id);
	else
		c->op = op;
	pthread_mutex_unlock(&c->lock);
	return r;
}

void container_op_end(struct container *c)
{
	pthread_mutex_lock(&c->lock);
	c->op = NULL;
	pthread_cond_broadcast(&c->op_done);
	pthread_mutex_unlock(&c->lock);
}

/* ---- the row -------------------------------------------------------------------------------- */
static void put_life(struct json *doc, const struct container_life *l)
{
	struct json *o = json_set_object(doc, "life");

	json_set_int(o, "phase", l->phase);
	json_set_bool(o, "oomKilled", l->oom_killed);
	if (l->drops_volumes)
		json_set_bool(o, "dropsVolumes", true);
	json_set_int(o, "pid", l->pid);
	json_set_uint(o, "pidStart", l->pid_start);
	json_set_int(o, "exitCode", l->exit_code);
	json_set_int(o, "started", l->started_ns);
	json_set_int(o, "prevExitCode", l->prev_exit_code);
	json_set_int(o, "prevStarted", l->prev_started_ns);
	json_set_int(o, "finished", l->finished_ns);
	json_set_string(o, "bootId", l->boot_id);
	json_set_string(o, "error", l->error);
}

static char *row_of(const struct container *c, const struct container_life *life)
{
	struct json *doc = json_new_object();

	json_set_int(doc, "created", c->created_ns);
	json_set_string(doc, "imageId", c->image_id);
	json_set_string(doc, "imageName", c->image_name);
	json_set_string(doc, "storage", c->storage);
	json_set(doc, "config", json_copy(c->config));
	json_set(doc, "hostConfig", json_copy(c->host_config));
	if (c->mounts.n > 0)
		json_set(doc, "mounts", mounts_save(&c->mounts));
	if (c->net)
		json_set(doc, "network", net_save(c->net));
	put_life(doc, life);
	char *text = json_text(doc);
	json_free(doc);
	return text;
}

int container_save(struct container *c, const struct container_life *life, struct error *err)
{
	auto_free char *row = row_of(c, life);
	struct state_txn *txn = row ? state_begin(c->engine->state) : NULL;
	/* A container that is going leaves its name at once. */
	const char *name = life->phase == CONTAINER_REMOVING ? NULL : c->name;

	if (!txn)
		return error_sys(err, ENOMEM, "cannot keep the state of container '%s'", c->id);
	int r = state_put(txn, STATE_CONTAINER, c->id, name, row);
	if (r < 0) {
		state_abort(txn);
		return error_sys(err, -r, "cannot keep the state of container '%s'", c->id);
	}
	r = state_commit(txn, STATE_SOON, err);
	if (r < 0)
		return r;
	pthread_mutex_lock(&c->lock);
	c->life = *life;
	pthread_mutex_unlock(&c->lock);
	return 0;
}

int container_forget(struct container *c, struct error *err)
{
	struct state_txn *txn = state_begin(c->engine->state);

	if (!txn)
		return error_sys(err, ENOMEM, "cannot forget container '%s'", c->id);
	int r = state_delete(txn, STATE_CONTAINER, c->id);
	if (r < 0) {
		state_abort(txn);
		return error_sys(err, -r, "cannot forget container '%s'", c->id);
	}
	return state_commit(txn, STATE_SOON, err);
}

static int get_life(const struct json *doc, struct container_life *l, struct error *err)
{
	const struct json *o;
	int64_t phase = 0, pid = 0, code = 0, prev = 0;
	const char *boot = "", *text = "";
	int r = json_get_object(doc, "life", &o, err);

	if (r == 0)
		r = json_get_int(o, "phase", CONTAINER_CREATING, CONTAINER_REMOVING, &phase, err);
	if (r == 0)
		r = json_opt_bool(o, "oomKilled", false, &l->oom_killed, err);
	if (r == 0)
		r = json_opt_bool(o, "dropsVolumes", false, &l->drops_volumes, err);
	if (r == 0)
		r = json_opt_int(o, "pid", 0, 0, INT32_MAX, &pid, err);
	if (r == 0)
		r = json_opt_uint(o, "pidStart", 0, INT64_MAX, &l->pid_start, err);
	if (r == 0)
		r = json_opt_int(o, "exitCode", 0, INT32_MIN, INT32_MAX, &code, err);
	if (r == 0)
		r = json_opt_int(o, "started", 0, INT64_MIN, INT64_MAX, &l->started_ns, err);
	if (r == 0)
		r = json_opt_int(o, "prevExitCode", 0, INT32_MIN, INT32_MAX, &prev, err);
	if (r == 0)
		r = json_opt_int(o, "prevStarted", 0, INT64_MIN, INT64_MAX, &l->prev_started_ns, err);
	if (r == 0)
		r = json_opt_int(o, "finished", 0, INT64_MIN, INT64_MAX, &l->finished_ns, err);
	if (r == 0)
		r = json_opt_string(o, "bootId", "", &boot, err);
	if (r == 0)
		r = json_opt_string(o, "error", "", &text, err);
	l->phase = (enum container_phase)phase;
	l->pid = (pid_t)pid;
	l->exit_code = (int)code;
	l->prev_exit_code = (int)prev;
	path_format(l->boot_id, sizeof l->boot_id, "%s", boot);
	path_format(l->error, sizeof l->error, "%s", text);
	return r;
}

static int get_text(const struct json *doc, const char *key, char **ret, struct error *err)
{
	const char *text = "";
	int r = json_opt_string(doc, key, "", &text, err);

	if (r == 0 && !(*ret = strdup(text)))
		r = error_sys(err, ENOMEM, "cannot keep '%s'", key);
	return r;
}

static int read_row(struct container *c, const struct json *doc, struct error *err)
{
	const struct json *config, *host;
	int r = json_get_int(doc, "created", INT64_MIN, INT64_MAX, &c->created_ns, err);

	if (r == 0)
		r = get_text(doc, "imageId", &c->image_id, err);
	if (r == 0)
		r = get_text(doc, "imageName", &c->image_name, err);
	if (r == 0)
		r = get_text(doc, "storage", &c->storage, err);
	if (r == 0)
		r = json_get_object(doc, "config", &config, err);
	if (r == 0)
		r = json_get_object(doc, "hostConfig", &host, err);
	if (r == 0)
		r = mounts_load(json_at(doc, "mounts"), &c->mounts, err);
	if (r == 0)
		r = get_life(doc, &c->life, err);
	if (r < 0)
		return r;
	c->config = json_copy(config);
	c->host_config = json_copy(host);
	c->network_saved = json_copy(json_at(doc, "network"));
	if (!c->config || !c->host_config)
		return error_sys(err, ENOMEM, "cannot keep the configuration");
	r = json_opt_bool(c->config, "Tty", false, &c->tty, err);
	bool auto_remove = false;
	if (r == 0)
		r = json_opt_bool(c->host_config, "AutoRemove", false, &auto_remove, err);
	c->auto_remove = auto_remove;
	return r;
}

int container_from_row(struct engine *engine, const char *id, const char *name, const char *body,
	struct container **ret, struct error *err)
{
	auto_json struct json *doc = NULL;
	struct container *c = strlen(id) == CONTAINER_ID_LEN ? container_new(engine, id) : NULL;
	int r = c ? json_parse(body, strlen(body), 0, &doc, err)
		  : error_invalid(err, "'%s' is no container id", id);

	if (r == 0)
		r = read_row(c, doc, err);
	if (r == 0 && name && !(c->name = strdup(name)))
		r = error_sys(err, ENOMEM, "cannot keep the name");
	if (r < 0) {
		container_unref(c);
		return error_prefix(err, r, "row of container '%s'", id);
	}
	*ret = c;
	return 0;
}

/* ---- events ------------------------------------------------------------------------------------ */
void container_event_2(struct container *c, const char *action, const char *key1, const char *value1,
	const char *key2, const char *value2)
{
	auto_json struct json *attrs = json_copy(json_at(c->config, "Labels"));

	if (!attrs)
		attrs = json_new_object();
	json_set_string(attrs, "image", c->image_name);
	pthread_mutex_lock(&c->lock);
	json_set_string(attrs, "name", c->name ? c->name : "");
	pthread_mutex_unlock(&c->lock);
	if (key1)
		json_set_string(attrs, key1, value1);
	if (key2)
		json_set_string(attrs, key2, value2);
	struct event event = { .type = "container", .action = action, .id = c->id, .attributes = attrs };
	events_publish(c->engine->events, &event);
}

void container_event(struct container *c, const char *action, const char *key, const char *value)
{
	container_event_2(c, action, key, value, NULL, NULL);
}
