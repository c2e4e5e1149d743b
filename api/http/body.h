/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a request: read in pieces, as a whole, or moved to a descriptor.  Length or chunks make no
 * difference to the handler.  "100 Continue" goes out with the first read.  A body that a handler leaves is
 * thrown away by the server, to a limit.  Errors: -EBADMSG malformed (400), -EFBIG too large (413),
 * -ETIMEDOUT (408), -ECONNRESET the client has gone; a handler that returns them unanswered is answered so.
 */
#ifndef GANTRY_HTTP_BODY_H
#define GANTRY_HTTP_BODY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"

struct exchange;

enum { BODY_JSON_MAX = 4 << 20 };

/* Up to n > 0 bytes; 0: the body is complete. */
ssize_t body_read(struct exchange *x, void *buf, size_t n, struct error *err);

/* The whole body, NUL-ended behind its last byte, kept by the exchange: a later call returns the same, so
 * that who authorises and who handles see one body.  More than max bytes: -EFBIG, and none of it. */
int body_whole(struct exchange *x, size_t max, const char **ret, size_t *ret_len, struct error *err);

/* Moves what is left of the body into fd (a pipe or file; blocking or not), without a copy where the kernel
 * can. *ret_count (may be NULL): bytes moved, also on failure.  Errors of fd are reported as themselves. */
int body_to_fd(struct exchange *x, int fd, int64_t max, int64_t *ret_count, struct error *err);

#endif
