/* SPDX-License-Identifier: Apache-2.0 */
/* What Docker's CLI knows and this one does not. */
#ifndef GANTRY_PROGRAMS_GANTRY_REFUSED_H
#define GANTRY_PROGRAMS_GANTRY_REFUSED_H

#include "lib/base/error.h"
#include "lib/base/options.h"

#include <stddef.h>

/* Hidden commands that say what to do instead; returns their number. */
size_t refused_commands(struct command *to, size_t room);

/* Fails (UNSUPPORTED) for an option of run that is there for its refusal alone. */
int refused_options(const struct options *parsed, struct error *err);

#endif
