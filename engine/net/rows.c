/* SPDX-License-Identifier: Apache-2.0 */
/* What a running container holds, as rows. */
#include "engine/net/object.h"

#include "lib/base/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void put(struct state_txn *txn, enum state_kind kind, const char *id, struct json *body)
{
	char *text = json_text(body);

	state_put(txn, kind, id, NULL, text ? text : "");
	free(text);
	json_free(body);
}

void row_put_sandbox(struct state_txn *txn, const struct net_member *m)
{
	struct json *body = json_new_object(), *ports;

	json_set_string(body, "container", m->id);
	json_set_bool(body, "host", m->host);
	ports = json_set_array(body, "ports");
	for (size_t i = 0; i < m->n_held; i++) {
		struct json *p = json_add_object(ports);
		json_set_uint(p, "proto", m->held[i].proto);
		json_set_uint(p, "container", m->held[i].container);
		json_set_uint(p, "host", m->held[i].host);
		json_set_uint(p, "hostIp", m->held[i].host_ip);
	}
	put(txn, STATE_SANDBOX, m->sandbox, body);
}

static int read_port(const struct json *p, struct port_held *ret)
{
	uint64_t proto = 0, container = 0, host = 0, ip = 0;

	if (json_get_uint(p, "proto", 255, &proto, NULL) < 0 ||
		json_get_uint(p, "container", 65535, &container, NULL) < 0 ||
		json_get_uint(p, "host", 65535, &host, NULL) < 0 ||
		json_get_uint(p, "hostIp", UINT32_MAX, &ip, NULL) < 0)
		return -EBADMSG;
	*ret = (struct port_held){ .proto = (uint8_t)proto,
		.container = (uint16_t)container,
		.host = (uint16_t)host,
		.host_ip = (uint32_t)ip,
		.fd = -1 };
	return 0;
}

int row_read_sandbox(struct net_member *m, const char *id, const struct json *body)
{
	const struct json *ports = NULL;
	int r = json_opt_array(body, "ports", &ports, NULL);
	size_t n = json_count(ports);

	if (r < 0)
		return r;
	path_format(m->sandbox, sizeof m->sandbox, "%s", id);
	json_opt_bool(body, "host", false, &m->host, NULL);
	m->held = calloc(n + 1, sizeof *m->held);
	if (!m->held)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (read_port(json_item(ports, i), &m->held[m->n_held]) == 0)
			m->n_held++;
	m->running = true;
	return 0;
}

void row_put_endpoint(struct state_txn *txn, const struct net_endpoint *ep)
{
	struct json *body = json_new_object();

	json_set_string(body, "container", ep->member->id);
	json_set_string(body, "network", ep->nw->id);
	json_set_uint(body, "address", ep->address);
	json_set_uint(body, "prefix", ep->prefix);
	json_set_string(body, "mac", ep->mac);
	json_set_string(body, "ifname", ep->ifname);
	json_set_string(body, "hostLink", ep->host_link);
	json_set_uint(body, "via", ep->via);
	json_set_bool(body, "gateway", ep->is_gateway);
	if (ep->state)
		json_set_string(body, "state", ep->state);
	put(txn, STATE_ENDPOINT, ep->id, body);
}

static void copy_text(const struct json *body, const char *key, char *buf, size_t size)
{
	const char *text = "";

	json_opt_string(body, key, "", &text, NULL);
	path_format(buf, size, "%s", text);
}

int row_read_endpoint(struct net *net, const char *id, const struct json *body, struct net_endpoint **ret)
{
	const char *network = "", *state = NULL;
	uint64_t address = 0, prefix = 0, via = 0;
	struct nw *nw = NULL;

	if (json_get_string(body, "network", &network, NULL) < 0 || nw_find(net, network, &nw, NULL) < 0)
		return -ENOENT;
	struct net_endpoint *ep = endpoint_new(nw, NULL);
	if (!ep)
		return -ENOMEM;
	path_format(ep->id, sizeof ep->id, "%s", id);
	json_opt_uint(body, "address", 0, UINT32_MAX, &address, NULL);
	json_opt_uint(body, "prefix", 0, 32, &prefix, NULL);
	json_opt_uint(body, "via", 0, UINT32_MAX, &via, NULL);
	json_opt_bool(body, "gateway", false, &ep->is_gateway, NULL);
	json_opt_string(body, "state", NULL, &state, NULL);
	ep->address = (uint32_t)address;
	ep->prefix = (unsigned)prefix;
	ep->via = (uint32_t)via;
	copy_text(body, "mac", ep->mac, sizeof ep->mac);
	copy_text(body, "ifname", ep->ifname, sizeof ep->ifname);
	copy_text(body, "hostLink", ep->host_link, sizeof ep->host_link);
	ep->state = state ? strdup(state) : NULL;
	ep->joined = true;
	*ret = ep;
	return 0;
}
