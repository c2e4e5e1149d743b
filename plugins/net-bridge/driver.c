/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks as Linux bridges.  What is made here: bridges and veths, all with the alias
 * "gantry:<instance>:<id>". Addresses inside, routes, names, the firewall and published ports are the
 * engine's.
 */
#include "plugins/net-bridge/driver.h"

#include "lib/base/path.h"
#include "plugins/kit/call.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

static int probe(const struct gty_host *host, struct gty_call *call, const struct gty_open *req)
{
	struct netlink *nl = NULL;
	struct error err = ERROR_INIT;
	struct link_info lo;

	(void)host;
	(void)req;
	int r = netlink_open(NETLINK_ROUTE, &nl, &err);
	if (r < 0)
		return kit_fail_error(call, &err);
	r = link_get(nl, "lo", &lo);
	netlink_close(nl);
	return r < 0 ? kit_fail_sys(call, -r, "cannot ask for links") : 0;
}

static void close_driver(struct gty_network *nw)
{
	if (!nw)
		return;
	reaper_free(nw->reaper);
	ports_clear(nw);
	while (nw->bridges) {
		struct bridge *b = nw->bridges;
		nw->bridges = b->next;
		free(b);
	}
	netlink_close(nw->nl);
	pthread_mutex_destroy(&nw->lock);
	free(nw);
}

static int open_driver(const struct gty_host *host, struct gty_call *call, const struct gty_open *req,
	struct gty_network **ret, struct gty_network_info *info)
{
	struct gty_network *nw = calloc(1, sizeof *nw);
	struct error err = ERROR_INIT;

	(void)req;
	if (!nw)
		return kit_no_memory(call);
	nw->host = host;
	pthread_mutex_init(&nw->lock, NULL);
	int r = netlink_open(NETLINK_ROUTE, &nw->nl, &err);
	if (r < 0)
		r = kit_fail_error(call, &err);
	else if ((r = reaper_new(nw, &nw->reaper)) < 0)
		r = kit_fail_sys(call, -r, "cannot start a thread");
	if (r < 0) {
		close_driver(nw);
		return r;
	}
	info->caps = GTY_NETWORK_CAP_HOT;
	*ret = nw;
	return 0;
}

static int status(struct gty_network *nw, struct gty_call *call, struct gty_kvs *rep)
{
	unsigned bridges = 0, ports = 0;
	char text[16];

	pthread_mutex_lock(&nw->lock);
	for (const struct bridge *b = nw->bridges; b; b = b->next) {
		bridges++;
		ports += b->ports;
	}
	pthread_mutex_unlock(&nw->lock);
	path_format(text, sizeof text, "%u", bridges);
	if (!kit_kvs_put(call, rep, 2, "Bridges", text))
		return kit_no_memory(call);
	path_format(text, sizeof text, "%u", ports);
	return kit_kvs_put(call, rep, 2, "Ports", text) ? 0 : kit_no_memory(call);
}

static int describe(
	struct gty_network *nw, struct gty_call *call, const struct gty_ref *ref, struct gty_kvs *rep)
{
	struct bridge b;
	char name[LINK_NAME_SIZE];

	if (ref->parent) {
		port_link_name(ref->id, name);
		return kit_kvs_put(call, rep, 1, "host_link", name) ? 0 : kit_no_memory(call);
	}
	if (!bridge_find(nw, ref->id, &b))
		return kit_fail(
			call, GTY_E_NOT_FOUND, ENOENT, "network %s not found", ref->id ? ref->id : "");
	return kit_kvs_put(call, rep, 1, "bridge", b.link) ? 0 : kit_no_memory(call);
}

static const struct gty_network_ops ops = {
	.struct_size = sizeof ops,
	.probe = probe,
	.open = open_driver,
	.close = close_driver,
	.recover = bridge_recover,
	.status = status,
	.network_create = bridge_create,
	.network_remove = bridge_remove,
	.endpoint_create = port_create,
	.endpoint_remove = port_remove,
	.join = port_join,
	.leave = port_leave,
	.describe = describe,
};

#define NETWORK(key, type, fallback, help)                                            \
	{                                                                             \
		"com.docker.network." key, type, fallback, help, GTY_OPT_OBJECT, 0, 0 \
	}
static const struct gty_option options[] = {
	NETWORK("bridge.name", "string", NULL,
		"the bridge's name; one that is there is used and never removed"),
	NETWORK("bridge.enable_icc", "string", NULL, "containers reach each other"),
	NETWORK("bridge.enable_ip_masquerade", "string", NULL, "what leaves bears the host's address"),
	NETWORK("bridge.inhibit_ipv4", "string", NULL, "the bridge has no address"),
	NETWORK("bridge.gateway_mode_ipv4", "string", NULL, "nat, routed, nat-unprotected, or isolated"),
	NETWORK("driver.mtu", "string", NULL, "largest packet"),
	{ 0 },
};

static const struct gty_driver driver = {
	.struct_size = sizeof driver,
	.kind = GTY_KIND_NETWORK,
	.abi_major = GTY_NETWORK_ABI_MAJOR,
	.abi_minor = GTY_NETWORK_ABI_MINOR,
	.priority = 10,
	.flags = GTY_DRIVER_ANY_OPTIONS, /* as Docker's: what it does not know is kept and has no effect */
	.name = "bridge",
	.help = "Linux bridges on this host",
	.options = options,
	.ops = &ops,
};
static const struct gty_driver *const drivers[] = { &driver, NULL };

GTY_PLUGIN("net-bridge", GANTRY_VERSION, "Apache-2.0", drivers);
