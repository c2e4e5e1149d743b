/* SPDX-License-Identifier: Apache-2.0 */
/* A kind that nobody knows. */
#include "tiny_auth.h"

static const struct gty_driver driver = {
	.struct_size = sizeof driver, .kind = 77, .name = "fake", .ops = &auth_ops
};
static const struct gty_driver *const drivers[] = { &driver, NULL };
GTY_PLUGIN("fake", "1", "Apache-2.0", drivers);
