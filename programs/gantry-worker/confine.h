/* SPDX-License-Identifier: Apache-2.0 */
/* The walls around a job: what it has by descriptor is all that it can reach. */
#ifndef GANTRY_WORKER_CONFINE_H
#define GANTRY_WORKER_CONFINE_H

#include "lib/base/error.h"

#include <stdbool.h>

/* An empty root, no new privileges, the capabilities that unpacking needs (with trusted_xattrs also the one
 * for trusted.* attributes), limits of memory and descriptors, and a list of system calls.  Cannot be taken
 * back. */
int confine(bool trusted_xattrs, struct error *err);

#endif
