/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/http_client.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 10000 };

void http_client_open(struct http_client *c, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memset(c, 0, sizeof *c);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(c->fd >= 0);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	assert_int_equal(connect(c->fd, (void *)&address, sizeof address), 0);
}

void http_client_close(struct http_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	free(c->buf);
	c->buf = NULL;
	c->len = c->cap = 0;
}

int http_client_send(struct http_client *c, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t done = send(c->fd, p, n, MSG_NOSIGNAL);
		if (done < 0)
			return -errno;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

void http_client_print(struct http_client *c, const char *fmt, ...)
{
	char *text;
	va_list args;

	va_start(args, fmt);
	int n = vasprintf(&text, fmt, args);
	va_end(args);
	assert_true(n >= 0);
	http_client_send(c, text, (size_t)n);
	free(text);
}

/* More input; false at the end.  A wait beyond all patience fails the test. */
static bool fill(struct http_client *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };

	if (c->cap - c->len < 4096) {
		c->cap = c->cap ? c->cap * 2 : 16384;
		c->buf = realloc(c->buf, c->cap + 1);
		assert_non_null(c->buf);
	}
	if (poll(&p, 1, PATIENCE_MS) == 0)
		fail_msg("the server is silent; so far: %.*s", (int)c->len, c->buf);
	ssize_t n = recv(c->fd, c->buf + c->len, c->cap - c->len, 0);
	if (n <= 0)
		return false;
	c->len += (size_t)n;
	return true;
}

static void drop(struct http_client *c, size_t n)
{
	memmove(c->buf, c->buf + n, c->len - n);
	c->len -= n;
}

static bool need(struct http_client *c, size_t n)
{
	while (c->len < n)
		if (!fill(c))
			return false;
	return true;
}

/* The length of the line at `at`, with its CRLF; 0 at the end of the connection. */
static size_t line_length(struct http_client *c, size_t at)
{
	for (;;) {
		char *feed = c->len > at ? memchr(c->buf + at, '\n', c->len - at) : NULL;
		if (feed)
			return (size_t)(feed - c->buf) + 1 - at;
		if (!fill(c))
			return 0;
	}
}

static void add(struct http_reply *r, const char *data, size_t n)
{
	r->body = realloc(r->body, r->len + n + 1);
	assert_non_null(r->body);
	memcpy(r->body + r->len, data, n);
	r->len += n;
	r->body[r->len] = '\0';
}

static bool read_chunks(struct http_client *c, struct http_reply *r)
{
	for (;;) {
		size_t line = line_length(c, 0);
		if (line == 0)
			return false;
		size_t size = strtoul(c->buf, NULL, 16);
		drop(c, line);
		if (!need(c, size + 2))
			return false;
		assert_memory_equal(c->buf + size, "\r\n", 2);
		add(r, c->buf, size);
		drop(c, size + 2);
		if (size == 0)
			return true;
	}
}

static bool read_body(struct http_client *c, struct http_reply *r)
{
	const char *length = strcasestr(r->head, "\r\nContent-Length:");

	if (strcasestr(r->head, "\r\nTransfer-Encoding: chunked"))
		return read_chunks(c, r);
	if (length) {
		size_t n = strtoul(length + 17, NULL, 10);
		bool all = need(c, n);
		n = all ? n : c->len;
		add(r, c->buf, n);
		drop(c, n);
		return all;
	}
	while (fill(c))
		;
	add(r, c->buf, c->len);
	drop(c, c->len);
	return true;
}

bool http_client_read(struct http_client *c, bool no_body, struct http_reply *ret)
{
	size_t at = 0, line;

	memset(ret, 0, sizeof *ret);
	while ((line = line_length(c, at)) > 2)
		at += line;
	if (line == 0)
		return false;
	at += line;
	ret->head = strndup(c->buf, at);
	assert_int_equal(sscanf(ret->head, "HTTP/1.1 %d ", &ret->status), 1);
	drop(c, at);
	add(ret, "", 0);
	bool bare = no_body || ret->status < 200 || ret->status == 204 || ret->status == 304;
	ret->complete = bare || read_body(c, ret);
	return true;
}

void http_reply_done(struct http_reply *r)
{
	free(r->head);
	free(r->body);
	memset(r, 0, sizeof *r);
}

size_t http_client_raw(struct http_client *c, char *buf, size_t n)
{
	need(c, n);
	size_t have = c->len < n ? c->len : n;
	memcpy(buf, c->buf, have);
	buf[have] = '\0';
	drop(c, have);
	return have;
}

bool http_client_at_end(struct http_client *c)
{
	return c->len == 0 && !fill(c);
}
