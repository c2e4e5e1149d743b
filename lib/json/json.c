/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json/json.h"

#include "lib/base/cleanup.h"
#include "lib/json/tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void json_free(struct json *root)
{
	json_object_put(tree_object(root));
}

void json_cleanup(struct json **root)
{
	json_free(*root);
}

/* ---- looking ------------------------------------------------------------------ */
enum json_kind json_kind(const struct json *value)
{
	switch (json_object_get_type(tree_object(value))) {
	case json_type_null: return JSON_NULL;
	case json_type_boolean: return JSON_BOOL;
	case json_type_double:
	case json_type_int: return JSON_NUMBER;
	case json_type_string: return JSON_STRING;
	case json_type_array: return JSON_ARRAY;
	case json_type_object: return JSON_OBJECT;
	}
	return JSON_NULL;
}

const char *json_kind_name(enum json_kind kind)
{
	static const char *const names[] = { "null", "bool", "number", "string", "array", "object" };

	return names[kind];
}

const struct json *json_at(const struct json *object, const char *key)
{
	json_object *found = NULL;

	if (json_kind(object) == JSON_OBJECT)
		json_object_object_get_ex(tree_object(object), key, &found);
	return tree_json(found);
}

bool json_has(const struct json *object, const char *key)
{
	return json_kind(object) == JSON_OBJECT && json_object_object_get_ex(tree_object(object), key, NULL);
}

size_t json_count(const struct json *value)
{
	if (json_kind(value) == JSON_OBJECT)
		return (size_t)json_object_object_length(tree_object(value));
	return json_kind(value) == JSON_ARRAY ? json_object_array_length(tree_object(value)) : 0;
}

const struct json *json_item(const struct json *array, size_t i)
{
	if (json_kind(array) != JSON_ARRAY || i >= json_count(array))
		return NULL;
	return tree_json(json_object_array_get_idx(tree_object(array), i));
}

const char *json_string(const struct json *value)
{
	return json_kind(value) == JSON_STRING ? json_object_get_string(tree_object(value)) : NULL;
}

static struct json_iter iter_at(struct lh_entry *entry)
{
	if (!entry)
		return (struct json_iter){ NULL, NULL, NULL };
	return (struct json_iter){ lh_entry_k(entry), lh_entry_v(entry), entry };
}

struct json_iter json_iter_first(const struct json *object)
{
	return iter_at(json_kind(object) == JSON_OBJECT
			       ? lh_table_head(json_object_get_object(tree_object(object)))
			       : NULL);
}

void json_iter_next(struct json_iter *it)
{
	*it = iter_at(lh_entry_next((struct lh_entry *)it->entry));
}

/* ---- places and errors ------------------------------------------------------------ */
/* Keys come from outside: shortened, quoted when they hold more than a name. */
static void add_key(struct str *s, const char *key)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/";

	if (*key && key[strspn(key, plain)] == '\0' && strlen(key) <= 64)
		str_addf(s, "%s%s", s->len > 0 ? "." : "", key);
	else {
		str_add_char(s, '[');
		str_add_quoted(s, key, strnlen(key, 64));
		str_add_char(s, ']');
	}
}

static void add_place(struct str *s, const struct json *container)
{
	const struct json *parent = tree_parent(container);
	size_t n = json_count(parent);

	if (!parent)
		return;
	add_place(s, parent);
	json_each (parent, it)
		if (it.value == container)
			add_key(s, it.key);
	if (json_kind(parent) == JSON_OBJECT)
		return;
	for (size_t i = 0; i < n; i++)
		if (json_item(parent, i) == container)
			str_addf(s, "[%zu]", i);
}

static bool is_container(const struct json *value)
{
	return json_kind(value) == JSON_OBJECT || json_kind(value) == JSON_ARRAY;
}

const char *json_path(const struct json *object_or_array, char buf[JSON_PATH_SIZE])
{
	auto_str struct str s = STR_INIT(JSON_PATH_SIZE - 1);

	if (is_container(object_or_array))
		add_place(&s, object_or_array);
	snprintf(buf, JSON_PATH_SIZE, "%s", str_text(&s));
	return buf;
}

