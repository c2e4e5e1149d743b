/* SPDX-License-Identifier: Apache-2.0 */
/* What a shim does for the clients it is handed: output, input, terminals, the log as it grows. */
#include "tests/integration/shim_fixture.h"

#include <sys/un.h>

#define RAW_OUT (PROTO_STREAM_STDOUT | PROTO_STREAM_RAW)
#define RAW_ALL (PROTO_STREAM_STDOUT | PROTO_STREAM_STDERR | PROTO_STREAM_RAW)

/* ---- output ---------------------------------------------------------------------- */
static void test_attached_before_the_commit_gets_all(void **state)
{
	(void)state;
	struct job j;
	auto_str struct str wanted = STR_INIT(1 << 20);

	launch(&j, "for i in $(seq 3000); do echo line $i; done", (struct shape){ 0 });
	int sock = attach(&j, RAW_OUT, NULL, NULL), other = attach(&j, RAW_OUT, NULL, NULL);
	commit(&j);
	str_add(&wanted, "HEAD\n");
	for (int i = 1; i <= 3000; i++)
		str_addf(&wanted, "line %d\n", i);
	assert_stream(sock, str_text(&wanted));
	assert_stream(other, str_text(&wanted));
	assert_exit_code(&j, 0);
}

static void test_streams_are_framed(void **state)
{
	(void)state;
	struct job j;
	auto_str struct str all = STR_INIT(1 << 20);

	launch(&j, "echo out; sleep 0.2; echo err >&2", (struct shape){ 0 });
	auto_close int sock = attach(&j, PROTO_STREAM_STDOUT | PROTO_STREAM_STDERR, NULL, NULL);
	auto_close int only = attach(&j, PROTO_STREAM_STDERR, NULL, NULL);
	commit(&j);
	read_until(sock, &all, NULL);
	static const char both[] = "HEAD\n\1\0\0\0\0\0\0\4out\n\2\0\0\0\0\0\0\4err\n";
	assert_int_equal(all.len, sizeof both - 1);
	assert_memory_equal(all.data, both, sizeof both - 1);
	str_clear(&all);
	read_until(only, &all, NULL);
	static const char one[] = "HEAD\n\2\0\0\0\0\0\0\4err\n";
	assert_int_equal(all.len, sizeof one - 1);
	assert_memory_equal(all.data, one, sizeof one - 1);
	assert_exit_code(&j, 0);
}

static void test_client_that_does_not_read_holds_up_the_container_not_the_shim(void **state)
{
	(void)state;
	struct job j;
	auto_str struct str all = STR_INIT(32 << 20);
	struct stat st;
	char path[256];

	launch(&j, "yes 0123456789abcdef | head -c 8000000; echo the end", (struct shape){ 0 });
	auto_close int sock = attach(&j, RAW_OUT, NULL, NULL);
	commit(&j);
	usleep(200000);
	path_format(path, sizeof path, "%s/%s-json.log", LOG_FOLDER, j.id);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < 30 << 20); /* 8 MB of text are 40 MB of log: it has not run through */
	assert_done(shim_signal(j.shim, SIGCONT, &err));
	read_until(sock, &all, NULL);
	assert_int_equal(all.len, 5 + 8000000 + 8);
	assert_exit_code(&j, 0);
}

static void test_kill_with_a_client_that_does_not_read(void **state)
{
	(void)state;
	struct job j;

	launch(&j, "yes", (struct shape){ .no_log = true });
	auto_close int sock = attach(&j, RAW_OUT, NULL, NULL);
	commit(&j);
	usleep(100000);
	assert_done(shim_stop(j.shim, SIGTERM, CLOCK_S / 10, &err));
	int status = finish(&j);
	assert_true(WIFSIGNALED(status));
}

