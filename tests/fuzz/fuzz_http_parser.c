/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request head, whole and in two pieces: both must come to the same end; what was accepted must stay
 * within the head and decode within the buffers that a server gives.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/http/parser.h"
#include "api/http/router.h"
#include "api/http/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* The parser must not read past what it was given: each call sees a copy of exact size. */
static long run_copy(struct parser *p, const char *text, size_t n)
{
	char *copy = malloc(n ? n : 1);
	require(copy != NULL);
	memcpy(copy, text, n);
	long r = parser_run(p, copy, n);
	free(copy);
	return r;
}

static void check_span(struct parser_span s, long head)
{
	require((long)s.at + (long)s.len <= head);
}

static void check_request(const char *text, const struct parser_request *r, long head)
{
	static struct uri_pair pairs[1000];
	const char *segments[ROUTER_SEGMENTS_MAX];

	check_span(r->method, head);
	check_span(r->host, head);
	for (unsigned i = 0; i < r->nheaders; i++) {
		check_span(r->headers[i].name, head);
		check_span(r->headers[i].value, head);
	}
	char *path = malloc(r->path.len + 1), *query = malloc(r->query.len + 1);
	require(path && query);
	if (r->path.len == 0 || text[r->path.at] == '/')
		require(uri_split_path(text + r->path.at, r->path.len, path, segments, ROUTER_SEGMENTS_MAX) !=
			-22);
	require(uri_parse_query(text + r->query.at, r->query.len, query, pairs, 1000) != -22);
	free(path);
	free(query);
}

/* What the fuzzer has to find when it is built to prove that it can. */
static void planted_bug(const struct parser_request *r)
{
#ifdef GANTRY_PLANTED_BUG
	char *table = malloc(4);
	require(table != NULL);
	if (r->nheaders > 1 && r->query.len > 2)
		table[r->nheaders + 2] = 1;
	free(table);
#else
	(void)r;
#endif
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct parser whole, split;

	if (size < 2)
		return 0;
	const char *text = (const char *)data + 1;
	size_t n = size - 1, first = data[0] * n / 255;
	parser_init(&whole);
	parser_init(&split);
	long wanted = run_copy(&whole, text, n);
	long got = run_copy(&split, text, first);
	if (got == 0)
		got = run_copy(&split, text, n);
	require(got == wanted);
	if (wanted <= 0)
		return 0;
	require(whole.request.nheaders == split.request.nheaders);
	require(whole.request.content_length == split.request.content_length);
	check_request(text, &whole.request, wanted);
	planted_bug(&whole.request);
	return 0;
}
