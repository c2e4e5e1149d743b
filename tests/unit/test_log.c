/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/log.h"

#include "lib/base/timefmt.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int ends[2];

/* A pipe of packets: what one read gives is what one write(2) wrote. */
static int open_sink(void **state)
{
	(void)state;
	if (pipe2(ends, O_CLOEXEC | O_DIRECT) < 0)
		return -1;
	log_set_fd(ends[1]);
	log_set_level(LOG_INFO);
	log_set_format(LOG_TEXT);
	return 0;
}

static int close_sink(void **state)
{
	(void)state;
	log_set_fd(STDERR_FILENO);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static char buf[LOG_LINE_MAX * 2 + 1];

static char *read_line(void)
{
	size_t n = 0;
	ssize_t r;

	/* A packet holds one page at most; a line may be two. */
	do {
		r = read(ends[0], buf + n, LOG_LINE_MAX * 2 - n);
		assert_true(r > 0);
		n += (size_t)r;
	} while (buf[n - 1] != '\n');
	buf[n] = '\0';
	assert_ptr_equal(strchr(buf, '\n'), buf + n - 1);
	return buf;
}

/* What stands behind `time="..." `, whose stamp must be one. */
static const char *without_time(const char *line)
{
	const char *end = strstr(line, "\" ");
	char stamp[64] = "";
	int64_t ns;

	assert_memory_equal(line, "time=\"", 6);
	assert_non_null(end);
	memcpy(stamp, line + 6, (size_t)(end - line - 6));
	assert_int_equal(timefmt_parse_rfc3339(stamp, &ns), 0);
	assert_int_equal(strlen(stamp), 30);
	return end + 2;
}

static void test_log_text_lines(void **state)
{
	const struct log_field fields[] = { { "id", "ab12" }, { "none", NULL }, { "why", "a \"b\"" } };

	(void)state;
	log_info("started in %d ms", 3);
	assert_string_equal(without_time(read_line()), "level=info msg=\"started in 3 ms\"\n");
	log_warning("word");
	assert_string_equal(without_time(read_line()), "level=warning msg=word\n");
	log_error("%s", "");
	assert_string_equal(without_time(read_line()), "level=error msg=\"\"\n");
	log_fields(LOG_ERROR, fields, COUNT(fields), "x\n\x1b[31m\xff\\");
	assert_string_equal(without_time(read_line()),
		"level=error msg=\"x\\n\\x1b[31m\\xff\\\\\" id=ab12 why=\"a \\\"b\\\"\"\n");
}

static void test_log_json_lines(void **state)
{
	const struct log_field fields[] = { { "id", "a\tb" } };

	(void)state;
	log_set_format(LOG_JSON);
	log_fields(LOG_ERROR, fields, 1, "\"q\"\n\x01\xff");
	read_line();
	static const char start[] =
		"{\"level\":\"error\",\"msg\":\"\\\"q\\\"\\n\\u0001\xef\xbf\xbd\",\"time\":\"";
	assert_memory_equal(buf, start, sizeof start - 1);
	assert_non_null(strstr(buf, "Z\",\"id\":\"a\\tb\"}\n"));
}

static void test_log_level_filters(void **state)
{
	(void)state;
	log_debug("hidden");
	log_set_level(LOG_ERROR);
	log_info("hidden");
	log_warning("hidden");
	assert_false(log_enabled(LOG_WARNING));
	log_set_level(LOG_DEBUG);
	log_debug("shown");
	assert_string_equal(without_time(read_line()), "level=debug msg=shown\n");
}

static void check_long(enum log_format format, const char *fill)
{
	const struct log_field fields[] = { { "key", "value" } };
	char *text = calloc(1, 20001);

	assert_non_null(text);
	for (size_t n = 0; n + strlen(fill) <= 20000; n += strlen(fill))
		memcpy(text + n, fill, strlen(fill));
	log_set_format(format);
	log_fields(LOG_INFO, fields, 1, "%s", text);
	read_line();
	assert_true(strlen(buf) <= LOG_LINE_MAX);
	assert_non_null(strstr(buf, "...\""));
	if (format == LOG_JSON)
		assert_string_equal(buf + strlen(buf) - 2, "}\n");
	free(text);
}

static void test_log_long_message_is_cut(void **state)
{
	(void)state;
	check_long(LOG_TEXT, "x");
	check_long(LOG_TEXT, "\"");
	check_long(LOG_TEXT, "\x01");
	check_long(LOG_JSON, "x");
	check_long(LOG_JSON, "\x01");
	check_long(LOG_JSON, "\xf0\x9f\x98\x80");
}

static void test_log_keeps_errno(void **state)
{
	(void)state;
	log_set_fd(-1);
	errno = ENOENT;
	log_error("lost");
	assert_int_equal(errno, ENOENT);
}

static void *write_lines(void *arg)
{
	for (int i = 0; i < 200; i++)
		log_info("%s-%d", (const char *)arg, i);
	return NULL;
}

static void test_log_threads_write_whole_lines(void **state)
{
	pthread_t threads[2];

	(void)state;
	assert_int_equal(pthread_create(&threads[0], NULL, write_lines, (void *)(uintptr_t) "one"), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, write_lines, (void *)(uintptr_t) "two"), 0);
	for (int i = 0; i < 400; i++)
		assert_memory_equal(without_time(read_line()), "level=info msg=", 15);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
}

static void test_log_parse_names(void **state)
{
	enum log_level level = LOG_ERROR;
	enum log_format format = LOG_TEXT;

	(void)state;
	assert_int_equal(log_parse_level("warn", &level), 0);
	assert_int_equal(level, LOG_WARNING);
	assert_int_equal(log_parse_level("fatal", &level), 0);
	assert_int_equal(level, LOG_ERROR);
	assert_int_equal(log_parse_level("loud", &level), -EINVAL);
	assert_int_equal(log_parse_format("json", &format), 0);
	assert_int_equal(format, LOG_JSON);
	assert_int_equal(log_parse_format("xml", &format), -EINVAL);
}

#define logs(test) cmocka_unit_test_setup_teardown(test, open_sink, close_sink)

int main(void)
{
	const struct CMUnitTest tests[] = {
		logs(test_log_text_lines),
		logs(test_log_json_lines),
		logs(test_log_level_filters),
		logs(test_log_long_message_is_cut),
		logs(test_log_keeps_errno),
		logs(test_log_threads_write_whole_lines),
		logs(test_log_parse_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