static void test_client_that_goes_changes_nothing(void **state)
{
	(void)state;
	struct job j;

	launch(&j, "for i in 1 2 3 4 5; do echo $i; sleep 0.05; done; exit 3", (struct shape){ 0 });
	int gone = attach(&j, RAW_OUT, NULL, NULL), stays = attach(&j, RAW_OUT, NULL, NULL);
	commit(&j);
	close(gone);
	assert_stream(stays, "HEAD\n1\n2\n3\n4\n5\n");
	assert_exit_code(&j, 3);
}

/* ---- input --------------------------------------------------------------------------- */
static void test_input_ends_with_its_first_client(void **state)
{
	(void)state;
	struct job j;

	launch(&j, "cat; echo end; exit 4", (struct shape){ .open_stdin = true, .stdin_once = true });
	int sock = attach(&j, RAW_OUT | PROTO_STREAM_STDIN, "first ", NULL);
	commit(&j);
	assert_int_equal(write(sock, "second\n", 7), 7);
	shutdown(sock, SHUT_WR);
	assert_stream(sock, "HEAD\nfirst second\nend\n");
	assert_exit_code(&j, 4);
}

static void test_input_of_any_size_comes_through(void **state)
{
	(void)state;
	struct job j;
	const size_t size = 3000000;
	auto_free char *data = malloc(size);

	assert_non_null(data);
	memset(data, 'x', size);
	launch(&j, "sleep 0.2; wc -c", (struct shape){ .open_stdin = true, .stdin_once = true });
	int out = attach(&j, RAW_OUT, NULL, NULL);
	int sock = attach(&j, PROTO_STREAM_STDIN, NULL, NULL);
	commit(&j);
	assert_int_equal(fd_write_all(sock, data, size), 0);
	close(sock); /* at once, and wholly */
	assert_stream(out, "HEAD\n3000000\n");
	assert_exit_code(&j, 0);
}

static void test_input_of_a_killed_client_ends(void **state)
{
	(void)state;
	struct job j;

	/* What it does not read any more is lost, and a reset comes instead of an end. */
	launch(&j, "echo before; cat; exit 6", (struct shape){ .open_stdin = true, .stdin_once = true });
	int sock = attach(&j, RAW_OUT | PROTO_STREAM_STDIN, NULL, NULL);
	commit(&j);
	struct pollfd p = { .fd = sock, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 10000), 1);
	close(sock);
	assert_exit_code(&j, 6);
}

static void test_input_stays_open_for_the_next_client(void **state)
{
	(void)state;
	struct job j;
	auto_str struct str said = STR_INIT(1 << 20);

	launch(&j, "read a; echo got $a; read b; echo got $b", (struct shape){ .open_stdin = true });
	auto_close int out = attach(&j, RAW_OUT, NULL, NULL);
	commit(&j);
	int sock = attach(&j, PROTO_STREAM_STDIN, "one\n", NULL);
	shutdown(sock, SHUT_WR);
	read_until(out, &said, "got one\n");
	close(sock);
	sock = attach(&j, PROTO_STREAM_STDIN, NULL, NULL);
	assert_int_equal(write(sock, "two\n", 4), 4);
	read_until(out, &said, "got two\n");
	assert_stream(sock, "HEAD\n");
	assert_exit_code(&j, 0);
}

static void test_input_that_nobody_takes_is_for_nobody(void **state)
{
	(void)state;
	struct job j;

	/* No OpenStdin: what was sent already must not keep others from being heard. */
	launch(&j, "cat; echo end", (struct shape){ 0 });
	int sock = attach(&j, RAW_OUT | PROTO_STREAM_STDIN, "nothing", NULL);
	int other = attach(&j, RAW_OUT | PROTO_STREAM_STDIN, "at all", NULL);
	commit(&j);
	assert_stream(sock, "HEAD\nend\n");
	assert_stream(other, "HEAD\nend\n");
	assert_exit_code(&j, 0);
}

