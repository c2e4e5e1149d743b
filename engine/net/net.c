/* SPDX-License-Identifier: Apache-2.0 */
/* All of it: opening with what the rows say, closing, drivers, members by name, events. */
#include "engine/net/net.h"

#include "core/plugin/call.h"
#include "engine/drivers.h"
#include "engine/events/events.h"
#include "engine/net/dns.h"
#include "engine/net/object.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the lock ---------------------------------------------------------------------------- */
void net_lock(struct net *net)
{
	pthread_mutex_lock(&net->lock);
}

void net_unlock(struct net *net)
{
	pthread_mutex_unlock(&net->lock);
}

bool net_wait(struct net *net, int64_t deadline_ns)
{
	struct timespec at = { .tv_sec = deadline_ns / CLOCK_S, .tv_nsec = deadline_ns % CLOCK_S };

	return pthread_cond_timedwait(&net->changed, &net->lock, &at) == 0;
}

void net_wake(struct net *net)
{
	pthread_cond_broadcast(&net->changed);
}

/* ---- drivers -------------------------------------------------------------------------------- */
static int open_driver(struct net *net, const struct driver *d, struct net_driver **ret, struct error *err)
{
	const struct engine_config *c = &net->engine->config;
	const char *name = driver_api_name(d);
	char root[PATH_MAX], run[PATH_MAX];
	struct net_driver *drv = calloc(1, sizeof *drv);

	if (!drv)
		return error_sys(err, ENOMEM, "cannot open network driver '%s'", name);
	if (path_format(root, sizeof root, "%s/net-%s", c->data_root, name) < 0 ||
		path_format(run, sizeof run, "%s/drivers/net-%s", c->exec_root, name) < 0) {
		free(drv);
		return error_invalid(err, "--data-root or --exec-root is too long");
	}
	struct driver_config config = { .name = name,
		.root = root,
		.run_dir = run,
		.instance = net->engine->instance,
		.sink = &drivers_sink };
	int r = network_open(d, &config, &drv->front, err);
	if (r < 0) {
		free(drv);
		return r;
	}
	drv->d = d;
	drv->caps = network_caps(drv->front);
	drv->next = net->drivers;
	net->drivers = drv;
	*ret = drv;
	return 0;
}

/* Two openings of one driver would share its folder: with the lock held, which nobody waits long for here. */
int net_driver_get(struct net *net, const char *name, struct net_driver **ret, struct error *err)
{
	const struct driver *d = registry_find(net->engine->registry, kind_find(GTY_KIND_NETWORK), name, err);
	int r = 0;

	if (!d)
		return -ENOENT;
	if (!d->usable)
		return error_set(err, ERROR_UNAVAILABLE, ENOTSUP,
			"network driver '%s' cannot be used here: %s", name, d->err.text);
	net_lock(net);
	struct net_driver *drv = net->drivers;
	while (drv && drv->d != d)
		drv = drv->next;
	if (drv)
		*ret = drv;
	else
		r = open_driver(net, d, ret, err);
	net_unlock(net);
	return r;
}

/* ---- members ------------------------------------------------------------------------------------ */
struct net_member *net_find_member(struct net *net, const char *ref)
{
	struct net_member *by_name = NULL, *by_prefix = NULL;
	unsigned n = 0;

	if (ref[0] == '/')
		ref++;
	for (struct net_member *m = net->members; m; m = m->next) {
		if (strcmp(m->id, ref) == 0)
			return m;
		if (strcmp(m->name, ref) == 0)
			by_name = m;
		if (*ref && strncmp(m->id, ref, strlen(ref)) == 0) {
			by_prefix = m;
			n++;
		}
	}
	return by_name ? by_name : n == 1 ? by_prefix : NULL;
}

