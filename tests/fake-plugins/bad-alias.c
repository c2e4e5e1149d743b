/* SPDX-License-Identifier: Apache-2.0 */
/* An alias with a slash. */
#include "tiny_auth.h"

static const char *const aliases[] = { "a/b", NULL };
static const struct gty_driver driver = { .struct_size = sizeof driver,
	.kind = GTY_KIND_AUTH,
	.name = "fake",
	.ops = &auth_ops,
	.abi_major = GTY_AUTH_ABI_MAJOR,
	.abi_minor = GTY_AUTH_ABI_MINOR,
	.aliases = aliases };
static const struct gty_driver *const drivers[] = { &driver, NULL };
GTY_PLUGIN("fake", "1", "Apache-2.0", drivers);
