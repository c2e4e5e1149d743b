/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/logfile/logfile.h"

#include "lib/base/fd.h"
#include "lib/base/timefmt.h"
#include "lib/logfile/reader.h"
#include "tests/unit/test.h"
#include "tests/unit/tree.h"

#include <signal.h>
#include <sys/resource.h>

#define BASE_S     1136214245 /* 2006-01-02T15:04:05Z */
#define T(seconds) (INT64_C(1000000000) * (BASE_S + (seconds)))

static char dir[64];
static int top;
static struct error err;
static struct logfile writer;

static int setup(void **state)
{
	(void)state;
	tree_new(dir, sizeof dir);
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = ERROR_INIT;
	writer.fd = -1;
	return top < 0;
}

static int teardown(void **state)
{
	(void)state;
	logfile_close(&writer);
	tree_free(dir);
	close(top);
	return 0;
}

/* ---- helpers ------------------------------------------------------------------ */
static void open_writer(uint64_t max_size, unsigned max_files, const char *attrs)
{
	struct logfile_options o = { .name = "log",
		.max_size = max_size,
		.max_files = max_files,
		.attrs = attrs,
		.attrs_n = attrs ? strlen(attrs) : 0 };

	assert_int_equal(logfile_open(&writer, top, &o, &err), 0);
}

static void say(enum logfile_stream stream, const char *text)
{
	assert_int_equal(logfile_write(&writer, stream, text, strlen(text)), 0);
}

/* The caller frees. */
static char *content(const char *name)
{
	char *text = NULL;

	assert_int_equal(fd_read_file(top, name, 16 << 20, &text, NULL), 0);
	return text;
}

/* What a file holds, with each time replaced by T. */
static void assert_content(const char *name, const char *wanted)
{
	char *text = content(name), *out = text;

	for (const char *p = text; *p;) {
		const char *time = "\"time\":\"";
		if (strncmp(p, time, strlen(time)) != 0) {
			*out++ = *p++;
			continue;
		}
		const char *end = strchr(p + strlen(time), '"');
		char copy[TIMEFMT_SIZE] = "";
		int64_t ns;
		assert_non_null(end);
		memcpy(copy, p + strlen(time), (size_t)(end - p) - strlen(time));
		assert_int_equal(timefmt_parse_rfc3339(copy, &ns), 0);
		assert_int_equal(copy[strlen(copy) - 1], 'Z');
		memcpy(out, "\"time\":T", 8);
		out += 8;
		p = end + 1;
	}
	*out = '\0';
	assert_string_equal(text, wanted);
	free(text);
}

static struct logfile_reader *open_reader(const struct logfile_reader_options *o)
{
	struct logfile_reader *r = NULL;

	assert_int_equal(logfile_reader_open(top, o, &r, &err), 0);
	return r;
}

/* All that is rendered, in pieces of the given size; the caller frees. */
static char *rendered(struct logfile_reader *r, size_t piece, size_t *ret_n)
{
	char *all = malloc(1 << 20);
	size_t n = 0;
	ssize_t got;

	assert_non_null(all);
	while ((got = logfile_reader_render(r, all + n, piece)) > 0) {
		n += (size_t)got;
		assert_true(n + piece < 1 << 20);
	}
	assert_int_equal(got, 0);
	all[n] = '\0';
	if (ret_n)
		*ret_n = n;
	return all;
}

static void assert_read(const struct logfile_reader_options *o, const char *wanted)
{
	struct logfile_reader *r = open_reader(o);
	char *text = rendered(r, 4096, NULL);

	assert_string_equal(text, wanted);
	free(text);
	logfile_reader_close(r);
}

/* n lines "0" ..., one second apart, every third one of stderr. */
static void make_log(const char *name, int from, int to)
{
	char text[4096] = "", time[TIMEFMT_SIZE];
	size_t n = 0;

	for (int i = from; i < to; i++)
		n += (size_t)snprintf(text + n, sizeof text - n,
			"{\"log\":\"%d\\n\",\"stream\":\"%s\",\"time\":\"%s\"}\n", i,
			i % 3 == 2 ? "stderr" : "stdout", timefmt_rfc3339nano(T(i), time));
	tree_file(top, name, text, 0640);
}

