/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/str.h"

#include "lib/base/cleanup.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void test_str_add_grows(void **state)
{
	auto_str struct str s = STR_INIT(100000);

	(void)state;
	assert_string_equal(str_text(&s), "");
	for (int i = 0; i < 1000; i++)
		assert_int_equal(str_addf(&s, "%03d,", i), 0);
	assert_int_equal(s.len, 4000);
	assert_string_equal(str_text(&s) + 3996, "999,");
	str_clear(&s);
	assert_string_equal(str_text(&s), "");
}

static void test_str_limit_sticks(void **state)
{
	auto_str struct str s = STR_INIT(4);

	(void)state;
	assert_int_equal(str_add(&s, "abc"), 0);
	assert_int_equal(str_add(&s, "de"), -E2BIG);
	assert_string_equal(str_text(&s), "abc");
	assert_int_equal(str_add(&s, "d"), -E2BIG);
	assert_int_equal(str_addf(&s, "%d", 1), -E2BIG);
	assert_null(str_take(&s));
	str_clear(&s);
	assert_int_equal(str_add(&s, "abcd"), 0);
}

static void test_str_take_empty(void **state)
{
	struct str s = STR_INIT(4);
	auto_free char *text = str_take(&s);

	(void)state;
	assert_string_equal(text, "");
	assert_null(s.data);
}

struct quoting {
	const char *in;
	size_t n;
	const char *out;
};

