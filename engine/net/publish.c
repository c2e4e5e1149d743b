/* SPDX-License-Identifier: Apache-2.0 */
/* A member's host ports, and what the firewall opens for it. */
#include "engine/net/object.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BINDING_KEY "com.docker.network.bridge.host_binding_ipv4"

/* ---- host ports ------------------------------------------------------------------------- */
/* With the lock: who of ours holds a port. */
static const struct net_member *holder_of(const struct net *net, const struct port_ask *ask, uint32_t ip)
{
	for (const struct net_member *m = net->members; m; m = m->next)
		for (size_t i = 0; i < m->n_held; i++) {
			const struct port_held *h = &m->held[i];
			if (h->proto == ask->proto && h->host >= ask->low && h->host <= ask->high &&
				(h->host_ip == 0 || ip == 0 || h->host_ip == ip))
				return m;
		}
	return NULL;
}

static int fail_taken(
	const struct port_ask *ask, uint32_t ip, const struct net_endpoint *ep, bool ours, struct error *err)
{
	char host[ADDRESS_SIZE], address[ADDRESS_SIZE];

	(void)address_format(ip, host);
	if (ask->low == 0)
		return error_set(
			err, ERROR_INTERNAL, EADDRINUSE, "no free port of the host is left on %s", host);
	if (ours)
		return error_set(err, ERROR_INTERNAL, EADDRINUSE,
			"Bind for %s:%u failed: port is already allocated", host, ask->low);
	return error_set(err, ERROR_INTERNAL, EADDRINUSE,
		"failed to bind host port for %s:%u:%s:%u/%s: address already in use", host, ask->low,
		address_format(ep->address, address), ask->container, ports_proto_name(ask->proto));
}

/* Where a port is published that names no address: as its network says, or the daemon. */
static uint32_t default_ip(const struct net *net, const struct nw *nw)
{
	uint32_t ip;

	return address_parse(json_string(json_at(nw->options, BINDING_KEY)), &ip) == 0 ? ip : net->default_ip;
}

static int bind_one(struct net *net, const struct port_ask *ask, const struct net_endpoint *ep,
	struct port_held *ret, struct error *err)
{
	uint32_t ip = ask->has_ip ? ask->host_ip : default_ip(net, ep->nw);
	int64_t deadline = clock_mono_ns() + NET_WAIT_S * CLOCK_S;
	const struct net_member *holder = NULL;
	char text[ADDRESS_SIZE];
	int r;

	net_lock(net);
	do
		r = ports_bind(ask, ip, &net->next_port[ask->proto == IPPROTO_UDP], ret);
	while (r == -EADDRINUSE && (holder = holder_of(net, ask, ip)) && holder->ending &&
		net_wait(net, deadline));
	net_unlock(net);
	if (r == -EADDRINUSE)
		return fail_taken(ask, ip, ep, holder != NULL, err);
	if (r < 0)
		return error_sys(err, -r, "failed to bind host port for %s:%u/%s", address_format(ip, text),
			ask->low, ports_proto_name(ask->proto));
	return 0;
}

static void close_held(struct port_held *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].fd >= 0)
			close(v[i].fd);
	free(v);
}

int publish_reserve(struct net_member *m, const struct net_endpoint *ep, struct error *err)
{
	struct port_held *v = calloc(m->ports.n + 1, sizeof *v);
	size_t n = 0;
	int r = v ? 0 : error_sys(err, ENOMEM, "cannot keep the ports");

	for (; r == 0 && n < m->ports.n; n += r == 0)
		r = bind_one(m->net, &m->ports.v[n], ep, &v[n], err);
	if (r < 0) {
		close_held(v, n);
		return error_prefix(err, r,
			"driver failed programming external connectivity on endpoint %s (%s)", m->name,
			ep->id);
	}
	net_lock(m->net);
	m->held = v;
	m->n_held = n;
	net_unlock(m->net);
	return 0;
}

void publish_release(struct net_member *m)
{
	net_lock(m->net);
	struct port_held *v = m->held;
	size_t n = m->n_held;
	m->held = NULL;
	m->n_held = 0;
	net_wake(m->net);
	net_unlock(m->net);
	close_held(v, n);
}

/* ---- the firewall's part -------------------------------------------------------------------- */
struct open {
	struct firewall_link *links;
	struct firewall_port *ports;
	struct firewall_permit *permits;
	size_t n_links, n_ports, n_permits;
};

