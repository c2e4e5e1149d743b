/* SPDX-License-Identifier: Apache-2.0 */
/* A storage driver's list: layers that are folders of one folder, those being filled of another, in one
 * order. */
#ifndef GANTRY_KIT_LIST_H
#define GANTRY_KIT_LIST_H

#include "plugins/kit/ids.h"

#include <gantry/storage.h>

struct kit_lister {
	int layers_fd, staging_fd;
	/* Fills parent (empty: none) and flags of one layer; false when it has vanished meanwhile. */
	bool (*describe)(struct gty_storage *st, const char *id, bool staged, char parent[ID_LEN + 1],
		uint32_t *ret_flags);
};

/* The whole of ops->list: fails the call by itself. */
int kit_list_layers(const struct kit_lister *lister, struct gty_storage *st, struct gty_call *call,
	const struct gty_ref *ref, struct gty_layers *rep);

#endif
