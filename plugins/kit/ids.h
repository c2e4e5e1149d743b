/* SPDX-License-Identifier: Apache-2.0 */
/* Ids that become names on disk, and id maps of user namespaces. */
#ifndef GANTRY_KIT_IDS_H
#define GANTRY_KIT_IDS_H

#include "lib/base/error.h"
#include "lib/base/id.h"

#include <gantry/plugin.h>

/* Refuses what is not 64 lower-case hex digits, the one form of a layer's id; what names the noun: "layer",
 * "parent". */
int kit_id_check(const char *what, const char *id, struct error *err);

/* The host's number of an id inside; ids that no line maps are refused. */
int kit_map_id(const struct gty_idmap *map, uint32_t n, uint32_t inside, uint32_t *ret, struct error *err);

/* The same for an owner; maps NULL: unchanged. */
int kit_map_owner(const struct gty_idmaps *maps, uint32_t *uid, uint32_t *gid, struct error *err);

#endif
