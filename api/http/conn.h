/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to api/http: connections, and who owns one at a time.  A connection is on exactly one list.  On
 * CONN_BUSY it belongs to the thread that took it, on CONN_DETACHED to the pump, on the others to epoll: the
 * thread that gets its (one-shot) event takes it.  Lists and counters are under the server's lock; a reaper
 * that finds a connection there too old only shuts its socket down under that lock, so that its owner-to-be
 * sees the end.
 */
#ifndef GANTRY_HTTP_CONN_H
#define GANTRY_HTTP_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "api/http/inbox.h"
#include "api/http/parser.h"
#include "api/http/source.h"

struct server;
struct listener;
struct peer;

enum conn_list {
	CONN_BUSY,
	CONN_IDLE,       /* may wait for ever */
	CONN_IDLE_TIMED, /* tcp and TLS between requests */
	CONN_HEAD,       /* half a head has come */
	CONN_LINGER,     /* answered and shut down for writing; the rest of the input is thrown away */
	CONN_DETACHED,
	CONN_LISTS,
};

/* Input that waits for more with its connection. */
struct parked {
	struct parser parser;
	size_t len;
	char data[];
};

struct conn {
	struct source source;
	uint8_t list;
	bool in_epoll;
	bool expired;
	struct listener *listener;
	struct conn *prev, *next;
	int64_t deadline; /* monotonic ns on a timed list; while busy: of the head that has begun, or 0 */
	int64_t drained;
	struct parked *parked;
	struct peer *peer;
};

/* A connection on CONN_BUSY that belongs to the caller.  NULL without memory or when the server stops; fd is
 * then still the caller's.  Takes peer (may be NULL) on success. */
struct conn *conn_new(struct server *s, struct listener *l, int fd, struct peer *peer);

/* The event of c has come: to CONN_BUSY.  Returns where it was. */
enum conn_list conn_take(struct server *s, struct conn *c);

/* Owner is done: to `list`, armed for input (for_output too: its event comes at once).  c must not be touched
 * afterwards. A stopping server closes it. */
void conn_park(struct server *s, struct conn *c, enum conn_list list, int64_t deadline, bool for_output);

/* Parks it between two requests, or, with kept input, so that it is served at once. */
void conn_idle(struct server *s, struct conn *c);

/* Parks an answered connection to throw away what its client still sends. */
void conn_linger(struct server *s, struct conn *c);

/* Keeps data[0..n) and the parser with c until its next event; -EBUSY beyond the limit of all half heads,
 * -ENOMEM. */
int conn_keep(struct server *s, struct conn *c, const struct parser *p, const void *data, size_t n);

/* Gives the kept input back: appends it to in, copies the parser.  1, 0 when there was none,
 * -ENOMEM (the input is lost, the connection of no more use). */
int conn_restore(struct server *s, struct conn *c, struct parser *p, struct inbox *in);

/* Out of epoll, while still ours: before the descriptor is passed on (it would stay in epoll after close). */
void conn_unwatch(struct server *s, struct conn *c);

/* To CONN_DETACHED. */
void conn_detach(struct server *s, struct conn *c);

/* Ends it.  Closes the socket, or returns it with keep_fd (else -1). */
int conn_free(struct server *s, struct conn *c, bool keep_fd);

/* Shuts down what is older than its deadline and sets the timer for the next; resumes paused listeners. */
void conn_reap(struct server *s);

/* Under the server's lock: the timer fires at `at` or before. */
void conn_need_timer(struct server *s, int64_t at);

#endif
