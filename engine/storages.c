/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/storages.h"

#include "core/plugin/call.h"
#include "engine/container/container.h"
#include "engine/drivers.h"
#include "engine/engine.h"
#include "engine/state/state.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/path.h"
#include "lib/json/json.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define STORAGES_MAX 16

struct storages {
	struct engine *engine;
	pthread_mutex_t lock; /* held while one is opened: two openings of one driver would share its root */
	struct storage *open[STORAGES_MAX];
	const struct driver *drivers[STORAGES_MAX];
	size_t n;
};

/* "overlay2.size=10G" is for overlay2 alone, "size=10G" for the default driver. */
static const char *option_for(const char *text, const char *name, bool is_default)
{
	size_t n = strlen(name);
	const char *eq = strchr(text, '='), *dot = strchr(text, '.');

	if (dot && eq && dot < eq)
		return strncmp(text, name, n) == 0 && text[n] == '.' ? text + n + 1 : NULL;
	return is_default ? text : NULL;
}

static int split_option(const char *text, struct gty_kv *ret, char **ret_copy, struct error *err)
{
	char *copy = strdup(text), *eq = copy ? strchr(copy, '=') : NULL;

	if (!copy)
		return error_sys(err, ENOMEM, "cannot keep the storage options");
	if (!eq) {
		free(copy);
		return error_invalid(err, "storage option '%s': use key=value", text);
	}
	*eq = '\0';
	*ret = (struct gty_kv){ copy, eq + 1 };
	*ret_copy = copy;
	return 0;
}

/* ---- what a driver is told to have --------------------------------------------------------- */
struct known_list {
	const char *storage; /* whose */
	const char *boot_id;
	struct gty_known *v;
	char (*texts)[2][CONTAINER_ID_LEN + 1]; /* id and parent of each */
	size_t n, room;
	bool failed;
};

static struct gty_known *add_known(struct known_list *l, uint32_t what, const char *id, const char *parent)
{
	if (l->n == l->room) {
		size_t room = l->room ? l->room * 2 : 64;
		void *v = reallocarray(l->v, room, sizeof *l->v),
		     *texts = v ? reallocarray(l->texts, room, sizeof *l->texts) : NULL;
		if (v)
			l->v = v;
		if (texts)
			l->texts = texts;
		if (!v || !texts) {
			l->failed = true;
			return NULL;
		}
		l->room = room;
	}
	path_format(l->texts[l->n][0], sizeof l->texts[0][0], "%s", id);
	path_format(l->texts[l->n][1], sizeof l->texts[0][1], "%s", parent);
	l->v[l->n] = (struct gty_known){ .what = what };
	return &l->v[l->n++];
}

static int add_layer(void *ctx, const struct state_row *row, struct error *err)
{
	struct known_list *l = ctx;
	auto_json struct json *doc = NULL;
	const char *storage = "", *id = "", *parent = "";

	(void)err;
	if (json_parse(row->body, row->body_len, 0, &doc, NULL) < 0 ||
		json_get_string(doc, "storage", &storage, NULL) < 0 ||
		json_get_string(doc, "id", &id, NULL) < 0 ||
		json_opt_string(doc, "parent", "", &parent, NULL) < 0) {
		l->failed = true; /* a driver that is told half of it would remove the rest */
		return 0;
	}
	if (strcmp(storage, l->storage) == 0)
		add_known(l, GTY_KNOWN_LAYER, id, parent);
	return 0;
}

/* Writable layers have their container's id; those that run are mounted by it. */
static int add_container(void *ctx, const struct state_row *row, struct error *err)
{
	struct known_list *l = ctx;
	auto_json struct json *doc = NULL;
	const char *storage = "", *boot = "";
	int64_t phase = 0;

	(void)err;
	if (json_parse(row->body, row->body_len, 0, &doc, NULL) < 0 ||
		json_opt_string(doc, "storage", "", &storage, NULL) < 0) {
		l->failed = true;
		return 0;
	}
	if (strcmp(storage, l->storage) != 0)
		return 0;
	json_opt_int(json_at(doc, "life"), "phase", 0, 0, 100, &phase, NULL);
	json_opt_string(json_at(doc, "life"), "bootId", "", &boot, NULL);
	add_known(l, GTY_KNOWN_LAYER, row->id, "");
	if (phase == CONTAINER_RUNNING && strcmp(boot, l->boot_id) == 0)
		add_known(l, GTY_KNOWN_MOUNT, row->id, "");
	return 0;
}

static void point(struct known_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		l->v[i].id = l->texts[i][0];
		l->v[i].parent = l->texts[i][1][0] ? l->texts[i][1] : NULL;
		l->v[i].holder = l->v[i].what == GTY_KNOWN_MOUNT ? l->texts[i][0] : NULL;
	}
}

