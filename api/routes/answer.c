/* SPDX-License-Identifier: Apache-2.0 */
#include "api/routes/answer.h"

#include "api/http/body.h"
#include "api/http/reply.h"
#include "lib/base/cleanup.h"
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
