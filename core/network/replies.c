/* SPDX-License-Identifier: Apache-2.0 */
/* What a network driver may answer. */
#include "core/network/entries.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define IPPROTO_IS_PORTED(p) ((p) == IPPROTO_TCP || (p) == IPPROTO_UDP || (p) == IPPROTO_SCTP)
#define NETF_ALL             (GTY_NETF_GUARD | GTY_NETF_MASQUERADE | GTY_NETF_PUBLISH | GTY_NETF_ROUTED | GTY_NETF_NO_ICC)

/* Names the element in the text, when there is one. */
#define AT(r, name, i) ((r) < 0 ? error_prefix(err, (r), name "[%u]", (i)) : 0)

static int check_mtu(uint32_t mtu, struct error *err)
{
	return mtu == 0 || (mtu >= 68 && mtu <= 65536) ? 0 : error_invalid(err, "mtu %u is impossible", mtu);
}

static int check_addrs(const struct gty_addr *v, uint32_t n, struct error *err)
{
	int r = 0;

	for (uint32_t i = 0; i < n && r == 0; i++) {
		r = reply_cidr("cidr", v[i].cidr, err);
		r = AT(r, "addrs", i);
	}
	return r;
}

int network_check_network(const struct facts *facts, const void *req, const void *rep, struct error *err)
{
	const struct gty_network_rep *n = rep;
	int r = check_mtu(n->mtu, err);

	(void)req;
	if (r == 0 && n->host_link)
		r = reply_link_name("host_link", n->host_link, err);
	if (r == 0 && (n->facts & ~NETF_ALL))
		r = error_invalid(err, "facts 0x%x are unknown", n->facts & ~NETF_ALL);
	if (r == 0 && (n->facts & GTY_NETF_ROUTED) && (n->facts & GTY_NETF_PUBLISH))
		r = error_invalid(err, "facts ROUTED and PUBLISH exclude each other");
	if (r == 0 && n->pools_n > 0 && !(facts->caps & GTY_NETWORK_CAP_OWN_IPAM))
		r = error_invalid(err, "pools without CAP_OWN_IPAM");
	for (uint32_t i = 0; i < n->pools_n && r == 0; i++) {
		const struct gty_pool *p = &n->pools[i];
		r = reply_cidr("subnet", p->subnet, err);
		if (r == 0)
			r = reply_cidr("gateway", p->gateway, err);
		r = AT(r, "pools", i);
	}
	return r;
}

int network_check_endpoint(const struct facts *facts, const void *req, const void *rep, struct error *err)
{
	const struct gty_endpoint_rep *e = rep;
	int r = reply_mac("mac", e->mac, err);

	(void)req;
	if (r == 0 && e->addrs_n > 0 && !(facts->caps & GTY_NETWORK_CAP_OWN_IPAM))
		r = error_invalid(err, "addrs without CAP_OWN_IPAM");
	return r < 0 ? r : check_addrs(e->addrs, e->addrs_n, err);
}

static int check_link(const struct gty_link *l, struct error *err)
{
	int r = 0;

	if (l->where < GTY_LINK_HOST || l->where > GTY_LINK_DONE)
		return error_invalid(err, "where %u is unknown", l->where);
	if (l->where != GTY_LINK_DONE || l->name)
		r = reply_link_name("name", l->name, err);
	if (r == 0 && l->ifname)
		r = reply_link_name("ifname", l->ifname, err);
	if (r == 0 && (l->flags & GTY_LINK_PREFIX) && (!l->ifname || strlen(l->ifname) > 11))
		r = error_invalid(err, "ifname is no prefix of a link's name");
	if (r == 0 && l->host_ifname)
		r = reply_link_name("host_ifname", l->host_ifname, err);
	if (r == 0 && (l->flags & ~GTY_LINK_PREFIX))
		r = error_invalid(err, "flags 0x%x are unknown", l->flags);
	if (r == 0)
		r = check_mtu(l->mtu, err);
	if (r == 0)
		r = reply_mac("mac", l->mac, err);
	return r < 0 ? r : check_addrs(l->addrs, l->addrs_n, err);
}

static int check_route(const struct gty_route *rt, struct error *err)
{
	int r = rt->dest ? reply_cidr("dest", rt->dest, err) : error_invalid(err, "dest is missing");

	if (r == 0)
		r = reply_ip("via", rt->via, err);
	if (r == 0 && rt->dev)
		r = reply_link_name("dev", rt->dev, err);
	return r;
}

static int check_dns(const struct gty_kv *kv, struct error *err)
{
	if (!kv->value)
		return error_invalid(err, "'%.40s' without a value", kv->key);
	if (strcmp(kv->key, "server") == 0)
		return reply_ip("server", kv->value, err);
	if (strcmp(kv->key, "search") != 0 && strcmp(kv->key, "option") != 0)
		return error_invalid(err, "key '%.40s' is neither server nor search nor option", kv->key);
	return kv->value[strcspn(kv->value, " \t\r\n")] ? error_invalid(err, "'%s' holds a blank", kv->key)
							: 0;
}

int network_check_join(const struct facts *facts, const void *req, const void *rep, struct error *err)
{
	const struct gty_join_rep *j = rep;
	int r = 0;

	(void)req;
	if ((facts->caps & GTY_NETWORK_CAP_NONE) && j->links_n > 0)
		return error_invalid(err, "links, though open() answered CAP_NONE");
	if (j->flags & ~(GTY_JOIN_NO_GATEWAY | GTY_JOIN_HOSTS_DONE))
		return error_invalid(err, "flags 0x%x are unknown", j->flags);
	for (uint32_t i = 0; i < j->links_n && r == 0; i++) {
		r = check_link(&j->links[i], err);
		r = AT(r, "links", i);
	}
	for (uint32_t i = 0; i < j->routes_n && r == 0; i++) {
		r = check_route(&j->routes[i], err);
		r = AT(r, "routes", i);
	}
	for (uint32_t i = 0; i < j->dns_n && r == 0; i++) {
		r = check_dns(&j->dns[i], err);
		r = AT(r, "dns", i);
	}
	if (r == 0)
		r = reply_ip("gw4", j->gw4, err);
	return r < 0 ? r : reply_ip("gw6", j->gw6, err);
}

int network_check_publish(const struct facts *facts, const void *req, const void *rep, struct error *err)
{
	const struct gty_publish_rep *p = rep;
	int r = 0;

	(void)facts;
	(void)req;
	for (uint32_t i = 0; i < p->ports_n && r == 0; i++) {
		const struct gty_port *port = &p->ports[i];
		if (!IPPROTO_IS_PORTED(port->proto))
			r = error_invalid(err, "proto %u has no ports", port->proto);
		else if (port->container_port == 0 || port->host_port == 0 || port->count == 0)
			r = error_invalid(err, "a port or count of 0");
		else
			r = reply_ip("host_ip", port->host_ip, err);
		r = AT(r, "ports", i);
	}
	return r;
}
