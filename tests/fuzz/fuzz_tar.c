/* SPDX-License-Identifier: Apache-2.0 */
/* Input: one byte for the size of the chunks that the stream comes in, then a tar. */
#include "lib/archive/tar.h"
#include "tests/fuzz/tar_blocks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct stream {
	const uint8_t *data;
	size_t n, chunk;
};

/* tar_source_fn */
static ssize_t next_chunk(void *arg, const void **ret, struct error *err)
{
	struct stream *s = arg;
	size_t n = s->chunk < s->n ? s->chunk : s->n;

	(void)err;
	*ret = s->data;
	s->data += n;
	s->n -= n;
	return (ssize_t)n;
}

#ifdef GANTRY_PLANTED_BUG
static void plant(const struct tar_entry *e)
{
	uint8_t *four = calloc(1, 4);

	check(four != NULL);
	if (e->n_segments > 1 || e->n_xattrs > 0)
		four[e->mode % 64] = 1;
	free(four);
}
#else
static void plant(const struct tar_entry *e)
{
	(void)e;
}
#endif

static void check_entry(const struct tar_entry *e, const struct archive_limits *limits)
{
	uint64_t end = 0;

	check(strlen(e->name) < PATH_MAX && strlen(e->link) < PATH_MAX);
	check((e->mode & ~07777u) == 0 && e->uid != UINT32_MAX && e->gid != UINT32_MAX);
	check(e->mtime.tv_nsec >= 0 && e->mtime.tv_nsec < 1000000000);
	check(e->n_xattrs <= limits->xattrs && e->n_segments <= limits->sparse_segments);
	check(e->type == TAR_FILE || e->size == 0);
	for (size_t i = 0; i < e->n_segments; i++) {
		check(e->segments[i].offset >= end && e->segments[i].n <= e->size - e->segments[i].offset);
		end = e->segments[i].offset + e->segments[i].n;
	}
	plant(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct archive_limits limits = ARCHIVE_LIMITS_INIT;
	struct error err = ERROR_INIT;
	struct tar_reader *r = NULL;
	struct tar_entry e;
	const void *chunk;
	int got;

	if (size < 2)
		return 0;
	uint8_t *copy = tar_blocks_copy(data + 1, size - 1);
	struct stream s = { copy, size - 1, data[0] ? data[0] * 7u : 4096 };
	check(tar_reader_new(next_chunk, &s, &limits, &r, &err) == 0);
	while ((got = tar_reader_next(r, &e, &err)) > 0) {
		uint64_t stored = 0, want = e.segments ? 0 : e.size;
		ssize_t n;
		check_entry(&e, &limits);
		for (size_t i = 0; i < e.n_segments; i++)
			want += e.segments[i].n;
		while ((n = tar_reader_data(r, &chunk, &err)) > 0)
			stored += (uint64_t)n;
		check(n < 0 ? err.text[0] != '\0' : stored == want);
	}
	check(got == 0 || err.text[0]);
	tar_reader_free(r);
	free(copy);
	return 0;
}
