/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads of HTTP/1.1 responses and chunked bodies (RFC 9112), strictly: what is not understood is refused.
 * Nothing here reads or allocates.
 */
#ifndef GANTRY_PROGRAMS_GANTRY_RESPONSE_H
#define GANTRY_PROGRAMS_GANTRY_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESPONSE_HEAD_MAX    ((size_t)32 * 1024)
#define RESPONSE_HEADERS_MAX 100

struct response {
	int status;
	bool chunked;
	bool has_length;
	uint64_t length;
	bool close;           /* the server closes behind the body */
	char api_version[16]; /* "" when not there */
	char os[16];
	char content_type[100]; /* without parameters */
};

/* Parses the head that text begins with.  Returns its length with the empty line, 0 when it is not whole
 * yet, -EBADMSG when it is none or larger than RESPONSE_HEAD_MAX. */
long response_parse(const char *text, size_t n, struct response *ret);

/* A chunked body.  Starts as zeros. */
struct chunked {
	int state;
	uint64_t left; /* of the chunk's data */
	size_t extra;  /* bytes of extensions and trailers so far */
	unsigned digits;
	bool done;
};

/* Takes up to n bytes of in; *ret_used of them are spent, and *ret_data, *ret_n are data among them (none:
 * 0). Call again while bytes are left and not done.  0 or -EBADMSG. */
int chunked_run(
	struct chunked *c, const char *in, size_t n, size_t *ret_used, const char **ret_data, size_t *ret_n);

#endif
