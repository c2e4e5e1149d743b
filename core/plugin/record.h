/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the requests and replies of the driver ABI are made of, as data: one `struct record` describes
 * one SDK struct.  The deep copy of requests, the check of replies and the flat messages for a driver in
 * another process all walk these descriptions; none of them knows a driver kind.
 * A test holds each description against its struct: every byte belongs to a field, or is reserved or padding.
 */
#ifndef GANTRY_CORE_RECORD_H
#define GANTRY_CORE_RECORD_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gantry/plugin.h>

#define RECORD_TEXT_MAX 65535u     /* bytes of a string without its NUL */
#define RECORD_NAME_MAX 255u       /* of an id or a name */
#define RECORD_LIST_MAX 4096u      /* elements of a list */
#define RECORD_BLOB_MAX (8u << 20) /* bytes of a gty_blob: a raw request body */

enum field_type {
	FIELD_INT,  /* 1, 2, 4 or 8 bytes */
	FIELD_FD,   /* int32_t; -1: none */
	FIELD_STR,  /* const char *; NULL unless FIELD_NEEDED */
	FIELD_LIST, /* pointer to records, their number in a uint32_t elsewhere in the struct */
	FIELD_PTR,  /* pointer to one record, or NULL */
	FIELD_SUB,  /* a record by value */
	FIELD_BLOB, /* struct gty_blob by value */
};

enum { FIELD_NEEDED = 1 }; /* a string that is never NULL */

struct record;

struct field {
	const char *name;
	const struct record *rec; /* LIST, PTR, SUB */
	uint32_t max;             /* STR: bytes; LIST: elements, 0 for no limit */
	uint16_t offset, count;   /* count: where a LIST has its number */
	uint8_t type, size, flags;
};

struct record {
	const char *name;
	uint32_t size;
	bool sized; /* begins with uint32_t struct_size */
	uint16_t n;
	const struct field *fields;
};

#define FIELD_AT(t, m) .name = #m, .offset = offsetof(t, m), .size = sizeof(((t *)0)->m)
#define INT_(t, m)                                \
	{                                         \
		FIELD_AT(t, m), .type = FIELD_INT \
	}
#define FD_(t, m)                                \
	{                                        \
		FIELD_AT(t, m), .type = FIELD_FD \
	}
#define TEXT_(t, m)                                                       \
	{                                                                 \
		FIELD_AT(t, m), .type = FIELD_STR, .max = RECORD_TEXT_MAX \
	}
#define NAME_(t, m)                                                       \
	{                                                                 \
		FIELD_AT(t, m), .type = FIELD_STR, .max = RECORD_NAME_MAX \
	}
#define NEEDTEXT_(t, m)                                                                          \
	{                                                                                        \
		FIELD_AT(t, m), .type = FIELD_STR, .max = RECORD_TEXT_MAX, .flags = FIELD_NEEDED \
	}
#define NEEDNAME_(t, m)                                                                          \
	{                                                                                        \
		FIELD_AT(t, m), .type = FIELD_STR, .max = RECORD_NAME_MAX, .flags = FIELD_NEEDED \
	}
#define SUB_(t, m, r)                                          \
	{                                                      \
		FIELD_AT(t, m), .type = FIELD_SUB, .rec = &(r) \
	}
#define PTR_(t, m, r)                                          \
	{                                                      \
		FIELD_AT(t, m), .type = FIELD_PTR, .rec = &(r) \
	}
#define BLOB_(t, m)                                                        \
	{                                                                  \
		FIELD_AT(t, m), .type = FIELD_BLOB, .max = RECORD_BLOB_MAX \
	}
#define LIST_MAX_(t, m, c, r, limit)                                                                     \
	{                                                                                                \
		FIELD_AT(t, m), .type = FIELD_LIST, .rec = &(r), .count = offsetof(t, c), .max = (limit) \
	}
#define LIST_(t, m, c, r) LIST_MAX_(t, m, c, r, RECORD_LIST_MAX)

/* struct record `id` for the type t, of this file or shared; SIZED when it begins with struct_size. */
#define RECORD_OF(class, id, t, is_sized, ...)                     \
	static const struct field id##_fields[] = { __VA_ARGS__ }; \
	class const struct record id = { .name = #t,               \
		.size = sizeof(t),                                 \
		.sized = (is_sized),                               \
		.n = sizeof id##_fields / sizeof id##_fields[0],   \
		.fields = id##_fields }
#define RECORD_SIZED(id, t, ...)        RECORD_OF(static, id, t, true, __VA_ARGS__)
#define RECORD_PLAIN(id, t, ...)        RECORD_OF(static, id, t, false, __VA_ARGS__)
#define RECORD_SHARED_SIZED(id, t, ...) RECORD_OF(, id, t, true, __VA_ARGS__)
#define RECORD_SHARED_PLAIN(id, t, ...) RECORD_OF(, id, t, false, __VA_ARGS__)

/* Those that more than one kind uses. */
extern const struct record record_u8, record_u32, record_string;
extern const struct record record_kv, record_kvs, record_ref, record_open;
extern const struct record record_step, record_tree, record_idmap, record_idmaps;
extern const struct record record_known, record_recover_req, record_lost, record_recover_rep;

/* Checks counts, strings and blobs of src against the description, to any depth, and answers how many bytes
 * record_copy needs behind the struct itself.  Failing: ERROR_INVALID naming the field. */
int record_measure(const struct record *rec, const void *src, size_t *ret, struct error *err);

/* Copies src, measured before, into dst (rec->size bytes, zeroed) and what it points to into *pool, which is
 * 8-byte aligned and moves on.  Descriptors are copied as numbers.  struct_size becomes the core's. */
void record_copy(const struct record *rec, void *dst, const void *src, char **pool);

/* Calls fn for every descriptor field of the struct and what it points to, until one returns non-zero, which
 * is the result.  Only over a checked or own struct. */
int record_each_fd(const struct record *rec, void *obj, int (*fn)(int32_t *fd, void *arg), void *arg);

/* Zeroes a reply, sets its struct_size, and -1 into its descriptors. */
void record_reset(const struct record *rec, void *obj);

/* Closes every descriptor in it and leaves -1 there. */
void record_close_fds(const struct record *rec, void *obj);

/* The members by description. */
uint32_t record_count(const struct field *f, const void *obj);
static inline void *record_at(const struct field *f, const void *obj)
{
	return (char *)(uintptr_t)obj + f->offset;
}
static inline void *record_pointer(const struct field *f, const void *obj)
{
	return *(void **)record_at(f, obj);
}

#endif
