/* SPDX-License-Identifier: Apache-2.0 */
/* The network kind as data: its records and its entries. */
#include "core/network/entries.h"

#define T struct gty_network_info
RECORD_SIZED(network_info, T, INT_(T, scope), INT_(T, connectivity), INT_(T, caps));
#undef T
#define T struct gty_pool
RECORD_PLAIN(pool, T, NAME_(T, subnet), NAME_(T, gateway), NAME_(T, range), LIST_(T, aux, aux_n, record_kv),
	INT_(T, family));
#undef T
#define T struct gty_network_req
RECORD_SIZED(network_req, T, INT_(T, flags), NEEDNAME_(T, id), NAME_(T, name), TEXT_(T, state),
	LIST_(T, pools, pools_n, pool), LIST_(T, opts, opts_n, record_kv),
	LIST_(T, labels, labels_n, record_kv));
#undef T
#define T struct gty_network_rep
RECORD_SIZED(network_rep, T, INT_(T, mtu), TEXT_(T, state), NAME_(T, host_link), INT_(T, facts),
	LIST_(T, shown, shown_n, record_kv), LIST_(T, pools, pools_n, pool));
#undef T
#define T struct gty_addr
RECORD_PLAIN(addr, T, NEEDNAME_(T, cidr), INT_(T, family), INT_(T, flags));
#undef T
#define T struct gty_route
RECORD_PLAIN(route, T, NAME_(T, dest), NAME_(T, via), NAME_(T, dev), INT_(T, kind), INT_(T, metric));
#undef T
#define T struct gty_port
RECORD_PLAIN(port, T, INT_(T, proto), INT_(T, container_port), INT_(T, host_port), INT_(T, count),
	NEEDNAME_(T, host_ip), INT_(T, flags));
#undef T
#define T struct gty_endpoint
RECORD_SIZED(endpoint, T, INT_(T, flags), NEEDNAME_(T, net), TEXT_(T, net_state), NEEDNAME_(T, id),
	TEXT_(T, state), NAME_(T, container), NAME_(T, container_name), NAME_(T, mac),
	LIST_(T, addrs, addrs_n, addr), LIST_(T, opts, opts_n, record_kv),
	LIST_(T, exposed, exposed_n, port));
#undef T
#define T struct gty_endpoint_rep
RECORD_SIZED(endpoint_rep, T, NAME_(T, mac), TEXT_(T, state), LIST_(T, addrs, addrs_n, addr));
#undef T
#define T struct gty_join_req
RECORD_SIZED(join_req, T, INT_(T, flags), PTR_(T, ep, endpoint), NAME_(T, sandbox), TEXT_(T, netns_path),
	FD_(T, netns_fd), NAME_(T, ifname), LIST_(T, ports, ports_n, port));
#undef T
#define T struct gty_link
RECORD_PLAIN(net_link, T, INT_(T, where), INT_(T, mtu), INT_(T, flags), NAME_(T, name), NAME_(T, ifname),
	NAME_(T, mac), LIST_(T, addrs, addrs_n, addr), NAME_(T, host_ifname));
#undef T
#define T struct gty_join_rep
RECORD_SIZED(join_rep, T, LIST_(T, links, links_n, net_link), LIST_(T, routes, routes_n, route),
	INT_(T, flags), NAME_(T, gw4), NAME_(T, gw6), LIST_(T, dns, dns_n, record_kv),
	LIST_(T, announce, announce_n, record_kv), TEXT_(T, state));
#undef T
#define T struct gty_publish_req
RECORD_SIZED(publish_req, T, INT_(T, flags), PTR_(T, ep, endpoint), LIST_(T, ports, ports_n, port),
	LIST_(T, had, had_n, port));
#undef T
#define T struct gty_publish_rep
RECORD_SIZED(publish_rep, T, LIST_(T, ports, ports_n, port), TEXT_(T, state));
#undef T
#define T struct gty_permit_req
RECORD_SIZED(permit_req, T, INT_(T, allow), PTR_(T, from, endpoint), PTR_(T, to, endpoint),
	LIST_(T, ports, ports_n, port));
