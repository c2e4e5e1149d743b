/* SPDX-License-Identifier: Apache-2.0 */
/* /images: load, import, list, inspect, tag, delete. */
#include "api/routes/routes.h"

#include "api/http/body.h"
#include "api/http/reply.h"
#include "api/routes/answer.h"
#include "api/routes/version.h"
#include "engine/engine.h"
#include "engine/image/changes.h"
#include "engine/image/image.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "lib/model/filters.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PROGRESS_MAX (1u << 20)
#define CHANGES_MAX  100

static struct images *images_of(void *user)
{
	return ((struct routes *)user)->engine->images;
}

/* ---- archives ------------------------------------------------------------------------ */
/* The body goes through a pipe to the worker, and a thread of its own waits for what the worker says: a
 * handler reads its body itself. */
struct intake {
	struct images *images;
	int fd; /* the pipe's reading end; closed when no more is read */
	const char *platform;
	const struct image_import *import; /* NULL: load */
	struct str said;
	char id[DIGEST_SIZE];
	int result;
	struct error err;
};

static int keep_message(void *ctx, const struct json *message)
{
	struct intake *in = ctx;
	int r = json_print(message, NULL, &in->said);

	return r == 0 ? str_add(&in->said, "\r\n") : r;
}

static void *take_in(void *arg)
{
	struct intake *in = arg;

	in->result = in->import ? image_import(in->images, in->fd, in->import, in->id, &in->err)
				: image_load(in->images, in->fd, in->platform, keep_message, in, &in->err);
	close(take_fd(in->fd)); /* who still writes is told */
	return NULL;
}

static int run_intake(struct exchange *x, struct intake *in, struct error *err)
{
	int ends[2];
	pthread_t thread;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, errno, "cannot make a pipe");
	auto_close int to = ends[1];
	in->fd = ends[0];
	in->said = STR_INIT(PROGRESS_MAX);
	in->err = ERROR_INIT;
	int r = pthread_create(&thread, NULL, take_in, in);
	if (r != 0) {
		close(ends[0]);
		return error_sys(err, r, "cannot start a thread for an archive");
	}
	r = body_to_fd(x, to, INT64_MAX, NULL, err);
	close(take_fd(to));
	pthread_join(thread, NULL);
	if (in->result < 0)
		*err = in->err; /* the reason why nobody read on, too */
	return in->result < 0 ? in->result : r == -EPIPE ? 0 : r;
}

/* Errors after the first message are told within the stream: the status is out. */
static int answer_intake(struct exchange *x, struct intake *in, int result, struct error *err)
{
	if (result < 0 && in->said.len == 0)
		return result;
	if (result < 0) {
		auto_json struct json *doc = json_new_object();
		json_set_string(json_set_object(doc, "errorDetail"), "message", err->text);
		json_set_string(doc, "error", err->text);
		keep_message(in, doc);
	}
	return reply_send(x, 200, "application/json", in->said.data, in->said.len);
}

static int load(struct exchange *x, void *user, struct error *err)
{
	const char *platform = exchange_query(x, "platform");
	struct intake in = { .images = images_of(user), .platform = platform && *platform ? platform : NULL };
	int r = run_intake(x, &in, err);

	r = answer_intake(x, &in, r, err);
	str_done(&in.said);
	return r;
}

static int read_changes(const struct exchange *x, struct json **ret, struct error *err)
{
	const char *lines[CHANGES_MAX], *name, *value;
	size_t n = 0;

	for (size_t i = 0; exchange_query_at(x, i, &name, &value); i++) {
		if (strcmp(name, "changes") != 0)
			continue;
		if (n == CHANGES_MAX)
			return error_invalid(err, "more than %d changes", CHANGES_MAX);
		lines[n++] = value;
	}
	*ret = NULL;
	return n ? changes_parse(lines, n, ret, err) : 0;
}

static int import(struct exchange *x, struct images *images, const char *source, struct error *err)
{
	auto_json struct json *config = NULL;
	struct image_import what = { .repo = exchange_query(x, "repo"),
		.tag = exchange_query(x, "tag"),
		.message = exchange_query(x, "message"),
		.platform = exchange_query(x, "platform"),
		.source = source };
	int r = read_changes(x, &config, err);

	if (r == 0 && strcmp(source, "-") != 0)
		r = error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
			"importing from a URL is not built into gantry " GANTRY_VERSION
			": fetch it, and import from standard input");
	if (r < 0)
		return r;
	what.config = config;
	struct intake in = { .images = images, .import = &what };
	r = run_intake(x, &in, err);
	if (r == 0) {
		auto_json struct json *doc = json_new_object();
		json_set_string(doc, "status", in.id);
		keep_message(&in, doc);
	}
	r = answer_intake(x, &in, r, err);
	str_done(&in.said);
	return r;
}

static int create(struct exchange *x, void *user, struct error *err)
{
	const char *source = exchange_query(x, "fromSrc"), *image = exchange_query(x, "fromImage");

	if (image && *image)
		return error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
			"pulling '%s' from a registry is not built into gantry " GANTRY_VERSION
			": load or import the image",
			image);
	if (!source || !*source)
		return error_invalid(err, "give fromSrc=- with a root file system's archive as the body");
	return import(x, images_of(user), source, err);
}

/* ---- the rest ----------------------------------------------------------------------------- */
static int list(struct exchange *x, void *user, struct error *err)
{
	struct image_list what = { .all = exchange_query_bool(x, "all", false),
		.digests = exchange_query_bool(x, "digests", false),
		.shared_size = exchange_query_bool(x, "shared-size", false),
		.count_containers = version_has(x, VERSION_IMAGE_CONTAINERS_COUNT) };
	struct filters *filters = NULL;
	struct json *doc = NULL;
	int r = answer_filters(x, FILTERS_IMAGES, &filters, err);

	what.filters = filters;
	if (r == 0)
		r = images_list(images_of(user), &what, &doc, err);
	filters_free(filters);
	return r < 0 ? r : answer_json(x, 200, doc, err);
}

static int inspect(struct exchange *x, void *user, struct error *err)
{
	struct image *image;
	struct json *doc = NULL;
	int r = image_find(images_of(user), exchange_param(x, "name"), &image, err);

	if (r < 0)
		return r;
	r = image_inspect(image, &doc, err);
	image_unref(image);
	return r < 0 ? r : answer_json(x, 200, doc, err);
}

static int tag(struct exchange *x, void *user, struct error *err)
{
	int r = image_tag(images_of(user), exchange_param(x, "name"), exchange_query(x, "repo"),
		exchange_query(x, "tag"), err);

	return r < 0 ? r : reply_empty(x, 201);
}

static int remove_(struct exchange *x, void *user, struct error *err)
{
	struct json *doc = NULL;
	int r = image_remove(images_of(user), exchange_param(x, "name"),
		exchange_query_bool(x, "force", false), exchange_query_bool(x, "noprune", false), &doc, err);

	return r < 0 ? r : answer_json(x, 200, doc, err);
}

static const struct route table[] = {
	{ "POST", "/images/load", load, 0, "image.load" },
	{ "POST", "/images/create", create, 0, "image.create" },
	{ "GET", "/images/json", list, 0, "image.list" },
	{ "GET", "/images/{name...}/json", inspect, 0, "image.inspect" },
	{ "POST", "/images/{name...}/tag", tag, 0, "image.tag" },
	{ "DELETE", "/images/{name...}", remove_, 0, "image.remove" },
};
const struct route_group image_routes = ROUTE_GROUP(table);