/* ---- writing ------------------------------------------------------------------- */
static void test_write_lines_as_docker_does(void **state)
{
	(void)state;
	open_writer(0, 1, NULL);
	say(LOGFILE_STDOUT, "one\ntwo\n");
	say(LOGFILE_STDERR, "\n");
	assert_content("log", "{\"log\":\"one\\n\",\"stream\":\"stdout\",\"time\":T}\n"
			      "{\"log\":\"two\\n\",\"stream\":\"stdout\",\"time\":T}\n"
			      "{\"log\":\"\\n\",\"stream\":\"stderr\",\"time\":T}\n");
}

static void test_write_escapes_as_docker_does(void **state)
{
	(void)state;
	static const struct {
		const char *said, *text;
	} cases[] = {
		{ "a\"b\\c\td\r\n", "a\\\"b\\\\c\\u0009d\\r\\n" },
		{ "<a href='x'>&</a>\n", "\\u003ca href='x'\\u003e\\u0026\\u003c/a\\u003e\\n" },
		{ "\x1b[1m\x01\x7f\n", "\\u001b[1m\\u0001\x7f\\n" },
		{ "Grüße € 𝄞\n", "Grüße € 𝄞\\n" },
		{ "\xff\xc3(\xe2\x80\n", "\\ufffd\\ufffd(\\ufffd\\ufffd\\n" },
		{ "\xe2\x80\xa8\xe2\x80\xa9\n", "\\u2028\\u2029\\n" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char wanted[256];
		open_writer(0, 1, NULL);
		say(LOGFILE_STDOUT, cases[i].said);
		snprintf(wanted, sizeof wanted, "{\"log\":\"%s\",\"stream\":\"stdout\",\"time\":T}\n",
			cases[i].text);
		assert_content("log", wanted);
		logfile_close(&writer);
		assert_int_equal(unlinkat(top, "log", 0), 0);
	}
}

static void test_write_puts_attributes_into_each_line(void **state)
{
	(void)state;
	open_writer(0, 1, "{\"tag\":\"x\"}");
	say(LOGFILE_STDOUT, "a\nb\n");
	assert_content("log",
		"{\"log\":\"a\\n\",\"stream\":\"stdout\",\"attrs\":{\"tag\":\"x\"},\"time\":T}\n"
		"{\"log\":\"b\\n\",\"stream\":\"stdout\",\"attrs\":{\"tag\":\"x\"},\"time\":T}\n");
}

static void test_write_waits_for_the_end_of_a_line(void **state)
{
	(void)state;
	open_writer(0, 1, NULL);
	say(LOGFILE_STDOUT, "be");
	say(LOGFILE_STDERR, "other\n");
	say(LOGFILE_STDOUT, "gun\nrest");
	assert_content("log", "{\"log\":\"other\\n\",\"stream\":\"stderr\",\"time\":T}\n"
			      "{\"log\":\"begun\\n\",\"stream\":\"stdout\",\"time\":T}\n");
	assert_int_equal(logfile_end(&writer, LOGFILE_STDERR), 0);
	assert_int_equal(logfile_end(&writer, LOGFILE_STDOUT), 0);
	assert_content("log", "{\"log\":\"other\\n\",\"stream\":\"stderr\",\"time\":T}\n"
			      "{\"log\":\"begun\\n\",\"stream\":\"stdout\",\"time\":T}\n"
			      "{\"log\":\"rest\",\"stream\":\"stdout\",\"time\":T}\n");
}

static void test_write_cuts_long_lines_and_keeps_their_time(void **state)
{
	(void)state;
	const size_t n = 2 * LOGFILE_LINE_MAX + 100;
	char *text = malloc(n);
	struct logfile_reader_options o = LOGFILE_READER_OPTIONS("log");
	struct logfile_entry e;
	int64_t time = 0;

	assert_non_null(text);
	memset(text, 'x', n);
	open_writer(0, 1, NULL);
	for (size_t at = 0; at < n; at += 1000)
		assert_int_equal(
			logfile_write(&writer, LOGFILE_STDOUT, text + at, n - at < 1000 ? n - at : 1000), 0);
	say(LOGFILE_STDOUT, "\nnext\n");
	struct logfile_reader *r = open_reader(&o);
	static const size_t lengths[] = { LOGFILE_LINE_MAX, LOGFILE_LINE_MAX, 101 };
	for (size_t i = 0; i < COUNT(lengths); i++) {
		assert_int_equal(logfile_reader_next(r, &e), 1);
		assert_int_equal(e.text_n, lengths[i]);
		assert_true(i == 0 || e.time_ns == time);
		time = e.time_ns;
	}
	assert_int_equal(e.text[100], '\n');
	assert_int_equal(logfile_reader_next(r, &e), 1);
	assert_memory_equal(e.text, "next\n", 5);
	assert_true(e.time_ns >= time);
	assert_int_equal(logfile_reader_next(r, &e), 0);
	logfile_reader_close(r);
	free(text);
}

static void test_open_ends_a_line_that_a_crash_has_cut(void **state)
{
	(void)state;
	struct logfile_reader_options o = LOGFILE_READER_OPTIONS("log");

	make_log("log", 0, 2);
	char *before = content("log");
	before[strlen(before) - 20] = '\0';
	tree_file(top, "log", before, 0640);
	free(before);
	open_writer(0, 1, NULL);
	say(LOGFILE_STDOUT, "after\n");
	assert_read(&o, "0\nafter\n");
}

static void test_open_refuses_what_is_no_file(void **state)
{
	(void)state;
	struct logfile_options o = { .name = "log", .max_files = 1 };

	tree_file(top, "target", "keep", 0600);
	tree_link(top, "log", "target");
	assert_int_equal(logfile_open(&writer, top, &o, &err), -ELOOP);
	assert_int_equal(unlinkat(top, "log", 0), 0);
	tree_dir(top, "log", 0755);
	assert_true(logfile_open(&writer, top, &o, &err) < 0);
	o.max_files = 0;
	assert_int_equal(logfile_open(&writer, top, &o, &err), -EINVAL);
	tree_assert_text(top, "target", "keep");
	writer.fd = -1;
}

static void test_write_without_space_leaves_no_half_entry(void **state)
{
	(void)state;
	struct rlimit was, limit;
	struct logfile_reader_options o = LOGFILE_READER_OPTIONS("log");

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	open_writer(0, 1, NULL);
	say(LOGFILE_STDOUT, "first\n");
	limit = (struct rlimit){ writer.size + 20, was.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(logfile_write(&writer, LOGFILE_STDOUT, "lost\n", 5), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_true(writer.lost > 0);
	say(LOGFILE_STDOUT, "second\n");
	assert_content("log", "{\"log\":\"first\\n\",\"stream\":\"stdout\",\"time\":T}\n"
			      "{\"log\":\"second\\n\",\"stream\":\"stdout\",\"time\":T}\n");
	assert_read(&o, "first\nsecond\n");
}

/* ---- rotation --------------------------------------------------------------------- */
static void test_rotate_keeps_so_many_files(void **state)
{
	(void)state;
	char line[16], wanted[512] = "";
	struct logfile_reader_options o = LOGFILE_READER_OPTIONS("log");

	open_writer(200, 3, NULL); /* an entry has about 80 bytes: three a file */
	for (int i = 0; i < 30; i++) {
		snprintf(line, sizeof line, "line%02d\n", i);
		say(LOGFILE_STDOUT, line);
	}
	assert_int_equal(writer.generation, 9);
	assert_true(tree_exists(top, "log"));
	assert_true(tree_exists(top, "log.1"));
	assert_true(tree_exists(top, "log.2"));
	assert_int_equal(tree_count(top, "."), 3);
	for (int i = 21; i < 30; i++)
		snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), "line%02d\n", i);
	assert_read(&o, wanted);
}

static void test_rotate_a_single_file_begins_it_again(void **state)
{
	(void)state;
	struct logfile_reader_options o = LOGFILE_READER_OPTIONS("log");

	open_writer(1, 1, NULL);
	say(LOGFILE_STDOUT, "a\n");
	say(LOGFILE_STDOUT, "b\nc\n");
	assert_int_equal(tree_count(top, "."), 1);
	assert_read(&o, "c\n");
}

static void test_rotate_counts_what_was_there_before(void **state)
{
	(void)state;
	make_log("log", 0, 20);
	open_writer(100, 2, NULL);
	say(LOGFILE_STDOUT, "new\n");
	assert_content("log", "{\"log\":\"new\\n\",\"stream\":\"stdout\",\"time\":T}\n");
	assert_true(tree_exists(top, "log.1"));
}

/* ---- reading ----------------------------------------------------------------------- */
static void test_read_no_file_is_an_empty_log(void **state)
{
	(void)state;
	struct logfile_reader_options o = LOGFILE_READER_OPTIONS("log");

	assert_read(&o, "");
	o.tail = 5;
	assert_read(&o, "");
}

static void test_read_selects(void **state)
{
	(void)state;
	static const struct {
		int64_t since, until, tail;
		unsigned flags;
		const char *wanted;
	} cases[] = {
		{ INT64_MIN, INT64_MAX, -1, 3, "0\n1\n2\n3\n4\n5\n6\n7\n8\n" },
		{ INT64_MIN, INT64_MAX, -1, LOGFILE_READ_STDERR, "2\n5\n8\n" },
		{ INT64_MIN, INT64_MAX, -1, LOGFILE_READ_STDOUT, "0\n1\n3\n4\n6\n7\n" },
		{ T(3), INT64_MAX, -1, 3, "3\n4\n5\n6\n7\n8\n" },
		{ T(3) + 1, INT64_MAX, -1, 3, "4\n5\n6\n7\n8\n" },
		{ INT64_MIN, T(4), -1, 3, "0\n1\n2\n3\n4\n" },
		{ T(2), T(3), -1, 3, "2\n3\n" },
		{ T(9), INT64_MAX, -1, 3, "" },
		{ INT64_MIN, INT64_MAX, 0, 3, "" },
		{ INT64_MIN, INT64_MAX, 1, 3, "8\n" },
		{ INT64_MIN, INT64_MAX, 2, 3, "7\n8\n" },
		{ INT64_MIN, INT64_MAX, 4, 3, "5\n6\n7\n8\n" },
		{ INT64_MIN, INT64_MAX, 9, 3, "0\n1\n2\n3\n4\n5\n6\n7\n8\n" },
		{ INT64_MIN, INT64_MAX, 100, 3, "0\n1\n2\n3\n4\n5\n6\n7\n8\n" },
		{ INT64_MIN, INT64_MAX, 3, LOGFILE_READ_STDERR, "8\n" },
		{ T(8), INT64_MAX, 3, 3, "8\n" },
	};

	make_log("log.2", 0, 3);
	make_log("log.1", 3, 7);
	make_log("log", 7, 9);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct logfile_reader_options o = { "log", cases[i].flags, cases[i].since, cases[i].until,
			cases[i].tail };
		assert_read(&o, cases[i].wanted);
	}
}

