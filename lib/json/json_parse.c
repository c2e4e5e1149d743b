/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 8259, no more.  json-c's own tokener takes control characters, comments and wrong numbers, saturates
 * integers and cannot report equal keys, so only its tree is used.
 */
#include "lib/json/tree.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 400 /* characters: the longest a double can need in full is 327 */

struct parser {
	const char *start, *at, *end;
	unsigned flags;
	int depth, containers;
	struct str text; /* of the string being read */
	struct error *err;
};

static int wrong(const struct parser *p, const char *at, const char *what)
{
	size_t line = 1;
	const char *begin = p->start;

	for (const char *q = p->start; q < at; q++) {
		if (*q == '\n') {
			line++;
			begin = q + 1;
		}
	}
	return error_invalid(
		p->err, "invalid JSON at line %zu, column %zu: %s", line, (size_t)(at - begin) + 1, what);
}

static int no_memory(const struct parser *p)
{
	return error_sys(p->err, ENOMEM, "cannot parse JSON");
}

static void skip_blanks(struct parser *p)
{
	while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\r' || *p->at == '\t'))
		p->at++;
}

static bool take(struct parser *p, char c)
{
	if (p->at == p->end || *p->at != c)
		return false;
	p->at++;
	return true;
}

/* ---- strings ------------------------------------------------------------------- */
static bool take_hex4(struct parser *p, uint32_t *ret)
{
	uint32_t v = 0;

	if (p->end - p->at < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		char c = p->at[i];
		uint32_t d = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
			     : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
			     : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
						    : 16;
		if (d == 16)
			return false;
		v = v << 4 | d;
	}
	p->at += 4;
	*ret = v;
	return true;
}

/* Behind "\u".  A pair of surrogates is one character; a lone one becomes U+FFFD. */
static int unicode_escape(struct parser *p, const char *at)
{
	uint32_t rune, low;
	char buf[4];

	if (!take_hex4(p, &rune))
		return wrong(p, at, "\\u needs four hexadecimal digits");
	if (rune == 0)
		return wrong(p, at, "a string must not hold \\u0000");
	if (rune >= 0xd800 && rune <= 0xdfff) {
		struct parser ahead = *p;
		bool pair = rune < 0xdc00 && take(&ahead, '\\') && take(&ahead, 'u') &&
			    take_hex4(&ahead, &low) && low >= 0xdc00 && low <= 0xdfff;
		rune = pair ? 0x10000 + ((rune - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
		if (pair)
			p->at = ahead.at;
	}
	str_add_n(&p->text, buf, str_utf8_put(buf, rune));
	return 0;
}

static int escape(struct parser *p)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at = p->at++;

	if (p->at == p->end)
		return wrong(p, at, "string without an end");
	char c = *p->at++;
	if (c == 'u')
		return unicode_escape(p, at);
	const char *found = c ? strchr(from, c) : NULL;
	if (!found)
		return wrong(p, at, "unknown escape in a string");
	str_add_char(&p->text, to[found - from]);
	return 0;
}

/* Behind the opening quote; the text is left in p->text. */
static int parse_text(struct parser *p)
{
	const char *open = p->at - 1, *plain = p->at;

	str_clear(&p->text);
	while (p->at < p->end && *p->at != '"') {
		unsigned char c = (unsigned char)*p->at;
		if (c == '\\') {
			str_add_n(&p->text, plain, (size_t)(p->at - plain));
			int r = escape(p);
			if (r < 0)
				return r;
			plain = p->at;
			continue;
		}
		if (c < 0x20)
			return wrong(p, p->at, "control character in a string");
		size_t k = str_utf8_next(p->at, (size_t)(p->end - p->at), NULL);
		if (k == 0)
			return wrong(p, p->at, "string is not UTF-8");
		p->at += k;
	}
	if (p->at == p->end)
		return wrong(p, open, "string without an end");
	str_add_n(&p->text, plain, (size_t)(p->at - plain));
	p->at++;
	return p->text.failed ? no_memory(p) : 0;
}

static int parse_string(struct parser *p, json_object **ret)
{
	int r = parse_text(p);

	if (r < 0)
		return r;
	*ret = json_object_new_string_len(str_text(&p->text), (int)p->text.len);
	return *ret ? 0 : no_memory(p);
}

/* ---- numbers and words --------------------------------------------------------------- */
static size_t take_digits(struct parser *p)
{
	const char *from = p->at;

	while (p->at < p->end && *p->at >= '0' && *p->at <= '9')
		p->at++;
	return (size_t)(p->at - from);
}

static bool scan_number(struct parser *p, bool *ret_whole)
{
	*ret_whole = true;
	take(p, '-');
	if (!take(p, '0') && take_digits(p) == 0)
		return false;
	if (take(p, '.')) {
		*ret_whole = false;
		if (take_digits(p) == 0)
			return false;
	}
	if (take(p, 'e') || take(p, 'E')) {
		*ret_whole = false;
		if (!take(p, '+'))
			take(p, '-');
		return take_digits(p) > 0;
	}
	return true;
}

static int parse_number(struct parser *p, json_object **ret)
{
	const char *from = p->at;
	char text[NUMBER_MAX + 1];
	int64_t i;
	uint64_t u;
	bool whole;

	if (!scan_number(p, &whole))
		return wrong(p, p->at, "number is not complete");
	size_t n = (size_t)(p->at - from);
	if (n > NUMBER_MAX)
		return wrong(p, from, "number is too long");
	memcpy(text, from, n);
	text[n] = '\0';
	if (whole && str_to_i64(text, INT64_MIN, INT64_MAX, &i) == 0) {
		*ret = json_object_new_int64(i);
	} else if (whole && str_to_u64(text, 10, 0, UINT64_MAX, &u) == 0) {
		*ret = json_object_new_uint64(u);
	} else {
		double v = strtod(text, NULL);
		if (!isfinite(v))
			return wrong(p, from, "number is out of range");
		*ret = tree_new_double(v, text);
	}
	return *ret ? 0 : no_memory(p);
}

static bool take_word(struct parser *p, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(p->end - p->at) < n || memcmp(p->at, word, n) != 0)
		return false;
	p->at += n;
	return true;
}

