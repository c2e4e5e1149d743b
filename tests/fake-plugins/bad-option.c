/* SPDX-License-Identifier: Apache-2.0 */
/* A declared option of an unknown type. */
#include "tiny_auth.h"

static const struct gty_option options[] = { { "speed", "furlongs", NULL, "", GTY_OPT_DRIVER, 0, 0 }, { 0 } };
static const struct gty_driver driver = { .struct_size = sizeof driver,
	.kind = GTY_KIND_AUTH,
	.name = "fake",
	.ops = &auth_ops,
	.abi_major = GTY_AUTH_ABI_MAJOR,
	.abi_minor = GTY_AUTH_ABI_MINOR,
	.options = options };
static const struct gty_driver *const drivers[] = { &driver, NULL };
GTY_PLUGIN("fake", "1", "Apache-2.0", drivers);
