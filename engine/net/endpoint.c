/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints: an address, the driver's part, and the link as it lies in the sandbox. */
#include "engine/net/object.h"

#include "core/plugin/call.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OPTS_MAX   64
#define IFNAME_KEY "com.docker.network.endpoint.ifname"
#define PREFIX_KEY "com.docker.network.container_iface_prefix"

struct net_endpoint *endpoint_new(struct nw *nw, struct net_member *m)
{
	struct net_endpoint *ep = calloc(1, sizeof *ep);

	if (!ep)
		return NULL;
	id_new(ep->id);
	ep->nw = nw;
	ep->member = m;
	return ep;
}

void endpoint_free(struct net_endpoint *ep)
{
	if (!ep)
		return;
	free(ep->state);
	free(ep);
}

void endpoint_link(struct net_endpoint *ep)
{
	ep->next_nw = ep->nw->endpoints;
	ep->nw->endpoints = ep;
}

void endpoint_unlink(struct net_endpoint *ep)
{
	struct net_endpoint **p = &ep->nw->endpoints;

	while (*p && *p != ep)
		p = &(*p)->next_nw;
	if (*p)
		*p = ep->next_nw;
}

/* ---- addresses -------------------------------------------------------------------------- */
static const struct net_endpoint *holder_of(const struct nw *nw, uint32_t address)
{
	const struct net_endpoint *ep = nw->endpoints;

	while (ep && ep->address != address)
		ep = ep->next_nw;
	return ep;
}

static bool wait_for_address(struct net *net, struct nw *nw, uint32_t address, int64_t deadline)
{
	const struct net_endpoint *holder = holder_of(nw, address);

	if (holder && !holder->member) { /* a spare's */
		net_unlock(net);
		bool freed = spares_yield(net, nw, address);
		net_lock(net);
		return freed;
	}
	return holder && holder->member->ending && net_wait(net, deadline);
}

static bool wait_for_any(struct net *net, struct nw *nw, int64_t deadline)
{
	const struct net_endpoint *ep = nw->endpoints;

	net_unlock(net);
	bool freed = spares_yield(net, nw, 0);
	net_lock(net);
	if (freed)
		return true;
	while (ep && !(ep->member && ep->member->ending))
		ep = ep->next_nw;
	return ep && net_wait(net, deadline);
}

int endpoint_take_address(struct net_endpoint *ep, uint32_t address, struct error *err)
{
	struct nw *nw = ep->nw;
	int64_t deadline = clock_mono_ns() + NET_WAIT_S * CLOCK_S;
	struct net *net = ep->member->net;
	char text[ADDRESS_SIZE];
	int r;

	if (!nw->pool)
		return 0;
	net_lock(net);
	do
		r = address ? ipam_take_exact(nw->pool, address) : ipam_take(nw->pool, &ep->address);
	while ((r == -EADDRINUSE && wait_for_address(net, nw, address, deadline)) ||
		(r == -ENOSPC && wait_for_any(net, nw, deadline)));
	if (r == 0 && address)
		ep->address = address;
	ep->prefix = nw->subnet.prefix;
	net_unlock(net);
	if (r == -EADDRINUSE)
		return error_set(err, ERROR_DENIED, EADDRINUSE, "Address already in use");
	if (r == -ENOSPC)
		return error_set(err, ERROR_EXHAUSTED, ENOSPC,
			"no available IPv4 addresses on this network's address pools: %s (%s)", nw->name,
			nw->id);
	return r < 0 ? error_invalid(err, "no configured subnet or ip-range contain the IP address %s",
			       address_format(address, text))
		     : 0;
}

void endpoint_drop_address(struct net_endpoint *ep)
{
	if (ep->nw->pool && ep->address)
		ipam_release(ep->nw->pool, ep->address);
	ep->address = 0;
}

/* ---- the driver's part ---------------------------------------------------------------------- */
struct request {
	struct gty_endpoint ep;
	struct gty_addr addr;
	char cidr[CIDR_SIZE];
	struct gty_kv opts[OPTS_MAX];
};

static void fill(struct request *q, const struct net_endpoint *ep, const struct net_want *want)
{
	const struct net_member *m = ep->member;

	*q = (struct request){ .ep = { .net = ep->nw->id,
				       .net_state = ep->nw->state,
				       .id = ep->id,
				       .state = ep->state,
				       .container = m ? m->id : NULL,
				       .container_name = m ? m->name : NULL,
				       .mac = ep->mac[0] ? ep->mac : NULL } };
	if (ep->address) {
		q->addr.cidr = cidr_format(ep->address, ep->prefix, q->cidr);
		q->addr.family = 4;
		q->ep.addrs = &q->addr;
		q->ep.addrs_n = 1;
	}
	json_each (want ? json_at(want->config, "DriverOpts") : NULL, it)
		if (q->ep.opts_n < OPTS_MAX && json_string(it.value))
			q->opts[q->ep.opts_n++] = (struct gty_kv){ it.key, json_string(it.value) };
	q->ep.opts = q->opts;
}

static int no_driver(const struct nw *nw, struct error *err)
{
	return error_set(err, ERROR_UNAVAILABLE, ENOENT, "network driver '%s' of network %s is gone",
		nw->driver_name, nw->name);
}

static int keep_state(struct net_endpoint *ep, const char *state)
{
	char *copy = state ? strdup(state) : NULL;

	if (state && !copy)
		return -ENOMEM;
	free(ep->state);
	ep->state = copy;
	return 0;
}

