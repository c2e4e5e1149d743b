/* SPDX-License-Identifier: Apache-2.0 */
/* The two lists of recover: what the core knows, sorted for look-up, and what it is told is lost. */
#ifndef GANTRY_KIT_RECOVER_H
#define GANTRY_KIT_RECOVER_H

#include <gantry/plugin.h>
#include <stdbool.h>
#include <stddef.h>

struct kit_known {
	const struct gty_known **v;
	size_t n;
};

/* The records of one kind (GTY_KNOWN_*), by id.  -ENOMEM. */
int kit_known_init(struct kit_known *known, const struct gty_recover_req *req, uint32_t what);
void kit_known_done(struct kit_known *known);

/* The record of id, or NULL. */
const struct gty_known *kit_known_find(const struct kit_known *known, const char *id);

/* Appends to the reply; rep->v has room for max.  False when the arena is full. */
bool kit_lost_put(
	struct gty_call *call, struct gty_recover_rep *rep, size_t max, const char *id, const char *why);

#endif
