/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handler threads.  Each waits in the one epoll for the next event of any connection, so that the thread that
 * reads a request also answers it, without a hop.  When the last waiting one takes an event it starts
 * another.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/http/exchange_state.h"
#include "lib/base/clock.h"

enum { LINGER_PART = 16 << 10, ACCEPT_RETRY_MS = 1000 };

struct worker {
	struct server *server;
	struct inbox in;
	struct parser parser;
	struct exchange exchange;
};

/* ---- serving a connection --------------------------------------------------- */

static void refuse(struct worker *w, struct conn *c, int status, const char *reason)
{
	exchange_refuse(&w->exchange, w->server, c, &w->in, status, reason);
	conn_linger(w->server, c);
}

/* Nothing more has come yet. */
static void wait_for_more(struct worker *w, struct conn *c)
{
	struct server *s = w->server;
	size_t n = w->in.len - w->in.off;

	if (n == 0) {
		conn_idle(s, c);
		return;
	}
	int r = conn_keep(s, c, &w->parser, w->in.data + w->in.off, n);
	if (r < 0)
		refuse(w, c, 503, "too many requests are incomplete");
	else
		conn_park(s, c, CONN_HEAD, c->deadline, false);
}

/* True when more input is there to be parsed; else c was given away. */
static bool read_more(struct worker *w, struct conn *c)
{
	struct server *s = w->server;

	if (w->in.len > w->in.off) {
		int64_t now = clock_mono_ns();
		if (!c->deadline)
			c->deadline = now + s->config.limits.head_ms * CLOCK_MS;
		if (now >= c->deadline) {
			refuse(w, c, 408, "the request head did not come in time");
			return false;
		}
	}
	if (inbox_reserve(&w->in, INBOX_ROOM) < 0) {
		conn_free(s, c, false);
		return false;
	}
	for (;;) {
		ssize_t got = recv(c->source.fd, w->in.data + w->in.len, w->in.cap - w->in.len, MSG_DONTWAIT);
		if (got > 0) {
			w->in.len += (size_t)got;
			return true;
		}
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			wait_for_more(w, c);
		else
			conn_free(s, c, false);
		return false;
	}
}

/* True when the connection serves on with this thread. */
static bool run_exchange(struct worker *w, struct conn *c, size_t head_len)
{
	struct server *s = w->server;
	struct inbox *in = &w->in;

	/* Room behind the head for what is read ahead of a body; the head does not move once it runs. */
	if (in->cap - in->off - head_len < INBOX_ROOM &&
		inbox_reserve(in, in->off + head_len + INBOX_ROOM - in->len) < 0) {
		conn_free(s, c, false);
		return false;
	}
	atomic_fetch_add_explicit(&s->requests, 1, memory_order_relaxed);
	switch (exchange_run(&w->exchange, s, c, in, &w->parser.request, head_len)) {
	case EXCHANGE_TAKEN: return false;
	case EXCHANGE_CLOSE: conn_free(s, c, false); return false;
	case EXCHANGE_LINGER: conn_linger(s, c); return false;
	case EXCHANGE_NEXT: break;
	}
	parser_init(&w->parser);
	c->deadline = 0;
	if (in->off == in->len) {
		conn_idle(s, c);
		return false;
	}
	return true;
}

static void serve(struct worker *w, struct conn *c)
{
	int kept = conn_restore(w->server, c, &w->parser, &w->in);

	if (kept == 0)
		parser_init(&w->parser);
	bool more = kept > 0 || (kept == 0 && read_more(w, c));
	if (kept < 0)
		conn_free(w->server, c, false);
	while (more) {
		long n = parser_run(&w->parser, w->in.data + w->in.off, w->in.len - w->in.off);
		if (n < 0) {
			refuse(w, c, (int)-n, w->parser.reason);
			break;
		}
		more = n > 0 ? run_exchange(w, c, (size_t)n) : read_more(w, c);
	}
	inbox_clear(&w->in);
}

/* An answered connection whose client still sends. */
static void drain(struct worker *w, struct conn *c)
{
	struct server *s = w->server;
	size_t size = w->in.cap;

	while (c->drained < s->config.limits.drain_bytes) {
		ssize_t got = recv(c->source.fd, w->in.data, size, MSG_DONTWAIT);
		if (got > 0) {
			c->drained += got;
			continue;
		}
		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0 || errno != EAGAIN)
			break;
		conn_park(s, c, CONN_LINGER, c->deadline, false);
		return;
	}
	conn_free(s, c, false);
}

