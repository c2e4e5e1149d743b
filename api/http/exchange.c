/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/exchange.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "api/http/exchange_state.h"
#include "api/http/reply.h"
#include "lib/base/clock.h"

/* ---- what a handler asks ---------------------------------------------------- */

const char *exchange_method(const struct exchange *x)
{
	return x->method;
}

const char *exchange_target(const struct exchange *x)
{
	return x->target;
}

const struct route *exchange_route(const struct exchange *x)
{
	return x->match.route;
}

const char *exchange_version(const struct exchange *x)
{
	return x->match.version;
}

const char *exchange_param(const struct exchange *x, const char *name)
{
	for (size_t i = 0; i < x->match.ncaptures; i++)
		if (!strcmp(x->match.captures[i].name, name))
			return x->match.captures[i].value;
	return NULL;
}

const char *exchange_query(const struct exchange *x, const char *name)
{
	for (size_t i = 0; i < x->nquery; i++)
		if (!strcmp(x->query[i].name, name))
			return x->query[i].value;
	return NULL;
}

bool exchange_query_bool(const struct exchange *x, const char *name, bool absent)
{
	static const char *const no[] = { "", "0", "no", "false", "none" };
	const char *value = exchange_query(x, name);

	if (!value)
		return absent;
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (!strcasecmp(value, no[i]))
			return false;
	return true;
}

bool exchange_query_at(const struct exchange *x, size_t i, const char **ret_name, const char **ret_value)
{
	if (i >= x->nquery)
		return false;
	*ret_name = x->query[i].name;
	*ret_value = x->query[i].value;
	return true;
}

const char *exchange_header(const struct exchange *x, const char *name)
{
	for (unsigned i = 0; i < x->request->nheaders; i++)
		if (!strcasecmp(x->head + x->request->headers[i].name.at, name))
			return x->head + x->request->headers[i].value.at;
	return NULL;
}

bool exchange_header_at(const struct exchange *x, size_t i, const char **ret_name, const char **ret_value)
{
	if (i >= x->request->nheaders)
		return false;
	*ret_name = x->head + x->request->headers[i].name.at;
	*ret_value = x->head + x->request->headers[i].value.at;
	return true;
}

int64_t exchange_body_length(const struct exchange *x)
{
	return x->request->chunked ? -1 : x->request->content_length;
}

bool exchange_wants_upgrade(const struct exchange *x)
{
	return x->request->upgrade;
}

const struct peer *exchange_peer(struct exchange *x)
{
	if (!x->conn->peer)
		x->conn->peer = peer_new(x->conn->source.fd);
	return x->conn->peer;
}

int exchange_peer_pidfd(struct exchange *x)
{
	return exchange_peer(x) ? peer_pidfd(x->conn->peer, x->conn->source.fd) : -1;
}

const char *exchange_listener_name(const struct exchange *x)
{
	return listener_name(x->conn->listener);
}

int exchange_wait(struct exchange *x, int fd, int ms)
{
	struct pollfd fds[2] = { { .fd = x->conn->source.fd, .events = POLLRDHUP },
		{ .fd = fd, .events = POLLIN } };
	int64_t deadline = ms >= 0 ? clock_mono_ns() + ms * CLOCK_MS : 0;

	if (x->gone)
		return -ECONNRESET;
	for (;;) {
		int n = poll(fds, 2, ms >= 0 ? clock_poll_ms(deadline) : -1);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return 0;
		if (n < 0)
			continue;
		if (fds[0].revents) {
			x->gone = true;
			return -ECONNRESET;
		}
		return 1;
	}
}

/* ---- input and output ------------------------------------------------------- */

static int wait_for_room(struct exchange *x)
{
	struct pollfd p = { .fd = x->conn->source.fd, .events = POLLOUT };
	int n;

	while ((n = poll(&p, 1, (int)x->server->config.limits.inactivity_ms)) < 0 && errno == EINTR)
		;
	return n > 0 ? 0 : -ETIMEDOUT;
}

/* Moves the parts on by n bytes; returns how many parts are left. */
static int advance(struct iovec **parts, int count, size_t n)
{
	struct iovec *p = *parts;

	while (count > 0 && n >= p->iov_len) {
		n -= p->iov_len;
		p++;
		count--;
	}
	if (count > 0) {
		p->iov_base = (char *)p->iov_base + n;
		p->iov_len -= n;
	}
	*parts = p;
	return count;
}

int exchange_send(struct exchange *x, struct iovec *parts, int n)
{
	if (x->gone)
		return -EPIPE;
	n = advance(&parts, n, 0);
	while (n > 0) {
		struct msghdr message = { .msg_iov = parts, .msg_iovlen = (size_t)n };
		/* The socket's own O_NONBLOCK is not ours: a process that it is passed to shares it. */
		ssize_t sent = sendmsg(x->conn->source.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
		int r = 0;
		if (sent >= 0)
			n = advance(&parts, n, (size_t)sent);
		else if (errno == EAGAIN)
			r = wait_for_room(x);
		else if (errno != EINTR)
			r = -EPIPE;
		if (r < 0) {
			x->gone = true;
			return r;
		}
	}
	return 0;
}

int exchange_release(struct exchange *x)
{
	int zero = 0;
	int fd = conn_free(x->server, x->conn, true);

	x->conn = NULL;
	/* A terminal that is held by Ctrl-S for minutes is no dead peer; keepalive still finds those.
	 * Fails on unix sockets, which need none. */
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &zero, sizeof zero);
	return fd;
}

