/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/server.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "api/http/pump_state.h"
#include "api/http/server_state.h"
#include "lib/base/clock.h"

static const struct server_limits defaults = {
	.spare_threads = 3,
	.max_threads = 1024,
	.stack_size = 64 << 10,
	.thread_idle_ms = 2000,
	.half_heads = 64 << 20,
	.head_ms = 10000,
	.tcp_idle_ms = 300000,
	.inactivity_ms = 300000,
	.drain_ms = 5000,
	.drain_bytes = 64 << 20,
	.queue_bytes = 256 << 10,
};

static void set_limits(struct server_limits *l)
{
#define SET(field)         \
	if (l->field == 0) \
	l->field = defaults.field
	SET(spare_threads);
	SET(max_threads);
	SET(stack_size);
	SET(thread_idle_ms);
	SET(half_heads);
	SET(head_ms);
	SET(tcp_idle_ms);
	SET(inactivity_ms);
	SET(drain_ms);
	SET(drain_bytes);
	SET(queue_bytes);
#undef SET
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	if (l->stack_size < 1 << 20)
		l->stack_size = 1 << 20; /* their frames are several times as large */
#endif
}

void server_report(struct server *s, const char *fmt, ...)
{
	char text[256];
	va_list args;

	if (!s->config.report)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	s->config.report(s->config.user, text);
}

static int join_headers(struct server *s)
{
	size_t size = 1;
	const char *const *h = s->config.headers;

	for (size_t i = 0; h && h[i] && h[i + 1]; i += 2)
		size += strlen(h[i]) + strlen(h[i + 1]) + 4;
	s->headers = malloc(size);
	if (!s->headers)
		return -ENOMEM;
	char *to = s->headers;
	*to = '\0';
	for (size_t i = 0; h && h[i] && h[i + 1]; i += 2)
		to += snprintf(to, size - (size_t)(to - s->headers), "%s: %s\r\n", h[i], h[i + 1]);
	s->headers_len = (size_t)(to - s->headers);
	return 0;
}

static int open_descriptors(struct server *s)
{
	struct epoll_event timer = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = &s->timer };

	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	s->quit.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->epoll < 0 || s->timer.fd < 0 || s->quit.fd < 0)
		return -errno;
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->timer.fd, &timer) < 0)
		return -errno;
	return 0;
}

int server_new(const struct server_config *config, struct server **ret, struct error *err)
{
	struct server *s = calloc(1, sizeof *s);
	pthread_condattr_t attr;

	if (!s)
		return error_sys(err, ENOMEM, "cannot make a server");
	s->config = *config;
	set_limits(&s->config.limits);
	s->epoll = -1;
	s->timer = (struct source){ .kind = SOURCE_TIMER, .fd = -1 };
	s->quit = (struct source){ .kind = SOURCE_QUIT, .fd = -1 };
	s->timer_at = INT64_MAX;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	int r = router_new(config->routes, config->nroutes, &s->router, err);
	if (r == 0) {
		r = join_headers(s);
		if (r == 0)
			r = open_descriptors(s);
		if (r == 0)
			r = pump_new(s, &s->pump);
		if (r < 0)
			error_sys(err, -r, "cannot make a server");
	}
	if (r < 0) {
		server_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void server_add_listener(struct server *s, struct listener *l)
{
	l->next = s->listeners;
	s->listeners = l;
}

void server_watch_listener(struct server *s, struct listener *l)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = &l->source };

	l->paused = false;
	if (l->source.fd >= 0)
		epoll_ctl(s->epoll, EPOLL_CTL_MOD, l->source.fd, &event);
}

static int watch_all(struct server *s)
{
	for (struct listener *l = s->listeners; l; l = l->next) {
		struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = &l->source };
		if (l->source.fd >= 0 && epoll_ctl(s->epoll, EPOLL_CTL_ADD, l->source.fd, &event) < 0)
			return -errno;
	}
	return 0;
}

int server_thread(struct server *s, void *(*run)(void *), void *arg, pthread_t *ret)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;

	pthread_attr_init(&attr);
	if (!ret)
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, s->config.limits.stack_size);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int failed = pthread_create(&thread, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (failed)
		return -failed;
	if (ret)
		*ret = thread;
	return 0;
}

int server_start(struct server *s, struct error *err)
{
	s->started = true;
	int r = watch_all(s);
	for (unsigned i = 0; r == 0 && i < s->config.limits.spare_threads; i++)
		r = worker_spawn(s);
	if (r == 0)
		return 0;
	error_sys(err, -r, "cannot start the server");
	server_stop(s, 1000);
	return r;
}

