/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block of one call: gty_call, request copy, reply, arena, error.  Made and run here; queues and threads
 * are call.c's.  Also used where a call is made without threads: in the checking child, in a driver's host
 * process.
 */
#ifndef GANTRY_CORE_BLOCK_H
#define GANTRY_CORE_BLOCK_H

#include "core/plugin/call.h"

#include <stdatomic.h>

struct call_chunk;

enum call_state { CALL_WAITING, CALL_RUNNING, CALL_OVER };

struct call {
	struct gty_call pub; /* first: entries get &call->pub */
	atomic_uint refs;
	const struct entry *entry;
	unsigned number; /* of the entry in its kind */
	void *req, *rep;
	struct error err;
	bool failed;
	int result;
	size_t arena_used, inline_used;
	char *arena; /* the part of it in this block; NULL without a reply */
	struct call_chunk *chunks;
	/* Of call.c, under the instance's lock. */
	struct instance *in;
	struct order_user order;
	struct call *next;
	enum call_state state;
	bool given_up, repeat;
	int64_t started_ns;
	int cancel;
	pthread_cond_t over;
	bool has_cond;
	char trace[64];
	_Alignas(16) char bytes[];
};

/* req is checked and copied; its descriptors are duplicated.  One reference.  The deadline is absolute. */
int block_new(const struct kind *kind, unsigned entry, const void *req, int64_t deadline_ns,
	struct call **ret, struct error *err);
struct call *block_ref(struct call *call);
void block_unref(struct call *call);

/* Runs the entry on the target in this thread, checks the reply, and leaves call->result and call->err.
 * name: of the driver, for texts.  1 when the driver succeeded but its reply is refused: it has to be undone.
 */
int block_run(struct call *call, struct target *target, const struct facts *facts, const char *name);
/* The second half, for a reply that came otherwise: r is what the driver returned. */
int block_judge(struct call *call, int r, const struct facts *facts, const char *name);

/* Hands the reply over: it holds the reference that the caller had. */
void *block_reply(struct call *call);

#endif
