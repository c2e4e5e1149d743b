/* SPDX-License-Identifier: Apache-2.0 */
/* A storage driver that forgets what the parent held. */
#define BREAK_PARENT
#include "tiny_storage.h"

static const struct gty_driver *const drivers[] = { &tiny_storage, NULL };
GTY_PLUGIN("bad-storage-parent", "1", "Apache-2.0", drivers);
