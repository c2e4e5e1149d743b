/* SPDX-License-Identifier: Apache-2.0 */
/* Filling in struct launch_error; for the files of this folder. */
#ifndef GANTRY_LAUNCH_PHASE_H
#define GANTRY_LAUNCH_PHASE_H

#include "runtime/launch/launch.h"

/* Fills err and returns -code (-EIO for 0).  detail may be NULL; it is cut to fit. */
int phase_fail(struct launch_error *err, enum launch_phase phase, int code, const char *detail);

/* phase_fail with errno. */
int phase_errno(struct launch_error *err, enum launch_phase phase, const char *detail);

#endif