static void test_read_says_when_the_end_is_passed(void **state)
{
	(void)state;
	struct logfile_reader_options o = LOGFILE_READER_OPTIONS("log");
	struct logfile_entry e;

	make_log("log", 0, 3);
	o.until_ns = T(1);
	struct logfile_reader *r = open_reader(&o);
	assert_int_equal(logfile_reader_next(r, &e), 1);
	assert_int_equal(logfile_reader_next(r, &e), 1);
	assert_false(logfile_reader_is_over(r));
	assert_int_equal(logfile_reader_next(r, &e), 0);
	assert_true(logfile_reader_is_over(r));
	logfile_reader_close(r);
}

static void test_read_passes_over_what_is_no_entry(void **state)
{
	(void)state;
	struct logfile_reader_options o = LOGFILE_READER_OPTIONS("log");
	static char text[3 * LOGFILE_READER_BUFFER];
	size_t n = 0;

	n += (size_t)snprintf(text + n, sizeof text - n,
		"\n{}\nnonsense\n{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":"
		"\"2006-01-02T15:04:05Z\"}\n");
	memset(text + n, 'x', 2 * LOGFILE_READER_BUFFER + 17);
	n += 2 * LOGFILE_READER_BUFFER + 17;
	n += (size_t)snprintf(text + n, sizeof text - n,
		"\n{\"time\":\"2006-01-02T15:04:06Z\",\"stream\":\"stderr\",\"x\":[1,"
		"{\"y\":\"]\"}],\"log\":\"b\\n\"}\n{\"log\":\"not yet\\n\",\"st");
	tree_file_n(top, "log", text, n, 0640);
	assert_read(&o, "a\nb\n");
}

