/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines of run, and the body of create that Docker's CLI sends for them (cli-create.tsv). */
#include "tests/unit/test.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "programs/gantry/create_body.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/gantry-cli-XXXXXX";

/* ---- the table --------------------------------------------------------------------------- */
/* Words as a shell splits them, with double quotes alone; "@/" is the folder of files. */
static char **split_words(const char *text)
{
	char **words = NULL;
	bool quoted = false, any = false;
	struct str word = STR_INIT(4096);

	for (const char *p = text;; p++) {
		if (*p == '"') {
			quoted = !quoted;
			any = true;
		} else if (*p == '\\' && p[1]) {
			str_add_char(&word, *++p);
		} else if (*p == '@' && p[1] == '/') {
			str_add(&word, folder);
		} else if (*p && (*p != ' ' || quoted)) {
			str_add_char(&word, *p);
			any = true;
		} else if (any || word.len) {
			assert_int_equal(str_list_add(&words, str_text(&word)), 0);
			str_clear(&word);
			any = false;
		}
		if (!*p)
			break;
	}
	str_done(&word);
	return words;
}

/* The members of changes replace those of whole, one level deeper for HostConfig. */
static void apply(struct json *whole, const struct json *changes)
{
	json_each (changes, it) {
		if (strcmp(it.key, "HostConfig") == 0)
			apply((struct json *)json_at(whole, "HostConfig"), it.value);
		else if (json_kind(it.value) == JSON_NULL)
			json_set_null(whole, it.key);
		else
			json_set(whole, it.key, json_copy(it.value));
	}
}

static bool equal(const struct json *a, const struct json *b)
{
	auto_free char *x = NULL, *y = NULL;

	if (json_kind(a) != json_kind(b) || json_count(a) != json_count(b))
		return false;
	if (json_kind(a) == JSON_ARRAY) {
		for (size_t i = 0; i < json_count(a); i++)
			if (!equal(json_item(a, i), json_item(b, i)))
				return false;
		return true;
	}
	if (json_kind(a) == JSON_OBJECT) {
		json_each (a, it)
			if (!json_has(b, it.key) || !equal(it.value, json_at(b, it.key)))
				return false;
		return true;
	}
	x = json_text(a);
	y = json_text(b);
	return strcmp(x, y) == 0;
}

static void check_body(
	const char *line, const struct json *got, const struct json *basis, const char *expected)
{
	auto_json struct json *changes = NULL, *whole = json_copy(basis);

	assert_int_equal(json_parse(expected, strlen(expected), 0, &changes, NULL), 0);
	apply(whole, changes);
	if (!equal(got, whole) || !equal(whole, got)) {
		auto_free char *x = json_text(got), *y = json_text(whole);
		fail_msg("%s\n got %s\nwant %s", line, x, y);
	}
}

static void check_refusal(const char *line, const struct error *err, const char *expected)
{
	auto_str struct str want = STR_INIT(4096);

	for (const char *p = expected + 2; *p; p++) {
		if (p[0] == '@' && p[1] == '/')
			str_add(&want, folder);
		else
			str_add_char(&want, *p);
	}
	if (strcmp(err->text, str_text(&want)) != 0)
		fail_msg("%s\n got %s\nwant %s", line, err->text, str_text(&want));
}

static void check_line(const char *line, const char *expected, const struct json *basis)
{
	struct create_options o = create_defaults;
	struct options parsed = { .table = run_options, .into = &o, .flags = OPTIONS_STOP };
	struct error err = ERROR_INIT;
	auto_json struct json *body = NULL;
	auto_str struct str program = STR_INIT(4096);
	char *argv[64];
	int argc = 0;

	str_addf(&program, "run %s", line);
	char **words = split_words(str_text(&program));
	for (; words[argc] && argc < 63; argc++)
		argv[argc] = words[argc];
	argv[argc] = NULL;
	int r = options_parse(&parsed, argc, argv, &err);
	if (r == 0)
		r = create_body(&parsed, &body, &err);
	if (expected[0] == '!' && r < 0)
		check_refusal(line, &err, expected);
	else if (expected[0] == '!' || r < 0)
		fail_msg("%s\n got %s\nwant %s", line, r < 0 ? err.text : "a body", expected);
	else
		check_body(line, body, basis, expected);
	options_done(&parsed);
	str_list_free(words);
}

