/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links that have left their bridge.  Nearly all die with their sandbox before their time is up; a link whose
 * sandbox lives on is deleted here, where nobody waits.
 */
#include "plugins/net-bridge/driver.h"

#include "lib/base/clock.h"
#include "lib/base/path.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_NS (3 * CLOCK_S)

struct left {
	char link[LINK_NAME_SIZE];
	int64_t due_ns;
	struct left *next;
};

struct reaper {
	struct gty_network *nw;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct left *first, **last; /* by the time they are due */
	bool closing;
};

static void delete_links(struct reaper *r, struct left *list)
{
	auto_batch struct netlink_batch b = { 0 };
	struct link_info info;

	while (list) {
		struct left *l = list;
		list = l->next;
		/* Its name may be somebody else's by now. */
		if (link_get(r->nw->nl, l->link, &info) == 0 && alias_id(r->nw, info.alias) && !info.master) {
			link_delete(&b, info.index, NULL);
			netlink_commit(r->nw->nl, &b, NULL);
		}
		free(l);
	}
}

/* With the lock: takes out what is due (all when it closes). */
static struct left *take_due(struct reaper *r)
{
	struct left *list = r->first, **p = &list;
	int64_t now = clock_mono_ns();

	while (*p && (r->closing || (*p)->due_ns <= now))
		p = &(*p)->next;
	r->first = *p;
	*p = NULL;
	if (!r->first)
		r->last = &r->first;
	return list;
}

static void wait_for_due(struct reaper *r)
{
	if (!r->first) {
		pthread_cond_wait(&r->wake, &r->lock);
		return;
	}
	struct timespec at = { .tv_sec = r->first->due_ns / CLOCK_S, .tv_nsec = r->first->due_ns % CLOCK_S };
	pthread_cond_timedwait(&r->wake, &r->lock, &at);
}

static void *run(void *arg)
{
	struct reaper *r = arg;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		struct left *due = take_due(r);
		bool closing = r->closing;
		if (due) {
			pthread_mutex_unlock(&r->lock);
			delete_links(r, due);
			pthread_mutex_lock(&r->lock);
		} else if (closing) {
			break;
		} else {
			wait_for_due(r);
		}
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

int reaper_new(struct gty_network *nw, struct reaper **ret)
{
	struct reaper *r = calloc(1, sizeof *r);
	pthread_condattr_t attr;
	sigset_t all, old;

	if (!r)
		return -ENOMEM;
	r->nw = nw;
	r->last = &r->first;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->wake, &attr);
	pthread_condattr_destroy(&attr);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int e = pthread_create(&r->thread, NULL, run, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (e) {
		free(r);
		return -e;
	}
	*ret = r;
	return 0;
}

void reaper_free(struct reaper *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->closing = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* Without memory it stays until the next start's recover. */
void reaper_put(struct reaper *r, const char *link)
{
	struct left *l = calloc(1, sizeof *l);

	if (!l)
		return;
	path_format(l->link, sizeof l->link, "%s", link);
	l->due_ns = clock_mono_ns() + PATIENCE_NS;
	pthread_mutex_lock(&r->lock);
	*r->last = l;
	r->last = &l->next;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
}

void reaper_take(struct reaper *r, const char *link)
{
	pthread_mutex_lock(&r->lock);
	for (struct left **p = &r->first; *p;) {
		struct left *l = *p;
		if (strcmp(l->link, link) != 0) {
			p = &l->next;
			continue;
		}
		*p = l->next;
		if (!*p)
			r->last = p;
		free(l);
	}
	pthread_mutex_unlock(&r->lock);
}
