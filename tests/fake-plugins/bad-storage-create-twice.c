/* SPDX-License-Identifier: Apache-2.0 */
/* A storage driver that a second create makes an empty layer of a full one. */
#define BREAK_CREATE_TWICE
#include "tiny_storage.h"

static const struct gty_driver *const drivers[] = { &tiny_storage, NULL };
GTY_PLUGIN("bad-storage-create-twice", "1", "Apache-2.0", drivers);
