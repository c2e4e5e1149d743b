/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a json-file log with its rotated files, oldest entry first, while its writer may be at work, in this
 * process or another.  All files there are are opened at once, newest first, so that a rotation meanwhile
 * neither hides nor doubles one.  Lines that are no entries (a crash's half line, a foreign one) are passed
 * over; a last line without newline is not there yet.
 *
 * Memory: one buffer of LOGFILE_READER_BUFFER bytes.  Threads: an object belongs to one at a time.
 */
#ifndef GANTRY_LOGFILE_READER_H
#define GANTRY_LOGFILE_READER_H

#include "lib/logfile/scan.h"

#include <sys/types.h>

#define LOGFILE_READER_BUFFER 131072u

#define LOGFILE_READ_STDOUT (1u << 0)
#define LOGFILE_READ_STDERR (1u << 1)
#define LOGFILE_READ_FOLLOW (1u << 2) /* no end at what the log has now: logfile_reader_follow() */
#define LOGFILE_READ_TIMES \
	(1u << 3) /* render: each entry begins with its time, nine digits, and a blank, ... */
#define LOGFILE_READ_DETAILS (1u << 4) /* ... then its attributes and a blank */
#define LOGFILE_READ_FRAMES  (1u << 5) /* render: each entry is one frame of Docker's multiplexed stream */

struct logfile_reader_options {
	const char *name;           /* as the writer's */
	unsigned flags;             /* LOGFILE_READ_* */
	int64_t since_ns, until_ns; /* INT64_MIN, INT64_MAX: no limit; both ends are within */
	int64_t tail; /* the last entries, before all other selection (as Docker); negative: all */
};
#define LOGFILE_READER_OPTIONS(log_name)                            \
	((struct logfile_reader_options){ .name = (log_name),       \
		.flags = LOGFILE_READ_STDOUT | LOGFILE_READ_STDERR, \
		.since_ns = INT64_MIN,                              \
		.until_ns = INT64_MAX,                              \
		.tail = -1 })

struct logfile_reader;

/* dir is borrowed until the end.  No file at all is an empty log. */
int logfile_reader_open(int dir, const struct logfile_reader_options *options, struct logfile_reader **ret,
	struct error *err);
void logfile_reader_close(struct logfile_reader *reader); /* NULL is allowed */

/* 1: *ret is the next entry, valid until the next call.  0: no more (for now, when following).  -errno: a
 * file cannot be read; what was answered before is right. */
int logfile_reader_next(struct logfile_reader *reader, struct logfile_entry *ret);

/* Fills buf with what a client shall get, as many entries as fit and a part of the last; goes on where it
 * stopped.  The bytes, 0 as above, -errno. */
ssize_t logfile_reader_render(struct logfile_reader *reader, char *buf, size_t size);

/* True when an entry after until_ns was seen: nothing will come any more. */
bool logfile_reader_is_over(const struct logfile_reader *reader);

/* Beside the writer, in its process.  _start right after open, before the writer goes on; _follow when next
 * or render said 0: goes over to the file behind, and says whether it is worthwhile to ask again.  A reader
 * that is slower than max_files rotations loses what is gone. */
void logfile_reader_start(struct logfile_reader *reader, const struct logfile *log);
bool logfile_reader_follow(struct logfile_reader *reader, const struct logfile *log);

#endif
