/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer: either whole (reply_send and its kin), or begun, written and ended.  HEAD, HTTP/1.0 and
 * statuses without a body are taken care of: handlers write as if for GET and 1.1.  All return 0 or a
 * negative errno: -EPIPE when the client has gone, -ETIMEDOUT when it does not read, -EALREADY for a second
 * answer.
 */
#ifndef GANTRY_HTTP_REPLY_H
#define GANTRY_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

struct exchange;

/* One more header, before the answer; -EINVAL for what cannot be one (line ends and other control bytes). */
int reply_header(struct exchange *x, const char *name, const char *value);

/* A whole answer with its length.  type NULL: no Content-Type. */
int reply_send(struct exchange *x, int status, const char *type, const void *data, size_t n);
int reply_json(struct exchange *x, int status, const char *json, size_t n);
/* Without a body: 204, 304, a bare 200. */
int reply_empty(struct exchange *x, int status);
/* {"message": "..."} */
int reply_error(struct exchange *x, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same with the status of err's kind. */
int reply_failure(struct exchange *x, const struct error *err);

/* Sends the head at once; the body follows in pieces and may last.  reply_write() sends at once, too. */
int reply_begin(struct exchange *x, int status, const char *type);
int reply_write(struct exchange *x, const void *data, size_t n);
/* From fd to its end (pipe, file from its offset, socket), without a copy where the kernel can. */
int reply_from_fd(struct exchange *x, int fd);
/* Without it the connection is broken off when the handler returns, so that the client knows. */
int reply_end(struct exchange *x);

/* A head was sent: an error can be told within the body only. */
bool reply_begun(const struct exchange *x);

#endif
