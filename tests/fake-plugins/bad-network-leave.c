/* SPDX-License-Identifier: Apache-2.0 */
/* A network driver that cannot leave twice. */
#define TINY_LEAVE       \
	static int left; \
	return left++ ? call->fail(call, GTY_E_NOT_FOUND, ENOENT, "never joined") : 0
#include "tiny_network.h"

static const struct gty_driver *const drivers[] = { &tiny_network, NULL };
GTY_PLUGIN("bad-network-leave", "1", "Apache-2.0", drivers);
