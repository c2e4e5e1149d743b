/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An archive as it comes in by a descriptor: read, digested and decompressed by a thread of its own while the
 * caller works on the blocks before, so that two cores are used and nobody waits for the disk.
 */
#ifndef GANTRY_ARCHIVE_INPUT_H
#define GANTRY_ARCHIVE_INPUT_H

#include "lib/archive/decoder.h"
#include "lib/archive/hash.h"
#include "lib/archive/limits.h"
#include "lib/base/error.h"

#include <stdbool.h>

struct archive_input;

struct archive_input_options {
	struct archive_limits limits;
	bool digests; /* compute them */
	bool raw;     /* do not decompress */
};

struct archive_input_totals {
	enum archive_compression compression;
	uint64_t blob_size, plain_size;
	char blob_digest[DIGEST_SIZE]; /* of the bytes as they came; "" without digests */
	char plain_digest[DIGEST_SIZE];
};

/* Reads from fd, which stays the caller's and must stay open until _free. */
int archive_input_new(
	int fd, const struct archive_input_options *options, struct archive_input **ret, struct error *err);

/* Stops the thread, which may be in the middle of a read: NULL is allowed. */
void archive_input_free(struct archive_input *in);

/* The next plain bytes, valid until the next call: their count, 0 at the end, or a negative errno. */
ssize_t archive_input_next(struct archive_input *in, const void **ret, struct error *err);

/* Takes the rest of the stream and gives what is known of all of it. */
int archive_input_finish(struct archive_input *in, struct archive_input_totals *ret, struct error *err);

#endif
