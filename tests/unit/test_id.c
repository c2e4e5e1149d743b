/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/id.h"

#include "lib/base/digest.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_id_new_is_valid_and_new(void **state)
{
	char a[ID_SIZE], b[ID_SIZE], s[ID_SHORT_SIZE];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		id_new(a);
		id_new(b);
		assert_true(id_is_valid(a));
		assert_string_not_equal(a, b);
		id_short(a, s);
		assert_int_equal(strlen(s), ID_SHORT_LEN);
		assert_true(strspn(s, "0123456789") < ID_SHORT_LEN);
	}
}

static void test_id_random_lengths(void **state)
{
	char buf[201];

	(void)state;
	for (size_t n = 0; n <= 200; n += 2) {
		id_random(buf, n);
		assert_int_equal(strlen(buf), n);
		assert_int_equal(strspn(buf, "0123456789abcdef"), n);
	}
}

static void test_id_validation_cases(void **state)
{
	(void)state;
	assert_true(id_is_valid(HEX64));
	assert_false(id_is_valid(HEX64 "0"));
	assert_false(id_is_valid("abc"));
	assert_false(id_is_valid("0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef"));
	assert_false(id_is_valid(NULL));
	assert_true(id_is_prefix("abc"));
	assert_false(id_is_prefix(""));
	assert_false(id_is_prefix(NULL));
	assert_false(id_is_prefix("ab/.."));
	assert_false(id_is_prefix(HEX64 "0"));
}

static void test_id_short_of_short_text(void **state)
{
	char s[ID_SHORT_SIZE];

	(void)state;
	id_short("abc", s);
	assert_string_equal(s, "abc");
	id_short(HEX64, s);
	assert_string_equal(s, "0123456789ab");
}

static void test_digest_parse_cases(void **state)
{
	struct error err = ERROR_INIT;
	char buf[DIGEST_SIZE];

	(void)state;
	assert_int_equal(digest_parse("sha256:" HEX64, buf, &err), 0);
	assert_string_equal(digest_hex(buf), HEX64);
	assert_int_equal(digest_parse("sha256:abc", buf, &err), -EINVAL);
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_int_equal(digest_parse("sha512:" HEX64 HEX64, buf, &err), -EOPNOTSUPP);
	assert_int_equal(err.kind, ERROR_UNSUPPORTED);
	assert_int_equal(digest_parse(HEX64, buf, &err), -EINVAL);
	assert_int_equal(digest_parse("sha256:" HEX64 "/..", buf, &err), -EINVAL);
	assert_false(digest_is_valid(NULL));
}

static void test_digest_format_round_trip(void **state)
{
	unsigned char hash[32];
	char buf[DIGEST_SIZE];

	(void)state;
	for (int i = 0; i < 32; i++)
		hash[i] = (unsigned char)(i * 8 + 1);
	digest_format(hash, buf);
	assert_true(digest_is_valid(buf));
	assert_memory_equal(digest_hex(buf), "01091119", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_id_new_is_valid_and_new),
		cmocka_unit_test(test_id_random_lengths),
		cmocka_unit_test(test_id_validation_cases),
		cmocka_unit_test(test_id_short_of_short_text),
		cmocka_unit_test(test_digest_parse_cases),
		cmocka_unit_test(test_digest_format_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
