/* SPDX-License-Identifier: Apache-2.0 */
/* Made with a later SDK. */
#include "tiny_auth.h"

static const struct gty_driver driver = TINY_AUTH_DRIVER("fake");
static const struct gty_driver *const drivers[] = { &driver, NULL };
GTY_EXPORT extern const struct gty_plugin gantry_plugin;
const struct gty_plugin gantry_plugin = { GTY_PLUGIN_MAGIC, sizeof gantry_plugin, GTY_SDK_MAJOR + 1, 0, 0,
	"fake", "1", "Apache-2.0", NULL, drivers, NULL, NULL };
