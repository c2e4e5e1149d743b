/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Odd requests over a real socket: which are refused, with what status, how many answers come, and whether
 * the connection serves on.  After each case a ping tells open from closed, and an answer too many from a
 * ping.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/integration/http_app.h"
#include "tests/integration/http_client.h"

#define H       "Host: d\r\n"
#define GET(t)  "GET " t " HTTP/1.1\r\n" H
#define POST    "POST /x HTTP/1.1\r\n" H
#define CHUNKS  "3\r\nabc\r\n0\r\n\r\n"
#define TEXT(t) (t), sizeof(t) - 1

enum { OPEN = 1, CLOSED = 0 };

static const struct {
	const char *name, *text;
	size_t n;
	int statuses[2];
	int open;
} cases[] = {
	{ "length and chunks", TEXT(POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKS),
		{ 400 }, CLOSED },
	{ "two different lengths", TEXT(POST "Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde"), { 400 },
		CLOSED },
	{ "two equal lengths", TEXT(POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"), { 400 },
		CLOSED },
	{ "a list of lengths", TEXT(POST "Content-Length: 3, 3\r\n\r\nabc"), { 400 }, CLOSED },
	{ "a length with a sign", TEXT(POST "Content-Length: +3\r\n\r\nabc"), { 400 }, CLOSED },
	{ "a negative length", TEXT(POST "Content-Length: -1\r\n\r\nabc"), { 400 }, CLOSED },
	{ "a length beyond 64 bits", TEXT(POST "Content-Length: 99999999999999999999\r\n\r\nabc"), { 400 },
		CLOSED },
	{ "no length but a body", TEXT(POST "Content-Length: 0\r\n\r\n" GET("/smuggled") "\r\n"),
		{ 404, 404 }, OPEN },
	{ "gzip and chunked", TEXT(POST "Transfer-Encoding: gzip, chunked\r\n\r\n" CHUNKS), { 501 }, CLOSED },
	{ "identity", TEXT(POST "Transfer-Encoding: identity\r\n\r\n" CHUNKS), { 501 }, CLOSED },
	{ "an unknown encoding", TEXT(POST "Transfer-Encoding: xchunked\r\n\r\n" CHUNKS), { 501 }, CLOSED },
	{ "chunks in 1.0", TEXT("POST /x HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n" CHUNKS),
		{ 400 }, CLOSED },
	{ "a chunk extension",
		TEXT("POST /echo HTTP/1.1\r\n" H
		     "Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n"),
		{ 200 }, OPEN },
	{ "a chunk size 0x3",
		TEXT("POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n"),
		{ 400 }, CLOSED },
	{ "chunk lines ending in LF",
		TEXT("POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n"), { 400 },
		CLOSED },
	{ "a chunk size of 17 digits",
		TEXT("POST /echo HTTP/1.1\r\n" H
		     "Transfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n"),
		{ 400 }, CLOSED },
	{ "an unread body in good chunks", TEXT(POST "Transfer-Encoding: chunked\r\n\r\n" CHUNKS), { 404 },
		OPEN },
	{ "an unread body in bad chunks", TEXT(POST "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"), { 404 },
		CLOSED },
	{ "lines ending in LF", TEXT("GET /x HTTP/1.1\nHost: d\n\n"), { 400 }, CLOSED },
	{ "a CR in a value", TEXT(GET("/x") "A: b\rc: d\r\n\r\n"), { 400 }, CLOSED },
	{ "a folded line", TEXT(GET("/x") "A: b\r\n c\r\n\r\n"), { 400 }, CLOSED },
	{ "a space before the colon", TEXT(POST "Content-Length : 3\r\n\r\nabc"), { 400 }, CLOSED },
	{ "NUL in a header", TEXT(GET("/x") "A: b\0c\r\n\r\n"), { 400 }, CLOSED },
	{ "a header without colon", TEXT(GET("/x") "Abc\r\n\r\n"), { 400 }, CLOSED },
	{ "no Host", TEXT("GET /x HTTP/1.1\r\n\r\n"), { 400 }, CLOSED },
	{ "two Hosts", TEXT(GET("/x") "Host: e\r\n\r\n"), { 400 }, CLOSED },
	{ "an absolute target", TEXT(GET("http://d/_ping") "\r\n"), { 200 }, OPEN },
	{ "empty segments", TEXT(GET("//images//json") "\r\n"), { 404 }, OPEN },
	{ "an escaped slash", TEXT(GET("/images/a%2Fb/json") "\r\n"), { 200 }, OPEN },
	{ "plain slashes in a name", TEXT(GET("/images/a/b/json") "\r\n"), { 200 }, OPEN },
	{ "dots in the path", TEXT(GET("/a/../_ping") "\r\n"), { 404 }, OPEN },
	{ "dots as a name", TEXT(GET("/images/../json") "\r\n"), { 404 }, OPEN },
	{ "NUL in the target", TEXT(GET("/a\0b") "\r\n"), { 400 }, CLOSED },
	{ "an escaped NUL", TEXT(GET("/a%00b") "\r\n"), { 400 }, CLOSED },
	{ "a bad escape", TEXT(GET("/a%zz") "\r\n"), { 400 }, CLOSED },
	{ "a space in the target", TEXT(GET("/a b") "\r\n"), { 400 }, CLOSED },
	{ "byte 0xff in the target", TEXT(GET("/a\xff") "\r\n"), { 400 }, CLOSED },
	{ "two pipelined", TEXT(GET("/_ping") "\r\n" GET("/two") "\r\n"), { 200, 404 }, OPEN },
	{ "one behind a body",
		TEXT("POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc" GET("/two") "\r\n"),
		{ 200, 404 }, OPEN },
	{ "one behind an unread body", TEXT(POST "Content-Length: 3\r\n\r\nabc" GET("/_ping") "\r\n"),
		{ 404, 200 }, OPEN },
	{ "HTTP/1.0", TEXT("GET /_ping HTTP/1.0\r\n\r\n"), { 200 }, CLOSED },
	{ "HTTP/1.0 that stays", TEXT("GET /_ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), { 200 },
		OPEN },
	{ "a stream in HTTP/1.0", TEXT("GET /stream?n=2&size=3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
		{ 200 }, CLOSED },
	{ "a last request", TEXT(GET("/_ping") "Connection: close\r\n\r\n"), { 200 }, CLOSED },
	{ "HTTP/1.2", TEXT("GET /x HTTP/1.2\r\n" H "\r\n"), { 505 }, CLOSED },
	{ "HTTP/2.0", TEXT("GET /x HTTP/2.0\r\n" H "\r\n"), { 505 }, CLOSED },
	{ "the preface of HTTP/2", TEXT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), { 505 }, CLOSED },
	{ "HTTP/0.9", TEXT("GET /x\r\n"), { 400 }, CLOSED },
	{ "a TLS hello", TEXT("\x16\x03\x01\x02\x00\x01"), { 400 }, CLOSED },
	{ "OPTIONS *", TEXT("OPTIONS * HTTP/1.1\r\n" H "\r\n"), { 200 }, OPEN },
	{ "GET *", TEXT(GET("*") "\r\n"), { 400 }, CLOSED },
	{ "an odd method", TEXT("G(T /x HTTP/1.1\r\n" H "\r\n"), { 400 }, CLOSED },
	{ "an unknown method", TEXT("BREW /_ping HTTP/1.1\r\n" H "\r\n"), { 404 }, OPEN },
	{ "an empty line before", TEXT("\r\n" GET("/_ping") "\r\n"), { 200 }, OPEN },
	{ "an unknown expectation", TEXT(POST "Expect: 200-ok\r\nContent-Length: 3\r\n\r\nabc"), { 417 },
		CLOSED },
	{ "an expectation that is met",
		TEXT("POST /echo HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"),
		{ 100, 200 }, OPEN },
	{ "an expectation and no wish to read",
		TEXT(POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"), { 404 }, CLOSED },
};

static char folder[] = "/tmp/gantry-strict-XXXXXX", path[64];
static struct http_app app;

static void check(const char *name, const char *text, size_t n, const int *statuses, int open)
{
	struct http_client c;
	struct http_reply r;

	http_client_open(&c, path);
	http_client_send(&c, text, n); /* may be refused before all is sent */
	for (int i = 0; i < 2 && statuses[i]; i++) {
		if (!http_client_read(&c, false, &r))
			fail_msg("%s: no answer %d", name, i + 1);
		if (r.status != statuses[i])
			fail_msg("%s: answer %d is %d %s, wanted %d", name, i + 1, r.status, r.body,
				statuses[i]);
		http_reply_done(&r);
	}
	if (open) {
		http_client_print(&c, "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n");
		if (!http_client_read(&c, false, &r) || r.status != 200 || strcmp(r.body, "OK") != 0)
			fail_msg("%s: the connection does not serve on: %d %s", name, r.status, r.body);
		http_reply_done(&r);
	} else if (!http_client_at_end(&c)) {
		fail_msg("%s: the connection is still open, or says more: %.*s", name, (int)c.len, c.buf);
	}
	http_client_close(&c);
}

static void test_server_answers_odd_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check(cases[i].name, cases[i].text, cases[i].n, cases[i].statuses, cases[i].open);
}

static void test_server_answers_large_heads(void **state)
{
	static const struct {
		const char *name, *head, *part;
		size_t times;
		const char *tail;
		int status, open;
	} large[] = {
		{ "a header of 100 kB", GET("/_ping") "A: ", "a", 100000, "\r\n\r\n", 200, OPEN },
		{ "a header of 2 MB", GET("/_ping") "A: ", "a", 2000000, "\r\n\r\n", 431, CLOSED },
		{ "10,000 headers", GET("/_ping"), "A: b\r\n", 10000, "\r\n", 431, CLOSED },
		{ "a query of 20 kB", "GET /_ping?b=", "q", 20000, " HTTP/1.1\r\n" H "\r\n", 200, OPEN },
		{ "a path of 20 kB", "GET /", "q", 20000, " HTTP/1.1\r\n" H "\r\n", 414, CLOSED },
		{ "5,000 parameters", "GET /_ping?", "a=b&", 5000, " HTTP/1.1\r\n" H "\r\n", 400, OPEN },
		{ "100 segments", "GET ", "/a", 100, " HTTP/1.1\r\n" H "\r\n", 404, OPEN },
	};
	(void)state;
	for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
		size_t head = strlen(large[i].head), part = strlen(large[i].part),
		       tail = strlen(large[i].tail);
		size_t n = head + part * large[i].times + tail;
		char *text = malloc(n);
		assert_non_null(text);
		char *to = mempcpy(text, large[i].head, head);
		for (size_t k = 0; k < large[i].times; k++)
			to = mempcpy(to, large[i].part, part);
		memcpy(to, large[i].tail, tail);
		check(large[i].name, text, n, (int[2]){ large[i].status }, large[i].open);
		free(text);
	}
}

static int set_up(void **state)
{
	struct error err = ERROR_INIT;
	struct listener *l;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/sock", folder);
	assert_int_equal(http_app_new(&app, NULL, &err), 0);
	assert_int_equal(listener_open_unix(path, 0600, (gid_t)-1, &l, &err), 0);
	server_add_listener(app.server, l);
	return server_start(app.server, &err);
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(server_stop(app.server, 5000), 0);
	http_app_free(&app);
	return rmdir(folder); /* socket and lock are gone */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_answers_odd_requests),
		cmocka_unit_test(test_server_answers_large_heads),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
