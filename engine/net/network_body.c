/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/net/network_body.h"

#include "lib/base/clock.h"
#include "lib/base/path.h"
#include "lib/base/str.h"

#include <ctype.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#define LABELS_MAX 4096

/* ---- members ------------------------------------------------------------------------------- */
static int check_name(const char *name, struct error *err)
{
	if (!*name || strlen(name) >= NET_NAME_SIZE || strspn(name, " \t") == strlen(name))
		return error_invalid(err, "invalid name: name is empty");
	for (const char *p = name; *p; p++)
		if (*p == '/' || iscntrl((unsigned char)*p))
			return error_invalid(err,
				"invalid network name: \"%s\" must not hold '/' or control characters", name);
	if (nw_is_predefined(name) || strcmp(name, "container") == 0)
		return error_set(err, ERROR_DENIED, EPERM,
			"operation is not permitted on predefined %s network ", name);
	return 0;
}

/* A map of strings, copied; null is an empty one. */
static int copy_map(const struct json *body, const char *key, struct json **ret, struct error *err)
{
	const struct json *map = NULL;
	int r = json_opt_object(body, key, &map, err);

	if (r == 0 && json_count(map) > LABELS_MAX)
		r = error_invalid(err, "%s: more than %d", key, LABELS_MAX);
	if (r == 0)
		json_each (map, it) {
			r = json_expect(it.value, JSON_STRING, it.key, err);
			if (r < 0)
				break;
		}
	if (r == 0) {
		*ret = map ? json_copy(map) : json_new_object();
		r = *ret ? 0 : error_sys(err, ENOMEM, "cannot keep a network");
	}
	return r;
}

static int refuse(const struct json *body, struct error *err)
{
	static const struct {
		const char *key, *why;
	} v[] = { { "EnableIPv6", "networks have no IPv6" },
		{ "ConfigOnly", "config-only networks are not built in" },
		{ "Ingress", "this node is not a swarm manager" } };
	const char *scope = "";
	const struct json *from = NULL;
	bool on = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof v / sizeof v[0]; i++) {
		on = false;
		r = json_opt_bool(body, v[i].key, false, &on, err);
		if (r == 0 && on)
			return error_set(err, ERROR_UNSUPPORTED, ENOTSUP, "%s: %s", v[i].key, v[i].why);
	}
	on = true;
	if (r == 0)
		r = json_opt_bool(body, "EnableIPv4", true, &on, err);
	if (r == 0 && !on)
		return error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
			"EnableIPv4: a network without IPv4 is not built in");
	if (r == 0)
		r = json_opt_string(body, "Scope", "", &scope, err);
	if (r == 0 && *scope && strcmp(scope, "local") != 0)
		return error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
			"this node is not a swarm manager: scope '%s'", scope);
	if (r == 0)
		r = json_opt_object(body, "ConfigFrom", &from, err);
	const char *network = "";
	if (r == 0 && from)
		r = json_opt_string(from, "Network", "", &network, err);
	return r == 0 && *network ? error_set(err, ERROR_UNSUPPORTED, ENOTSUP, "ConfigFrom is not built in")
				  : r;
}

static int read_driver(struct net *net, struct nw *nw, const struct json *body, struct error *err)
{
	const char *name = "";
	int r = json_opt_string(body, "Driver", "", &name, err);

	if (r < 0)
		return r;
	if (!*name || strcmp(name, "default") == 0)
		name = "bridge";
	if (net_driver_get(net, name, &nw->driver, err) < 0)
		return error_set(err, ERROR_NOT_FOUND, ENOENT, "plugin \"%s\" not found", name);
	path_format(nw->driver_name, sizeof nw->driver_name, "%s", driver_api_name(nw->driver->d));
	if (nw->driver->caps & GTY_NETWORK_CAP_SINGLE)
		return error_set(err, ERROR_DENIED, EPERM, "only one instance of \"%s\" network is allowed",
			nw->driver_name);
	return 0;
}

static int read_members(struct net *net, struct nw *nw, const struct json *body, struct error *err)
{
	const char *name;
	int r = json_opt_string(body, "Name", "", &name, err);

	if (r == 0)
		r = check_name(name, err);
	if (r == 0)
		r = refuse(body, err);
	if (r == 0)
		r = read_driver(net, nw, body, err);
	if (r == 0)
		r = json_opt_bool(body, "Internal", false, &nw->internal, err);
	if (r == 0)
		r = json_opt_bool(body, "Attachable", false, &nw->attachable, err);
	if (r == 0)
		r = copy_map(body, "Options", &nw->options, err);
	if (r == 0)
		r = copy_map(body, "Labels", &nw->labels, err);
	if (r == 0)
		path_format(nw->name, sizeof nw->name, "%s", name);
	return r;
}

int network_body_read(struct net *net, const struct json *body, struct nw **ret, struct error *err)
{
	struct nw *nw = calloc(1, sizeof *nw);

	if (!nw)
		return error_sys(err, ENOMEM, "cannot make a network");
	id_new(nw->id);
	nw->created_ns = clock_real_ns();
	int r = read_members(net, nw, body, err);
	if (r < 0)
		nw_free(nw);
	else
		*ret = nw;
	return r;
}

