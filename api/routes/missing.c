/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoints of the API that are not built, each by its name: 501 for what a later version serves, 503 for
 * swarm mode, which a single host does not have.  A row goes when its handler comes.
 */
#include "api/routes/routes.h"

#include "api/http/reply.h"

#include <errno.h>

static int not_built(struct exchange *x, void *user, struct error *err)
{
	const struct route *route = exchange_route(x);

	(void)user;
	return error_set(err, ERROR_UNSUPPORTED, ENOTSUP, "%s %s is not built into gantry %s", route->method,
		route->pattern, GANTRY_VERSION);
}

static int not_swarm(struct exchange *x, void *user, struct error *err)
{
	(void)user;
	(void)err;
	return reply_error(x, 503,
		"This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to "
		"connect this node to swarm "
		"and try again.");
}

static const struct route routes[] = {
	{ "GET", "/containers/{id}/changes", not_built, 0, NULL },
	{ "GET", "/containers/{id}/export", not_built, 0, NULL },
	{ "GET", "/containers/{id}/stats", not_built, 0, NULL },
	{ "POST", "/containers/{id}/update", not_built, 0, NULL },
	{ "GET", "/containers/{id}/attach/ws", not_built, 0, NULL },
	{ "HEAD", "/containers/{id}/archive", not_built, 0, NULL },
	{ "GET", "/containers/{id}/archive", not_built, 0, NULL },
	{ "PUT", "/containers/{id}/archive", not_built, 0, NULL },
	{ "POST", "/containers/prune", not_built, 0, NULL },
	{ "POST", "/build", not_built, 0, NULL },
	{ "POST", "/build/prune", not_built, 0, NULL },
	{ "GET", "/images/{name...}/history", not_built, 0, NULL },
	{ "POST", "/images/{name...}/push", not_built, 0, NULL },
	{ "GET", "/images/search", not_built, 0, NULL },
	{ "POST", "/images/prune", not_built, 0, NULL },
	{ "POST", "/auth", not_built, 0, NULL },
	{ "POST", "/commit", not_built, 0, NULL },
	{ "GET", "/system/df", not_built, 0, NULL },
	{ "GET", "/images/{name...}/get", not_built, 0, NULL },
	{ "GET", "/images/get", not_built, 0, NULL },
	{ "PUT", "/volumes/{name}", not_swarm, 0, NULL },
	{ "GET", "/plugins/privileges", not_built, 0, NULL },
	{ "POST", "/plugins/pull", not_built, 0, NULL },
	{ "DELETE", "/plugins/{name...}", not_built, 0, NULL },
	{ "POST", "/plugins/{name...}/enable", not_built, 0, NULL },
	{ "POST", "/plugins/{name...}/disable", not_built, 0, NULL },
	{ "POST", "/plugins/{name...}/upgrade", not_built, 0, NULL },
	{ "POST", "/plugins/create", not_built, 0, NULL },
	{ "POST", "/plugins/{name...}/push", not_built, 0, NULL },
	{ "POST", "/plugins/{name...}/set", not_built, 0, NULL },
	{ "GET", "/nodes", not_swarm, 0, NULL },
	{ "GET", "/nodes/{id}", not_swarm, 0, NULL },
	{ "DELETE", "/nodes/{id}", not_swarm, 0, NULL },
	{ "POST", "/nodes/{id}/update", not_swarm, 0, NULL },
	{ "GET", "/swarm", not_swarm, 0, NULL },
	{ "POST", "/swarm/init", not_swarm, 0, NULL },
	{ "POST", "/swarm/join", not_swarm, 0, NULL },
	{ "POST", "/swarm/leave", not_swarm, 0, NULL },
	{ "POST", "/swarm/update", not_swarm, 0, NULL },
	{ "GET", "/swarm/unlockkey", not_swarm, 0, NULL },
	{ "POST", "/swarm/unlock", not_swarm, 0, NULL },
	{ "GET", "/services", not_swarm, 0, NULL },
	{ "POST", "/services/create", not_swarm, 0, NULL },
	{ "GET", "/services/{id}", not_swarm, 0, NULL },
	{ "DELETE", "/services/{id}", not_swarm, 0, NULL },
	{ "POST", "/services/{id}/update", not_swarm, 0, NULL },
	{ "GET", "/services/{id}/logs", not_swarm, 0, NULL },
	{ "GET", "/tasks", not_swarm, 0, NULL },
	{ "GET", "/tasks/{id}", not_swarm, 0, NULL },
	{ "GET", "/tasks/{id}/logs", not_swarm, 0, NULL },
	{ "GET", "/secrets", not_swarm, 0, NULL },
	{ "POST", "/secrets/create", not_swarm, 0, NULL },
	{ "GET", "/secrets/{id}", not_swarm, 0, NULL },
	{ "DELETE", "/secrets/{id}", not_swarm, 0, NULL },
	{ "POST", "/secrets/{id}/update", not_swarm, 0, NULL },
	{ "GET", "/configs", not_swarm, 0, NULL },
	{ "POST", "/configs/create", not_swarm, 0, NULL },
	{ "GET", "/configs/{id}", not_swarm, 0, NULL },
	{ "DELETE", "/configs/{id}", not_swarm, 0, NULL },
	{ "POST", "/configs/{id}/update", not_swarm, 0, NULL },
	{ "GET", "/distribution/{name...}/json", not_built, 0, NULL },
};

const struct route_group missing_routes = ROUTE_GROUP(routes);
