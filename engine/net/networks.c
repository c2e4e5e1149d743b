/* SPDX-License-Identifier: Apache-2.0 */
/* Networks: made, found, kept in rows, made again after a start, removed. */
#include "engine/net/object.h"

#include "core/plugin/call.h"
#include "engine/net/network_body.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/base/path.h"
#include "lib/base/str.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTS_MAX 256

static const struct {
	const char *name, *driver;
} predefined[] = { { "bridge", "bridge" }, { "host", "host" }, { "none", "null" } };

bool nw_is_predefined(const char *name)
{
	for (size_t i = 0; i < sizeof predefined / sizeof predefined[0]; i++)
		if (strcmp(predefined[i].name, name) == 0)
			return true;
	return strcmp(name, "default") == 0;
}

bool nw_is_default(const struct nw *nw)
{
	return nw->predefined && strcmp(nw->name, "bridge") == 0;
}

void nw_free(struct nw *nw)
{
	if (!nw)
		return;
	json_free(nw->options);
	json_free(nw->labels);
	json_free(nw->ipam_options);
	json_free(nw->ipam);
	ipam_pool_free(nw->pool);
	free(nw->state);
	free(nw->asked);
	free(nw);
}

/* ---- finding ------------------------------------------------------------------------------ */
struct nw *nw_by_name(struct net *net, const char *name)
{
	struct nw *nw = net->networks;

	while (nw && (nw->removing || strcmp(nw->name, name) != 0))
		nw = nw->next;
	return nw;
}

static int fail_not_found(const char *ref, struct error *err)
{
	return error_set(err, ERROR_NOT_FOUND, ENOENT, "network %s not found", ref);
}

int nw_find(struct net *net, const char *ref, struct nw **ret, struct error *err)
{
	struct nw *by_prefix = NULL, *by_name = nw_by_name(net, ref);
	unsigned n = 0;

	for (struct nw *nw = net->networks; nw; nw = nw->next) {
		if (nw->creating || nw->removing)
			continue;
		if (strcmp(nw->id, ref) == 0) {
			*ret = nw;
			return 0;
		}
		if (*ref && strncmp(nw->id, ref, strlen(ref)) == 0) {
			by_prefix = nw;
			n++;
		}
	}
	if (by_name && !by_name->creating) {
		*ret = by_name;
		return 0;
	}
	if (n > 1)
		return error_invalid(
			err, "network %s is ambiguous (%u matches found based on ID prefix)", ref, n);
	if (n == 0)
		return fail_not_found(ref, err);
	*ret = by_prefix;
	return 0;
}

int nw_use(struct net *net, const char *ref, struct nw **ret, struct error *err)
{
	net_lock(net);
	int r = nw_find(net, ref, ret, err);
	if (r == 0)
		(*ret)->users++;
	net_unlock(net);
	return r;
}

void nw_release(struct net *net, struct nw *nw)
{
	net_lock(net);
	nw->users--;
	net_wake(net);
	net_unlock(net);
}

/* ---- the driver's and the firewall's part ------------------------------------------------------ */
static uint32_t copy_map(const struct json *object, struct gty_kv *v, uint32_t max)
{
	uint32_t n = 0;

	json_each (object, it)
		if (n < max && json_string(it.value))
			v[n++] = (struct gty_kv){ it.key, json_string(it.value) };
	return n;
}

static int take_reply(struct nw *nw, const struct gty_network_rep *rep, struct error *err)
{
	char *state = rep->state ? strdup(rep->state) : NULL;

	if (rep->state && !state)
		return error_sys(err, ENOMEM, "cannot keep a network");
	free(nw->state);
	nw->state = state;
	nw->facts = rep->facts;
	nw->mtu = rep->mtu;
	path_format(nw->host_link, sizeof nw->host_link, "%s", rep->host_link ? rep->host_link : "");
	return 0;
}