/* With the lock. */
static int collect_links(const struct net_member *m, struct open *o)
{
	size_t n = 0;

	for (const struct net_endpoint *ep = m->endpoints; ep; ep = ep->next)
		n++;
	o->links = calloc(n + 1, sizeof *o->links);
	if (!o->links)
		return -ENOMEM;
	for (const struct net_endpoint *ep = m->endpoints; ep; ep = ep->next)
		if (ep->host_link[0] && ep->nw->host_link[0])
			o->links[o->n_links++] = (struct firewall_link){ ep->host_link, ep->nw->host_link };
	return 0;
}

static int collect_ports(const struct net_member *m, struct open *o)
{
	const struct net_endpoint *ep = start_gateway(m);

	o->ports = calloc(m->n_held + 1, sizeof *o->ports);
	if (!o->ports)
		return -ENOMEM;
	for (size_t i = 0; ep && ep->address && i < m->n_held; i++)
		o->ports[o->n_ports++] = (struct firewall_port){ .proto = m->held[i].proto,
			.host_port = m->held[i].host,
			.port = m->held[i].container,
			.host_ip = m->held[i].host_ip,
			.address = ep->address,
			.routed = ep->nw->facts & GTY_NETF_ROUTED };
	return 0;
}

static const struct net_endpoint *on_network(const struct net_member *m, const struct nw *nw)
{
	const struct net_endpoint *ep = m ? m->endpoints : NULL;

	while (ep && ep->nw != nw)
		ep = ep->next;
	return ep;
}

/* A link opens what the other exposes. */
static int collect_permits(const struct net_member *m, struct open *o)
{
	size_t room = 0;

	for (size_t i = 0; i < m->n_links; i++) {
		const struct net_member *other = net_find_member(m->net, m->links[i].name);
		room += other ? other->ports.exposed_n : 0;
	}
	o->permits = calloc(room + 1, sizeof *o->permits);
	if (!o->permits)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_links; i++) {
		const struct net_member *other = net_find_member(m->net, m->links[i].name);
		for (const struct net_endpoint *ep = m->endpoints; other && ep; ep = ep->next) {
			const struct net_endpoint *to = nw_is_default(ep->nw) ? on_network(other, ep->nw)
									      : NULL;
			for (size_t k = 0; to && k < other->ports.exposed_n && o->n_permits < room; k++)
				o->permits[o->n_permits++] = (struct firewall_permit){
					.proto = other->ports.exposed[k].proto,
					.port = other->ports.exposed[k].port,
					.from = ep->address,
					.to = to->address
				};
		}
	}
	return 0;
}

/* A UDP client that spoke to the port before would not be translated, or elsewhere. */
static void forget_udp(struct net *net, const struct open *o)
{
	struct conntrack_port *v = calloc(o->n_ports + 1, sizeof *v);
	size_t n = 0;

	for (size_t i = 0; v && i < o->n_ports; i++)
		if (o->ports[i].proto == IPPROTO_UDP)
			v[n++] = (struct conntrack_port){ o->ports[i].host_port, o->ports[i].address };
	if (v)
		conntrack_forget_ports(net->ct, v, n);
	free(v);
}

int publish_open(struct net_member *m, struct error *err)
{
	struct net *net = m->net;
	struct open o = { 0 };

	if (!net->fw)
		return 0;
	net_lock(net);
	int r = collect_links(m, &o);
	if (r == 0)
		r = collect_ports(m, &o);
	if (r == 0)
		r = collect_permits(m, &o);
	net_unlock(net);
	const struct firewall_open open = { .links = o.links,
		.n_links = o.n_links,
		.ports = o.ports,
		.n_ports = o.n_ports,
		.permits = o.permits,
		.n_permits = o.n_permits };
	r = r < 0 ? error_sys(err, -r, "cannot open a container's ports")
		  : firewall_publish(net->fw, m->id, &open, err);
	if (r == 0)
		forget_udp(net, &o);
	free(o.links);
	free(o.ports);
	free(o.permits);
	return r;
}

void publish_close(struct net_member *m)
{
	struct error err = ERROR_INIT;

	if (m->net->fw && firewall_withdraw(m->net->fw, m->id, &err) < 0)
		log_warning("container %s: %s", m->id, err.text);
}

/* Only UDP goes on by itself; the walk over all connections costs more than the rest of an end. */
void publish_forget(struct net_member *m, uint32_t address)
{
	bool udp = false;

	for (size_t i = 0; i < m->n_held; i++)
		udp |= m->held[i].proto == IPPROTO_UDP;
	int r = udp && address ? conntrack_forget_address(m->net->ct, address) : 0;
	if (r < 0)
		log_warning("container %s: cannot forget its connections: %s", m->id, strerror(-r));
}
