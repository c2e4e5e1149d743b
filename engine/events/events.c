/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/events/events.h"

#include "engine/events/match.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "lib/model/filters.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define LINE_LIMIT (1u << 20)

/* One event, in the ring and in the queues of those that it was for. */
struct item {
	atomic_uint refs;
	int64_t time_ns;
	struct match_facts facts; /* texts are the item's own */
	struct json *attributes;
	char *line;
	size_t n;
};

struct events {
	pthread_mutex_t lock;
	struct item *ring[EVENTS_RING];
	uint64_t count; /* of all that ever were: the next one's place is count % EVENTS_RING */
	struct events_sub *subs;
};

struct events_sub {
	struct events *events;
	struct events_sub *next;
	struct filters *filters;
	int64_t until_ns;
	int wake, timer, poll; /* eventfd; timerfd and epoll of both when there is an end, else -1 */
	struct item *present;  /* what the reader was given last */
	/* Under the lock. */
	struct item *queue[EVENTS_QUEUE];
	size_t first, n;
	bool dropped;
};

static void unref(struct item *item)
{
	if (!item || atomic_fetch_sub_explicit(&item->refs, 1, memory_order_acq_rel) != 1)
		return;
	free((char *)(uintptr_t)item->facts.type);
	free((char *)(uintptr_t)item->facts.action);
	free((char *)(uintptr_t)item->facts.id);
	json_free(item->attributes);
	free(item->line);
	free(item);
}

/* ---- publishing ------------------------------------------------------------------------ */
/* The members of old clients stand first, for the kinds that had them. */
static struct json *describe(const struct item *item)
{
	const struct match_facts *f = &item->facts;
	struct json *doc = json_new_object();
	bool container = strcmp(f->type, "container") == 0;

	if (container || strcmp(f->type, "image") == 0) {
		json_set_string(doc, "status", f->action);
		json_set_string(doc, "id", f->id);
		if (container && json_string(json_at(item->attributes, "image")))
			json_set_string(doc, "from", json_string(json_at(item->attributes, "image")));
	}
	json_set_string(doc, "Type", f->type);
	json_set_string(doc, "Action", f->action);
	struct json *actor = json_set_object(doc, "Actor");
	json_set_string(actor, "ID", f->id);
	json_set(actor, "Attributes", json_copy(item->attributes));
	json_set_string(doc, "scope", "local");
	json_set_int(doc, "time", item->time_ns / CLOCK_S);
	json_set_int(doc, "timeNano", item->time_ns);
	return doc;
}

