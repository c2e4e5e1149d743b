/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An endpoint is a veth: one end a port of the bridge, the other in the sandbox under its final name.  Until
 * it joins it is a place at the bridge and nothing in the kernel.
 */
#include "plugins/net-bridge/driver.h"

#include "lib/base/path.h"
#include "plugins/kit/call.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static int fail_full(struct gty_call *call, const char *net)
{
	return kit_fail(call, GTY_E_EXHAUSTED, EXFULL,
		"network '%s' is full: a bridge has at most %d ports; use a second network", net,
		BRIDGE_PORTS_MAX);
}

/* As Docker's addresses were for long: from the IP address, so that a neighbour's table stays true when the
 * address is given to another container. */
static void mac_for(const struct gty_endpoint *ep, uint8_t ret[6])
{
	uint32_t address;
	unsigned prefix;

	mac_of_id(ep->id, ret);
	for (uint32_t i = 0; i < ep->addrs_n; i++)
		if (ep->addrs[i].family == 4 && parse_cidr(ep->addrs[i].cidr, &address, &prefix) == 0) {
			memcpy(ret + 2, &address, 4);
			return;
		}
}

static int read_mac(const struct gty_endpoint *ep, uint8_t ret[6], struct gty_call *call)
{
	if (!ep->mac || !*ep->mac) {
		mac_for(ep, ret);
		return 0;
	}
	return parse_mac(ep->mac, ret) < 0
		       ? kit_fail(call, GTY_E_INVALID, EINVAL, "invalid MAC address '%s'", ep->mac)
		       : 0;
}

int port_create(struct gty_network *nw, struct gty_call *call, const struct gty_endpoint *req,
	struct gty_endpoint_rep *rep)
{
	struct bridge b;
	uint8_t mac[6];
	char text[18];

	if (!req->id || !*req->id || strlen(req->id) >= BRIDGE_ID_SIZE)
		return kit_fail(call, GTY_E_INVALID, EINVAL, "an endpoint needs an id");
	if (!bridge_find(nw, req->net, &b))
		return kit_fail(
			call, GTY_E_NOT_FOUND, ENOENT, "network %s not found", req->net ? req->net : "");
	int r = read_mac(req, mac, call);
	if (r < 0)
		return r;
	if (!(req->mac && *req->mac)) {
		rep->mac = call->strdup(call, format_mac(mac, text));
		if (!rep->mac)
			return kit_no_memory(call);
	}
	r = port_reserve(nw, req->id, req->net);
	if (r == -EXFULL)
		return fail_full(call, req->net);
	return r < 0 ? kit_no_memory(call) : 0;
}

int port_remove(struct gty_network *nw, struct gty_call *call, const struct gty_endpoint *req)
{
	(void)call;
	port_release(nw, req->id);
	return 0;
}

/* ---- join ------------------------------------------------------------------------------ */
static int make(struct gty_network *nw, struct bridge *b, struct link_veth *v)
{
	auto_batch struct netlink_batch batch = { 0 };

	v->bridge = b->index;
	link_add_veth(&batch, v);
	int r = netlink_commit(nw->nl, &batch, NULL);
	if (r == 0 || r == -EEXIST)
		return r;
	link_delete(&batch, 0, v->name);
	netlink_commit(nw->nl, &batch, NULL);
	return r;
}

/* A link of that name is there.  1: it is this endpoint's and in this sandbox; else it is in the way, and
 * goes. */
static int look(struct gty_network *nw, const struct link_veth *v, struct error *err)
{
	struct link_info info;
	int nsid = -1, r = link_get(nw->nl, v->name, &info);

	if (r == -ENODEV)
		return 0;
	if (r == 0)
		r = link_nsid(nw->nl, v->netns, &nsid);
	if (r < 0)
		return error_sys(err, -r, "cannot look at link '%s'", v->name);
	if (strcmp(info.alias, v->alias) != 0 && (info.alias[0] || strcmp(info.kind, "veth") != 0))
		return error_set(err, ERROR_CONFLICT, EEXIST,
			"the name '%s' is taken by a link that is not gantry's", v->name);
	if (nsid >= 0 && info.peer_nsid == nsid)
		return 1;
	auto_batch struct netlink_batch batch = { 0 };
	link_delete(&batch, info.index, NULL);
	r = netlink_commit(nw->nl, &batch, NULL);
	return r < 0 && r != -ENODEV ? error_sys(err, -r, "cannot delete link '%s'", v->name) : 0;
}