static int ask_driver(struct nw *nw, bool restore, struct error *err)
{
	struct gty_kv opts[OPTS_MAX], labels[OPTS_MAX];
	char subnet[CIDR_SIZE], gateway[CIDR_SIZE];
	struct gty_pool pool = { .subnet = subnet_format(nw->subnet, subnet), .family = 4 };
	struct gty_network_req req = { .flags = GTY_NET_IPV4 | (nw->internal ? GTY_NET_INTERNAL : 0) |
						(restore ? GTY_NET_RESTORE : 0),
		.id = nw->id,
		.name = nw->name,
		.state = nw->state,
		.opts = opts,
		.opts_n = copy_map(nw->options, opts, OPTS_MAX),
		.labels = labels,
		.labels_n = copy_map(nw->labels, labels, OPTS_MAX) };
	auto_reply struct gty_network_rep *rep = NULL;

	if (nw->gateway)
		pool.gateway = cidr_format(nw->gateway, nw->subnet.prefix, gateway);
	if (nw->pool) {
		req.pools = &pool;
		req.pools_n = 1;
	}
	int r = network_create(nw->driver->front, &req, NULL, &rep, err);
	return r == 0 ? take_reply(nw, rep, err) : r;
}

static int tell_firewall(struct net *net, const struct nw *nw, struct error *err)
{
	bool router = nw->facts & (GTY_NETF_PUBLISH | GTY_NETF_MASQUERADE);
	const struct firewall_network n = { .link = nw->host_link,
		.facts = nw->facts & ~(net->config.no_masquerade ? GTY_NETF_MASQUERADE : 0),
		.subnet = nw->subnet,
		.gateway = router ? nw->gateway : 0,
		.internal = nw->internal };

	return net->fw && nw->pool && nw->host_link[0] ? firewall_set_network(net->fw, &n, err) : 0;
}

/* Docker sets it, too; it is told, since it makes a router of the host. */
static void set_forwarding(const struct net *net)
{
	static const char path[] = "/proc/sys/net/ipv4/ip_forward";
	auto_free char *text = NULL;

	if (net->config.no_forward || fd_read_file(AT_FDCWD, path, 8, &text, NULL) < 0 || text[0] != '0')
		return;
	int r = fd_write_file(AT_FDCWD, path, "1");
	if (r < 0)
		log_warning(
			"cannot set ip_forward: %s: containers reach nothing beyond this host", strerror(-r));
	else
		log_info("ip_forward is on: networks need it");
}

static void unmake(struct net *net, const struct nw *nw)
{
	struct error err = ERROR_INIT;

	if (nw->driver && network_remove(nw->driver->front, nw->id, nw->state, NULL, &err) < 0)
		log_warning("network %s: %s", nw->name, err.text);
	if (net->fw && nw->host_link[0] && firewall_drop_network(net->fw, nw->host_link, &err) < 0)
		log_warning("network %s: %s", nw->name, err.text);
}

int nw_make(struct net *net, struct nw *nw, bool restore, struct error *err)
{
	int r = ask_driver(nw, restore, err);

	if (r == 0)
		r = tell_firewall(net, nw, err);
	if (r < 0 && !restore)
		unmake(net, nw);
	if (r == 0 && nw->pool)
		set_forwarding(net);
	return r;
}

/* ---- create --------------------------------------------------------------------------------------- */
static void insert(struct net *net, struct nw *nw)
{
	struct nw **p = &net->networks;

	while (*p)
		p = &(*p)->next;
	*p = nw;
}

static void take_out(struct net *net, struct nw *nw)
{
	struct nw **p = &net->networks;

	while (*p && *p != nw)
		p = &(*p)->next;
	if (*p)
		*p = nw->next;
}

static int reserve_name(struct net *net, struct nw *nw, struct error *err)
{
	net_lock(net);
	bool taken = nw_by_name(net, nw->name) != NULL;
	if (!taken) {
		nw->creating = true;
		insert(net, nw);
	}
	net_unlock(net);
	return taken ? error_set(err, ERROR_CONFLICT, EEXIST, "network with name %s already exists", nw->name)
		     : 0;
}