static void assert_frame(const char *frame, char stream, const char *text)
{
	const char head[8] = { stream, 0, 0, 0, 0, 0, 0, (char)strlen(text) };

	assert_memory_equal(frame, head, sizeof head);
	assert_memory_equal(frame + sizeof head, text, strlen(text));
}

static void test_render_in_any_pieces(void **state)
{
	(void)state;
	struct logfile_reader_options o = LOGFILE_READER_OPTIONS("log");
	static const char first[] = "2006-01-02T15:04:05.000000000Z a=b%26c,d=e+f 0\n";
	static const char second[] = "2006-01-02T15:04:07.500000000Z  1\n";
	size_t n;

	tree_file(top, "log",
		"{\"log\":\"0\\n\",\"stream\":\"stdout\",\"attrs\":{\"a\":\"b\\u0026c\",\"d\":\"e "
		"f\"},\"time\":"
		"\"2006-01-02T15:04:05Z\"}\n"
		"{\"log\":\"1\\n\",\"stream\":\"stderr\",\"time\":\"2006-01-02T15:04:07.5Z\"}\n",
		0640);
	o.flags |= LOGFILE_READ_TIMES | LOGFILE_READ_DETAILS | LOGFILE_READ_FRAMES;
	for (size_t piece = 1; piece < 200; piece++) {
		struct logfile_reader *r = open_reader(&o);
		char *text = rendered(r, piece, &n);
		assert_int_equal(n, 8 + strlen(first) + 8 + strlen(second));
		assert_frame(text, 1, first);
		assert_frame(text + 8 + strlen(first), 2, second);
		free(text);
		logfile_reader_close(r);
	}
}

