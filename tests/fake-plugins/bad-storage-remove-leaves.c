/* SPDX-License-Identifier: Apache-2.0 */
/* A storage driver that remove leaves the layer there. */
#define BREAK_REMOVE_LEAVES
#include "tiny_storage.h"

static const struct gty_driver *const drivers[] = { &tiny_storage, NULL };
GTY_PLUGIN("bad-storage-remove-leaves", "1", "Apache-2.0", drivers);
