/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compile/field.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PLACE_MAX 256
#define DEPTH_MAX 16 /* of places in messages; no configuration is deeper */

/* ---- places and complaints -------------------------------------------------------- */
/* A name that could be taken for a part of the path, or is long, stands in quotes and cut. */
static int write_name(char *buf, size_t size, const char *name, bool first)
{
	size_t plain = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	if (plain > 0 && !name[plain] && plain <= 64)
		return snprintf(buf, size, "%s%s", first ? "" : ".", name);
	return snprintf(buf, size, "[\"%.64s\"]", name);
}

void field_place(const struct field *f, char *buf, size_t size)
{
	const struct field *chain[DEPTH_MAX];
	size_t n = 0, len = 0;

	buf[0] = '\0';
	for (; f && n < DEPTH_MAX; f = f->up)
		if (f->up || f->name)
			chain[n++] = f;
	while (n-- > 0 && len < size - 1) {
		int wrote = chain[n]->name ? write_name(buf + len, size - len, chain[n]->name, len == 0)
					   : snprintf(buf + len, size - len, "[%zu]", chain[n]->index);

		len += wrote > 0 ? (size_t)wrote : 0;
	}
}

static int complain(const struct field *f, int kind, int sys_errno, const char *fmt, va_list ap)
{
	char place[PLACE_MAX], text[400];

	field_place(f, place, sizeof place);
	vsnprintf(text, sizeof text, fmt, ap);
	return error_set(f->err, kind, sys_errno, "%s%s%s", place, *place ? ": " : "", text);
}

int field_invalid(const struct field *f, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = complain(f, ERROR_INVALID, EINVAL, fmt, ap);
	va_end(ap);
	return r;
}

int field_unsupported(const struct field *f, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = complain(f, ERROR_UNSUPPORTED, ENOTSUP, fmt, ap);
	va_end(ap);
	return r;
}

/* ---- finding ---------------------------------------------------------------------- */
struct field field_root(const struct json *json, const char *name, struct error *err)
{
	return (struct field){ .json = json, .name = name, .err = err };
}

struct field field_any(const struct field *up, const char *name)
{
	return (struct field){ .json = json_at(up->json, name), .up = up, .name = name, .err = up->err };
}

struct field field_member(const struct field *up, const char *name, const struct json *value)
{
	return (struct field){ .json = value, .up = up, .name = name, .err = up->err };
}

static struct field element(const struct field *f, size_t i)
{
	return (struct field){ .json = json_item(f->json, i), .up = f, .index = i, .err = f->err };
}

size_t field_count(const struct field *f)
{
	return json_count(f->json);
}

int field_expect(const struct field *f, enum json_kind type)
{
	enum json_kind is = json_kind(f->json);

	if (is == type)
		return 0;
	return field_invalid(f, "expected %s, got %s", json_kind_name(type), json_kind_name(is));
}

/* ---- members ------------------------------------------------------------------------ */
/* A member of that type, or an absent one. */
static int find(const struct field *up, const char *name, enum json_kind type, struct field *ret)
{
	struct field f = field_any(up, name);
	int r;

	if (up->json) {
		r = field_expect(up, JSON_OBJECT);
		if (r < 0)
			return r;
	}
	r = f.json ? field_expect(&f, type) : 0;
	if (r == 0)
		*ret = f;
	return r;
}

static int need(const struct field *f)
{
	return f->json ? 0 : field_invalid(f, "is needed");
}

int field_object(const struct field *up, const char *name, struct field *ret)
{
	return find(up, name, JSON_OBJECT, ret);
}

int field_array(const struct field *up, const char *name, struct field *ret)
{
	return find(up, name, JSON_ARRAY, ret);
}

int field_need_object(const struct field *up, const char *name, struct field *ret)
{
	int r = find(up, name, JSON_OBJECT, ret);

	return r < 0 ? r : need(ret);
}