/* ---- following ---------------------------------------------------------------------- */
static void assert_follows(struct logfile_reader *r, const char *wanted)
{
	char all[4096];
	size_t n = 0;

	for (;;) {
		ssize_t got = logfile_reader_render(r, all + n, sizeof all - 1 - n);
		assert_true(got >= 0);
		n += (size_t)got;
		if (got == 0 && !logfile_reader_follow(r, &writer))
			break;
	}
	all[n] = '\0';
	assert_string_equal(all, wanted);
}

static struct logfile_reader *open_follower(int64_t tail)
{
	struct logfile_reader_options o = LOGFILE_READER_OPTIONS("log");

	o.flags |= LOGFILE_READ_FOLLOW;
	o.tail = tail;
	struct logfile_reader *r = open_reader(&o);
	logfile_reader_start(r, &writer);
	return r;
}

static void test_follow_what_is_written(void **state)
{
	(void)state;
	open_writer(0, 1, NULL);
	struct logfile_reader *r = open_follower(-1);

	assert_follows(r, "");
	say(LOGFILE_STDOUT, "a\nb");
	assert_follows(r, "a\n");
	assert_follows(r, "");
	say(LOGFILE_STDOUT, "c\n");
	assert_follows(r, "bc\n");
	logfile_reader_close(r);
}

static void test_follow_through_rotations(void **state)
{
	(void)state;
	char line[16], wanted[128] = "";
	open_writer(200, 4, NULL);
	say(LOGFILE_STDOUT, "before\n");
	struct logfile_reader *r = open_follower(0);

	for (int i = 0; i < 8; i++) { /* into the third file */
		snprintf(line, sizeof line, "%d\n", i);
		say(LOGFILE_STDOUT, line);
		memcpy(wanted + strlen(wanted), line, strlen(line) + 1);
	}
	assert_true(writer.generation >= 2);
	assert_follows(r, wanted);
	say(LOGFILE_STDOUT, "end\n");
	assert_follows(r, "end\n");
	logfile_reader_close(r);
}

static void test_follow_too_slowly_loses_what_is_gone_and_goes_on(void **state)
{
	(void)state;
	open_writer(1, 2, NULL); /* every entry begins a file */
	say(LOGFILE_STDOUT, "0\n");
	struct logfile_reader *r = open_follower(0);

	for (int i = 1; i < 9; i++) {
		char line[16];
		snprintf(line, sizeof line, "%d\n", i);
		say(LOGFILE_STDOUT, line);
	}
	assert_follows(r, "7\n8\n");
	say(LOGFILE_STDOUT, "9\n");
	assert_follows(r, "9\n");
	logfile_reader_close(r);
}

/* ---- lines ---------------------------------------------------------------------------- */
#define END "\"stream\":\"stdout\",\"time\":\"2006-01-02T15:04:05Z\"}"

