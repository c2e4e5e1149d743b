/* SPDX-License-Identifier: Apache-2.0 */
/* /volumes: list, create, inspect, remove, prune. */
#include "api/routes/routes.h"

#include "api/http/reply.h"
#include "api/routes/answer.h"
#include "api/routes/version.h"
#include "engine/engine.h"
#include "engine/volume/volume.h"
#include "lib/base/cleanup.h"
#include "lib/json/json.h"
#include "lib/model/filters.h"

#include <errno.h>

static struct volume_table *volumes_of(void *user)
{
	return ((struct routes *)user)->engine->volumes;
}

static int list(struct exchange *x, void *user, struct error *err)
{
	struct filters *filters = NULL;
	struct json *doc = NULL;
	int r = answer_filters(x, FILTERS_VOLUMES, &filters, err);

	if (r == 0)
		r = volumes_list(volumes_of(user), filters, &doc, err);
	filters_free(filters);
	return r < 0 ? r : answer_json(x, 200, doc, err);
}

static int show(struct exchange *x, int status, struct volume *v, struct error *err)
{
	struct json *doc = NULL;
	int r = volume_show(v, &doc, err);

	volume_unref(v);
	return r < 0 ? r : answer_json(x, status, doc, err);
}

static int inspect(struct exchange *x, void *user, struct error *err)
{
	struct volume *v;
	int r = volumes_find(volumes_of(user), exchange_param(x, "name"), &v, err);

	return r < 0 ? r : show(x, 200, v, err);
}

/* An object of strings. */
static int read_map(const struct json *body, const char *key, const struct json **ret, struct error *err)
{
	const char *value;
	int r = json_opt_object(body, key, ret, err);

	if (r == 0)
		json_each (*ret, it) {
			r = json_get_string(*ret, it.key, &value, err);
			if (r < 0)
				return r;
		}
	return r;
}

static int read_ask(const struct json *body, struct volume_ask *ask, struct error *err)
{
	int r = json_opt_string(body, "Name", "", &ask->name, err);

	if (r == 0 && json_at(body, "ClusterVolumeSpec"))
		return error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
			"cluster volumes are not built into gantry " GANTRY_VERSION);
	if (r == 0)
		r = json_opt_string(body, "Driver", "", &ask->driver, err);
	if (r == 0)
		r = read_map(body, "DriverOpts", &ask->options, err);
	return r == 0 ? read_map(body, "Labels", &ask->labels, err) : r;
}

static int create(struct exchange *x, void *user, struct error *err)
{
	auto_json struct json *body = NULL;
	struct volume_ask ask = { 0 };
	struct volume *v;
	int r = answer_body(x, false, &body, err);

	if (r == 0 && body)
		r = read_ask(body, &ask, err);
	if (r == 0)
		r = volumes_make(volumes_of(user), &ask, NULL, &v, err);
	return r < 0 ? r : show(x, 201, v, err);
}

static int remove_(struct exchange *x, void *user, struct error *err)
{
	int r = volumes_remove(
		volumes_of(user), exchange_param(x, "name"), exchange_query_bool(x, "force", false), err);

	return r < 0 ? r : reply_empty(x, 204);
}

/* Before 1.42 a prune took named volumes, too. */
static int prune(struct exchange *x, void *user, struct error *err)
{
	struct filters *filters = NULL;
	struct json *doc = NULL;
	bool named = !version_has(x, VERSION_PRUNE_ANONYMOUS);
	int r = answer_filters(x, FILTERS_PRUNE_VOLUMES, &filters, err);

	if (r == 0)
		r = filters_bool(filters, "all", named, &named, err);
	if (r == 0)
		r = volumes_prune(volumes_of(user), filters, named, &doc, err);
	filters_free(filters);
	return r < 0 ? r : answer_json(x, 200, doc, err);
}

static const struct route table[] = {
	{ "GET", "/volumes", list, 0, "volume.list" },
	{ "GET", "/volumes/{name}", inspect, 0, "volume.inspect" },
	{ "POST", "/volumes/create", create, 0, "volume.create" },
	{ "POST", "/volumes/prune", prune, 0, "volume.prune" },
	{ "DELETE", "/volumes/{name}", remove_, 0, "volume.remove" },
};
const struct route_group volume_routes = ROUTE_GROUP(table);
