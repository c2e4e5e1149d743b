/* SPDX-License-Identifier: Apache-2.0 */
/* Cannot work on this machine: no fault of the plugin. */
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#define TINY_PROBE return call->fail(call, GTY_E_UNSUPPORTED, ENODEV, "no such device here")
#include "tiny_auth.h"

static const struct gty_driver driver = TINY_AUTH_DRIVER("probe-refuses");
static const struct gty_driver *const drivers[] = { &driver, NULL };
GTY_PLUGIN("fake", "1", "Apache-2.0", drivers);