static void on_conn(struct worker *w, struct conn *c)
{
	enum conn_list from = conn_take(w->server, c);

	if (from == CONN_LINGER && !c->expired)
		drain(w, c);
	else if (from == CONN_HEAD && c->expired)
		refuse(w, c, 408, "the request head did not come in time");
	else if (c->expired)
		conn_free(w->server, c, false);
	else
		serve(w, c);
}

/* ---- accepting -------------------------------------------------------------- */

static bool out_of_something(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_listener(struct worker *w, struct listener *l)
{
	struct server *s = w->server;

	int fd = accept4(l->source.fd, NULL, NULL, SOCK_CLOEXEC);
	int error = fd < 0 ? errno : 0;
	struct conn *c = fd < 0 ? NULL : conn_new(s, l, fd, NULL);
	pthread_mutex_lock(&s->lock);
	if (s->stopping)
		;
	else if (out_of_something(error)) {
		l->paused = true;
		conn_need_timer(s, clock_mono_ns() + ACCEPT_RETRY_MS * CLOCK_MS);
	} else if (l->count >= l->max) {
		l->paused = true;
	} else {
		server_watch_listener(s, l);
	}
	pthread_mutex_unlock(&s->lock);
	if (out_of_something(error)) {
		errno = error;
		server_report(s, "cannot accept connections on %s: %m", l->name);
	}
	if (c) {
		listener_tune(l, fd);
		serve(w, c);
	} else if (fd >= 0) {
		close(fd);
	}
}

/* ---- the threads ------------------------------------------------------------ */

/* Milliseconds to wait for an event: those above the spare ones do not stay. */
static int wait_limit(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	int ms = s->waiting > s->config.limits.spare_threads ? (int)s->config.limits.thread_idle_ms : -1;
	pthread_mutex_unlock(&s->lock);
	return ms;
}

static void took_event(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	bool last = --s->waiting == 0 && s->threads < s->config.limits.max_threads && !s->quitting;
	pthread_mutex_unlock(&s->lock);
	if (last && worker_spawn(s) < 0)
		server_report(s, "cannot start a handler thread; requests wait for the others");
}

static void wait_again(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	s->waiting++;
	pthread_mutex_unlock(&s->lock);
}

/* True when this thread is one too many; it is then not counted as waiting any more. */
static bool leave(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	bool surplus = s->waiting > s->config.limits.spare_threads;
	if (surplus)
		s->waiting--;
	pthread_mutex_unlock(&s->lock);
	return surplus;
}

static bool handle_event(struct worker *w, struct source *source)
{
	struct server *s = w->server;

	took_event(s);
	switch (source->kind) {
	case SOURCE_CONN: on_conn(w, (struct conn *)source); break;
	case SOURCE_LISTENER: on_listener(w, (struct listener *)source); break;
	case SOURCE_TIMER: conn_reap(s); break;
	case SOURCE_QUIT: return false;
	}
	wait_again(s);
	return true;
}

static void worker_loop(struct worker *w)
{
	struct epoll_event event;

	for (;;) {
		int n = epoll_wait(w->server->epoll, &event, 1, wait_limit(w->server));
		if (n > 0 && !handle_event(w, event.data.ptr))
			return;
		if (n == 0 && leave(w->server))
			return;
	}
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct server *s = w->server;

	worker_loop(w);
	inbox_done(&w->in);
	free(w);
	pthread_mutex_lock(&s->lock);
	s->threads--;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

int worker_spawn(struct server *s)
{
	struct worker *w = malloc(sizeof *w);
	int r = w ? inbox_init(&w->in) : -ENOMEM;

	if (r == 0) {
		w->server = s;
		pthread_mutex_lock(&s->lock);
		s->threads++;
		s->waiting++;
		pthread_mutex_unlock(&s->lock);
		r = server_thread(s, worker_main, w, NULL);
		if (r == 0)
			return 0;
		pthread_mutex_lock(&s->lock);
		s->threads--;
		s->waiting--;
		pthread_cond_broadcast(&s->changed);
		pthread_mutex_unlock(&s->lock);
		inbox_done(&w->in);
	}
	free(w);
	return r;
}