static int write_line(struct item *item)
{
	struct str line = STR_INIT(LINE_LIMIT);
	struct json *doc = describe(item);
	int r = json_print(doc, NULL, &line);

	json_free(doc);
	if (r == 0)
		r = str_add_char(&line, '\n');
	if (r == 0) {
		item->n = line.len;
		item->line = str_take(&line);
	}
	str_done(&line);
	return r;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* As Go writes a map: sorted. */
static struct json *sorted(const struct json *attributes)
{
	size_t n = json_count(attributes), i = 0;
	const char **keys = calloc(n + 1, sizeof *keys);
	struct json *out = json_new_object();

	if (!keys)
		return out;
	json_each (attributes, it)
		keys[i++] = it.key;
	qsort(keys, i, sizeof *keys, by_key);
	for (size_t k = 0; k < i; k++)
		json_set(out, keys[k], json_copy(json_at(attributes, keys[k])));
	free(keys);
	return out;
}

static struct item *new_item(const struct event *event)
{
	struct item *item = calloc(1, sizeof *item);

	if (!item)
		return NULL;
	atomic_init(&item->refs, 1);
	item->time_ns = event->time_ns ? event->time_ns : clock_real_ns();
	item->attributes = sorted(event->attributes);
	item->facts = (struct match_facts){ .type = strdup(event->type),
		.action = strdup(event->action),
		.id = strdup(event->id),
		.attributes = item->attributes };
	if (!item->facts.type || !item->facts.action || !item->facts.id || write_line(item) < 0) {
		unref(item);
		return NULL;
	}
	return item;
}

static void wake(struct events_sub *sub)
{
	uint64_t one = 1;

	if (write(sub->wake, &one, sizeof one) < 0) {
		/* full: then it is readable, which is all that is wanted */
	}
}

static bool is_for(const struct events_sub *sub, const struct item *item)
{
	return (!sub->until_ns || item->time_ns <= sub->until_ns) && match_event(sub->filters, &item->facts);
}

/* With the lock. */
static void offer(struct events_sub *sub, struct item *item)
{
	if (sub->dropped || !is_for(sub, item))
		return;
	if (sub->n == EVENTS_QUEUE) {
		sub->dropped = true;
	} else {
		atomic_fetch_add_explicit(&item->refs, 1, memory_order_relaxed);
		sub->queue[(sub->first + sub->n++) % EVENTS_QUEUE] = item;
	}
	wake(sub);
}

void events_publish(struct events *events, const struct event *event)
{
	struct item *item = new_item(event), *old;

	if (!item)
		return;
	pthread_mutex_lock(&events->lock);
	for (struct events_sub *sub = events->subs; sub; sub = sub->next)
		offer(sub, item);
	old = events->ring[events->count % EVENTS_RING];
	events->ring[events->count++ % EVENTS_RING] = item;
	pthread_mutex_unlock(&events->lock);
	unref(old);
}

/* ---- subscribing -------------------------------------------------------------------------- */
static int watch(int poll, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return epoll_ctl(poll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static int open_timer(struct events_sub *sub)
{
	struct itimerspec when = { .it_value = { .tv_sec = sub->until_ns / CLOCK_S,
					   .tv_nsec = sub->until_ns % CLOCK_S } };

	sub->timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	sub->poll = epoll_create1(EPOLL_CLOEXEC);
	if (sub->timer < 0 || sub->poll < 0 ||
		timerfd_settime(sub->timer, TFD_TIMER_ABSTIME, &when, NULL) < 0)
		return -errno;
	int r = watch(sub->poll, sub->timer);
	return r == 0 ? watch(sub->poll, sub->wake) : r;
}

static int open_fds(struct events_sub *sub)
{
	sub->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sub->wake < 0)
		return -errno;
	return sub->until_ns ? open_timer(sub) : 0;
}

static void free_sub(struct events_sub *sub)
{
	for (; sub->n > 0; sub->n--, sub->first++)
		unref(sub->queue[sub->first % EVENTS_QUEUE]);
	unref(sub->present);
	filters_free(sub->filters);
	if (sub->wake >= 0)
		close(sub->wake);
	if (sub->timer >= 0)
		close(sub->timer);
	if (sub->poll >= 0)
		close(sub->poll);
	free(sub);
}

/* With the lock. */
static void offer_past(struct events_sub *sub, int64_t since_ns)
{
	struct events *events = sub->events;
	uint64_t from = events->count > EVENTS_RING ? events->count - EVENTS_RING : 0;

	for (uint64_t i = from; i < events->count; i++)
		if (events->ring[i % EVENTS_RING]->time_ns >= since_ns)
			offer(sub, events->ring[i % EVENTS_RING]);
}

int events_subscribe(
	struct events *events, const struct events_range *range, struct events_sub **ret, struct error *err)
{
	struct events_sub *sub = calloc(1, sizeof *sub);
	int r = sub ? 0 : -ENOMEM;

	if (r < 0)
		return error_sys(err, ENOMEM, "cannot listen to events");
	*sub = (struct events_sub){
		.events = events, .until_ns = range->until_ns, .wake = -1, .timer = -1, .poll = -1
	};
	if (range->filters && !(sub->filters = filters_copy(range->filters)))
		r = -ENOMEM;
	if (r == 0)
		r = open_fds(sub);
	if (r < 0) {
		free_sub(sub);
		return error_sys(err, -r, "cannot listen to events");
	}
	pthread_mutex_lock(&events->lock);
	if (range->since_ns)
		offer_past(sub, range->since_ns);
	sub->next = events->subs;
	events->subs = sub;
	pthread_mutex_unlock(&events->lock);
	*ret = sub;
	return 0;
}

void events_unsubscribe(struct events_sub *sub)
{
	if (!sub)
		return;
	pthread_mutex_lock(&sub->events->lock);
	for (struct events_sub **p = &sub->events->subs; *p; p = &(*p)->next)
		if (*p == sub) {
			*p = sub->next;
			break;
		}
	pthread_mutex_unlock(&sub->events->lock);
	free_sub(sub);
}

int events_fd(const struct events_sub *sub)
{
	return sub->poll >= 0 ? sub->poll : sub->wake;
}

int events_next(struct events_sub *sub, const char **ret_line, size_t *ret_n)
{
	struct item *item = NULL;
	uint64_t told;

	unref(sub->present);
	sub->present = NULL;
	pthread_mutex_lock(&sub->events->lock);
	if (sub->n > 0) {
		item = sub->queue[sub->first];
		sub->first = (sub->first + 1) % EVENTS_QUEUE;
		sub->n--;
	} else if (read(sub->wake, &told, sizeof told) < 0) {
		/* nobody has called since */
	}
	bool dropped = sub->dropped;
	pthread_mutex_unlock(&sub->events->lock);
	if (item) {
		sub->present = item;
		*ret_line = item->line;
		*ret_n = item->n;
		return 1;
	}
	if (dropped)
		return -ENOBUFS;
	return sub->until_ns && clock_real_ns() >= sub->until_ns ? -EPIPE : 0;
}

/* ---- life --------------------------------------------------------------------------------- */
int events_new(struct events **ret, struct error *err)
{
	struct events *events = calloc(1, sizeof *events);

	if (!events)
		return error_sys(err, ENOMEM, "cannot keep events");
	pthread_mutex_init(&events->lock, NULL);
	*ret = events;
	return 0;
}

void events_free(struct events *events)
{
	if (!events)
		return;
	for (size_t i = 0; i < EVENTS_RING; i++)
		unref(events->ring[i]);
	pthread_mutex_destroy(&events->lock);
	free(events);
}
