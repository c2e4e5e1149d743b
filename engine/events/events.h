/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened, for GET /events: a ring of the last events, and subscribers that each have a bounded queue.
 * A subscriber that does not read is dropped; publishing never waits.
 * Threads: every function may be called from any; one subscription is read by one thread.
 */
#ifndef GANTRY_ENGINE_EVENTS_H
#define GANTRY_ENGINE_EVENTS_H

#include "lib/base/error.h"

#include <stddef.h>
#include <stdint.h>

struct events;
struct events_sub;
struct filters;
struct json;

#define EVENTS_RING  512
#define EVENTS_QUEUE 1024

int events_new(struct events **ret, struct error *err);
void events_free(struct events *events); /* all subscriptions must be gone; NULL is allowed */

struct event {
	const char *type, *action, *id; /* "container", "die", the actor's id */
	const struct json *attributes;  /* an object of strings, or NULL; copied */
	int64_t time_ns;                /* 0: now */
};
/* An event that memory does not suffice for is dropped. */
void events_publish(struct events *events, const struct event *event);

struct events_range {
	int64_t since_ns, until_ns;    /* since the epoch; 0: none.  since 0: nothing of the past */
	const struct filters *filters; /* or NULL; copied */
};
/* What is in the ring of the range comes first, without gap to what follows. */
int events_subscribe(
	struct events *events, const struct events_range *range, struct events_sub **ret, struct error *err);
void events_unsubscribe(struct events_sub *sub);

/* Readable when events_next has something to say: for poll, and for http's loops.  The subscription's. */
int events_fd(const struct events_sub *sub);

/* The next event as a line of JSON with its newline (Docker's fields, legacy ones too), valid until the next
 * call: 1; 0: none now; -EPIPE: the range has ended; -ENOBUFS: dropped for not reading. */
int events_next(struct events_sub *sub, const char **ret_line, size_t *ret_n);

#endif
