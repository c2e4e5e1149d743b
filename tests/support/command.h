/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program for a test and keeps what it prints. */
#ifndef GANTRY_TESTS_COMMAND_H
#define GANTRY_TESTS_COMMAND_H

#include "lib/base/error.h"

#define COMMAND_OUTPUT_MAX (16 << 20)

struct command_result {
	int code;  /* exit code; 128 and the number for a signal */
	char *out; /* standard output and standard error, NUL-ended */
};

/* Runs argv[0] (found by PATH) with stdin from /dev/null and waits for it; what it prints beyond
 * COMMAND_OUTPUT_MAX is -EFBIG.  A program that cannot be run gives code 127.  The caller calls command_done.
 */
int command_run(const char *const argv[], struct command_result *ret, struct error *err);
void command_done(struct command_result *result);

#endif
