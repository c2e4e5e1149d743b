/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of opened drivers.  A call is one block with its own copy of the request and the arena of the reply;
 * it runs on one of the driver's few threads, in the order that the kind's thread rules ask for, with a
 * deadline. After the deadline the caller gets ERROR_UNAVAILABLE; the objects of the call stay busy until the
 * entry returns, and a success that comes then is undone first (unless by->repeat).  Four calls stuck like
 * that open the driver's breaker: further calls fail at once until they return.
 *
 * A reply is the SDK's struct, checked, in memory of the call: the caller releases it with reply_free, which
 * closes the descriptors still in it (take_fd keeps one).
 * Threads: all functions from any thread, except that an instance is opened and closed by one.
 * No lock is held while a driver runs.
 */
#ifndef GANTRY_CORE_CALL_H
#define GANTRY_CORE_CALL_H

#include "core/plugin/host.h"
#include "core/plugin/kind.h"

#include <pthread.h>

#define CALL_TIMEOUT_S 30
#define CALL_ARENA_MAX (1u << 20)
#define CALL_THREADS   8
#define CALL_STUCK_MAX 4
#define CALL_QUEUE_MAX 1024

/* How a call is made; NULL or zeroes: nothing special. */
struct call_by {
	const char *trace;  /* id of the API request, for log lines */
	int64_t timeout_ns; /* instead of the entry's and the driver's */
	bool repeat;        /* the object may be there already: a late success is not undone */
};

struct call;
struct remote;

/* An opened driver, embedded in the fronts' structs (struct storage ...). */
struct instance {
	const struct kind *kind;
	struct target target;
	struct remote *remote; /* NULL: in this process */
	struct host *host;
	char *name;   /* of this instance */
	char *driver; /* of the driver, for texts */
	char *root;
	int root_fd;
	struct facts facts;
	int64_t timeout_ns;

	pthread_mutex_t lock;
	pthread_cond_t work, idle; /* a call became ready; a call ended */
	struct order order;
	struct call *ready, **ready_last;
	unsigned threads, sleeping, queued, running, stuck;
	bool closing;
};

/* Fills the fields that calls need; the rest is the caller's (instance.c). */
void instance_init(struct instance *in);
/* Ends the threads.  -EBUSY, and nothing is released, while a call is stuck in the driver. */
int instance_stop(struct instance *in);

/* One call.  req: of the entry's type (its struct_size need not be set); *ret_rep: the reply, or unused when
 * the entry has none (may be NULL then). */
int call_run(struct instance *in, unsigned entry, const void *req, const struct call_by *by, void **ret_rep,
	struct error *err);

/* The same in two halves, so that calls of several drivers run beside each other.  Every begun call is ended.
 */
int call_begin(struct instance *in, unsigned entry, const void *req, const struct call_by *by,
	struct call **ret, struct error *err);
int call_end(struct call *call, void **ret_rep, struct error *err);

/* NULL is allowed. */
void reply_free(void *rep);
static inline void reply_cleanup(void *p)
{
	reply_free(*(void **)p);
}
#define auto_reply __attribute__((cleanup(reply_cleanup)))

/* How busy a driver is, for status and tests. */
struct call_load {
	unsigned threads, queued, running, stuck;
};
void call_load(struct instance *in, struct call_load *ret);

#endif
