/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry-dns/dns.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 64

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int loop_open(struct dns *d)
{
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	d->now_ns = now();
	return d->epoll < 0 ? -errno : 0;
}

int source_add(struct dns *d, struct source *s, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = s };

	if (epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		return -errno;
	s->fd = fd;
	s->closed = false;
	s->prev = NULL;
	s->next = d->sources;
	if (d->sources)
		d->sources->prev = s;
	d->sources = s;
	return 0;
}

void source_want(struct dns *d, struct source *s, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = s };

	epoll_ctl(d->epoll, EPOLL_CTL_MOD, s->fd, &e);
}

void source_close(struct dns *d, struct source *s, bool heap)
{
	if (s->closed)
		return;
	s->closed = true;
	s->deadline_ns = 0;
	if (s->fd >= 0) {
		close(s->fd); /* the last copy: it leaves the epoll by itself */
		if (s->prev)
			s->prev->next = s->next;
		else
			d->sources = s->next;
		if (s->next)
			s->next->prev = s->prev;
	}
	s->fd = -1;
	if (heap) {
		s->next_dead = d->dead;
		d->dead = s;
	}
}

static void bury(struct dns *d)
{
	while (d->dead) {
		struct source *s = d->dead;
		d->dead = s->next_dead;
		free(s);
	}
}

static int64_t next_deadline(const struct dns *d)
{
	int64_t first = 0;

	for (const struct source *s = d->sources; s; s = s->next)
		if (s->deadline_ns && (!first || s->deadline_ns < first))
			first = s->deadline_ns;
	return first;
}

static int wait_ms(const struct dns *d)
{
	int64_t at = next_deadline(d);

	if (!at)
		return -1;
	return at <= d->now_ns ? 0 : (int)((at - d->now_ns + 999999) / 1000000);
}

static void run_late(struct dns *d)
{
	bool again;

	do { /* a source that is late may close others */
		again = false;
		for (struct source *s = d->sources; s; s = s->next)
			if (s->deadline_ns && s->deadline_ns <= d->now_ns) {
				s->deadline_ns = 0;
				s->late(d, s);
				again = true;
				break;
			}
	} while (again);
}

int loop_run(struct dns *d)
{
	struct epoll_event events[EVENTS_MAX];

	while (!d->ended) {
		int n = epoll_wait(d->epoll, events, EVENTS_MAX, wait_ms(d));
		if (n < 0 && errno != EINTR)
			return -errno;
		d->now_ns = now();
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
