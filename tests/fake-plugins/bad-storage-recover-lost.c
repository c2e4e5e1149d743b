/* SPDX-License-Identifier: Apache-2.0 */
/* A storage driver that does not say what is lost. */
#define BREAK_RECOVER_LOST
#include "tiny_storage.h"

static const struct gty_driver *const drivers[] = { &tiny_storage, NULL };
GTY_PLUGIN("bad-storage-recover-lost", "1", "Apache-2.0", drivers);
