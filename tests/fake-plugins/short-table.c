/* SPDX-License-Identifier: Apache-2.0 */
/* An ops table of another header. */
#include "tiny_auth.h"

static struct gty_auth_ops short_ops = { .struct_size = sizeof short_ops - 8,
	.probe = auth_probe,
	.open = auth_open,
	.close = auth_close,
	.status = auth_status,
	.authenticate = authenticate };
static const struct gty_driver driver = { .struct_size = sizeof driver,
	.kind = GTY_KIND_AUTH,
	.name = "fake",
	.abi_major = GTY_AUTH_ABI_MAJOR,
	.abi_minor = GTY_AUTH_ABI_MINOR,
	.ops = &short_ops };
static const struct gty_driver *const drivers[] = { &driver, NULL };
extern const void *const fake_unused[];
const void *const fake_unused[] = { &auth_ops };
GTY_PLUGIN("fake", "1", "Apache-2.0", drivers);
