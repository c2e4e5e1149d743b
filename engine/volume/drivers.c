/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The volume drivers in use.  The default one has data-root/volumes, as Docker lays it out; others have
 * data-root/volumes-NAME.  Which one is the default is written down at the first start: a driver that is
 * added later never finds another's folder.
 */
#include "engine/volume/object.h"

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
#include <stdlib.h>
#include <string.h>

#define META_KEY "volumeDriver"

/* ---- what a driver is told to have --------------------------------------------------- */
struct known_list {
	const char *driver, *boot_id;
	struct gty_known *v;
	size_t n, room;
	struct json **docs; /* rows, whose texts v borrows */
	size_t n_docs, docs_room;
	bool failed;
};

static int grow(void **v, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return 0;
	size_t more = *room ? *room * 2 : 64;
	void *p = reallocarray(*v, more, size);
	if (!p)
		return -1;
	*v = p;
	*room = more;
	return 0;
}

/* The row, kept for its texts; NULL: it cannot be read. */
static const struct json *keep_row(struct known_list *l, const struct state_row *row)
{
	struct json *doc = NULL;

	if (json_parse(row->body, row->body_len, 0, &doc, NULL) < 0 ||
		grow((void **)&l->docs, l->n_docs, &l->docs_room, sizeof(struct json *)) < 0) {
		json_free(doc);
		l->failed = true; /* a driver that is told half of it would remove the rest */
		return NULL;
	}
	json_set_string(doc, "rowId", row->id);
	return l->docs[l->n_docs++] = doc;
}

static void add(struct known_list *l, struct gty_known known)
{
	if (grow((void **)&l->v, l->n, &l->room, sizeof known) < 0)
		l->failed = true;
	else
		l->v[l->n++] = known;
}

static const char *text(const struct json *o, const char *key)
{
	const char *t = json_string(json_at(o, key));

	return t ? t : "";
}

static int64_t number(const struct json *o, const char *key)
{
	int64_t n = 0;

	json_opt_int(o, key, 0, INT64_MIN, INT64_MAX, &n, NULL);
	return n;
}

static int add_volume(void *ctx, const struct state_row *row, struct error *err)
{
	struct known_list *l = ctx;
	const struct json *doc = keep_row(l, row);

	(void)err;
	if (!doc || strcmp(text(doc, "driver"), l->driver) != 0)
		return 0;
	add(l, (struct gty_known){ .what = GTY_KNOWN_VOLUME,
		       .flags = number(doc, "phase") == VOLUME_CREATING ? GTY_KNOWN_F_PENDING : 0,
		       .id = text(doc, "name"),
		       .state = text(doc, "state") });
	return 0;
}

/* Who runs has its volumes mounted, by its id. */
static int add_container(void *ctx, const struct state_row *row, struct error *err)
{
	struct known_list *l = ctx;
	const struct json *doc = keep_row(l, row), *life = json_at(doc, "life"), *mounts;

	(void)err;
	if (!doc || number(life, "phase") != CONTAINER_RUNNING ||
		strcmp(text(life, "bootId"), l->boot_id) != 0)
		return 0;
	mounts = json_at(doc, "mounts");
	for (size_t i = 0; i < json_count(mounts); i++) {
		const struct json *m = json_item(mounts, i);
		if (strcmp(text(m, "driver"), l->driver) == 0)
			add(l, (struct gty_known){ .what = GTY_KNOWN_MOUNT,
				       .id = text(m, "name"),
				       .holder = text(doc, "rowId") });
	}
	return 0;
}

static void free_known(struct known_list *l)
{
	for (size_t i = 0; i < l->n_docs; i++)
		json_free(l->docs[i]);
	free(l->docs);
	free(l->v);
}

