/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json/json.h"

#include "lib/base/cleanup.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct json *parsed(const char *text)
{
	struct error err = ERROR_INIT;
	struct json *v = NULL;

	if (json_parse(text, strlen(text), 0, &v, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return v;
}

static void expect_text(const struct json *v, const char *text)
{
	auto_free char *printed = json_text(v);

	assert_string_equal(printed, text);
}

static void test_json_parse_accepts(void **state)
{
	static const char *const cases[][2] = {
		{ "{}", "{}" },
		{ " [ ] \n", "[]" },
		{ "null", "null" },
		{ "\"\"", "\"\"" },
		{ "[true,false,null]", "[true,false,null]" },
		{ "{\"a\":{\"b\":[1,{\"c\":\"d\"}]}}", "{\"a\":{\"b\":[1,{\"c\":\"d\"}]}}" },
		{ "[0,-0,-1,1.50,1e3,1E-3,0.0]", "[0,0,-1,1.50,1e3,1E-3,0.0]" },
		{ "[9223372036854775807,-9223372036854775808,18446744073709551615]",
			"[9223372036854775807,-9223372036854775808,18446744073709551615]" },
		{ "123456789012345678901234567890", "123456789012345678901234567890" },
		{ "1e308", "1e308" },
		{ "1e-400", "1e-400" },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\"", "\"\\\"\\\\/\\b\\f\\n\\r\\tA\xc3\xa9\"" },
		{ "\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"" },
		{ "\"\\ud83dx\\ude00\\ud83d\\u0041\"", "\"\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd"
						       "A\"" },
		{ "{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}" },
		{ "{\"\":1}", "{\"\":1}" },
		{ "\"<>&\x7f\"", "\"<>&\x7f\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		auto_json struct json *v = parsed(cases[i][0]);
		expect_text(v, cases[i][1]);
	}
}

static void test_json_parse_refuses(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "", "invalid JSON at line 1, column 1: value is missing" },
		{ "  \n ", "invalid JSON at line 2, column 2: value is missing" },
		{ "{", "invalid JSON at line 1, column 2: a key in quotes is expected" },
		{ "{\"a\" 1}", "invalid JSON at line 1, column 6: ':' is expected" },
		{ "{\"a\":1,}", "invalid JSON at line 1, column 8: a key in quotes is expected" },
		{ "{a:1}", "invalid JSON at line 1, column 2: a key in quotes is expected" },
		{ "{\"a\":1\n\"b\":2}", "invalid JSON at line 2, column 1: ',' or '}' is expected" },
		{ "[1,]", "invalid JSON at line 1, column 4: no value begins like this" },
		{ "[1 2]", "invalid JSON at line 1, column 4: ',' or ']' is expected" },
		{ "[1", "invalid JSON at line 1, column 3: ',' or ']' is expected" },
		{ "{} x", "invalid JSON at line 1, column 4: nothing may follow the value" },
		{ "1 2", "invalid JSON at line 1, column 3: nothing may follow the value" },
		{ "nul", "invalid JSON at line 1, column 1: no value begins like this" },
		{ "True", "invalid JSON at line 1, column 1: no value begins like this" },
		{ "NaN", "invalid JSON at line 1, column 1: no value begins like this" },
		{ "'a'", "invalid JSON at line 1, column 1: no value begins like this" },
		{ "/* */1", "invalid JSON at line 1, column 1: no value begins like this" },
		{ "\xef\xbb\xbf{}", "invalid JSON at line 1, column 1: no value begins like this" },
		{ "01", "invalid JSON at line 1, column 2: nothing may follow the value" },
		{ "-", "invalid JSON at line 1, column 2: number is not complete" },
		{ "1.", "invalid JSON at line 1, column 3: number is not complete" },
		{ "1e+", "invalid JSON at line 1, column 4: number is not complete" },
		{ "+1", "invalid JSON at line 1, column 1: no value begins like this" },
		{ ".5", "invalid JSON at line 1, column 1: no value begins like this" },
		{ "0x10", "invalid JSON at line 1, column 2: nothing may follow the value" },
		{ "-Infinity", "invalid JSON at line 1, column 2: number is not complete" },
		{ "1e999", "invalid JSON at line 1, column 1: number is out of range" },
		{ "-1e99999999999999999999", "invalid JSON at line 1, column 1: number is out of range" },
		{ "\"abc", "invalid JSON at line 1, column 1: string without an end" },
		{ "\"\\", "invalid JSON at line 1, column 2: string without an end" },
		{ "\"\\x\"", "invalid JSON at line 1, column 2: unknown escape in a string" },
		{ "\"\\u12g4\"", "invalid JSON at line 1, column 2: \\u needs four hexadecimal digits" },
		{ "\"\\u12", "invalid JSON at line 1, column 2: \\u needs four hexadecimal digits" },
		{ "\"a\\u0000b\"", "invalid JSON at line 1, column 3: a string must not hold \\u0000" },
		{ "{\"a\\u0000b\":1}", "invalid JSON at line 1, column 4: a string must not hold \\u0000" },
		{ "\"a\nb\"", "invalid JSON at line 1, column 3: control character in a string" },
		{ "\"\xff\"", "invalid JSON at line 1, column 2: string is not UTF-8" },
		{ "\"\xc0\x80\"", "invalid JSON at line 1, column 2: string is not UTF-8" },
		{ "\"\xed\xa0\x80\"", "invalid JSON at line 1, column 2: string is not UTF-8" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct error err = ERROR_INIT;
		struct json *v = (struct json *)1;
		assert_int_equal(json_parse(cases[i].text, strlen(cases[i].text), 0, &v, &err), -EINVAL);
		assert_string_equal(err.text, cases[i].error);
		assert_int_equal(err.kind, ERROR_INVALID);
		assert_ptr_equal(v, (struct json *)1);
	}
}

static void test_json_parse_nul_bytes(void **state)
{
	struct error err = ERROR_INIT;
	struct json *v = NULL;

	(void)state;
	assert_int_equal(json_parse("{}\0", 3, 0, &v, &err), -EINVAL);
	assert_int_equal(json_parse("\"a\0b\"", 5, 0, &v, &err), -EINVAL);
	assert_int_equal(json_parse("\"\\\0\"", 4, 0, &v, &err), -EINVAL);
	/* No NUL need follow. */
	const char digits[3] = { '1', '2', '3' };
	assert_int_equal(json_parse(digits, 2, 0, &v, &err), 0);
	expect_text(v, "12");
	json_free(v);
}

static void test_json_parse_depth_limit(void **state)
{
	struct error err = ERROR_INIT;
	struct json *v = NULL;
	char text[3 * JSON_DEPTH_MAX];

	(void)state;
	memset(text, '[', JSON_DEPTH_MAX);
	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	assert_int_equal(json_parse(text, 2 * JSON_DEPTH_MAX, 0, &v, &err), 0);
	json_free(v);
	memset(text, '[', sizeof text);
	assert_int_equal(json_parse(text, sizeof text, 0, &v, &err), -EINVAL);
	assert_non_null(strstr(err.text, "nested too deeply"));
	/* Side by side is not deep. */
	v = parsed("[[[]],[[]],[[]]]");
	json_free(v);
}

static void test_json_parse_containers_limit(void **state)
{
	struct error err = ERROR_INIT;
	struct json *v = NULL;
	size_t n = (size_t)3 * (JSON_CONTAINERS_MAX + 2);
	char *text = malloc(n);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		text[i] = "[],"[i % 3];
	memmove(text + 1, text, n - 1);
	assert_int_equal(json_parse(text, n, 0, &v, &err), -EINVAL);
	assert_non_null(strstr(err.text, "too many objects and arrays"));
	free(text);
}

static void test_json_parse_unique_keys(void **state)
{
	static const char *const twice[] = { "{\"a\":1,\"a\":1}", "[{\"a\":null,\"b\":1,\"\\u0061\":2}]" };
	struct error err = ERROR_INIT;
	struct json *v = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(twice); i++) {
		assert_int_equal(json_parse(twice[i], strlen(twice[i]), JSON_UNIQUE_KEYS, &v, &err), -EINVAL);
		assert_non_null(strstr(err.text, "key stands twice in an object"));
	}
	assert_int_equal(json_parse("[{\"a\":1},{\"a\":1}]", 17, JSON_UNIQUE_KEYS, &v, &err), 0);
	json_free(v);
}

static void test_json_load_cases(void **state)
{
	char name[] = "/tmp/gantry-test-json-XXXXXX";
	struct error err = ERROR_INIT;
	struct json *v = NULL;
	auto_close int fd = mkstemp(name);

	(void)state;
	assert_int_equal(write(fd, "{\"a\":1}\n", 8), 8);
	assert_int_equal(json_load(AT_FDCWD, name, 100, 0, &v, &err), 0);
	expect_text(v, "{\"a\":1}");
	json_free(v);
	assert_int_equal(json_load(AT_FDCWD, name, 7, 0, &v, &err), -EFBIG);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(json_load(AT_FDCWD, name, 100, 0, &v, &err), -EINVAL);
	assert_memory_equal(err.text, "'/tmp/gantry-test-json-", 23);
	assert_non_null(strstr(err.text, "line 2, column 1: nothing may follow the value"));
	unlink(name);
	assert_int_equal(json_load(AT_FDCWD, name, 100, 0, &v, &err), -ENOENT);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

/* ---- accessors ------------------------------------------------------------------------ */
static const char sample[] = "{\"s\":\"text\",\"i\":-5,\"u\":18446744073709551615,\"d\":1.5,\"e\":1e2,"
			     "\"huge\":99999999999999999999,"
			     "\"t\":true,\"n\":null,\"o\":{\"list\":[\"a\",2,[3,{\"x "
			     "y\":{\"k\":1}}]]},\"a\":[\"x\",\"y\"],\"empty\":[]}";

static void test_json_get_typed_values(void **state)
{
	auto_json struct json *v = parsed(sample);
	struct error err = ERROR_INIT;
	const struct json *o = NULL, *a = NULL;
	const char *s = NULL;
	int64_t i = 0;
	uint64_t u = 0;
	double d = 0;
	bool t = false;

	(void)state;
	assert_int_equal(json_get_string(v, "s", &s, &err), 0);
	assert_string_equal(s, "text");
	assert_int_equal(json_get_int(v, "i", -5, 5, &i, &err), 0);
	assert_int_equal(i, -5);
	assert_int_equal(json_get_uint(v, "u", UINT64_MAX, &u, &err), 0);
	assert_true(u == UINT64_MAX);
	assert_int_equal(json_get_double(v, "d", &d, &err), 0);
	assert_true(d == 1.5);
	assert_int_equal(json_get_double(v, "i", &d, &err), 0);
	assert_true(d == -5);
	assert_int_equal(json_get_bool(v, "t", &t, &err), 0);
	assert_true(t);
	assert_int_equal(json_get_object(v, "o", &o, &err), 0);
	assert_int_equal(json_get_array(o, "list", &a, &err), 0);
	assert_int_equal(json_count(a), 3);
	assert_int_equal(json_item_string(a, 0, &s, &err), 0);
	assert_string_equal(s, "a");
	assert_int_equal(json_item_int(a, 1, 0, 9, &i, &err), 0);
	assert_int_equal(i, 2);
	assert_int_equal(json_item_uint(a, 1, 9, &u, &err), 0);
	assert_int_equal(u, 2);
	assert_int_equal(json_item_array(a, 2, &a, &err), 0);
	assert_int_equal(json_item_object(a, 1, &o, &err), 0);
	assert_true(json_has(v, "n") && !json_at(v, "n") && !json_has(v, "none"));
}

static void test_json_opt_absent_and_null(void **state)
{
	auto_json struct json *v = parsed(sample);
	struct error err = ERROR_INIT;
	static const char *const keys[] = { "n", "none" };

	(void)state;
	for (size_t k = 0; k < COUNT(keys); k++) {
		const struct json *o = v;
		const char *s = NULL;
		int64_t i = 0;
		uint64_t u = 0;
		double d = 0;
		bool t = false;
		char **list = (char **)&s;
		assert_int_equal(json_opt_string(v, keys[k], "def", &s, &err), 0);
		assert_string_equal(s, "def");
		assert_int_equal(json_opt_int(v, keys[k], 7, 0, 5, &i, &err), 0);
		assert_int_equal(i, 7);
		assert_int_equal(json_opt_uint(v, keys[k], 8, 5, &u, &err), 0);
		assert_int_equal(u, 8);
		assert_int_equal(json_opt_double(v, keys[k], 0.5, &d, &err), 0);
		assert_true(d == 0.5);
		assert_int_equal(json_opt_bool(v, keys[k], true, &t, &err), 0);
		assert_true(t);
		assert_int_equal(json_opt_object(v, keys[k], &o, &err), 0);
		assert_null(o);
		assert_int_equal(json_opt_strings(v, keys[k], 5, &list, &err), 0);
		assert_null(list);
		/* A null object has no members. */
		assert_int_equal(json_opt_int(o, "x", 3, 0, 5, &i, &err), 0);
		assert_int_equal(i, 3);
	}
}

static void test_json_errors_name_the_place(void **state)
{
	auto_json struct json *v = parsed(sample);
	const struct json *o = json_at(v, "o"), *list = json_at(o, "list"), *inner = json_item(list, 2),
			  *deep = json_at(json_item(inner, 1), "x y");
	struct error err = ERROR_INIT;
	const struct json *c;
	const char *s = "old";
	char **strings = NULL, path[JSON_PATH_SIZE];
	int64_t i = 42;
	uint64_t u;
	double d;
	bool t;

	(void)state;
#define fails(call, expected)                            \
	do {                                             \
		assert_int_equal(call, -EINVAL);         \
		assert_string_equal(err.text, expected); \
	} while (0)
	fails(json_get_string(v, "none", &s, &err), "none: missing");
	fails(json_get_string(v, "n", &s, &err), "n: missing");
	fails(json_get_string(v, "i", &s, &err), "i: expected string, got number");
	fails(json_opt_string(v, "o", NULL, &s, &err), "o: expected string, got object");
	fails(json_get_int(v, "s", 0, 5, &i, &err), "s: expected integer, got string");
	fails(json_get_int(v, "i", 0, 5, &i, &err), "i: number must be from 0 to 5");
	fails(json_get_int(v, "u", 0, INT64_MAX, &i, &err),
		"u: number must be from 0 to 9223372036854775807");
	fails(json_get_int(v, "huge", 0, 5, &i, &err), "huge: number is out of range");
	fails(json_get_int(v, "d", 0, 5, &i, &err), "d: expected integer, got 1.5");
	fails(json_get_int(v, "e", 0, 500, &i, &err), "e: expected integer, got 1e2");
	fails(json_get_uint(v, "i", 5, &u, &err), "i: number must be from 0 to 5");
	fails(json_get_uint(v, "u", 5, &u, &err), "u: number must be from 0 to 5");
	fails(json_get_double(v, "s", &d, &err), "s: expected number, got string");
	fails(json_get_bool(v, "s", &t, &err), "s: expected bool, got string");
	fails(json_get_object(v, "a", &c, &err), "a: expected object, got array");
	fails(json_get_array(v, "o", &c, &err), "o: expected array, got object");
	fails(json_get_string(o, "x", &s, &err), "o.x: missing");
	fails(json_item_string(list, 1, &s, &err), "o.list[1]: expected string, got number");
	fails(json_item_string(list, 3, &s, &err), "o.list[3]: missing");
	fails(json_item_string(inner, 1, &s, &err), "o.list[2][1]: expected string, got object");
	fails(json_get_string(deep, "k", &s, &err), "o.list[2][1][\"x y\"].k: expected string, got number");
	fails(json_get_string(list, "k", &s, &err), "o.list: expected object, got array");
	fails(json_opt_strings(o, "list", 9, &strings, &err), "o.list[1]: expected string, got number");
	fails(json_opt_strings(v, "a", 1, &strings, &err), "a: at most 1 items are allowed");
	fails(json_expect(v, JSON_ARRAY, "the request body", &err),
		"the request body: expected array, got object");
	fails(json_error_at(&err, o, "list", 0, "no %s", "luck"), "o.list: no luck");
#undef fails
	assert_string_equal(json_path(deep, path), "o.list[2][1][\"x y\"]");
	assert_string_equal(json_path(v, path), "");
	assert_string_equal(s, "old");
	assert_int_equal(i, 42);
	assert_null(strings);
}

static void test_json_long_keys_are_cut_in_errors(void **state)
{
	char text[2000];
	struct error err = ERROR_INIT;
	const char *s;

	(void)state;
	memset(text, 'k', sizeof text);
	memcpy(text, "{\"", 2);
	memcpy(text + sizeof text - 5, "\":1}", 5);
	auto_json struct json *v = parsed(text);
	char *key = strndup(text + 2, strlen(text) - 6);
	assert_int_equal(json_get_string(v, key, &s, &err), -EINVAL);
	assert_non_null(strstr(err.text, "kkk\"]: expected string, got number"));
	assert_true(strlen(err.text) < 120);
	free(key);
}

static void test_json_opt_strings_copies(void **state)
{
	auto_str_list char **list = NULL, **empty = NULL;
	struct json *v = parsed(sample);

	(void)state;
	assert_int_equal(json_opt_strings(v, "a", 2, &list, NULL), 0);
	assert_int_equal(json_opt_strings(v, "empty", 2, &empty, NULL), 0);
	json_free(v);
	assert_int_equal(str_list_count(list), 2);
	assert_string_equal(list[1], "y");
	assert_non_null(empty);
	assert_null(empty[0]);
}

static void test_json_each_keeps_order(void **state)
{
	auto_json struct json *v = parsed("{\"z\":1,\"a\":null,\"m\":\"x\"}");
	auto_str struct str keys = STR_INIT(16);

	(void)state;
	json_each (v, it) {
		str_add(&keys, it.key);
		assert_true((it.value == NULL) == (it.key[0] == 'a'));
	}
	assert_string_equal(str_text(&keys), "zam");
	json_each (json_at(v, "m"), it)
		fail_msg("a string has no members");
	json_each (NULL, it)
		fail_msg("null has no members");
}

static void test_json_unknown_keys(void **state)
{
	static const char *const known[] = { "a", "b", NULL };
	auto_json struct json *v = parsed("{\"o\":{\"a\":1,\"x\":2,\"b\":3,\"y\":4}}");
	const struct json *o = json_at(v, "o");
	struct error err = ERROR_INIT;
	const char *found[1] = { NULL };

	(void)state;
	assert_int_equal(json_unknown(o, known, found, 1), 2);
	assert_string_equal(found[0], "x");
	assert_int_equal(json_refuse_unknown(o, known, &err), -EINVAL);
	assert_string_equal(err.text, "o.x: unknown key");
	auto_json struct json *good = parsed("{\"a\":1}");
	assert_int_equal(json_refuse_unknown(good, known, &err), 0);
}

/* ---- building ----------------------------------------------------------------------------- */
static void test_json_build_everything(void **state)
{
	auto_json struct json *v = json_new_object();
	char *strings[] = { (char *)(uintptr_t) "p", (char *)(uintptr_t) "q", NULL };

	(void)state;
	json_set_string(v, "s", "a\"b");
	json_set_string(v, "nul", NULL);
	json_set_string_n(v, "bytes", "a\0b\xff", 4);
	json_set_int(v, "i", INT64_MIN);
	json_set_uint(v, "u", UINT64_MAX);
	json_set_double(v, "d", 0.1);
	json_set_double(v, "inf", INFINITY);
	json_set_bool(v, "t", true);
	json_set_null(v, "n");
	json_set_strings(v, "list", strings);
	json_set_strings(v, "nolist", NULL);
	struct json *o = json_set_object(v, "o"), *a = json_set_array(o, "a");
	json_add_string(a, "x");
	json_add_int(a, -1);
	json_add_uint(a, 1);
	json_add_bool(a, false);
	json_add_null(a);
	json_set_int(json_add_object(a), "k", 1);
	json_add_int(json_add_array(a), 2);
	json_add(a, parsed("[3]"));
	json_set(o, "taken", parsed("{\"z\":1}"));
	json_set_int(v, "i", 4);
	assert_int_equal(json_remove(v, "t"), 0);
	assert_int_equal(json_remove(v, "t"), -ENOENT);
	expect_text(v, "{\"s\":\"a\\\"b\",\"nul\":null,\"bytes\":\"a\xef\xbf\xbd"
		       "b\xef\xbf\xbd\",\"i\":4,"
		       "\"u\":18446744073709551615,\"d\":0.1,\"inf\":null,\"n\":null,\"list\":[\"p\",\"q\"],"
		       "\"nolist\":null,\"o\":{\"a\":[\"x\",-1,1,false,null,{\"k\":1},[2],[3]],\"taken\":{"
		       "\"z\":1}}}");
	/* What was attached knows its place. */
	char path[JSON_PATH_SIZE];
	assert_string_equal(json_path(json_at(o, "taken"), path), "o.taken");
}

static void test_json_build_failure_reaches_print(void **state)
{
	auto_json struct json *v = json_new_object();
	auto_str struct str out = STR_INIT(1000);
	struct json *o = json_set_object(v, "o");

	(void)state;
	/* What a builder answers without memory. */
	assert_int_equal(json_set(o, "x", NULL), -ENOMEM);
	assert_int_equal(json_set_int(NULL, "x", 1), -ENOMEM);
	assert_null(json_set_object(NULL, "x"));
	assert_int_equal(json_print(v, NULL, &out), -ENOMEM);
	assert_null(json_text(v));
	/* Also when the incomplete part is attached later. */
	auto_json struct json *root = json_new_array();
	struct json *part = json_new_object();
	json_set(part, "x", NULL);
	json_add(root, part);
	assert_null(json_text(root));
	/* A full buffer. */
	struct str small = STR_INIT(3);
	auto_json struct json *list = parsed("[1,2,3]");
	assert_int_equal(json_print(list, NULL, &small), -E2BIG);
	str_done(&small);
}

static void test_json_copy_is_independent(void **state)
{
	struct json *v = parsed(sample);
	auto_free char *before = json_text(v);
	auto_json struct json *copy = json_copy(v);
	auto_json struct json *part = json_copy(json_at(v, "o"));
	char path[JSON_PATH_SIZE];

	(void)state;
	json_free(v);
	expect_text(copy, before);
	assert_string_equal(json_path(json_at(part, "list"), path), "list");
	assert_null(json_copy(NULL));
}

static void test_json_print_indented(void **state)
{
	auto_json struct json *v = parsed("{\"a\":[1,{}],\"b\":[],\"c\":{\"d\":null}}");
	auto_str struct str out = STR_INIT(1000);

	(void)state;
	assert_int_equal(json_print(v, "  ", &out), 0);
	assert_string_equal(str_text(&out),
		"{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": [],\n  \"c\": {\n    \"d\": null\n  }\n}");
}

static void test_json_print_doubles(void **state)
{
	static const struct {
		double v;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 1, "1" },
		{ -2.5, "-2.5" },
		{ 0.1, "0.1" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 123456.789, "123456.789" },
		{ 1e20, "100000000000000000000" },
		{ 1e21, "1e+21" },
		{ 0.000001, "0.000001" },
		{ 1e-7, "1e-7" },
		{ 5e-324, "5e-324" },
		{ 1.7976931348623157e308, "1.7976931348623157e+308" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		auto_json struct json *v = json_new_array();
		json_set_double(json_add_object(v), "d", cases[i].v);
		auto_free char *text = json_text(v);
		char expected[64];
		snprintf(expected, sizeof expected, "[{\"d\":%s}]", cases[i].text);
		assert_string_equal(text, expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_parse_accepts),
		cmocka_unit_test(test_json_parse_refuses),
		cmocka_unit_test(test_json_parse_nul_bytes),
		cmocka_unit_test(test_json_parse_depth_limit),
		cmocka_unit_test(test_json_parse_containers_limit),
		cmocka_unit_test(test_json_parse_unique_keys),
		cmocka_unit_test(test_json_load_cases),
		cmocka_unit_test(test_json_get_typed_values),
		cmocka_unit_test(test_json_opt_absent_and_null),
		cmocka_unit_test(test_json_errors_name_the_place),
		cmocka_unit_test(test_json_long_keys_are_cut_in_errors),
		cmocka_unit_test(test_json_opt_strings_copies),
		cmocka_unit_test(test_json_each_keeps_order),
		cmocka_unit_test(test_json_unknown_keys),
		cmocka_unit_test(test_json_build_everything),
		cmocka_unit_test(test_json_build_failure_reaches_print),
		cmocka_unit_test(test_json_copy_is_independent),
		cmocka_unit_test(test_json_print_indented),
		cmocka_unit_test(test_json_print_doubles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
