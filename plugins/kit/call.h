/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every entry of a driver does with its call: failing with a formatted text, building
 * replies in the call's arena, looking at deadline and cancel_fd.  Also the host's log.
 */
#ifndef GANTRY_KIT_CALL_H
#define GANTRY_KIT_CALL_H

#include "lib/base/error.h"

#include <gantry/plugin.h>
#include <stdarg.h>
#include <stdbool.h>

/* call->fail() with a text made by printf.  Returns -sys_errno, -EIO for 0. */
int kit_fail(struct gty_call *call, int kind, int sys_errno, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* As kit_fail with ": <strerror>" behind the text; the kind follows from sys_errno (no space, denied, else
 * internal). */
int kit_fail_sys(struct gty_call *call, int sys_errno, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Hands a filled error to the core.  Returns -sys_errno. */
int kit_fail_error(struct gty_call *call, const struct error *err);

/* Zeroed memory of the reply's life; NULL when the arena is full: return kit_no_memory(call) then. */
void *kit_alloc(struct gty_call *call, size_t n, size_t size);
char *kit_format(struct gty_call *call, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int kit_no_memory(struct gty_call *call);

/* Appends to a list that was made with room for max elements at the first put.  value is copied, key is not.
 * False when the arena is full. */
bool kit_kvs_put(
	struct gty_call *call, struct gty_kvs *kvs, uint32_t max, const char *key, const char *value);

/* 0 while the call may go on, -ETIMEDOUT or -ECANCELED (err filled) once its caller gave up.  Cheap: two
 * system calls. */
int kit_check_time(const struct gty_call *call, struct error *err);

/* Writes all of it to a pipe or socket, waiting no longer than the call may take. */
int kit_write(const struct gty_call *call, int fd, const void *data, size_t n, struct error *err);

void kit_log(const struct gty_host *host, int level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
