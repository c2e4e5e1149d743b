/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/http_app.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/http/body.h"
#include "api/http/exchange.h"
#include "api/http/handover.h"
#include "api/http/hijack.h"
#include "api/http/reply.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"

static int number(const struct exchange *x, const char *name)
{
	const char *text = exchange_query(x, name);
	return text ? (int)strtol(text, NULL, 10) : 0;
}

static int ping(struct exchange *x, void *user, struct error *err)
{
	(void)user;
	(void)err;
	return reply_send(x, 200, "text/plain; charset=utf-8", "OK", 2);
}

/* "method target version name query body-length". */
static int show(struct exchange *x, void *user, struct error *err)
{
	char text[512];
	const char *version = exchange_version(x), *query = exchange_query(x, "q");

	(void)user;
	(void)err;
	int n = snprintf(text, sizeof text, "%s %.200s %s %.100s %.50s", exchange_method(x),
		exchange_target(x), version ? version : "-", exchange_param(x, "name"), query ? query : "-");
	reply_header(x, "X-Show", "yes");
	return reply_send(x, 200, "text/plain", text, (size_t)n);
}

static int echo(struct exchange *x, void *user, struct error *err)
{
	const char *body;
	size_t n;

	(void)user;
	int r = body_whole(x, 1 << 20, &body, &n, err);
	return r < 0 ? r : reply_send(x, 200, "application/octet-stream", body, n);
}

static int upload_to_fd(struct exchange *x, int fd, int64_t *ret, struct error *err)
{
	int r = body_to_fd(x, fd, INT64_C(1) << 32, ret, err);
	if (r < 0)
		return r;
	/* What arrived must be what was counted. */
	off_t size = lseek(fd, 0, SEEK_END);
	return size == *ret ? 0 : error_set(err, ERROR_INTERNAL, EIO, "%lld bytes arrived", (long long)size);
}

/* ?to=file, ?to=pipe, or read and dropped. */
static int upload(struct exchange *x, void *user, struct error *err)
{
	const char *to = exchange_query(x, "to");
	char buf[8192], text[64];
	int64_t total = 0;
	ssize_t n = 0;

	(void)user;
	if (to && !strcmp(to, "file")) {
		auto_close int fd = memfd_create("upload", MFD_CLOEXEC);
		n = upload_to_fd(x, fd, &total, err);
	} else {
		while ((n = body_read(x, buf, sizeof buf, err)) > 0)
			total += n;
	}
	if (n < 0)
		return (int)n;
	int len = snprintf(text, sizeof text, "%lld", (long long)total);
	return reply_send(x, 200, "text/plain", text, (size_t)len);
}

/* Finds out after ?after=N bytes that it does not want the rest. */
static int reject(struct exchange *x, void *user, struct error *err)
{
	char buf[4096];
	int after = number(x, "after");

	(void)user;
	while (after > 0) {
		ssize_t n = body_read(x, buf, sizeof buf, err);
		if (n <= 0)
			return (int)n;
		after -= (int)n;
	}
	return reply_error(x, 400, "this is no \"archive\"\n\x01\xff");
}

static int stream(struct exchange *x, void *user, struct error *err)
{
	int n = number(x, "n"), size = number(x, "size");
	auto_free char *piece = malloc((size_t)size + 1);

	(void)user;
	(void)err;
	memset(piece, 'x', (size_t)size);
	int r = reply_begin(x, 200, "text/plain");
	for (int i = 0; i < n && r == 0; i++)
		r = reply_write(x, piece, (size_t)size);
	return r < 0 ? r : reply_end(x);
}

/* ?from=file or ?from=pipe, ?size=N. */
static int send_fd(struct exchange *x, void *user, struct error *err)
{
	int size = number(x, "size");
	const char *from = exchange_query(x, "from");
	auto_close int fd = -1;
	auto_free char *data = malloc((size_t)size + 1);

	(void)user;
	memset(data, 'y', (size_t)size);
	if (from && !strcmp(from, "pipe")) {
		int ends[2];
		if (pipe2(ends, O_CLOEXEC) < 0 || fd_write_all(ends[1], data, (size_t)size) < 0)
			return error_sys(err, errno, "cannot fill a pipe");
		close(ends[1]);
		fd = ends[0];
	} else {
		fd = memfd_create("file", MFD_CLOEXEC);
		if (fd_write_all(fd, data, (size_t)size) < 0 || lseek(fd, 0, SEEK_SET) < 0)
			return error_sys(err, errno, "cannot fill a file");
	}
	int r = reply_begin(x, 200, "application/x-tar");
	if (r == 0)
		r = reply_from_fd(x, fd);
	return r < 0 ? r : reply_end(x);
}

