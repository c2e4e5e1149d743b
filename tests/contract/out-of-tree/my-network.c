/* SPDX-License-Identifier: Apache-2.0 */
/* A network driver that knows the installed headers only. */
#include "tiny_network.h"

static const struct gty_driver *const drivers[] = { &tiny_network, NULL };
GTY_PLUGIN("my-network", "0.1", "Apache-2.0", drivers);
