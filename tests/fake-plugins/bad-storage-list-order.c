/* SPDX-License-Identifier: Apache-2.0 */
/* A storage driver that lists in no order. */
#define BREAK_LIST_ORDER
#include "tiny_storage.h"

static const struct gty_driver *const drivers[] = { &tiny_storage, NULL };
GTY_PLUGIN("bad-storage-list-order", "1", "Apache-2.0", drivers);
