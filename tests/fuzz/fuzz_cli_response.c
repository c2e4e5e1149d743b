/* SPDX-License-Identifier: Apache-2.0 */
/* A response as the CLI reads it: the head whole and in two pieces, its chunks, and where objects end in it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "programs/gantry/messages.h"
#include "programs/gantry/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* Neither parser may read past what it was given: each gets a copy of exact size. */
static long parse_copy(const char *text, size_t n, struct response *r)
{
	char *copy = malloc(n ? n : 1);

	require(copy != NULL);
	memcpy(copy, text, n);
	long head = response_parse(copy, n, r);
	free(copy);
	return head;
}

#ifdef GANTRY_PLANTED_BUG
static void planted_bug(const struct response *r, const char *text, size_t n)
{
	static volatile char sink;
	char *copy = malloc(n);

	require(copy != NULL);
	memcpy(copy, text, n);
	if (r->status == 204)
		sink = copy[n];
	free(copy);
}
#endif

static void decode(const char *text, size_t n)
{
	struct chunked c = { 0 };
	size_t total = 0;

	for (size_t at = 0; at < n && !c.done;) {
		const char *piece = NULL;
		size_t used, got;
		if (chunked_run(&c, text + at, n - at, &used, &piece, &got) < 0)
			return;
		require(used > 0 && used <= n - at && got <= used);
		require(got == 0 || (piece >= text + at && piece + got <= text + at + used));
		at += used;
		total += got;
	}
	require(total <= n);
}

/* Objects end at the same places whether the text comes whole or byte by byte. */
static void scan(const char *text, size_t n)
{
	struct messages whole = { 0 }, bytes = { 0 };

	for (size_t at = 0; at < n;) {
		bool end, byte_end = false;
		size_t used = messages_scan(&whole, text + at, n - at, &end);
		require(used > 0 && used <= n - at && (end || used == n - at));
		for (size_t i = 0; i < used; i++) {
			require(!byte_end);
			require(messages_scan(&bytes, text + at + i, 1, &byte_end) == 1);
		}
		require(byte_end == end);
		at += used;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct response r = { 0 }, again = { 0 };
	long head = parse_copy(text, size, &r);

	scan(text, size);
	require(head >= -EBADMSG && head <= (long)size && head <= (long)RESPONSE_HEAD_MAX);
	if (head > 0) {
		require(r.status >= 100 && r.status <= 599 && !(r.chunked && r.has_length));
		require(memchr(r.content_type, '\0', sizeof r.content_type) != NULL);
		require(parse_copy(text, (size_t)head - 1, &again) == 0);
		require(parse_copy(text, (size_t)head, &again) == head);
		decode(text + head, size - (size_t)head);
#ifdef GANTRY_PLANTED_BUG
		planted_bug(&r, text, size);
#endif
	} else {
		decode(text, size);
	}
	return 0;
}
