/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests and replies as flat bounded messages and descriptors.  The encoding follows the record's fields in
 * order, little endian: integers by their size; strings as length + 1 (0: NULL) and bytes; lists as a count
 * and the elements; pointers as one byte and the record; descriptors as their number in the message + 1 (0:
 * none); a struct with struct_size as the length of what follows, so that a longer one of a newer side is
 * read as far as it is known, and a shorter one leaves zeroes. A message is outside input: decode checks
 * every length against what is left.  No driver kind is known here.
 */
#ifndef GANTRY_CORE_MESSAGE_H
#define GANTRY_CORE_MESSAGE_H

#include "core/plugin/record.h"
#include "lib/base/str.h"

#define MESSAGE_MAX     (16u << 20)
#define MESSAGE_FDS_MAX 16

struct message {
	struct str bytes;
	int fds[MESSAGE_FDS_MAX]; /* borrowed */
	size_t fds_n;
};
#define MESSAGE_INIT ((struct message){ .bytes = STR_INIT(MESSAGE_MAX) })

/* Appends obj, which record_measure accepted.  -E2BIG, -ENOMEM: also kept in bytes.failed. */
int message_put(struct message *m, const struct record *rec, const void *obj);
void message_put_text(struct message *m, const char *text);
/* Frees the bytes. */
void message_done(struct message *m);

struct message_reader {
	const unsigned char *data;
	size_t n, at;
	int *fds; /* taken ones become -1; the caller closes the others */
	size_t fds_n;
	void *(*alloc)(void *arg, size_t size); /* zeroed, aligned; NULL: too much */
	void *arg;
};

/* Fills obj, reset before (record_reset).  Failing: ERROR_INVALID; descriptors taken so far are in obj. */
int message_get(struct message_reader *rd, const struct record *rec, void *obj, struct error *err);
/* A string of at most max bytes, or NULL. */
int message_get_text(struct message_reader *rd, size_t max, const char **ret, struct error *err);

#endif
