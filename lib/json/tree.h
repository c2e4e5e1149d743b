/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of lib/json alone: how a tree stands on json-c.  A struct json is a json_object; null is
 * NULL. Objects and arrays keep a pointer to their parent in json-c's user data, with the lowest bit set when
 * the container is incomplete (a builder ran out of memory); leaves do not (json-c keeps a double's text
 * there).
 */
#ifndef GANTRY_JSON_TREE_H
#define GANTRY_JSON_TREE_H

#include "lib/json/json.h"

#include <json-c/json_object.h>
#include <json-c/linkhash.h>

static inline json_object *tree_object(const struct json *value)
{
	return (json_object *)(uintptr_t)value;
}

static inline struct json *tree_json(json_object *o)
{
	return (struct json *)o;
}

const struct json *tree_parent(const struct json *container);
bool tree_is_incomplete(const struct json *container);
void tree_mark_incomplete(struct json *container);

/* Attach value (taken, also on failure; NULL is null) under a key or at the end. */
int tree_set(struct json *object, const char *key, json_object *value);
int tree_add(struct json *array, json_object *value);

/* A number's double with its text as written; NULL without memory. */
json_object *tree_new_double(double v, const char *text);
/* That text, NULL for any other value. */
const char *tree_number_text(const json_object *o);

#endif
