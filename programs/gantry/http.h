/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP/1.1 connection to the daemon: a request is sent, the head of its response read, the body read or
 * the connection taken over.  A connection belongs to one thread; it is blocking, poll(2) on fd tells when
 * there is more unless http_buffered.
 */
#ifndef GANTRY_PROGRAMS_GANTRY_HTTP_H
#define GANTRY_PROGRAMS_GANTRY_HTTP_H

#include "lib/base/error.h"
#include "programs/gantry/response.h"

#include <sys/types.h>

struct http {
	int fd;
	struct response head; /* of the response being read */
	/* Private. */
	int timeout_s;
	struct chunked chunks;
	uint64_t left; /* of a body with a length */
	bool body_done, raw;
	bool cut;       /* a request's body was not sent to its end: nothing can follow it */
	size_t at, end; /* what was read and not used yet */
	char buf[RESPONSE_HEAD_MAX];
};

struct http_request {
	const char *method, *target; /* target: path and query, encoded */
	const char *type;            /* Content-Type, NULL: none */
	const char *body;            /* body_n bytes, or NULL */
	size_t body_n;
	int body_fd; /* with stream: the body is what this yields, sent chunked */
	bool stream;
	bool upgrade;  /* asks to take the connection over ("tcp") */
	int timeout_s; /* for the answer; 0: none */
};

/* Where the daemon is: "unix:///run/gantry.sock", "tcp://host:2375", "/path".  Fills err (INVALID). */
int http_check_host(const char *host, struct error *err);

/* Connects; the caller closes with http_close. */
int http_open(const char *host, struct http **ret, struct error *err);
void http_close(struct http *h); /* NULL is allowed */
void http_cleanup(struct http **h);
#define auto_http __attribute__((cleanup(http_cleanup)))

/* Sends a request and reads the head of the response.  A body that the server does not take (it answered
 * already) is given up without a failure. */
int http_send(struct http *h, const struct http_request *r, struct error *err);

/* The next bytes of the body, 0 at its end.  With 101, and behind http_take_over, of the stream. */
ssize_t http_read(struct http *h, void *buf, size_t n, struct error *err);
/* True when http_read has something without reading from fd. */
bool http_buffered(const struct http *h);

/* From here on the connection is a stream of bytes. */
void http_take_over(struct http *h);

/* Whether another request can follow: the body was read to its end and the server is there. */
bool http_reusable(struct http *h);

#endif
