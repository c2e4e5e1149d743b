/* SPDX-License-Identifier: Apache-2.0 */
/* The interface, and the cache in memory. */
#include "runtime/compile/seccomp_cache.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

int seccomp_cache_get(struct seccomp_cache *cache, const char *key, struct seccomp_filter *ret)
{
	return cache ? cache->get(cache, key, ret) : -ENOENT;
}

void seccomp_cache_put(struct seccomp_cache *cache, const char *key, const struct seccomp_filter *filter)
{
	if (cache && strlen(key) <= SECCOMP_CACHE_KEY_MAX)
		cache->put(cache, key, filter);
}

void seccomp_cache_free(struct seccomp_cache *cache)
{
	if (cache)
		cache->free(cache);
}

struct entry {
	char *key; /* NULL: free */
	struct seccomp_filter filter;
	uint64_t used; /* value of the clock at the last use */
};

struct memory_cache {
	struct seccomp_cache cache; /* first */
	pthread_mutex_t lock;
	uint64_t clock;
	size_t max;
	struct entry entries[];
};

static int copy_filter(const struct seccomp_filter *filter, struct seccomp_filter *ret)
{
	struct sock_filter *insns = malloc((filter->n + 1) * sizeof *insns);

	if (!insns)
		return -ENOMEM;
	memcpy(insns, filter->insns, filter->n * sizeof *insns);
	*ret = (struct seccomp_filter){ insns, filter->n, filter->flags };
	return 0;
}

static struct entry *find_entry(struct memory_cache *m, const char *key)
{
	for (size_t i = 0; i < m->max; i++)
		if (m->entries[i].key && strcmp(m->entries[i].key, key) == 0)
			return &m->entries[i];
	return NULL;
}

static int get_memory(struct seccomp_cache *cache, const char *key, struct seccomp_filter *ret)
{
	struct memory_cache *m = (struct memory_cache *)cache;
	struct entry *entry;
	int r = -ENOENT;

	pthread_mutex_lock(&m->lock);
	entry = find_entry(m, key);
	if (entry) {
		entry->used = ++m->clock;
		r = copy_filter(&entry->filter, ret);
	}
	pthread_mutex_unlock(&m->lock);
	return r < 0 ? -ENOENT : 0;
}

static void clear_entry(struct entry *entry)
{
	free(entry->key);
	seccomp_filter_done(&entry->filter);
	*entry = (struct entry){ 0 };
}

static void put_memory(struct seccomp_cache *cache, const char *key, const struct seccomp_filter *filter)
{
	struct memory_cache *m = (struct memory_cache *)cache;
	struct entry *place;

	pthread_mutex_lock(&m->lock);
	place = find_entry(m, key);
	for (size_t i = 0; !place && i < m->max; i++)
		if (!m->entries[i].key)
			place = &m->entries[i];
	if (!place) {
		place = &m->entries[0];
		for (size_t i = 1; i < m->max; i++)
			if (m->entries[i].used < place->used)
				place = &m->entries[i];
	}
	clear_entry(place);
	place->key = strdup(key);
	place->used = ++m->clock;
	if (!place->key || copy_filter(filter, &place->filter) < 0)
		clear_entry(place);
	pthread_mutex_unlock(&m->lock);
}

static void free_memory(struct seccomp_cache *cache)
{
	struct memory_cache *m = (struct memory_cache *)cache;

	for (size_t i = 0; i < m->max; i++)
		clear_entry(&m->entries[i]);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

struct seccomp_cache *seccomp_cache_new(size_t max)
{
	struct memory_cache *m;

	if (max == 0)
		max = 1;
	m = calloc(1, sizeof *m + max * sizeof m->entries[0]);
	if (!m)
		return NULL;
	m->cache = (struct seccomp_cache){ get_memory, put_memory, free_memory };
	pthread_mutex_init(&m->lock, NULL);
	m->max = max;
	return &m->cache;
}
