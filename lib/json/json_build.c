/* SPDX-License-Identifier: Apache-2.0 */
/* Building trees. */
#include "lib/json/tree.h"

#include "lib/base/cleanup.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>

/* A value that could not be made; a NULL value alone is null. */
static int store(struct json *container, const char *key, json_object *value, bool made)
{
	if (!container) {
		json_object_put(value);
		return -ENOMEM;
	}
	if (!made) {
		tree_mark_incomplete(container);
		return -ENOMEM;
	}
	return key ? tree_set(container, key, value) : tree_add(container, value);
}

static int store_new(struct json *container, const char *key, json_object *value)
{
	return store(container, key, value, value != NULL);
}

static int store_null(struct json *container, const char *key)
{
	return store(container, key, NULL, true);
}

static json_object *new_mended(const char *text, size_t n)
{
	auto_str struct str s = STR_INIT(INT_MAX - 1);

	for (size_t i = 0; i < n;) {
		size_t k = text[i] ? str_utf8_next(text + i, n - i, NULL) : 0;
		if (k > 0)
			str_add_n(&s, text + i, k);
		else
			str_add(&s, "\xef\xbf\xbd");
		i += k ? k : 1;
	}
	return s.failed ? NULL : json_object_new_string_len(str_text(&s), (int)s.len);
}

static json_object *new_string(const char *text, size_t n)
{
	if (n >= INT_MAX)
		return NULL;
	if (memchr(text, '\0', n) || !str_is_utf8(text, n))
		return new_mended(text, n);
	return json_object_new_string_len(text, (int)n);
}

static int store_string(struct json *container, const char *key, const char *text, size_t n)
{
	return text ? store_new(container, key, new_string(text, n)) : store_null(container, key);
}

static struct json *store_container(struct json *container, const char *key, json_object *value)
{
	return store_new(container, key, value) == 0 ? tree_json(value) : NULL;
}

struct json *json_new_object(void)
{
	return tree_json(json_object_new_object());
}

struct json *json_new_array(void)
{
	return tree_json(json_object_new_array_ext(4));
}

/* ---- members ------------------------------------------------------------------- */
int json_set_string(struct json *obj, const char *key, const char *text)
{
	return store_string(obj, key, text, text ? strlen(text) : 0);
}

int json_set_string_n(struct json *obj, const char *key, const char *text, size_t n)
{
	return store_string(obj, key, text, n);
}

int json_set_int(struct json *obj, const char *key, int64_t v)
{
	return store_new(obj, key, json_object_new_int64(v));
}

int json_set_uint(struct json *obj, const char *key, uint64_t v)
{
	return store_new(obj, key, json_object_new_uint64(v));
}

int json_set_double(struct json *obj, const char *key, double v)
{
	return isfinite(v) ? store_new(obj, key, json_object_new_double(v)) : store_null(obj, key);
}

int json_set_bool(struct json *obj, const char *key, bool v)
{
	return store_new(obj, key, json_object_new_boolean(v));
}

int json_set_null(struct json *obj, const char *key)
{
	return store_null(obj, key);
}

struct json *json_set_object(struct json *obj, const char *key)
{
	return store_container(obj, key, json_object_new_object());
}

struct json *json_set_array(struct json *obj, const char *key)
{
	return store_container(obj, key, json_object_new_array_ext(4));
}

int json_set(struct json *obj, const char *key, struct json *take)
{
	return store_new(obj, key, tree_object(take));
}

int json_set_strings(struct json *obj, const char *key, char *const *list)
{
	struct json *array = list ? json_set_array(obj, key) : NULL;
	int r = 0;

	if (!list)
		return store_null(obj, key);
	for (; *list && r == 0; list++)
		r = json_add_string(array, *list);
	return array ? r : -ENOMEM;
}

int json_remove(struct json *obj, const char *key)
{
	if (!json_has(obj, key))
		return -ENOENT;
	json_object_object_del(tree_object(obj), key);
	return 0;
}

/* ---- items ---------------------------------------------------------------------- */
int json_add_string(struct json *array, const char *text)
{
	return store_string(array, NULL, text, text ? strlen(text) : 0);
}

int json_add_int(struct json *array, int64_t v)
{
	return store_new(array, NULL, json_object_new_int64(v));
}

int json_add_uint(struct json *array, uint64_t v)
{
	return store_new(array, NULL, json_object_new_uint64(v));
}

int json_add_bool(struct json *array, bool v)
{
	return store_new(array, NULL, json_object_new_boolean(v));
}

int json_add_null(struct json *array)
{
	return store_null(array, NULL);
}

struct json *json_add_object(struct json *array)
{
	return store_container(array, NULL, json_object_new_object());
}

struct json *json_add_array(struct json *array)
{
	return store_container(array, NULL, json_object_new_array_ext(4));
}

int json_add(struct json *array, struct json *take)
{
	return store_new(array, NULL, tree_object(take));
}

/* ---- copies ----------------------------------------------------------------------- */
static int copy(const struct json *from, json_object **ret);

static int copy_members(const struct json *from, struct json *to)
{
	json_object *value;
	int r = 0;

	json_each (from, it) {
		if (r == 0 && (r = copy(it.value, &value)) == 0)
			r = tree_set(to, it.key, value);
	}
	for (size_t i = 0; json_kind(from) == JSON_ARRAY && i < json_count(from) && r == 0; i++) {
		r = copy(json_item(from, i), &value);
		if (r == 0)
			r = tree_add(to, value);
	}
	return r;
}

static json_object *copy_number(json_object *o)
{
	if (json_object_is_type(o, json_type_double)) {
		const char *text = tree_number_text(o);
		double v = json_object_get_double(o);
		return text ? tree_new_double(v, text) : json_object_new_double(v);
	}
	int64_t i = json_object_get_int64(o);
	return i == INT64_MAX ? json_object_new_uint64(json_object_get_uint64(o)) : json_object_new_int64(i);
}

static int copy(const struct json *from, json_object **ret)
{
	json_object *o = tree_object(from), *made = NULL;

	switch (json_kind(from)) {
	case JSON_NULL: *ret = NULL; return 0;
	case JSON_BOOL: made = json_object_new_boolean(json_object_get_boolean(o)); break;
	case JSON_NUMBER: made = copy_number(o); break;
	case JSON_STRING:
		made = json_object_new_string_len(json_object_get_string(o), json_object_get_string_len(o));
		break;
	case JSON_ARRAY: made = json_object_new_array_ext(4); break;
	case JSON_OBJECT: made = json_object_new_object(); break;
	}
	if (!made)
		return -ENOMEM;
	if (copy_members(from, tree_json(made)) < 0) {
		json_object_put(made);
		return -ENOMEM;
	}
	if (tree_is_incomplete(from))
		tree_mark_incomplete(tree_json(made));
	*ret = made;
	return 0;
}

struct json *json_copy(const struct json *value)
{
	json_object *made = NULL;

	copy(value, &made);
	return tree_json(made);
}
