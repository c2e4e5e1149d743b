/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one error type.  A function that can fail returns 0 or a negative errno and, where
 * a person may see the failure, fills `struct error *err`, its last argument.  The record is
 * filled once, where the facts are; callers add a prefix only when it adds a noun.
 * Nothing here logs or prints: that is for the top (a route, a verb, main).
 * Threads: a record belongs to its caller.
 */
#ifndef GANTRY_BASE_ERROR_H
#define GANTRY_BASE_ERROR_H

/* What went wrong for the user, apart from errno.  The numbers are those of the SDK's
 * GTY_E_* (core/plugin asserts it), so that a driver's error passes unchanged. */
enum error_kind {
	ERROR_INTERNAL = 0,
	ERROR_NOT_FOUND = 1,
	ERROR_CONFLICT = 2,
	ERROR_INVALID = 3,
	ERROR_DENIED = 4,
	ERROR_UNSUPPORTED = 5,
	ERROR_UNAVAILABLE = 6,
	ERROR_EXHAUSTED = 7,
	ERROR_TIMEOUT = 8,
	ERROR_CANCELLED = 9,
};

struct error {
	int kind;       /* enum error_kind */
	int sys_errno;  /* positive, or 0 when no system call stands behind it */
	char text[500]; /* what failed first, names quoted, lower case, no full stop; cut at the end */
};

#define ERROR_INIT ((struct error){ .kind = ERROR_INTERNAL })

/* Fills err (which may be NULL) with exactly the given text.  Returns -sys_errno, or -EIO for 0,
 * so that a failing function ends in `return error_set(...)`. */
int error_set(struct error *err, int kind, int sys_errno, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* As error_set with ERROR_INTERNAL, and ": <strerror>" behind the text.  sys_errno > 0. */
int error_sys(struct error *err, int sys_errno, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As error_set with ERROR_INVALID and EINVAL: input that the user must change. */
int error_invalid(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "<prefix>: " before a text that is there.  Returns ret unchanged. */
int error_prefix(struct error *err, int ret, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
