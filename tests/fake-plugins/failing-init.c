/* SPDX-License-Identifier: Apache-2.0 */
/* Its init() says no. */
#include "tiny_auth.h"

static int init(struct gty_call *call)
{
	return call->fail(call, GTY_E_UNAVAILABLE, ENODEV, "the moon is not full");
}
static const struct gty_driver driver = TINY_AUTH_DRIVER("fake");
static const struct gty_driver *const drivers[] = { &driver, NULL };
GTY_PLUGIN_INIT("fake", "1", "Apache-2.0", drivers, init, NULL);
