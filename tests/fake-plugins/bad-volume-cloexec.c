/* SPDX-License-Identifier: Apache-2.0 */
/* A volume driver whose descriptors leak into every program. */
#define TINY_VOLUME_FLAGS 0
#include "tiny_volume.h"

static const struct gty_driver *const drivers[] = { &tiny_volume, NULL };
GTY_PLUGIN("bad-volume-cloexec", "1", "Apache-2.0", drivers);
