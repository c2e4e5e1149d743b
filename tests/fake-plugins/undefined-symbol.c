/* SPDX-License-Identifier: Apache-2.0 */
/* Calls what is nowhere. */
void gantry_test_nowhere(void);
#define TINY_PROBE             \
	gantry_test_nowhere(); \
	return 0
#include "tiny_auth.h"

static const struct gty_driver driver = TINY_AUTH_DRIVER("fake");
static const struct gty_driver *const drivers[] = { &driver, NULL };
GTY_PLUGIN("fake", "1", "Apache-2.0", drivers);
