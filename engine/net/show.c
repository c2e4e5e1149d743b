/* SPDX-License-Identifier: Apache-2.0 */
/* A container's network as API 1.51 shows it. */
#include "engine/net/object.h"

#include "lib/base/path.h"
#include "lib/model/filters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- NetworkSettings.Networks -------------------------------------------------------------------- */
static void copy_or_null(struct json *o, const char *key, const struct json *config)
{
	const struct json *v = json_at(config, key);

	if (v)
		json_set(o, key, json_copy(v));
	else
		json_set_null(o, key);
}

static bool has_text(const struct json *list, const char *text)
{
	for (size_t i = 0; i < json_count(list); i++)
		if (strcmp(json_string(json_item(list, i)), text) == 0)
			return true;
	return false;
}

static void add_name(struct json *list, const char *text)
{
	if (text && *text && !has_text(list, text))
		json_add_string(list, text);
}

/* By which others on a user network know it. */
static void show_names(
	struct json *o, const struct net_member *m, const struct net_want *w, const struct nw *nw)
{
	const struct json *aliases = json_at(w ? w->config : NULL, "Aliases");
	char id[ID_SHORT_SIZE];

	if (!nw || nw->predefined) {
		json_set_null(o, "DNSNames");
		return;
	}
	struct json *list = json_set_array(o, "DNSNames");
	add_name(list, m->name);
	for (size_t i = 0; i < json_count(aliases); i++)
		add_name(list, json_string(json_item(aliases, i)));
	id_short(m->id, id);
	add_name(list, id);
	add_name(list, m->hostname);
}

static void show_addresses(struct json *o, const struct net_endpoint *ep)
{
	char text[ADDRESS_SIZE];
	bool gateway = ep && ep->nw->gateway && !ep->nw->internal;

	json_set_string(o, "NetworkID", ep ? ep->nw->id : "");
	json_set_string(o, "EndpointID", ep ? ep->id : "");
	json_set_string(o, "Gateway", gateway ? address_format(ep->nw->gateway, text) : "");
	json_set_string(o, "IPAddress", ep && ep->address ? address_format(ep->address, text) : "");
	json_set_int(o, "IPPrefixLen", ep && ep->address ? (int64_t)ep->prefix : 0);
	json_set_string(o, "IPv6Gateway", "");
	json_set_string(o, "GlobalIPv6Address", "");
	json_set_int(o, "GlobalIPv6PrefixLen", 0);
}

static void show_network(struct json *all, const struct net_member *m, const struct net_want *w,
	const struct net_endpoint *ep, const struct nw *nw)
{
	struct json *o = json_set_object(all, nw ? nw->name : w->name);
	const struct json *config = w ? w->config : NULL;

	copy_or_null(o, "IPAMConfig", config);
	copy_or_null(o, "Links", config);
	copy_or_null(o, "Aliases", config);
	json_set_string(o, "MacAddress", ep ? ep->mac : "");
	copy_or_null(o, "DriverOpts", config);
	json_set_int(o, "GwPriority", w ? w->priority : 0);
	show_addresses(o, ep);
	show_names(o, m, w, nw);
}

/* With the lock. */
static void show_networks(struct json *o, const struct net_member *m)
{
	struct json *all = json_set_object(o, "Networks");

	for (const struct net_want *w = m->wants; w; w = w->next) {
		const struct net_endpoint *ep = m->endpoints;
		struct nw *nw = NULL;
		nw_find(m->net, w->name, &nw, NULL);
		while (ep && ep->nw != nw)
			ep = ep->next;
		show_network(all, m, w, ep, nw);
	}
}

/* ---- ports ------------------------------------------------------------------------------------------ */
static bool is_open(const struct net_member *m)
{
	const struct net_endpoint *ep = m->running ? start_gateway(m) : NULL;

	return ep && (ep->nw->facts & (GTY_NETF_PUBLISH | GTY_NETF_ROUTED));
}

static void show_bindings(struct json *ports, const struct net_member *m, uint8_t proto, uint16_t port)
{
	struct json *list = NULL;
	char key[24], text[ADDRESS_SIZE];

	snprintf(key, sizeof key, "%u/%s", port, ports_proto_name(proto));
	json_set_null(ports, key);
	for (size_t i = 0; is_open(m) && i < m->n_held; i++) {
		const struct port_held *h = &m->held[i];
		char host[8];
		if (h->proto != proto || h->container != port)
			continue;
		if (!list)
			list = json_set_array(ports, key);
		struct json *o = json_add_object(list);
		json_set_string(o, "HostIp", address_format(h->host_ip, text));
		snprintf(host, sizeof host, "%u", h->host);
		json_set_string(o, "HostPort", host);
	}
}

static void show_ports(struct json *o, const struct net_member *m)
{
	struct json *ports = json_set_object(o, "Ports");

	for (size_t i = 0; m->running && !m->host && i < m->ports.exposed_n; i++)
		show_bindings(ports, m, m->ports.exposed[i].proto, m->ports.exposed[i].port);
}

static bool has_binding(const struct net_member *m, uint8_t proto, uint16_t port)
{
	for (size_t i = 0; i < m->n_held; i++)
		if (m->held[i].proto == proto && m->held[i].container == port)
			return true;
	return false;
}

