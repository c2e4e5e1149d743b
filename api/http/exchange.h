/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and its answer, as a handler sees it.  A handler runs on a thread of its own from the complete
 * head to the answer and may block.  Texts and records returned here live until the handler returns (or has
 * given the connection away by hijack.h, handover.h, pump.h).  Threads: an exchange belongs to the thread of
 * its handler.
 */
#ifndef GANTRY_HTTP_EXCHANGE_H
#define GANTRY_HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/http/peer.h"
#include "api/http/router.h"

enum { EXCHANGE_QUERY_MAX = 1000 };

struct exchange;

const char *exchange_method(const struct exchange *x);
/* The request target as it was sent. */
const char *exchange_target(const struct exchange *x);
const struct route *exchange_route(const struct exchange *x);
/* "1.41" of "/v1.41/...", or NULL. */
const char *exchange_version(const struct exchange *x);
/* What {name} or {name...} of the pattern took, decoded; NULL when the pattern has no such capture. */
const char *exchange_param(const struct exchange *x, const char *name);

/* The first value of a query parameter, decoded; NULL when it is not there. */
const char *exchange_query(const struct exchange *x, const char *name);
/* As Docker reads booleans: "", "0", "no", "false", "none" are false; absent is `absent`. */
bool exchange_query_bool(const struct exchange *x, const char *name, bool absent);
/* All parameters in order, for those that repeat.  False when i is past the last. */
bool exchange_query_at(const struct exchange *x, size_t i, const char **ret_name, const char **ret_value);

/* The first header of that name (any case), without surrounding white space; NULL when it is not there. */
const char *exchange_header(const struct exchange *x, const char *name);
bool exchange_header_at(const struct exchange *x, size_t i, const char **ret_name, const char **ret_value);

/* Bytes of the body: 0 without one, -1 when it comes in chunks. */
int64_t exchange_body_length(const struct exchange *x);
/* The client sent an Upgrade header. */
bool exchange_wants_upgrade(const struct exchange *x);

/* Who asks; NULL only without memory.  exchange_peer_pidfd(): see peer_pidfd(). */
const struct peer *exchange_peer(struct exchange *x);
int exchange_peer_pidfd(struct exchange *x);
/* Of the listener that the connection came by. */
const char *exchange_listener_name(const struct exchange *x);

/* Waits until fd (-1: none) is readable, for at most ms (-1: no limit) milliseconds.  1: it is; 0: time is
 * up; -ECONNRESET: the client has gone (it need not be answered any more). */
int exchange_wait(struct exchange *x, int fd, int ms);

#endif
