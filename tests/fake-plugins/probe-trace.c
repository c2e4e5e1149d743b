/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves a folder behind in probe. */
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#define TINY_PROBE return mkdirat(req->root_fd, "left", 0700)
#include "tiny_auth.h"

static const struct gty_driver driver = TINY_AUTH_DRIVER("probe-trace");
static const struct gty_driver *const drivers[] = { &driver, NULL };
GTY_PLUGIN("fake", "1", "Apache-2.0", drivers);