int json_error_at(
	struct error *err, const struct json *container, const char *key, size_t item, const char *fmt, ...)
{
	auto_str struct str s = STR_INIT(JSON_PATH_SIZE - 1);
	char text[400];
	va_list ap;

	if (is_container(container))
		add_place(&s, container);
	if (key)
		add_key(&s, key);
	else if (json_kind(container) == JSON_ARRAY)
		str_addf(&s, "[%zu]", item);
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return error_invalid(err, "%s: %s", s.len > 0 ? str_text(&s) : "JSON text", text);
}

/* A place that is being read: a member (key) or an item of a container. */
struct place {
	const struct json *in;
	const char *key;
	size_t i;
	const struct json *value;
	struct error *err;
};

#define fail_at(p, ...) json_error_at((p)->err, (p)->in, (p)->key, (p)->i, __VA_ARGS__)

static int fail_kind(const struct place *p, const char *expected)
{
	return fail_at(p, "expected %s, got %s", expected, json_kind_name(json_kind(p->value)));
}

/* 1: there, 0: absent and not required. */
static int member(
	const struct json *obj, const char *key, bool required, struct place *ret, struct error *err)
{
	*ret = (struct place){ .in = obj, .key = key, .value = json_at(obj, key), .err = err };
	if (obj && json_kind(obj) != JSON_OBJECT) {
		struct place whole = { .in = obj, .value = obj, .err = err };
		char path[JSON_PATH_SIZE];
		if (!is_container(obj))
			return fail_kind(&whole, "object");
		json_path(obj, path);
		return error_invalid(err, "%s: expected object, got %s", *path ? path : "JSON text",
			json_kind_name(json_kind(obj)));
	}
	if (ret->value)
		return 1;
	return required ? fail_at(ret, "missing") : 0;
}

static int item(const struct json *array, size_t i, struct place *ret, struct error *err)
{
	*ret = (struct place){ .in = array, .i = i, .value = json_item(array, i), .err = err };
	return i < json_count(array) ? 1 : fail_at(ret, "missing");
}

/* ---- values ----------------------------------------------------------------------- */
static int read_string(const struct place *p, const char **ret)
{
	const char *text = json_string(p->value);

	if (!text)
		return fail_kind(p, "string");
	*ret = text;
	return 0;
}

static int fail_range(const struct place *p, const char *min, const char *max)
{
	return fail_at(p, "number must be from %s to %s", min, max);
}

/* A whole number as sign and size; numbers that were no integers in the text are refused. */
static int read_whole(const struct place *p, bool *ret_minus, uint64_t *ret)
{
	json_object *o = tree_object(p->value);

	if (json_kind(p->value) != JSON_NUMBER)
		return fail_kind(p, "integer");
	if (json_object_is_type(o, json_type_double)) {
		const char *text = tree_number_text(o);
		if (!text || strpbrk(text, ".eE"))
			return fail_at(p, "expected integer, got %.40s", text ? text : "a fraction");
		return fail_at(p, "number is out of range");
	}
	int64_t i = json_object_get_int64(o);
	*ret_minus = i < 0;
	*ret = i < 0 ? 0 - (uint64_t)i : json_object_get_uint64(o);
	return 0;
}

static int read_int(const struct place *p, int64_t min, int64_t max, int64_t *ret)
{
	char low[24], high[24];
	bool minus;
	uint64_t u;

	int r = read_whole(p, &minus, &u);
	if (r < 0)
		return r;
	int64_t v = minus ? (int64_t)(0 - u) : (int64_t)u;
	if ((!minus && u > INT64_MAX) || v < min || v > max) {
		snprintf(low, sizeof low, "%lld", (long long)min);
		snprintf(high, sizeof high, "%lld", (long long)max);
		return fail_range(p, low, high);
	}
	*ret = v;
	return 0;
}

