/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin without faults, of all four kinds. */
#include "tiny_auth.h"
#include "tiny_network.h"
#include "tiny_storage.h"
#include "tiny_volume.h"

static int init(struct gty_call *call)
{
	(void)call;
	return 0;
}

static void fini(void)
{
}

static const struct gty_driver tiny_auth = TINY_AUTH_DRIVER("tiny");
static const struct gty_driver *const drivers[] = { &tiny_storage, &tiny_network, &tiny_volume, &tiny_auth,
	NULL };
GTY_PLUGIN_INIT("good", "1.0", "Apache-2.0", drivers, init, fini);
