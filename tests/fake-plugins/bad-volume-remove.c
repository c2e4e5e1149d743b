/* SPDX-License-Identifier: Apache-2.0 */
/* A volume driver whose removal of the unknown fails. */
#define TINY_VOLUME_REMOVED 1
#include "tiny_volume.h"

static const struct gty_driver *const drivers[] = { &tiny_volume, NULL };
GTY_PLUGIN("bad-volume-remove", "1", "Apache-2.0", drivers);
