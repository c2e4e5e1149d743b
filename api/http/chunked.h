/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The framing of a chunked request body (RFC 9112 7.1), apart from its data: no I/O, no allocation.
 * The caller feeds framing bytes and moves the data itself (into a buffer, by splice); extensions and
 * trailers are checked and dropped.  Strict: hexadecimal digits only, CRLF only.
 */
#ifndef GANTRY_HTTP_CHUNKED_H
#define GANTRY_HTTP_CHUNKED_H

#include <stddef.h>
#include <stdint.h>

enum {
	CHUNKED_LINE_MAX = 128,      /* size and extensions, without CRLF */
	CHUNKED_TRAILERS_MAX = 8192, /* all trailer bytes */
	CHUNKED_DIGITS_MAX = 15,
};

enum chunked_need {
	CHUNKED_MORE = 0, /* framing bytes */
	CHUNKED_DATA = 1, /* c->left bytes of data come next */
	CHUNKED_END = 2,  /* the body is complete */
};

struct chunked {
	int64_t left; /* of the chunk that has begun */
	int state;
	uint32_t line, trailers;
};

void chunked_init(struct chunked *c);

/* Takes framing bytes from in[0..n) up to the next data or the end; *ret_used tells how many.
 * Returns enum chunked_need, or -400 for a malformed body (nothing may be fed then). */
int chunked_feed(struct chunked *c, const char *in, size_t n, size_t *ret_used);

/* The caller has moved n <= left bytes of data. */
void chunked_take(struct chunked *c, int64_t n);

#endif
