/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passes a client's connection to another process, which writes the answer itself: the shim for attach, exec
 * and `logs -f`.  Prepare, send the descriptor with the bytes below (SCM_RIGHTS, never blocking, with a
 * deadline), then commit when the other side said that it took it, or cancel and answer.  Nothing is written
 * to the client here.
 */
#ifndef GANTRY_HTTP_HANDOVER_H
#define GANTRY_HTTP_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

struct exchange;

enum {
	HANDOVER_RAW = 2, /* both directions are raw from the head on */
	HANDOVER_TLS = 4, /* the descriptor leads to a TLS front */
};

struct handover {
	int fd;     /* still the exchange's */
	char *head; /* what the taker writes first */
	size_t head_len;
	const char *early; /* sent behind the request by the client: belongs to the stream */
	size_t early_len;
	unsigned flags;
};

/* For a raw stream: as hijack_take(). */
int handover_prepare_raw(
	struct exchange *x, const char *type, const char *protocol, struct handover *ret, struct error *err);
/* For an answer with a body of unknown length, which ends with the connection. */
int handover_prepare_body(
	struct exchange *x, int status, const char *type, struct handover *ret, struct error *err);

/* Taken: our descriptor is closed, the exchange is over. */
void handover_commit(struct exchange *x, struct handover *h);
/* Not taken: the exchange is to be answered as if nothing had been. */
void handover_cancel(struct exchange *x, struct handover *h);

#endif
