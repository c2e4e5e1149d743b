/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry/client.h"

#include "lib/base/cleanup.h"
#include "lib/json/json.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX  ((size_t)256 << 20) /* of a JSON answer */
#define MESSAGE_MAX ((size_t)1 << 20)   /* of an error's body */

void client_init(struct client *c, const char *host)
{
	*c = (struct client){ .host = host };
}

void client_done(struct client *c)
{
	http_close(take_ptr(c->idle));
}

/* ---- queries -------------------------------------------------------------------------- */
static void escape(struct str *s, const char *text, const char *kept)
{
	for (const char *p = text; *p; p++) {
		if (isalnum((unsigned char)*p) || strchr(kept, *p))
			str_add_char(s, *p);
		else
			str_addf(s, "%%%02X", (unsigned char)*p);
	}
}

void query_escape(struct str *s, const char *text)
{
	escape(s, text, "-_.~");
}

void path_escape(struct str *s, const char *text)
{
	escape(s, text, "-_.~/:@");
}

void query_add(struct str *s, const char *name, const char *value)
{
	str_addf(s, "%c%s=", strchr(str_text(s), '?') ? '&' : '?', name);
	query_escape(s, value);
}

void query_add_int(struct str *s, const char *name, long long value)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", value);
	query_add(s, name, text);
}

/* ---- versions --------------------------------------------------------------------------- */
/* The minor number of "1.N", 0 for anything else. */
static unsigned minor_of(const char *version)
{
	const char *p = str_after(version, "1.");
	uint64_t n;

	return p && str_to_u64(p, 10, 0, 9999, &n) == 0 ? (unsigned)n : 0;
}

bool client_at_least(const struct client *c, unsigned minor)
{
	return minor_of(c->version) >= minor;
}

/* As Docker's: a daemon that does not say has 1.24. */
static void agree(struct client *c, const struct response *r)
{
	unsigned theirs = minor_of(r->api_version[0] ? r->api_version : "1.24"), ours = minor_of(API_VERSION);

	snprintf(c->version, sizeof c->version, "1.%u", theirs < ours ? theirs : ours);
}

static int drain(struct http *h, struct error *err)
{
	char buf[4096];
	ssize_t n;
	size_t total = 0;

	while ((n = http_read(h, buf, sizeof buf, err)) > 0)
		if ((total += (size_t)n) > MESSAGE_MAX)
			return error_set(err, ERROR_INTERNAL, EMSGSIZE, "the daemon's answer is too long");
	return (int)n;
}

/* HEAD, or GET for who does not know that. */
static int ping(struct client *c, const char *method, struct error *err)
{
	struct http_request r = { .method = method, .target = "/_ping" };
	auto_http struct http *h = NULL;
	int n = http_open(c->host, &h, err);

	if (n == 0)
		n = http_send(h, &r, err);
	if (n < 0)
		return n;
	int status = h->head.status;
	struct response head = h->head;
	if (drain(h, err) < 0)
		return -EIO;
	client_end(c, take_ptr(h));
	if (status == 200 || status == 500)
		agree(c, &head);
	return status;
}

int client_ping(struct client *c, struct error *err)
{
	int n;

	if (c->version[0])
		return 0;
	n = ping(c, "HEAD", err);
	if (n >= 0 && !c->version[0])
		n = ping(c, "GET", err);
	if (n < 0)
		return n;
	if (!c->version[0])
		return error_set(err, ERROR_UNAVAILABLE, EPROTO,
			"'%.200s' is not a container engine: it answers a ping with status %d", c->host, n);
	return 0;
}

/* ---- requests ------------------------------------------------------------------------------ */
static int kind_of(int status)
{
	switch (status) {
	case 400: return ERROR_INVALID;
	case 401:
	case 403: return ERROR_DENIED;
	case 404: return ERROR_NOT_FOUND;
	case 409: return ERROR_CONFLICT;
	case 501: return ERROR_UNSUPPORTED;
	case 503: return ERROR_UNAVAILABLE;
	default: return ERROR_INTERNAL;
	}
}

