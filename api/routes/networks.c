/* SPDX-License-Identifier: Apache-2.0 */
/* /networks: list, inspect, create, remove, prune, connect, disconnect. */
#include "api/routes/routes.h"

#include "api/http/reply.h"
#include "api/routes/answer.h"
#include "engine/container/container.h"
#include "engine/engine.h"
#include "engine/net/net.h"
#include "lib/json/json.h"
#include "lib/model/filters.h"

#include <errno.h>

static struct net *net_of(void *user)
{
	return ((struct routes *)user)->engine->net;
}

static int list(struct exchange *x, void *user, struct error *err)
{
	struct filters *filters = NULL;
	struct json *doc = NULL;
	int r = answer_filters(x, FILTERS_NETWORKS, &filters, err);

	if (r == 0)
		r = net_list(net_of(user), filters, &doc, err);
	filters_free(filters);
	return r < 0 ? r : answer_json(x, 200, doc, err);
}

static int inspect(struct exchange *x, void *user, struct error *err)
{
	struct json *doc = NULL;
	int r = net_inspect(net_of(user), exchange_param(x, "id"), &doc, err);

	return r < 0 ? r : answer_json(x, 200, doc, err);
}

static int create(struct exchange *x, void *user, struct error *err)
{
	auto_json struct json *body = NULL;
	struct json *doc = NULL;
	int r = answer_body(x, false, &body, err);

	if (r == 0)
		r = net_create(net_of(user), body, &doc, err);
	return r < 0 ? r : answer_json(x, 201, doc, err);
}

static int remove_(struct exchange *x, void *user, struct error *err)
{
	int r = net_remove(net_of(user), exchange_param(x, "id"), err);

	return r < 0 ? r : reply_empty(x, 204);
}

static int prune(struct exchange *x, void *user, struct error *err)
{
	struct filters *filters = NULL;
	struct json *doc = NULL;
	int r = answer_filters(x, FILTERS_PRUNE_NETWORKS, &filters, err);

	if (r == 0)
		r = net_prune(net_of(user), filters, &doc, err);
	filters_free(filters);
	return r < 0 ? r : answer_json(x, 200, doc, err);
}

static int connect_(struct exchange *x, void *user, struct error *err)
{
	struct routes *routes = user;
	auto_json struct json *body = NULL;
	const char *name = NULL;
	struct container *c = NULL;
	int r = answer_body(x, false, &body, err);

	if (r == 0)
		r = json_opt_string(body, "Container", "", &name, err);
	if (r == 0 && !*name)
		r = error_invalid(err, "invalid name or ID supplied: \"\"");
	if (r == 0)
		r = containers_find(routes->engine->containers, name, &c, err);
	if (r == 0)
		r = container_network_connect(
			c, exchange_param(x, "id"), json_at(body, "EndpointConfig"), err);
	container_unref(c);
	return r < 0 ? r : reply_empty(x, 200);
}

static int disconnect(struct exchange *x, void *user, struct error *err)
{
	struct routes *routes = user;
	auto_json struct json *body = NULL;
	const char *name = NULL;
	struct container *c = NULL;
	bool force = false;
	int r = answer_body(x, true, &body, err);

	if (r == 0)
		r = json_get_string(body, "Container", &name, err);
	if (r == 0)
		r = json_opt_bool(body, "Force", false, &force, err);
	if (r == 0)
		r = containers_find(routes->engine->containers, name, &c, err);
	if (r == -ENOENT && force)
		r = net_disconnect_lost(routes->engine->net, exchange_param(x, "id"), name, err);
	else if (r == 0)
		r = container_network_disconnect(c, exchange_param(x, "id"), force, err);
	container_unref(c);
	return r < 0 ? r : reply_empty(x, 200);
}

static const struct route table[] = {
	{ "GET", "/networks", list, 0, "network.list" },
	{ "GET", "/networks/{id}", inspect, 0, "network.inspect" },
	{ "POST", "/networks/create", create, 0, "network.create" },
	{ "POST", "/networks/prune", prune, 0, "network.prune" },
	{ "POST", "/networks/{id}/connect", connect_, 0, "network.connect" },
	{ "POST", "/networks/{id}/disconnect", disconnect, 0, "network.disconnect" },
	{ "DELETE", "/networks/{id}", remove_, 0, "network.remove" },
};
const struct route_group network_routes = ROUTE_GROUP(table);
