/* SPDX-License-Identifier: Apache-2.0 */
/* A storage driver that knows the installed headers only. */
#include "tiny_storage.h"

static const struct gty_driver *const drivers[] = { &tiny_storage, NULL };
GTY_PLUGIN("my-storage", "0.1", "Apache-2.0", drivers);