#undef T
#define T struct gty_peer
RECORD_PLAIN(peer, T, NAME_(T, endpoint), NAME_(T, mac), NAME_(T, ip), NAME_(T, host),
	LIST_(T, more, more_n, record_kv), INT_(T, flags));
#undef T
#define T struct gty_peers_req
RECORD_SIZED(peers_req, T, INT_(T, op), NEEDNAME_(T, net), TEXT_(T, net_state), LIST_(T, v, n, peer));
#undef T
#define T struct network_attach_req
RECORD_SIZED(attach_req, T, INT_(T, flags), PTR_(T, join, join_req), LIST_(T, ports, ports_n, port));
#undef T
#define T struct network_attach_rep
RECORD_SIZED(
	attach_rep, T, SUB_(T, ep, endpoint_rep), SUB_(T, join, join_rep), SUB_(T, publish, publish_rep));
#undef T

ENTRY_RUN_LIFE(network)
ENTRY_RUN(network, recover, struct gty_recover_req, struct gty_recover_rep)
ENTRY_RUN_REP(network, status, struct gty_kvs)
ENTRY_RUN(network, network_create, struct gty_network_req, struct gty_network_rep)
ENTRY_RUN_REQ(network, network_remove, struct gty_ref)
ENTRY_RUN(network, endpoint_create, struct gty_endpoint, struct gty_endpoint_rep)
ENTRY_RUN_REQ(network, endpoint_remove, struct gty_endpoint)
ENTRY_RUN(network, join, struct gty_join_req, struct gty_join_rep)
ENTRY_RUN_REQ(network, leave, struct gty_join_req)
ENTRY_RUN(network, describe, struct gty_ref, struct gty_kvs)
ENTRY_RUN(network, publish, struct gty_publish_req, struct gty_publish_rep)
ENTRY_RUN(network, network_update, struct gty_network_req, struct gty_network_rep)
ENTRY_RUN(network, endpoint_update, struct gty_join_req, struct gty_join_rep)
ENTRY_RUN_REQ(network, permit, struct gty_permit_req)
ENTRY_RUN_REQ(network, peers, struct gty_peers_req)

static int check_attach(const struct facts *facts, const void *req, const void *rep, struct error *err)
{
	const struct network_attach_rep *a = rep;
	int r = network_check_endpoint(facts, req, &a->ep, err);

	if (r == 0)
		r = network_check_join(facts, req, &a->join, err);
	return r < 0 ? r : network_check_publish(facts, req, &a->publish, err);
}

static void order_network(const void *req, struct order_wants *ret)
{
	order_add(ret, 'n', ((const struct gty_network_req *)req)->id, true);
}

static void order_ref(const void *req, struct order_wants *ret)
{
	order_add(ret, 'n', ((const struct gty_ref *)req)->id, true);
}

static void order_endpoint(const void *req, struct order_wants *ret)
{
	const struct gty_endpoint *ep = req;

	order_add(ret, 'n', ep->net, false);
	order_add(ret, 'e', ep->id, true);
}

static void order_join(const void *req, struct order_wants *ret)
{
	order_endpoint(((const struct gty_join_req *)req)->ep, ret);
}

static void order_attach(const void *req, struct order_wants *ret)
{
	order_join(((const struct network_attach_req *)req)->join, ret);
}

static void order_publish(const void *req, struct order_wants *ret)
{
	order_endpoint(((const struct gty_publish_req *)req)->ep, ret);
}

static void order_permit(const void *req, struct order_wants *ret)
{
	order_endpoint(((const struct gty_permit_req *)req)->from, ret);
	order_endpoint(((const struct gty_permit_req *)req)->to, ret);
}

static void order_peers(const void *req, struct order_wants *ret)
{
	const struct gty_peers_req *q = req;

	order_add(ret, 'n', q->net, false);
	order_add(ret, 'p', q->net, true);
}

