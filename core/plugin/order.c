/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin/order.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

/* An object somebody works on or waits for. */
struct order_key {
	struct order_key *next;
	uint64_t key;
	struct order_ticket *first, *last; /* in order of arrival */
};

#define DRIVER_KEY UINT64_C(1)

static void add_key(struct order_wants *w, uint64_t key, bool alone)
{
	for (unsigned i = 0; i < w->n; i++) {
		if (w->v[i].key == key) {
			w->v[i].alone |= alone;
			return;
		}
	}
	if (w->n < ORDER_WANTS)
		w->v[w->n++] = (struct order_want){ key, alone };
}

/* FNV-1a, 64 bits.  Two ids of one hash only wait for each other without need. */
void order_add(struct order_wants *w, char space, const char *id, bool alone)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ (unsigned char)space;

	if (!id)
		return;
	for (const unsigned char *p = (const unsigned char *)id; *p; p++)
		h = (h ^ *p) * UINT64_C(0x100000001b3);
	add_key(w, h, alone);
}

void order_add_driver(struct order_wants *w, bool alone)
{
	add_key(w, DRIVER_KEY, alone);
}

void order_init(struct order *o)
{
	*o = (struct order){ 0 };
}

void order_done(struct order *o)
{
	for (unsigned i = 0; i < ORDER_BUCKETS; i++) {
		struct order_key *k;
		while ((k = o->buckets[i])) {
			o->buckets[i] = k->next;
			free(k);
		}
	}
}

static struct order_key **place(struct order *o, uint64_t key)
{
	struct order_key **p = &o->buckets[(key ^ key >> 32) % ORDER_BUCKETS];

	while (*p && (*p)->key != key)
		p = &(*p)->next;
	return p;
}

static struct order_key *get_key(struct order *o, uint64_t key)
{
	struct order_key **p = place(o, key);

	if (!*p) {
		*p = calloc(1, sizeof **p);
		if (*p)
			(*p)->key = key;
	}
	return *p;
}

static void drop_empty(struct order *o, uint64_t key)
{
	struct order_key **p = place(o, key);
	struct order_key *k = *p;

	if (k && !k->first) {
		*p = k->next;
		free(k);
	}
}

/* A ticket is granted when nothing alone stands before it, and nothing at all if it is alone itself. */
static void grant(struct order_key *k, struct order_user *leaving, void (*ready)(struct order_user *, void *),
	void *arg)
{
	bool anyone = false;

	for (struct order_ticket *t = k->first; t; t = t->next) {
		if (t->alone && anyone)
			break;
		if (!t->granted) {
			t->granted = true;
			if (--t->user->waiting == 0 && t->user != leaving && ready)
				ready(t->user, arg);
		}
		if (t->alone)
			break;
		anyone = true;
	}
}

static void append(struct order_key *k, struct order_ticket *t)
{
	if (k->last)
		k->last->next = t;
	else
		k->first = t;
	k->last = t;
}

int order_enter(struct order *o, struct order_user *user, const struct order_wants *wants)
{
	struct order_key *keys[ORDER_WANTS];

	for (unsigned i = 0; i < wants->n; i++) {
		keys[i] = get_key(o, wants->v[i].key);
		if (!keys[i]) {
			while (i-- > 0)
				drop_empty(o, wants->v[i].key);
			return -ENOMEM;
		}
	}
	*user = (struct order_user){ .n = wants->n, .waiting = wants->n };
	for (unsigned i = 0; i < wants->n; i++) {
		user->tickets[i] = (struct order_ticket){
			.key = keys[i], .user = user, .alone = wants->v[i].alone
		};
		append(keys[i], &user->tickets[i]);
	}
	for (unsigned i = 0; i < wants->n; i++)
		grant(keys[i], user, NULL, NULL);
	return user->waiting == 0;
}

static void unlink_ticket(struct order_key *k, struct order_ticket *t)
{
	struct order_ticket *before = NULL;

	for (struct order_ticket *p = k->first; p != t; p = p->next)
		before = p;
	if (before)
		before->next = t->next;
	else
		k->first = t->next;
	if (k->last == t)
		k->last = before;
}

void order_leave(struct order *o, struct order_user *user, void (*ready)(struct order_user *user, void *arg),
	void *arg)
{
	for (unsigned i = 0; i < user->n; i++) {
		struct order_ticket *t = &user->tickets[i];
		struct order_key *k = t->key;
		unlink_ticket(k, t);
		if (k->first)
			grant(k, user, ready, arg);
		else
			drop_empty(o, k->key);
	}
	user->n = 0;
}
