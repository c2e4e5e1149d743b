/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "api/http/server_state.h"
#include "lib/base/clock.h"

/* Deadlines nearer than this are met by one firing of the timer. */
static const int64_t TIMER_GRAIN = 20 * CLOCK_MS;

static void link_conn(struct server *s, struct conn *c, enum conn_list list)
{
	c->list = (uint8_t)list;
	c->prev = NULL;
	c->next = s->lists[list];
	if (c->next)
		c->next->prev = c;
	s->lists[list] = c;
	s->counts[list]++;
}

static void unlink_conn(struct server *s, struct conn *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		s->lists[c->list] = c->next;
	if (c->next)
		c->next->prev = c->prev;
	s->counts[c->list]--;
}

static void move_conn(struct server *s, struct conn *c, enum conn_list list)
{
	unlink_conn(s, c);
	link_conn(s, c, list);
}

void conn_need_timer(struct server *s, int64_t at)
{
	if (at >= s->timer_at)
		return;
	struct itimerspec when = { .it_value = { .tv_sec = at / CLOCK_S, .tv_nsec = at % CLOCK_S } };
	timerfd_settime(s->timer.fd, TFD_TIMER_ABSTIME, &when, NULL);
	s->timer_at = at;
}

struct conn *conn_new(struct server *s, struct listener *l, int fd, struct peer *peer)
{
	struct conn *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->source = (struct source){ .kind = SOURCE_CONN, .fd = fd };
	c->listener = l;
	pthread_mutex_lock(&s->lock);
	bool refused = s->stopping || l->count >= l->max;
	if (!refused) {
		l->count++;
		s->nconns++;
		c->peer = peer;
		link_conn(s, c, CONN_BUSY);
	}
	pthread_mutex_unlock(&s->lock);
	if (refused) {
		free(c);
		return NULL;
	}
	return c;
}

enum conn_list conn_take(struct server *s, struct conn *c)
{
	pthread_mutex_lock(&s->lock);
	enum conn_list from = c->list;
	if (from != CONN_HEAD && from != CONN_LINGER)
		c->deadline = 0;
	move_conn(s, c, CONN_BUSY);
	pthread_mutex_unlock(&s->lock);
	return from;
}

void conn_park(struct server *s, struct conn *c, enum conn_list list, int64_t deadline, bool for_output)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = &c->source };

	if (for_output)
		event.events |= EPOLLOUT;
	pthread_mutex_lock(&s->lock);
	bool refused = s->stopping && list != CONN_LINGER;
	if (!refused) {
		c->deadline = deadline;
		move_conn(s, c, list);
		if (deadline)
			conn_need_timer(s, deadline);
	}
	if (s->stopping)
		pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	/* Added only here, with its events: an entry without events would still report a hang-up, to a second
	 * owner. */
	int op = c->in_epoll ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	c->in_epoll = true;
	if (refused || epoll_ctl(s->epoll, op, c->source.fd, &event) < 0)
		conn_free(s, c, false);
}

void conn_idle(struct server *s, struct conn *c)
{
	/* Kept input waits in vain for more to come: that there is room to send wakes it. */
	bool kept = c->parked != NULL;

	if (c->listener->kind != LISTENER_UNIX)
		conn_park(s, c, CONN_IDLE_TIMED, clock_mono_ns() + s->config.limits.tcp_idle_ms * CLOCK_MS,
			kept);
	else
		conn_park(s, c, CONN_IDLE, 0, kept);
}

void conn_linger(struct server *s, struct conn *c)
{
	shutdown(c->source.fd, SHUT_WR);
	conn_park(s, c, CONN_LINGER, clock_mono_ns() + s->config.limits.drain_ms * CLOCK_MS, false);
}

int conn_keep(struct server *s, struct conn *c, const struct parser *p, const void *data, size_t n)
{
	struct parked *parked = malloc(sizeof *parked + n);

	if (!parked)
		return -ENOMEM;
	parked->parser = *p;
	parked->len = n;
	memcpy(parked->data, data, n);
	pthread_mutex_lock(&s->lock);
	bool refused = s->half_heads + sizeof *parked + n > s->config.limits.half_heads;
	if (!refused)
		s->half_heads += sizeof *parked + n;
	pthread_mutex_unlock(&s->lock);
	if (refused) {
		free(parked);
		return -EBUSY;
	}
	c->parked = parked;
	return 0;
}

static void drop_parked(struct server *s, struct conn *c)
{
	if (!c->parked)
		return;
	pthread_mutex_lock(&s->lock);
	s->half_heads -= sizeof *c->parked + c->parked->len;
	pthread_mutex_unlock(&s->lock);
	free(c->parked);
	c->parked = NULL;
}

int conn_restore(struct server *s, struct conn *c, struct parser *p, struct inbox *in)
{
	if (!c->parked)
		return 0;
	*p = c->parked->parser;
	int r = inbox_put(in, c->parked->data, c->parked->len);
	drop_parked(s, c);
	return r < 0 ? r : 1;
}

void conn_unwatch(struct server *s, struct conn *c)
{
	if (c->in_epoll)
		epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->source.fd, NULL);
	c->in_epoll = false;
}

void conn_detach(struct server *s, struct conn *c)
{
	pthread_mutex_lock(&s->lock);
	move_conn(s, c, CONN_DETACHED);
	if (s->stopping)
		pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

int conn_free(struct server *s, struct conn *c, bool keep_fd)
{
	struct listener *l = c->listener;
	int fd = c->source.fd;

	if (keep_fd)
		conn_unwatch(s, c);
	drop_parked(s, c);
	pthread_mutex_lock(&s->lock);
	unlink_conn(s, c);
	s->nconns--;
	l->count--;
	if (l->paused && !s->stopping && l->count < l->max)
		server_watch_listener(s, l);
	if (s->stopping)
		pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	peer_free(c->peer);
	free(c);
	if (keep_fd)
		return fd;
	close(fd);
	return -1;
}

static int64_t expire(struct conn *first, int64_t now)
{
	int64_t next = INT64_MAX;

	for (struct conn *c = first; c; c = c->next) {
		if (c->deadline <= now) {
			c->expired = true;
			c->deadline = INT64_MAX;
			shutdown(c->source.fd, SHUT_RD);
		} else if (c->deadline < next) {
			next = c->deadline;
		}
	}
	return next;
}

void conn_reap(struct server *s)
{
	static const enum conn_list timed[] = { CONN_IDLE_TIMED, CONN_HEAD, CONN_LINGER };
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = &s->timer };
	int64_t now = clock_mono_ns(), next = INT64_MAX;
	uint64_t fired;

	pthread_mutex_lock(&s->lock);
	ssize_t n = read(s->timer.fd, &fired, sizeof fired);
	(void)n; /* nothing to read: somebody set it anew in between */
	s->timer_at = INT64_MAX;
	for (size_t i = 0; i < sizeof timed / sizeof *timed; i++) {
		int64_t at = expire(s->lists[timed[i]], now);
		next = at < next ? at : next;
	}
	for (struct listener *l = s->listeners; l; l = l->next)
		if (l->paused && !s->stopping && l->count < l->max)
			server_watch_listener(s, l);
	if (next != INT64_MAX)
		conn_need_timer(s, next > now + TIMER_GRAIN ? next : now + TIMER_GRAIN);
	pthread_mutex_unlock(&s->lock);
	epoll_ctl(s->epoll, EPOLL_CTL_MOD, s->timer.fd, &event);
}
