/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry/members.h"

#include "lib/json/json.h"

#include <stddef.h>

/* The object is the caller's to change, and so are its members. */
static struct json *there(struct json *in, const char *key, enum json_kind kind)
{
	const struct json *value = json_at(in, key);

	return json_kind(value) == kind ? (struct json *)value : NULL;
}

struct json *members_object(struct json *in, const char *key)
{
	struct json *have = there(in, key, JSON_OBJECT);

	return have ? have : json_set_object(in, key);
}

struct json *members_array(struct json *in, const char *key)
{
	struct json *have = there(in, key, JSON_ARRAY);

	return have ? have : json_set_array(in, key);
}
