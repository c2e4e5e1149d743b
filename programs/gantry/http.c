/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry/http.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/str.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- where ------------------------------------------------------------------------ */
static const char *unix_path(const char *host)
{
	const char *path = str_after(host, "unix://");

	return path ? path : host[0] == '/' ? host : NULL;
}

/* "host:port", "[::1]:port" */
static int split_tcp(const char *address, char host[256], const char **ret_port)
{
	const char *colon = strrchr(address, ':');
	size_t n = colon ? (size_t)(colon - address) : 0;
	uint64_t port;

	if (n == 0 || n >= 256 || str_to_u64(colon + 1, 10, 1, 65535, &port) < 0)
		return -EINVAL;
	if (address[0] == '[' && address[n - 1] == ']') {
		address++;
		n -= 2;
	}
	memcpy(host, address, n);
	host[n] = '\0';
	*ret_port = colon + 1;
	return n ? 0 : -EINVAL;
}

int http_check_host(const char *host, struct error *err)
{
	const char *path = unix_path(host), *address = str_after(host, "tcp://"), *port;
	char name[256];

	if (path && path[0] && strlen(path) < sizeof((struct sockaddr_un *)NULL)->sun_path)
		return 0;
	if (address && split_tcp(address, name, &port) == 0)
		return 0;
	return error_invalid(err,
		"unable to parse the daemon's address '%.200s': use unix:///path or tcp://host:port", host);
}

static int connect_unix(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof a.sun_path)
		return -ENAMETOOLONG;
	memcpy(a.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		return -errno;
	return take_fd(fd);
}

static int connect_one(const struct addrinfo *a)
{
	auto_close int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
	int on = 1;

	if (fd < 0 || connect(fd, a->ai_addr, a->ai_addrlen) < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return take_fd(fd);
}

static int connect_tcp(const char *address)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
	char host[256];
	const char *port;
	int fd = -EHOSTUNREACH;

	if (split_tcp(address, host, &port) < 0)
		return -EINVAL;
	if (getaddrinfo(host, port, &hints, &list) != 0)
		return -EHOSTUNREACH;
	for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
		fd = connect_one(a);
	freeaddrinfo(list);
	return fd;
}

int http_open(const char *host, struct http **ret, struct error *err)
{
	const char *path = unix_path(host);
	int r = http_check_host(host, err);

	if (r < 0)
		return r;
	auto_close int fd = path ? connect_unix(path) : connect_tcp(str_after(host, "tcp://"));
	if (fd == -EACCES)
		return error_set(err, ERROR_DENIED, EACCES,
			"permission denied while trying to connect to the gantry daemon socket at %.300s",
			host);
	if (fd < 0)
		return error_set(err, ERROR_UNAVAILABLE, -fd,
			"Cannot connect to the gantry daemon at %.300s. Is gantryd running?", host);
	struct http *h = calloc(1, sizeof *h);
	if (!h)
		return error_sys(err, ENOMEM, "cannot connect to the daemon");
	h->fd = take_fd(fd);
	h->body_done = true;
	*ret = h;
	return 0;
}

void http_close(struct http *h)
{
	if (!h)
		return;
	close(h->fd);
	free(h);
}

void http_cleanup(struct http **h)
{
	http_close(*h);
}

/* ---- sending ------------------------------------------------------------------------ */
static int lost(struct error *err, int e)
{
	return error_sys(err, e, "lost the connection to the daemon");
}

static int send_all(struct http *h, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t w = send(h->fd, data, n, MSG_NOSIGNAL);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		data += w;
		n -= (size_t)w;
	}
	return 0;
}

static int build_head(const struct http_request *r, struct str *out)
{
	str_addf(out, "%s %s HTTP/1.1\r\nHost: gantry\r\nUser-Agent: gantry/" GANTRY_VERSION " (linux)\r\n",
		r->method, r->target);
	if (r->type)
		str_addf(out, "Content-Type: %s\r\n", r->type);
	if (r->stream)
		str_add(out, "Transfer-Encoding: chunked\r\n");
	else if (r->body || strcmp(r->method, "POST") == 0)
		str_addf(out, "Content-Length: %zu\r\n", r->body_n);
	if (r->upgrade)
		str_add(out, "Connection: Upgrade\r\nUpgrade: tcp\r\n");
	return str_add(out, "\r\n");
}

