/* SPDX-License-Identifier: Apache-2.0 */
/* Networks as rows. */
#include "engine/net/network_body.h"

#include "lib/base/log.h"
#include "lib/base/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int nw_save(struct net *net, const struct nw *nw, struct error *err)
{
	auto_json struct json *row = json_new_object();
	char subnet[CIDR_SIZE];

	json_set_string(row, "driver", nw->driver_name);
	json_set_int(row, "created", nw->created_ns);
	json_set_bool(row, "internal", nw->internal);
	json_set_bool(row, "attachable", nw->attachable);
	json_set_bool(row, "predefined", nw->predefined);
	json_set_bool(row, "userSubnet", nw->user_subnet);
	json_set(row, "options", json_copy(nw->options));
	json_set(row, "labels", json_copy(nw->labels));
	if (nw->ipam_options)
		json_set(row, "ipamOptions", json_copy(nw->ipam_options));
	if (nw->pool) {
		json_set(row, "ipam", json_copy(nw->ipam));
		json_set_string(row, "subnet", subnet_format(nw->subnet, subnet));
		json_set_uint(row, "gateway", nw->gateway);
	}
	if (nw->state)
		json_set_string(row, "state", nw->state);
	if (nw->asked)
		json_set_string(row, "asked", nw->asked);
	json_set_string(row, "hostLink", nw->host_link);
	json_set_uint(row, "facts", nw->facts);
	json_set_uint(row, "mtu", nw->mtu);
	char *text = json_text(row);
	if (!text)
		return error_sys(err, ENOMEM, "cannot keep network '%s'", nw->name);
	struct state_txn *txn = state_begin(net->engine->state);
	state_put(txn, STATE_NETWORK, nw->id, nw->name, text);
	free(text);
	return state_commit(txn, STATE_NOW, err);
}

static int read_addresses(struct nw *nw, const struct json *row, struct error *err)
{
	const char *subnet = NULL;
	const struct json *ipam = NULL;
	uint64_t gateway = 0;
	int r = json_opt_string(row, "subnet", NULL, &subnet, err);

	if (r < 0 || !subnet)
		return r;
	r = json_opt_uint(row, "gateway", 0, UINT32_MAX, &gateway, err);
	if (r == 0)
		r = json_opt_array(row, "ipam", &ipam, err);
	if (r == 0 && subnet_parse(subnet, &nw->subnet, NULL) < 0)
		r = error_invalid(err, "'%s' is no subnet", subnet);
	if (r < 0)
		return r;
	nw->gateway = (uint32_t)gateway;
	nw->ipam = json_copy(ipam);
	return network_body_make_pool(nw, err);
}

static int read_row(struct nw *nw, const struct json *row, struct error *err)
{
	const char *driver, *state = NULL, *link = "", *asked = NULL;
	const struct json *options = NULL, *labels = NULL, *ipam_options = NULL;
	uint64_t facts = 0, mtu = 0;
	int r = json_get_string(row, "driver", &driver, err);

	if (r == 0)
		r = json_opt_int(row, "created", 0, INT64_MIN, INT64_MAX, &nw->created_ns, err);
	if (r == 0)
		r = json_opt_object(row, "options", &options, err);
	if (r == 0)
		r = json_opt_object(row, "labels", &labels, err);
	if (r == 0)
		r = json_opt_object(row, "ipamOptions", &ipam_options, err);
	if (r < 0)
		return r;
	json_opt_bool(row, "internal", false, &nw->internal, NULL);
	json_opt_bool(row, "attachable", false, &nw->attachable, NULL);
	json_opt_bool(row, "predefined", false, &nw->predefined, NULL);
	json_opt_bool(row, "userSubnet", false, &nw->user_subnet, NULL);
	json_opt_string(row, "state", NULL, &state, NULL);
	json_opt_string(row, "asked", NULL, &asked, NULL);
	json_opt_string(row, "hostLink", "", &link, NULL);
	json_opt_uint(row, "facts", 0, UINT32_MAX, &facts, NULL);
	json_opt_uint(row, "mtu", 0, UINT32_MAX, &mtu, NULL);
	path_format(nw->driver_name, sizeof nw->driver_name, "%s", driver);
	path_format(nw->host_link, sizeof nw->host_link, "%s", link);
	nw->facts = (uint32_t)facts;
	nw->mtu = (uint32_t)mtu;
	nw->state = state ? strdup(state) : NULL;
	nw->asked = asked ? strdup(asked) : NULL;
	nw->options = options ? json_copy(options) : json_new_object();
	nw->labels = labels ? json_copy(labels) : json_new_object();
	nw->ipam_options = ipam_options ? json_copy(ipam_options) : NULL;
	return read_addresses(nw, row, err);
}

int nw_load(struct net *net, const char *id, const struct json *row, struct nw **ret, struct error *err)
{
	struct nw *nw = calloc(1, sizeof *nw);
	struct error why = ERROR_INIT;

	if (!nw)
		return error_sys(err, ENOMEM, "cannot keep a network");
	path_format(nw->id, sizeof nw->id, "%s", id);
	int r = read_row(nw, row, err);
	if (r < 0) {
		nw_free(nw);
		return r;
	}
	if (net_driver_get(net, nw->driver_name, &nw->driver, &why) < 0)
		log_warning("network %s: %s: it cannot be used", id, why.text);
	*ret = nw;
	return 0;
}
