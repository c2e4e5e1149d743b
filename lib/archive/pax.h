/* SPDX-License-Identifier: Apache-2.0 */
/* PAX extended headers: the records that change how the next entry is read. */
#ifndef GANTRY_ARCHIVE_PAX_H
#define GANTRY_ARCHIVE_PAX_H

#include "lib/archive/tar.h"

/* The header's text and what its records say.  Strings lie in data. */
struct pax {
	char *data; /* owned; records are NUL-ended in place */
	size_t data_n;
	const char *path, *link; /* NULL: not said */
	bool has_size, has_uid, has_gid, has_mtime, has_atime;
	uint64_t size;
	uint32_t uid, gid;
	struct timespec mtime, atime;
	struct tar_xattr *xattrs; /* owned */
	size_t n_xattrs;

	unsigned sparse_major, sparse_minor;
	bool sparse, has_sparse_version;
	const char *sparse_name, *sparse_map; /* map: GNU.sparse 0.1, "offset,size,..." */
	uint64_t sparse_size;                 /* of the file */
	bool has_sparse_size;
	struct tar_segment *segments; /* owned: GNU.sparse 0.0 */
	size_t n_segments, segments_room;
	bool segment_open; /* an offset waits for its numbytes */
};

/* Takes data (heap) over and reads it.  p is empty ({0}) or pax_done before. */
int pax_parse(struct pax *p, char *data, size_t n, const struct archive_limits *limits, struct error *err);
void pax_done(struct pax *p);

/* Appends a segment; they must follow each other and lie in size (checked by the caller at the end). */
int pax_add_segment(
	struct pax *p, uint64_t offset, uint64_t n, const struct archive_limits *limits, struct error *err);

/* Decimal digits alone. */
bool pax_parse_number(const char *text, uint64_t *ret);

#endif