static void test_create_body_as_docker(void **state)
{
	auto_free char *text = NULL;
	auto_json struct json *basis = NULL;
	size_t count = 0;

	(void)state;
	assert_int_equal(
		fd_read_file(AT_FDCWD, GANTRY_SOURCE_DIR "/tests/unit/cli-create.tsv", 1 << 20, &text, NULL),
		0);
	for (char *line = text, *next; line && *line; line = next) {
		next = strchr(line, '\n');
		*next++ = '\0';
		char *tab = strchr(line, '\t');
		if (line[0] == '#')
			continue;
		assert_non_null(tab);
		*tab = '\0';
		if (!basis)
			assert_int_equal(json_parse(tab + 1, strlen(tab + 1), 0, &basis, NULL), 0);
		check_line(line, tab + 1, basis);
		count++;
	}
	assert_true(count > 250);
}

/* ---- what else can be seen ------------------------------------------------------------------ */
static void test_create_body_storage_driver(void **state)
{
	struct create_options o = create_defaults;
	struct options parsed = { .table = create_options, .into = &o, .flags = OPTIONS_STOP };
	char **words = split_words("create --storage-driver vfs --storage-opt size=1g image");
	char *argv[7];
	auto_json struct json *body = NULL;
	struct error err = ERROR_INIT;

	(void)state;
	memcpy(argv, words, sizeof argv);
	assert_int_equal(options_parse(&parsed, 6, argv, &err), 0);
	assert_int_equal(create_body(&parsed, &body, &err), 0);
	auto_free char *text = json_text(json_at(json_at(body, "HostConfig"), "StorageOpt"));
	assert_string_equal(text, "{\"driver\":\"vfs\",\"size\":\"1g\"}");
	options_done(&parsed);
	str_list_free(words);
}

static void test_create_streams(void **state)
{
	static const char *in_only[] = { "STDIN" }, *out_only[] = { "stdout" };
	const struct {
		struct create_options o;
		bool in, out, error;
	} cases[] = {
		{ { .detach = false }, false, true, true },
		{ { .interactive = true }, true, true, true },
		{ { .detach = true, .interactive = true }, false, false, false },
		{ { .attach = { in_only, 1 } }, true, false, false },
		{ { .attach = { out_only, 1 }, .interactive = true }, false, true, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		bool in, out, error;
		create_streams(&cases[i].o, &in, &out, &error);
		assert_int_equal(in, cases[i].in);
		assert_int_equal(out, cases[i].out);
		assert_int_equal(error, cases[i].error);
	}
}

/* ---- the files that command lines name -------------------------------------------------------- */
static const struct {
	const char *name, *text;
} files[] = {
	{ "env", "A=1\n# c\n\nB=x y\n  LEAD=1\nHOME\nNOT_SET_ANYWHERE\nQ=\"q\"\n" },
	{ "badenv", "A B=1\n" },
	{ "labels", "la=1\nlb\n# c\n" },
	{ "profile.json", "{\"defaultAction\": \"SCMP_ACT_ALLOW\",\n \"x\": 1}" },
};

static int make_files(void **state)
{
	char path[128];

	(void)state;
	setenv("HOME", "/root", 1);
	if (!mkdtemp(folder) || chdir("/") < 0)
		return -1;
	for (size_t i = 0; i < COUNT(files); i++) {
		snprintf(path, sizeof path, "%s/%s", folder, files[i].name);
		if (fd_replace_file(AT_FDCWD, path, files[i].text, strlen(files[i].text), 0600, false) < 0)
			return -1;
	}
	return 0;
}

static int remove_files(void **state)
{
	char path[128];

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		snprintf(path, sizeof path, "%s/%s", folder, files[i].name);
		unlink(path);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_body_as_docker),
		cmocka_unit_test(test_create_body_storage_driver),
		cmocka_unit_test(test_create_streams),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