static void order_alone(const void *req, struct order_wants *ret)
{
	(void)req;
	order_add_driver(ret, true);
}

static bool undo_network(const void *req, const void *rep, void *ret)
{
	const struct gty_network_req *q = req;
	struct gty_ref *ref = ret;

	ref->id = q->id;
	ref->state = ((const struct gty_network_rep *)rep)->state;
	return !(q->flags & GTY_NET_RESTORE);
}

static bool undo_endpoint(const void *req, const void *rep, void *ret)
{
	struct gty_endpoint *ep = ret;

	*ep = *(const struct gty_endpoint *)req;
	if (((const struct gty_endpoint_rep *)rep)->state)
		ep->state = ((const struct gty_endpoint_rep *)rep)->state;
	return true;
}

static bool undo_join(const void *req, const void *rep, void *ret)
{
	(void)rep;
	*(struct gty_join_req *)ret = *(const struct gty_join_req *)req;
	return !(((const struct gty_join_req *)req)->flags & GTY_JOIN_RESTORE);
}

static bool undo_attach(const void *req, const void *rep, void *ret)
{
	(void)rep;
	*(struct gty_join_req *)ret = *((const struct network_attach_req *)req)->join;
	return true;
}

static bool undo_publish(const void *req, const void *rep, void *ret)
{
	const struct gty_publish_req *q = req;
	struct gty_publish_req *back = ret;

	(void)rep;
	*back = *q;
	back->ports = q->had;
	back->ports_n = q->had_n;
	back->had = q->ports;
	back->had_n = q->ports_n;
	return true;
}

#define SLOT(e)       .name = #e, .slot = offsetof(struct gty_network_ops, e), .run = run_##e
#define SUBJECT(t, m) .subject = offsetof(struct t, m)
static const struct entry entries[] = {
	[ENTRY_PROBE] = { SLOT(probe), .req = &record_open, .timeout_s = 5, .order = order_alone },
	[ENTRY_OPEN] = { SLOT(open), .req = &record_open, .rep = &network_info, .undo = ENTRY_CLOSE + 1,
		.order = order_alone },
	[ENTRY_CLOSE] = { SLOT(close), .order = order_alone },
	[NETWORK_RECOVER] = { SLOT(recover), .req = &record_recover_req, .rep = &record_recover_rep,
		.timeout_s = 120, .order = order_alone },
	[NETWORK_STATUS] = { SLOT(status), .rep = &record_kvs, .timeout_s = 5 },
	[NETWORK_CREATE] = { SLOT(network_create), .req = &network_req, .rep = &network_rep,
		SUBJECT(gty_network_req, id), .check = network_check_network, .order = order_network,
		.undo = NETWORK_REMOVE + 1, .fill_undo = undo_network },
	[NETWORK_REMOVE] = { SLOT(network_remove), .req = &record_ref, SUBJECT(gty_ref, id),
		.order = order_ref },
	[NETWORK_ENDPOINT_CREATE] = { SLOT(endpoint_create), .req = &endpoint, .rep = &endpoint_rep,
		SUBJECT(gty_endpoint, id), .check = network_check_endpoint, .order = order_endpoint,
		.undo = NETWORK_ENDPOINT_REMOVE + 1, .fill_undo = undo_endpoint },
	[NETWORK_ENDPOINT_REMOVE] = { SLOT(endpoint_remove), .req = &endpoint, SUBJECT(gty_endpoint, id),
		.order = order_endpoint },
	[NETWORK_JOIN] = { SLOT(join), .req = &join_req, .rep = &join_rep, SUBJECT(gty_join_req, sandbox),
		.check = network_check_join, .order = order_join, .undo = NETWORK_LEAVE + 1,
		.fill_undo = undo_join },
	[NETWORK_LEAVE] = { SLOT(leave), .req = &join_req, SUBJECT(gty_join_req, sandbox),
		.order = order_join },
	[NETWORK_DESCRIBE] = { SLOT(describe), .req = &record_ref, .rep = &record_kvs, SUBJECT(gty_ref, id),
		.timeout_s = 5 },
	[NETWORK_PUBLISH] = { SLOT(publish), .req = &publish_req, .rep = &publish_rep,
		.class = ENTRY_OPTIONAL, .check = network_check_publish, .order = order_publish,
		.undo = NETWORK_PUBLISH + 1, .fill_undo = undo_publish },
	[NETWORK_UPDATE] = { SLOT(network_update), .req = &network_req, .rep = &network_rep,
		.class = ENTRY_OPTIONAL, SUBJECT(gty_network_req, id), .check = network_check_network,
		.order = order_network },
	[NETWORK_ENDPOINT_UPDATE] = { SLOT(endpoint_update), .req = &join_req, .rep = &join_rep,
		.class = ENTRY_OPTIONAL, SUBJECT(gty_join_req, sandbox), .check = network_check_join,
		.order = order_join },
	[NETWORK_PERMIT] = { SLOT(permit), .req = &permit_req, .class = ENTRY_OPTIONAL,
		.order = order_permit },
	[NETWORK_PEERS] = { SLOT(peers), .req = &peers_req, .class = ENTRY_OPTIONAL,
		SUBJECT(gty_peers_req, net), .order = order_peers },
	[NETWORK_ATTACH] = { .name = "attach",
		.slot = offsetof(struct gty_network_ops, join),
		.class = ENTRY_MADE,
		.run = network_attach_run,
		.req = &attach_req,
		.rep = &attach_rep,
		.check = check_attach,
		.order = order_attach,
		.undo = NETWORK_DETACH + 1,
		.fill_undo = undo_attach },
	[NETWORK_DETACH] = { .name = "detach",
		.slot = offsetof(struct gty_network_ops, leave),
		.class = ENTRY_MADE,
		.run = network_detach_run,
		.req = &join_req,
		SUBJECT(gty_join_req, sandbox),
		.order = order_join },
};

