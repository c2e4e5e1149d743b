/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes while it is loaded. */
#include "tiny_auth.h"

#include <signal.h>
#include <unistd.h>

__attribute__((constructor)) static void at_load(void)
{
	raise(SIGKILL);
}
static const struct gty_driver driver = TINY_AUTH_DRIVER("fake");
static const struct gty_driver *const drivers[] = { &driver, NULL };
GTY_PLUGIN("fake", "1", "Apache-2.0", drivers);
