/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/pump.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/http/exchange_state.h"
#include "api/http/pump_state.h"
#include "lib/base/clock.h"

enum { EVENTS = 64, CHECK_MS = 10000 };

struct pump_client {
	atomic_uint refs; /* the caller's, and the pump's until it is closed */
	struct pump *pump;
	pump_closed *closed;
	void *user;
	bool chunked, mute, keep_alive;
	struct pump_client *prev, *next; /* under the pump's lock */

	pthread_mutex_t lock; /* all below; taken inside the pump's lock, never outside it */
	struct conn *conn;    /* NULL once closed */
	bool ended, failed;
	enum pump_end why;
	char *queue;
	size_t off, len, cap;
	int64_t since; /* the queue did not move since (monotonic ns) */
};

struct pump {
	struct server *server;
	int epoll, wake;
	pthread_mutex_t lock; /* all below */
	struct pump_client *clients;
	bool running, stop;
	pthread_t thread;
};

static void free_client(struct pump_client *p)
{
	pthread_mutex_destroy(&p->lock);
	free(p->queue);
	free(p);
}

struct pump_client *pump_ref(struct pump_client *p)
{
	atomic_fetch_add(&p->refs, 1);
	return p;
}

void pump_unref(struct pump_client *p)
{
	if (p && atomic_fetch_sub(&p->refs, 1) == 1)
		free_client(p);
}

/* ---- under the client's lock ------------------------------------------------ */

static void watch(struct pump_client *p, bool output)
{
	struct epoll_event event = { .events = EPOLLRDHUP | (output ? EPOLLOUT : 0u), .data.ptr = p };

	epoll_ctl(p->pump->epoll, EPOLL_CTL_MOD, p->conn->source.fd, &event);
}

/* The pump's thread sees the hang-up and closes. */
static void fail(struct pump_client *p, enum pump_end why)
{
	if (p->failed)
		return;
	p->failed = true;
	p->why = why;
	shutdown(p->conn->source.fd, SHUT_RDWR);
}

static int send_now(struct pump_client *p, struct iovec *parts, size_t n, size_t *ret_sent)
{
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = n };
	ssize_t sent;

	while ((sent = sendmsg(p->conn->source.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT)) < 0 &&
		errno == EINTR)
		;
	*ret_sent = sent > 0 ? (size_t)sent : 0;
	return sent < 0 && errno != EAGAIN ? -EPIPE : 0;
}

static int queue_bytes(struct pump_client *p, const char *data, size_t n)
{
	size_t limit = p->pump->server->config.limits.queue_bytes;

	if (p->len - p->off + n > limit)
		return -ENOBUFS;
	if (p->off > 0) {
		memmove(p->queue, p->queue + p->off, p->len - p->off);
		p->len -= p->off;
		p->off = 0;
	}
	if (p->len + n > p->cap) {
		size_t cap = p->len + n < limit / 2 ? (p->len + n) * 2 : limit;
		char *bigger = realloc(p->queue, cap);
		if (!bigger)
			return -ENOBUFS;
		p->queue = bigger;
		p->cap = cap;
	}
	if (p->len == 0)
		p->since = clock_mono_ns();
	memcpy(p->queue + p->len, data, n);
	p->len += n;
	return 0;
}

/* Queues what is behind the first `sent` bytes of the parts. */
static int queue_rest(struct pump_client *p, const struct iovec *parts, size_t count, size_t sent)
{
	bool was_empty = p->len == p->off;

	for (size_t i = 0; i < count; i++) {
		size_t skip = sent < parts[i].iov_len ? sent : parts[i].iov_len;
		sent -= skip;
		if (skip == parts[i].iov_len)
			continue;
		int r = queue_bytes(p, (const char *)parts[i].iov_base + skip, parts[i].iov_len - skip);
		if (r < 0)
			return r;
	}
	if (was_empty && p->len > p->off)
		watch(p, true);
	return 0;
}

static int send_parts(struct pump_client *p, struct iovec *parts, size_t n)
{
	size_t sent = 0;

	if (p->len == p->off) {
		int r = send_now(p, parts, n, &sent);
		if (r < 0) {
			fail(p, PUMP_GONE);
			return r;
		}
	}
	int r = queue_rest(p, parts, n, sent);
	if (r < 0)
		fail(p, PUMP_SLOW);
	return r;
}

static void flush(struct pump_client *p)
{
	while (p->off < p->len && !p->failed) {
		struct iovec part = { .iov_base = p->queue + p->off, .iov_len = p->len - p->off };
		size_t sent;
		if (send_now(p, &part, 1, &sent) < 0)
			fail(p, PUMP_GONE);
		if (sent == 0)
			return;
		p->off += sent;
		p->since = clock_mono_ns();
	}
	if (p->off == p->len) {
		free(p->queue);
		p->queue = NULL;
		p->off = p->len = p->cap = 0;
	}
}

