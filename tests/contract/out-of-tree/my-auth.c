/* SPDX-License-Identifier: Apache-2.0 */
/* An auth driver that knows the installed headers only. */
#include "tiny_auth.h"

static const struct gty_driver tiny_auth = TINY_AUTH_DRIVER("tiny");
static const struct gty_driver *const drivers[] = { &tiny_auth, NULL };
GTY_PLUGIN("my-auth", "0.1", "Apache-2.0", drivers);
