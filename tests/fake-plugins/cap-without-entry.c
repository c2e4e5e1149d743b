/* SPDX-License-Identifier: Apache-2.0 */
/* Says that it judges replies, and has no such entry: seen at open. */
#define TINY_AUTH_CAPS (GTY_AUTH_CAP_AUTHN | GTY_AUTH_CAP_REPLY)
#include "tiny_auth.h"

static const struct gty_driver driver = TINY_AUTH_DRIVER("cap-without-entry");
static const struct gty_driver *const drivers[] = { &driver, NULL };
GTY_PLUGIN("fake", "1", "Apache-2.0", drivers);
