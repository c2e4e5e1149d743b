/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/path.h"

#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static void test_path_clean_cases(void **state)
{
	static const char *const cases[][2] = {
		{ "/", "/" },
		{ "", "/" },
		{ "//a/./b/../c/", "/a/c" },
		{ "/../../etc", "/etc" },
		{ "a/b", "/a/b" },
		{ "..", "/" },
		{ "/a/..", "/" },
		{ "/a/b/../../..", "/" },
		{ "/...", "/..." },
		{ "/a/.b/..c", "/a/.b/..c" },
		{ "///", "/" },
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(path_clean(cases[i][0], buf, sizeof buf), 0);
		assert_string_equal(buf, cases[i][1]);
	}
}

static void test_path_clean_in_place(void **state)
{
	char buf[] = "/x/../y//z/.";

	(void)state;
	assert_int_equal(path_clean(buf, buf, sizeof buf), 0);
	assert_string_equal(buf, "/y/z");
}

static void test_path_clean_does_not_fit(void **state)
{
	char buf[5];

	(void)state;
	assert_int_equal(path_clean("/abc", buf, sizeof buf), 0);
	assert_string_equal(buf, "/abc");
	assert_int_equal(path_clean("/abcd", buf, sizeof buf), -ENAMETOOLONG);
	assert_int_equal(path_clean("/", buf, 1), -ENAMETOOLONG);
}

static void test_path_format_does_not_cut(void **state)
{
	char buf[8];

	(void)state;
	assert_int_equal(path_format(buf, sizeof buf, "%s/%d", "/a", 1234), 0);
	assert_string_equal(buf, "/a/1234");
	assert_int_equal(path_format(buf, sizeof buf, "%s/%d", "/a", 12345), -ENAMETOOLONG);
}

static void test_path_is_below_cases(void **state)
{
	(void)state;
	assert_true(path_is_below("/a/b", "/a"));
	assert_true(path_is_below("/a", "/a"));
	assert_true(path_is_below("/a", "/"));
	assert_false(path_is_below("/ab", "/a"));
	assert_false(path_is_below("/", "/a"));
}

static void test_path_base_cases(void **state)
{
	(void)state;
	assert_string_equal(path_base("/a/b"), "b");
	assert_string_equal(path_base("b"), "b");
	assert_string_equal(path_base("/a/"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path_clean_cases),
		cmocka_unit_test(test_path_clean_in_place),
		cmocka_unit_test(test_path_clean_does_not_fit),
		cmocka_unit_test(test_path_format_does_not_cut),
		cmocka_unit_test(test_path_is_below_cases),
		cmocka_unit_test(test_path_base_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