static const struct cap_rule caps[] = {
	{ GTY_NETWORK_CAP_PUBLISH, "CAP_PUBLISH", NETWORK_PUBLISH },
	{ GTY_NETWORK_CAP_PUBLISH_AT_JOIN, "CAP_PUBLISH_AT_JOIN", -1 },
	{ GTY_NETWORK_CAP_PORT_ALLOC, "CAP_PORT_ALLOC", NETWORK_PUBLISH },
	{ GTY_NETWORK_CAP_OWN_IPAM, "CAP_OWN_IPAM", -1 },
	{ GTY_NETWORK_CAP_IPV6, "CAP_IPV6", -1 },
	{ GTY_NETWORK_CAP_HOST, "CAP_HOST", -1 },
	{ GTY_NETWORK_CAP_NONE, "CAP_NONE", -1 },
	{ GTY_NETWORK_CAP_NO_GATEWAY, "CAP_NO_GATEWAY", -1 },
	{ GTY_NETWORK_CAP_HOT, "CAP_HOT", -1 },
	{ GTY_NETWORK_CAP_PEERS, "CAP_PEERS", NETWORK_PEERS },
	{ GTY_NETWORK_CAP_SINGLE, "CAP_SINGLE", -1 },
	{ GTY_NETWORK_CAP_NETNS_PATH, "CAP_NETNS_PATH", -1 },
	{ 0 },
};

static int check_caps(uint64_t c, struct error *err)
{
	if ((c & GTY_NETWORK_CAP_HOST) && (c & GTY_NETWORK_CAP_NONE))
		return error_invalid(err, "open() answered both CAP_HOST and CAP_NONE");
	return 0;
}

const struct kind network_kind = { .id = GTY_KIND_NETWORK,
	.name = "network",
	.abi_major = GTY_NETWORK_ABI_MAJOR,
	.abi_minor = GTY_NETWORK_ABI_MINOR,
	.ops_size = sizeof(struct gty_network_ops),
	.entries_n = NETWORK_ENTRIES,
	.entries = entries,
	.caps = caps,
	.check_caps = check_caps,
	.caps_offset = offsetof(struct gty_network_info, caps) };