int server_inject(struct server *s, struct listener *l, int fd, const struct peer *facts)
{
	struct peer *peer = facts ? peer_dup(facts) : NULL;

	if (facts && !peer)
		return -ENOMEM;
	struct conn *c = conn_new(s, l, fd, peer);
	if (!c) {
		peer_free(peer);
		return -EBUSY;
	}
	conn_idle(s, c);
	return 0;
}

/* ---- the end ---------------------------------------------------------------- */

static void shut_list(struct server *s, enum conn_list list)
{
	for (struct conn *c = s->lists[list]; c; c = c->next)
		shutdown(c->source.fd, SHUT_RDWR);
}

/* With the lock held: until *count is 0 or the time is up. */
static bool wait_until_none(struct server *s, const size_t *count, const unsigned *threads, int64_t deadline)
{
	struct timespec at = { .tv_sec = deadline / CLOCK_S, .tv_nsec = deadline % CLOCK_S };

	while ((count && *count > 0) || (threads && *threads > 0))
		if (pthread_cond_timedwait(&s->changed, &s->lock, &at) == ETIMEDOUT)
			return (!count || *count == 0) && (!threads || *threads == 0);
	return true;
}

static void stop_accepting(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	atomic_store(&s->closing, true);
	for (struct listener *l = s->listeners; l; l = l->next) {
		if (l->source.fd >= 0)
			epoll_ctl(s->epoll, EPOLL_CTL_DEL, l->source.fd, NULL);
		listener_stop(l);
	}
	shut_list(s, CONN_IDLE);
	shut_list(s, CONN_IDLE_TIMED);
	shut_list(s, CONN_HEAD);
	pthread_mutex_unlock(&s->lock);
}

/* Connections first finish by themselves; then they are broken. */
static bool stop_connections(struct server *s, unsigned ms)
{
	pthread_mutex_lock(&s->lock);
	bool none = wait_until_none(s, &s->counts[CONN_BUSY], NULL, clock_mono_ns() + ms * CLOCK_MS);
	pthread_mutex_unlock(&s->lock);
	pump_stop(s->pump);
	pthread_mutex_lock(&s->lock);
	for (int list = 0; list < CONN_LISTS; list++)
		shut_list(s, (enum conn_list)list);
	none = wait_until_none(s, &s->nconns, NULL, clock_mono_ns() + ms * CLOCK_MS + CLOCK_S);
	pthread_mutex_unlock(&s->lock);
	return none;
}

static bool stop_threads(struct server *s, unsigned ms)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &s->quit };
	uint64_t one = 1;

	pthread_mutex_lock(&s->lock);
	s->quitting = true;
	/* Never read: each thread in turn sees it and leaves. */
	if (write(s->quit.fd, &one, sizeof one) == sizeof one)
		epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->quit.fd, &event);
	bool none = wait_until_none(s, NULL, &s->threads, clock_mono_ns() + ms * CLOCK_MS + CLOCK_S);
	pthread_mutex_unlock(&s->lock);
	return none;
}

int server_stop(struct server *s, unsigned ms)
{
	if (!s->started)
		return 0;
	stop_accepting(s);
	if (!stop_connections(s, ms) || !stop_threads(s, ms))
		return -ETIMEDOUT;
	s->started = false;
	return 0;
}

void server_free(struct server *s)
{
	if (!s)
		return;
	while (s->listeners) {
		struct listener *l = s->listeners;
		s->listeners = l->next;
		listener_free(l);
	}
	pump_free(s->pump);
	router_free(s->router);
	free(s->headers);
	if (s->epoll >= 0)
		close(s->epoll);
	if (s->timer.fd >= 0)
		close(s->timer.fd);
	if (s->quit.fd >= 0)
		close(s->quit.fd);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->changed);
	free(s);
}

void server_count(struct server *s, struct server_counters *ret)
{
	pthread_mutex_lock(&s->lock);
	*ret = (struct server_counters){
		.connections = s->nconns,
		.idle = s->counts[CONN_IDLE] + s->counts[CONN_IDLE_TIMED],
		.threads = s->threads,
		.waiting = s->waiting,
		.detached = s->counts[CONN_DETACHED],
		.half_head_bytes = s->half_heads,
		.requests = atomic_load(&s->requests),
	};
	pthread_mutex_unlock(&s->lock);
}
