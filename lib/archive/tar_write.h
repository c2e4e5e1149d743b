/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tar writer: ustar, with PAX records (POSIX.1-2001) for what does not fit: long names, large numbers,
 * extended attributes (SCHILY.xattr).  Times are whole seconds, as in the archives that Docker writes.
 */
#ifndef GANTRY_ARCHIVE_TAR_WRITE_H
#define GANTRY_ARCHIVE_TAR_WRITE_H

#include "lib/archive/tar.h"
#include "lib/base/error.h"

struct tar_writer;

/* out stays the caller's: a file, pipe or socket, blocking. */
int tar_writer_new(int out, struct tar_writer **ret, struct error *err);
void tar_writer_free(struct tar_writer *w);

/* Writes the header of an entry; of a file, e->size bytes of data must follow.  Segments and atime are not
 * written. */
int tar_writer_entry(struct tar_writer *w, const struct tar_entry *e, struct error *err);

/* The data of the entry, from a file's start: exactly n bytes, zeros in place of what the file lost
 * meanwhile. */
int tar_writer_file(struct tar_writer *w, int fd, uint64_t n, struct error *err);
/* The same from memory, in one piece. */
int tar_writer_data(struct tar_writer *w, const void *data, size_t n, struct error *err);

/* The archive's end.  *ret_bytes: of the whole archive; NULL is allowed. */
int tar_writer_end(struct tar_writer *w, uint64_t *ret_bytes, struct error *err);

#endif