/* ---- terminals ----------------------------------------------------------------------------- */
static void test_terminal(void **state)
{
	(void)state;
	struct job j;
	auto_str struct str said = STR_INIT(1 << 20);

	launch(&j, "tty; stty -echo; echo ready; read x; echo got $x; exit 8",
		(struct shape){ .terminal = true, .open_stdin = true });
	auto_close int sock = attach(&j, RAW_ALL | PROTO_STREAM_STDIN, NULL, NULL);
	commit(&j);
	read_until(sock, &said, "ready\r\n");
	assert_non_null(strstr(str_text(&said), "/dev/"));
	assert_int_equal(write(sock, "word\n", 5), 5);
	read_until(sock, &said, NULL);
	assert_non_null(strstr(str_text(&said), "got word\r\n"));
	assert_exit_code(&j, 8);
}

static void test_detach_keys(void **state)
{
	(void)state;
	struct job j;
	auto_str struct str said = STR_INIT(1 << 20);

	launch(&j, "stty -echo; echo ready; read x; echo got $x",
		(struct shape){ .terminal = true, .open_stdin = true });
	int sock = attach(&j, RAW_ALL | PROTO_STREAM_STDIN, NULL, "\x10\x11");
	commit(&j);
	read_until(sock, &said, "ready\r\n");
	assert_int_equal(write(sock, "a\x10", 2), 2);
	usleep(20000); /* in two pieces */
	assert_int_equal(write(sock, "\x11lost", 5), 5);
	assert_int_equal(event_of(&j, PROTO_EVENT_DETACHED).seq, 0);
	str_clear(&said);
	read_until(sock, &said, NULL);
	close(sock);
	sock = attach(&j, RAW_ALL | PROTO_STREAM_STDIN, "b\n", NULL);
	read_until(sock, &said, "got ab\r\n");
	close(sock);
	assert_exit_code(&j, 0);
}

static void test_keys_that_are_not_all_there_are_input(void **state)
{
	(void)state;
	struct job j;
	auto_str struct str said = STR_INIT(1 << 20);

	launch(&j, "stty raw -echo; echo ready; head -c 4 | od -An -tx1",
		(struct shape){ .terminal = true, .open_stdin = true });
	int sock = attach(&j, RAW_ALL | PROTO_STREAM_STDIN, NULL, "\x10\x11");
	commit(&j);
	read_until(sock, &said, "ready");
	assert_int_equal(write(sock, "\x10\x10\x12x", 4), 4);
	read_until(sock, &said, "10 10 12 78");
	close(sock);
	assert_exit_code(&j, 0);
}

/* ---- the log as it grows ---------------------------------------------------------------------- */
static int follow_until(struct job *j, uint32_t flags, int64_t tail, int64_t until_ns)
{
	struct shim_logs what = { .flags = flags,
		.since_ns = INT64_MIN,
		.until_ns = until_ns,
		.tail = tail,
		.head = "HEAD\n",
		.head_n = 5 };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_done(shim_logs(j->shim, &what, pair[1], &err));
	close(pair[1]);
	return pair[0];
}

static int follow(struct job *j, uint32_t flags, int64_t tail)
{
	return follow_until(j, flags, tail, INT64_MAX);
}

static void test_follow_ends_with_the_container(void **state)
{
	(void)state;
	struct job j;
	auto_str struct str said = STR_INIT(1 << 20);

	run(&j, "echo one; echo err >&2; read x; echo two; printf three",
		(struct shape){ .open_stdin = true });
	int all = follow(&j, RAW_OUT, -1);
	read_until(all, &said, "one\n");
	int last = follow(&j, RAW_ALL, 0);
	close(attach(&j, PROTO_STREAM_STDIN, "go\n", NULL));
	read_until(all, &said, NULL);
	assert_string_equal(str_text(&said), "HEAD\none\ntwo\nthree");
	close(all);
	str_clear(&said);
	read_until(last, &said, NULL);
	assert_non_null(strstr(str_text(&said), "two\nthree"));
	close(last);
	assert_exit_code(&j, 0);
}

static void test_follow_ends_at_its_time(void **state)
{
	(void)state;
	struct job j;

	run(&j, "echo one; sleep 1000", (struct shape){ 0 });
	int64_t until = clock_real_ns() + CLOCK_S / 2;
	int sock = follow_until(&j, RAW_OUT, -1, until);
	assert_stream(sock, "HEAD\none\n");
	assert_true(clock_real_ns() >= until);
	assert_done(shim_kill(j.shim, &err));
	finish(&j);
}

