/* SPDX-License-Identifier: Apache-2.0 */
/* The streams of containers: attach, which becomes the shim's business, and logs. */
#include "api/routes/routes.h"

#include "api/http/handover.h"
#include "api/http/hijack.h"
#include "api/http/reply.h"
#include "api/routes/detach_keys.h"
#include "api/routes/version.h"
#include "engine/container/container.h"
#include "engine/engine.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/base/timefmt.h"
#include "lib/logfile/reader.h"
#include "lib/proto/shim.h"

#include <errno.h>
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

static const char *stream_type(const struct exchange *x, const struct container *c)
{
	bool multiplexed = !container_tty(c) && version_has(x, VERSION_MULTIPLEXED_TYPE);

	return multiplexed ? HIJACK_MULTIPLEXED_STREAM : HIJACK_RAW_STREAM;
}

/* ---- attach --------------------------------------------------------------------------- */
struct attaching {
	struct exchange *x;
	struct container *c;
	struct container_attach what;
	char keys[PROTO_KEYS_MAX];
};

static int read_attach(struct attaching *a, struct error *err)
{
	struct exchange *x = a->x;
	bool stdin_asked = exchange_query_bool(x, "stdin", false);
	int r = detach_keys_parse(exchange_query(x, "detachKeys"), a->keys, &a->what.keys_n, err);

	if (r < 0)
		return r;
	if (exchange_query_bool(x, "logs", false))
		return error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
			"attach with logs=1 is not built into gantry " GANTRY_VERSION
			": ask for the logs, then attach");
	a->what.keys = a->keys;
	if (stdin_asked && container_reads_stdin(a->c))
		a->what.streams |= PROTO_STREAM_STDIN;
	if (exchange_query_bool(x, "stdout", false))
		a->what.streams |= PROTO_STREAM_STDOUT;
	if (exchange_query_bool(x, "stderr", false))
		a->what.streams |= PROTO_STREAM_STDERR;
	/* keys are typed: what comes through a pipe may hold those bytes as well */
	if (container_tty(a->c))
		a->what.streams |= PROTO_STREAM_RAW;
	else
		a->what.keys_n = 0;
	if (container_is_paused(a->c))
		return error_set(err, ERROR_CONFLICT, EBUSY,
			"container %s is paused, unpause the container before attach", container_id(a->c));
	return 0;
}

/* 0, or -ESRCH when the container does not run: then nothing has happened. */
static int attach_now(struct attaching *a, struct error *err)
{
	struct handover h;
	int r = handover_prepare_raw(a->x, stream_type(a->x, a->c), NULL, &h, err);

	if (r < 0)
		return r;
	a->what.head = h.head;
	a->what.head_n = h.head_len;
	a->what.early = h.early;
	a->what.early_n = h.early_len;
	r = container_attach_running(a->c, &a->what, h.fd, err);
	if (r == 0)
		handover_commit(a->x, &h);
	else
		handover_cancel(a->x, &h);
	return r;
}

/* The head goes out now: docker run starts the container when it has come. */
static int attach_before_start(struct attaching *a, struct error *err)
{
	struct hijacked h;
	int r = hijack_take(a->x, stream_type(a->x, a->c), NULL, &h, err);

	if (r < 0)
		return r;
	a->what.head = NULL;
	a->what.head_n = 0;
	a->what.early = h.early;
	a->what.early_n = h.early_len;
	r = container_attach_later(a->c, &a->what, h.fd, err);
	if (r < 0) { /* the answer is out: the end of the stream is all that can be told */
		log_warning("%s", err->text);
		hijack_drop(&h);
		return 0;
	}
	free(h.early);
	return 0;
}

static int attach(struct exchange *x, void *user, struct error *err)
{
	auto_container struct container *c = NULL;
	int r = find(x, user, &c, err);
	struct attaching a = { .x = x, .c = c };

	if (r == 0)
		r = read_attach(&a, err);
	if (r < 0)
		return r;
	r = attach_now(&a, err);
	return r == -ESRCH ? attach_before_start(&a, err) : r;
}

/* ---- logs -------------------------------------------------------------------------------- */
struct reading {
	bool follow, out, err, times, details;
	int64_t since_ns, until_ns, tail;
};

static int read_time(
	const struct exchange *x, const char *key, int64_t absent, int64_t *ret, struct error *err)
{
	const char *text = exchange_query(x, key);

	*ret = absent;
	if (!text || !*text || strcmp(text, "0") == 0)
		return 0;
	return timefmt_parse_when(text, clock_real_ns(), ret) < 0
		       ? error_invalid(err, "invalid value for \"%s\": %s", key, text)
		       : 0;
}

