/* SPDX-License-Identifier: Apache-2.0 */
/* Private to api/http: the inside of a server, shared by server.c, conn.c, worker.c and what runs on their
 * threads. */
#ifndef GANTRY_HTTP_SERVER_STATE_H
#define GANTRY_HTTP_SERVER_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/http/conn.h"
#include "api/http/listener_state.h"
#include "api/http/server.h"

struct pump;

struct server {
	struct server_config config;
	struct router *router;
	char *headers; /* "Name: value\r\n" of each, one behind the other */
	size_t headers_len;
	int epoll;
	struct source timer, quit;
	struct listener *listeners;
	struct pump *pump;
	atomic_ullong requests;
	atomic_bool closing; /* answers end their connections */

	pthread_mutex_t lock; /* all below */
	pthread_cond_t changed;
	struct conn *lists[CONN_LISTS];
	size_t counts[CONN_LISTS], nconns, half_heads;
	int64_t timer_at; /* INT64_MAX: not set */
	unsigned threads, waiting;
	bool started, stopping, quitting;
};

/* A line for the operator. */
void server_report(struct server *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Under the lock: puts a listener back into epoll's interest. */
void server_watch_listener(struct server *s, struct listener *l);

/* A thread with the server's stack size and all signals blocked; detached without ret. */
int server_thread(struct server *s, void *(*run)(void *), void *arg, pthread_t *ret);

/* One more handler thread; the lock is not held.  Counted as waiting from the start. */
int worker_spawn(struct server *s);

#endif
