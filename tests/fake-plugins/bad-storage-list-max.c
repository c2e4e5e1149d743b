/* SPDX-License-Identifier: Apache-2.0 */
/* A storage driver that ignores the size of a page. */
#define BREAK_LIST_MAX
#include "tiny_storage.h"

static const struct gty_driver *const drivers[] = { &tiny_storage, NULL };
GTY_PLUGIN("bad-storage-list-max", "1", "Apache-2.0", drivers);
