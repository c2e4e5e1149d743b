/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry/messages.h"

#include "lib/json/json.h"
#include "programs/gantry/http.h"

#include <errno.h>

size_t messages_scan(struct messages *m, const char *text, size_t n, bool *ret_whole)
{
	*ret_whole = false;
	for (size_t i = 0; i < n; i++) {
		char c = text[i];
		if (m->escaped) {
			m->escaped = false;
		} else if (m->in_string) {
			m->escaped = c == '\\';
			m->in_string = c != '"';
		} else if (c == '"') {
			m->in_string = true;
		} else if (c == '{' || c == '[') {
			m->depth++;
		} else if ((c == '}' || c == ']') && m->depth > 0 && --m->depth == 0) {
			*ret_whole = true;
			return i + 1;
		}
	}
	return n;
}

static int give(struct str *text, int (*take)(void *, const struct json *, struct error *), void *ctx,
	struct error *err)
{
	auto_json struct json *message = NULL;
	int r = json_parse(str_text(text), text->len, 0, &message, err);

	str_clear(text);
	return r < 0 ? error_prefix(err, r, "cannot read the daemon's answer") : take(ctx, message, err);
}

int messages_read(struct http *h, int (*take)(void *ctx, const struct json *message, struct error *err),
	void *ctx, struct error *err)
{
	auto_str struct str text = STR_INIT(MESSAGE_SIZE_MAX);
	struct messages m = { 0 };
	char buf[8192];
	ssize_t n;

	while ((n = http_read(h, buf, sizeof buf, err)) > 0) {
		for (size_t at = 0; at < (size_t)n;) {
			bool whole;
			size_t used = messages_scan(&m, buf + at, (size_t)n - at, &whole);
			if (str_add_n(&text, buf + at, used) < 0)
				return error_set(
					err, ERROR_INTERNAL, -text.failed, "the daemon's answer is too long");
			at += used;
			int r = whole ? give(&text, take, ctx, err) : 0;
			if (r != 0)
				return r;
		}
	}
	return (int)n;
}
