/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a container's log in Docker's json-file format, as other tools read it: one JSON object a line,
 * {"log":"text\n","stream":"stdout","attrs":{...},"time":"2006-01-02T15:04:05.999999999Z"}.
 *
 * A program's line becomes one entry when its newline has come; a line over LOGFILE_LINE_MAX is cut into
 * entries of that length whose text has no "\n" but the last's, all with the time of the first, as is what
 * stands without newline at the end of a stream.  All lines of one logfile_write() are framed together, have
 * one time and, as a rule, go out in one write(2).
 *
 * Rotation: before an entry would begin in a file that has reached max_size, NAME becomes NAME.1, NAME.1
 * becomes NAME.2 and so on; of max_files files the oldest goes.  No entry is cut by it, and each rotation
 * adds one to `generation`, by which a reader in this process (logfile/reader.h) follows.
 *
 * Not here: who may read it, deleting it with its container.  Threads: an object belongs to one.
 */
#ifndef GANTRY_LOGFILE_LOGFILE_H
#define GANTRY_LOGFILE_LOGFILE_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOGFILE_LINE_MAX  16384u
#define LOGFILE_ATTRS_MAX 8192u
#define LOGFILE_FILES_MAX 1000u
#define LOGFILE_NAME_MAX  96u

/* What a log is limited to when nobody says otherwise. */
#define LOGFILE_MAX_SIZE_DEFAULT  (UINT64_C(20) << 20)
#define LOGFILE_MAX_FILES_DEFAULT 5u

enum logfile_stream { LOGFILE_STDOUT = 1, LOGFILE_STDERR = 2 }; /* numbers as in Docker's stream frames */

/* The longest entry: every byte as \u00XX, attributes, and the fixed parts. */
#define LOGFILE_ENTRY_MAX (6 * LOGFILE_LINE_MAX + LOGFILE_ATTRS_MAX + 256)
#define LOGFILE_FLUSH_AT  32768u

struct logfile_line { /* what a stream has said since its last newline */
	size_t n;
	bool cut;        /* parts of this line are in the log, ... */
	int64_t time_ns; /* ... with this time */
	char text[LOGFILE_LINE_MAX];
};

/* Large, and meant to be static: pages that are not used cost nothing. */
struct logfile {
	int dir, fd;
	char name[LOGFILE_NAME_MAX];
	uint64_t size, max_size; /* max_size 0: no rotation */
	unsigned max_files;
	uint64_t generation; /* rotations so far */
	uint64_t lost;       /* bytes that could not be written */
	struct logfile_line lines[2];
	char attrs[LOGFILE_ATTRS_MAX + 1];
	char tail[LOGFILE_ATTRS_MAX + 128]; /* of every entry of one stream and time */
	size_t tail_n;
	size_t used;
	char out[LOGFILE_FLUSH_AT + LOGFILE_ENTRY_MAX];
};

struct logfile_options {
	const char *name;
	uint64_t max_size;  /* bytes; 0: one file without limit */
	unsigned max_files; /* 1 to LOGFILE_FILES_MAX */
	const char *attrs;  /* text of a JSON object, or NULL */
	size_t attrs_n;
};

/* Opens or makes NAME in the folder dir (borrowed, and used until the end).  A line that a crash has cut off
 * is ended first, so that what comes begins on its own. */
int logfile_open(struct logfile *log, int dir, const struct logfile_options *options, struct error *err);

/* Appends what was read from a stream.  A failure (no space) loses what was to be written and nothing before
 * it: the file never ends in half an entry.  -errno of the first failure; the log goes on. */
int logfile_write(struct logfile *log, enum logfile_stream stream, const void *data, size_t n);

/* The end of a stream: what it said since its last newline. */
int logfile_end(struct logfile *log, enum logfile_stream stream);

/* Ends both streams and closes.  A log that was never opened (fd -1) is fine. */
void logfile_close(struct logfile *log);

#endif
