/* SPDX-License-Identifier: Apache-2.0 */
/* A storage driver that unmounting the unknown fails. */
#define BREAK_UNMOUNT_UNKNOWN
#include "tiny_storage.h"

static const struct gty_driver *const drivers[] = { &tiny_storage, NULL };
GTY_PLUGIN("bad-storage-unmount-unknown", "1", "Apache-2.0", drivers);