static void test_scan_decodes(void **state)
{
	(void)state;
	static const struct {
		const char *line, *text;
	} cases[] = {
		{ "{\"log\":\"plain\"," END, "plain" },
		{ "{\"log\":\"\"," END, "" },
		{ "{" END, "" },
		{ " { \"log\" : \"blanks\" , " END " ", "blanks" },
		{ "{\"log\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"," END, "\"\\/\b\f\n\r\t" },
		{ "{\"log\":\"\\u0041\\u00e9\\u20ac\\ud834\\udd1e\"," END, "Aé€𝄞" },
		{ "{\"log\":\"\\ud834\\u0041\"," END, "\xef\xbf\xbd"
						      "A" },
		{ "{\"log\":\"x\",\"more\":{\"a\":[true,null,-1.5e3,\"}\"]}," END, "x" },
		{ "{\"log\":\"x\",\"more\":17," END, "x" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct logfile_entry e;
		char *line = strdup(cases[i].line);
		assert_int_equal(logfile_scan(line, strlen(line), &e), 0);
		assert_int_equal(e.stream, LOGFILE_STDOUT);
		assert_int_equal(e.time_ns, T(0));
		assert_int_equal(e.text_n, strlen(cases[i].text));
		assert_memory_equal(e.text, cases[i].text, e.text_n);
		free(line);
	}
}

static void test_scan_refuses(void **state)
{
	(void)state;
	static const char *const cases[] = { "", "{", "{}", "[]", "null", "{\"log\":\"x\"}",
		"{\"log\":\"x\",\"stream\":\"stdin\",\"time\":\"2006-01-02T15:04:05Z\"}",
		"{\"log\":\"x\",\"stream\":\"stdout\",\"time\":\"yesterday\"}", "{\"log\":\"x\\q\"," END,
		"{\"log\":\"x\\u12\"," END, "{\"log\":\"\\", "{\"log\":\"\\u", "{\"log\":\"a\tb\"," END,
		"{\"log\":17," END, "{\"log\":\"x\"," END "x", "{\"log\":\"x\",,\"a\":1," END,
		"{\"log\":\"x\",\"a\":," END, "{\"log\":\"x\" " END,
		"{\"log\":\"x\",\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
		"," END };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct logfile_entry e;
		size_t n = strlen(cases[i]);
		char *line = malloc(
			n ? n : 1); /* of its very size: a read behind it is seen by the sanitizer */
		memcpy(line, cases[i], n);
		assert_int_equal(logfile_scan(line, n, &e), -EBADMSG);
		free(line);
	}
}

static void test_scan_every_beginning_of_a_line(void **state)
{
	(void)state;
	static const char line[] = "{\"log\":\"a\\u00e9\\ud834\\udd1e\\n\",\"stream\":\"stderr\",\"attrs\":"
				   "{\"k\":\"v\\\"\"},\"x\":[{}],\"time\":\"2006-01-02T15:04:05Z\"}";

	for (size_t n = 0; n < sizeof line; n++) {
		struct logfile_entry e;
		char *part = malloc(n ? n : 1);
		memcpy(part, line, n);
		assert_int_equal(logfile_scan(part, n, &e), n == sizeof line - 1 ? 0 : -EBADMSG);
		free(part);
	}
}

static void test_details_are_escaped_and_cut(void **state)
{
	(void)state;
	char attrs[] = "{\"a b\":\"c=d\",\"e\":\"é~-_.\"}", buf[64];
	struct logfile_entry e = { .attrs = attrs, .attrs_n = strlen(attrs) };
	static const char wanted[] = "a+b=c%3Dd,e=%C3%A9~-_.";

	assert_int_equal(logfile_details(&e, buf, sizeof buf), strlen(wanted));
	assert_memory_equal(buf, wanted, strlen(wanted));
	assert_int_equal(logfile_details(&e, buf, 7), 7);
	assert_memory_equal(buf, wanted, 7);
	e.attrs = NULL;
	assert_int_equal(logfile_details(&e, buf, sizeof buf), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_write_lines_as_docker_does),
		TEST(test_write_escapes_as_docker_does),
		TEST(test_write_puts_attributes_into_each_line),
		TEST(test_write_waits_for_the_end_of_a_line),
		TEST(test_write_cuts_long_lines_and_keeps_their_time),
		TEST(test_open_ends_a_line_that_a_crash_has_cut),
		TEST(test_open_refuses_what_is_no_file),
		TEST(test_write_without_space_leaves_no_half_entry),
		TEST(test_rotate_keeps_so_many_files),
		TEST(test_rotate_a_single_file_begins_it_again),
		TEST(test_rotate_counts_what_was_there_before),
		TEST(test_read_no_file_is_an_empty_log),
		TEST(test_read_selects),
		TEST(test_read_says_when_the_end_is_passed),
		TEST(test_read_passes_over_what_is_no_entry),
		TEST(test_render_in_any_pieces),
		TEST(test_follow_what_is_written),
		TEST(test_follow_through_rotations),
		TEST(test_follow_too_slowly_loses_what_is_gone_and_goes_on),
		TEST(test_scan_decodes),
		TEST(test_scan_refuses),
		TEST(test_scan_every_beginning_of_a_line),
		TEST(test_details_are_escaped_and_cut),
	};

	return cmocka_run_group_tests_name("logfile", tests, NULL, NULL);
}
