/* SPDX-License-Identifier: Apache-2.0 */
/* /containers: create, start, stop, kill, wait, attach, logs, inspect, list, delete. */
#include "api/routes/routes.h"

#include "api/http/pump.h"
#include "api/http/reply.h"
#include "api/routes/answer.h"
#include "api/routes/version.h"
#include "engine/container/container.h"
#include "engine/engine.h"
#include "lib/base/cleanup.h"
#include "lib/base/signame.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "lib/model/filters.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void unref(struct container **c)
{
	container_unref(*c);
}
#define auto_container __attribute__((cleanup(unref)))

static int find(struct exchange *x, void *user, struct container **ret, struct error *err)
{
	struct routes *routes = user;

	return containers_find(routes->engine->containers, exchange_param(x, "id"), ret, err);
}

/* ---- create, start, stop, kill, delete ------------------------------------------------ */
static int create(struct exchange *x, void *user, struct error *err)
{
	struct routes *routes = user;
	auto_container struct container *c = NULL;
	auto_json struct json *body = NULL;
	struct json *warnings = NULL;
	int r = answer_body(x, true, &body, err);

	if (r == 0)
		r = container_create(routes->engine, exchange_query(x, "name"), body, &c, &warnings, err);
	if (r < 0)
		return r;
	struct json *doc = json_new_object();
	json_set_string(doc, "Id", container_id(c));
	json_set(doc, "Warnings", warnings);
	return answer_json(x, 201, doc, err);
}

static int start(struct exchange *x, void *user, struct error *err)
{
	auto_container struct container *c = NULL;
	int r = find(x, user, &c, err);

	if (r == 0)
		r = container_start(c, err);
	return r < 0 ? r : reply_empty(x, r ? 304 : 204);
}

/* ?t=-1 waits for ever. */
static int read_timeout(const struct exchange *x, int64_t *ret, struct error *err)
{
	const char *text = exchange_query(x, "t");

	*ret = CONTAINER_TIMEOUT;
	if (!text || !*text)
		return 0;
	return str_to_i64(text, INT32_MIN, INT32_MAX, ret) < 0
		       ? error_invalid(err, "strconv.Atoi: parsing \"%s\": invalid syntax", text)
		       : 0;
}

static int read_signal(const struct exchange *x, int absent, int *ret, struct error *err)
{
	const char *text = exchange_query(x, "signal");
	int sig = text && *text ? signame_parse(text) : absent;

	if (sig < 0)
		return error_invalid(err, "invalid signal: %s", text);
	*ret = sig;
	return 0;
}

static int stop(struct exchange *x, void *user, struct error *err)
{
	auto_container struct container *c = NULL;
	int64_t timeout;
	int sig = 0;
	int r = read_timeout(x, &timeout, err);

	if (r == 0 && version_has(x, VERSION_STOP_SIGNAL))
		r = read_signal(x, 0, &sig, err);
	if (r == 0)
		r = find(x, user, &c, err);
	if (r == 0)
		r = container_stop(c, timeout, sig, err);
	return r < 0 ? r : reply_empty(x, r ? 304 : 204);
}

static int kill_(struct exchange *x, void *user, struct error *err)
{
	auto_container struct container *c = NULL;
	int sig;
	int r = find(x, user, &c, err);

	if (r < 0)
		return r;
	r = read_signal(x, 9, &sig, err);
	if (r == 0)
		r = container_kill(c, sig, err);
	return r < 0 ? error_prefix(err, r, "cannot kill container: %s", exchange_param(x, "id"))
		     : reply_empty(x, 204);
}

static int remove_(struct exchange *x, void *user, struct error *err)
{
	auto_container struct container *c = NULL;
	int r;

	if (exchange_query_bool(x, "link", false))
		return error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
			"removing links is not built into gantry " GANTRY_VERSION);
	r = find(x, user, &c, err);
	if (r == 0)
		r = container_remove(
			c, exchange_query_bool(x, "force", false), exchange_query_bool(x, "v", false), err);
	return r < 0 ? r : reply_empty(x, 204);
}

