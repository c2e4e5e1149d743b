/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compile/builder.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 8u

void launch_block_done(struct launch_block *block)
{
	free(block->data);
	*block = (struct launch_block){ 0 };
}

void builder_init(struct builder *b)
{
	memset(b, 0, sizeof *b);
	b->rec.magic = LAUNCH_MAGIC;
	b->rec.version = LAUNCH_VERSION;
	b->rec.root_fd = LAUNCH_NO_FD;
	b->rec.process.umask = LAUNCH_UNSET;
	b->size = (sizeof b->rec + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

void builder_done(struct builder *b)
{
	free(b->data);
	b->data = NULL;
	b->size = b->room = 0;
}

void builder_fail(struct builder *b, int ret, const char *fmt, ...)
{
	va_list ap;

	if (b->failed)
		return;
	b->failed = ret;
	va_start(ap, fmt);
	vsnprintf(b->reason, sizeof b->reason, fmt, ap);
	va_end(ap);
}

/* Makes room for n more bytes at an offset of that alignment; 0 when the builder has failed. */
static size_t reserve(struct builder *b, size_t n, size_t alignment)
{
	size_t at = (b->size + alignment - 1) & ~(alignment - 1);

	if (b->failed)
		return 0;
	if (n > LAUNCH_RECORD_MAX || at + n > LAUNCH_RECORD_MAX) {
		builder_fail(b, -E2BIG, "the configuration needs more than %u bytes", LAUNCH_RECORD_MAX);
		return 0;
	}
	if (at + n > b->room) {
		size_t room = b->room ? b->room : 8192;
		unsigned char *data;

		while (room < at + n)
			room *= 2;
		data = realloc(b->data, room);
		if (!data) {
			builder_fail(b, -ENOMEM, "out of memory");
			return 0;
		}
		memset(data + b->room, 0, room - b->room);
		b->data = data;
		b->room = room;
	}
	b->size = at + n;
	return at;
}

static unsigned slot_of(const char *text, size_t len)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * 16777619u;
	return (hash ^ hash >> 16) % BUILDER_SLOTS;
}

struct launch_str builder_str(struct builder *b, const char *text)
{
	struct launch_str *seen, str = { 0 };
	size_t len;

	if (!text || b->failed)
		return str;
	len = strlen(text);
	seen = &b->seen[slot_of(text, len)];
	if (seen->off && seen->len == len && memcmp(b->data + seen->off, text, len) == 0)
		return *seen;
	str.off = (uint32_t)reserve(b, len + 1, 1);
	if (!str.off)
		return str;
	str.len = (uint32_t)len;
	memcpy(b->data + str.off, text, len + 1);
	*seen = str;
	return str;
}

void builder_list_add(struct builder *b, struct builder_list *list, const void *item)
{
	if (b->failed)
		return;
	if (list->n == list->room) {
		size_t room = list->room ? 2 * list->room : 16;
		unsigned char *items = realloc(list->items, room * list->item_size);

		if (!items) {
			builder_fail(b, -ENOMEM, "out of memory");
			return;
		}
		list->items = items;
		list->room = room;
	}
	memcpy(list->items + list->n++ * list->item_size, item, list->item_size);
}

void builder_list_done(struct builder_list *list)
{
	free(list->items);
	list->items = NULL;
	list->n = list->room = 0;
}

struct launch_vec builder_vec(
	struct builder *b, const void *items, size_t n, size_t item_size, size_t max, const char *what)
{
	struct launch_vec vec = { 0 };

	if (n == 0)
		return vec;
	if (n > max) {
		builder_fail(b, -E2BIG, "%s: more than %zu elements", what, max);
		return vec;
	}
	vec.off = (uint32_t)reserve(b, n * item_size, ALIGNMENT);
	if (!vec.off)
		return vec;
	vec.n = (uint32_t)n;
	memcpy(b->data + vec.off, items, n * item_size);
	return vec;
}

struct launch_vec builder_take(struct builder *b, struct builder_list *list, size_t max, const char *what)
{
	struct launch_vec vec = builder_vec(b, list->items, list->n, list->item_size, max, what);

	builder_list_done(list);
	return vec;
}

int builder_finish(struct builder *b, struct launch_block *ret, struct error *err)
{
	if (!b->failed && !b->data)
		reserve(b, ALIGNMENT, ALIGNMENT); /* a record without a single string still needs its block */
	if (b->failed)
		return error_set(err, b->failed == -ENOMEM ? ERROR_EXHAUSTED : ERROR_INVALID, -b->failed,
			"%s", b->reason);
	b->rec.size = (uint32_t)b->size;
	memcpy(b->data, &b->rec, sizeof b->rec);
	*ret = (struct launch_block){ b->data, b->size };
	b->data = NULL;
	return 0;
}
