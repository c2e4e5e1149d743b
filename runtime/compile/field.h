/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A value of a configuration together with its place in it, so that every complaint names the place:
 * "linux.namespaces[2].type: unknown namespace 'foo'".  A thin layer over lib/json with the rules of OCI
 * configurations: null is the same as absent, and unknown members are passed over.
 *
 * Fields live on the stack; a child points to its parent and must not outlive it.
 * Readers return 0, or a negative errno with the error filled; outputs are untouched when the member is
 * absent.
 */
#ifndef GANTRY_COMPILE_FIELD_H
#define GANTRY_COMPILE_FIELD_H

#include "lib/base/error.h"
#include "lib/json/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct field {
	const struct json *json; /* NULL: absent */
	const struct field *up;  /* NULL: the root */
	const char *name;        /* member of `up`, or NULL for element `index` */
	size_t index;
	struct error *err; /* where complaints go; may be NULL */
};

/* The root of a document.  name (may be NULL) stands before the places in it: "process". */
struct field field_root(const struct json *json, const char *name, struct error *err);

/* Fills err with "<place>: <text>"; ERROR_INVALID and -EINVAL, or ERROR_UNSUPPORTED and -ENOTSUP. */
int field_invalid(const struct field *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int field_unsupported(const struct field *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Writes the place as text; cut at the end. */
void field_place(const struct field *f, char *buf, size_t size);

/* Members of an object.  ret->json is NULL when absent; a value of another type is refused. */
int field_object(const struct field *up, const char *name, struct field *ret);
int field_array(const struct field *up, const char *name, struct field *ret);
/* The member whatever its type: for checking that it is absent. */
struct field field_any(const struct field *up, const char *name);
int field_string(const struct field *up, const char *name, const char **ret);
int field_bool(const struct field *up, const char *name, bool *ret);
/* Integers in a range; *ret_given (may be NULL) says whether the member is there. */
int field_int(
	const struct field *up, const char *name, int64_t min, int64_t max, int64_t *ret, bool *ret_given);
int field_uint(const struct field *up, const char *name, uint64_t max, uint64_t *ret, bool *ret_given);
int field_u32(const struct field *up, const char *name, uint32_t *ret, bool *ret_given);

/* As those, and an absent member is refused. */
int field_need_object(const struct field *up, const char *name, struct field *ret);
int field_need_string(const struct field *up, const char *name, const char **ret);

/* Elements of an array, or members of an object in the document's order; 0 when absent. */
size_t field_count(const struct field *f);
/* Element i of an array; one of another type is refused. */
int field_object_at(const struct field *f, size_t i, struct field *ret);
int field_string_at(const struct field *f, size_t i, const char **ret);
int field_u32_at(const struct field *f, size_t i, uint32_t *ret);
/* A member that json_each gave. */
struct field field_member(const struct field *up, const char *name, const struct json *value);
/* The value itself: its type, and as a text; absent or null is refused. */
int field_expect(const struct field *f, enum json_kind type);
int field_text(const struct field *f, const char **ret);

/* Refuses a member that is there and not empty (null, {}, [], "" and false are empty). */
int field_refuse(const struct field *up, const char *name, const char *why);

/* One of a table's names; NULL-ended by name. */
struct field_choice {
	const char *name;
	uint64_t value;
};
/* -EINVAL "unknown <what> '<text>'" when text is not in the table. */
int field_choose(const struct field *f, const char *text, const struct field_choice *choices,
	const char *what, uint64_t *ret);

#endif
