/* SPDX-License-Identifier: Apache-2.0 */
/* Templates, columns, keys that detach, streams of objects. */
#include "tests/unit/test.h"

#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/frames.h"
#include "programs/gantry/listing.h"
#include "programs/gantry/messages.h"
#include "programs/gantry/ps.h"
#include "programs/gantry/template.h"
#include "programs/gantry/terminal.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char object[] =
	"{\"Name\":\"web\",\"Pid\":12,\"Up\":true,\"Off\":false,\"None\":null,\"Empty\":{},\"Cmd\":[\"sh\","
	"\"-c\"],"
	"\"Ports\":{\"80/tcp\":[{\"HostPort\":\"8080\"}],\"81/tcp\":[]},\"State\":{\"Status\":\"running\"}}";

static void test_template_run(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "plain", "plain" },
		{ "{{.Name}}", "web" },
		{ "<{{ .State.Status }}>", "<running>" },
		{ "{{.Pid}} {{.Up}} {{.None}}", "12 true <no value>" },
		{ "{{.Cmd}} {{.State}}", "[sh -c] map[Status:running]" },
		{ "{{json .Cmd}}", "[\"sh\",\"-c\"]" },
		{ "{{json .None}}", "null" },
		{ "{{index .Cmd 1}}", "-c" },
		{ "{{(index (index .Ports \"80/tcp\") 0).HostPort}}", "8080" },
		{ "{{len .Cmd}}{{len .Name}}", "23" },
		{ "{{join .Cmd \", \"}}", "sh, -c" },
		{ "{{upper .Name}}{{.Name | upper | lower}}", "WEBweb" },
		{ "{{if .Up}}a{{else}}b{{end}}{{if .Off}}a{{else}}b{{end}}", "ab" },
		{ "{{if eq .Name \"x\"}}1{{else if eq .Name \"web\"}}2{{else}}3{{end}}", "2" },
		{ "{{if .Empty}}1{{else if .Off}}2{{else}}3{{end}}", "3" },
		{ "{{range .Cmd}}[{{.}}]{{end}}", "[sh][-c]" },
		{ "{{range $i, $v := .Cmd}}{{$i}}={{$v}};{{end}}", "0=sh;1=-c;" },
		{ "{{range $p, $c := .Ports}}{{$p}}:{{len $c}} {{end}}", "80/tcp:1 81/tcp:0 " },
		{ "{{range .Empty}}x{{else}}none{{end}}", "none" },
		{ "{{with .State}}{{.Status}}/{{$.Name}}{{end}}", "running/web" },
		{ "{{$x := .Pid}}{{$x}}", "12" },
		{ "a {{- .Name -}} b", "awebb" },
		{ "{{/* no */}}x", "x" },
		{ "{{print .Name .Pid}}{{println .Name}}", "web12web\n" },
		{ "{{range split \"a,b\" \",\"}}<{{.}}>{{end}}", "<a><b>" },
		{ "{{and .Up .Name}} {{or .Off .Name}} {{not .Up}}", "web web false" },
		{ "{{if .Off}}{{.Nothing.Here \"}}\"}}{{end}}ok", "ok" },
	};
	auto_json struct json *j = NULL;

	(void)state;
	assert_int_equal(json_parse(object, sizeof object - 1, 0, &j, NULL), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		auto_str struct str out = STR_INIT(1000);
		struct error err = ERROR_INIT;
		if (template_run(cases[i].text, j, &out, &err) < 0 ||
			strcmp(str_text(&out), cases[i].want) != 0)
			fail_msg("%s: got '%s' (%s), want '%s'", cases[i].text, str_text(&out), err.text,
				cases[i].want);
	}
}

static void test_template_run_refuses(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "{{.Nope}}", "map has no entry for key \"Nope\"" },
		{ "{{.None.X}}", "nil pointer" },
		{ "{{nope .Name}}", "function \"nope\" not defined" },
		{ "{{.Name", "unclosed action" },
		{ "{{if .Up}}x", "unexpected EOF" },
		{ "{{end}}", "unexpected {{end}}" },
		{ "{{index .Cmd 9}}", "out of range" },
		{ "{{$y}}", "undefined variable" },
		{ "{{\"abc}}", "unterminated" },
		{ "{{(.Name}}", "unclosed left paren" },
		{ "{{.Name .Pid}}", "non-function" },
		{ "{{((((((((((((((((((((((((((((((((((((.Name))))))))))))))))))))))))))))))))))))}}",
			"deep" },
	};
	auto_json struct json *j = NULL;

	(void)state;
	assert_int_equal(json_parse(object, sizeof object - 1, 0, &j, NULL), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		auto_str struct str out = STR_INIT(1000);
		struct error err = ERROR_INIT;
		if (template_run(cases[i].text, j, &out, &err) >= 0 || !strstr(err.text, cases[i].words))
			fail_msg("%s: got '%s' (%s)", cases[i].text, str_text(&out), err.text);
	}
}

