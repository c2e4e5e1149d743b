/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/kit/holders.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kit_holder {
	struct kit_holder *next;
	enum kit_hold how;
	const char *holder; /* behind object in the same block */
	char object[];
};

static struct kit_holder **bucket_of(struct kit_holders *h, const char *object)
{
	uint32_t hash = 2166136261u;

	for (const char *p = object; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	return &h->buckets[hash % KIT_HOLDERS_BUCKETS];
}

int kit_holders_init(struct kit_holders *h)
{
	memset(h->buckets, 0, sizeof h->buckets);
	return -pthread_mutex_init(&h->lock, NULL);
}

void kit_holders_done(struct kit_holders *h)
{
	for (size_t i = 0; i < KIT_HOLDERS_BUCKETS; i++) {
		while (h->buckets[i]) {
			struct kit_holder *e = h->buckets[i];
			h->buckets[i] = e->next;
			free(e);
		}
	}
	pthread_mutex_destroy(&h->lock);
}

static struct kit_holder *holder_new(const char *object, const char *holder)
{
	size_t a = strlen(object) + 1, b = strlen(holder) + 1;
	struct kit_holder *e = malloc(sizeof *e + a + b);

	if (!e)
		return NULL;
	memcpy(e->object, object, a);
	memcpy(e->object + a, holder, b);
	e->holder = e->object + a;
	return e;
}

static int add_locked(struct kit_holders *h, const char *object, const char *holder, enum kit_hold how,
	bool exclusive, char *other, size_t size)
{
	struct kit_holder **bucket = bucket_of(h, object), *mine = NULL;

	for (struct kit_holder *e = *bucket; e; e = e->next) {
		if (strcmp(e->object, object) != 0)
			continue;
		if (strcmp(e->holder, holder) == 0) {
			mine = e;
		} else if (exclusive && e->how == KIT_HOLD_WRITE) {
			snprintf(other, size, "%s", e->holder);
			return -EBUSY;
		}
	}
	bool fresh = !mine;
	if (fresh) {
		mine = holder_new(object, holder);
		if (!mine)
			return -ENOMEM;
		mine->next = *bucket;
		*bucket = mine;
	}
	mine->how = how;
	return fresh;
}

int kit_holders_add(struct kit_holders *h, const char *object, const char *holder, enum kit_hold how,
	bool exclusive, char *other, size_t size)
{
	pthread_mutex_lock(&h->lock);
	int r = add_locked(h, object, holder, how, exclusive, other, size);
	pthread_mutex_unlock(&h->lock);
	return r;
}

bool kit_holders_remove(struct kit_holders *h, const char *object, const char *holder)
{
	bool last = true;

	pthread_mutex_lock(&h->lock);
	struct kit_holder **at = bucket_of(h, object);
	while (*at) {
		struct kit_holder *e = *at;
		if (strcmp(e->object, object) != 0) {
			at = &e->next;
		} else if (strcmp(e->holder, holder) == 0) {
			*at = e->next;
			free(e);
		} else {
			last = false;
			at = &e->next;
		}
	}
	pthread_mutex_unlock(&h->lock);
	return last;
}

bool kit_holders_any(struct kit_holders *h, const char *object, char *other, size_t size)
{
	bool any = false;

	pthread_mutex_lock(&h->lock);
	for (struct kit_holder *e = *bucket_of(h, object); e && !any; e = e->next) {
		if (strcmp(e->object, object) == 0) {
			any = true;
			if (other)
				snprintf(other, size, "%s", e->holder);
		}
	}
	pthread_mutex_unlock(&h->lock);
	return any;
}