static int read_all(struct http *h, size_t max, struct str *out, struct error *err)
{
	char buf[8192];
	ssize_t n;

	out->max = max;
	while ((n = http_read(h, buf, sizeof buf, err)) > 0)
		if (str_add_n(out, buf, (size_t)n) < 0)
			return error_set(
				err, ERROR_INTERNAL, -out->failed, "the daemon's answer is too long");
	return (int)n;
}

/* {"message": "..."}, or the text as it is. */
static int refused(struct http *h, const char *target, struct error *err)
{
	auto_str struct str text = STR_INIT(0);
	auto_json struct json *answer = NULL;
	const char *message = NULL;

	if (read_all(h, MESSAGE_MAX, &text, err) < 0)
		return -EIO;
	if (json_parse(str_text(&text), text.len, 0, &answer, NULL) == 0)
		message = json_string(json_at(answer, "message"));
	while (text.len && text.data[text.len - 1] == '\n')
		text.data[--text.len] = '\0';
	if (!message)
		message = str_text(&text);
	if (message[0])
		return error_set(err, kind_of(h->head.status), REMOTE_ERROR, "%s", message);
	return error_set(err, kind_of(h->head.status), REMOTE_ERROR, "status %d for %.200s without a message",
		h->head.status, target);
}

static int take_connection(struct client *c, struct http **ret, struct error *err)
{
	if (c->idle && http_reusable(c->idle)) {
		*ret = take_ptr(c->idle);
		return 0;
	}
	http_close(take_ptr(c->idle));
	return http_open(c->host, ret, err);
}

int client_send(struct client *c, const struct http_request *r, struct http **ret, struct error *err)
{
	auto_str struct str target = STR_INIT((size_t)1 << 20);
	struct http_request versioned = *r;
	auto_http struct http *h = NULL;
	int n = client_ping(c, err);

	if (n < 0)
		return n;
	str_addf(&target, "/v%s%s", c->version, r->target);
	if (target.failed)
		return error_sys(err, -target.failed, "cannot send the request");
	versioned.target = str_text(&target);
	n = take_connection(c, &h, err);
	if (n == 0)
		n = http_send(h, &versioned, err);
	if (n < 0)
		return n;
	if (h->head.status >= 400) {
		n = refused(h, r->target, err);
		client_end(c, take_ptr(h));
		return n;
	}
	*ret = take_ptr(h);
	return 0;
}

void client_end(struct client *c, struct http *h)
{
	if (!c->idle && http_reusable(h))
		c->idle = h;
	else
		http_close(h);
}

int client_read_json(struct http *h, struct json **ret, struct error *err)
{
	auto_str struct str text = STR_INIT(0);
	int n = read_all(h, ANSWER_MAX, &text, err);

	if (n < 0)
		return n;
	if (text.len == 0) {
		*ret = NULL;
		return 0;
	}
	n = json_parse(text.data, text.len, 0, ret, err);
	return n < 0 ? error_prefix(err, n, "cannot read the daemon's answer") : 0;
}

int client_call(struct client *c, const char *method, const char *target, const struct json *body,
	struct json **ret, struct error *err)
{
	auto_free char *text = body ? json_text(body) : NULL;
	struct http_request r = { .method = method, .target = target };
	struct json *answer = NULL;
	struct http *h;

	if (body && !text)
		return error_sys(err, ENOMEM, "cannot send the request");
	if (text) {
		r.body = text;
		r.body_n = strlen(text);
		r.type = "application/json";
	}
	int n = client_send(c, &r, &h, err);
	if (n < 0)
		return n;
	int status = h->head.status;
	n = ret ? client_read_json(h, &answer, err) : drain(h, err);
	client_end(c, h);
	if (n < 0)
		return n;
	if (ret)
		*ret = answer;
	return status;
}

int client_get(struct client *c, const char *target, struct json **ret, struct error *err)
{
	return client_call(c, "GET", target, NULL, ret, err);
}