static void test_listing_columns(void **state)
{
	auto_str struct str out = STR_INIT(1000);

	(void)state;
	listing_columns("A\tLONGER HEAD\tC\näö 12345678\tx\t\n", LISTING_NARROWEST, &out);
	assert_string_equal(str_text(&out), "A             LONGER HEAD   C\näö 12345678   x             \n");
}

static void test_listing_short_id(void **state)
{
	char buf[16];

	(void)state;
	assert_string_equal(listing_short_id("sha256:0123456789abcdef", buf), "0123456789ab");
	assert_string_equal(listing_short_id("0123", buf), "0123");
}

static void test_keys_filter(void **state)
{
	static const struct {
		const char *typed, *passed;
		bool found;
	} cases[] = {
		{ "abc", "abc", false },
		{ "ab\x10\x11", "ab", true },
		{ "\x10x", "\x10x", false },
		{ "\x10\x10\x11", "\x10", true },
		{ "\x11", "\x11", false },
		{ "a\x10", "a", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct keys k;
		struct error err = ERROR_INIT;
		char out[64];
		bool found;
		assert_int_equal(keys_parse(NULL, &k, &err), 0);
		size_t n = keys_filter(&k, cases[i].typed, strlen(cases[i].typed), out, &found);
		assert_int_equal(n, strlen(cases[i].passed));
		assert_memory_equal(out, cases[i].passed, n);
		assert_int_equal(found, cases[i].found);
	}
}

static void test_keys_filter_over_two_reads(void **state)
{
	struct keys k;
	struct error err = ERROR_INIT;
	char out[64];
	bool found;

	(void)state;
	assert_int_equal(keys_parse("ctrl-a,d", &k, &err), 0);
	assert_int_equal(keys_filter(&k, "x\x01", 2, out, &found), 1);
	assert_false(found);
	assert_int_equal(keys_filter(&k, "d", 1, out, &found), 0);
	assert_true(found);
}

static void test_keys_parse_refuses(void **state)
{
	static const char *const bad[] = { "ctrl-", "ctrl-1", "ab", "a,,b", "ctrl-aa" };
	struct keys k;
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_true(keys_parse(bad[i], &k, &err) < 0);
}

static void test_messages_scan(void **state)
{
	static const char text[] = "{\"a\":\"}\\\"{\"}\r\n {\"b\":[{}]}{}";
	struct messages m = { 0 };
	size_t ends[3], count = 0;

	(void)state;
	for (size_t i = 0; i < sizeof text - 1; i++) {
		bool whole;
		assert_int_equal(messages_scan(&m, text + i, 1, &whole), 1);
		if (whole)
			ends[count++] = i;
	}
	assert_int_equal(count, 3);
	assert_int_equal(ends[0], 11);
	assert_int_equal(ends[2], sizeof text - 2);
}

/* What frames_feed makes of text, byte by byte: both streams in *out, in the order they came. */
static int feed(struct frames *f, const char *text, size_t n, struct str *out, struct error *err)
{
	int saved[] = { dup(STDOUT_FILENO), dup(STDERR_FILENO) }, r = 0,
	    file = memfd_create("out", MFD_CLOEXEC);
	char buf[256];

	assert_true(file >= 0 && dup2(file, STDOUT_FILENO) >= 0 && dup2(file, STDERR_FILENO) >= 0);
	for (size_t i = 0; i < n && r == 0; i++)
		r = frames_feed(f, text + i, 1, err);
	dup2(saved[0], STDOUT_FILENO);
	dup2(saved[1], STDERR_FILENO);
	ssize_t got = pread(file, buf, sizeof buf, 0);
	assert_true(got >= 0);
	str_add_n(out, buf, (size_t)got);
	close(saved[0]);
	close(saved[1]);
	close(file);
	return r;
}

static void test_frames_feed(void **state)
{
	static const char text[] = "\1\0\0\0\0\0\0\3abc\2\0\0\0\0\0\0\2de\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\1f";
	auto_str struct str out = STR_INIT(1000);
	struct frames f = { .raw = false };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(feed(&f, text, sizeof text - 1, &out, &err), 0);
	assert_string_equal(str_text(&out), "abcdef");
	assert_int_equal(frames_end(&f, &err), 0);
}

static void test_frames_feed_what_the_daemon_says(void **state)
{
	static const char text[] = "\3\0\0\0\0\0\0\4oops";
	auto_str struct str out = STR_INIT(1000);
	struct frames f = { .raw = false };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(feed(&f, text, sizeof text - 1, &out, &err), 0);
	assert_string_equal(str_text(&out), "");
	assert_true(frames_end(&f, &err) < 0);
	assert_string_equal(err.text, "error from daemon in stream: oops");
}

static void test_frames_feed_refuses(void **state)
{
	static const char cut[] = "\1\0\0\0\0\0\0\3ab", other[] = "hello world";
	auto_str struct str out = STR_INIT(1000);
	struct frames f = { .raw = false }, g = { .raw = false };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(feed(&f, cut, sizeof cut - 1, &out, &err), 0);
	assert_true(frames_end(&f, &err) < 0);
	assert_true(feed(&g, other, sizeof other - 1, &out, &err) < 0);
}

/* ---- ps ------------------------------------------------------------------------------------ */
/* clang-format off */
static const char containers[] =
	"[{\"Id\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"Names\":"
	"[\"/web\",\"/link/web\"],\"Image\":\"busybox\",\"ImageID\":\"sha256:bbbbbbbbbbbbbbbbbbbb"
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\",\"Command\":\"sh -c 'a very long command "
	"\\\"quoted\\\" äöü with more'\",\"Ports\":[{\"IP\":\"0.0.0.0\",\"PrivatePort\":80,\"Publ"
	"icPort\":8080,\"Type\":\"tcp\"},{\"IP\":\"::\",\"PrivatePort\":80,\"PublicPort\":8080,\""
	"Type\":\"tcp\"},{\"PrivatePort\":443,\"Type\":\"tcp\"},{\"IP\":\"127.0.0.1\",\"PrivatePo"
	"rt\":81,\"PublicPort\":81,\"Type\":\"udp\"}],\"Labels\":{\"b\":\"1\",\"a\":\"2\"},\"Netw"
	"orkSettings\":{\"Networks\":{\"n2\":{},\"n1\":{}}},\"Mounts\":[{\"Type\":\"volume\",\"Na"
	"me\":\"0123456789abcdef0123456789abcdef\",\"Source\":\"/x\",\"Driver\":\"local\"},{\"Typ"
	"e\":\"bind\",\"Source\":\"/host/long/path/here\"}]},{\"Id\":\"cccccccccccccccccccccccccc"
	"cccccccccccccccccccccccccccccccccccccc\",\"Names\":[\"/r\"],\"Image\":\"sha256:bbbbbbbbb"
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\",\"ImageID\":\"sha256:bbbbbbbbb"
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\",\"Command\":\"x\",\"Ports\":[{"
	"\"IP\":\"0.0.0.0\",\"PrivatePort\":80,\"PublicPort\":80,\"Type\":\"tcp\"},{\"IP\":\"0.0."
	"0.0\",\"PrivatePort\":81,\"PublicPort\":81,\"Type\":\"tcp\"},{\"IP\":\"0.0.0.0\",\"Priva"
	"tePort\":82,\"PublicPort\":82,\"Type\":\"tcp\"},{\"PrivatePort\":100,\"Type\":\"tcp\"},{"
	"\"PrivatePort\":101,\"Type\":\"tcp\"},{\"PrivatePort\":101,\"Type\":\"udp\"},{\"IP\":\"0"
	".0.0.0\",\"PrivatePort\":90,\"PublicPort\":9000,\"Type\":\"tcp\"},{\"IP\":\"0.0.0.0\",\""
	"PrivatePort\":91,\"PublicPort\":9001,\"Type\":\"tcp\"},{\"IP\":\"0.0.0.0\",\"PrivatePort"
	"\":90,\"PublicPort\":9000,\"Type\":\"udp\"}],\"Labels\":{},\"NetworkSettings\":{\"Networ"
	"ks\":{}},\"Mounts\":[],\"SizeRw\":10,\"SizeRootFs\":123456789},{\"Id\":\"ddddddddddddddd"
	"ddddddddddddddddddddddddddddddddddddddddddddddddd\",\"Names\":[\"/d\"],\"Image\":\"reg/x"
	"@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\",\"ImageID\":\""
	"sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\",\"Command\":\""
	"/a-command-of-exactly20\",\"Ports\":[{\"IP\":\"1.2.3.4\",\"PrivatePort\":80,\"PublicPort"
	"\":8001,\"Type\":\"tcp\"},{\"IP\":\"1.2.3.4\",\"PrivatePort\":81,\"PublicPort\":9001,\"T"
	"ype\":\"tcp\"}],\"Labels\":null,\"NetworkSettings\":null,\"Mounts\":null},{\"Id\":\"eeee"
	"\",\"Names\":[\"/e\"],\"Image\":\"x:1@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	"bbbbbbbbbbbbbbbbbbbbb\",\"ImageID\":\"\",\"Command\":\"\",\"Ports\":[],\"Labels\":{\"x\""
	":\"\"}}]";
/* clang-format on */

/* The texts are those of Docker's CLI 28.5.2 for the same answer. */
static void test_ps_add_rows(void **state)
{
	static const struct {
		size_t row;
		const char *column, *want;
	} cases[] = {
		{ 0, "ID", "aaaaaaaaaaaa" },
		{ 0, "Names", "web" },
		{ 0, "Command", "\"sh -c 'a very long …\"" },
		{ 0, "Ports", "127.0.0.1:81->81/udp, 443/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp" },
		{ 0, "Labels", "a=2,b=1" },
		{ 0, "Networks", "n1,n2" },
		{ 0, "Mounts", "0123456789abcd…,/host/long/pat…" },
		{ 0, "LocalVolumes", "1" },
		{ 0, "Size", "0B" },
		{ 1, "Image", "bbbbbbbbbbbb" },
		{ 1, "Ports",
			"0.0.0.0:80-82->80-82/tcp, 100-101/tcp, 101/udp, 0.0.0.0:9000->90/tcp, "
			"0.0.0.0:9000->90/udp, "
			"0.0.0.0:9001->91/tcp" },
		{ 1, "Size", "10B (virtual 123MB)" },
		{ 2, "Image", "bbbbbbbbbbbb" },
		{ 2, "Ports", "1.2.3.4:8001->80/tcp, 1.2.3.4:9001->81/tcp" },
		{ 3, "ID", "eeee" },
		{ 3, "Image", "x:1" },
		{ 3, "Labels", "x=" },
	};
	auto_json struct json *list = NULL, *rows = json_new_array();

	(void)state;
	assert_int_equal(json_parse(containers, sizeof containers - 1, 0, &list, NULL), 0);
	ps_add_rows(list, false, rows);
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(text_at(json_item(rows, cases[i].row), cases[i].column), cases[i].want);
}

static void test_ps_add_rows_whole(void **state)
{
	auto_json struct json *list = NULL, *rows = json_new_array();

	(void)state;
	assert_int_equal(json_parse(containers, sizeof containers - 1, 0, &list, NULL), 0);
	ps_add_rows(list, true, rows);
	assert_string_equal(text_at(json_item(rows, 0), "Names"), "web,link/web");
	assert_string_equal(text_at(json_item(rows, 0), "Mounts"),
		"0123456789abcdef0123456789abcdef,/host/long/path/here");
	assert_int_equal(strlen(text_at(json_item(rows, 1), "Image")), 71);
}

static void test_cli_exit_code(void **state)
{
	(void)state;
	assert_int_equal(cli_exit_code("exec: \"x\": executable file not found in $PATH"), 127);
	assert_int_equal(cli_exit_code("stat /x: no such file or directory"), 127);
	assert_int_equal(cli_exit_code("exec: \"/tmp\": permission denied"), 126);
	assert_int_equal(cli_exit_code("exec: \"/tmp\": is a directory"), 126);
	assert_int_equal(cli_exit_code("No such image: x"), 125);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_template_run),
		cmocka_unit_test(test_template_run_refuses),
		cmocka_unit_test(test_listing_columns),
		cmocka_unit_test(test_listing_short_id),
		cmocka_unit_test(test_keys_filter),
		cmocka_unit_test(test_keys_filter_over_two_reads),
		cmocka_unit_test(test_keys_parse_refuses),
		cmocka_unit_test(test_messages_scan),
		cmocka_unit_test(test_frames_feed),
		cmocka_unit_test(test_frames_feed_what_the_daemon_says),
		cmocka_unit_test(test_frames_feed_refuses),
		cmocka_unit_test(test_ps_add_rows),
		cmocka_unit_test(test_ps_add_rows_whole),
		cmocka_unit_test(test_cli_exit_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
