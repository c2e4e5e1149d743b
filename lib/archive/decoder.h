/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decompression in this process, whatever the machine has installed: gzip by ISA-L (855 MB/s where
 * zlib makes 330–400), zstd, xz and bzip2 by libarchive.  Found by the first bytes, not by a name.
 */
#ifndef GANTRY_ARCHIVE_DECODER_H
#define GANTRY_ARCHIVE_DECODER_H

#include "lib/base/error.h"

#include <stddef.h>
#include <sys/types.h>

enum archive_compression {
	ARCHIVE_PLAIN,
	ARCHIVE_GZIP,
	ARCHIVE_ZSTD,
	ARCHIVE_XZ,
	ARCHIVE_BZIP2,
};

#define ARCHIVE_MAGIC_SIZE 6

/* What the first n bytes of a stream are; ARCHIVE_PLAIN when nothing fits. */
enum archive_compression archive_decoder_detect(const void *data, size_t n);
const char *archive_decoder_name(enum archive_compression c);

/* Gives the next compressed bytes, valid until the next call: their count, 0 at the end, or a negative errno
 * with err filled. */
typedef ssize_t archive_source_fn(void *arg, const void **ret, struct error *err);

struct archive_decoder;

/* compression: not ARCHIVE_PLAIN. */
int archive_decoder_new(enum archive_compression compression, archive_source_fn *source, void *arg,
	struct archive_decoder **ret, struct error *err);
void archive_decoder_free(struct archive_decoder *d);

/* Fills buf as far as the stream goes: the count, less than n at its end alone; or a negative errno.  Bytes
 * behind the end of the compressed stream are left unread or, unless they are zeros, an error. */
ssize_t archive_decoder_read(struct archive_decoder *d, void *buf, size_t n, struct error *err);

#endif
