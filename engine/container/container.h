/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's containers: what is asked of them, what they are, and how they come and go (docs/architecture.md,
 * "The life of a container").  A container is found by containers_find and kept by a reference; it may be
 * removed meanwhile, and then its verbs answer NOT_FOUND.
 *
 * Locks: a container's own lock is never held while a driver, the database or a shim is waited for.  What
 * changes it holds its `op`: a second start waits for the first, inspect and list never wait.  Order:
 * containers' lock < container's lock. Threads: every function may be called from any, unless it says
 * otherwise.
 */
#ifndef GANTRY_ENGINE_CONTAINER_H
#define GANTRY_ENGINE_CONTAINER_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct container;
struct containers;
struct engine;
struct json;

#define CONTAINER_ID_LEN 64

/* As rows keep them: append only. */
enum container_phase {
	CONTAINER_CREATING = 0,
	CONTAINER_CREATED = 1,
	CONTAINER_RUNNING = 2,
	CONTAINER_EXITED = 3,
	CONTAINER_REMOVING = 4,
};

/* ---- all of them --------------------------------------------------------------- */
/* Reads the rows, joins them with the shims that live, and brings each to a state that is true (lifecycle.md,
 * "G starts"). */
int containers_open(struct engine *engine, struct containers **ret, struct error *err);
/* Forgets them; their shims live on. */
void containers_close(struct containers *all);

struct container_counts {
	size_t all, running, paused;
};
void containers_count(struct containers *all, struct container_counts *ret);

/* By full id, name with or without '/', or unique prefix of an id, in this order.  NOT_FOUND "No such
 * container: X"; INVALID when the prefix fits several.  The caller releases *ret. */
int containers_find(struct containers *all, const char *name, struct container **ret, struct error *err);
struct container *container_ref(struct container *c);
void container_unref(struct container *c);
const char *container_id(const struct container *c);

/* ---- life ------------------------------------------------------------------------ */
/* body: the request of POST /containers/create.  name: NULL or "" for a made-up one.  ret_warnings: an array,
 * the caller's. */
int container_create(struct engine *engine, const char *name, const struct json *body, struct container **ret,
	struct json **ret_warnings, struct error *err);

/* 0; 1 when it runs already; or an error in Docker's words. */
int container_start(struct container *c, struct error *err);

/* timeout_s: -1 waits for ever, CONTAINER_TIMEOUT takes the container's own.  signal 0: the container's own.
 * 0; 1 when it does not run. */
#define CONTAINER_TIMEOUT INT64_MIN
int container_stop(struct container *c, int64_t timeout_s, int signal, struct error *err);

/* CONFLICT when it does not run. */
int container_kill(struct container *c, int signal, struct error *err);

int container_remove(struct container *c, bool force, bool volumes, struct error *err);

/* Stops it if it runs, and starts it. */
int container_restart(struct container *c, int64_t timeout_s, int signal, struct error *err);
/* CONFLICT when it does not run; INVALID without a terminal is no error, as for Docker. */
int container_resize(struct container *c, unsigned rows, unsigned cols, struct error *err);
/* CONFLICT in Docker's words when it does not run, or is paused (not paused) already. */
int container_pause(struct container *c, struct error *err);
int container_unpause(struct container *c, struct error *err);
int container_rename(struct container *c, const char *name, struct error *err);

/* Every running one, side by side; what does not end in time is killed.  Waits. */
void containers_stop_all(struct containers *all, int64_t timeout_s);

/* ---- waiting ----------------------------------------------------------------------- */
enum container_condition { CONTAINER_NOT_RUNNING, CONTAINER_NEXT_EXIT, CONTAINER_REMOVED };

struct container_result {
	int exit_code;
	char error[256]; /* "" when there is none */
};
typedef void container_waiter(void *ctx, const struct container_result *result);

struct container_wait;
/* Tells the waiter once, on another thread or before this returns, when the condition comes true.  It is
 * called with the container's lock: it must not wait, nor call a function of containers.  ret: for
 * container_wait_cancel, which is due in every case; after it the waiter is not called any more. */
int container_wait(struct container *c, enum container_condition condition, container_waiter *waiter,
	void *ctx, struct container_wait **ret, struct error *err);
void container_wait_cancel(struct container_wait *w);

/* ---- streams ------------------------------------------------------------------------ */
struct container_attach {
	uint32_t streams; /* PROTO_STREAM_* of lib/proto/shim.h */
	const void *head; /* the answer's head; nothing for _later, whose head was sent */
	size_t head_n;
	const void *early; /* what the client has sent behind its request */
	size_t early_n;
	const void *keys; /* that detach it */
	size_t keys_n;
};
bool container_is_running(struct container *c);
bool container_is_paused(struct container *c);
bool container_tty(const struct container *c);
bool container_reads_stdin(const struct container *c);
/* Hands sock to the container's shim, which writes the head: the caller closes its own.  CONFLICT when it
 * does not run. */
int container_attach_running(
	struct container *c, const struct container_attach *what, int sock, struct error *err);
/* For the next start; takes sock on success. */
int container_attach_later(
	struct container *c, const struct container_attach *what, int sock, struct error *err);

/* The log: its folder (the caller closes) and its file's name.  CONFLICT "configured logging driver does not
 * support reading" without one. */
int container_log(
	struct container *c, int *ret_folder, char ret_name[CONTAINER_ID_LEN + 16], struct error *err);
/* `logs --follow` of a running one, as container_attach_running. */
struct container_logs {
	uint32_t flags; /* PROTO_STREAM_*, PROTO_LOGS_* */
	int64_t since_ns, until_ns, tail;
	const void *head;
	size_t head_n;
};
int container_logs_follow(
	struct container *c, const struct container_logs *what, int sock, struct error *err);

/* ---- networks -------------------------------------------------------------------------- */
/* POST /networks/{ref}/connect and /disconnect; endpoint: EndpointConfig or NULL. */
int container_network_connect(
	struct container *c, const char *ref, const struct json *endpoint, struct error *err);
int container_network_disconnect(struct container *c, const char *ref, bool force, struct error *err);

/* ---- showing ------------------------------------------------------------------------- */
int container_inspect(struct container *c, struct json **ret, struct error *err);

/* What `ps ARGS` ("": -ef) says of its processes: {Titles, Processes}.  CONFLICT when it does not run. */
int container_top(struct container *c, const char *args, struct json **ret, struct error *err);

struct filters;
/* GET /containers/json: newest first.  limit 0: no limit. */
struct container_list {
	bool all;
	uint64_t limit;
	const struct filters *filters; /* or NULL */
};
int containers_list(
	struct containers *all, const struct container_list *what, struct json **ret, struct error *err);

#endif
