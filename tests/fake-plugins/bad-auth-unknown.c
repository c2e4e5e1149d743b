/* SPDX-License-Identifier: Apache-2.0 */
/* An auth driver that waves unknown traits through. */
#include <gantry/auth.h>
#undef GTY_TRAIT_UNKNOWN
#define GTY_TRAIT_UNKNOWN UINT64_C(0)
#include "tiny_auth.h"

static const struct gty_driver driver = TINY_AUTH_DRIVER("tiny");
static const struct gty_driver *const drivers[] = { &driver, NULL };
GTY_PLUGIN("bad-auth-unknown", "1", "Apache-2.0", drivers);