/* ---- subnets --------------------------------------------------------------------------------------- */
struct busy {
	struct net *net;
	struct subnet *routes;
	size_t n, room;
	bool failed;
};

static int keep_route(void *ctx, const struct link_route *route)
{
	struct busy *b = ctx;

	if (route->prefix == 0 || route->table == RT_TABLE_LOCAL || route->type != RTN_UNICAST)
		return 0;
	if (b->n == b->room) {
		size_t room = b->room ? b->room * 2 : 32;
		struct subnet *more = reallocarray(b->routes, room, sizeof *more);
		if (!more)
			return -ENOMEM;
		b->routes = more;
		b->room = room;
	}
	b->routes[b->n++] = (struct subnet){ be32toh(route->dest), route->prefix };
	return 0;
}

static const struct nw *overlapping(const struct net *net, struct subnet s)
{
	const struct nw *nw = net->networks;

	while (nw && !(nw->pool && subnet_overlaps(nw->subnet, s)))
		nw = nw->next;
	return nw;
}

/* With the lock. */
static bool is_busy(void *ctx, struct subnet s)
{
	const struct busy *b = ctx;

	if (overlapping(b->net, s))
		return true;
	for (size_t i = 0; i < b->n; i++)
		if (subnet_overlaps(b->routes[i], s))
			return true;
	return false;
}

/* A subnet that neither a network nor the host uses, with the pool in place before the lock is left. */
static int choose(struct net *net, struct nw *nw, struct error *err)
{
	struct busy busy = { .net = net };
	int r = link_each_route(net->nl, keep_route, &busy);

	if (r < 0) {
		free(busy.routes);
		return error_sys(err, -r, "cannot read the host's routes");
	}
	net_lock(net);
	r = ipam_choose(&net->ranges, is_busy, &busy, &nw->subnet, err);
	if (r == 0) {
		nw->gateway = nw->subnet.base + 1;
		r = network_body_make_pool(nw, err);
	}
	net_unlock(net);
	free(busy.routes);
	return r;
}

static int take(struct net *net, struct nw *nw, struct error *err)
{
	net_lock(net);
	const struct nw *other = overlapping(net, nw->subnet);
	int r = other ? error_set(err, ERROR_DENIED, EEXIST,
				"invalid pool request: Pool overlaps with other one on this address space")
		      : network_body_make_pool(nw, err);
	net_unlock(net);
	return r;
}

/* ---- IPAM ---------------------------------------------------------------------------------------------- */
static int read_gateway(struct nw *nw, const struct json *entry, struct error *err)
{
	const char *text = "";
	char subnet[CIDR_SIZE];
	int r = json_opt_string(entry, "Gateway", "", &text, err);

	if (r < 0)
		return r;
	if (!*text) {
		nw->gateway = nw->subnet.base + (nw->subnet.prefix < 31);
		return 0;
	}
	if (address_parse(text, &nw->gateway) < 0)
		return error_invalid(err, "invalid network config:\ninvalid gateway %s", text);
	if (!subnet_has(nw->subnet, nw->gateway))
		return error_invalid(err,
			"invalid network config:\ninvalid gateway %s: parent subnet %s doesn't contain this "
			"address",
			text, subnet_format(nw->subnet, subnet));
	return 0;
}

static int check_range(const struct nw *nw, const struct json *entry, struct error *err)
{
	const char *text = "";
	char subnet[CIDR_SIZE];
	struct subnet range;
	int r = json_opt_string(entry, "IPRange", "", &text, err);

	if (r < 0 || !*text)
		return r;
	if (subnet_parse(text, &range, NULL) < 0)
		return error_invalid(err,
			"invalid network config:\ninvalid ip-range %s: invalid CIDR block notation", text);
	if (!subnet_is_within(range, nw->subnet))
		return error_invalid(err,
			"invalid network config:\ninvalid ip-range %s: parent subnet %s doesn't contain "
			"ip-range",
			text, subnet_format(nw->subnet, subnet));
	return 0;
}

static int check_auxiliary(const struct nw *nw, const struct json *entry, struct error *err)
{
	const struct json *aux = NULL;
	uint32_t address;
	int r = json_opt_object(entry, "AuxiliaryAddresses", &aux, err);

	if (r < 0)
		return r;
	json_each (aux, it) {
		const char *text = json_string(it.value);
		if (!text || address_parse(text, &address) < 0 || !subnet_has(nw->subnet, address))
			return error_invalid(err,
				"invalid network config:\ninvalid auxiliary address %s: not of the subnet",
				text ? text : it.key);
	}
	return 0;
}