/* The name is reserved; everything else is made, or the network is gone again. */
static int build(struct net *net, struct nw *nw, const struct json *body, struct error *err)
{
	int r = network_body_addresses(net, nw, body, err);

	if (r == 0)
		r = nw_save(net, nw, err); /* by which it is removed after a crash */
	if (r < 0)
		return r;
	fault_point("network.row");
	r = nw_make(net, nw, false, err);
	if (r == 0)
		r = nw_save(net, nw, err);
	if (r < 0) {
		struct state_txn *txn = state_begin(net->engine->state);
		state_delete(txn, STATE_NETWORK, nw->id);
		state_commit(txn, STATE_NOW, NULL);
	}
	return r;
}

static int create(struct net *net, struct nw *nw, const struct json *body, struct error *err)
{
	int r = reserve_name(net, nw, err);

	if (r < 0) {
		nw_free(nw);
		return r;
	}
	r = build(net, nw, body, err);
	net_lock(net);
	nw->creating = false;
	if (r < 0)
		take_out(net, nw);
	net_unlock(net);
	if (r < 0)
		nw_free(nw);
	else
		net_event(net, nw, "create", NULL);
	return r;
}

int net_create(struct net *net, const struct json *body, struct json **ret, struct error *err)
{
	struct nw *nw = NULL;
	int r = network_body_read(net, body, &nw, err);

	if (r < 0)
		return r;
	char id[ID_SIZE];
	memcpy(id, nw->id, sizeof id);
	r = create(net, nw, body, err);
	if (r < 0)
		return r;
	*ret = json_new_object();
	json_set_string(*ret, "Id", id);
	json_set_string(*ret, "Warning", "");
	return 0;
}

/* ---- remove ----------------------------------------------------------------------------------------- */
static const struct net_endpoint *active(const struct nw *nw, bool *ret_ending)
{
	const struct net_endpoint *found = NULL;

	*ret_ending = true;
	for (const struct net_endpoint *ep = nw->endpoints; ep; ep = ep->next_nw)
		if (ep->member) {
			found = ep;
			*ret_ending &= ep->member->ending;
		}
	return found;
}

static void list_active(const struct nw *nw, struct str *out)
{
	for (const struct net_endpoint *ep = nw->endpoints; ep; ep = ep->next_nw)
		if (ep->member)
			str_addf(out, "%sname:\"%s\" id:\"%.12s\"", out->len ? ", " : "", ep->member->name,
				ep->member->id);
}

static int fail_active(const struct nw *nw, struct error *err)
{
	auto_str struct str who = STR_INIT(300);

	list_active(nw, &who);
	return error_set(err, ERROR_DENIED, EBUSY,
		"error while removing network: network %s has active endpoints (%s)", nw->name,
		str_text(&who));
}

/* Marks it as being removed once nobody is on it; spares are nobody. */
static int begin_removal(struct net *net, struct nw *nw, struct error *err)
{
	int64_t deadline = clock_mono_ns() + NET_WAIT_S * CLOCK_S;
	bool ending = false;
	const struct net_endpoint *who;

	net_lock(net);
	while (((who = active(nw, &ending)) && ending) || (!who && nw->users > 1))
		if (!net_wait(net, deadline))
			break;
	who = active(nw, &ending);
	int r = who ? fail_active(nw, err) : 0;
	if (r == 0 && nw->users > 1)
		r = error_set(err, ERROR_CONFLICT, EBUSY, "network %s is being used: try again", nw->name);
	if (r == 0 && nw->removing)
		r = fail_not_found(nw->name, err);
	if (r == 0)
		nw->removing = true;
	net_unlock(net);
	return r;
}

