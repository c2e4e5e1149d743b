/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a listener, for the server that it was given to. */
#ifndef GANTRY_HTTP_LISTENER_STATE_H
#define GANTRY_HTTP_LISTENER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "api/http/listener.h"
#include "api/http/source.h"

enum { LISTENER_HOSTS_MAX = 16 };

struct listener {
	struct source source; /* fd -1 when injected */
	enum listener_kind kind;
	bool adopted;
	char name[160];
	/* unix, made by us */
	char *path, *lock_path;
	int lock; /* descriptor of the lock file, or -1 */
	dev_t dev;
	ino_t ino;
	/* tcp */
	size_t nhosts;
	char *hosts[LISTENER_HOSTS_MAX];
	/* under the server's lock */
	size_t max, count;
	bool paused; /* not in epoll's interest: full, or out of descriptors */
	struct listener *next;
};

/* True when a request with this Host (port and all) may come in by plain tcp. */
bool listener_host_allowed(const struct listener *l, const char *host, size_t n);

/* Sets what each accepted tcp socket of l gets; nothing for unix. */
void listener_tune(const struct listener *l, int sock);

/* No new connection: closes the queue of a socket that is ours alone. */
void listener_stop(struct listener *l);

#endif
