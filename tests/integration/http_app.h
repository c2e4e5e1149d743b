/* SPDX-License-Identifier: Apache-2.0 */
/* A small application on the HTTP server: one handler for each way of answering, for tests and for
 * bench/http. */
#ifndef GANTRY_TESTS_HTTP_APP_H
#define GANTRY_TESTS_HTTP_APP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "api/http/pump.h"
#include "api/http/server.h"

enum { APP_SUBSCRIBERS_MAX = 2048 };

struct http_app {
	struct server *server;
	atomic_int gone;      /* clients that a handler saw vanish */
	atomic_int closed[4]; /* detached answers closed, by enum pump_end */
	int handover[2];      /* our end and the taker's of a unix socket, or -1 */
	bool refuse_handover;
	char admitted_body[64]; /* what the admit callback saw last */
	pthread_mutex_t lock;
	int nsubscribers;
	struct pump_client *subscribers[APP_SUBSCRIBERS_MAX];
};

/* The server of app, with its routes and default headers, not yet started. */
int http_app_new(struct http_app *app, const struct server_limits *limits, struct error *err);

/* Sends one event to each subscriber of /events; how many there are. */
int http_app_publish(struct http_app *app, const void *data, size_t n);

/* Of a stopped server. */
void http_app_free(struct http_app *app);

#endif
