/* SPDX-License-Identifier: Apache-2.0 */
/* Output of containers without a terminal: 8 bytes {stream, 0, 0, 0, length} before each piece. */
#ifndef GANTRY_PROGRAMS_GANTRY_FRAMES_H
#define GANTRY_PROGRAMS_GANTRY_FRAMES_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;

/* Starts as zeros. */
struct frames {
	bool raw; /* a terminal's output: everything goes to standard output */
	unsigned char head[8];
	size_t have;    /* bytes of head */
	uint32_t left;  /* bytes of the piece */
	char said[300]; /* what the daemon says in the stream */
	size_t said_n;
};

/* Writes pieces to standard output and standard error.  -EPIPE, without text in err, when nobody reads. */
int frames_feed(struct frames *f, const char *data, size_t n, struct error *err);

/* Whether the stream ended between two pieces; else, or when the daemon reported a failure, err is filled. */
int frames_end(const struct frames *f, struct error *err);

/* All of a body. */
int frames_copy(struct http *h, bool raw, struct error *err);

#endif