static int resize(struct exchange *x, void *user, struct error *err)
{
	auto_container struct container *c = NULL;
	unsigned rows, cols;
	int r = answer_size(x, &rows, &cols, err);

	if (r == 0)
		r = find(x, user, &c, err);
	if (r == 0)
		r = container_resize(c, rows, cols, err);
	return r < 0 ? r : reply_empty(x, 200);
}

static int restart(struct exchange *x, void *user, struct error *err)
{
	auto_container struct container *c = NULL;
	int64_t timeout;
	int sig = 0;
	int r = read_timeout(x, &timeout, err);

	if (r == 0 && version_has(x, VERSION_STOP_SIGNAL))
		r = read_signal(x, 0, &sig, err);
	if (r == 0)
		r = find(x, user, &c, err);
	if (r == 0)
		r = container_restart(c, timeout, sig, err);
	return r < 0 ? r : reply_empty(x, 204);
}

static int rename_(struct exchange *x, void *user, struct error *err)
{
	auto_container struct container *c = NULL;
	const char *name = exchange_query(x, "name");
	int r = find(x, user, &c, err);

	if (r == 0)
		r = container_rename(c, name ? name : "", err);
	return r < 0 ? r : reply_empty(x, 204);
}

static int pause_(struct exchange *x, void *user, struct error *err)
{
	auto_container struct container *c = NULL;
	int r = find(x, user, &c, err);

	if (r == 0)
		r = container_pause(c, err);
	return r < 0 ? r : reply_empty(x, 204);
}

static int unpause(struct exchange *x, void *user, struct error *err)
{
	auto_container struct container *c = NULL;
	int r = find(x, user, &c, err);

	if (r == 0)
		r = container_unpause(c, err);
	return r < 0 ? r : reply_empty(x, 204);
}

/* ---- wait ------------------------------------------------------------------------------- */
/* One waiting client: its connection, and what the container tells. */
struct waiting {
	struct pump_client *client;
	struct container_wait *wait;
	pthread_mutex_t lock; /* the container may tell before the client is detached */
	struct str answer;
	bool gone;
};

static void fill_answer(struct str *out, const struct container_result *result)
{
	str_addf(out, "{\"StatusCode\":%d", result->exit_code);
	if (result->error[0]) {
		str_add(out, ",\"Error\":{\"Message\":");
		str_add_json(out, result->error, strlen(result->error));
		str_add(out, "}");
	}
	str_add(out, "}\n");
}

static void on_result(void *ctx, const struct container_result *result)
{
	struct waiting *w = ctx;

	pthread_mutex_lock(&w->lock);
	fill_answer(&w->answer, result);
	if (w->client && w->answer.data) {
		pump_send(w->client, w->answer.data, w->answer.len);
		pump_end(w->client);
	}
	pthread_mutex_unlock(&w->lock);
}

static void on_closed(struct pump_client *client, enum pump_end why, void *user)
{
	struct waiting *w = user;

	(void)why;
	container_wait_cancel(w->wait);
	pump_unref(client);
	pthread_mutex_destroy(&w->lock);
	str_done(&w->answer);
	free(w);
}

static int read_condition(const struct exchange *x, enum container_condition *ret, struct error *err)
{
	const char *text = exchange_query(x, "condition");

	*ret = CONTAINER_NOT_RUNNING;
	if (!text || !*text || !version_has(x, VERSION_WAIT_HEADERS_FIRST) ||
		strcmp(text, "not-running") == 0)
		return 0;
	if (strcmp(text, "next-exit") == 0)
		*ret = CONTAINER_NEXT_EXIT;
	else if (strcmp(text, "removed") == 0)
		*ret = CONTAINER_REMOVED;
	else
		return error_invalid(err, "invalid condition: \"%s\"", text);
	return 0;
}

