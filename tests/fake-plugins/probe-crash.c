/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes in probe. */
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#define TINY_PROBE      \
	raise(SIGABRT); \
	return 0
#include "tiny_auth.h"

static const struct gty_driver driver = TINY_AUTH_DRIVER("probe-crash");
static const struct gty_driver *const drivers[] = { &driver, NULL };
GTY_PLUGIN("fake", "1", "Apache-2.0", drivers);
