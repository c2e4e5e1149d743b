/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/error.h"

#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static void test_error_set_fills_record(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(error_set(&err, ERROR_CONFLICT, EBUSY, "volume '%s' is in use", "v1"), -EBUSY);
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_int_equal(err.sys_errno, EBUSY);
	assert_string_equal(err.text, "volume 'v1' is in use");
	assert_int_equal(error_set(&err, ERROR_NOT_FOUND, 0, "x"), -EIO);
}

static void test_error_sys_appends_reason(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(error_sys(&err, ENOENT, "cannot open '%s'", "/a"), -ENOENT);
	assert_int_equal(err.kind, ERROR_INTERNAL);
	assert_string_equal(err.text, "cannot open '/a': No such file or directory");
}

static void test_error_null_record(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, ERROR_DENIED, EACCES, "x"), -EACCES);
	assert_int_equal(error_sys(NULL, EPERM, "x"), -EPERM);
	assert_int_equal(error_invalid(NULL, "x"), -EINVAL);
	assert_int_equal(error_prefix(NULL, -EBADF, "x"), -EBADF);
}

static void test_error_prefix_keeps_the_rest(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	error_invalid(&err, "bad port");
	assert_int_equal(error_prefix(&err, -EINVAL, "network '%s'", "n"), -EINVAL);
	assert_string_equal(err.text, "network 'n': bad port");
	assert_int_equal(err.kind, ERROR_INVALID);
}

static void test_error_long_text_is_cut(void **state)
{
	struct error err = ERROR_INIT;
	char long_text[2000];

	(void)state;
	memset(long_text, 'x', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	error_sys(&err, EIO, "%s", long_text);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
	error_prefix(&err, -EIO, "%s", long_text);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_set_fills_record),
		cmocka_unit_test(test_error_sys_appends_reason),
		cmocka_unit_test(test_error_null_record),
		cmocka_unit_test(test_error_prefix_keeps_the_rest),
		cmocka_unit_test(test_error_long_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
