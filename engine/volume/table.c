/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/volume/object.h"

#include "engine/engine.h"
#include "engine/events/events.h"
#include "lib/base/cleanup.h"
#include "lib/json/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- one ------------------------------------------------------------------------------ */
struct volume *volume_new(struct volume_table *all, const char *name, const char *driver)
{
	struct volume *v = calloc(1, sizeof *v);

	if (!v)
		return NULL;
	v->all = all;
	atomic_init(&v->refs, 1);
	v->name = strdup(name);
	v->driver = strdup(driver);
	if (!v->name || !v->driver) {
		volume_free(v);
		return NULL;
	}
	return v;
}

void volume_free(struct volume *v)
{
	if (!v)
		return;
	while (v->holders) {
		struct volume_holder *h = v->holders;
		v->holders = h->next;
		free(h);
	}
	json_free(v->options);
	json_free(v->labels);
	free(v->name);
	free(v->driver);
	free(v->state);
	free(v->where);
	free(v->created);
	free(v);
}

struct volume *volume_ref(struct volume *v)
{
	atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
	return v;
}

void volume_unref(struct volume *v)
{
	if (v && atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) == 1)
		volume_free(v);
}

const char *volume_name(const struct volume *v)
{
	return v->name;
}

const char *volume_driver(const struct volume *v)
{
	return v->driver;
}

const char *volume_where(const struct volume *v)
{
	return v->where ? v->where : "";
}

/* Takes the attributes. */
static void publish(const struct volume *v, const char *action, struct json *attrs)
{
	json_set_string(attrs, "driver", v->driver);
	struct event event = { .type = "volume", .action = action, .id = v->name, .attributes = attrs };
	events_publish(v->all->engine->events, &event);
	json_free(attrs);
}

void volume_event(const struct volume *v, const char *action)
{
	publish(v, action, json_new_object());
}

void volume_event_mount(
	const struct volume *v, const char *container, const char *destination, bool read_only)
{
	struct json *attrs = json_new_object();

	json_set_string(attrs, "container", container);
	json_set_string(attrs, "destination", destination);
	json_set_string(attrs, "propagation", "");
	json_set_string(attrs, "read/write", read_only ? "false" : "true");
	publish(v, "mount", attrs);
}

void volume_event_unmount(const struct volume *v, const char *container)
{
	struct json *attrs = json_new_object();

	json_set_string(attrs, "container", container);
	publish(v, "unmount", attrs);
}

/* ---- holders ---------------------------------------------------------------------------- */
int volume_hold_locked(struct volume *v, const char *container, struct error *err)
{
	struct volume_holder *h;

	for (h = v->holders; h; h = h->next)
		if (strcmp(h->id, container) == 0)
			return 0;
	h = malloc(sizeof *h + strlen(container) + 1);
	if (!h)
		return error_sys(err, ENOMEM, "cannot hold volume '%s'", v->name);
	memcpy(h->id, container, strlen(container) + 1);
	h->next = v->holders;
	v->holders = h;
	return 0;
}

int volume_hold(struct volume *v, const char *container, struct error *err)
{
	pthread_mutex_lock(&v->all->lock);
	int r = volume_hold_locked(v, container, err);
	pthread_mutex_unlock(&v->all->lock);
	return r;
}

void volume_release(struct volume *v, const char *container)
{
	struct volume_holder *h = NULL;

	pthread_mutex_lock(&v->all->lock);
	for (struct volume_holder **p = &v->holders; *p; p = &(*p)->next)
		if (strcmp((*p)->id, container) == 0) {
			h = *p;
			*p = h->next;
			break;
		}
	pthread_mutex_unlock(&v->all->lock);
	free(h);
}

/* ---- the table -------------------------------------------------------------------------- */
struct volume *volume_find_idle(struct volume_table *all, const char *name)
{
	for (struct volume *v = all->first; v;) {
		if (strcmp(v->name, name) != 0) {
			v = v->next;
		} else if (v->busy) {
			pthread_cond_wait(&all->idle, &all->lock);
			v = all->first; /* it may be gone, and another one of its name there */
		} else {
			return v;
		}
	}
	return NULL;
}

void volume_drop(struct volume *v)
{
	for (struct volume **p = &v->all->first; *p; p = &(*p)->next)
		if (*p == v) {
			*p = v->next;
			break;
		}
	v->gone = true;
}

int volume_set_busy(struct volume *v, struct error *err)
{
	pthread_mutex_lock(&v->all->lock);
	while (v->busy)
		pthread_cond_wait(&v->all->idle, &v->all->lock);
	int r = v->gone ? error_set(err, ERROR_NOT_FOUND, ENOENT, "get %s: no such volume", v->name) : 0;
	v->busy = r == 0;
	pthread_mutex_unlock(&v->all->lock);
	return r;
}

void volume_set_idle(struct volume *v)
{
	pthread_mutex_lock(&v->all->lock);
	v->busy = false;
	pthread_cond_broadcast(&v->all->idle);
	pthread_mutex_unlock(&v->all->lock);
}

int volumes_find(struct volume_table *all, const char *name, struct volume **ret, struct error *err)
{
	pthread_mutex_lock(&all->lock);
	struct volume *v = volume_find_idle(all, name);
	if (v)
		*ret = volume_ref(v);
	pthread_mutex_unlock(&all->lock);
	return v ? 0 : error_set(err, ERROR_NOT_FOUND, ENOENT, "get %s: no such volume", name);
}

int volumes_open(struct engine *engine, struct volume_table **ret, struct error *err)
{
	struct volume_table *all = calloc(1, sizeof *all);

	if (!all)
		return error_sys(err, ENOMEM, "cannot keep volumes");
	all->engine = engine;
	pthread_mutex_init(&all->lock, NULL);
	pthread_mutex_init(&all->opening, NULL);
	pthread_cond_init(&all->idle, NULL);
	int r = volume_drivers_open(all, err);
	if (r == 0)
		r = volume_rows_load(all, err);
	if (r < 0)
		volumes_close(all);
	else
		*ret = all;
	return r;
}

void volumes_close(struct volume_table *all)
{
	if (!all)
		return;
	while (all->first) {
		struct volume *v = all->first;
		all->first = v->next;
		volume_unref(v);
	}
	volume_drivers_close(all);
	pthread_cond_destroy(&all->idle);
	pthread_mutex_destroy(&all->opening);
	pthread_mutex_destroy(&all->lock);
	free(all->standard);
	free(all);
}
