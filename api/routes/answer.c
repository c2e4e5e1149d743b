/* SPDX-License-Identifier: Apache-2.0 */
#include "api/routes/answer.h"

#include "api/http/body.h"
#include "api/http/reply.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/json/json.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

int answer_json(struct exchange *x, int status, struct json *doc, struct error *err)
{
	auto_str struct str out = STR_INIT(64u << 20);
	int r = json_print(doc, NULL, &out);

	json_free(doc);
	if (r == 0)
		r = str_add_char(&out, '\n'); /* as Go's encoder ends a document */
	return r < 0 ? error_sys(err, -r, "cannot write the answer")
		     : reply_json(x, status, out.data, out.len);
}

static bool says_json(const char *type)
{
	static const char json[] = "application/json";

	return type && strncasecmp(type, json, sizeof json - 1) == 0 &&
	       (type[sizeof json - 1] == '\0' || strchr("; \t", type[sizeof json - 1]));
}

int answer_body(struct exchange *x, bool needed, struct json **ret, struct error *err)
{
	const char *text, *type = exchange_header(x, "Content-Type");
	size_t n;
	int r = body_whole(x, BODY_JSON_MAX, &text, &n, err);

	if (r < 0)
		return r;
	*ret = NULL;
	if (n == 0)
		return needed ? error_invalid(err, "invalid JSON: got EOF while reading request body") : 0;
	if (!says_json(type))
		return error_invalid(err, "unsupported Content-Type header (%s): must be 'application/json'",
			type ? type : "");
	r = json_parse(text, n, 0, ret, err);
	return r < 0 ? error_prefix(err, r, "invalid JSON") : 0;
}

int answer_filters(struct exchange *x, enum filters_for what, struct filters **ret, struct error *err)
{
	const char *text = exchange_query(x, "filters");

	*ret = NULL;
	return text && *text ? filters_parse(text, what, ret, err) : 0;
}

static int read_size(
	const struct exchange *x, const char *key, const char *what, unsigned *ret, struct error *err)
{
	const char *text = exchange_query(x, key);
	int64_t n;

	if (str_to_i64(text ? text : "", 0, 65535, &n) < 0)
		return error_invalid(err, "invalid resize %s \"%s\": invalid syntax", what, text ? text : "");
	*ret = (unsigned)n;
	return 0;
}

int answer_size(struct exchange *x, unsigned *ret_rows, unsigned *ret_cols, struct error *err)
{
	int r = read_size(x, "h", "height", ret_rows, err);

	return r == 0 ? read_size(x, "w", "width", ret_cols, err) : r;
}
