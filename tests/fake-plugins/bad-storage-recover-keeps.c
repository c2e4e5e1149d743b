/* SPDX-License-Identifier: Apache-2.0 */
/* A storage driver that keeps what the engine does not know. */
#define BREAK_RECOVER_KEEPS
#include "tiny_storage.h"

static const struct gty_driver *const drivers[] = { &tiny_storage, NULL };
GTY_PLUGIN("bad-storage-recover-keeps", "1", "Apache-2.0", drivers);
