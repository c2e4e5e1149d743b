/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry-dns/dns.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_MAX 64

int loop_open(struct dns *d)
{
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	d->now_ns = clock_mono_ns();
	return d->epoll < 0 ? -errno : 0;
}

/* ---- sources ------------------------------------------------------------------------------- */
int source_add(struct dns *d, struct source *s, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = s };

	if (epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		return -errno;
	s->fd = fd;
	s->closed = false;
	return 0;
}

void source_want(struct dns *d, struct source *s, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = s };

	epoll_ctl(d->epoll, EPOLL_CTL_MOD, s->fd, &e);
}

int source_take(struct dns *d, struct source *s)
{
	int fd = s->fd;

	if (fd >= 0)
		epoll_ctl(d->epoll, EPOLL_CTL_DEL, fd, NULL);
	s->fd = -1;
	s->closed = true;
	return fd;
}

void source_close(struct dns *d, struct source *s)
{
	int fd = source_take(d, s);

	if (fd >= 0)
		close(fd);
}

void source_free(struct dns *d, struct source *s)
{
	s->next_dead = d->dead;
	d->dead = s;
}

static void bury(struct dns *d)
{
	while (d->dead) {
		struct source *s = d->dead;
		d->dead = s->next_dead;
		free(s);
	}
}

/* ---- timers --------------------------------------------------------------------------------- */
void timer_stop(struct dns *d, struct timer *t)
{
	if (!t->at_ns)
		return;
	*(t->prev ? &t->prev->next : &d->first) = t->next;
	*(t->next ? &t->next->prev : &d->last) = t->prev;
	t->at_ns = 0;
}

/* There are two durations, so that its place is near the end. */
void timer_set(struct dns *d, struct timer *t, int64_t from_now_ns)
{
	timer_stop(d, t);
	t->at_ns = d->now_ns + from_now_ns;
	t->prev = d->last;
	while (t->prev && t->prev->at_ns > t->at_ns)
		t->prev = t->prev->prev;
	t->next = t->prev ? t->prev->next : d->first;
	*(t->prev ? &t->prev->next : &d->first) = t;
	*(t->next ? &t->next->prev : &d->last) = t;
}

static void run_late(struct dns *d)
{
	while (d->first && d->first->at_ns <= d->now_ns) {
		struct timer *t = d->first;
		timer_stop(d, t);
		t->late(d, t);
	}
}

/* ---- the loop --------------------------------------------------------------------------------- */
int loop_run(struct dns *d)
{
	struct epoll_event events[EVENTS_MAX];

	while (!d->ended) {
		int n = epoll_wait(
			d->epoll, events, EVENTS_MAX, d->first ? clock_poll_ms(d->first->at_ns) : -1);
		if (n < 0 && errno != EINTR)
			return -errno;
		d->now_ns = clock_mono_ns();
		for (int i = 0; i < n; i++) {
			struct source *s = events[i].data.ptr;
			if (!s->closed)
				s->ready(d, s, events[i].events);
		}
		run_late(d);
		bury(d);
	}
	return 0;
}
