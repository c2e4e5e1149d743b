/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/timefmt.h"

#include "lib/base/clock.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void test_timefmt_rfc3339_round_trip(void **state)
{
	static const struct {
		int64_t ns;
		const char *text, *padded;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000000Z" },
		{ 1136214245000000001, "2006-01-02T15:04:05.000000001Z", "2006-01-02T15:04:05.000000001Z" },
		{ 951782400500000000, "2000-02-29T00:00:00.5Z", "2000-02-29T00:00:00.500000000Z" },
		{ -1, "1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z" },
		{ INT64_MAX, "2262-04-11T23:47:16.854775807Z", "2262-04-11T23:47:16.854775807Z" },
		{ INT64_MIN + 1, "1677-09-21T00:12:43.145224193Z", "1677-09-21T00:12:43.145224193Z" },
		{ TIMEFMT_ZERO, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000000Z" },
	};
	char buf[TIMEFMT_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t ns = 7;
		assert_string_equal(timefmt_rfc3339nano(cases[i].ns, buf), cases[i].text);
		assert_int_equal(timefmt_parse_rfc3339(buf, &ns), 0);
		assert_int_equal(ns, cases[i].ns);
		assert_string_equal(timefmt_rfc3339nano_padded(cases[i].ns, buf), cases[i].padded);
	}
}

static void test_timefmt_agrees_with_libc_on_every_day(void **state)
{
	char buf[TIMEFMT_SIZE], expected[TIMEFMT_SIZE];

	(void)state;
	for (int64_t day = -36525; day < 73050; day++) {
		time_t t = (time_t)(day * 86400 + 86399);
		struct tm tm;
		assert_non_null(gmtime_r(&t, &tm));
		strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &tm);
		assert_string_equal(timefmt_rfc3339nano(t * CLOCK_S, buf), expected);
	}
}

static void test_timefmt_offsets(void **state)
{
	char buf[TIMEFMT_SIZE];
	int64_t ns;

	(void)state;
	assert_string_equal(timefmt_rfc3339nano_offset(0, 7200, buf), "1970-01-01T02:00:00+02:00");
	assert_string_equal(timefmt_rfc3339nano_offset(0, -12600, buf), "1969-12-31T20:30:00-03:30");
	assert_int_equal(timefmt_parse_rfc3339("1969-12-31T20:30:00.25-03:30", &ns), 0);
	assert_int_equal(ns, CLOCK_S / 4);
}