/* ---- any thread ------------------------------------------------------------- */

int pump_send(struct pump_client *p, const void *data, size_t n)
{
	char size[20];
	int len = snprintf(size, sizeof size, "%zx\r\n", n);
	struct iovec parts[3] = { { .iov_base = size, .iov_len = (size_t)len },
		{ .iov_base = (void *)data, .iov_len = n }, { .iov_base = (char *)"\r\n", .iov_len = 2 } };
	int r = 0;

	pthread_mutex_lock(&p->lock);
	if (!p->conn || p->ended || p->failed)
		r = -EPIPE;
	else if (n > 0 && !p->mute)
		r = p->chunked ? send_parts(p, parts, 3) : send_parts(p, &parts[1], 1);
	pthread_mutex_unlock(&p->lock);
	return r;
}

void pump_end(struct pump_client *p)
{
	struct iovec part = { .iov_base = (char *)"0\r\n\r\n", .iov_len = 5 };

	pthread_mutex_lock(&p->lock);
	if (p->conn && !p->ended && !p->failed) {
		int r = p->chunked && !p->mute ? send_parts(p, &part, 1) : 0;
		p->ended = true;
		p->since = clock_mono_ns();
		if (r == 0)
			watch(p, true); /* the pump's thread does the rest at once */
	}
	pthread_mutex_unlock(&p->lock);
}

/* ---- the pump's thread ------------------------------------------------------ */

/* With the connection taken out of p. */
static void return_conn(struct server *s, struct conn *c, enum pump_end why, bool keep_alive)
{
	if (why != PUMP_DONE)
		conn_free(s, c, false);
	else if (keep_alive)
		conn_idle(s, c);
	else
		conn_linger(s, c);
}

/* Called with p's lock held, which is released. */
static void close_client(struct pump *pump, struct pump_client *p)
{
	struct conn *c = p->conn;
	enum pump_end why = p->failed ? p->why : PUMP_DONE;

	epoll_ctl(pump->epoll, EPOLL_CTL_DEL, c->source.fd, NULL);
	p->conn = NULL;
	pthread_mutex_unlock(&p->lock);
	return_conn(pump->server, c, why, p->keep_alive);
	pthread_mutex_lock(&pump->lock);
	if (p->prev)
		p->prev->next = p->next;
	else
		pump->clients = p->next;
	if (p->next)
		p->next->prev = p->prev;
	pthread_mutex_unlock(&pump->lock);
	if (p->closed)
		p->closed(p, why, p->user);
	pump_unref(p);
}

static void on_event(struct pump *pump, struct pump_client *p, uint32_t events)
{
	pthread_mutex_lock(&p->lock);
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		fail(p, PUMP_GONE);
	flush(p);
	bool empty = p->off == p->len;
	if (p->failed || (p->ended && empty)) {
		close_client(pump, p);
		return;
	}
	watch(p, !empty);
	pthread_mutex_unlock(&p->lock);
}

static void drop_stalled(struct pump *pump)
{
	int64_t limit = pump->server->config.limits.inactivity_ms * CLOCK_MS, now = clock_mono_ns();

	pthread_mutex_lock(&pump->lock);
	for (struct pump_client *p = pump->clients; p; p = p->next) {
		pthread_mutex_lock(&p->lock);
		if (p->conn && (p->ended || p->len > p->off) && now - p->since > limit)
			fail(p, PUMP_SLOW);
		pthread_mutex_unlock(&p->lock);
	}
	pthread_mutex_unlock(&pump->lock);
}

/* Only this thread takes clients off the list, so the first one stays while no lock is held. */
static void close_all(struct pump *pump)
{
	for (;;) {
		pthread_mutex_lock(&pump->lock);
		struct pump_client *p = pump->clients;
		pthread_mutex_unlock(&pump->lock);
		if (!p)
			return;
		pthread_mutex_lock(&p->lock);
		fail(p, PUMP_STOPPING);
		close_client(pump, p);
	}
}

static int check_interval(struct pump *pump)
{
	unsigned quarter = pump->server->config.limits.inactivity_ms / 4 + 1;

	pthread_mutex_lock(&pump->lock);
	int ms = pump->stop ? 0 : !pump->clients ? -1 : quarter < CHECK_MS ? (int)quarter : CHECK_MS;
	pthread_mutex_unlock(&pump->lock);
	return ms;
}