static int abort_stream(struct exchange *x, void *user, struct error *err)
{
	(void)user;
	reply_begin(x, 200, "text/plain");
	reply_write(x, "half", 4);
	return error_set(err, ERROR_INTERNAL, EIO, "the rest is lost");
}

static int fail(struct exchange *x, void *user, struct error *err)
{
	(void)user;
	return error_set(err, number(x, "kind"), EINVAL, "no such thing: '%s'", exchange_query(x, "name"));
}

static int forget(struct exchange *x, void *user, struct error *err)
{
	(void)x;
	(void)user;
	(void)err;
	return 0;
}

static int not_modified(struct exchange *x, void *user, struct error *err)
{
	(void)user;
	(void)err;
	return reply_empty(x, number(x, "status"));
}

static int wait_long(struct exchange *x, void *user, struct error *err)
{
	struct http_app *app = user;

	(void)err;
	int r = reply_begin(x, 200, "application/json");
	if (r == 0)
		r = exchange_wait(x, -1, number(x, "ms"));
	if (r == -ECONNRESET)
		atomic_fetch_add(&app->gone, 1);
	return r < 0 ? r : reply_end(x);
}

static int whoami(struct exchange *x, void *user, struct error *err)
{
	const struct peer *p = exchange_peer(x);
	char text[400];

	(void)user;
	(void)err;
	int n = snprintf(text, sizeof text, "%d %d %d %zu %s %s", p->kind, (int)p->pid, (int)p->uid,
		p->ngroups, p->address[0] ? p->address : "-", p->subject[0] ? p->subject : "-");
	return reply_send(x, 200, "text/plain", text, (size_t)n);
}

/* Echoes until the client's half-close, then says so. */
static int attach(struct exchange *x, void *user, struct error *err)
{
	struct hijacked h;
	char buf[4096];
	ssize_t n;

	(void)user;
	int r = hijack_take(x, HIJACK_MULTIPLEXED_STREAM, NULL, &h, err);
	if (r < 0)
		return r;
	if (h.early_len > 0)
		fd_write_all(h.fd, h.early, h.early_len);
	while ((n = recv(h.fd, buf, sizeof buf, 0)) > 0)
		if (send(h.fd, buf, (size_t)n, MSG_NOSIGNAL) != n)
			break;
	send(h.fd, "after-eof", 9, MSG_NOSIGNAL);
	hijack_drop(&h);
	return 0;
}

/* One message to the taker: {descriptor; head and early bytes}. */
static int hand_over(struct exchange *x, void *user, struct error *err)
{
	struct http_app *app = user;
	struct handover h;
	char message[4096];

	int r = number(x, "body") ? handover_prepare_body(x, 200, "text/plain", &h, err)
				  : handover_prepare_raw(x, HIJACK_RAW_STREAM, NULL, &h, err);
	if (r < 0)
		return r;
	if (app->refuse_handover || h.head_len + h.early_len > sizeof message) {
		handover_cancel(x, &h);
		return error_set(err, ERROR_CONFLICT, EBUSY, "the taker refused");
	}
	memcpy(message, h.head, h.head_len);
	if (h.early_len > 0)
		memcpy(message + h.head_len, h.early, h.early_len);
	ssize_t n = fd_send(app->handover[0], message, h.head_len + h.early_len, &h.fd, 1, MSG_DONTWAIT);
	if (n < 0) {
		handover_cancel(x, &h);
		return error_sys(err, (int)-n, "cannot pass the connection on");
	}
	handover_commit(x, &h);
	return 0;
}

static void on_closed(struct pump_client *p, enum pump_end why, void *user)
{
	struct http_app *app = user;

	(void)p;
	atomic_fetch_add(&app->closed[why], 1);
}