/* With all that the rows say; a row that cannot be read keeps the driver from removing anything. */
static int recover(struct storages *s, struct storage *st, struct error *err)
{
	struct engine *e = s->engine;
	struct known_list l = { .storage = storage_name(st), .boot_id = e->boot_id };
	struct gty_recover_rep *rep = NULL;
	int r = state_each(e->state, STATE_LAYER, add_layer, &l, err);

	if (r == 0)
		r = state_each(e->state, STATE_CONTAINER, add_container, &l, err);
	point(&l);
	struct gty_recover_req req = { .n = (uint32_t)l.n,
		.v = l.v,
		.flags = (l.failed ? GTY_RECOVER_DRY : 0) | (e->rebooted ? GTY_RECOVER_REBOOT : 0) };
	if (r == 0)
		r = storage_recover(st, &req, &rep, err);
	if (r == 0)
		for (uint32_t i = 0; i < rep->n; i++)
			log_warning(
				"storage driver '%s': %s: %s", storage_name(st), rep->v[i].id, rep->v[i].why);
	reply_free(rep);
	free(l.v);
	free(l.texts);
	return r;
}

static int open_driver(
	struct storages *s, const struct driver *d, bool is_default, struct storage **ret, struct error *err)
{
	const struct engine_config *c = &s->engine->config;
	const char *name = driver_api_name(d);
	struct gty_kv opts[64];
	char *copies[64];
	char root[PATH_MAX], run[PATH_MAX];
	uint32_t n = 0;
	int r = path_format(root, sizeof root, "%s/%s", c->data_root, name);

	if (r == 0)
		r = path_format(run, sizeof run, "%s/drivers/%s", c->exec_root, name);
	if (r < 0)
		return error_invalid(err, "--data-root or --exec-root is too long");
	for (size_t i = 0; r == 0 && i < c->n_storage_opts && n < 64; i++) {
		const char *text = option_for(c->storage_opts[i], name, is_default);
		if (!text)
			continue;
		r = split_option(text, &opts[n], &copies[n], err);
		n += r == 0;
	}
	struct driver_config config = { .name = name,
		.root = root,
		.run_dir = run,
		.instance = s->engine->instance,
		.opts = opts,
		.opts_n = n,
		.sink = &drivers_sink };
	if (r == 0)
		r = storage_open(d, &config, ret, err);
	if (r == 0)
		r = recover(s, *ret, err);
	while (n > 0)
		free(copies[--n]);
	return r;
}

/* With the lock. */
static int get_locked(
	struct storages *s, const struct driver *d, bool is_default, struct storage **ret, struct error *err)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->drivers[i] == d) {
			*ret = s->open[i];
			return 0;
		}
	if (s->n == STORAGES_MAX)
		return error_set(
			err, ERROR_EXHAUSTED, EMFILE, "more than %d storage drivers in use", STORAGES_MAX);
	int r = open_driver(s, d, is_default, ret, err);
	if (r == 0) {
		s->drivers[s->n] = d;
		s->open[s->n++] = *ret;
	}
	return r;
}

int storages_new(struct engine *engine, struct storages **ret, struct error *err)
{
	struct storages *s = calloc(1, sizeof *s);
	const struct kind *kind = kind_find(GTY_KIND_STORAGE);
	const char *name = engine->config.storage_driver;
	struct storage *first;

	if (!s)
		return error_sys(err, ENOMEM, "cannot keep the storage drivers");
	s->engine = engine;
	pthread_mutex_init(&s->lock, NULL);
	const struct driver *d = name && *name ? registry_find(engine->registry, kind, name, err)
					       : registry_choose(engine->registry, kind, err);
	int r = d ? get_locked(s, d, true, &first, err) : -ENOENT;
	if (r < 0) {
		storages_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void storages_free(struct storages *s)
{
	if (!s)
		return;
	while (s->n > 0)
		storage_close(s->open[--s->n]);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct storage *storages_default(struct storages *s)
{
	return s->open[0];
}

int storages_get(struct storages *s, const char *name, struct storage **ret, struct error *err)
{
	if (!name || !*name) {
		*ret = storages_default(s);
		return 0;
	}
	const struct driver *d = registry_find(s->engine->registry, kind_find(GTY_KIND_STORAGE), name, err);
	if (!d)
		return -ENOENT;
	pthread_mutex_lock(&s->lock);
	int r = get_locked(s, d, false, ret, err);
	pthread_mutex_unlock(&s->lock);
	return r;
}

void storages_each(struct storages *s, void (*visit)(struct storage *st, void *ctx), void *ctx)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n; i++)
		visit(s->open[i], ctx);
	pthread_mutex_unlock(&s->lock);
}
