/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container/table.h"

#include "engine/container/all.h"
#include "lib/base/cleanup.h"
#include "lib/base/id.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096u /* enough for tens of thousands; an empty table is 64 kB that nobody touches */

struct containers {
	struct engine *engine;
	struct all all;
	pthread_mutex_t lock;
	struct container *by_id[BUCKETS], *by_name[BUCKETS];
	size_t n;
};

/* FNV-1a. */
static unsigned bucket_of(const char *text)
{
	uint32_t h = 2166136261u;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 16777619u;
	return h % BUCKETS;
}

struct containers *table_new(struct engine *engine)
{
	struct containers *all = calloc(1, sizeof *all);

	if (all) {
		all->engine = engine;
		pthread_mutex_init(&all->lock, NULL);
	}
	return all;
}

void table_free(struct containers *all)
{
	if (!all)
		return;
	for (unsigned b = 0; b < BUCKETS; b++)
		while (all->by_id[b])
			containers_drop(all, all->by_id[b]);
	pthread_mutex_destroy(&all->lock);
	free(all);
}

struct engine *table_engine(const struct containers *all)
{
	return all->engine;
}

struct all *table_all(struct containers *all)
{
	return &all->all;
}

static struct container *at_id(struct containers *all, const char *id)
{
	struct container *c = all->by_id[bucket_of(id)];

	while (c && strcmp(c->id, id) != 0)
		c = c->next_id;
	return c;
}

static struct container *at_name(struct containers *all, const char *name)
{
	struct container *c = all->by_name[bucket_of(name)];

	while (c && strcmp(c->name, name) != 0)
		c = c->next_name;
	return c;
}

static int taken(const struct container *holder, const char *name, struct error *err)
{
	return error_set(err, ERROR_CONFLICT, EEXIST,
		"Conflict. The container name \"/%s\" is already in use by container \"%s\". You have to "
		"remove (or rename) that container "
		"to be able to reuse that name.",
		name, holder->id);
}

/* With the lock. */
static void link_name(struct containers *all, struct container *c)
{
	unsigned m = bucket_of(c->name);

	c->next_name = all->by_name[m];
	all->by_name[m] = c;
}

static void unlink_name(struct containers *all, struct container *c)
{
	for (struct container **p = &all->by_name[bucket_of(c->name)]; *p; p = &(*p)->next_name)
		if (*p == c) {
			*p = c->next_name;
			return;
		}
}

int containers_add(struct containers *all, struct container *c, struct error *err)
{
	int r = 0;

	pthread_mutex_lock(&all->lock);
	struct container *holder = at_name(all, c->name);
	if (holder) {
		r = taken(holder, c->name, err);
	} else {
		unsigned b = bucket_of(c->id);
		c->next_id = all->by_id[b];
		all->by_id[b] = container_ref(c);
		link_name(all, c);
		c->all = all;
		all->n++;
	}
	pthread_mutex_unlock(&all->lock);
	return r;
}

int containers_rename(struct containers *all, struct container *c, const char *name, struct error *err)
{
	char *copy = strdup(name);
	int r = 0;

	if (!copy)
		return error_sys(err, ENOMEM, "cannot keep a name");
	pthread_mutex_lock(&all->lock);
	struct container *holder = at_name(all, name);
	if (holder) {
		r = taken(holder, name, err);
	} else {
		unlink_name(all, c);
		pthread_mutex_lock(&c->lock);
		char *old = c->name;
		c->name = copy;
		copy = old;
		pthread_mutex_unlock(&c->lock);
		link_name(all, c);
	}
	pthread_mutex_unlock(&all->lock);
	free(copy);
	return r;
}

void containers_drop(struct containers *all, struct container *c)
{
	bool was = false;

	pthread_mutex_lock(&all->lock);
	for (struct container **p = &all->by_id[bucket_of(c->id)]; *p; p = &(*p)->next_id)
		if (*p == c) {
			*p = c->next_id;
			was = true;
			break;
		}
	if (was)
		unlink_name(all, c);
	all->n -= was;
	pthread_mutex_unlock(&all->lock);
	if (was)
		container_unref(c);
}

/* With the lock.  Of several that begin so, none. */
static struct container *at_prefix(struct containers *all, const char *prefix, bool *ret_several)
{
	struct container *found = NULL;
	size_t n = strlen(prefix);

	*ret_several = false;
	for (unsigned b = 0; b < BUCKETS; b++)
		for (struct container *c = all->by_id[b]; c; c = c->next_id)
			if (strncmp(c->id, prefix, n) == 0) {
				*ret_several = found != NULL;
				if (found)
					return NULL;
				found = c;
			}
	return found;
}

int containers_find(struct containers *all, const char *name, struct container **ret, struct error *err)
{
	bool several = false;

	pthread_mutex_lock(&all->lock);
	struct container *c = at_id(all, name);
	if (!c)
		c = at_name(all, name[0] == '/' ? name + 1 : name);
	if (!c && id_is_prefix(name))
		c = at_prefix(all, name, &several);
	if (c)
		container_ref(c);
	pthread_mutex_unlock(&all->lock);
	if (several)
		return error_invalid(err, "multiple IDs found with provided prefix: %s", name);
	if (!c)
		return error_set(err, ERROR_NOT_FOUND, ENOENT, "No such container: %s", name);
	*ret = c;
	return 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct container *x = *(struct container *const *)a, *y = *(struct container *const *)b;

	return x->created_ns < y->created_ns ? 1 : x->created_ns > y->created_ns ? -1 : strcmp(x->id, y->id);
}

int containers_each(struct containers *all, int (*visit)(struct container *c, void *ctx), void *ctx)
{
	size_t n = 0;
	int r = 0;

	pthread_mutex_lock(&all->lock);
	auto_free struct container **list = malloc((all->n + 1) * sizeof(struct container *));
	for (unsigned b = 0; list && b < BUCKETS; b++)
		for (struct container *c = all->by_id[b]; c; c = c->next_id)
			list[n++] = container_ref(c);
	pthread_mutex_unlock(&all->lock);
	if (!list)
		return -ENOMEM;
	qsort(list, n, sizeof(struct container *), newest_first);
	for (size_t i = 0; i < n; i++) {
		if (r == 0)
			r = visit(list[i], ctx);
		container_unref(list[i]);
	}
	return r;
}

static int count_one(struct container *c, void *ctx)
{
	struct container_counts *counts = ctx;
	struct container_life life = container_life(c);

	if (life.phase == CONTAINER_CREATING || life.phase == CONTAINER_REMOVING)
		return 0;
	counts->all++;
	counts->running += life.phase == CONTAINER_RUNNING && !life.paused;
	counts->paused += life.phase == CONTAINER_RUNNING && life.paused;
	return 0;
}

void containers_count(struct containers *all, struct container_counts *ret)
{
	*ret = (struct container_counts){ 0 };
	containers_each(all, count_one, ret);
}
