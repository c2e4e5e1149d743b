/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/size.h"

#include "tests/unit/test.h"

#include <errno.h>

static void test_size_parse_cases(void **state)
{
	static const struct {
		const char *text;
		int64_t value;
	} cases[] = {
		{ "32", 32 },
		{ "32b", 32 },
		{ "32B", 32 },
		{ "32k", 32 << 10 },
		{ "32K", 32 << 10 },
		{ "32kb", 32 << 10 },
		{ "32Kb", 32 << 10 },
		{ "32KiB", 32 << 10 },
		{ "32MB", 32 << 20 },
		{ "64m", 64 << 20 },
		{ "1g", 1 << 30 },
		{ "1.5GiB", 3 << 29 },
		{ "32.5kB", 33280 },
		{ "32 mb", 32 << 20 },
		{ "32.", 32 },
		{ ".5k", 512 },
		{ "1t", INT64_C(1) << 40 },
		{ "2Pb", INT64_C(2) << 50 },
		{ "9223372036854775807", INT64_MAX },
		{ "0.3", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t v = -1;
		assert_int_equal(size_parse(cases[i].text, &v), 0);
		assert_int_equal(v, cases[i].value);
	}
}

static void test_size_parse_refuses(void **state)
{
	static const char *const wrong[] = { "", "hello", "-32", " 32", "32  mb", "32m b", "32bm", "32kbb",
		"32kib2", "1.2.3", ".", "32ki", "0x20", "1e3", "32e", "32 ki" };
	static const char *const over[] = { "9223372036854775808", "8192p", "99999999999999999999g" };
	int64_t v = 42;

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_int_equal(size_parse(wrong[i], &v), -EINVAL);
	for (size_t i = 0; i < COUNT(over); i++)
		assert_int_equal(size_parse(over[i], &v), -ERANGE);
	assert_int_equal(v, 42);
}

static void test_size_print_cases(void **state)
{
	char buf[SIZE_TEXT];

	(void)state;
	assert_string_equal(size_binary(0, buf), "0B");
	assert_string_equal(size_binary(1024, buf), "1KiB");
	assert_string_equal(size_binary(1 << 20, buf), "1MiB");
	assert_string_equal(size_binary(3 << 29, buf), "1.5GiB");
	assert_string_equal(size_binary(INT64_MAX, buf), "8EiB");
	assert_string_equal(size_decimal(1000, buf), "1kB");
	assert_string_equal(size_decimal(1024, buf), "1.024kB");
	assert_string_equal(size_decimal(1000000, buf), "1MB");
	assert_string_equal(size_decimal(1048576, buf), "1.049MB");
	assert_string_equal(size_decimal(2746320, buf), "2.746MB");
	assert_string_equal(size_decimal3(2746320, buf), "2.75MB");
	assert_string_equal(size_decimal3(77850000, buf), "77.8MB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size_parse_cases),
		cmocka_unit_test(test_size_parse_refuses),
		cmocka_unit_test(test_size_print_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
