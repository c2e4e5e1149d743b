/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients of a container's streams.  Of a running container their sockets go to the shim; those that come
 * before it starts, as docker run's, wait here and are handed over before the program is let go.
 */
#include "engine/container/object.h"

#include "engine/container/shim_client.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PENDING_MAX 128

struct pending_attach {
	struct pending_attach *next;
	int sock;
	uint32_t flags;
	char keys[PROTO_KEYS_MAX];
	size_t keys_n, early_n;
	char early[];
};

/* Also of one that is about to run. */
static struct shim *present_shim(struct container *c)
{
	pthread_mutex_lock(&c->lock);
	struct shim *shim = c->shim;
	if (shim)
		shim_ref(shim);
	pthread_mutex_unlock(&c->lock);
	return shim;
}

int container_attach_running(
	struct container *c, const struct container_attach *what, int sock, struct error *err)
{
	struct shim *shim = present_shim(c);

	if (!shim)
		return error_set(err, ERROR_CONFLICT, ESRCH, "container %s is not running", c->id);
	struct shim_attach attach = { .flags = what->streams,
		.head = what->head,
		.head_n = what->head_n,
		.pending = what->early,
		.pending_n = what->early_n,
		.keys = what->keys,
		.keys_n = what->keys_n };
	int r = shim_attach(shim, &attach, sock, err);
	shim_unref(shim);
	if (r == 0)
		container_event(c, "attach", NULL, NULL);
	return r;
}

static struct pending_attach *new_pending(const struct container_attach *what, int sock)
{
	struct pending_attach *p = malloc(sizeof *p + what->early_n);

	if (!p)
		return NULL;
	*p = (struct pending_attach){
		.sock = sock, .flags = what->streams, .keys_n = what->keys_n, .early_n = what->early_n
	};
	if (what->keys_n)
		memcpy(p->keys, what->keys, what->keys_n);
	if (what->early_n)
		memcpy(p->early, what->early, what->early_n);
	return p;
}

/* With the lock; behind those that are there. */
static int link_pending(struct container *c, struct pending_attach *p)
{
	struct pending_attach **end = &c->attaches;
	size_t n = 0;

	for (; *end; end = &(*end)->next)
		n++;
	if (n >= PENDING_MAX)
		return -EMFILE;
	*end = p;
	return 0;
}

int container_attach_later(
	struct container *c, const struct container_attach *what, int sock, struct error *err)
{
	struct pending_attach *p = what->keys_n <= PROTO_KEYS_MAX && what->early_n <= PROTO_PENDING_MAX
					   ? new_pending(what, sock)
					   : NULL;
	int r = p ? 0 : -ENOMEM;

	if (!p)
		return error_sys(err, ENOMEM, "cannot keep a client of container %s", c->id);
	pthread_mutex_lock(&c->lock);
	if (c->shim)
		r = -EAGAIN;
	else if (c->life.phase == CONTAINER_REMOVING)
		r = -ENOENT;
	else
		r = link_pending(c, p);
	pthread_mutex_unlock(&c->lock);
	if (r == 0) {
		container_event(c, "attach", NULL, NULL);
		return 0;
	}
	free(p);
	if (r == -EAGAIN) { /* it was started meanwhile: taken, so this descriptor is done with */
		r = container_attach_running(c, what, sock, err);
		if (r == 0)
			close(sock);
		return r;
	}
	if (r == -ENOENT)
		return error_set(err, ERROR_NOT_FOUND, ENOENT, "No such container: %s", c->id);
	return error_set(err, ERROR_EXHAUSTED, EMFILE, "more than %d clients wait for container %s to start",
		PENDING_MAX, c->id);
}

static struct pending_attach *take_all(struct container *c)
{
	pthread_mutex_lock(&c->lock);
	struct pending_attach *list = c->attaches;
	c->attaches = NULL;
	pthread_mutex_unlock(&c->lock);
	return list;
}

void container_attach_pending(struct container *c, struct shim *shim)
{
	struct error err = ERROR_INIT;

	for (struct pending_attach *p = take_all(c), *next; p; p = next) {
		next = p->next;
		struct shim_attach attach = { .flags = p->flags,
			.pending = p->early,
			.pending_n = p->early_n,
			.keys = p->keys,
			.keys_n = p->keys_n };
		if (shim_attach(shim, &attach, p->sock, &err) < 0)
			log_warning(
				"container %s: a waiting client could not be attached: %s", c->id, err.text);
		close(p->sock);
		free(p);
	}
}

void container_attach_drop(struct container *c)
{
	for (struct pending_attach *p = take_all(c), *next; p; p = next) {
		next = p->next;
		close(p->sock);
		free(p);
	}
}