static bool answered(const struct http *h)
{
	struct pollfd p = { .fd = h->fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* Until the source ends, or the server answers or closes: what it says is read next. */
static int send_stream(struct http *h, int source, struct error *err)
{
	enum { ROOM = 65536, FRONT = 16 };
	auto_free char *buf = malloc(FRONT + ROOM + 2);
	bool end = false;

	if (!buf)
		return error_sys(err, ENOMEM, "cannot send a file");
	h->cut = true;
	while (!end && !answered(h)) {
		ssize_t n = read(source, buf + FRONT, ROOM);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, errno, "cannot read what is to be sent");
		char size[FRONT + 1];
		int len = snprintf(size, sizeof size, "%zx\r\n", (size_t)n);
		memcpy(buf + FRONT - len, size, (size_t)len);
		memcpy(buf + FRONT + n, "\r\n", 2);
		if (send_all(h, buf + FRONT - len, (size_t)(len + n + 2)) < 0)
			return 0;
		end = n == 0;
	}
	h->cut = !end;
	return 0;
}

/* ---- receiving ----------------------------------------------------------------------- */
static ssize_t fill(struct http *h)
{
	ssize_t n;

	if (h->at == h->end)
		h->at = h->end = 0;
	do
		n = recv(h->fd, h->buf + h->end, sizeof h->buf - h->end, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		h->end += (size_t)n;
	return n < 0 ? -errno : n;
}

static bool has_body(const struct http *h, const struct http_request *r)
{
	int s = h->head.status;

	return strcmp(r->method, "HEAD") != 0 && s != 204 && s != 304 && (s >= 200 || s == 101);
}

static int read_head(struct http *h, struct error *err)
{
	if (h->at > 0) {
		memmove(h->buf, h->buf + h->at, h->end - h->at);
		h->end -= h->at;
		h->at = 0;
	}
	for (;;) {
		long n = response_parse(h->buf, h->end, &h->head);
		if (n < 0)
			return error_set(err, ERROR_INTERNAL, EBADMSG, "the daemon's answer is not HTTP/1.1");
		if (n > 0) {
			h->at = (size_t)n;
			return 0;
		}
		ssize_t got = fill(h);
		if (got <= 0)
			return lost(err, got < 0 ? (int)-got : ECONNRESET);
	}
}

static void set_timeout(struct http *h, int seconds)
{
	struct timeval t = { .tv_sec = seconds };

	if (seconds == h->timeout_s)
		return;
	setsockopt(h->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	h->timeout_s = seconds;
}

int http_send(struct http *h, const struct http_request *r, struct error *err)
{
	auto_str struct str out = STR_INIT((size_t)64 << 20);
	int n;

	build_head(r, &out);
	if (r->body && !r->stream)
		str_add_n(&out, r->body, r->body_n);
	if (out.failed)
		return error_sys(err, -out.failed, "cannot send the request");
	set_timeout(h, r->timeout_s);
	n = send_all(h, out.data, out.len);
	if (n < 0)
		return lost(err, -n);
	if (r->stream && (n = send_stream(h, r->body_fd, err)) < 0)
		return n;
	do
		n = read_head(h, err);
	while (n == 0 && h->head.status / 100 == 1 && h->head.status != 101);
	if (n < 0)
		return n;
	h->chunks = (struct chunked){ 0 };
	h->left = h->head.length;
	h->raw = h->head.status == 101;
	h->body_done = !has_body(h, r) || (h->head.has_length && h->left == 0);
	return 0;
}

static ssize_t copy_out(struct http *h, void *buf, size_t n)
{
	size_t have = h->end - h->at;

	if (n > have)
		n = have;
	memcpy(buf, h->buf + h->at, n);
	h->at += n;
	return (ssize_t)n;
}

/* 0 when more must be received first. */
static ssize_t take_chunked(struct http *h, void *buf, size_t n)
{
	while (h->at < h->end && !h->chunks.done) {
		size_t used, got, have = h->end - h->at;
		const char *data;
		/* what surrounds the data is short: a bound on the input bounds the data */
		int r = chunked_run(&h->chunks, h->buf + h->at, have < n ? have : n, &used, &data, &got);
		if (r < 0)
			return r;
		h->at += used;
		if (got > 0) {
			memcpy(buf, data, got);
			return (ssize_t)got;
		}
	}
	h->body_done = h->chunks.done;
	return 0;
}

static ssize_t take_buffered(struct http *h, void *buf, size_t n)
{
	if (h->raw || (!h->head.chunked && !h->head.has_length))
		return copy_out(h, buf, n);
	if (h->head.chunked)
		return take_chunked(h, buf, n);
	ssize_t got = copy_out(h, buf, n < h->left ? n : (size_t)h->left);
	h->left -= (uint64_t)got;
	h->body_done = h->left == 0;
	return got;
}

ssize_t http_read(struct http *h, void *buf, size_t n, struct error *err)
{
	while (!h->body_done) {
		ssize_t got = take_buffered(h, buf, n);
		if (got < 0)
			return error_set(
				err, ERROR_INTERNAL, EBADMSG, "the daemon's answer is badly chunked");
		if (got > 0 || h->body_done)
			return got;
		got = fill(h);
		if (got < 0)
			return lost(err, (int)-got);
		if (got > 0)
			continue;
		if (!h->raw && (h->head.chunked || h->head.has_length))
			return error_set(err, ERROR_UNAVAILABLE, EPIPE,
				"unexpected EOF: the daemon ended in the middle of an answer");
		h->body_done = h->head.close = true;
	}
	return 0;
}

bool http_buffered(const struct http *h)
{
	return h->at < h->end || h->body_done;
}

void http_take_over(struct http *h)
{
	h->raw = true;
	h->body_done = false;
}

bool http_reusable(struct http *h)
{
	return h->body_done && !h->raw && !h->cut && !h->head.close && h->at == h->end && !answered(h);
}
