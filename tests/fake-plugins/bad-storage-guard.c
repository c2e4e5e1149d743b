/* SPDX-License-Identifier: Apache-2.0 */
/* A storage driver that writes behind the reply that the core gave. */
#define BREAK_GUARD
#include "tiny_storage.h"

static const struct gty_driver *const drivers[] = { &tiny_storage, NULL };
GTY_PLUGIN("bad-storage-guard", "1", "Apache-2.0", drivers);