static void test_str_add_json_cases(void **state)
{
	static const struct quoting cases[] = {
		{ "", 0, "\"\"" },
		{ "a\"b\\c/", 6, "\"a\\\"b\\\\c/\"" },
		{ "\n\r\t\b\f\x01\x7f", 7, "\"\\n\\r\\t\\b\\f\\u0001\x7f\"" },
		{ "h\xc3\xa9\xf0\x9f\x98\x80", 7, "\"h\xc3\xa9\xf0\x9f\x98\x80\"" },
		{ "\xff\xc3", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "a\0b", 3, "\"a\\u0000b\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		auto_str struct str s = STR_INIT(100);
		assert_int_equal(str_add_json(&s, cases[i].in, cases[i].n), 0);
		assert_string_equal(str_text(&s), cases[i].out);
	}
}

static void test_str_add_quoted_cases(void **state)
{
	static const struct quoting cases[] = {
		{ "a b", 3, "\"a b\"" }, { "\"\\\a\v\n", 5, "\"\\\"\\\\\\a\\v\\n\"" },
		{ "\x1b[0m\x7f", 5, "\"\\x1b[0m\\x7f\"" }, { "\xff", 1, "\"\\xff\"" },
		{ "\xc2\xa0\xc3\xa9", 4, "\"\\u00a0\xc3\xa9\"" },
		{ "\xe2\x80\xae", 3, "\"\\u202e\"" }, /* right-to-left override */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		auto_str struct str s = STR_INIT(100);
		assert_int_equal(str_add_quoted(&s, cases[i].in, cases[i].n), 0);
		assert_string_equal(str_text(&s), cases[i].out);
	}
}

static void test_str_split_join(void **state)
{
	static const struct {
		const char *text;
		size_t max, n;
		const char *last;
	} cases[] = {
		{ "a,,b", 0, 3, "b" },
		{ "", 0, 1, "" },
		{ ",", 0, 2, "" },
		{ "a,b,c", 2, 2, "b,c" },
		{ "1,2,3,4,5,6,7,8,9", 0, 9, "9" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		auto_str_list char **list = NULL;
		assert_int_equal(str_split(cases[i].text, ',', cases[i].max, &list), 0);
		assert_int_equal(str_list_count(list), cases[i].n);
		assert_string_equal(list[cases[i].n - 1], cases[i].last);
		auto_free char *joined = str_join(list, ",");
		assert_string_equal(joined, cases[i].text);
	}
	auto_free char *none = str_join(NULL, ",");
	assert_string_equal(none, "");
}

static void test_str_list_add_and_has(void **state)
{
	auto_str_list char **list = NULL;
	char text[8];

	(void)state;
	assert_int_equal(str_list_count(list), 0);
	for (int i = 0; i < 40; i++) {
		snprintf(text, sizeof text, "n%d", i);
		assert_int_equal(str_list_add(&list, text), 0);
	}
	assert_int_equal(str_list_count(list), 40);
	assert_true(str_list_has(list, "n39"));
	assert_false(str_list_has(list, "n40"));
	assert_false(str_list_has(NULL, "n"));
}

static void test_str_after_and_ends_with(void **state)
{
	(void)state;
	assert_string_equal(str_after("sha256:ab", "sha256:"), "ab");
	assert_null(str_after("sha", "sha256:"));
	assert_true(str_ends_with("a.tar", ".tar"));
	assert_false(str_ends_with("tar", "a.tar"));
}

static void test_str_to_i64_cases(void **state)
{
	static const struct {
		const char *text;
		int result;
		int64_t value;
	} cases[] = {
		{ "0", 0, 0 },
		{ "-0", 0, 0 },
		{ "007", 0, 7 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "9223372036854775808", -ERANGE, 0 },
		{ "-9223372036854775809", -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "--1", -EINVAL, 0 },
		{ "1x", -EINVAL, 0 },
		{ "99999999999999999999999x", -EINVAL, 0 },
		{ NULL, -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t v = 0;
		assert_int_equal(str_to_i64(cases[i].text, INT64_MIN, INT64_MAX, &v), cases[i].result);
		assert_int_equal(v, cases[i].value);
	}
	int64_t v = 5;
	assert_int_equal(str_to_i64("11", 0, 10, &v), -ERANGE);
	assert_int_equal(str_to_i64("-1", 0, 10, &v), -ERANGE);
	assert_int_equal(v, 5);
}

static void test_str_to_u64_cases(void **state)
{
	uint64_t v = 0;

	(void)state;
	assert_int_equal(str_to_u64("18446744073709551615", 10, 0, UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(str_to_u64("18446744073709551616", 10, 0, UINT64_MAX, &v), -ERANGE);
	assert_int_equal(str_to_u64("ffFF", 16, 0, UINT64_MAX, &v), 0);
	assert_int_equal(v, 0xffff);
	assert_int_equal(str_to_u64("0755", 8, 0, 07777, &v), 0);
	assert_int_equal(v, 0755);
	assert_int_equal(str_to_u64("8", 8, 0, 07777, &v), -EINVAL);
	assert_int_equal(str_to_u64("-1", 10, 0, UINT64_MAX, &v), -EINVAL);
	assert_int_equal(str_to_u64("4", 10, 5, 9, &v), -ERANGE);
}

static void test_str_to_double_cases(void **state)
{
	static const char *const wrong[] = { "", "inf", "nan", "0x1", " 1", "1 ", "1,5", "e3", "+1", "1e",
		"." };
	double v = 0;

	(void)state;
	assert_int_equal(str_to_double("-1.5e1", -100, 100, &v), 0);
	assert_true(v == -15);
	assert_int_equal(str_to_double(".5", 0, 1, &v), 0);
	assert_true(v == 0.5);
	assert_int_equal(str_to_double("1e999", 0, 1, &v), -ERANGE);
	assert_int_equal(str_to_double("2", 0, 1, &v), -ERANGE);
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_int_equal(str_to_double(wrong[i], -1e9, 1e9, &v), -EINVAL);
}

static void test_str_utf8_put_next_round_trip(void **state)
{
	static const uint32_t runes[] = { 1, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000,
		0x10ffff };
	static const char *const wrong[] = { "\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80",
		"\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80", "\xc3", "\xe2\x82", "\xe2(\xa1" };
	char buf[4];
	uint32_t rune;

	(void)state;
	for (size_t i = 0; i < COUNT(runes); i++) {
		size_t n = str_utf8_put(buf, runes[i]);
		assert_int_equal(str_utf8_next(buf, n, &rune), n);
		assert_int_equal(rune, runes[i]);
		assert_int_equal(str_utf8_next(buf, n - 1 ? n - 1 : 1, NULL), n == 1 ? 1 : 0);
	}
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_false(str_is_utf8(wrong[i], strlen(wrong[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_str_add_grows),
		cmocka_unit_test(test_str_limit_sticks),
		cmocka_unit_test(test_str_take_empty),
		cmocka_unit_test(test_str_add_json_cases),
		cmocka_unit_test(test_str_add_quoted_cases),
		cmocka_unit_test(test_str_split_join),
		cmocka_unit_test(test_str_list_add_and_has),
		cmocka_unit_test(test_str_after_and_ends_with),
		cmocka_unit_test(test_str_to_i64_cases),
		cmocka_unit_test(test_str_to_u64_cases),
		cmocka_unit_test(test_str_to_double_cases),
		cmocka_unit_test(test_str_utf8_put_next_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