static int events(struct exchange *x, void *user, struct error *err)
{
	struct http_app *app = user;
	struct pump_client *p;

	int r = reply_begin(x, 200, "application/json");
	if (r == 0)
		r = pump_detach(x, on_closed, app, &p, err);
	if (r < 0)
		return r;
	pthread_mutex_lock(&app->lock);
	bool full = app->nsubscribers == APP_SUBSCRIBERS_MAX;
	if (!full)
		app->subscribers[app->nsubscribers++] = p;
	pthread_mutex_unlock(&app->lock);
	if (full) {
		pump_end(p);
		pump_unref(p);
	}
	return 0;
}

/* Detached, sent, ended: the connection must serve on. */
static int once(struct exchange *x, void *user, struct error *err)
{
	struct pump_client *p;

	int r = reply_begin(x, 200, "application/json");
	if (r == 0)
		r = pump_detach(x, on_closed, user, &p, err);
	if (r < 0)
		return r;
	pump_send(p, "{\"StatusCode\":0}\n", 17);
	pump_end(p);
	pump_unref(p);
	return 0;
}

int http_app_publish(struct http_app *app, const void *data, size_t n)
{
	pthread_mutex_lock(&app->lock);
	for (int i = 0; i < app->nsubscribers;) {
		if (pump_send(app->subscribers[i], data, n) == 0) {
			i++;
			continue;
		}
		pump_unref(app->subscribers[i]);
		app->subscribers[i] = app->subscribers[--app->nsubscribers];
	}
	int count = app->nsubscribers;
	pthread_mutex_unlock(&app->lock);
	return count;
}

static int admit(struct exchange *x, const struct route *route, void *user, struct error *err)
{
	struct http_app *app = user;
	const char *deny = exchange_header(x, "X-Deny"), *body;
	size_t n;

	if (deny && !strcmp(deny, "reply"))
		return reply_error(x, 401, "who are you"), -EPERM;
	if (deny)
		return error_set(err, ERROR_DENIED, EPERM, "not for you: %s", deny);
	if (!route->action)
		return 0;
	int r = body_whole(x, BODY_JSON_MAX, &body, &n, err);
	if (r < 0)
		return r;
	pthread_mutex_lock(&app->lock);
	snprintf(app->admitted_body, sizeof app->admitted_body, "%s %s", route->action, body);
	pthread_mutex_unlock(&app->lock);
	return 0;
}

static const struct route routes[] = {
	{ "GET", "/_ping", ping, 0, NULL },
	{ "HEAD", "/_ping", ping, 0, NULL },
	{ "GET", "/images/{name...}/json", show, 0, NULL },
	{ "POST", "/echo", echo, 0, NULL },
	{ "POST", "/judged", echo, 0, "judge" },
	{ "PUT", "/upload", upload, 0, NULL },
	{ "PUT", "/reject", reject, 0, NULL },
	{ "GET", "/stream", stream, 0, NULL },
	{ "HEAD", "/stream", stream, 0, NULL },
	{ "GET", "/send", send_fd, 0, NULL },
	{ "GET", "/abort", abort_stream, 0, NULL },
	{ "GET", "/fail", fail, 0, NULL },
	{ "GET", "/forget", forget, 0, NULL },
	{ "POST", "/status", not_modified, 0, NULL },
	{ "GET", "/wait", wait_long, 0, NULL },
	{ "GET", "/whoami", whoami, 0, NULL },
	{ "POST", "/attach", attach, 0, NULL },
	{ "POST", "/handover", hand_over, 0, NULL },
	{ "GET", "/events", events, 0, NULL },
	{ "GET", "/once", once, 0, NULL },
};

int http_app_new(struct http_app *app, const struct server_limits *limits, struct error *err)
{
	static const char *const headers[] = { "Server", "Docker/28.5.2 (linux)", "Api-Version", "1.51",
		"Ostype", "linux", NULL };
	struct server_config config = {
		.routes = routes,
		.nroutes = sizeof routes / sizeof *routes,
		.user = app,
		.headers = headers,
		.admit = admit,
	};

	memset(app, 0, sizeof *app);
	app->handover[0] = app->handover[1] = -1;
	pthread_mutex_init(&app->lock, NULL);
	if (limits)
		config.limits = *limits;
	return server_new(&config, &app->server, err);
}

void http_app_free(struct http_app *app)
{
	for (int i = 0; i < app->nsubscribers; i++)
		pump_unref(app->subscribers[i]);
	server_free(app->server);
	for (int i = 0; i < 2; i++)
		if (app->handover[i] >= 0)
			close(app->handover[i]);
	pthread_mutex_destroy(&app->lock);
}
