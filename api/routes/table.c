/* SPDX-License-Identifier: Apache-2.0 */
/* The whole table, and what holds for every answer. */
#include "api/routes/routes.h"

#include "api/routes/version.h"

#include <pthread.h>
#include <string.h>

#define ROUTES_MAX 160

static const struct route_group *const groups[] = { &system_routes, &event_routes, &container_routes,
	&stream_routes, &exec_routes, &image_routes, &network_routes, &volume_routes, &plugin_routes,
	&missing_routes };

static struct route all[ROUTES_MAX];
static size_t n_all;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void gather(void)
{
	for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++)
		for (size_t i = 0; i < groups[g]->n && n_all < ROUTES_MAX; i++)
			all[n_all++] = groups[g]->routes[i];
}

const struct route *routes_table(size_t *ret_n)
{
	pthread_once(&once, gather);
	*ret_n = n_all;
	return all;
}

const char *const *routes_headers(void)
{
	static const char *const headers[] = { "Server", "Docker/" VERSION_DOCKER " (linux)", "Api-Version",
		VERSION_API, "Ostype", "linux", "Docker-Experimental", "false", NULL };

	return headers;
}
