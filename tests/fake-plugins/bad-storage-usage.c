/* SPDX-License-Identifier: Apache-2.0 */
/* A storage driver that says that nothing uses space. */
#define BREAK_USAGE
#include "tiny_storage.h"

static const struct gty_driver *const drivers[] = { &tiny_storage, NULL };
GTY_PLUGIN("bad-storage-usage", "1", "Apache-2.0", drivers);