static int read_tail(const struct exchange *x, int64_t *ret)
{
	const char *text = exchange_query(x, "tail");

	/* What is no number is all, as for Docker. */
	if (!text || str_to_i64(text, 0, INT64_MAX, ret) < 0)
		*ret = -1;
	return 0;
}

static int read_logs(const struct exchange *x, struct reading *r, struct error *err)
{
	r->follow = exchange_query_bool(x, "follow", false);
	r->out = exchange_query_bool(x, "stdout", false);
	r->err = exchange_query_bool(x, "stderr", false);
	r->times = exchange_query_bool(x, "timestamps", false);
	r->details = exchange_query_bool(x, "details", false);
	if (!r->out && !r->err)
		return error_invalid(err, "Bad parameters: you must choose at least one stream");
	read_tail(x, &r->tail);
	int rc = read_time(x, "since", INT64_MIN, &r->since_ns, err);
	return rc == 0 ? read_time(x, "until", INT64_MAX, &r->until_ns, err) : rc;
}

static int send_log(struct exchange *x, struct logfile_reader *reader)
{
	enum { PIECE = 32768 };
	auto_free char *buf = malloc(PIECE);
	ssize_t n = buf ? 0 : -ENOMEM;
	int r = 0;

	while (r == 0 && buf && (n = logfile_reader_render(reader, buf, PIECE)) > 0)
		r = reply_write(x, buf, (size_t)n);
	/* A file that cannot be read breaks the answer off, so that the client knows. */
	return n < 0 ? (int)n : r < 0 ? r : reply_end(x);
}

static int logs_now(struct exchange *x, struct container *c, const struct reading *what, struct error *err)
{
	char name[CONTAINER_ID_LEN + 16];
	auto_close int folder = -1;
	struct logfile_reader *reader;
	int r = container_log(c, &folder, name, err);

	if (r < 0)
		return r;
	struct logfile_reader_options o = LOGFILE_READER_OPTIONS(name);
	o.flags = (what->out ? LOGFILE_READ_STDOUT : 0) | (what->err ? LOGFILE_READ_STDERR : 0) |
		  (what->times ? LOGFILE_READ_TIMES : 0) | (what->details ? LOGFILE_READ_DETAILS : 0) |
		  (container_tty(c) ? 0 : LOGFILE_READ_FRAMES);
	o.since_ns = what->since_ns;
	o.until_ns = what->until_ns;
	o.tail = what->tail;
	r = logfile_reader_open(folder, &o, &reader, err);
	if (r < 0)
		return r;
	r = reply_begin(x, 200, stream_type(x, c));
	if (r == 0)
		r = send_log(x, reader);
	logfile_reader_close(reader);
	return r;
}

static int logs_follow(struct exchange *x, struct container *c, const struct reading *what, struct error *err)
{
	struct handover h;
	int r = handover_prepare_body(x, 200, stream_type(x, c), &h, err);

	if (r < 0)
		return r;
	struct container_logs logs = { .since_ns = what->since_ns,
		.until_ns = what->until_ns,
		.tail = what->tail,
		.head = h.head,
		.head_n = h.head_len };
	logs.flags = (what->out ? PROTO_STREAM_STDOUT : 0) | (what->err ? PROTO_STREAM_STDERR : 0) |
		     (container_tty(c) ? PROTO_STREAM_RAW : 0) | (what->times ? PROTO_LOGS_TIMES : 0) |
		     (what->details ? PROTO_LOGS_DETAILS : 0);
	r = container_logs_follow(c, &logs, h.fd, err);
	if (r == 0)
		handover_commit(x, &h);
	else
		handover_cancel(x, &h);
	return r;
}

static int logs(struct exchange *x, void *user, struct error *err)
{
	auto_container struct container *c = NULL;
	struct reading what;
	int r = read_logs(x, &what, err);

	if (r == 0)
		r = find(x, user, &c, err);
	if (r < 0)
		return r;
	if (what.follow && container_is_running(c)) {
		r = logs_follow(x, c, &what, err);
		if (r != -ESRCH) /* it has ended meanwhile: then there is nothing to follow */
			return r;
	}
	return logs_now(x, c, &what, err);
}

static const struct route table[] = {
	{ "POST", "/containers/{id}/attach", attach, 0, "container.attach" },
	{ "GET", "/containers/{id}/logs", logs, 0, "container.logs" },
};
const struct route_group stream_routes = ROUTE_GROUP(table);