static void test_follow_a_large_log_through_rotations(void **state)
{
	(void)state;
	struct job j;
	auto_str struct str said = STR_INIT(32 << 20);

	launch(&j, "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; echo the end",
		(struct shape){ .log_file_size = 200000, .log_files = 50 });
	auto_close int sock = follow(&j, RAW_OUT, -1);
	commit(&j);
	read_until(sock, &said, NULL);
	char *p = said.data + 5, line[32];
	for (int i = 0; i < 20000; i++) {
		size_t n = (size_t)snprintf(line, sizeof line, "line %d\n", i);
		if (strncmp(p, line, n) != 0)
			fail_msg("%s is not where it should be", line);
		p += n;
	}
	assert_string_equal(p, "the end\n");
	assert_exit_code(&j, 0);
}

static void test_follower_that_ends_its_side_is_let_go(void **state)
{
	(void)state;
	struct job j;
	auto_str struct str said = STR_INIT(1 << 20);

	run(&j, "echo one; sleep 1000", (struct shape){ 0 });
	auto_close int sock = follow(&j, RAW_OUT, -1);
	read_until(sock, &said, "one\n");
	shutdown(sock, SHUT_WR);
	read_until(sock, &said, NULL); /* and so does the shim */
	assert_done(shim_kill(j.shim, &err));
	finish(&j);
}

/* ---- after the end -------------------------------------------------------------------------------- */
static void test_slow_reader_gets_all_after_the_container_is_gone(void **state)
{
	(void)state;
	struct job j;
	auto_str struct str said = STR_INIT(4 << 20);

	launch(&j, "head -c 1200000 /dev/zero | tr '\\0' x; exit 2", (struct shape){ .no_log = true });
	auto_close int sock = attach(&j, RAW_OUT, NULL, NULL);
	commit(&j);
	assert_exit_code(&j, 2); /* acknowledged, the folder gone */
	read_until(sock, &said, NULL);
	assert_int_equal(said.len, 5 + 1200000);
}

static void test_attach_after_the_end_is_refused(void **state)
{
	(void)state;
	struct job j;
	struct shim_attach what = { .flags = RAW_OUT, .head = "x", .head_n = 1 };
	int pair[2];
	char byte;

	run(&j, "true", (struct shape){ 0 });
	event_of(&j, PROTO_EVENT_EXIT);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(shim_attach(j.shim, &what, pair[1], &err), -ESRCH);
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_int_equal(recv(pair[0], &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN); /* nothing was written, and it is open */
	close(pair[0]);
	close(pair[1]);
	assert_exit_code(&j, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_hub, teardown_hub)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_attached_before_the_commit_gets_all),
		TEST(test_streams_are_framed),
		TEST(test_client_that_does_not_read_holds_up_the_container_not_the_shim),
		TEST(test_kill_with_a_client_that_does_not_read),
		TEST(test_client_that_goes_changes_nothing),
		TEST(test_input_ends_with_its_first_client),
		TEST(test_input_of_any_size_comes_through),
		TEST(test_input_of_a_killed_client_ends),
		TEST(test_input_stays_open_for_the_next_client),
		TEST(test_input_that_nobody_takes_is_for_nobody),
		TEST(test_terminal),
		TEST(test_detach_keys),
		TEST(test_keys_that_are_not_all_there_are_input),
		TEST(test_follow_ends_with_the_container),
		TEST(test_follow_ends_at_its_time),
		TEST(test_follow_a_large_log_through_rotations),
		TEST(test_follower_that_ends_its_side_is_let_go),
		TEST(test_slow_reader_gets_all_after_the_container_is_gone),
		TEST(test_attach_after_the_end_is_refused),
	};

	return cmocka_run_group_tests_name("shim_streams", tests, group_setup, world_teardown);
}
