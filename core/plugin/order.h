/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which calls of one driver may run beside each other.  Every call wants some keys (object ids), each
 * alone or shared, and gets them all at once, first come first served per key; so there is no deadlock and
 * nobody starves.  Every call shares the driver itself, unless it wants to be alone with it.
 * No locking here: the caller holds the driver's lock.
 */
#ifndef GANTRY_CORE_ORDER_H
#define GANTRY_CORE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#define ORDER_WANTS   5
#define ORDER_BUCKETS 64

struct order_wants {
	unsigned n;
	struct order_want {
		uint64_t key;
		bool alone;
	} v[ORDER_WANTS];
};

/* Adds a want; the same key twice is one, alone if either was.  NULL ids are left out. space tells ids of
 * different things apart ('l' layers, 'e' endpoints). */
void order_add(struct order_wants *w, char space, const char *id, bool alone);
/* Nothing else of this driver runs meanwhile. */
void order_add_driver(struct order_wants *w, bool alone);

struct order_key;
struct order_user {
	unsigned n, waiting; /* tickets, and how many of them are not granted */
	struct order_ticket {
		struct order_key *key;
		struct order_ticket *next;
		struct order_user *user;
		bool alone, granted;
	} tickets[ORDER_WANTS];
};

struct order {
	struct order_key *buckets[ORDER_BUCKETS];
};

void order_init(struct order *o);
/* Nobody is in line any more. */
void order_done(struct order *o);

/* Stands in line for all wants: 1 when all are granted at once, 0 when it has to wait, or -ENOMEM (then
 * nothing happened). */
int order_enter(struct order *o, struct order_user *user, const struct order_wants *wants);
/* Gives all back, granted or not; ready is called for each user that now has all it wants. */
void order_leave(struct order *o, struct order_user *user, void (*ready)(struct order_user *user, void *arg),
	void *arg);

#endif
