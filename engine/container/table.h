/* SPDX-License-Identifier: Apache-2.0 */
/* The table of all containers, by id and by name.  Only for this folder. */
#ifndef GANTRY_ENGINE_CONTAINER_TABLE_H
#define GANTRY_ENGINE_CONTAINER_TABLE_H

#include "engine/container/object.h"

struct containers *table_new(struct engine *engine);
void table_free(struct containers *all);
struct engine *table_engine(const struct containers *all);

#endif
