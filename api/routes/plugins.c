/* SPDX-License-Identifier: Apache-2.0 */
/* /plugins: the shared objects of this engine in the form that Docker lists its plugins in. */
#include "api/routes/routes.h"

#include "api/routes/answer.h"
#include "core/plugin/call.h"
#include "engine/engine.h"
#include "lib/base/path.h"
#include "lib/json/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *interface_of(uint32_t kind)
{
	switch (kind) {
	case GTY_KIND_STORAGE: return "docker.graphdriver/1.0";
	case GTY_KIND_NETWORK: return "docker.networkdriver/1.0";
	case GTY_KIND_VOLUME: return "docker.volumedriver/1.0";
	case GTY_KIND_AUTH: return "docker.authz/1.0";
	default: return "gantry.driver/0";
	}
}

/* A refused one has no object: its file's name stands for it, and the description says why. */
static void name_of(const struct plugin *p, char buf[256])
{
	if (p->object)
		snprintf(buf, 256, "%s", p->object->name);
	else
		snprintf(buf, 256, "%s", path_base(p->path));
}

static struct json *describe(const struct plugin *p)
{
	struct json *doc = json_new_object();
	struct json *config = json_set_object(doc, "Config");
	char name[256];

	name_of(p, name);
	json_set_string(doc, "Id", name);
	json_set_string(doc, "Name", name);
	json_set_bool(doc, "Enabled", p->object != NULL);
	json_set_string(doc, "PluginReference", p->path);
	json_set_string(config, "Description",
		p->object ? (p->drivers_n ? p->drivers[0].decl->help : "") : p->err.text);
	struct json *interface = json_set_object(config, "Interface");
	struct json *types = json_set_array(interface, "Types");
	for (unsigned d = 0; d < p->drivers_n; d++)
		json_add_string(types, interface_of(p->drivers[d].decl->kind));
	json_set_string(interface, "Socket", "");
	return doc;
}

static int list(struct exchange *x, void *user, struct error *err)
{
	struct routes *routes = user;
	struct json *doc = json_new_array();

	for (size_t i = 0; i < registry_count(routes->engine->registry); i++)
		json_add(doc, describe(registry_plugin(routes->engine->registry, i)));
	return answer_json(x, 200, doc, err);
}

static int inspect(struct exchange *x, void *user, struct error *err)
{
	struct routes *routes = user;
	const char *wanted = exchange_param(x, "name");
	char name[256];

	for (size_t i = 0; i < registry_count(routes->engine->registry); i++) {
		const struct plugin *p = registry_plugin(routes->engine->registry, i);
		name_of(p, name);
		if (strcmp(name, wanted) == 0)
			return answer_json(x, 200, describe(p), err);
	}
	return error_set(err, ERROR_NOT_FOUND, ENOENT, "plugin \"%s\" not found", wanted);
}

static const struct route table[] = {
	{ "GET", "/plugins", list, 0, "plugin.list" },
	{ "GET", "/plugins/{name...}/json", inspect, 0, "plugin.inspect" },
};
const struct route_group plugin_routes = ROUTE_GROUP(table);
