/* SPDX-License-Identifier: Apache-2.0 */
/* A network driver that answers a link which is not there. */
#define TINY_JOIN                                                                                           \
	static const struct gty_link l = { .where = GTY_LINK_SANDBOX, .name = "ghost0", .ifname = "eth0" }; \
	rep->links = &l;                                                                                    \
	rep->links_n = 1
#include "tiny_network.h"

static const struct gty_driver *const drivers[] = { &tiny_network, NULL };
GTY_PLUGIN("bad-network-link", "1", "Apache-2.0", drivers);
