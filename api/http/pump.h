/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that last (events, stats, wait) without a handler thread each: a handler detaches its connection
 * and returns; whoever has something for the client sends it from any thread, never waiting.  What the socket
 * does not take at once is queued up to a limit; a client that lets the queue overflow, or does not read for
 * the server's inactivity limit, is dropped.  One thread serves the queues and sees clients go.
 */
#ifndef GANTRY_HTTP_PUMP_H
#define GANTRY_HTTP_PUMP_H

#include <stddef.h>

#include "lib/base/error.h"

struct exchange;
struct pump_client;

enum pump_end {
	PUMP_DONE,     /* pump_end() and all was sent */
	PUMP_GONE,     /* the client went */
	PUMP_SLOW,     /* it was dropped */
	PUMP_STOPPING, /* the server stops */
};

/* Told once, on the pump's thread: no more can be sent.  No lock is held; pump_unref() may be called here. */
typedef void pump_closed(struct pump_client *p, enum pump_end why, void *user);

/* After reply_begin() with the request body read.  The exchange is over; *ret holds one reference of the
 * caller's. closed may be NULL.  On failure the exchange goes on. */
int pump_detach(
	struct exchange *x, pump_closed *closed, void *user, struct pump_client **ret, struct error *err);

/* One piece of the body.  -EPIPE: closed or ended; -ENOBUFS: too slow, dropped by this call.  Any thread. */
int pump_send(struct pump_client *p, const void *data, size_t n);

/* No more comes: when all is sent, the answer ends, and the connection serves further requests.  Any thread,
 * once. */
void pump_end(struct pump_client *p);

struct pump_client *pump_ref(struct pump_client *p);
void pump_unref(struct pump_client *p);

#endif
