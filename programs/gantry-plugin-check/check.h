/* SPDX-License-Identifier: Apache-2.0 */
/* Points of a check in TAP.  The numbers are shared by the processes that the suites run in. */
#ifndef GANTRY_PLUGIN_CHECK_CHECK_H
#define GANTRY_PLUGIN_CHECK_CHECK_H

#include "lib/base/error.h"

#include <stdbool.h>

/* Before anything else; ends the program when there is no memory. */
void check_begin(void);
/* What stands before every point: "vfs in process". */
void check_scope(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* One point.  Returns ok. */
bool check(bool ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* One point about a call: r must be 0; its text is shown when it is not. */
bool check_call(int r, const struct error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* r must be negative, with an error of this kind. */
bool check_refused(int r, const struct error *err, int kind, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void check_skip(const char *reason, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void check_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Prints the plan; true when every point was ok and there was one. */
bool check_end(void);

#endif