static int remove_one(struct net *net, struct nw *nw, struct error *err)
{
	if (nw->predefined)
		return error_set(err, ERROR_DENIED, EPERM,
			"%s is a pre-defined network and cannot be removed", nw->name);
	if (!nw->driver)
		return error_set(err, ERROR_UNAVAILABLE, ENOENT, "network driver '%s' of network %s is gone",
			nw->driver_name, nw->name);
	int r = begin_removal(net, nw, err);
	if (r < 0)
		return r;
	spares_drop(net, nw);
	r = network_remove(nw->driver->front, nw->id, nw->state, NULL, err);
	if (r == 0) {
		struct state_txn *txn = state_begin(net->engine->state);
		state_delete(txn, STATE_NETWORK, nw->id);
		r = state_commit(txn, STATE_NOW, err);
	}
	if (r < 0) {
		net_lock(net);
		nw->removing = false;
		net_unlock(net);
		return r;
	}
	fault_point("network.removed");
	struct error later = ERROR_INIT;
	if (net->fw && nw->host_link[0] && firewall_drop_network(net->fw, nw->host_link, &later) < 0)
		log_warning("network %s: %s", nw->name, later.text);
	net_event(net, nw, "destroy", NULL);
	return 0;
}

/* The last one who uses a removed network frees it. */
static void done_with(struct net *net, struct nw *nw, bool removed)
{
	net_lock(net);
	nw->users--;
	if (removed)
		take_out(net, nw);
	net_wake(net);
	net_unlock(net);
	if (removed)
		nw_free(nw);
}

int net_remove(struct net *net, const char *ref, struct error *err)
{
	struct nw *nw = NULL;
	int r = nw_use(net, ref, &nw, err);

	if (r < 0)
		return r;
	r = remove_one(net, nw, err);
	done_with(net, nw, r == 0);
	return r;
}

/* ---- the predefined ones ------------------------------------------------------------------------------- */
static bool link_exists(struct net *net, const char *name)
{
	struct link_info info;

	return link_get(net->nl, name, &info) == 0;
}

static void default_options(struct net *net, struct nw *nw)
{
	static const char prefix[] = "com.docker.network.bridge.";
	const struct net_config *c = &net->config;
	char key[64], link[LINK_NAME_SIZE], text[ADDRESS_SIZE];
	const char *given = c->bridge ? c->bridge : c->bridge_name;
	struct {
		const char *key, *value;
	} v[] = { { "default_bridge", "true" }, { "enable_icc", c->no_icc ? "false" : "true" },
		{ "enable_ip_masquerade", c->no_masquerade ? "false" : "true" },
		{ "host_binding_ipv4", address_format(net->default_ip, text) }, { "name", link } };

	path_format(link, sizeof link, "%s", given ? given : "gantry0");
	for (unsigned i = 1; !given && i < 1000 && link_exists(net, link); i++)
		path_format(link, sizeof link, "gantry%u", i);
	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		path_format(key, sizeof key, "%s%s", prefix, v[i].key);
		json_set_string(nw->options, key, v[i].value);
	}
	path_format(text, sizeof text, "%u", c->mtu ? c->mtu : 1500);
	json_set_string(nw->options, "com.docker.network.driver.mtu", text);
}

struct bridge_address {
	int index;
	struct link_address found;
};

static int take_address(void *ctx, const struct link_address *a)
{
	struct bridge_address *b = ctx;

	if (a->index == b->index && !b->found.address)
		b->found = *a;
	return 0;
}

/* --bip, or what the bridge of --bridge has; "" when neither. */
static void default_address(struct net *net, char buf[CIDR_SIZE])
{
	const struct net_config *c = &net->config;
	struct link_info info;
	struct bridge_address b = { 0 };

	buf[0] = '\0';
	if (c->bip) {
		path_format(buf, CIDR_SIZE, "%s", c->bip);
	} else if (c->bridge && link_get(net->nl, c->bridge, &info) == 0) {
		b.index = info.index;
		link_each_address(net->nl, take_address, &b);
		if (b.found.address)
			cidr_format(be32toh(b.found.address), b.found.prefix, buf);
	}
}

/* What the daemon's options say, as the request of a client would. */
static struct json *default_body(struct net *net)
{
	struct json *body = json_new_object(), *entry;
	struct subnet s;
	uint32_t address;
	char text[CIDR_SIZE];

