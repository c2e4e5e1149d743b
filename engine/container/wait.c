/* SPDX-License-Identifier: Apache-2.0 */
/* POST /containers/{id}/wait: who wants to know, and when they are told. */
#include "engine/container/object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct container_wait {
	struct container *c;
	enum container_condition condition;
	container_waiter *waiter;
	void *ctx;
	bool linked;
	struct container_wait *next;
};

/* With the lock. */
static void tell(struct container_wait *w)
{
	struct container_result result = { .exit_code = w->c->life.exit_code };

	if (w->condition != CONTAINER_REMOVED) /* who waited for that has what he wanted */
		memcpy(result.error, w->c->life.error, sizeof result.error);
	w->waiter(w->ctx, &result);
}

/* With the lock. */
static bool is_true(const struct container *c, enum container_condition condition)
{
	switch (condition) {
	case CONTAINER_NOT_RUNNING: return c->life.phase != CONTAINER_RUNNING;
	case CONTAINER_REMOVED: return c->life.phase == CONTAINER_REMOVING;
	default: return false; /* the next exit is yet to come */
	}
}

int container_wait(struct container *c, enum container_condition condition, container_waiter *waiter,
	void *ctx, struct container_wait **ret, struct error *err)
{
	struct container_wait *w = calloc(1, sizeof *w);

	if (!w)
		return error_sys(err, ENOMEM, "cannot wait for container '%s'", c->id);
	*w = (struct container_wait){
		.c = container_ref(c), .condition = condition, .waiter = waiter, .ctx = ctx
	};
	*ret = w;
	pthread_mutex_lock(&c->lock);
	if (is_true(c, condition)) {
		tell(w);
	} else {
		w->linked = true;
		w->next = c->waits;
		c->waits = w;
	}
	pthread_mutex_unlock(&c->lock);
	return 0;
}

void container_wait_cancel(struct container_wait *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->c->lock);
	for (struct container_wait **p = &w->c->waits; w->linked && *p; p = &(*p)->next)
		if (*p == w) {
			*p = w->next;
			break;
		}
	pthread_mutex_unlock(&w->c->lock);
	container_unref(w->c);
	free(w);
}

void container_wait_tell(struct container *c, bool removed)
{
	pthread_mutex_lock(&c->lock);
	for (struct container_wait **p = &c->waits; *p;) {
		struct container_wait *w = *p;
		if ((w->condition == CONTAINER_REMOVED) != removed) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		w->linked = false;
		tell(w);
	}
	pthread_mutex_unlock(&c->lock);
}