static int parse_word(struct parser *p, json_object **ret)
{
	bool yes = take_word(p, "true");

	if (!yes && !take_word(p, "false")) {
		if (!take_word(p, "null"))
			return wrong(
				p, p->at, p->at == p->end ? "value is missing" : "no value begins like this");
		*ret = NULL;
		return 0;
	}
	*ret = json_object_new_boolean(yes);
	return *ret ? 0 : no_memory(p);
}

/* ---- containers ------------------------------------------------------------------------ */
static int parse_value(struct parser *p, json_object **ret);

static int parse_member(struct parser *p, struct json *object)
{
	json_object *value = NULL;

	skip_blanks(p);
	const char *at = p->at;
	if (!take(p, '"'))
		return wrong(p, p->at, "a key in quotes is expected");
	int r = parse_text(p);
	if (r < 0)
		return r;
	if ((p->flags & JSON_UNIQUE_KEYS) &&
		json_object_object_get_ex(tree_object(object), str_text(&p->text), NULL))
		return wrong(p, at, "key stands twice in an object");
	auto_free char *key = str_take(&p->text);
	if (!key)
		return no_memory(p);
	skip_blanks(p);
	if (!take(p, ':'))
		return wrong(p, p->at, "':' is expected");
	r = parse_value(p, &value);
	if (r < 0)
		return r;
	return tree_set(object, key, value) < 0 ? no_memory(p) : 0;
}

static int parse_element(struct parser *p, struct json *array)
{
	json_object *value = NULL;

	int r = parse_value(p, &value);
	if (r < 0)
		return r;
	return tree_add(array, value) < 0 ? no_memory(p) : 0;
}

static int parse_members(struct parser *p, struct json *container, char close,
	int (*parse_one)(struct parser *, struct json *))
{
	skip_blanks(p);
	if (take(p, close))
		return 0;
	for (;;) {
		int r = parse_one(p, container);
		if (r < 0)
			return r;
		skip_blanks(p);
		if (take(p, close))
			return 0;
		if (!take(p, ','))
			return wrong(
				p, p->at, close == '}' ? "',' or '}' is expected" : "',' or ']' is expected");
	}
}

/* Behind the opening bracket. */
static int parse_container(struct parser *p, bool object, json_object **ret)
{
	if (++p->depth > JSON_DEPTH_MAX)
		return wrong(p, p->at - 1, "objects and arrays are nested too deeply");
	if (++p->containers > JSON_CONTAINERS_MAX)
		return wrong(p, p->at - 1, "too many objects and arrays");
	json_object *o = object ? json_object_new_object() : json_object_new_array_ext(2);
	if (!o)
		return no_memory(p);
	int r = object ? parse_members(p, tree_json(o), '}', parse_member)
		       : parse_members(p, tree_json(o), ']', parse_element);
	p->depth--;
	if (r < 0)
		json_object_put(o);
	else
		*ret = o;
	return r;
}

static int parse_value(struct parser *p, json_object **ret)
{
	skip_blanks(p);
	if (take(p, '{'))
		return parse_container(p, true, ret);
	if (take(p, '['))
		return parse_container(p, false, ret);
	if (take(p, '"'))
		return parse_string(p, ret);
	if (p->at < p->end && (*p->at == '-' || (*p->at >= '0' && *p->at <= '9')))
		return parse_number(p, ret);
	return parse_word(p, ret);
}

int json_parse(const char *text, size_t n, unsigned flags, struct json **ret, struct error *err)
{
	struct parser p = { .start = text,
		.at = text,
		.end = text + n,
		.flags = flags,
		.text = STR_INIT(n < INT32_MAX ? n : INT32_MAX),
		.err = err };
	json_object *value = NULL;

	int r = parse_value(&p, &value);
	if (r == 0) {
		skip_blanks(&p);
		if (p.at < p.end)
			r = wrong(&p, p.at, "nothing may follow the value");
	}
	str_done(&p.text);
	if (r < 0) {
		json_object_put(value);
		return r;
	}
	*ret = tree_json(value);
	return 0;
}

int json_load(int dirfd, const char *path, size_t max, unsigned flags, struct json **ret, struct error *err)
{
	auto_free char *text = NULL;
	size_t n;

	int r = fd_read_file(dirfd, path, max, &text, &n);
	if (r == -EFBIG)
		return error_set(
			err, ERROR_INVALID, EFBIG, "cannot read '%s': larger than %zu bytes", path, max);
	if (r < 0) {
		error_sys(err, -r, "cannot read '%s'", path);
		if (err && r == -ENOENT)
			err->kind = ERROR_NOT_FOUND;
		return r;
	}
	r = json_parse(text, n, flags, ret, err);
	return r < 0 ? error_prefix(err, r, "'%s'", path) : 0;
}