/* The head goes out before the wait: docker run starts the container when it has come. */
static int begin_wait(struct exchange *x, struct waiting *w, struct error *err)
{
	struct pump_client *client;
	int r = reply_begin(x, 200, "application/json");

	if (r == 0)
		r = pump_detach(x, on_closed, w, &client, err);
	if (r < 0)
		return r;
	pthread_mutex_lock(&w->lock);
	w->client = client;
	if (w->answer.len) { /* told already */
		pump_send(client, w->answer.data, w->answer.len);
		pump_end(client);
	}
	pthread_mutex_unlock(&w->lock);
	return 0;
}

static int wait_(struct exchange *x, void *user, struct error *err)
{
	auto_container struct container *c = NULL;
	enum container_condition condition;
	int r = read_condition(x, &condition, err);

	if (r == 0)
		r = find(x, user, &c, err);
	if (r < 0)
		return r;
	struct waiting *w = calloc(1, sizeof *w);
	if (!w)
		return error_sys(err, ENOMEM, "cannot wait");
	pthread_mutex_init(&w->lock, NULL);
	w->answer = STR_INIT(4096);
	r = container_wait(c, condition, on_result, w, &w->wait, err);
	if (r == 0)
		r = begin_wait(x, w, err);
	if (r < 0) {
		container_wait_cancel(w->wait);
		pthread_mutex_destroy(&w->lock);
		str_done(&w->answer);
		free(w);
	}
	return r;
}

/* ---- inspect, list ------------------------------------------------------------------------ */
static int inspect(struct exchange *x, void *user, struct error *err)
{
	auto_container struct container *c = NULL;
	struct json *doc = NULL;
	int r = find(x, user, &c, err);

	if (r == 0)
		r = container_inspect(c, &doc, err);
	return r < 0 ? r : answer_json(x, 200, doc, err);
}

static int list(struct exchange *x, void *user, struct error *err)
{
	struct routes *routes = user;
	struct container_list what = { .all = exchange_query_bool(x, "all", false) };
	const char *limit = exchange_query(x, "limit");
	struct filters *filters = NULL;
	struct json *doc = NULL;
	int64_t n = 0;
	int r = 0;

	if (limit && *limit && str_to_i64(limit, INT32_MIN, INT32_MAX, &n) < 0)
		return error_invalid(err, "strconv.Atoi: parsing \"%s\": invalid syntax", limit);
	what.limit = n > 0 ? (uint64_t)n : 0;
	r = answer_filters(x, FILTERS_CONTAINERS, &filters, err);
	what.filters = filters;
	if (r == 0)
		r = containers_list(routes->engine->containers, &what, &doc, err);
	filters_free(filters);
	return r < 0 ? r : answer_json(x, 200, doc, err);
}

static int top(struct exchange *x, void *user, struct error *err)
{
	const char *args = exchange_query(x, "ps_args");
	struct container *c;
	struct json *doc;
	int r = find(x, user, &c, err);

	if (r < 0)
		return r;
	r = container_top(c, args ? args : "", &doc, err);
	container_unref(c);
	return r < 0 ? r : answer_json(x, 200, doc, err);
}

static const struct route table[] = {
	{ "GET", "/containers/json", list, 0, "container.list" },
	{ "POST", "/containers/create", create, 0, "container.create" },
	{ "GET", "/containers/{id}/json", inspect, 0, "container.inspect" },
	{ "POST", "/containers/{id}/start", start, 0, "container.start" },
	{ "GET", "/containers/{id}/top", top, 0, "container.top" },
	{ "POST", "/containers/{id}/stop", stop, 0, "container.stop" },
	{ "POST", "/containers/{id}/kill", kill_, 0, "container.kill" },
	{ "POST", "/containers/{id}/wait", wait_, 0, "container.wait" },
	{ "POST", "/containers/{id}/resize", resize, 0, "container.resize" },
	{ "POST", "/containers/{id}/restart", restart, 0, "container.restart" },
	{ "POST", "/containers/{id}/rename", rename_, 0, "container.rename" },
	{ "POST", "/containers/{id}/pause", pause_, 0, "container.pause" },
	{ "POST", "/containers/{id}/unpause", unpause, 0, "container.unpause" },
	{ "DELETE", "/containers/{id}", remove_, 0, "container.remove" },
};
const struct route_group container_routes = ROUTE_GROUP(table);
