/* SPDX-License-Identifier: Apache-2.0 */
/* An empty list of drivers. */
#include <gantry/plugin.h>

static const struct gty_driver *const drivers[] = { NULL };
GTY_PLUGIN("fake", "1", "Apache-2.0", drivers);