	default_address(net, text);
	if (subnet_parse(text, &s, &address) < 0)
		return body;
	entry = json_add_object(json_set_array(json_set_object(body, "IPAM"), "Config"));
	json_set_string(entry, "Subnet", subnet_format(s, text));
	json_set_string(entry, "Gateway", address_format(address, text));
	if (net->config.fixed_cidr)
		json_set_string(entry, "IPRange", net->config.fixed_cidr);
	if (net->config.default_gateway)
		json_set_string(json_set_object(entry, "AuxiliaryAddresses"), "DefaultGatewayIPv4",
			net->config.default_gateway);
	return body;
}

/* The daemon's options for the default network, to tell whether they have changed. */
static char *default_asked(const struct net *net)
{
	const struct net_config *c = &net->config;
	const char *const v[] = { c->bridge, c->bridge_name, c->bip, c->fixed_cidr, c->default_gateway };
	auto_str struct str text = STR_INIT(4096);

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++)
		str_addf(&text, "%s ", v[i] ? v[i] : "-");
	str_addf(&text, "%x %u %d %d", net->default_ip, c->mtu ? c->mtu : 1500, c->no_icc, c->no_masquerade);
	return str_take(&text);
}

static int make_predefined(struct net *net, const char *name, const char *driver, struct error *err)
{
	struct nw *nw = calloc(1, sizeof *nw);

	if (!nw)
		return error_sys(err, ENOMEM, "cannot make network '%s'", name);
	id_new(nw->id);
	path_format(nw->name, sizeof nw->name, "%s", name);
	path_format(nw->driver_name, sizeof nw->driver_name, "%s", driver);
	nw->predefined = true;
	nw->created_ns = clock_real_ns();
	nw->options = json_new_object();
	nw->labels = json_new_object();
	int r = net_driver_get(net, driver, &nw->driver, err);
	if (r < 0) {
		nw_free(nw);
		return r;
	}
	if (strcmp(name, "bridge") == 0) {
		default_options(net, nw);
		nw->asked = default_asked(net);
	}
	auto_json struct json *body = strcmp(name, "bridge") == 0 ? default_body(net) : json_new_object();
	return create(net, nw, body, err);
}

static bool default_differs(const struct net *net, const struct nw *nw)
{
	auto_free char *now = default_asked(net);

	return now && (!nw->asked || strcmp(nw->asked, now) != 0);
}

/* Made anew as the options have it, unless a container that may live is on it. */
static void follow_options(struct net *net)
{
	struct nw *nw = nw_by_name(net, "bridge");
	struct error err = ERROR_INIT;

	if (!nw || !nw->driver || !default_differs(net, nw))
		return;
	for (const struct net_row *row = net->rows; row; row = row->next) {
		const char *id = json_string(json_at(row->body, "network"));
		if (id && strcmp(id, nw->id) == 0) {
			log_warning("network 'bridge' stays as it was made, whatever the options say now, as "
				    "long as containers are on it");
			return;
		}
	}
	unmake(net, nw);
	struct state_txn *txn = state_begin(net->engine->state);
	state_delete(txn, STATE_NETWORK, nw->id);
	if (state_commit(txn, STATE_NOW, &err) < 0)
		log_warning("%s", err.text);
	take_out(net, nw);
	nw_free(nw);
}

int nw_predefined(struct net *net, struct error *err)
{
	follow_options(net);

	for (size_t i = 0; i < sizeof predefined / sizeof predefined[0]; i++) {
		const char *name = predefined[i].name;
		struct error why = ERROR_INIT;
		bool bridge = strcmp(name, "bridge") == 0;
		if (nw_by_name(net, name) ||
			(bridge && net->config.bridge && strcmp(net->config.bridge, "none") == 0))
			continue;
		int r = make_predefined(net, name, predefined[i].driver, &why);
		if (r < 0 && bridge) {
			*err = why;
			return error_prefix(err, r, "cannot make network '%s'", name);
		}
		if (r < 0)
			log_warning("network '%s': %s", name, why.text);
	}
	struct nw *nw = net->config.default_gateway ? nw_by_name(net, "bridge") : NULL;
	if (nw)
		address_parse(net->config.default_gateway, &nw->router);
	return 0;
}
