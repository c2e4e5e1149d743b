/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one JSON accessor.  A value is parsed from bounded text, read through typed accessors that name the
 * place of what is wrong ("process.args[2]: expected string, got number"), or built and printed.
 *
 * Rules.  Text is RFC 8259, UTF-8, nothing behind the value, at most JSON_DEPTH_MAX deep.  A string never
 * holds NUL
 * ("\u0000" is refused where it stands), so every string here is a whole C string.  Of equal keys the last
 * counts, as in Go, unless JSON_UNIQUE_KEYS.  A lone surrogate escape becomes U+FFFD, as in Go.  Numbers that
 * no double holds (1e999) are refused. NULL is JSON's null; an optional member that is null counts as absent,
 * a required one as missing, as in Go.
 *
 * Ownership: json_free frees a root and all below; everything an accessor gives is borrowed from it.
 * Threads: a tree belongs to one thread at a time.  json-c stands behind this and shows nowhere.
 */
#ifndef GANTRY_JSON_JSON_H
#define GANTRY_JSON_JSON_H

#include "lib/base/error.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

#define JSON_DEPTH_MAX      64
#define JSON_CONTAINERS_MAX (1 << 18)

/* ---- parsing ------------------------------------------------------------------ */
enum {
	JSON_UNIQUE_KEYS = 1, /* refuse an object with two equal keys */
};

/* Parses exactly n bytes, which need no NUL behind them.  The caller bounds n.  Errors: ERROR_INVALID, with
 * line and column; the text "null" gives *ret = NULL.  More than JSON_CONTAINERS_MAX objects and arrays are
 * refused: an empty one takes three bytes of text and hundreds of memory. */
int json_parse(const char *text, size_t n, unsigned flags, struct json **ret, struct error *err);

/* Reads and parses a file of at most max bytes; dirfd and path as in openat.  Errors of opening and reading
 * keep their errno (-ENOENT, -EFBIG); the path is in every text. */
int json_load(int dirfd, const char *path, size_t max, unsigned flags, struct json **ret, struct error *err);

/* Frees a root.  NULL is allowed; a value inside a tree must not be given. */
void json_free(struct json *root);
void json_cleanup(struct json **root);
#define auto_json __attribute__((cleanup(json_cleanup)))

/* A copy of the value as a root of its own; NULL for null or without memory (json_kind tells which). */
struct json *json_copy(const struct json *value);

/* ---- looking ------------------------------------------------------------------ */
enum json_kind json_kind(const struct json *value);
const char *json_kind_name(enum json_kind kind); /* "null", "bool", ... */

/* The member of that name; NULL when it is null, absent, or object is no object. */
const struct json *json_at(const struct json *object, const char *key);
/* True also for a member that is null. */
bool json_has(const struct json *object, const char *key);

/* Members of an object or items of an array; 0 for everything else. */
size_t json_count(const struct json *value);
/* NULL beyond the end. */
const struct json *json_item(const struct json *array, size_t i);

/* The text of a string, else NULL. */
const char *json_string(const struct json *value);

/* Iterates the members of an object (of anything else: none) in their order in the text:
 *     json_each (object, it) use(it.key, it.value); */
struct json_iter {
	const char *key; /* NULL at the end */
	const struct json *value;
	void *entry;
};
struct json_iter json_iter_first(const struct json *object);
void json_iter_next(struct json_iter *it);
#define json_each(object, it) for (struct json_iter it = json_iter_first(object); it.key; json_iter_next(&it))

/* Writes the place of a value from its root: "process.args[2]", "" for the root.  Returns buf.  null and
 * values without a place of their own (members that are no object or array) are found by json_error_at
 * instead. */
#define JSON_PATH_SIZE 256
const char *json_path(const struct json *object_or_array, char buf[JSON_PATH_SIZE]);

/* Fills err with "<path of the member>: <text>" (ERROR_INVALID); for checks of the caller's own.  container:
 * an object and a key, or an array with key NULL and the item's number. */
