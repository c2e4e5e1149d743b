/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tar reader: v7, ustar (POSIX.1-1988), star, GNU (long names, sparse files) and PAX (POSIX.1-2001, with
 * SCHILY.xattr and GNU.sparse 0.0, 0.1, 1.0), as Go's archive/tar and so Docker understand them.  Names are
 * bytes and come out as they went in.  (libarchive's reader turns PAX names into NFC or the locale's charset:
 * two files of a layer can become one.)  Every size and count is limited; nothing is allocated by a number
 * that the archive names.
 */
#ifndef GANTRY_ARCHIVE_TAR_H
#define GANTRY_ARCHIVE_TAR_H

#include "lib/archive/limits.h"
#include "lib/base/error.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define TAR_BLOCK 512

enum tar_type {
	TAR_FILE = '0',
	TAR_HARDLINK = '1',
	TAR_SYMLINK = '2',
	TAR_CHAR = '3',
	TAR_BLOCK_DEVICE = '4',
	TAR_DIR = '5',
	TAR_FIFO = '6',
};

struct tar_xattr {
	const char *name; /* NUL-ended */
	const char *value;
	size_t n;
};

struct tar_segment {
	uint64_t offset, n;
};

/* Valid until the next entry. */
struct tar_entry {
	enum tar_type type;
	const char *name, *link; /* NUL-ended, shorter than PATH_MAX; link "" unless it is a link */
	mode_t mode;             /* 07777 */
	uint32_t uid, gid, major, minor;
	uint64_t size; /* of the file, holes counted; 0 for anything else */
	struct timespec mtime, atime;
	bool has_atime;
	const struct tar_xattr *xattrs;
	size_t n_xattrs;
	const struct tar_segment *segments; /* NULL: no holes */
	size_t n_segments;
};

/* Gives the next bytes of the stream, valid until the next call: the count, 0 at the end, a negative errno
 * with err filled. */
typedef ssize_t tar_source_fn(void *arg, const void **ret, struct error *err);

struct tar_reader;

int tar_reader_new(tar_source_fn *source, void *arg, const struct archive_limits *limits,
	struct tar_reader **ret, struct error *err);
void tar_reader_free(struct tar_reader *r);

/* The next entry: 1, or 0 at the end of the archive.  Data of the entry before that was not read is skipped.
 */
int tar_reader_next(struct tar_reader *r, struct tar_entry *ret, struct error *err);

/* The next stored bytes of the entry's data, valid until the next call: the count, 0 at their end.  Of a file
 * with holes these are the segments' bytes, one after the other. */
ssize_t tar_reader_data(struct tar_reader *r, const void **ret, struct error *err);

#endif
