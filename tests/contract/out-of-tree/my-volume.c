/* SPDX-License-Identifier: Apache-2.0 */
/* A volume driver that knows the installed headers only. */
#include "tiny_volume.h"

static const struct gty_driver *const drivers[] = { &tiny_volume, NULL };
GTY_PLUGIN("my-volume", "0.1", "Apache-2.0", drivers);
