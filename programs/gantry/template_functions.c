/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of templates. */
#include "lib/base/cleanup.h"
#include "lib/json/json.h"
#include "programs/gantry/template.h"
#include "programs/gantry/template_state.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef int function(struct templating *t, const struct template_args *a, const struct json **ret);

static int fn_json(struct templating *t, const struct template_args *a, const struct json **ret)
{
	auto_free char *text = json_text(a->v[0]);

	*ret = template_string(t, text ? text : "null");
	return 0;
}

static int index_one(
	struct templating *t, const struct json *v, const struct json *by, const struct json **ret)
{
	auto_free char *text = json_text(by);
	uint64_t i;

	if (json_kind(v) == JSON_OBJECT && json_string(by)) {
		*ret = json_at(v, json_string(by));
		return 0;
	}
	if (json_kind(v) != JSON_ARRAY || !text || str_to_u64(text, 10, 0, SIZE_MAX, &i) < 0)
		return template_fail(t, "error calling index: cannot index %s with %s",
			json_kind_name(json_kind(v)), json_kind_name(json_kind(by)));
	if (i >= json_count(v))
		return template_fail(t, "error calling index: index out of range: %" PRIu64, i);
	*ret = json_item(v, (size_t)i);
	return 0;
}

static int fn_index(struct templating *t, const struct template_args *a, const struct json **ret)
{
	const struct json *v = a->v[0];
	int r = 0;

	for (size_t i = 1; i < a->n && r == 0; i++)
		r = index_one(t, v, a->v[i], &v);
	*ret = v;
	return r;
}

static int fn_len(struct templating *t, const struct template_args *a, const struct json **ret)
{
	const char *text = json_string(a->v[0]);

	*ret = template_number(t, (long long)(text ? strlen(text) : json_count(a->v[0])));
	return 0;
}

static int fn_join(struct templating *t, const struct template_args *a, const struct json **ret)
{
	const char *gap = a->n > 1 ? json_string(a->v[1]) : NULL;
	auto_str struct str out = STR_INIT((size_t)1 << 24);

	for (size_t i = 0; i < json_count(a->v[0]); i++) {
		if (i > 0)
			str_add(&out, gap ? gap : "");
		template_print(json_item(a->v[0], i), &out);
	}
	*ret = template_string(t, str_text(&out));
	return 0;
}

static int fn_split(struct templating *t, const struct template_args *a, const struct json **ret)
{
	const char *text = json_string(a->v[0]), *sep = a->n > 1 ? json_string(a->v[1]) : NULL;
	struct json *list = json_add_array(t->pool);

	*ret = list;
	if (!text || !sep || !sep[0])
		return template_fail(t, "error calling split: two strings are needed");
	for (const char *next; (next = strstr(text, sep)); text = next + strlen(sep)) {
		auto_free char *part = strndup(text, (size_t)(next - text));
		json_add_string(list, part);
	}
	json_add_string(list, text);
	return 0;
}

static int change_case(
	struct templating *t, const struct template_args *a, int (*change)(int), const struct json **ret)
{
	auto_str struct str out = STR_INIT((size_t)1 << 24);

	template_print(a->v[0], &out);
	for (size_t i = 0; i < out.len; i++)
		out.data[i] = (char)change((unsigned char)out.data[i]);
	*ret = template_string(t, str_text(&out));
	return 0;
}

static int fn_lower(struct templating *t, const struct template_args *a, const struct json **ret)
{
	return change_case(t, a, tolower, ret);
}

static int fn_upper(struct templating *t, const struct template_args *a, const struct json **ret)
{
	return change_case(t, a, toupper, ret);
}

static int print_args(struct templating *t, const struct template_args *a, const char *gap, const char *end,
	const struct json **ret)
{
	auto_str struct str out = STR_INIT((size_t)1 << 24);

	for (size_t i = 0; i < a->n; i++) {
		if (i > 0)
			str_add(&out, gap);
		template_print(a->v[i], &out);
	}
	str_add(&out, end);
	*ret = template_string(t, str_text(&out));
	return 0;
}

static int fn_print(struct templating *t, const struct template_args *a, const struct json **ret)
{
	return print_args(t, a, "", "", ret);
}

static int fn_println(struct templating *t, const struct template_args *a, const struct json **ret)
{
	return print_args(t, a, " ", "\n", ret);
}

static bool equal(const struct json *a, const struct json *b)
{
	auto_free char *x = json_text(a), *y = json_text(b);

	return x && y && strcmp(x, y) == 0;
}

static int fn_eq(struct templating *t, const struct template_args *a, const struct json **ret)
{
	bool any = false;

	for (size_t i = 1; i < a->n; i++)
		any = any || equal(a->v[0], a->v[i]);
	*ret = template_bool(t, any);
	return 0;
}

static int fn_ne(struct templating *t, const struct template_args *a, const struct json **ret)
{
	*ret = template_bool(t, !equal(a->v[0], a->v[1]));
	return 0;
}

static int fn_not(struct templating *t, const struct template_args *a, const struct json **ret)
{
	*ret = template_bool(t, !template_truth(a->v[0]));
	return 0;
}

static int fn_and(struct templating *t, const struct template_args *a, const struct json **ret)
{
	(void)t;
	for (size_t i = 0; i < a->n; i++) {
		*ret = a->v[i];
		if (!template_truth(*ret))
			break;
	}
	return 0;
}

static int fn_or(struct templating *t, const struct template_args *a, const struct json **ret)
{
	(void)t;
	for (size_t i = 0; i < a->n; i++) {
		*ret = a->v[i];
		if (template_truth(*ret))
			break;
	}
	return 0;
}

static const struct {
	const char *name;
	function *run;
	size_t min;
} functions[] = { { "json", fn_json, 1 }, { "index", fn_index, 1 }, { "len", fn_len, 1 },
	{ "join", fn_join, 1 }, { "split", fn_split, 2 }, { "lower", fn_lower, 1 }, { "upper", fn_upper, 1 },
	{ "print", fn_print, 0 }, { "println", fn_println, 0 }, { "eq", fn_eq, 2 }, { "ne", fn_ne, 2 },
	{ "not", fn_not, 1 }, { "and", fn_and, 1 }, { "or", fn_or, 1 } };

int template_call(struct templating *t, const char *name, size_t n, const struct template_args *a,
	const struct json **ret)
{
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
		if (strlen(functions[i].name) != n || memcmp(functions[i].name, name, n) != 0)
			continue;
		if (a->n < functions[i].min)
			return template_fail(t, "wrong number of args for %s: want %zu got %zu",
				functions[i].name, functions[i].min, a->n);
		return functions[i].run(t, a, ret);
	}
	return template_fail(t, "function \"%.*s\" not defined", n < 50 ? (int)n : 50, name);
}