int json_error_at(struct error *err, const struct json *container, const char *key, size_t item,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* ---- typed members --------------------------------------------------------------- */
/* json_get_*: required; absent or null: "<path>: missing".  json_opt_*: absent or null gives the fallback.
 * A value of another type, or a number outside min..max, is ERROR_INVALID.  Out parameters are untouched on
 * failure. obj: an object, else "<path>: expected object, got ..."; a null obj has no members. Integers are
 * written without fraction or exponent (as Go's decoder requires). */
int json_get_string(const struct json *obj, const char *key, const char **ret, struct error *err);
int json_opt_string(
	const struct json *obj, const char *key, const char *fallback, const char **ret, struct error *err);
int json_get_int(
	const struct json *obj, const char *key, int64_t min, int64_t max, int64_t *ret, struct error *err);
int json_opt_int(const struct json *obj, const char *key, int64_t fallback, int64_t min, int64_t max,
	int64_t *ret, struct error *err);
int json_get_uint(const struct json *obj, const char *key, uint64_t max, uint64_t *ret, struct error *err);
int json_opt_uint(const struct json *obj, const char *key, uint64_t fallback, uint64_t max, uint64_t *ret,
	struct error *err);
int json_get_double(const struct json *obj, const char *key, double *ret, struct error *err);
int json_opt_double(const struct json *obj, const char *key, double fallback, double *ret, struct error *err);
int json_get_bool(const struct json *obj, const char *key, bool *ret, struct error *err);
int json_opt_bool(const struct json *obj, const char *key, bool fallback, bool *ret, struct error *err);
/* opt: *ret = NULL when absent. */
int json_get_object(const struct json *obj, const char *key, const struct json **ret, struct error *err);
int json_opt_object(const struct json *obj, const char *key, const struct json **ret, struct error *err);
int json_get_array(const struct json *obj, const char *key, const struct json **ret, struct error *err);
int json_opt_array(const struct json *obj, const char *key, const struct json **ret, struct error *err);

/* An optional array of strings as a list (caller frees with str_list_free); absent: *ret = NULL; empty: an
 * empty list. More than max items are refused. */
int json_opt_strings(const struct json *obj, const char *key, size_t max, char ***ret, struct error *err);

/* ---- typed items of an array --------------------------------------------------------- */
int json_item_string(const struct json *array, size_t i, const char **ret, struct error *err);
int json_item_int(
	const struct json *array, size_t i, int64_t min, int64_t max, int64_t *ret, struct error *err);
int json_item_uint(const struct json *array, size_t i, uint64_t max, uint64_t *ret, struct error *err);
int json_item_object(const struct json *array, size_t i, const struct json **ret, struct error *err);
int json_item_array(const struct json *array, size_t i, const struct json **ret, struct error *err);

/* Type of the value itself: the root, or what json_each gave.  name stands for its place in the text ("the
 * request body", a key). */
int json_expect(const struct json *value, enum json_kind kind, const char *name, struct error *err);

/* ---- unknown members ------------------------------------------------------------------ */
/* Stores up to room keys of obj that are not in the NULL-ended table; returns how many there are. */
size_t json_unknown(const struct json *obj, const char *const *known, const char **ret, size_t room);
/* ERROR_INVALID naming the first one. */
int json_refuse_unknown(const struct json *obj, const char *const *known, struct error *err);

/* ---- building ------------------------------------------------------------------------- */
/* Without memory a builder marks the containers up to the root as incomplete and returns -ENOMEM or NULL;
 * builders accept NULL as container (and fail).  So nothing need be checked but the result of json_print at
 * the end. Strings get U+FFFD for each byte that is NUL or no UTF-8. */
struct json *json_new_object(void);
struct json *json_new_array(void);

/* Members; an equal key is replaced.  A NULL text is null. */
int json_set_string(struct json *obj, const char *key, const char *text);
int json_set_string_n(struct json *obj, const char *key, const char *text, size_t n);
int json_set_int(struct json *obj, const char *key, int64_t v);
int json_set_uint(struct json *obj, const char *key, uint64_t v);
int json_set_double(struct json *obj, const char *key, double v); /* not finite: null */
int json_set_bool(struct json *obj, const char *key, bool v);
int json_set_null(struct json *obj, const char *key);
/* Creates and attaches; borrowed. */
struct json *json_set_object(struct json *obj, const char *key);
struct json *json_set_array(struct json *obj, const char *key);
/* Takes a root, also on failure. */
int json_set(struct json *obj, const char *key, struct json *take);
/* A list as an array of strings; NULL: null. */
int json_set_strings(struct json *obj, const char *key, char *const *list);

int json_remove(struct json *obj, const char *key);

/* Items, at the end. */
int json_add_string(struct json *array, const char *text);
int json_add_int(struct json *array, int64_t v);
int json_add_uint(struct json *array, uint64_t v);
int json_add_bool(struct json *array, bool v);
int json_add_null(struct json *array);
struct json *json_add_object(struct json *array);
struct json *json_add_array(struct json *array);
int json_add(struct json *array, struct json *take);

/* ---- printing ------------------------------------------------------------------------- */
/* Appends the value as Go's encoder writes it, without HTML escapes.  indent NULL or "": compact; else as
 * json.MarshalIndent with that unit ("    ").  -ENOMEM for an incomplete tree, else out->failed. */
int json_print(const struct json *value, const char *indent, struct str *out);

/* The compact text (caller frees), NULL without memory. */
char *json_text(const struct json *value);

#endif