/* With all that the rows say; a row that cannot be read keeps the driver from removing anything. */
static int recover(struct volume_table *all, struct volumes *vd, struct error *err)
{
	struct engine *e = all->engine;
	struct known_list l = { .driver = volume_driver_name(vd), .boot_id = e->boot_id };
	auto_reply struct gty_recover_rep *rep = NULL;
	int r = state_each(e->state, STATE_VOLUME, add_volume, &l, err);

	if (r == 0)
		r = state_each(e->state, STATE_CONTAINER, add_container, &l, err);
	struct gty_recover_req req = { .n = (uint32_t)l.n,
		.v = l.v,
		.flags = (l.failed ? GTY_RECOVER_DRY : 0) | (e->rebooted ? GTY_RECOVER_REBOOT : 0) };
	if (r == 0)
		r = volume_recover(vd, &req, &rep, err);
	for (uint32_t i = 0; r == 0 && i < rep->n; i++)
		log_warning("volume driver '%s': %s: %s", l.driver, rep->v[i].id, rep->v[i].why);
	free_known(&l);
	return r;
}

/* ---- opening ----------------------------------------------------------------------------- */
static int open_driver(
	struct volume_table *all, const struct driver *d, struct volumes **ret, struct error *err)
{
	const struct engine_config *c = &all->engine->config;
	const char *name = driver_api_name(d);
	bool standard = strcmp(name, all->standard) == 0;
	char root[PATH_MAX], run[PATH_MAX];

	if (path_format(root, sizeof root, "%s/volumes%s%s", c->data_root, standard ? "" : "-",
		    standard ? "" : name) < 0 ||
		path_format(run, sizeof run, "%s/drivers/volume-%s", c->exec_root, name) < 0)
		return error_invalid(err, "--data-root or --exec-root is too long");
	struct driver_config config = { .name = name,
		.root = root,
		.run_dir = run,
		.instance = all->engine->instance,
		.sink = &drivers_sink };
	int r = volume_open(d, &config, ret, err);
	if (r < 0)
		return r;
	r = recover(all, *ret, err);
	if (r < 0)
		volume_close(*ret);
	return r;
}

static int get_locked(
	struct volume_table *all, const struct driver *d, struct volumes **ret, struct error *err)
{
	for (size_t i = 0; i < all->n_drivers; i++)
		if (strcmp(volume_driver_name(all->drivers[i]), driver_api_name(d)) == 0) {
			*ret = all->drivers[i];
			return 0;
		}
	if (all->n_drivers == VOLUME_DRIVERS_MAX)
		return error_set(err, ERROR_EXHAUSTED, EMFILE, "more than %d volume drivers in use",
			VOLUME_DRIVERS_MAX);
	int r = open_driver(all, d, ret, err);
	if (r == 0)
		all->drivers[all->n_drivers++] = *ret;
	return r;
}

int volume_drivers_get(struct volume_table *all, const char *name, struct volumes **ret, struct error *err)
{
	struct error why = ERROR_INIT;
	const struct driver *d = registry_find(
		all->engine->registry, kind_find(GTY_KIND_VOLUME), *name ? name : all->standard, &why);

	if (!d) {
		log_debug("volume driver '%s': %s", name, why.text);
		return error_set(err, ERROR_NOT_FOUND, ENOENT,
			"error looking up volume plugin %s: plugin \"%s\" not found", name, name);
	}
	pthread_mutex_lock(&all->opening);
	int r = get_locked(all, d, ret, err);
	pthread_mutex_unlock(&all->opening);
	return r;
}

int volume_drivers_open(struct volume_table *all, struct error *err)
{
	struct engine *e = all->engine;
	struct volumes *vd;
	int r = state_meta_get(e->state, META_KEY, &all->standard, err);

	if (r < 0)
		return r;
	if (!all->standard) {
		const struct driver *d = registry_choose(e->registry, kind_find(GTY_KIND_VOLUME), err);
		if (!d || !(all->standard = strdup(driver_api_name(d))))
			return d ? error_sys(err, ENOMEM, "cannot keep the volume driver's name") : -ENOENT;
		r = state_meta_set(e->state, META_KEY, all->standard, err);
	}
	return r == 0 ? volume_drivers_get(all, "", &vd, err) : r;
}

void volume_drivers_close(struct volume_table *all)
{
	while (all->n_drivers > 0)
		volume_close(all->drivers[--all->n_drivers]);
}