static void list_ports(struct json *item, const struct net_member *m)
{
	struct json *list = json_set_array(item, "Ports");
	char text[ADDRESS_SIZE];
	bool open = is_open(m);

	for (size_t i = 0; open && i < m->n_held; i++) {
		struct json *o = json_add_object(list);
		json_set_string(o, "IP", address_format(m->held[i].host_ip, text));
		json_set_int(o, "PrivatePort", m->held[i].container);
		json_set_int(o, "PublicPort", m->held[i].host);
		json_set_string(o, "Type", ports_proto_name(m->held[i].proto));
	}
	for (size_t i = 0; m->running && !m->host && i < m->ports.exposed_n; i++) {
		if (open && has_binding(m, m->ports.exposed[i].proto, m->ports.exposed[i].port))
			continue;
		struct json *o = json_add_object(list);
		json_set_int(o, "PrivatePort", m->ports.exposed[i].port);
		json_set_string(o, "Type", ports_proto_name(m->ports.exposed[i].proto));
	}
}

/* ---- the whole ------------------------------------------------------------------------------------------
 */
static const struct net_endpoint *on_default(const struct net_member *m)
{
	const struct net_endpoint *ep = m->endpoints;

	while (ep && !nw_is_default(ep->nw))
		ep = ep->next;
	return ep;
}

static void show_head(struct json *o, const struct net_member *m)
{
	char key[4096] = "";

	if (m->running && m->key[0])
		path_format(key, sizeof key, "%s/netns/%s", m->net->engine->config.exec_root, m->key);
	json_set_string(o, "Bridge", "");
	json_set_string(o, "SandboxID", m->running ? m->sandbox : "");
	json_set_string(o, "SandboxKey", key);
	show_ports(o, m);
	json_set_bool(o, "HairpinMode", false);
	json_set_string(o, "LinkLocalIPv6Address", "");
	json_set_int(o, "LinkLocalIPv6PrefixLen", 0);
	json_set_null(o, "SecondaryIPAddresses");
	json_set_null(o, "SecondaryIPv6Addresses");
}

/* Of the network "bridge" alone: fields of old clients. */
static void show_default(struct json *o, const struct net_endpoint *ep)
{
	char text[ADDRESS_SIZE];

	json_set_string(o, "EndpointID", ep ? ep->id : "");
	json_set_string(o, "Gateway", ep && ep->nw->gateway ? address_format(ep->nw->gateway, text) : "");
	json_set_string(o, "GlobalIPv6Address", "");
	json_set_int(o, "GlobalIPv6PrefixLen", 0);
	json_set_string(o, "IPAddress", ep && ep->address ? address_format(ep->address, text) : "");
	json_set_int(o, "IPPrefixLen", ep ? (int64_t)ep->prefix : 0);
	json_set_string(o, "IPv6Gateway", "");
	json_set_string(o, "MacAddress", ep ? ep->mac : "");
}

void net_settings(struct net_member *m, struct json *o)
{
	net_lock(m->net);
	show_head(o, m);
	show_default(o, on_default(m));
	show_networks(o, m);
	net_unlock(m->net);
}

void net_summary(struct net_member *m, struct json *item)
{
	net_lock(m->net);
	list_ports(item, m);
	show_networks(json_set_object(item, "NetworkSettings"), m);
	net_unlock(m->net);
}

/* ---- filters
 * ------------------------------------------------------------------------------------------------ */
struct port_filter {
	uint8_t proto;
	uint16_t low, high;
};

static bool within(const struct port_filter *f, uint8_t proto, uint16_t port)
{
	return f->proto == proto && port >= f->low && port <= f->high;
}

/* publish: the container's port or the host's; expose: the container's. */
static bool port_matches(const struct net_member *m, const struct port_filter *f, bool publish)
{
	for (size_t i = 0; i < m->n_held; i++)
		if (within(f, m->held[i].proto, m->held[i].container) ||
			(publish && within(f, m->held[i].proto, m->held[i].host)))
			return true;
	for (size_t i = 0; !publish && i < m->ports.exposed_n; i++)
		if (within(f, m->ports.exposed[i].proto, m->ports.exposed[i].port))
			return true;
	return false;
}

static bool ports_match(
	const struct net_member *m, const struct filters *filters, const char *key, bool publish)
{
	size_t n = filters_count(filters, key);

	for (size_t i = 0; i < n; i++) {
		struct port_filter f;
		if (ports_parse(filters_value(filters, key, i), &f.proto, &f.low, &f.high) == 0 &&
			port_matches(m, &f, publish))
			return true;
	}
	return n == 0;
}

static bool network_matches(const struct net_member *m, const struct filters *filters)
{
	size_t n = filters_count(filters, "network");

	for (size_t i = 0; i < n; i++) {
		const char *v = filters_value(filters, "network", i);
		for (const struct net_want *w = m->wants; w; w = w->next) {
			struct nw *nw = NULL;
			nw_find(m->net, w->name, &nw, NULL);
			if (strcmp(w->name, v) == 0 ||
				(nw && (strcmp(nw->name, v) == 0 || strcmp(nw->id, v) == 0)))
				return true;
		}
	}
	return n == 0;
}

bool net_matches(struct net_member *m, const struct filters *filters)
{
	net_lock(m->net);
	bool r = network_matches(m, filters) && ports_match(m, filters, "publish", true) &&
		 ports_match(m, filters, "expose", false);
	net_unlock(m->net);
	return r;
}

int net_check_filters(const struct filters *filters, struct error *err)
{
	static const char *const keys[] = { "publish", "expose" };

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < filters_count(filters, keys[k]); i++) {
			struct port_filter f;
			const char *v = filters_value(filters, keys[k], i);
			if (ports_parse(v, &f.proto, &f.low, &f.high) < 0)
				return error_invalid(err, "invalid port specification: \"%s\"", v);
		}
	return 0;
}
