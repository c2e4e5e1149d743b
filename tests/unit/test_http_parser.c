/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/http/chunked.h"
#include "api/http/uri.h"

#define H    "Host: d\r\n"
#define GET  "GET /x HTTP/1.1\r\n"
#define POST "POST /x HTTP/1.1\r\n" H

/* wanted: the negative status, or 0 for "the whole input is one head". */
static const struct {
	const char *text;
	long wanted;
} heads[] = {
	{ GET H "\r\n", 0 },
	{ "\r\n" GET H "\r\n", 0 },
	{ "\r\n\r\n" GET H "\r\n", -400 },
	{ "\n" GET H "\r\n", -400 },
	{ "GET /x HTTP/1.0\r\n\r\n", 0 },
	{ GET "\r\n", -400 },
	{ GET H "Host: e\r\n\r\n", -400 },
	{ GET H H "\r\n", -400 },
	{ GET "Host:\r\n\r\n", 0 },
	{ GET "Host: [::1]:80\r\n\r\n", 0 },
	{ GET "Host: %2Fvar%2Frun%2Fdocker.sock\r\n\r\n", 0 },
	{ GET "Host: a/b\r\n\r\n", -400 },
	{ GET "Host: a b\r\n\r\n", -400 },
	{ GET "Host: u@h\r\n\r\n", -400 },
	{ "GET http://d/x HTTP/1.1\r\n" H "\r\n", 0 },
	{ "GET http://d/x HTTP/1.1\r\n\r\n", -400 },
	{ "GET http://d/x HTTP/1.1\r\n" H H "\r\n", -400 },
	{ "GET HTTPS://d HTTP/1.1\r\n" H "\r\n", 0 },
	{ "GET http:///x HTTP/1.1\r\n" H "\r\n", -400 },
	{ "GET http://u@d/x HTTP/1.1\r\n" H "\r\n", -400 },
	{ "GET ftp://d/x HTTP/1.1\r\n" H "\r\n", -400 },
	{ "CONNECT d:80 HTTP/1.1\r\n" H "\r\n", -400 },
	{ "OPTIONS * HTTP/1.1\r\n" H "\r\n", 0 },
	{ "GET * HTTP/1.1\r\n" H "\r\n", -400 },
	{ "GET x HTTP/1.1\r\n" H "\r\n", -400 },
	{ "GET /a b HTTP/1.1\r\n" H "\r\n", -400 },
	{ "GET  /a HTTP/1.1\r\n" H "\r\n", -400 },
	{ "GET /a  HTTP/1.1\r\n" H "\r\n", -400 },
	{ "GET /a\tHTTP/1.1\r\n" H "\r\n", -400 },
	{ "GET /a#b HTTP/1.1\r\n" H "\r\n", -400 },
	{ "GET /a\xff HTTP/1.1\r\n" H "\r\n", -400 },
	{ "GET /a%00b HTTP/1.1\r\n" H "\r\n", -400 },
	{ "GET /a%zz HTTP/1.1\r\n" H "\r\n", -400 },
	{ "GET /a?b=%4 HTTP/1.1\r\n" H "\r\n", -400 },
	{ "GET /a?f={\"label\":[\"x\"]} HTTP/1.1\r\n" H "\r\n", 0 },
	{ "GET /x HTTP/1.2\r\n" H "\r\n", -505 },
	{ "GET /x HTTP/2.0\r\n" H "\r\n", -505 },
	{ "PRI * HTTP/2.0\r\n\r\n", -505 },
	{ "GET /x http/1.1\r\n" H "\r\n", -400 },
	{ "GET /x HTTP/1.1 \r\n" H "\r\n", -400 },
	{ "GET /x HTTP/11\r\n" H "\r\n", -400 },
	{ "GET /x\r\n\r\n", -400 },
	{ " GET /x HTTP/1.1\r\n" H "\r\n", -400 },
	{ "G(T /x HTTP/1.1\r\n" H "\r\n", -400 },
	{ "ABCDEFGHIJKLMNOPQRSTU /x HTTP/1.1\r\n" H "\r\n", -400 },
	{ "\x16\x03\x01\x02", -400 },
	{ "GET /x HTTP/1.1\n" H "\r\n", -400 },
	{ GET H "A: b\n\r\n", -400 },
	{ GET H "A: b\r\n\n", -400 },
	{ GET H "A: b\rc: d\r\n\r\n", -400 },
	{ GET H "A: b\r\r\n\r\n", -400 },
	{ GET H "A: b\r\n c\r\n\r\n", -400 },
	{ GET " A: b\r\n" H "\r\n", -400 },
	{ GET H "A : b\r\n\r\n", -400 },
	{ GET H "Abc\r\n\r\n", -400 },
	{ GET H ": b\r\n\r\n", -400 },
	{ GET H "A(: b\r\n\r\n", -400 },
	{ GET H "A: b\x01\r\n\r\n", -400 },
	{ GET H "A: b\x7f\r\n\r\n", -400 },
	{ GET H "A: \xc3\xa4\tb\r\n\r\n", 0 },
	{ GET H "A:\r\nB:  \t \r\n\r\n", 0 },
	{ POST "Content-Length: 3\r\n\r\n", 0 },
	{ POST "Content-Length: 0\r\n\r\n", 0 },
	{ POST "Content-Length: 999999999999999999\r\n\r\n", 0 },
	{ POST "Content-Length: 1000000000000000000\r\n\r\n", -400 },
	{ POST "Content-Length: +3\r\n\r\n", -400 },
	{ POST "Content-Length: -1\r\n\r\n", -400 },
	{ POST "Content-Length: 3 3\r\n\r\n", -400 },
	{ POST "Content-Length: 3, 3\r\n\r\n", -400 },
	{ POST "Content-Length: 0x3\r\n\r\n", -400 },
	{ POST "Content-Length:\r\n\r\n", -400 },
	{ POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\n", -400 },
	{ POST "content-length: 3\r\nCONTENT-LENGTH: 5\r\n\r\n", -400 },
	{ POST "Transfer-Encoding: chunked\r\n\r\n", 0 },
	{ POST "Transfer-Encoding: CHUNKED\r\n\r\n", 0 },
	{ POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", -400 },
	{ POST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", -400 },
	{ POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", -400 },
	{ POST "Transfer-Encoding: gzip, chunked\r\n\r\n", -501 },
	{ POST "Transfer-Encoding: chunked, chunked\r\n\r\n", -501 },
	{ POST "Transfer-Encoding: identity\r\n\r\n", -501 },
	{ POST "Transfer-Encoding: xchunked\r\n\r\n", -501 },
	{ POST "Transfer-Encoding:\r\n\r\n", -501 },
	{ "POST /x HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n", -400 },
	{ POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n", 0 },
	{ POST "Expect: 200-ok\r\nContent-Length: 3\r\n\r\n", -417 },
};

static long run_whole(struct parser *p, const char *text, size_t n)
{
	parser_init(p);
	return parser_run(p, text, n);
}

static void test_parser_run_judges_heads(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		struct parser p;
		size_t n = strlen(heads[i].text);
		long wanted = heads[i].wanted ? heads[i].wanted : (long)n;
		long got = run_whole(&p, heads[i].text, n);
		if (got != wanted)
			fail_msg("case %zu: got %ld, wanted %ld:\n%s", i, got, wanted, heads[i].text);
		if (got < 0)
			assert_non_null(p.reason);
	}
}

/* Feeds text[0..n) in the given steps from buffers that end where the input ends (for the sanitizer). */
static long run_split(struct parser *p, const char *text, size_t n, size_t first, size_t step)
{
	long r = 0;

	parser_init(p);
	for (size_t have = first; r == 0; have += step) {
		if (have > n)
			have = n;
		char *copy = malloc(have ? have : 1);
		assert_non_null(copy);
		memcpy(copy, text, have);
		r = parser_run(p, copy, have);
		free(copy);
		if (have == n)
			break;
	}
	return r;
}

static void assert_same_request(const struct parser *a, const struct parser *b)
{
	size_t head = offsetof(struct parser_request, headers);
	assert_memory_equal(&a->request, &b->request, head);
	assert_memory_equal(
		a->request.headers, b->request.headers, a->request.nheaders * sizeof *a->request.headers);
}

static void test_parser_run_gives_the_same_at_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		const char *text = heads[i].text;
		size_t n = strlen(text);
		static struct parser whole, split;
		long wanted = run_whole(&whole, text, n);
		for (size_t first = 0; first <= n; first++) {
			long got = run_split(&split, text, n, first, n);
			if (got != wanted)
				fail_msg("case %zu split at %zu: %ld, whole %ld", i, first, got, wanted);
			if (got > 0)
				assert_same_request(&whole, &split);
		}
		assert_int_equal(run_split(&split, text, n, 1, 1), wanted);
	}
}

static void assert_span(const char *base, struct parser_span s, const char *wanted)
{
	assert_int_equal(s.len, strlen(wanted));
	assert_memory_equal(base + s.at, wanted, s.len);
}

static void test_parser_run_finds_the_parts(void **state)
{
	static const char text[] =
		"\r\nPOST http://Engine:2375/v1.41/images/a%2Fb/push?tag=x%20y&q HTTP/1.1\r\n"
		"Host: other\r\nX-Registry-Auth:  abc= \r\nConnection: foo , Upgrade\r\n"
		"Upgrade: tcp\r\nContent-Length: 007\r\nExpect: 100-Continue\r\n\r\nbody";
	struct parser p;

	(void)state;
	assert_int_equal(run_whole(&p, text, sizeof text - 1), sizeof text - 5);
	assert_span(text, p.request.method, "POST");
	assert_span(text, p.request.host, "Engine:2375");
	assert_span(text, p.request.path, "/v1.41/images/a%2Fb/push");
	assert_span(text, p.request.query, "tag=x%20y&q");
	assert_span(text, p.request.headers[1].name, "X-Registry-Auth");
	assert_span(text, p.request.headers[1].value, "abc=");
	assert_int_equal(p.request.nheaders, 6);
	assert_int_equal(p.request.content_length, 7);
	assert_int_equal(p.request.minor, 1);
	assert_true(p.request.keep_alive && p.request.upgrade && p.request.expect_continue);
	assert_false(p.request.chunked);
}

static void test_parser_run_keep_alive(void **state)
{
	static const struct {
		const char *text;
		bool keep;
	} cases[] = {
		{ GET H "\r\n", true },
		{ GET H "Connection: close\r\n\r\n", false },
		{ GET H "Connection: x,\tCLOSE ,y\r\n\r\n", false },
		{ GET H "Connection: closed\r\n\r\n", true },
		{ GET H "Connection: x\r\nConnection: close\r\n\r\n", false },
		{ "GET /x HTTP/1.0\r\n\r\n", false },
		{ "GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct parser p;
		assert_true(run_whole(&p, cases[i].text, strlen(cases[i].text)) > 0);
		assert_int_equal(p.request.keep_alive, cases[i].keep);
	}
}

static char *repeat(const char *head, const char *part, size_t times, const char *tail)
{
	size_t head_len = strlen(head), part_len = strlen(part), tail_len = strlen(tail) + 1;
	char *text = malloc(head_len + part_len * times + tail_len);

	assert_non_null(text);
	char *to = mempcpy(text, head, head_len);
	for (size_t i = 0; i < times; i++)
		to = mempcpy(to, part, part_len);
	memcpy(to, tail, tail_len);
	return text;
}

static void test_parser_run_limits(void **state)
{
	static const struct {
		const char *head, *part;
		size_t times;
		const char *tail;
		long wanted; /* 1: accepted */
	} cases[] = {
		{ GET H, "A: b\r\n", 99, "\r\n", 1 },
		{ GET H, "A: b\r\n", 100, "\r\n", -431 },
		{ GET H "A: ", "a", 100000, "\r\n\r\n", 1 },
		{ GET H "A: ", "a", 2000000, "\r\n\r\n", -431 },
		{ "GET /?q=", "a", 900000, " HTTP/1.1\r\n" H "\r\n", 1 },
		{ "GET /?q=", "a", 2000000, " HTTP/1.1\r\n" H "\r\n", -414 },
		{ "GET /", "a", 4095, " HTTP/1.1\r\n" H "\r\n", 1 },
		{ "GET /", "a", 4096, " HTTP/1.1\r\n" H "\r\n", -414 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *text = repeat(cases[i].head, cases[i].part, cases[i].times, cases[i].tail);
		struct parser p;
		long n = (long)strlen(text);
		assert_int_equal(run_whole(&p, text, (size_t)n), cases[i].wanted == 1 ? n : cases[i].wanted);
		assert_int_equal(run_split(&p, text, (size_t)n, 4096, 65536),
			cases[i].wanted == 1 ? n : cases[i].wanted);
		free(text);
	}
}

/* Feeds a chunked body in pieces of at most step bytes; collects its data.  Returns the last need. */
static int decode_chunked(const char *text, size_t n, size_t step, char *out, size_t *ret_rest)
{
	struct chunked c;
	size_t at = 0;
	int need = CHUNKED_MORE;

	chunked_init(&c);
	while (at < n && (need == CHUNKED_MORE || need == CHUNKED_DATA)) {
		size_t have = n - at < step ? n - at : step, used = 0;
		if (need == CHUNKED_DATA) {
			used = (size_t)c.left < have ? (size_t)c.left : have;
			memcpy(out, text + at, used);
			out += used;
			chunked_take(&c, (int64_t)used);
			need = c.left > 0 ? CHUNKED_DATA : CHUNKED_MORE;
		} else {
			need = chunked_feed(&c, text + at, have, &used);
		}
		at += used;
	}
	*out = '\0';
	*ret_rest = n - at;
	return need;
}

static void test_chunked_feed_judges_bodies(void **state)
{
	static const struct {
		const char *text, *data;
		int need;
		size_t rest;
	} cases[] = {
		{ "3\r\nabc\r\n0\r\n\r\n", "abc", CHUNKED_END, 0 },
		{ "0\r\n\r\nGET /", "", CHUNKED_END, 5 },
		{ "3;a=b; c=\"d\"\r\nabc\r\n0\r\n\r\n", "abc", CHUNKED_END, 0 },
		{ "3 ;a\r\nabc\r\n0\r\n\r\n", "abc", CHUNKED_END, 0 },
		{ "00a\r\n0123456789\r\nF\r\n0123456789abcde\r\n0\r\nA: b\r\nC:\r\n\r\n",
			"01234567890123456789abcde", CHUNKED_END, 0 },
		{ "3\r\nabc\r\n", "abc", CHUNKED_MORE, 0 },
		{ "3\r\nab", "ab", CHUNKED_DATA, 0 },
		{ "0x3\r\nabc", "", -400, 6 },
		{ "3\nabc\n0\n\n", "", -400, 7 },
		{ "3\r\nabcd\r\n", "abc", -400, 2 },
		{ "3\r\nabc\n", "abc", -400, 0 },
		{ "3 \r\nabc", "", -400, 4 },
		{ " 3\r\nabc", "", -400, 6 },
		{ "+3\r\nabc", "", -400, 6 },
		{ "\r\nabc", "", -400, 4 },
		{ "3;a\rb\r\nabc", "", -400, 5 },
		{ "000000000000003\r\nabc\r\n0\r\n\r\n", "abc", CHUNKED_END, 0 },
		{ "0000000000000003\r\nabc\r\n0\r\n\r\n", "", -400, 12 },
		{ "10000000000000003\r\n", "", -400, 3 },
		{ "0\r\nA b\r\n\r\n", "", -400, 5 },
		{ "0\r\n A: b\r\n\r\n", "", -400, 8 },
		{ "0\r\nA: b\n\r\n", "", -400, 2 },
		{ "0\r\n\n", "", -400, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t n = strlen(cases[i].text);
		for (size_t step = 1; step <= n; step++) {
			char out[64];
			size_t rest;
			int need = decode_chunked(cases[i].text, n, step, out, &rest);
			if (need != cases[i].need || rest != cases[i].rest || strcmp(out, cases[i].data) != 0)
				fail_msg("case %zu step %zu: %d, rest %zu, '%s'", i, step, need, rest, out);
		}
	}
}

static void test_chunked_feed_limits(void **state)
{
	static const struct {
		const char *head, *part;
		size_t times;
		const char *tail;
		int need;
	} cases[] = {
		{ "1;", "a", CHUNKED_LINE_MAX - 2, "\r\nx\r\n1;a\r\nx\r\n0\r\n\r\n", CHUNKED_END },
		{ "1;", "a", CHUNKED_LINE_MAX - 1, "\r\nx\r\n0\r\n\r\n", -400 },
		{ "0\r\nA:", "a", 8000, "\r\n\r\n", CHUNKED_END },
		{ "0\r\n", "A: b\r\n", 2000, "\r\n", -400 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *text = repeat(cases[i].head, cases[i].part, cases[i].times, cases[i].tail), out[8];
		size_t rest;
		assert_int_equal(decode_chunked(text, strlen(text), 100, out, &rest), cases[i].need);
		free(text);
	}
}

static void test_uri_split_path_decodes_each_segment(void **state)
{
	static const struct {
		const char *path;
		int count;
		const char *segments[4];
	} cases[] = {
		{ "", 0, { NULL } },
		{ "/", 0, { NULL } },
		{ "/a", 1, { "a" } },
		{ "/a/", 2, { "a", "" } },
		{ "//a", 2, { "", "a" } },
		{ "/a%2Fb/c", 2, { "a/b", "c" } },
		{ "/%2e%2E/+", 2, { "..", "+" } },
		{ "/a%", -22, { NULL } },
		{ "/a%4", -22, { NULL } },
		{ "/a%00", -22, { NULL } },
		{ "a", -22, { NULL } },
		{ "/1/2/3/4/5", -7, { NULL } },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *segments[4];
		char out[64];
		int n = uri_split_path(cases[i].path, strlen(cases[i].path), out, segments, 4);
		assert_int_equal(n, cases[i].count);
		for (int k = 0; k < n; k++)
			assert_string_equal(segments[k], cases[i].segments[k]);
	}
}

static void test_uri_parse_query_decodes_pairs(void **state)
{
	struct uri_pair pairs[4];
	char out[64];
	const char *query = "a=1&&b=x%26y+z&c&d==";

	(void)state;
	assert_int_equal(uri_parse_query(query, strlen(query), out, pairs, 4), 4);
	assert_string_equal(pairs[0].name, "a");
	assert_string_equal(pairs[0].value, "1");
	assert_string_equal(pairs[1].value, "x&y z");
	assert_string_equal(pairs[2].name, "c");
	assert_string_equal(pairs[2].value, "");
	assert_string_equal(pairs[3].value, "=");
	assert_int_equal(uri_parse_query(query, strlen(query), out, pairs, 3), -7);
	assert_int_equal(uri_parse_query("", 0, out, pairs, 4), 0);
	assert_int_equal(uri_parse_query("a=%0", 4, out, pairs, 4), -22);
	assert_int_equal(uri_parse_query("%00=b", 5, out, pairs, 4), -22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parser_run_judges_heads),
		cmocka_unit_test(test_parser_run_gives_the_same_at_every_split),
		cmocka_unit_test(test_parser_run_finds_the_parts),
		cmocka_unit_test(test_parser_run_keep_alive),
		cmocka_unit_test(test_parser_run_limits),
		cmocka_unit_test(test_chunked_feed_judges_bodies),
		cmocka_unit_test(test_chunked_feed_limits),
		cmocka_unit_test(test_uri_split_path_decodes_each_segment),
		cmocka_unit_test(test_uri_parse_query_decodes_pairs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
