/* SPDX-License-Identifier: Apache-2.0 */
/* Between shim_client.c, shim_hub.c and shim_restore.c alone. */
#ifndef GANTRY_ENGINE_SHIM_HANDLE_H
#define GANTRY_ENGINE_SHIM_HANDLE_H

#include "engine/container/shim_client.h"

#include <pthread.h>
#include <stdatomic.h>

struct shim {
	struct shim_hub *hub;
	atomic_uint refs;
	char short_id[ID_SHORT_SIZE];
	struct shim_facts facts;
	int sock, pidfd, netns;
	void *data;

	pthread_mutex_t talk; /* one request at a time, to its answer */
	uint32_t serial;      /* under talk; 0 is no request's */
	bool registered;      /* under talk: the hub's thread reads */
	/* Under talk: events that came before answers while it did not; told when it begins to. */
	struct proto_shim_event *early;
	size_t n_early;

	pthread_mutex_t lock; /* below */
	pthread_cond_t answered;
	uint32_t answer_serial;
	int answer_code;
	struct proto_shim_exec_result exec_result; /* of an answer to EXEC */
	bool ended;                                /* the socket's end was seen */
	bool finished;                             /* and is no surprise */

	struct shim *next, **link; /* of the registered, under the hub's lock */
};

struct shim_hub {
	int folder;  /* O_DIRECTORY */
	int program; /* O_PATH of gantry-shim, on a read-only clone of its folder */
	int cgroup_fd;
	const int *procs_fds;
	size_t nprocs;
	struct shim_callbacks callbacks;
	int epoll, stop; /* stop: an eventfd */
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	struct shim *shims;
	struct watch *watches; /* what epoll knows, but for stop */
};

/* What a shim sends. */
union shim_message {
	struct proto_shim_head head;
	struct proto_shim_facts facts;
	struct proto_shim_result result;
	struct proto_shim_event event;
	struct proto_shim_started started;
	struct proto_shim_exec_result exec_result;
	struct {
		struct proto_shim_head head;
		struct launch_error why;
	} failed;
};

struct shim *shim_new(struct shim_hub *hub, const char *id, void *data);
void shim_take_facts(struct shim *s, const struct proto_shim_facts *m, const int *fds, size_t nfds);
/* One checked message: its type, or a negative errno. */
int shim_read(
	int sock, int64_t deadline_ns, void *buf, size_t size, int *fds, size_t *nfds, struct error *err);

/* Starts a shim: *ret_sock is our end.  The hub reaps it. */
int hub_spawn(struct shim_hub *hub, int *ret_sock, struct error *err);
/* Tells the early events; the hub's thread reads from now on, with a reference of its own. */
void hub_register(struct shim *s);
void hub_tell(struct shim *s, const struct proto_shim_event *event);

#endif
