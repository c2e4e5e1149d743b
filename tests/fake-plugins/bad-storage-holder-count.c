/* SPDX-License-Identifier: Apache-2.0 */
/* A storage driver that counts holders instead of keeping a set. */
#define BREAK_HOLDER_COUNT
#include "tiny_storage.h"

static const struct gty_driver *const drivers[] = { &tiny_storage, NULL };
GTY_PLUGIN("bad-storage-holder-count", "1", "Apache-2.0", drivers);
