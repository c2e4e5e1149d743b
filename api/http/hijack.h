/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes the connection out of HTTP: attach, exec start.  The answer is "101 UPGRADED" when the client sent
 * Upgrade, else 200 with raw-stream (clients before 1.22); after it the socket carries raw bytes in both
 * directions.
 */
#ifndef GANTRY_HTTP_HIJACK_H
#define GANTRY_HTTP_HIJACK_H

#include <stddef.h>

#include "lib/base/error.h"

struct exchange;

#define HIJACK_RAW_STREAM         "application/vnd.docker.raw-stream"
#define HIJACK_MULTIPLEXED_STREAM "application/vnd.docker.multiplexed-stream"

struct hijacked {
	int fd;      /* of the client, in blocking mode unless somebody changed it */
	char *early; /* what the client sent behind its request already; may be NULL; free(3) */
	size_t early_len;
};

/* Sends the answer and gives the socket away: the exchange is over, the server knows the connection no more.
 * type: of a 101 answer; protocol: for its Upgrade header, NULL for "tcp"; reply_header() adds more. What is
 * left of the request body is read first, up to a limit.  On failure the exchange is still to be answered
 * (-EBUSY: it is already; -EBADMSG ...: as body_read) or the client has gone (-EPIPE). */
int hijack_take(
	struct exchange *x, const char *type, const char *protocol, struct hijacked *ret, struct error *err);

/* Closes and frees what nobody took. */
void hijack_drop(struct hijacked *h);

#endif
