/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds the block of a launch record (runtime/launch/record.h): the fixed part is filled in place
 * (`rec`), strings and arrays are appended and answered as offsets.  What cannot be added (no
 * memory, over a limit of record.h) marks the builder as failed; later calls do nothing, and
 * builder_finish() reports it.  So callers need not check each call.
 * Not its task: what the values mean.
 */
#ifndef GANTRY_COMPILE_BUILDER_H
#define GANTRY_COMPILE_BUILDER_H

#include "lib/base/error.h"
#include "runtime/launch/record.h"

#include <stddef.h>

/* A finished block, for launch_record_check() and the launcher.  data is 8-aligned and freed by
 * launch_block_done(). */
struct launch_block {
	void *data;
	size_t size;
};

void launch_block_done(struct launch_block *block);

#define BUILDER_SLOTS 512

struct builder {
	struct launch_record rec; /* becomes the start of the block */
	unsigned char *data;      /* the block: room for rec, then what was added */
	size_t size, room;
	int failed;                            /* 0, or the first negative errno */
	char reason[120];                      /* what stands behind `failed` */
	struct launch_str seen[BUILDER_SLOTS]; /* recent strings by hash: equal ones share their bytes */
};

/* An array that grows while its elements are found. */
struct builder_list {
	unsigned char *items;
	size_t n, room, item_size;
};
#define BUILDER_LIST_INIT(type) ((struct builder_list){ .item_size = sizeof(type) })

/* rec starts as zeroes with magic, version, and every "none" that is not zero (descriptors, umask) set. */
void builder_init(struct builder *b);
void builder_done(struct builder *b);

/* Marks the builder as failed: for limits that a caller sees.  The first reason is kept. */
void builder_fail(struct builder *b, int ret, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* NULL: an absent string.  The text is copied. */
struct launch_str builder_str(struct builder *b, const char *text);

/* Appends a copy of item; nothing happens after a failure of the builder. */
void builder_list_add(struct builder *b, struct builder_list *list, const void *item);
void builder_list_done(struct builder_list *list);

/* Copies n items into the block; more than max fails the builder with `what` in the text. */
struct launch_vec builder_vec(
	struct builder *b, const void *items, size_t n, size_t item_size, size_t max, const char *what);

/* As builder_vec, and frees the list. */
struct launch_vec builder_take(struct builder *b, struct builder_list *list, size_t max, const char *what);

/* Hands the block over: *ret is the caller's, the builder is empty then.  -E2BIG, -ENOMEM. */
int builder_finish(struct builder *b, struct launch_block *ret, struct error *err);

#endif
