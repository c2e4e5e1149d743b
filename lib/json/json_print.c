/* SPDX-License-Identifier: Apache-2.0 */
/* Printing as Go's encoding/json does. */
#include "lib/json/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct printer {
	struct str *out;
	const char *indent; /* NULL: compact */
	int depth;
};

/* The shortest decimal that reads back as v; exponents as Go: below 1e-6 and from 1e21. */
static void print_double(struct str *out, double v)
{
	double size = v < 0 ? -v : v;
	char buf[40];
	int digits = 1;

	do
		snprintf(buf, sizeof buf, "%.*e", digits - 1, v);
	while (strtod(buf, NULL) != v && ++digits <= 17);
	if (size != 0 && (size < 1e-6 || size >= 1e21)) {
		/* Go drops the zero of a two-digit exponent: e-09 is e-9. */
		char *e = strchr(buf, 'e');
		if (e && e[2] == '0')
			memmove(e + 2, e + 3, strlen(e + 3) + 1);
		str_add(out, buf);
		return;
	}
	int exponent = (int)strtol(strchr(buf, 'e') + 1, NULL, 10), decimals = digits - 1 - exponent;
	str_addf(out, "%.*f", decimals > 0 ? decimals : 0, v);
}

static void print_number(struct str *out, json_object *o)
{
	const char *text = tree_number_text(o);

	if (text)
		str_add(out, text);
	else if (json_object_is_type(o, json_type_double))
		print_double(out, json_object_get_double(o));
	else if (json_object_get_int64(o) < 0)
		str_addf(out, "%lld", (long long)json_object_get_int64(o));
	else
		str_addf(out, "%llu", (unsigned long long)json_object_get_uint64(o));
}

static void new_line(struct printer *p)
{
	if (!p->indent)
		return;
	str_add_char(p->out, '\n');
	for (int i = 0; i < p->depth; i++)
		str_add(p->out, p->indent);
}

static void print(struct printer *p, const struct json *value);

static void print_members(struct printer *p, const struct json *value)
{
	const char *comma = "";

	p->depth++;
	json_each (value, it) {
		str_add(p->out, comma);
		new_line(p);
		str_add_json(p->out, it.key, strlen(it.key));
		str_add(p->out, p->indent ? ": " : ":");
		print(p, it.value);
		comma = ",";
	}
	for (size_t i = 0; json_kind(value) == JSON_ARRAY && i < json_count(value); i++) {
		str_add(p->out, comma);
		new_line(p);
		print(p, json_item(value, i));
		comma = ",";
	}
	p->depth--;
	if (*comma)
		new_line(p);
}

static void print(struct printer *p, const struct json *value)
{
	json_object *o = tree_object(value);

	switch (json_kind(value)) {
	case JSON_NULL: str_add(p->out, "null"); break;
	case JSON_BOOL: str_add(p->out, json_object_get_boolean(o) ? "true" : "false"); break;
	case JSON_NUMBER: print_number(p->out, o); break;
	case JSON_STRING:
		str_add_json(p->out, json_object_get_string(o), (size_t)json_object_get_string_len(o));
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		str_add_char(p->out, json_kind(value) == JSON_ARRAY ? '[' : '{');
		print_members(p, value);
		str_add_char(p->out, json_kind(value) == JSON_ARRAY ? ']' : '}');
		break;
	}
}

int json_print(const struct json *value, const char *indent, struct str *out)
{
	struct printer p = { .out = out, .indent = indent && *indent ? indent : NULL };

	if (tree_is_incomplete(value))
		return -ENOMEM;
	print(&p, value);
	return out->failed;
}

char *json_text(const struct json *value)
{
	auto_str struct str s = STR_INIT(SIZE_MAX / 2);

	return json_print(value, NULL, &s) < 0 ? NULL : str_take(&s);
}
