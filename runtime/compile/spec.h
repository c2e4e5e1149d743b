/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration that a new bundle starts from: what `gantry-runtime spec` prints, as `runc spec` does. */
#ifndef GANTRY_COMPILE_SPEC_H
#define GANTRY_COMPILE_SPEC_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <sys/types.h>

/* The text with tabs and a line end (caller frees).  rootless: for a user without privileges: a user
 * namespace in which root is uid and gid, no network namespace, no limits, /sys from outside. */
int spec_print(bool rootless, uid_t uid, gid_t gid, char **ret, struct error *err);

#endif
