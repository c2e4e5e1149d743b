/* SPDX-License-Identifier: Apache-2.0 */
/* A storage driver that declares a whiteout style that its trees do not honour. */
#define BREAK_WHITEOUT
#include "tiny_storage.h"

static const struct gty_driver *const drivers[] = { &tiny_storage, NULL };
GTY_PLUGIN("bad-storage-whiteout", "1", "Apache-2.0", drivers);