static void test_timefmt_parse_rfc3339_refuses(void **state)
{
	static const struct {
		const char *text;
		int result;
	} cases[] = {
		{ "", -EINVAL },
		{ "2006-01-02", -EINVAL },
		{ "2006-01-02T15:04:05", -EINVAL },
		{ "2006-01-02 15:04:05Z", -EINVAL },
		{ "2006-01-02t15:04:05z", -EINVAL },
		{ "2006-13-02T15:04:05Z", -EINVAL },
		{ "2006-00-02T15:04:05Z", -EINVAL },
		{ "2005-02-29T15:04:05Z", -EINVAL },
		{ "1900-02-29T15:04:05Z", -EINVAL },
		{ "2006-01-02T24:00:00Z", -EINVAL },
		{ "2006-01-02T15:60:05Z", -EINVAL },
		{ "2006-01-02T15:04:60Z", -EINVAL },
		{ "2006-01-02T15:04:05.Z", -EINVAL },
		{ "2006-01-02T15:04:05+0200", -EINVAL },
		{ "2006-01-02T15:04:05+24:00", -EINVAL },
		{ "2006-01-02T15:04:05Zx", -EINVAL },
		{ "2262-04-11T23:47:16.854775808Z", -ERANGE },
		{ "9999-12-31T23:59:59Z", -ERANGE },
		{ "0001-01-01T00:00:01Z", -ERANGE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t ns = 42;
		assert_int_equal(timefmt_parse_rfc3339(cases[i].text, &ns), cases[i].result);
		assert_int_equal(ns, 42);
	}
	int64_t ns;
	/* Digits beyond nanoseconds are dropped. */
	assert_int_equal(timefmt_parse_rfc3339("1970-01-01T00:00:00.0000000019999Z", &ns), 0);
	assert_int_equal(ns, 1);
}

static void test_timefmt_duration_cases(void **state)
{
	static const struct {
		const char *in;
		int64_t ns;
		const char *out;
	} cases[] = {
		{ "0", 0, "0s" },
		{ "1ns", 1, "1ns" },
		{ "1.5us", 1500, "1.5\xc2\xb5s" },
		{ "1\xc2\xb5s", 1000, "1\xc2\xb5s" },
		{ "1\xce\xbcs", 1000, "1\xc2\xb5s" },
		{ "300ms", 300000000, "300ms" },
		{ "1h2m3.5s", 3723500000000, "1h2m3.5s" },
		{ "-1.5h", -5400000000000, "-1h30m0s" },
		{ "+5s", 5000000000, "5s" },
		{ ".5m", 30000000000, "30s" },
		{ "5.m", 300000000000, "5m0s" },
		{ "10s1m", 70000000000, "1m10s" },
		{ "0.100000000000000000000h", 360000000000, "6m0s" },
		{ "9223372036854775807ns", INT64_MAX, "2562047h47m16.854775807s" },
		{ "-9223372036854775808ns", INT64_MIN, "-2562047h47m16.854775808s" },
	};
	char buf[TIMEFMT_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t ns = 1;
		assert_int_equal(timefmt_parse_duration(cases[i].in, &ns), 0);
		assert_int_equal(ns, cases[i].ns);
		assert_string_equal(timefmt_duration(ns, buf), cases[i].out);
	}
}

static void test_timefmt_parse_duration_refuses(void **state)
{
	static const char *const wrong[] = { "", "-", "3", "1.s2", "s", ".s", "1x", "1 s", "1h ", "--1s",
		"1S", "00" };
	static const char *const over[] = { "9223372036854775808ns", "3000000h", "99999999999999999999s",
		"-9223372036854775809ns", "2562047h99m" };
	int64_t ns = 42;

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_int_equal(timefmt_parse_duration(wrong[i], &ns), -EINVAL);
	for (size_t i = 0; i < COUNT(over); i++)
		assert_int_equal(timefmt_parse_duration(over[i], &ns), -ERANGE);
	assert_int_equal(ns, 42);
}

static void test_timefmt_human_cases(void **state)
{
	static const struct {
		const char *duration, *words;
	} cases[] = {
		{ "999ms", "Less than a second" },
		{ "-5s", "Less than a second" },
		{ "1s", "1 second" },
		{ "45s", "45 seconds" },
		{ "60s", "About a minute" },
		{ "119s", "About a minute" },
		{ "2m", "2 minutes" },
		{ "59m", "59 minutes" },
		{ "60m", "About an hour" },
		{ "89m", "About an hour" },
		{ "90m", "2 hours" },
		{ "47h", "47 hours" },
		{ "48h", "2 days" },
		{ "335h", "13 days" },
		{ "336h", "2 weeks" },
		{ "1439h", "8 weeks" },
		{ "1440h", "2 months" },
		{ "17519h", "24 months" },
		{ "17520h", "2 years" },
		{ "2562047h", "292 years" },
	};
	char buf[TIMEFMT_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t ns;
		assert_int_equal(timefmt_parse_duration(cases[i].duration, &ns), 0);
		assert_string_equal(timefmt_human(ns, buf), cases[i].words);
	}
	assert_string_equal(timefmt_human(INT64_MAX, buf), "292 years");
	assert_string_equal(timefmt_human(INT64_MIN, buf), "Less than a second");
}

static void test_timefmt_parse_when_cases(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = {
		{ "1136073600", 1136073600000000000 },
		{ "1136073600.000000001", 1136073600000000001 },
		{ "1136073600.1", 1136073600100000000 },
		{ "0", 0 },
		{ "-1", -1000000000 },
		{ "10m", 1000 * CLOCK_S - 600 * CLOCK_S },
		{ "-10m", 1000 * CLOCK_S + 600 * CLOCK_S },
		{ "2006-01-02T15:04:05.5Z", 1136214245500000000 },
		{ "2006-01-02T15:04:05+01:00", 1136210645000000000 },
		/* Local time is two hours ahead of UTC here. */
		{ "2006-01-02T15:04:05", 1136207045000000000 },
		{ "2006-01-02T15:04", 1136207040000000000 },
		{ "2006-01-02", 1136152800000000000 },
		{ "2006-01-02Z", 1136160000000000000 },
	};
	static const char *const wrong[] = { "", "x", "1.", "1.x", "1e3", "2006-01", "2006-01-02T",
		"2006-01-02T15", "2006-01-02 15:04:05", "12345678901234567890123456" };
	int64_t ns = 0;

	(void)state;
	setenv("TZ", "XXX-2", 1);
	tzset();
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(timefmt_parse_when(cases[i].text, 1000 * CLOCK_S, &ns), 0);
		assert_int_equal(ns, cases[i].ns);
	}
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_int_equal(timefmt_parse_when(wrong[i], 0, &ns), -EINVAL);
	assert_int_equal(timefmt_parse_when("99999999999", 0, &ns), -ERANGE);
	assert_int_equal(timefmt_parse_when("2562047h", INT64_MIN + 5, &ns), -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timefmt_rfc3339_round_trip),
		cmocka_unit_test(test_timefmt_agrees_with_libc_on_every_day),
		cmocka_unit_test(test_timefmt_offsets),
		cmocka_unit_test(test_timefmt_parse_rfc3339_refuses),
		cmocka_unit_test(test_timefmt_duration_cases),
		cmocka_unit_test(test_timefmt_parse_duration_refuses),
		cmocka_unit_test(test_timefmt_human_cases),
		cmocka_unit_test(test_timefmt_parse_when_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
