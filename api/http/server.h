/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP/1.1 server of the engine's API: many idle connections at the price of a struct each, handlers that
 * run straight through on a thread of their own.  Handler threads are leader and followers around one epoll:
 * whoever gets an event reads, parses, runs the handler, gives the connection back.  There are `spare`
 * waiting ones, up to `max_threads` when handlers block, and those not needed go away after two seconds.
 *
 * What a handler does with its request: exchange.h, body.h, reply.h; with its connection: hijack.h,
 * handover.h, pump.h. Threads of the server have all signals blocked; signals are for the program's main
 * thread. mallopt(M_ARENA_MAX, 2) before server_start() keeps many threads from having many heaps.
 */
#ifndef GANTRY_HTTP_SERVER_H
#define GANTRY_HTTP_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "api/http/exchange.h"
#include "api/http/listener.h"
#include "api/http/peer.h"
#include "api/http/router.h"
#include "lib/base/error.h"

/* Zero means the default given here. */
struct server_limits {
	unsigned spare_threads;  /* 3 */
	unsigned max_threads;    /* 1,024 */
	size_t stack_size;       /* 64 kB; more when handlers need it */
	unsigned thread_idle_ms; /* 2 s */
	size_t half_heads;       /* bytes of incomplete heads kept for all connections: 64 MiB */
	unsigned head_ms;        /* a head is complete after its first byte: 10 s */
	unsigned tcp_idle_ms;    /* between two requests on tcp and TLS: 5 min (unix: unlimited) */
	unsigned inactivity_ms;  /* no byte of a body came, none of an answer could be sent: 300 s */
	unsigned drain_ms;       /* after an early answer, what still comes is thrown away: 5 s */
	int64_t drain_bytes;     /* ... and at most 64 MiB */
	size_t queue_bytes;      /* of a detached response whose client reads slowly: 256 kB */
};

struct server_config {
	const struct route *routes;
	size_t nroutes;
	void *user; /* handed to all callbacks */

	/* Name and value in turns, then NULL: sent with every response (Server, Api-Version ...). */
	const char *const *headers;

	/* Runs between parser and handler for each routed request: version policy, authorisation.  It may
	 * read the body by body_whole(), which keeps it for the handler.  0 lets the request through; a
	 * negative errno stops it: the answer is what the callback replied, or else err (403 for ERROR_DENIED
	 * ...).  May be NULL. */
	int (*admit)(struct exchange *x, const struct route *route, void *user, struct error *err);

	/* What an operator should know (out of descriptors, no thread): one line.  Any thread.  May be NULL.
	 */
	void (*report)(void *user, const char *text);

	struct server_limits limits;
};

struct server_counters {
	size_t connections, idle, threads, waiting, detached, half_head_bytes;
	uint64_t requests;
};

struct server;

/* Copies config; routes, header texts and user must outlive the server. */
int server_new(const struct server_config *config, struct server **ret, struct error *err);

/* Before server_start().  The listener belongs to the server from now on. */
void server_add_listener(struct server *s, struct listener *l);

/* Starts the threads and returns. */
int server_start(struct server *s, struct error *err);

/* Serves a connected socket that somebody else accepted, counted against l (of listener_new_injected(), added
 * before the start).  facts (copied) is what exchange_peer() will say; NULL: the kernel is asked.  On failure
 * fd is still the caller's: -EBUSY when l is full or the server stops. */
int server_inject(struct server *s, struct listener *l, int fd, const struct peer *facts);

/* Accepts no more, closes idle connections, lets requests in progress finish for at most ms milliseconds,
 * then breaks their connections and waits as long again for the handlers to return.  -ETIMEDOUT when one did
 * not: the server then must not be freed.  Detached responses are ended by the break. */
int server_stop(struct server *s, unsigned ms);

/* Of a stopped server, or one that was never started. */
void server_free(struct server *s);

void server_count(struct server *s, struct server_counters *ret);

#endif
