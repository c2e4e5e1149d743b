/* SPDX-License-Identifier: Apache-2.0 */
/* A client that sends any bytes and reads whole responses, for tests of the server.  Waits are bounded: 10 s.
 */
#ifndef GANTRY_TESTS_HTTP_CLIENT_H
#define GANTRY_TESTS_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

struct http_client {
	int fd;
	char *buf; /* received and not yet read */
	size_t len, cap;
};

struct http_reply {
	int status;
	char *head; /* with its lines' CRLF, NUL-ended */
	char *body;
	size_t len;
	bool complete; /* false: broken off within the body */
};

/* Connects to a unix socket; asserts. */
void http_client_open(struct http_client *c, const char *path);
void http_client_close(struct http_client *c);

/* 0 or -errno (the server may have closed). */
int http_client_send(struct http_client *c, const void *data, size_t n);
void http_client_print(struct http_client *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The next response; false at the end of the connection before its first byte.  no_body: of HEAD. */
bool http_client_read(struct http_client *c, bool no_body, struct http_reply *ret);
void http_reply_done(struct http_reply *r);

/* At least n bytes, as they come, into buf (NUL-ended); fewer at the end of the connection. */
size_t http_client_raw(struct http_client *c, char *buf, size_t n);

/* True when the server has closed the connection and nothing is left to read. */
bool http_client_at_end(struct http_client *c);

#endif