static int read_entry(struct nw *nw, const struct json *entry, struct error *err)
{
	const char *text = "";
	int r = json_opt_string(entry, "Subnet", "", &text, err);

	if (r < 0)
		return r;
	if (subnet_parse(text, &nw->subnet, NULL) < 0) {
		if (strchr(text, ':'))
			return error_set(
				err, ERROR_UNSUPPORTED, ENOTSUP, "subnet %s: networks have no IPv6", text);
		return error_invalid(
			err, "invalid network config:\ninvalid subnet %s: invalid CIDR block notation", text);
	}
	if (nw->subnet.prefix < IPAM_PREFIX_MIN)
		return error_invalid(
			err, "invalid network config:\nsubnet %s is larger than /%d", text, IPAM_PREFIX_MIN);
	r = read_gateway(nw, entry, err);
	if (r == 0)
		r = check_range(nw, entry, err);
	return r == 0 ? check_auxiliary(nw, entry, err) : r;
}

/* As inspect shows it. */
static int keep_config(struct nw *nw, const struct json *entry, struct error *err)
{
	static const char *const keys[] = { "IPRange", "AuxiliaryAddresses" };
	struct json *list = json_new_array(), *o = json_add_object(list);
	char text[CIDR_SIZE];

	json_set_string(o, "Subnet", subnet_format(nw->subnet, text));
	if (json_string(json_at(entry, "IPRange")) && *json_string(json_at(entry, "IPRange")))
		json_set_string(o, keys[0], json_string(json_at(entry, "IPRange")));
	/* One that is nobody's way out, and that nobody asked for, is not shown. */
	bool asked = json_string(json_at(entry, "Gateway")) && *json_string(json_at(entry, "Gateway"));
	if (nw->gateway && (asked || !nw->internal))
		json_set_string(o, "Gateway", address_format(nw->gateway, text));
	if (json_count(json_at(entry, keys[1])) > 0)
		json_set(o, keys[1], json_copy(json_at(entry, keys[1])));
	json_free(nw->ipam);
	nw->ipam = list;
	return o ? 0 : error_sys(err, ENOMEM, "cannot keep a network");
}

int network_body_make_pool(struct nw *nw, struct error *err)
{
	const struct json *entry = json_item(nw->ipam, 0);
	const char *range_text = json_string(json_at(entry, "IPRange"));
	struct subnet range;
	uint32_t address;
	bool ranged = range_text && subnet_parse(range_text, &range, NULL) == 0;
	int r = ipam_pool_new(nw->subnet, ranged ? &range : NULL, &nw->pool);

	if (r < 0)
		return error_sys(err, -r, "cannot keep the addresses of network '%s'", nw->name);
	if (nw->gateway)
		ipam_take_exact(nw->pool, nw->gateway);
	json_each (json_at(entry, "AuxiliaryAddresses"), it)
		if (address_parse(json_string(it.value), &address) == 0)
			ipam_take_exact(nw->pool, address);
	return 0;
}

static int check_ipam(
	struct nw *nw, const struct json *ipam, const struct json **ret_entry, struct error *err)
{
	const char *driver = "";
	const struct json *list = NULL, *options = NULL;
	int r = json_opt_string(ipam, "Driver", "", &driver, err);

	if (r == 0 && *driver && strcmp(driver, "default") != 0)
		return error_set(err, ERROR_NOT_FOUND, ENOENT, "plugin \"%s\" not found", driver);
	if (r == 0)
		r = json_opt_object(ipam, "Options", &options, err);
	if (r == 0)
		r = json_opt_array(ipam, "Config", &list, err);
	if (r == 0 && json_count(list) > 1)
		return error_set(
			err, ERROR_UNSUPPORTED, ENOTSUP, "a network of several subnets is not built in");
	if (r == 0 && options)
		nw->ipam_options = json_copy(options);
	if (r == 0 && json_count(list) == 1)
		r = json_item_object(list, 0, ret_entry, err);
	return r;
}

int network_body_addresses(struct net *net, struct nw *nw, const struct json *body, struct error *err)
{
	const struct json *ipam = NULL, *entry = NULL;
	const uint64_t without = GTY_NETWORK_CAP_HOST | GTY_NETWORK_CAP_NONE | GTY_NETWORK_CAP_OWN_IPAM;
	int r = json_opt_object(body, "IPAM", &ipam, err);

	if (r == 0 && ipam)
		r = check_ipam(nw, ipam, &entry, err);
	if (r < 0 || (nw->driver->caps & without))
		return r;
	const char *subnet = json_string(json_at(entry, "Subnet"));
	if (!subnet || !*subnet) {
		if (entry && (json_has(entry, "Gateway") || json_has(entry, "IPRange")) &&
			json_string(json_at(entry, "Gateway")) && *json_string(json_at(entry, "Gateway")))
			return error_invalid(
				err, "invalid network config:\ninvalid subnet : a gateway needs a subnet");
		r = choose(net, nw, err);
		return r == 0 ? keep_config(nw, NULL, err) : r;
	}
	r = read_entry(nw, entry, err);
	nw->user_subnet = true;
	if (r == 0)
		r = keep_config(nw, entry, err);
	return r == 0 ? take(net, nw, err) : r;
}