static int read_uint(const struct place *p, uint64_t max, uint64_t *ret)
{
	char high[24];
	bool minus;
	uint64_t u;

	int r = read_whole(p, &minus, &u);
	if (r < 0)
		return r;
	if (minus || u > max) {
		snprintf(high, sizeof high, "%llu", (unsigned long long)max);
		return fail_range(p, "0", high);
	}
	*ret = u;
	return 0;
}

static int read_double(const struct place *p, double *ret)
{
	if (json_kind(p->value) != JSON_NUMBER)
		return fail_kind(p, "number");
	*ret = json_object_get_double(tree_object(p->value));
	return 0;
}

static int read_bool(const struct place *p, bool *ret)
{
	if (json_kind(p->value) != JSON_BOOL)
		return fail_kind(p, "bool");
	*ret = json_object_get_boolean(tree_object(p->value));
	return 0;
}

static int read_container(const struct place *p, enum json_kind kind, const struct json **ret)
{
	if (json_kind(p->value) != kind)
		return fail_kind(p, json_kind_name(kind));
	*ret = p->value;
	return 0;
}

/* ---- members ------------------------------------------------------------------------ */
int json_get_string(const struct json *obj, const char *key, const char **ret, struct error *err)
{
	struct place p;
	int r = member(obj, key, true, &p, err);

	return r < 0 ? r : read_string(&p, ret);
}

int json_opt_string(
	const struct json *obj, const char *key, const char *fallback, const char **ret, struct error *err)
{
	struct place p;
	int r = member(obj, key, false, &p, err);

	if (r == 0)
		*ret = fallback;
	return r <= 0 ? r : read_string(&p, ret);
}

int json_get_int(
	const struct json *obj, const char *key, int64_t min, int64_t max, int64_t *ret, struct error *err)
{
	struct place p;
	int r = member(obj, key, true, &p, err);

	return r < 0 ? r : read_int(&p, min, max, ret);
}

int json_opt_int(const struct json *obj, const char *key, int64_t fallback, int64_t min, int64_t max,
	int64_t *ret, struct error *err)
{
	struct place p;
	int r = member(obj, key, false, &p, err);

	if (r == 0)
		*ret = fallback;
	return r <= 0 ? r : read_int(&p, min, max, ret);
}

int json_get_uint(const struct json *obj, const char *key, uint64_t max, uint64_t *ret, struct error *err)
{
	struct place p;
	int r = member(obj, key, true, &p, err);

	return r < 0 ? r : read_uint(&p, max, ret);
}

int json_opt_uint(const struct json *obj, const char *key, uint64_t fallback, uint64_t max, uint64_t *ret,
	struct error *err)
{
	struct place p;
	int r = member(obj, key, false, &p, err);

	if (r == 0)
		*ret = fallback;
	return r <= 0 ? r : read_uint(&p, max, ret);
}

int json_get_double(const struct json *obj, const char *key, double *ret, struct error *err)
{
	struct place p;
	int r = member(obj, key, true, &p, err);

	return r < 0 ? r : read_double(&p, ret);
}

int json_opt_double(const struct json *obj, const char *key, double fallback, double *ret, struct error *err)
{
	struct place p;
	int r = member(obj, key, false, &p, err);

	if (r == 0)
		*ret = fallback;
	return r <= 0 ? r : read_double(&p, ret);
}

int json_get_bool(const struct json *obj, const char *key, bool *ret, struct error *err)
{
	struct place p;
	int r = member(obj, key, true, &p, err);

	return r < 0 ? r : read_bool(&p, ret);
}

int json_opt_bool(const struct json *obj, const char *key, bool fallback, bool *ret, struct error *err)
{
	struct place p;
	int r = member(obj, key, false, &p, err);

	if (r == 0)
		*ret = fallback;
	return r <= 0 ? r : read_bool(&p, ret);
}

static int get_container(const struct json *obj, const char *key, bool required, enum json_kind kind,
	const struct json **ret, struct error *err)
{
	struct place p;
	int r = member(obj, key, required, &p, err);

	if (r == 0)
		*ret = NULL;
	return r <= 0 ? r : read_container(&p, kind, ret);
}

