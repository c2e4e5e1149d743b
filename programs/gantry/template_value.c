/* SPDX-License-Identifier: Apache-2.0 */
/* Pipelines of templates: operands, and how values print. */
#include "programs/gantry/template_state.h"

#include "lib/base/cleanup.h"
#include "lib/json/json.h"
#include "programs/gantry/template.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int template_fail(struct templating *t, const char *fmt, ...)
{
	char why[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	return error_invalid(t->err, "template: :1:%ld: %s", (long)(t->p - t->start), why);
}

void template_skip_blanks(struct templating *t)
{
	while (*t->p && isspace((unsigned char)*t->p))
		t->p++;
}

bool template_word(struct templating *t, const char **ret, size_t *ret_n)
{
	const char *p = t->p;

	while (isalnum((unsigned char)*p) || *p == '_')
		p++;
	*ret = t->p;
	*ret_n = (size_t)(p - t->p);
	t->p = p;
	return *ret_n > 0;
}

/* ---- values ---------------------------------------------------------------------------- */
static const struct json *newest(struct templating *t)
{
	return json_item(t->pool, json_count(t->pool) - 1);
}

const struct json *template_string(struct templating *t, const char *text)
{
	json_add_string(t->pool, text);
	return newest(t);
}

const struct json *template_bool(struct templating *t, bool v)
{
	json_add_bool(t->pool, v);
	return newest(t);
}

const struct json *template_number(struct templating *t, long long n)
{
	json_add_int(t->pool, n);
	return newest(t);
}

static bool is_scalar_true(const struct json *v)
{
	auto_free char *text = json_text(v);

	return text && strcmp(text, "false") != 0 && strcmp(text, "0") != 0;
}

bool template_truth(const struct json *v)
{
	switch (json_kind(v)) {
	case JSON_NULL: return false;
	case JSON_STRING: return json_string(v)[0] != '\0';
	case JSON_ARRAY:
	case JSON_OBJECT: return json_count(v) > 0;
	case JSON_BOOL:
	case JSON_NUMBER: break;
	}
	return is_scalar_true(v);
}

static void print_inner(const struct json *v, struct str *out, unsigned depth)
{
	const char *gap = "";

	switch (json_kind(v)) {
	case JSON_NULL: str_add(out, depth ? "<nil>" : "<no value>"); break;
	case JSON_STRING: str_add(out, json_string(v)); break;
	case JSON_BOOL:
	case JSON_NUMBER: json_print(v, NULL, out); break;
	case JSON_ARRAY:
		str_add_char(out, '[');
		for (size_t i = 0; i < json_count(v); i++, gap = " ") {
			str_add(out, gap);
			print_inner(json_item(v, i), out, depth + 1);
		}
		str_add_char(out, ']');
		break;
	case JSON_OBJECT:
		str_add(out, "map[");
		json_each (v, it) {
			str_addf(out, "%s%s:", gap, it.key);
			print_inner(it.value, out, depth + 1);
			gap = " ";
		}
		str_add_char(out, ']');
		break;
	}
}

void template_print(const struct json *v, struct str *out)
{
	print_inner(v, out, 0);
}

/* ---- operands ----------------------------------------------------------------------------- */
/* ".A.B" at p, from v. */
static int fields(struct templating *t, const struct json *v, const struct json **ret)
{
	const char *name;
	size_t n;

	while (*t->p == '.') {
		t->p++;
		if (!template_word(t, &name, &n))
			return template_fail(t, "a name is missing behind '.'");
		auto_free char *key = strndup(name, n);
		if (!key)
			return -ENOMEM;
		if (json_kind(v) == JSON_NULL)
			return template_fail(
				t, "executing \"\" at <.%s>: nil pointer evaluating .%s", key, key);
		if (!json_has(v, key))
			return template_fail(
				t, "executing \"\" at <.%s>: map has no entry for key \"%s\"", key, key);
		v = json_at(v, key);
	}
	*ret = v;
	return 0;
}

static int quoted(struct templating *t, const struct json **ret)
{
	auto_str struct str out = STR_INIT((size_t)1 << 20);
	char quote = *t->p++;

	while (*t->p && *t->p != quote) {
		char c = *t->p++;
		if (c == '\\' && quote == '"' && *t->p) {
			c = *t->p++;
			c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
		}
		str_add_char(&out, c);
	}
	if (!*t->p)
		return template_fail(t, "unterminated quoted string");
	t->p++;
	*ret = template_string(t, str_text(&out));
	return 0;
}

static int number(struct templating *t, const struct json **ret)
{
	auto_str struct str text = STR_INIT(32);
	int64_t v;

	while (isdigit((unsigned char)*t->p) || *t->p == '-')
		str_add_char(&text, *t->p++);
	if (text.failed || str_to_i64(str_text(&text), INT64_MIN, INT64_MAX, &v) < 0)
		return template_fail(t, "bad number syntax: \"%s\"", str_text(&text));
	*ret = template_number(t, v);
	return 0;
}

static int variable(struct templating *t, const struct json **ret)
{
	const char *name;
	size_t n;

	t->p++;
	template_word(t, &name, &n);
	if (n == 0) {
		*ret = t->root;
		return fields(t, t->root, ret);
	}
	for (unsigned i = t->nvars; i-- > 0;)
		if (t->vars[i].n == n && memcmp(t->vars[i].name, name, n) == 0)
			return fields(t, t->vars[i].value, ret);
	return template_fail(t, "undefined variable \"$%.*s\"", n < 50 ? (int)n : 50, name);
}

static int parentheses(struct templating *t, const struct json *dot, const struct json **ret)
{
	t->p++;
	int r = template_pipeline(t, dot, ret);
	if (r < 0)
		return r;
	template_skip_blanks(t);
	if (*t->p != ')')
		return template_fail(t, "unclosed left paren");
	t->p++;
	return fields(t, *ret, ret);
}

/* ret_name: set when it is a word, which may be a function. */
static int operand(struct templating *t, const struct json *dot, const struct json **ret,
	const char **ret_name, size_t *ret_n)
{
	char c = *t->p;

	*ret_name = NULL;
	if (c == '.' && !isalnum((unsigned char)t->p[1]) && t->p[1] != '_') {
		t->p++;
		*ret = dot;
		return 0;
	}
	if (c == '.')
		return fields(t, dot, ret);
	if (c == '$')
		return variable(t, ret);
	if (c == '"' || c == '`')
		return quoted(t, ret);
	if (c == '(')
		return parentheses(t, dot, ret);
	if (isdigit((unsigned char)c) || c == '-')
		return number(t, ret);
	if (!template_word(t, ret_name, ret_n))
		return template_fail(t, "unexpected %s%.1s", c ? "" : "end of text", t->p);
	return 0;
}

static bool at_end(const struct templating *t)
{
	return !*t->p || *t->p == ')' || *t->p == '|' || strncmp(t->p, "}}", 2) == 0 ||
	       strncmp(t->p, "-}}", 3) == 0;
}

static int constant(struct templating *t, const char *name, size_t n, const struct json **ret)
{
	if (n == 4 && memcmp(name, "true", 4) == 0)
		*ret = template_bool(t, true);
	else if (n == 5 && memcmp(name, "false", 5) == 0)
		*ret = template_bool(t, false);
	else if (n == 3 && memcmp(name, "nil", 3) == 0)
		*ret = NULL;
	else
		return -ENOENT;
	return 0;
}

/* A command: a value, or a function with its arguments. piped: the last one, from the left of '|'. */
static int command(struct templating *t, const struct json *dot, const struct json *const *piped,
	const struct json **ret)
{
	struct template_args a = { .n = 0 };
	const char *name, *inner;
	size_t n, inner_n;
	const struct json *first = NULL;
	int r = operand(t, dot, &first, &name, &n);

	if (r < 0)
		return r;
	if (!name || constant(t, name, n, &first) == 0) {
		*ret = first;
		template_skip_blanks(t);
		return at_end(t) && !piped ? 0 : template_fail(t, "can't give argument to non-function");
	}
	for (template_skip_blanks(t); !at_end(t); template_skip_blanks(t)) {
		if (a.n == TEMPLATE_ARGS_MAX - 1)
			return template_fail(t, "too many arguments");
		r = operand(t, dot, &a.v[a.n], &inner, &inner_n);
		if (r == 0 && inner && constant(t, inner, inner_n, &a.v[a.n]) < 0)
			r = template_call(t, inner, inner_n, &(struct template_args){ .n = 0 }, &a.v[a.n]);
		if (r < 0)
			return r;
		a.n++;
	}
	if (piped)
		a.v[a.n++] = *piped;
	return template_call(t, name, n, &a, ret);
}

int template_pipeline(struct templating *t, const struct json *dot, const struct json **ret)
{
	const struct json *left = NULL;
	bool piped = false;
	int r;

	if (t->depth >= TEMPLATE_DEPTH_MAX)
		return template_fail(t, "nested too deeply");
	t->depth++;
	for (;;) {
		const struct json *value = NULL;
		template_skip_blanks(t);
		r = command(t, dot, piped ? &left : NULL, &value);
		left = value;
		if (r < 0)
			break;
		template_skip_blanks(t);
		if (*t->p != '|')
			break;
		t->p++;
		piped = true;
	}
	t->depth--;
	*ret = left;
	return r;
}
