/* SPDX-License-Identifier: Apache-2.0 */
/* A driver whose name nobody could type. */
#include "tiny_auth.h"

static const struct gty_driver driver = { .struct_size = sizeof driver,
	.kind = GTY_KIND_AUTH,
	.name = "Fake Driver",
	.ops = &auth_ops,
	.abi_major = GTY_AUTH_ABI_MAJOR,
	.abi_minor = GTY_AUTH_ABI_MINOR,
	.help = "" };
static const struct gty_driver *const drivers[] = { &driver, NULL };
GTY_PLUGIN("fake", "1", "Apache-2.0", drivers);