static void *run(void *arg)
{
	struct pump *pump = arg;
	struct epoll_event events[EVENTS];
	int ms;

	while ((ms = check_interval(pump)) != 0) {
		int n = epoll_wait(pump->epoll, events, EVENTS, ms);
		for (int i = 0; i < n; i++) {
			uint64_t count;
			if (events[i].data.ptr)
				on_event(pump, events[i].data.ptr, events[i].events);
			else if (read(pump->wake, &count, sizeof count) < 0)
				continue;
		}
		drop_stalled(pump);
	}
	close_all(pump);
	return NULL;
}

static void wake(struct pump *pump)
{
	uint64_t one = 1;
	ssize_t n = write(pump->wake, &one, sizeof one);
	(void)n; /* full: it is awake anyway */
}

/* ---- detaching -------------------------------------------------------------- */

static struct pump_client *new_client(struct exchange *x, pump_closed *closed, void *user)
{
	struct pump_client *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	atomic_init(&p->refs, 2);
	pthread_mutex_init(&p->lock, NULL);
	p->pump = x->server->pump;
	p->closed = closed;
	p->user = user;
	p->chunked = x->chunk_out;
	p->mute = x->mute;
	p->keep_alive = x->keep_alive;
	p->conn = x->conn;
	return p;
}

/* Pipelined bytes wait with the connection. */
static int keep_input(struct exchange *x)
{
	struct parser fresh;
	size_t n = x->in->len - x->in->off;

	if (n == 0)
		return 0;
	parser_init(&fresh);
	return conn_keep(x->server, x->conn, &fresh, x->in->data + x->in->off, n);
}

/* With the pump's lock held. */
static int add_client(struct pump *pump, struct pump_client *p)
{
	struct epoll_event event = { .events = EPOLLRDHUP, .data.ptr = p };

	if (pump->stop)
		return -ESHUTDOWN;
	if (!pump->running) {
		int r = server_thread(pump->server, run, pump, &pump->thread);
		if (r < 0)
			return r;
		pump->running = true;
	}
	p->next = pump->clients;
	if (p->next)
		p->next->prev = p;
	pump->clients = p;
	/* From here on the pump's thread may get its event; it waits for the client's lock, which the caller
	 * holds. */
	if (epoll_ctl(pump->epoll, EPOLL_CTL_ADD, p->conn->source.fd, &event) < 0) {
		int r = -errno;
		pump->clients = p->next;
		if (p->next)
			p->next->prev = NULL;
		return r;
	}
	return 0;
}

int pump_detach(
	struct exchange *x, pump_closed *closed, void *user, struct pump_client **ret, struct error *err)
{
	struct pump *pump = x->server->pump;

	if (!x->replied || x->ended || !x->body_ended)
		return error_set(
			err, ERROR_INTERNAL, EINVAL, "only an answer that has begun can be detached");
	if (x->gone)
		return error_set(err, ERROR_UNAVAILABLE, EPIPE, "the client has gone");
	struct pump_client *p = new_client(x, closed, user);
	int r = p ? keep_input(x) : -ENOMEM;
	if (r < 0) {
		if (p)
			free_client(p);
		return error_sys(err, -r, "cannot detach the answer");
	}
	conn_detach(x->server, x->conn);
	pthread_mutex_lock(&pump->lock);
	r = add_client(pump, p);
	pthread_mutex_unlock(&pump->lock);
	if (r < 0) {
		free_client(p);
		x->gone = true; /* its input may be parked already: it cannot go on */
		conn_take(x->server, x->conn);
		return error_sys(err, -r, "cannot detach the answer");
	}
	x->conn = NULL;
	*ret = p;
	wake(pump);
	return 0;
}

int pump_new(struct server *s, struct pump **ret)
{
	struct pump *pump = calloc(1, sizeof *pump);
	struct epoll_event event = { .events = EPOLLIN };

	if (!pump)
		return -ENOMEM;
	pump->server = s;
	pthread_mutex_init(&pump->lock, NULL);
	pump->epoll = epoll_create1(EPOLL_CLOEXEC);
	pump->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pump->epoll < 0 || pump->wake < 0 ||
		epoll_ctl(pump->epoll, EPOLL_CTL_ADD, pump->wake, &event) < 0) {
		int r = -errno;
		pump_free(pump);
		return r;
	}
	*ret = pump;
	return 0;
}

void pump_stop(struct pump *pump)
{
	pthread_mutex_lock(&pump->lock);
	bool running = pump->running;
	pump->stop = true;
	pump->running = false;
	pthread_mutex_unlock(&pump->lock);
	wake(pump);
	if (running)
		pthread_join(pump->thread, NULL);
}

void pump_free(struct pump *pump)
{
	if (!pump)
		return;
	if (pump->epoll >= 0)
		close(pump->epoll);
	if (pump->wake >= 0)
		close(pump->wake);
	pthread_mutex_destroy(&pump->lock);
	free(pump);
}
