/* SPDX-License-Identifier: Apache-2.0 */
/* No status, which every auth driver has. */
#include "tiny_auth.h"

static const struct gty_auth_ops few_ops = { .struct_size = sizeof few_ops,
	.probe = auth_probe,
	.open = auth_open,
	.close = auth_close,
	.authenticate = authenticate };
static const struct gty_driver driver = { .struct_size = sizeof driver,
	.kind = GTY_KIND_AUTH,
	.name = "fake",
	.abi_major = GTY_AUTH_ABI_MAJOR,
	.abi_minor = GTY_AUTH_ABI_MINOR,
	.ops = &few_ops };
static const struct gty_driver *const drivers[] = { &driver, NULL };
extern const void *const fake_unused[];
const void *const fake_unused[] = { &auth_ops };
GTY_PLUGIN("fake", "1", "Apache-2.0", drivers);