int net_folder_of(const struct net *net, const char *container, struct error *err)
{
	char path[32 + ID_SIZE];

	path_format(path, sizeof path, "containers/%s", container);
	int fd = openat(net->engine->data_dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? error_sys(err, errno, "cannot open the folder of container '%s'", container) : fd;
}

void net_event(struct net *net, const struct nw *nw, const char *action, const char *container)
{
	auto_json struct json *attributes = json_new_object();
	struct event event = { .type = "network", .action = action, .id = nw->id, .attributes = attributes };

	if (container)
		json_set_string(attributes, "container", container);
	json_set_string(attributes, "name", nw->name);
	json_set_string(attributes, "type", nw->driver_name);
	events_publish(net->engine->events, &event);
}

/* ---- rows --------------------------------------------------------------------------------------------- */
static int load_network(void *ctx, const struct state_row *row, struct error *err)
{
	struct net *net = ctx;
	auto_json struct json *doc = NULL;
	struct nw *nw = NULL;
	struct nw **p = &net->networks;
	int r = json_parse(row->body, row->body_len, 0, &doc, err);

	if (r == 0)
		r = nw_load(net, row->id, doc, &nw, err);
	if (r < 0) {
		log_error("network %s: %s: it is passed over", row->id, err->text);
		return 0;
	}
	path_format(nw->name, sizeof nw->name, "%s", row->name ? row->name : row->id);
	while (*p)
		p = &(*p)->next;
	*p = nw;
	return 0;
}

static int load_row(struct net *net, const struct state_row *row, bool is_sandbox, struct error *err)
{
	struct net_row *r = calloc(1, sizeof *r);
	const char *container = "";

	if (!r)
		return error_sys(err, ENOMEM, "cannot keep what containers hold");
	if (json_parse(row->body, row->body_len, 0, &r->body, NULL) < 0 ||
		json_opt_string(r->body, "container", "", &container, NULL) < 0)
		container = ""; /* nobody claims it: it is removed */
	path_format(r->id, sizeof r->id, "%s", row->id);
	path_format(r->container, sizeof r->container, "%s", container);
	r->is_sandbox = is_sandbox;
	r->next = net->rows;
	net->rows = r;
	return 0;
}

static int load_sandbox(void *ctx, const struct state_row *row, struct error *err)
{
	return load_row(ctx, row, true, err);
}

static int load_endpoint(void *ctx, const struct state_row *row, struct error *err)
{
	return load_row(ctx, row, false, err);
}

static int load_rows(struct net *net, struct error *err)
{
	int r = state_each(net->engine->state, STATE_NETWORK, load_network, net, err);

	if (r == 0)
		r = state_each(net->engine->state, STATE_SANDBOX, load_sandbox, net, err);
	return r == 0 ? state_each(net->engine->state, STATE_ENDPOINT, load_endpoint, net, err) : r;
}

/* ---- what drivers are told -------------------------------------------------------------------------------
 */
static const char *network_of(const struct net_row *row)
{
	return json_string(json_at(row->body, "network"));
}

static struct net_driver *driver_of(struct net *net, const char *id)
{
	struct nw *nw = net->networks;

	while (nw && (!id || strcmp(nw->id, id) != 0))
		nw = nw->next;
	return nw ? nw->driver : NULL;
}

static int recover(struct net *net, struct net_driver *drv, struct error *err)
{
	size_t n = 0, room = 0;
	struct gty_recover_rep *rep = NULL;

	for (const struct nw *nw = net->networks; nw; nw = nw->next)
		room++;
	for (const struct net_row *row = net->rows; row; row = row->next)
		room++;
	struct gty_known *v = calloc(room + 1, sizeof *v);
	if (!v)
		return error_sys(err, ENOMEM, "cannot tell network drivers what is known");
	for (const struct nw *nw = net->networks; nw; nw = nw->next)
		if (nw->driver == drv)
			v[n++] = (struct gty_known){
				.what = GTY_KNOWN_NETWORK, .id = nw->id, .state = nw->state
			};
	for (const struct net_row *row = net->rows; row; row = row->next)
		if (!row->is_sandbox && driver_of(net, network_of(row)) == drv)
			v[n++] = (struct gty_known){
				.what = GTY_KNOWN_JOIN, .id = row->id, .parent = network_of(row)
			};
	struct gty_recover_req req = {
		.n = (uint32_t)n, .v = v, .flags = net->engine->rebooted ? GTY_RECOVER_REBOOT : 0
	};
	int r = network_recover(drv->front, &req, &rep, err);
	if (r == 0 && !net->engine->rebooted)
		for (uint32_t i = 0; i < rep->n; i++)
			log_warning("network driver '%s': %s: %s", network_name(drv->front), rep->v[i].id,
				rep->v[i].why);
	reply_free(rep);
	free(v);
	return r;
}

static int recover_all(struct net *net, struct error *err)
{
	struct net_driver *bridge;
	struct error why = ERROR_INIT;

	/* The default one is asked also when no network is known: something of ours may be left. */
	if (net_driver_get(net, "bridge", &bridge, &why) < 0)
		log_warning("%s", why.text);
	for (struct net_driver *drv = net->drivers; drv; drv = drv->next) {
		int r = recover(net, drv, err);
		if (r < 0)
			return r;
	}
	for (struct nw *nw = net->networks; nw; nw = nw->next)
		if (nw->driver && nw_make(net, nw, true, &why) < 0)
			log_error("network '%s' cannot be made again: %s", nw->name, why.text);
	return nw_predefined(net, err);
}

/* ---- opening
 * ------------------------------------------------------------------------------------------------- */
static int read_config(struct net *net, struct error *err)
{
	const struct net_config *c = &net->config;
	struct subnet subnet;
	uint32_t address;
	int r = 0;

	if (c->ip && address_parse(c->ip, &net->default_ip) < 0)
		return error_invalid(err, "--ip: '%s' is no IPv4 address", c->ip);
	if (c->bip && subnet_parse(c->bip, &subnet, &address) < 0)
		return error_invalid(
			err, "--bip: '%s' is no IPv4 address with a prefix, as 192.168.1.1/24", c->bip);
	if (c->bip && c->bridge)
		return error_invalid(err, "--bip and --bridge: a bridge that is there has its own address");
	if (c->fixed_cidr && subnet_parse(c->fixed_cidr, &subnet, NULL) < 0)
		return error_invalid(err, "--fixed-cidr: '%s' is no IPv4 subnet", c->fixed_cidr);
	if (c->default_gateway && address_parse(c->default_gateway, &address) < 0)
		return error_invalid(err, "--default-gateway: '%s' is no IPv4 address", c->default_gateway);
	for (size_t i = 0; r == 0 && i < c->n_pools; i++)
		r = ipam_add_range(&net->ranges, c->pools[i], err);
	if (r == 0 && net->ranges.n == 0)
		ipam_default_ranges(&net->ranges);
	return r;
}

static int open_kernel(struct net *net, struct error *err)
{
	net->host_ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (net->host_ns < 0)
		return error_sys(err, errno, "cannot open the network namespace");
	if (mkdirat(net->engine->exec_dir, "netns", 0711) < 0 && errno != EEXIST)
		return error_sys(err, errno, "cannot make 'netns'");
	net->folder = openat(net->engine->exec_dir, "netns", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (net->folder < 0)
		return error_sys(err, errno, "cannot open 'netns'");
	int r = netlink_open(NETLINK_ROUTE, &net->nl, err);
	if (r == 0)
		r = netlink_open(NETLINK_NETFILTER, &net->ct, err);
	if (r == 0 && net->config.no_firewall)
		r = firewall_remove(net->ct, net->engine->instance, err);
	else if (r == 0)
		r = firewall_open(net->engine->instance, &net->fw, err);
	return r;
}

static int open_parts(struct net *net, struct error *err)
{
	int r = read_config(net, err);

	if (r == 0)
		r = open_kernel(net, err);
	if (r == 0)
		r = spares_new(net, err);
	if (r == 0)
		r = dns_new(net, err);
	if (r == 0)
		r = load_rows(net, err);
	return r == 0 ? recover_all(net, err) : r;
}

int net_open(struct engine *engine, const struct net_config *config, struct net **ret, struct error *err)
{
	struct net *net = calloc(1, sizeof *net);
	pthread_condattr_t attr;

	if (!net)
		return error_sys(err, ENOMEM, "cannot open the networks");
	net->engine = engine;
	if (config)
		net->config = *config;
	net->host_ns = net->folder = -1;
	pthread_mutex_init(&net->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&net->changed, &attr);
	pthread_condattr_destroy(&attr);
	int r = open_parts(net, err);
	if (r < 0)
		net_close(net);
	else
		*ret = net;
	return r;
}

/* ---- after the containers
 * ----------------------------------------------------------------------------------------- */
static void drop_row(struct net *net, const struct net_row *row)
{
	struct state_txn *txn = state_begin(net->engine->state);
	struct net_endpoint *ep = NULL;
	struct error err = ERROR_INIT;

	if (!row->is_sandbox && row_read_endpoint(net, row->id, row->body, &ep) == 0) {
		endpoint_detach(ep, -1, false);
		endpoint_free(ep);
	}
	state_delete(txn, row->is_sandbox ? STATE_SANDBOX : STATE_ENDPOINT, row->id);
	if (state_commit(txn, STATE_SOON, &err) < 0)
		log_warning("%s", err.text);
}

static void free_row(struct net_row *row)
{
	json_free(row->body);
	free(row);
}

int net_settle(struct net *net, struct error *err)
{
	while (net->rows) {
		struct net_row *row = net->rows;
		net->rows = row->next;
		drop_row(net, row);
		free_row(row);
	}
	net->settled = true;
	int r = net->fw ? firewall_settle(net->fw, err) : 0;
	if (r == 0) {
		dns_begin(net);
		spares_begin(net);
	}
	return r;
}

void net_warnings(struct net *net, struct json *array)
{
	auto_free char *text = NULL;

	if (fd_read_file(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", 8, &text, NULL) == 0 && text[0] == '0')
		json_add_string(array, "WARNING: IPv4 forwarding is disabled");
	if (net->fw && firewall_is_blocked(net->fw))
		json_add_string(
			array, "WARNING: another firewall may drop what is forwarded to and from containers");
}

void net_close(struct net *net)
{
	if (!net)
		return;
	dns_free(net);
	spares_free(net);
	while (net->rows) {
		struct net_row *row = net->rows;
		net->rows = row->next;
		free_row(row);
	}
	while (net->networks) {
		struct nw *nw = net->networks;
		net->networks = nw->next;
		nw_free(nw);
	}
	while (net->drivers) {
		struct net_driver *drv = net->drivers;
		net->drivers = drv->next;
		network_close(drv->front);
		free(drv);
	}
	firewall_close(net->fw);
	netlink_close(net->nl);
	netlink_close(net->ct);
	if (net->folder >= 0)
		close(net->folder);
	if (net->host_ns >= 0)
		close(net->host_ns);
	pthread_cond_destroy(&net->changed);
	pthread_mutex_destroy(&net->lock);
	free(net);
}