/* ---- from head to answer ---------------------------------------------------- */

static void start(struct exchange *x, struct server *s, struct conn *c, struct inbox *in,
	const struct parser_request *request)
{
	memset(x, 0, offsetof(struct exchange, path));
	x->server = s;
	x->conn = c;
	x->in = in;
	x->request = request;
	x->method = x->target = "";
}

static void finish(struct exchange *x)
{
	free(x->query_text);
	free(x->query);
	free(x->whole);
	free(x->headers);
}

static const char *terminate(struct exchange *x, struct parser_span s)
{
	x->head[s.at + s.len] = '\0';
	return x->head + s.at;
}

/* The byte behind each part (a blank, ':' or CR) has done its work. */
static void set_request(struct exchange *x, size_t head_len)
{
	const struct parser_request *r = x->request;

	x->head = x->in->data + x->in->off;
	x->in->off += head_len;
	x->head_end = x->in->off;
	x->method = terminate(x, r->method);
	x->target = terminate(x, r->target);
	for (unsigned i = 0; i < r->nheaders; i++) {
		terminate(x, r->headers[i].name);
		terminate(x, r->headers[i].value);
	}
	x->keep_alive = r->keep_alive;
	x->body_left = r->chunked ? 0 : r->content_length;
	x->body_ended = !r->chunked && r->content_length == 0;
	chunked_init(&x->chunked);
}

static int decode_query(struct exchange *x)
{
	struct parser_span q = x->request->query;
	size_t max = 1;

	if (q.len == 0)
		return 0;
	for (uint32_t i = 0; i < q.len && max <= EXCHANGE_QUERY_MAX; i++)
		max += x->head[q.at + i] == '&';
	if (max > EXCHANGE_QUERY_MAX)
		return reply_error(x, 400, "too many query parameters");
	x->query_text = malloc(q.len + 1);
	x->query = malloc(max * sizeof *x->query);
	int n = -ENOMEM;
	if (x->query_text && x->query)
		n = uri_parse_query(x->head + q.at, q.len, x->query_text, x->query, max);
	if (n < 0)
		return reply_error(x, n == -ENOMEM ? 503 : 400, "cannot decode the query");
	x->nquery = (size_t)n;
	return 0;
}

static void find_route(struct exchange *x)
{
	const char *segments[ROUTER_SEGMENTS_MAX];
	struct parser_span path = x->request->path;

	int n = uri_split_path(x->head + path.at, path.len, x->path, segments, ROUTER_SEGMENTS_MAX);
	if (n < 0 || router_find(x->server->router, x->method, segments, (size_t)n, &x->match) < 0)
		reply_error(x, 404, "page not found");
}

static bool host_refused(struct exchange *x)
{
	const struct listener *l = x->conn->listener;
	struct parser_span host = x->request->host;

	if (l->kind != LISTENER_TCP || listener_host_allowed(l, x->head + host.at, host.len))
		return false;
	reply_error(x, 403,
		"the host '%.*s' is not a name of this server: use an address, or make the name known to it",
		host.len < 200 ? (int)host.len : 200, x->head + host.at);
	return true;
}

static void dispatch(struct exchange *x)
{
	const struct server_config *config = &x->server->config;
	struct error err = ERROR_INIT;
	int r = 0;

	if (host_refused(x))
		return;
	if (!strcmp(x->target, "*")) {
		reply_empty(x, 200);
		return;
	}
	find_route(x);
	if (!x->replied)
		decode_query(x);
	if (x->replied)
		return;
	if (config->admit)
		r = config->admit(x, x->match.route, config->user, &err);
	if (r == 0)
		r = x->match.route->handle(x, config->user, &err);
	if (!x->conn || x->replied || x->gone)
		return;
	if (x->body_status)
		reply_error(
			x, x->body_status, "%s", err.text[0] ? err.text : "the request body cannot be read");
	else if (r < 0 && err.text[0])
		reply_failure(x, &err);
	else
		reply_error(x, 500, "the request was not answered");
}

static enum exchange_end conclude(struct exchange *x)
{
	if (!x->conn)
		return EXCHANGE_TAKEN;
	if (x->gone || !x->ended)
		return EXCHANGE_CLOSE;
	if (!x->body_ended && !body_discard(x))
		x->keep_alive = false;
	return x->keep_alive ? EXCHANGE_NEXT : EXCHANGE_LINGER;
}

enum exchange_end exchange_run(struct exchange *x, struct server *s, struct conn *c, struct inbox *in,
	const struct parser_request *request, size_t head_len)
{
	start(x, s, c, in, request);
	set_request(x, head_len);
	dispatch(x);
	enum exchange_end end = conclude(x);
	finish(x);
	return end;
}

void exchange_refuse(struct exchange *x, struct server *s, struct conn *c, struct inbox *in, int status,
	const char *reason)
{
	static const struct parser_request none = { .minor = 1 };

	start(x, s, c, in, &none);
	x->body_ended = true;
	reply_error(x, status, "%s", reason ? reason : "malformed request");
	finish(x);
}