int field_string(const struct field *up, const char *name, const char **ret)
{
	struct field f;
	int r = find(up, name, JSON_STRING, &f);

	if (r == 0 && f.json)
		*ret = json_string(f.json);
	return r;
}

int field_need_string(const struct field *up, const char *name, const char **ret)
{
	struct field f;
	int r = find(up, name, JSON_STRING, &f);

	if (r == 0)
		r = need(&f);
	if (r == 0)
		*ret = json_string(f.json);
	return r;
}

int field_bool(const struct field *up, const char *name, bool *ret)
{
	struct field f;
	int r = find(up, name, JSON_BOOL, &f);

	return r < 0 ? r : json_opt_bool(up->json, name, *ret, ret, NULL);
}

int field_int(
	const struct field *up, const char *name, int64_t min, int64_t max, int64_t *ret, bool *ret_given)
{
	struct field f;
	int r = find(up, name, JSON_NUMBER, &f);

	if (r < 0)
		return r;
	if (ret_given)
		*ret_given = f.json;
	if (f.json && json_get_int(up->json, name, min, max, ret, NULL) < 0)
		return field_invalid(
			&f, "an integer from %lld to %lld is needed", (long long)min, (long long)max);
	return 0;
}

int field_uint(const struct field *up, const char *name, uint64_t max, uint64_t *ret, bool *ret_given)
{
	struct field f;
	int r = find(up, name, JSON_NUMBER, &f);

	if (r < 0)
		return r;
	if (ret_given)
		*ret_given = f.json;
	if (f.json && json_get_uint(up->json, name, max, ret, NULL) < 0)
		return field_invalid(&f, "an integer from 0 to %llu is needed", (unsigned long long)max);
	return 0;
}

int field_u32(const struct field *up, const char *name, uint32_t *ret, bool *ret_given)
{
	uint64_t value = *ret;
	int r = field_uint(up, name, UINT32_MAX, &value, ret_given);

	if (r == 0)
		*ret = (uint32_t)value;
	return r;
}

/* ---- elements and values -------------------------------------------------------------- */
int field_object_at(const struct field *f, size_t i, struct field *ret)
{
	struct field item = element(f, i);
	int r = field_expect(&item, JSON_OBJECT);

	if (r == 0)
		*ret = item;
	return r;
}

int field_text(const struct field *f, const char **ret)
{
	int r = field_expect(f, JSON_STRING);

	if (r == 0)
		*ret = json_string(f->json);
	return r;
}

int field_string_at(const struct field *f, size_t i, const char **ret)
{
	struct field item = element(f, i);

	return field_text(&item, ret);
}

int field_u32_at(const struct field *f, size_t i, uint32_t *ret)
{
	struct field item = element(f, i);
	uint64_t value = 0;
	int r = field_expect(&item, JSON_NUMBER);

	if (r == 0 && json_item_uint(f->json, i, UINT32_MAX, &value, NULL) < 0)
		r = field_invalid(&item, "an integer from 0 to %u is needed", UINT32_MAX);
	if (r == 0)
		*ret = (uint32_t)value;
	return r;
}

int field_refuse(const struct field *up, const char *name, const char *why)
{
	struct field f = field_any(up, name);
	bool set = true;

	switch (json_kind(f.json)) {
	case JSON_NULL: return 0;
	case JSON_STRING: set = *json_string(f.json); break;
	case JSON_ARRAY:
	case JSON_OBJECT: set = field_count(&f) > 0; break;
	case JSON_BOOL: json_opt_bool(up->json, name, false, &set, NULL); break;
	case JSON_NUMBER: break;
	}
	return set ? field_unsupported(&f, "%s", why) : 0;
}

int field_choose(const struct field *f, const char *text, const struct field_choice *choices,
	const char *what, uint64_t *ret)
{
	for (; choices->name; choices++)
		if (strcmp(text, choices->name) == 0) {
			*ret = choices->value;
			return 0;
		}
	return field_invalid(f, "unknown %s '%.100s'", what, text);
}
