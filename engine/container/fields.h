/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The members of a create request, all by name: their types, what they are when nobody says, and what this
 * engine does with each.  One table for Config, one for HostConfig, in the order in which inspect shows them.
 */
#ifndef GANTRY_ENGINE_CONTAINER_FIELDS_H
#define GANTRY_ENGINE_CONTAINER_FIELDS_H

#include "lib/base/error.h"

#include <stddef.h>

struct json;

enum body_type {
	BODY_STRING,
	BODY_BOOL,
	BODY_INT,
	BODY_STRINGS, /* an array of strings */
	BODY_WORDS,   /* the same, or one string, which is an array of one */
	BODY_MAP,     /* an object of strings */
	BODY_OBJECT,
	BODY_ARRAY,
};

enum body_class {
	BODY_EFFECTIVE, /* takes effect */
	BODY_REFUSED,   /* refused by name when it says anything */
	BODY_IGNORED,   /* kept and shown without effect, as by Docker on Linux */
};

/* What stands there when it is not said. */
enum body_absent {
	BODY_ZERO, /* "", false, 0, [], {} by its type */
	BODY_NULL,
	BODY_OMITTED, /* nothing; also when it is empty */
};

struct body_field {
	const char *name;
	enum body_type type;
	enum body_class class;
	enum body_absent absent;
};

extern const struct body_field fields_config[], fields_host_config[]; /* ended by name NULL */

/* *ret: an object with all members of the table in its order; what the table does not know is left out, as
 * Docker does.  A wrong type is INVALID in Docker's words. */
int fields_normalize(
	const struct body_field *table, const struct json *in, struct json **ret, struct error *err);

/* UNSUPPORTED for the first refused member that says anything. */
int fields_refuse(const struct body_field *table, const struct json *object, struct error *err);

#endif
