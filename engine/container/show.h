/* SPDX-License-Identifier: Apache-2.0 */
/* What inspect and list say alike.  Only for this folder. */
#ifndef GANTRY_ENGINE_CONTAINER_SHOW_H
#define GANTRY_ENGINE_CONTAINER_SHOW_H

#include "engine/container/object.h"

/* "created", "running", "paused", "exited", "removing". */
const char *show_state(const struct container_life *life);

/* "/web"; returns buf. */
char *show_name(struct container *c, char *buf, size_t size);

#endif
