/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one parser of request heads: HTTP/1.0 and 1.1 by RFC 9112, without its leniences (bare LF, folded
 * lines, repeated Content-Length, white space before a colon are refused; one empty line before the
 * request line is skipped).  No I/O, no allocation, bounded.  What authorisation sees and what a handler
 * sees is this one struct parser_request.
 *
 * It takes the bytes of a head as they come, looks at each once or twice, and refuses a bad line as soon as
 * the line is complete.  Results are offsets from the first byte, so the buffer may move between calls.
 * Bodies are the business of chunked.h and body.h.
 */
#ifndef GANTRY_HTTP_PARSER_H
#define GANTRY_HTTP_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PARSER_HEAD_MAX = 1 << 20, /* `docker build` puts its arguments into the target */
	PARSER_HEADERS_MAX = 100,
	PARSER_METHOD_MAX = 20,
	PARSER_PATH_MAX = 4096, /* the path alone, without the query */
};

struct parser_span {
	uint32_t at, len;
};

struct parser_header {
	struct parser_span name, value; /* value without surrounding white space */
};

struct parser_request {
	struct parser_span method;
	struct parser_span target; /* as sent */
	struct parser_span host;   /* of an absolute target, else of the Host header; may be empty */
	struct parser_span path;   /* raw; starts with '/', or is "*", or is empty after an authority */
	struct parser_span query;  /* raw, without '?' */
	int minor;                 /* HTTP/1.minor */
	int64_t content_length;    /* 0 where the head has none; meaningless when chunked */
	bool chunked;
	bool expect_continue;
	bool keep_alive;
	bool upgrade; /* an Upgrade header in HTTP/1.1 */
	unsigned nheaders;
	struct parser_header headers[PARSER_HEADERS_MAX];
};

struct parser {
	/* Public: the result, and after a refusal what was wrong (static text). */
	const char *reason;
	struct parser_request request;
	/* Private: where the current line starts, how far it was searched for its end. */
	size_t line, searched;
	int phase;
	bool absolute, has_host, has_length, has_encoding;
};

void parser_init(struct parser *p);

/* data[0..n) is the connection's input from the first byte of this request on: what the last call got, and
 * more. Returns the length of the head when it is complete (the result is in p->request), 0 when more is
 * needed, or the negative HTTP status to refuse with (-400, -414, -417, -431, -501, -505), after which p is
 * of no more use until parser_init(). */
long parser_run(struct parser *p, const char *data, size_t n);

/* Field names, methods: RFC 9110 5.6.2. */
bool parser_is_token_byte(unsigned char c);

/* Field values: visible bytes, space, tab, 0x80-0xff. */
bool parser_is_field_byte(unsigned char c);

#endif
