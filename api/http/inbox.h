/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input of a handler thread: bytes received and not yet used, [off, len) of a buffer that grows while a
 * head is longer.  A connection has none of its own.  Threads: belongs to one thread.
 */
#ifndef GANTRY_HTTP_INBOX_H
#define GANTRY_HTTP_INBOX_H

#include <stddef.h>

enum {
	INBOX_FIRST = 8 << 10, /* size of a fresh buffer */
	INBOX_ROOM = 2 << 10,  /* least room for the next receive */
};

struct inbox {
	char *data;
	size_t cap, off, len;
};

int inbox_init(struct inbox *in);
void inbox_done(struct inbox *in);

/* Forgets all bytes, and gives a grown buffer back. */
void inbox_clear(struct inbox *in);

/* Makes room for at least n bytes behind len; what is kept moves to the front of the buffer.  -ENOMEM. */
int inbox_reserve(struct inbox *in, size_t n);

/* Appends. */
int inbox_put(struct inbox *in, const void *data, size_t n);

#endif
