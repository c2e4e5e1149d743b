/* SPDX-License-Identifier: Apache-2.0 */
/* Networks as API 1.51 shows them: GET /networks, GET /networks/{id}, POST /networks/prune. */
#include "engine/net/object.h"

#include "lib/base/timefmt.h"
#include "lib/model/filters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void show_ipam(struct json *doc, const struct nw *nw)
{
	struct json *ipam = json_set_object(doc, "IPAM");

	json_set_string(ipam, "Driver", "default");
	if (nw->ipam_options)
		json_set(ipam, "Options", json_copy(nw->ipam_options));
	else
		json_set_null(ipam, "Options");
	if (nw->ipam)
		json_set(ipam, "Config", json_copy(nw->ipam));
	else if (nw->pool)
		json_set_array(ipam, "Config");
	else
		json_set_null(ipam, "Config");
}

static void show_containers(struct json *doc, const struct nw *nw, bool detail)
{
	struct json *all = json_set_object(doc, "Containers");
	char cidr[CIDR_SIZE];

	for (const struct net_endpoint *ep = detail ? nw->endpoints : NULL; ep; ep = ep->next_nw) {
		if (!ep->member || !ep->joined)
			continue;
		struct json *o = json_set_object(all, ep->member->id);
		json_set_string(o, "Name", ep->member->name);
		json_set_string(o, "EndpointID", ep->id);
		json_set_string(o, "MacAddress", ep->mac);
		json_set_string(
			o, "IPv4Address", ep->address ? cidr_format(ep->address, ep->prefix, cidr) : "");
		json_set_string(o, "IPv6Address", "");
	}
}

static struct json *show(const struct nw *nw, bool detail)
{
	struct json *doc = json_new_object();
	char when[TIMEFMT_SIZE];

	json_set_string(doc, "Name", nw->name);
	json_set_string(doc, "Id", nw->id);
	json_set_string(doc, "Created", timefmt_rfc3339nano(nw->created_ns, when));
	json_set_string(
		doc, "Scope", nw->driver && network_is_global(nw->driver->front) ? "global" : "local");
	json_set_string(doc, "Driver", nw->driver_name);
	json_set_bool(doc, "EnableIPv4", true);
	json_set_bool(doc, "EnableIPv6", false);
	show_ipam(doc, nw);
	json_set_bool(doc, "Internal", nw->internal);
	json_set_bool(doc, "Attachable", nw->attachable);
	json_set_bool(doc, "Ingress", false);
	json_set_string(json_set_object(doc, "ConfigFrom"), "Network", "");
	json_set_bool(doc, "ConfigOnly", false);
	show_containers(doc, nw, detail);
	json_set(doc, "Options", json_copy(nw->options));
	json_set(doc, "Labels", json_copy(nw->labels));
	return doc;
}

int net_inspect(struct net *net, const char *ref, struct json **ret, struct error *err)
{
	struct nw *nw = NULL;
	struct json *doc = NULL;

	net_lock(net);
	int r = nw_find(net, ref, &nw, err);
	if (r == 0)
		doc = show(nw, true);
	net_unlock(net);
	if (r == 0 && json_kind(doc) != JSON_OBJECT)
		r = error_sys(err, ENOMEM, "cannot write the answer");
	if (r == 0)
		*ret = doc;
	return r;
}

/* ---- lists ---------------------------------------------------------------------------------- */
static bool is_used(const struct nw *nw)
{
	for (const struct net_endpoint *ep = nw->endpoints; ep; ep = ep->next_nw)
		if (ep->member)
			return true;
	return false;
}

static bool type_matches(const struct nw *nw, const struct filters *f)
{
	return filters_match(f, "type", nw->predefined ? "builtin" : "custom");
}

static bool is_asked(const struct nw *nw, const struct filters *f, bool want_dangling, bool dangling)
{
	const char *scope = nw->driver && network_is_global(nw->driver->front) ? "global" : "local";

	return !nw->creating && !nw->removing && filters_match(f, "driver", nw->driver_name) &&
	       filters_match_regex(f, "name", nw->name) && filters_match_prefix(f, "id", nw->id) &&
	       filters_match(f, "scope", scope) && type_matches(nw, f) &&
	       filters_match_labels(f, nw->labels) &&
	       (!want_dangling || dangling == (!nw->predefined && !is_used(nw)));
}

static int check_type(const struct filters *f, struct error *err)
{
	for (size_t i = 0; i < filters_count(f, "type"); i++) {
		const char *v = filters_value(f, "type", i);
		if (strcmp(v, "builtin") != 0 && strcmp(v, "custom") != 0)
			return error_invalid(err, "invalid filter: 'type'='%s'", v);
	}
	return 0;
}

int net_list(struct net *net, const struct filters *filters, struct json **ret, struct error *err)
{
	bool want_dangling = filters_has(filters, "dangling"), dangling = false;
	int r = filters_bool(filters, "dangling", false, &dangling, err);

	if (r == 0)
		r = check_type(filters, err);
	if (r < 0)
		return r;
	struct json *list = json_new_array();
	net_lock(net);
	for (const struct nw *nw = net->networks; nw; nw = nw->next)
		if (is_asked(nw, filters, want_dangling, dangling))
			json_add(list, show(nw, false));
	net_unlock(net);
	if (json_kind(list) != JSON_ARRAY)
		return error_sys(err, ENOMEM, "cannot write the answer");
	*ret = list;
	return 0;
}

/* ---- prune -------------------------------------------------------------------------------------- */
static bool is_prunable(const struct nw *nw, const struct filters *f)
{
	return !nw->predefined && !nw->creating && !nw->removing && !is_used(nw) &&
	       filters_match_labels(f, nw->labels);
}

int net_prune(struct net *net, const struct filters *filters, struct json **ret, struct error *err)
{
	struct json *doc = json_new_object(), *deleted = json_new_array(), *candidates = json_new_array();
	struct error why;

	net_lock(net);
	for (const struct nw *nw = net->networks; nw; nw = nw->next)
		if (is_prunable(nw, filters))
			json_add_string(candidates, nw->id);
	net_unlock(net);
	for (size_t i = 0; i < json_count(candidates); i++) {
		struct nw *nw = NULL;
		char name[NET_NAME_SIZE] = "";
		const char *id = json_string(json_item(candidates, i));
		net_lock(net);
		if (nw_find(net, id, &nw, NULL) == 0)
			memcpy(name, nw->name, sizeof name);
		net_unlock(net);
		if (nw && net_remove(net, id, &why) == 0)
			json_add_string(deleted, name);
	}
	json_free(candidates);
	if (json_count(deleted) > 0) {
		json_set(doc, "NetworksDeleted", deleted);
	} else {
		json_free(deleted);
		json_set_null(doc, "NetworksDeleted");
	}
	if (json_kind(doc) != JSON_OBJECT)
		return error_sys(err, ENOMEM, "cannot write the answer");
	*ret = doc;
	return 0;
}
