/* SPDX-License-Identifier: Apache-2.0 */
/* _ping, version, info: what a client asks first. */
#include "api/routes/routes.h"

#include "api/http/reply.h"
#include "api/routes/answer.h"
#include "api/routes/version.h"
#include "engine/engine.h"
#include "engine/info.h"
#include "lib/base/cleanup.h"
#include "lib/json/json.h"

#include <errno.h>
#include <string.h>

static int ping(struct exchange *x, void *user, struct error *err)
{
	(void)user;
	(void)err;
	reply_header(x, "Builder-Version", "1");
	reply_header(x, "Swarm", "inactive");
	reply_header(x, "Cache-Control", "no-cache, no-store, must-revalidate");
	reply_header(x, "Pragma", "no-cache");
	/* Docker says no length of a body that is not sent for HEAD. */
	size_t n = strcmp(exchange_method(x), "HEAD") == 0 ? 0 : 2;
	return reply_send(x, 200, "text/plain; charset=utf-8", "OK", n);
}

static int version(struct exchange *x, void *user, struct error *err)
{
	const struct routes *routes = user;
	struct host_facts host;

	(void)routes;
	info_host(&host);
	struct json *doc = json_new_object();
	json_set_string(json_set_object(doc, "Platform"), "Name", "gantry " GANTRY_VERSION);
	struct json *engine = json_add_object(json_set_array(doc, "Components"));
	json_set_string(engine, "Name", "Engine");
	json_set_string(engine, "Version", VERSION_DOCKER);
	struct json *details = json_set_object(engine, "Details");
	json_set_string(details, "ApiVersion", VERSION_API);
	json_set_string(details, "Arch", host.go_arch);
	json_set_string(details, "BuildTime", INFO_BUILD_TIME);
	json_set_string(details, "Experimental", "false");
	json_set_string(details, "GitCommit", INFO_COMMIT);
	json_set_string(details, "KernelVersion", host.kernel);
	json_set_string(details, "MinAPIVersion", VERSION_API_MIN);
	json_set_string(details, "Os", "linux");
	json_set_string(doc, "Version", VERSION_DOCKER);
	json_set_string(doc, "ApiVersion", VERSION_API);
	json_set_string(doc, "MinAPIVersion", VERSION_API_MIN);
	json_set_string(doc, "GitCommit", INFO_COMMIT);
	json_set_string(doc, "GoVersion", "");
	json_set_string(doc, "Os", "linux");
	json_set_string(doc, "Arch", host.go_arch);
	json_set_string(doc, "KernelVersion", host.kernel);
	json_set_string(doc, "BuildTime", INFO_BUILD_TIME);
	return answer_json(x, 200, doc, err);
}

static int info(struct exchange *x, void *user, struct error *err)
{
	const struct routes *routes = user;
	struct json *doc = NULL;
	int r = info_json(routes->engine, VERSION_DOCKER, &doc, err);

	return r < 0 ? r : answer_json(x, 200, doc, err);
}

static const struct route table[] = {
	{ "GET", "/_ping", ping, 0, "system.ping" },
	{ "HEAD", "/_ping", ping, 0, "system.ping" },
	{ "GET", "/version", version, 0, "system.version" },
	{ "GET", "/info", info, 0, "system.info" },
};
const struct route_group system_routes = ROUTE_GROUP(table);
