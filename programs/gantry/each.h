/* SPDX-License-Identifier: Apache-2.0 */
/* A verb for each of many containers, several at a time: stopping takes as long as the slowest one. */
#ifndef GANTRY_PROGRAMS_GANTRY_EACH_H
#define GANTRY_PROGRAMS_GANTRY_EACH_H

#include "lib/base/error.h"
#include "lib/base/options.h"

#include <stdbool.h>

struct client;

/* Does it for one name with a client of its own; prints nothing. */
typedef int each_verb(const struct command_call *call, struct client *c, const char *name, struct error *err);

/* Prints the names that succeeded and the failures, in the order given.  missing_ok: what is not there is
 * told but is no failure. Returns the exit status. */
int each_run(const struct command_call *call, each_verb *verb, bool missing_ok);

#endif
