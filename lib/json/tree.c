/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json/tree.h"

#include <errno.h>
#include <string.h>

#define INCOMPLETE ((uintptr_t)1)

static uintptr_t mark_of(const struct json *container)
{
	return (uintptr_t)json_object_get_userdata(tree_object(container));
}

static bool is_container(json_object *o)
{
	return json_object_is_type(o, json_type_object) || json_object_is_type(o, json_type_array);
}

const struct json *tree_parent(const struct json *container)
{
	return (const struct json *)(mark_of(container) & ~INCOMPLETE);
}

bool tree_is_incomplete(const struct json *container)
{
	return is_container(tree_object(container)) && (mark_of(container) & INCOMPLETE);
}

void tree_mark_incomplete(struct json *container)
{
	for (const struct json *c = container; c; c = tree_parent(c))
		json_object_set_userdata(tree_object(c), (void *)(mark_of(c) | INCOMPLETE), NULL);
}

static void adopt(struct json *parent, json_object *child)
{
	if (!is_container(child))
		return;
	bool incomplete = tree_is_incomplete(tree_json(child));
	json_object_set_userdata(child, (void *)((uintptr_t)parent | (incomplete ? INCOMPLETE : 0)), NULL);
	if (incomplete)
		tree_mark_incomplete(parent);
}

static int give_up(struct json *container, json_object *value)
{
	json_object_put(value);
	tree_mark_incomplete(container);
	return -ENOMEM;
}

int tree_set(struct json *object, const char *key, json_object *value)
{
	if (!json_object_is_type(tree_object(object), json_type_object) ||
		json_object_object_add(tree_object(object), key, value) < 0)
		return give_up(object, value);
	adopt(object, value);
	return 0;
}

int tree_add(struct json *array, json_object *value)
{
	if (!json_object_is_type(tree_object(array), json_type_array) ||
		json_object_array_add(tree_object(array), value) < 0)
		return give_up(array, value);
	adopt(array, value);
	return 0;
}

json_object *tree_new_double(double v, const char *text)
{
	return json_object_new_double_s(v, text);
}

const char *tree_number_text(const json_object *o)
{
	return json_object_is_type(o, json_type_double)
		       ? json_object_get_userdata((json_object *)(uintptr_t)o)
		       : NULL;
}