static int mend(struct gty_network *nw, const struct bridge *b, const struct link_veth *v)
{
	auto_batch struct netlink_batch batch = { 0 };
	struct link_change change = LINK_UNCHANGED;

	change.name = v->name;
	change.alias = v->alias;
	change.master = &b->index;
	change.up = 1;
	link_change(&batch, &change);
	link_set_hairpin(&batch, 0, v->name);
	return netlink_commit(nw->nl, &batch, NULL);
}

static int connect_veth(struct gty_network *nw, struct bridge *b, struct link_veth *v, struct error *err)
{
	int r = make(nw, b, v);

	if (r == -EEXIST) {
		r = look(nw, v, err);
		if (r < 0)
			return r;
		r = r == 1 ? mend(nw, b, v) : make(nw, b, v);
	}
	if ((r == -ENODEV || r == -EINVAL) && bridge_refresh(nw, b) == 0)
		r = make(nw, b, v);
	return r < 0 ? error_sys(err, -r, "cannot connect a container to bridge '%s'", b->link) : 0;
}

static int fill_reply(struct gty_call *call, const struct gty_join_req *req, const struct bridge *b,
	const struct link_veth *v, struct gty_join_rep *rep)
{
	struct gty_link *l = kit_alloc(call, 1, sizeof *l);
	char mac[18], gateway[INET_ADDRSTRLEN];

	if (!l)
		return kit_no_memory(call);
	l->where = GTY_LINK_SANDBOX;
	l->mtu = b->mtu;
	l->name = l->ifname = call->strdup(call, req->ifname);
	l->mac = call->strdup(call, format_mac(v->peer_mac, mac));
	l->host_ifname = call->strdup(call, v->name);
	rep->links = l;
	rep->links_n = 1;
	if (b->gateway) {
		inet_ntop(AF_INET, &b->address, gateway, sizeof gateway);
		rep->gw4 = call->strdup(call, gateway);
	} else {
		rep->flags = GTY_JOIN_NO_GATEWAY;
	}
	return l->name && l->mac && l->host_ifname && (rep->gw4 || !b->gateway) ? 0 : kit_no_memory(call);
}

int port_join(struct gty_network *nw, struct gty_call *call, const struct gty_join_req *req,
	struct gty_join_rep *rep)
{
	struct bridge b;
	struct error err = ERROR_INIT;
	char name[LINK_NAME_SIZE], alias[LINK_ALIAS_SIZE];
	struct link_veth v = { .name = name, .peer = req->ifname, .alias = alias, .netns = req->netns_fd };

	if (!bridge_find(nw, req->ep->net, &b))
		return kit_fail(call, GTY_E_NOT_FOUND, ENOENT, "network %s not found", req->ep->net);
	int r = read_mac(req->ep, v.peer_mac, call);
	if (r == 0)
		r = port_reserve(nw, req->ep->id, req->ep->net);
	if (r == -EXFULL)
		return fail_full(call, req->ep->net);
	if (r < 0)
		return r;
	port_link_name(req->ep->id, name);
	link_alias(nw, req->ep->id, alias);
	v.mtu = b.mtu;
	memcpy(v.mac, v.peer_mac, sizeof v.mac);
	v.mac[1] ^= 0x06; /* the two ends differ in one byte */
	reaper_take(nw->reaper, name);
	r = connect_veth(nw, &b, &v, &err);
	if (r == -EXFULL || r == -EMFILE)
		return fail_full(call, req->ep->net);
	return r < 0 ? kit_fail_error(call, &err) : fill_reply(call, req, &b, &v, rep);
}

/* ---- leave ------------------------------------------------------------------------------- */
int port_leave(struct gty_network *nw, struct gty_call *call, const struct gty_join_req *req)
{
	auto_batch struct netlink_batch batch = { 0 };
	struct link_change change = LINK_UNCHANGED;
	char name[LINK_NAME_SIZE];
	const int none = 0;

	port_link_name(req->ep->id, name);
	if (req->flags & GTY_JOIN_HOT) {
		/* The container runs on and must not see the link any more. */
		link_delete(&batch, 0, name);
	} else {
		/* Deleting waits 24 ms for RCU; the sandbox is about to die and takes the link with it. */
		change.name = name;
		change.master = &none;
		change.up = 0;
		link_change(&batch, &change);
	}
	int r = netlink_commit(nw->nl, &batch, NULL);
	if (r < 0 && r != -ENODEV)
		return kit_fail_sys(call, -r, "cannot disconnect link '%s'", name);
	if (r == 0 && !(req->flags & GTY_JOIN_HOT))
		reaper_put(nw->reaper, name);
	return 0;
}
