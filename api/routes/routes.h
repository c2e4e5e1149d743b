/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Docker Engine API 1.24 to 1.51 on the HTTP server: one table of routes, one file per resource.  A
 * handler reads its request, calls the engine, writes the answer; what things mean is the engine's business.
 * Sources: docs of API 1.51; where they are silent, dockerd 28.5.2.
 */
#ifndef GANTRY_ROUTES_ROUTES_H
#define GANTRY_ROUTES_ROUTES_H

#include "api/http/exchange.h"
#include "api/http/server.h"
#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct engine;
struct auth_chain;

/* What handlers are given as `user`. */
struct routes {
	struct engine *engine;
	struct auth_chain *auth; /* NULL: everything is allowed (--auth none) */
};

/* The table, for struct server_config. */
const struct route *routes_table(size_t *ret_n);
/* The headers of every answer: name, value, ..., NULL. */
const char *const *routes_headers(void);
/* struct server_config's admit: version policy, then authorization. */
int routes_admit(struct exchange *x, const struct route *route, void *user, struct error *err);

/* ---- the resources' tables ---------------------------------------------------------- */
struct route_group {
	const struct route *routes;
	size_t n;
};
extern const struct route_group system_routes, event_routes, container_routes, stream_routes, exec_routes,
	image_routes, network_routes, volume_routes, plugin_routes, missing_routes;
#define ROUTE_GROUP(table)                                  \
	{                                                   \
		(table), sizeof(table) / sizeof((table)[0]) \
	}

#endif