int json_get_object(const struct json *obj, const char *key, const struct json **ret, struct error *err)
{
	return get_container(obj, key, true, JSON_OBJECT, ret, err);
}

int json_opt_object(const struct json *obj, const char *key, const struct json **ret, struct error *err)
{
	return get_container(obj, key, false, JSON_OBJECT, ret, err);
}

int json_get_array(const struct json *obj, const char *key, const struct json **ret, struct error *err)
{
	return get_container(obj, key, true, JSON_ARRAY, ret, err);
}

int json_opt_array(const struct json *obj, const char *key, const struct json **ret, struct error *err)
{
	return get_container(obj, key, false, JSON_ARRAY, ret, err);
}

int json_opt_strings(const struct json *obj, const char *key, size_t max, char ***ret, struct error *err)
{
	auto_str_list char **list = NULL;
	const struct json *array = NULL;

	int r = json_opt_array(obj, key, &array, err);
	if (r < 0)
		return r;
	size_t n = json_count(array);
	if (n > max)
		return json_error_at(err, obj, key, 0, "at most %zu items are allowed", max);
	if (array && !(list = calloc(n + 1, sizeof *list)))
		return error_sys(err, ENOMEM, "cannot read '%s'", key);
	for (size_t i = 0; i < n; i++) {
		const char *text = NULL;
		r = json_item_string(array, i, &text, err);
		if (r < 0)
			return r;
		if (!(list[i] = strdup(text)))
			return error_sys(err, ENOMEM, "cannot read '%s'", key);
	}
	*ret = take_ptr(list);
	return 0;
}

/* ---- items --------------------------------------------------------------------------- */
int json_item_string(const struct json *array, size_t i, const char **ret, struct error *err)
{
	struct place p;
	int r = item(array, i, &p, err);

	return r < 0 ? r : read_string(&p, ret);
}

int json_item_int(
	const struct json *array, size_t i, int64_t min, int64_t max, int64_t *ret, struct error *err)
{
	struct place p;
	int r = item(array, i, &p, err);

	return r < 0 ? r : read_int(&p, min, max, ret);
}

int json_item_uint(const struct json *array, size_t i, uint64_t max, uint64_t *ret, struct error *err)
{
	struct place p;
	int r = item(array, i, &p, err);

	return r < 0 ? r : read_uint(&p, max, ret);
}

int json_item_object(const struct json *array, size_t i, const struct json **ret, struct error *err)
{
	struct place p;
	int r = item(array, i, &p, err);

	return r < 0 ? r : read_container(&p, JSON_OBJECT, ret);
}

int json_item_array(const struct json *array, size_t i, const struct json **ret, struct error *err)
{
	struct place p;
	int r = item(array, i, &p, err);

	return r < 0 ? r : read_container(&p, JSON_ARRAY, ret);
}

int json_expect(const struct json *value, enum json_kind kind, const char *name, struct error *err)
{
	if (json_kind(value) == kind)
		return 0;
	return error_invalid(err, "%.100s: expected %s, got %s", name, json_kind_name(kind),
		json_kind_name(json_kind(value)));
}

/* ---- unknown members -------------------------------------------------------------------- */
static bool is_known(const char *const *known, const char *key)
{
	for (; *known; known++)
		if (strcmp(*known, key) == 0)
			return true;
	return false;
}

size_t json_unknown(const struct json *obj, const char *const *known, const char **ret, size_t room)
{
	size_t n = 0;

	json_each (obj, it) {
		if (is_known(known, it.key))
			continue;
		if (n < room)
			ret[n] = it.key;
		n++;
	}
	return n;
}

int json_refuse_unknown(const struct json *obj, const char *const *known, struct error *err)
{
	const char *key;

	if (json_unknown(obj, known, &key, 1) == 0)
		return 0;
	return json_error_at(err, obj, key, 0, "unknown key");
}
