/* SPDX-License-Identifier: Apache-2.0 */
/* How much an archive of strangers may ask of us.  What exceeds a limit is ERROR_EXHAUSTED, EFBIG. */
#ifndef GANTRY_ARCHIVE_LIMITS_H
#define GANTRY_ARCHIVE_LIMITS_H

#include <stdint.h>

struct archive_limits {
	uint64_t plain_bytes; /* of the tar stream, decompressed */
	uint64_t file_bytes;  /* sum of the files' sizes, holes counted */
	uint64_t entries;
	uint64_t ratio_from;      /* plain bytes from which ... */
	uint32_t ratio;           /* ... plain / compressed may be no more than this */
	uint32_t header_bytes;    /* of one PAX header or GNU long name */
	uint32_t sparse_segments; /* of one file */
	uint32_t xattrs;          /* of one entry */
};

/* A gzip stream cannot exceed 1032:1; a layer of more than 2 GiB that shrinks to a 250th is no layer. */
#define ARCHIVE_LIMITS_INIT                        \
	((struct archive_limits){                  \
		.plain_bytes = UINT64_C(64) << 30, \
		.file_bytes = UINT64_C(256) << 30, \
		.entries = 4000000,                \
		.ratio_from = UINT64_C(2) << 30,   \
		.ratio = 250,                      \
		.header_bytes = 1 << 20,           \
		.sparse_segments = 32768,          \
		.xattrs = 256,                     \
	})

#endif