static int reserve(struct net_endpoint *ep, const struct net_want *want, struct error *err)
{
	struct request q;
	auto_reply struct gty_endpoint_rep *rep = NULL;

	if (want && want->has_mac)
		mac_format(want->mac, ep->mac);
	fill(&q, ep, want);
	int r = network_endpoint_create(ep->nw->driver->front, &q.ep, NULL, &rep, err);
	if (r < 0)
		return r;
	if (rep->mac && !ep->mac[0])
		path_format(ep->mac, sizeof ep->mac, "%s", rep->mac);
	return keep_state(ep, rep->state) < 0 ? error_sys(err, ENOMEM, "cannot keep an endpoint") : 0;
}

int endpoint_reserve(struct net_endpoint *ep, const struct net_want *want, struct error *err)
{
	struct net *net = ep->member ? ep->member->net : NULL;
	int r;

	if (!ep->nw->driver)
		return no_driver(ep->nw, err);
	do
		r = reserve(ep, want, err);
	while (r < 0 && err->kind == ERROR_EXHAUSTED && net && spares_yield(net, ep->nw, 0));
	return r;
}

/* ---- joining ------------------------------------------------------------------------------------ */
/* "eth" and the lowest number that no other endpoint of the sandbox has. */
static void choose_ifname(struct net_endpoint *ep, const struct net_want *want)
{
	const char *name = want ? json_string(json_at(json_at(want->config, "DriverOpts"), IFNAME_KEY))
				: NULL,
		   *prefix = json_string(json_at(ep->nw->options, PREFIX_KEY));

	if (ep->ifname[0])
		return;
	if (name && *name && strlen(name) < sizeof ep->ifname) {
		path_format(ep->ifname, sizeof ep->ifname, "%s", name);
		return;
	}
	for (unsigned i = 0;; i++) {
		const struct net_endpoint *other = ep->member ? ep->member->endpoints : NULL;
		if (path_format(ep->ifname, sizeof ep->ifname, "%s%u", prefix && *prefix ? prefix : "eth",
			    i) < 0) {
			prefix = NULL;
			continue;
		}
		while (other && (other == ep || strcmp(other->ifname, ep->ifname) != 0))
			other = other->next;
		if (!other)
			return;
	}
}

static int configure(struct net_endpoint *ep, const struct gty_join_rep *rep, int netns, struct error *err)
{
	for (uint32_t i = 0; i < rep->links_n; i++) {
		const struct gty_link *l = &rep->links[i];
		struct sandbox_link want = { .name = l->name ? l->name : ep->ifname,
			.ifname = ep->ifname,
			.mtu = l->mtu,
			.address = i == 0 ? ep->address : 0,
			.prefix = ep->prefix,
			.gateway = ep->is_gateway && i == 0 ? ep->via : 0 };
		if (l->host_ifname)
			path_format(ep->host_link, sizeof ep->host_link, "%s", l->host_ifname);
		if (l->where == GTY_LINK_DONE)
			continue;
		if (l->where == GTY_LINK_HOST)
			return error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
				"network driver '%s' leaves links on the host, which is not built in",
				ep->nw->driver_name);
		int r = sandbox_configure(netns, &want, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int endpoint_join(
	struct net_endpoint *ep, const struct net_want *want, int netns, bool hot, struct error *err)
{
	struct request q;
	struct gty_join_req req = {
		.ep = &q.ep, .sandbox = ep->member ? ep->member->sandbox : ep->id, .netns_fd = netns
	};
	auto_reply struct gty_join_rep *rep = NULL;
	char path[64];

	choose_ifname(ep, want);
	fill(&q, ep, want);
	path_format(path, sizeof path, "/proc/self/fd/%d", netns);
	req.netns_path = path;
	req.ifname = ep->ifname;
	req.flags = (ep->is_gateway ? GTY_JOIN_GW4 : 0) | (hot ? GTY_JOIN_HOT : 0);
	int r = network_join(ep->nw->driver->front, &req, NULL, &rep, err);
	if (r < 0)
		return r;
	ep->joined = true;
	if (rep->gw4 && !(rep->flags & GTY_JOIN_NO_GATEWAY))
		address_parse(rep->gw4, &ep->via);
	if (ep->via && ep->nw->router)
		ep->via = ep->nw->router;
	if (rep->state && keep_state(ep, rep->state) < 0)
		return error_sys(err, ENOMEM, "cannot keep an endpoint");
	return configure(ep, rep, netns, err);
}

void endpoint_detach(struct net_endpoint *ep, int netns, bool hot)
{
	struct request q;
	struct gty_join_req req = { .ep = &q.ep,
		.sandbox = ep->member ? ep->member->sandbox : ep->id,
		.netns_fd = netns,
		.ifname = ep->ifname,
		.flags = hot ? GTY_JOIN_HOT : 0 };
	struct error err = ERROR_INIT;

	if (!ep->nw->driver)
		return;
	fill(&q, ep, NULL);
	int r = ep->joined ? network_detach(ep->nw->driver->front, &req, NULL, &err)
			   : network_endpoint_remove(ep->nw->driver->front, &q.ep, NULL, &err);
	if (r < 0)
		log_warning("network %s: endpoint %s: %s", ep->nw->name, ep->id, err.text);
}
