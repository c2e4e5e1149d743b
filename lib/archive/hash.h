/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 of a stream, as a digest text. */
#ifndef GANTRY_ARCHIVE_HASH_H
#define GANTRY_ARCHIVE_HASH_H

#include "lib/base/digest.h"

#include <stddef.h>

struct archive_hash;

/* NULL: no memory. */
struct archive_hash *archive_hash_new(void);
void archive_hash_free(struct archive_hash *h);
void archive_hash_add(struct archive_hash *h, const void *data, size_t n);

/* The digest of what was added; nothing can be added afterwards. */
void archive_hash_end(struct archive_hash *h, char ret[DIGEST_SIZE]);

#endif
