/* SPDX-License-Identifier: Apache-2.0 */
/* Heads and chunks of responses, and the client against a server that plays a script. */
#include "tests/unit/test.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "programs/gantry/client.h"
#include "programs/gantry/response.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- heads -------------------------------------------------------------------------------- */
static void test_response_parse_reads_what_is_used(void **state)
{
	static const char text[] =
		"HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\nOSTYPE:linux\r\nContent-Length: 5\r\n"
		"Content-Type: application/json; charset=utf-8\r\nConnection: close\r\n\r\nhello";
	struct response r;

	(void)state;
	assert_int_equal(response_parse(text, sizeof text - 1, &r), sizeof text - 1 - 5);
	assert_int_equal(r.status, 200);
	assert_true(r.has_length && r.length == 5 && r.close && !r.chunked);
	assert_string_equal(r.api_version, "1.51");
	assert_string_equal(r.os, "linux");
	assert_string_equal(r.content_type, "application/json");
}

static void test_response_parse_waits_for_all(void **state)
{
	static const char text[] = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\n\r\n";
	struct response r;

	(void)state;
	for (size_t n = 0; n < sizeof text - 1; n++)
		assert_int_equal(response_parse(text, n, &r), 0);
	assert_int_equal(response_parse(text, sizeof text - 1, &r), sizeof text - 1);
	assert_int_equal(r.status, 101);
}

static void test_response_parse_refuses(void **state)
{
	static const char *const bad[] = {
		"HTTP/2 200 OK\r\n\r\n",
		"HTTP/1.1 99 OK\r\n\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1  200\r\n\r\n",
		"nonsense\r\n\r\n",
		"HTTP/1.1 200 OK\nA: b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA b: c\r\n\r\n",
		"HTTP/1.1 200 OK\r\n: c\r\n\r\n",
		"HTTP/1.1 200 OK\r\n folded: c\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: b\x01\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
	};
	struct response r;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (response_parse(bad[i], strlen(bad[i]), &r) != -EBADMSG)
			fail_msg("accepted: %s", bad[i]);
}

static void test_response_parse_bounds_the_head(void **state)
{
	auto_free char *text = malloc(RESPONSE_HEAD_MAX + 1);
	struct response r;

	(void)state;
	memset(text, 'a', RESPONSE_HEAD_MAX);
	assert_int_equal(response_parse(text, RESPONSE_HEAD_MAX - 1, &r), 0);
	assert_int_equal(response_parse(text, RESPONSE_HEAD_MAX, &r), -EBADMSG);
}

/* ---- chunks ------------------------------------------------------------------------------- */
/* All of text in pieces of `step` bytes. */
static int decode(const char *text, size_t step, struct str *out, bool *ret_done)
{
	struct chunked c = { 0 };
	size_t n = strlen(text);

	for (size_t at = 0; at < n && !c.done;) {
		const char *data;
		size_t used, got, room = n - at < step ? n - at : step;
		int r = chunked_run(&c, text + at, room, &used, &data, &got);
		if (r < 0)
			return r;
		assert_true(used > 0 && used <= room);
		if (got)
			str_add_n(out, data, got);
		at += used;
	}
	*ret_done = c.done;
	return 0;
}

static void test_chunked_run_in_any_pieces(void **state)
{
	static const char text[] = "5\r\nhello\r\n1;x=y\r\n \r\n00a\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";

	(void)state;
	for (size_t step = 1; step < sizeof text; step++) {
		auto_str struct str out = STR_INIT(100);
		bool done = false;
		assert_int_equal(decode(text, step, &out, &done), 0);
		assert_true(done);
		assert_string_equal(str_text(&out), "hello 0123456789");
	}
}

static void test_chunked_run_refuses(void **state)
{
	static const char *const bad[] = { "\r\n", "x\r\n", "5\nhello", "2\r\nabc", "2\r\nab\nx",
		"1\r\na\r\r\n", "1234567890abcdef0\r\n", "0\r\na\nb\r\n\r\n", "1;a\nb\r\n" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		auto_str struct str out = STR_INIT(100);
		bool done;
		if (decode(bad[i], 100, &out, &done) != -EBADMSG)
			fail_msg("accepted: %s", bad[i]);
	}
}

/* ---- the client ------------------------------------------------------------------------------ */
#define PING "HTTP/1.1 200 OK\r\nApi-Version: 1.43\r\nContent-Length: 0\r\n\r\n"

/* Answers the n-th request with the n-th text; keeps what was asked. */
struct server {
	char path[64], host[80];
	int fd;
	pthread_t thread;
	const char *const *answers; /* NULL-ended; "" closes the connection */
	char asked[8][400];
	size_t connections;
};

static bool take_request(int fd, char *buf, size_t size)
{
	size_t n = 0;

	while (n < size - 1) {
		ssize_t got = read(fd, buf + n, size - 1 - n);
		if (got <= 0)
			return false;
		buf[n += (size_t)got] = '\0';
		if (strstr(buf, "\r\n\r\n"))
			return true;
	}
	return false;
}

static void *serve(void *arg)
{
	struct server *s = arg;
	int fd = -1;

	for (size_t i = 0; s->answers[i]; i++) {
		while (fd < 0 || !take_request(fd, s->asked[i], sizeof s->asked[i])) {
			if (fd >= 0)
				close(fd);
			fd = accept(s->fd, NULL, NULL);
			s->connections++;
		}
		fd_write_all(fd, s->answers[i], strlen(s->answers[i]));
		if (!s->answers[i][0] || strstr(s->answers[i], "Connection: close")) {
			close(fd);
			fd = -1;
		}
	}
	if (fd >= 0)
		close(fd);
	return NULL;
}

