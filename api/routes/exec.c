/* SPDX-License-Identifier: Apache-2.0 */
/* /exec, and POST /containers/{id}/exec. */
#include "api/routes/routes.h"

#include "api/http/handover.h"
#include "api/http/hijack.h"
#include "api/http/reply.h"
#include "api/routes/answer.h"
#include "api/routes/detach_keys.h"
#include "api/routes/version.h"
#include "engine/container/exec.h"
#include "engine/engine.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "lib/proto/shim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void unref_container(struct container **c)
{
	container_unref(*c);
}
#define auto_container __attribute__((cleanup(unref_container)))

static void unref_exec(struct exec **e)
{
	exec_unref(*e);
}
#define auto_exec __attribute__((cleanup(unref_exec)))

static int create(struct exchange *x, void *user, struct error *err)
{
	struct routes *routes = user;
	auto_container struct container *c = NULL;
	auto_json struct json *body = NULL;
	char id[CONTAINER_ID_LEN + 1];
	int r = answer_body(x, true, &body, err);

	if (r == 0)
		r = containers_find(routes->engine->containers, exchange_param(x, "id"), &c, err);
	if (r == 0)
		r = exec_create(c, body, id, err);
	if (r < 0)
		return r;
	struct json *doc = json_new_object();
	json_set_string(doc, "Id", id);
	return answer_json(x, 201, doc, err);
}

/* ---- start -------------------------------------------------------------------------------- */
struct starting {
	struct exchange *x;
	struct exec *e;
	struct container_attach client;
	char keys[PROTO_KEYS_MAX];
	unsigned rows, cols;
};

static const char *stream_type(const struct starting *s)
{
	bool multiplexed = !exec_tty(s->e) && version_has(s->x, VERSION_MULTIPLEXED_TYPE);

	return multiplexed ? HIJACK_MULTIPLEXED_STREAM : HIJACK_RAW_STREAM;
}

/* The answer is out: what went wrong is told as the process's output, as by Docker. */
static void tell_in_stream(struct starting *s, const struct error *why)
{
	struct hijacked h;
	struct error err = ERROR_INIT;
	auto_str struct str text = STR_INIT(4096);
	size_t n = strlen(why->text) + 2;
	const char frame[8] = { 1, 0, 0, 0, 0, 0, (char)(n >> 8), (char)n };

	if (hijack_take(s->x, stream_type(s), NULL, &h, &err) < 0)
		return;
	if (!exec_tty(s->e))
		str_add_n(&text, frame, sizeof frame);
	str_addf(&text, "%s\r\n", why->text);
	fd_write_all(h.fd, text.data, text.len);
	hijack_drop(&h);
}

static int start_attached(struct starting *s, struct error *err)
{
	struct handover h;
	int r = handover_prepare_raw(s->x, stream_type(s), NULL, &h, err);

	if (r < 0)
		return r;
	s->client.streams = exec_streams(s->e);
	s->client.head = h.head;
	s->client.head_n = h.head_len;
	s->client.early = h.early;
	s->client.early_n = h.early_len;
	r = exec_begin(s->e, err);
	if (r == 0)
		r = exec_start(s->e, &s->client, h.fd, s->rows, s->cols, err);
	if (r == 0) {
		handover_commit(s->x, &h);
		return 0;
	}
	handover_cancel(s->x, &h);
	tell_in_stream(s, err);
	return 0;
}

static int read_start(struct starting *s, const struct json *body, bool *ret_detach, struct error *err)
{
	const struct json *size;
	int64_t n = 0;
	int r = json_opt_bool(body, "Detach", false, ret_detach, err);

	if (r == 0)
		r = json_opt_array(body, "ConsoleSize", &size, err);
	if (r == 0 && json_count(size) == 2) {
		r = json_item_int(size, 0, 0, 65535, &n, err);
		s->rows = (unsigned)n;
		if (r == 0)
			r = json_item_int(size, 1, 0, 65535, &n, err);
		s->cols = (unsigned)n;
	}
	if (r == 0)
		r = detach_keys_parse(exec_detach_keys(s->e), s->keys, &s->client.keys_n, err);
	/* keys are typed: what comes through a pipe may hold those bytes as well */
	if (r == 0 && !exec_tty(s->e))
		s->client.keys_n = 0;
	s->client.keys = s->keys;
	return r;
}

static int start(struct exchange *x, void *user, struct error *err)
{
	struct routes *routes = user;
	auto_exec struct exec *e = NULL;
	auto_json struct json *body = NULL;
	bool detach = false;
	int r = exec_find(routes->engine->containers, exchange_param(x, "id"), &e, err);
	struct starting s = { .x = x, .e = e };

	if (r == 0)
		r = answer_body(x, false, &body, err);
	if (r == 0)
		r = read_start(&s, body, &detach, err);
	if (r < 0)
		return r;
	if (!detach)
		return start_attached(&s, err);
	r = exec_begin(e, err);
	if (r == 0)
		r = exec_start(e, NULL, -1, s.rows, s.cols, err);
	return r < 0 ? r : reply_empty(x, 200);
}

/* ---- the rest -------------------------------------------------------------------------------- */
static int inspect(struct exchange *x, void *user, struct error *err)
{
	struct routes *routes = user;
	auto_exec struct exec *e = NULL;
	struct json *doc = NULL;
	int r = exec_find(routes->engine->containers, exchange_param(x, "id"), &e, err);

	if (r == 0)
		r = exec_inspect(e, &doc, err);
	return r < 0 ? r : answer_json(x, 200, doc, err);
}

static int resize(struct exchange *x, void *user, struct error *err)
{
	struct routes *routes = user;
	auto_exec struct exec *e = NULL;
	unsigned rows, cols;
	int r = answer_size(x, &rows, &cols, err);

	if (r == 0)
		r = exec_find(routes->engine->containers, exchange_param(x, "id"), &e, err);
	if (r == 0)
		r = exec_resize(e, rows, cols, err);
	return r < 0 ? r : reply_empty(x, 200);
}

static const struct route table[] = {
	{ "POST", "/containers/{id}/exec", create, 0, "container.exec.create" },
	{ "POST", "/exec/{id}/start", start, 0, "container.exec.start" },
	{ "POST", "/exec/{id}/resize", resize, 0, "container.exec.resize" },
	{ "GET", "/exec/{id}/json", inspect, 0, "container.exec.inspect" },
};
const struct route_group exec_routes = ROUTE_GROUP(table);
