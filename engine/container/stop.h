/* SPDX-License-Identifier: Apache-2.0 */
/* For the files of this folder: the shim of a container that runs, and the wait for its end. */
#ifndef GANTRY_ENGINE_CONTAINER_STOP_H
#define GANTRY_ENGINE_CONTAINER_STOP_H

#include "engine/container/object.h"

/* With a reference of the caller's; NULL when it does not run. */
struct shim *container_shim(struct container *c);

/* Until it does not run; deadline monotonic, INT64_MAX: none.  TIMEOUT. */
int container_wait_ended(struct container *c, int64_t deadline_ns, struct error *err);

#endif