static void server_start(struct server *s, const char *const *answers)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memset(s, 0, sizeof *s);
	s->answers = answers;
	snprintf(s->path, sizeof s->path, "/tmp/gantry-cli-%d.sock", (int)getpid());
	snprintf(s->host, sizeof s->host, "unix://%s", s->path);
	snprintf(a.sun_path, sizeof a.sun_path, "%s", s->path);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unlink(s->path);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(s->fd, 4), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_end(struct server *s)
{
	pthread_join(s->thread, NULL);
	close(s->fd);
	unlink(s->path);
}

static void test_client_get_agrees_on_the_version(void **state)
{
	static const char *const answers[] = { PING, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
		NULL };
	auto_json struct json *j = NULL;
	struct server s;
	struct client c;
	struct error err = ERROR_INIT;

	(void)state;
	server_start(&s, answers);
	client_init(&c, s.host);
	assert_int_equal(client_get(&c, "/info", &j, &err), 200);
	client_done(&c);
	server_end(&s);
	assert_memory_equal(s.asked[0], "HEAD /_ping HTTP/1.1\r\n", 22);
	assert_memory_equal(s.asked[1], "GET /v1.43/info HTTP/1.1\r\n", 26);
	assert_int_equal(s.connections, 1);
	assert_string_equal(c.version, "1.43");
}

static void test_client_get_of_an_older_daemon(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", NULL
	};
	auto_json struct json *j = NULL;
	struct server s;
	struct client c;
	struct error err = ERROR_INIT;

	(void)state;
	server_start(&s, answers);
	client_init(&c, s.host);
	assert_int_equal(client_get(&c, "/info", &j, &err), 200);
	client_done(&c);
	server_end(&s);
	assert_memory_equal(s.asked[1], "GET /_ping HTTP/1.1\r\n", 21);
	assert_memory_equal(s.asked[2], "GET /v1.24/info HTTP/1.1\r\n", 26);
}

static void test_client_get_refused(void **state)
{
	static const char *const answers[] = { PING,
		"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"
		"1c\r\n{\"message\":\"no such thing\"}\n\r\n0\r\n\r\n",
		NULL };
	struct json *j = NULL;
	struct server s;
	struct client c;
	struct error err = ERROR_INIT;

	(void)state;
	server_start(&s, answers);
	client_init(&c, s.host);
	assert_true(client_get(&c, "/x", &j, &err) < 0);
	client_done(&c);
	server_end(&s);
	assert_string_equal(err.text, "no such thing");
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	assert_int_equal(err.sys_errno, REMOTE_ERROR);
}

static void test_client_get_cut_answer(void **state)
{
	static const char *const answers[] = { PING,
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{\"a\":", NULL };
	struct json *j = NULL;
	struct server s;
	struct client c;
	struct error err = ERROR_INIT;

	(void)state;
	server_start(&s, answers);
	client_init(&c, s.host);
	assert_true(client_get(&c, "/x", &j, &err) < 0);
	client_done(&c);
	server_end(&s);
	assert_non_null(strstr(err.text, "unexpected EOF"));
}

static void test_client_send_when_the_answer_comes_early(void **state)
{
	static const char *const answers[] = { PING,
		"HTTP/1.1 400 Bad Request\r\nContent-Length: 17\r\n\r\n{\"message\":\"no\"}\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", NULL };
	auto_close int endless = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	struct http_request r = {
		.method = "POST", .target = "/images/load", .stream = true, .body_fd = endless
	};
	auto_json struct json *j = NULL;
	struct http *h;
	struct server s;
	struct client c;
	struct error err = ERROR_INIT;

	(void)state;
	server_start(&s, answers);
	client_init(&c, s.host);
	assert_true(client_send(&c, &r, &h, &err) < 0);
	assert_string_equal(err.text, "no");
	assert_int_equal(client_get(&c, "/x", &j, &err), 200);
	client_done(&c);
	server_end(&s);
	assert_int_equal(s.connections, 2);
}

static void test_client_get_without_a_daemon(void **state)
{
	struct json *j = NULL;
	struct client c;
	struct error err = ERROR_INIT;

	(void)state;
	client_init(&c, "unix:///nonexistent/gantry.sock");
	assert_true(client_get(&c, "/x", &j, &err) < 0);
	assert_string_equal(err.text, "Cannot connect to the gantry daemon at "
				      "unix:///nonexistent/gantry.sock. Is gantryd running?");
	client_init(&c, "bogus");
	assert_true(client_get(&c, "/x", &j, &err) < 0);
	assert_int_equal(err.kind, ERROR_INVALID);
}

static void test_query_add(void **state)
{
	auto_str struct str s = STR_INIT(1000);

	(void)state;
	str_add(&s, "/a");
	query_add(&s, "x", "a b/c&=\xc3\xa4~");
	query_add_int(&s, "n", -1);
	assert_string_equal(str_text(&s), "/a?x=a%20b%2Fc%26%3D%C3%A4~&n=-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_response_parse_reads_what_is_used),
		cmocka_unit_test(test_response_parse_waits_for_all),
		cmocka_unit_test(test_response_parse_refuses),
		cmocka_unit_test(test_response_parse_bounds_the_head),
		cmocka_unit_test(test_chunked_run_in_any_pieces),
		cmocka_unit_test(test_chunked_run_refuses),
		cmocka_unit_test(test_client_get_agrees_on_the_version),
		cmocka_unit_test(test_client_get_of_an_older_daemon),
		cmocka_unit_test(test_client_get_refused),
		cmocka_unit_test(test_client_get_cut_answer),
		cmocka_unit_test(test_client_send_when_the_answer_comes_early),
		cmocka_unit_test(test_client_get_without_a_daemon),
		cmocka_unit_test(test_query_add),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
