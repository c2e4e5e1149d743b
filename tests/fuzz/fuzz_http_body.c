/* SPDX-License-Identifier: Apache-2.0 */
/* A chunked body, whole and in pieces whose size is the first byte: both must give the same data and end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/http/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
	int need;
	size_t rest, sum;
};

static void require(int holds)
{
	if (!holds)
		abort();
}

static struct result decode(const char *text, size_t n, size_t step)
{
	struct chunked c;
	struct result r = { .need = CHUNKED_MORE };
	size_t at = 0;

	chunked_init(&c);
	while (at < n && (r.need == CHUNKED_MORE || r.need == CHUNKED_DATA)) {
		size_t have = n - at < step ? n - at : step, used = 0;
		char *copy = malloc(have);
		require(copy != NULL);
		memcpy(copy, text + at, have);
		if (r.need == CHUNKED_DATA) {
			used = (uint64_t)c.left < have ? (size_t)c.left : have;
			for (size_t i = 0; i < used; i++)
				r.sum = r.sum * 31 + (unsigned char)copy[i];
			chunked_take(&c, (int64_t)used);
			r.need = c.left > 0 ? CHUNKED_DATA : CHUNKED_MORE;
		} else {
			r.need = chunked_feed(&c, copy, have, &used);
			require(r.need != CHUNKED_DATA || c.left > 0);
		}
		free(copy);
		require(used <= have);
		at += used;
	}
#ifdef GANTRY_PLANTED_BUG
	if (r.need == CHUNKED_END && c.trailers > 3 && step == 3)
		require(0);
#endif
	r.rest = n - at;
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	const char *text = (const char *)data + 1;
	struct result whole = decode(text, size - 1, size);
	struct result split = decode(text, size - 1, data[0] % 16 + 1);
	require(whole.need == split.need && whole.rest == split.rest && whole.sum == split.sum);
	return 0;
}
