/* SPDX-License-Identifier: Apache-2.0 */
/* The table of fault points and the sources say the same. */
#include "lib/base/fault.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/str.h"

#include "tests/unit/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char **used; /* names in fault_point("...") calls */

static void scan_file(const char *path)
{
	static const char call[] = "fault_point(\"";
	char *text, name[128];

	assert_int_equal(fd_read_file(AT_FDCWD, path, 4 << 20, &text, NULL), 0);
	for (const char *p = text; (p = strstr(p, call));) {
		p += sizeof call - 1;
		size_t n = strcspn(p, "\"");
		assert_true(n < sizeof name);
		snprintf(name, sizeof name, "%.*s", (int)n, p);
		assert_int_equal(str_list_add(&used, name), 0);
	}
	free(text);
}

static void scan_folder(const char *path)
{
	char below[4096];
	struct dirent *e;
	DIR *d = opendir(path);

	if (!d)
		return;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		assert_int_equal(path_format(below, sizeof below, "%s/%s", path, e->d_name), 0);
		if (e->d_type == DT_DIR)
			scan_folder(below);
		else if (str_ends_with(e->d_name, ".c"))
			scan_file(below);
	}
	closedir(d);
}

static int scan_tree(void **state)
{
	static const char *const folders[] = { "lib", "core", "runtime", "engine", "api", "plugins",
		"programs" };
	char path[4096];

	(void)state;
	for (size_t i = 0; i < COUNT(folders); i++) {
		assert_int_equal(path_format(path, sizeof path, "%s/%s", GANTRY_SOURCE_DIR, folders[i]), 0);
		scan_folder(path);
	}
	return 0;
}

static int free_names(void **state)
{
	(void)state;
	str_list_free(used);
	return 0;
}

static bool in_table(const char *name)
{
	for (const char *const *p = fault_names; *p; p++)
		if (strcmp(*p, name) == 0)
			return true;
	return false;
}

static void test_fault_table_has_every_used_name(void **state)
{
	(void)state;
	for (char **p = used; p && *p; p++)
		if (!in_table(*p))
			fail_msg("'%s' is missing in lib/base/fault-points.def", *p);
}

static void test_fault_table_names_are_used(void **state)
{
	(void)state;
	for (const char *const *p = fault_names; *p; p++)
		if (!str_list_has(used, *p))
			fail_msg("'%s' of lib/base/fault-points.def stands in no source", *p);
}

static void test_fault_table_is_sorted(void **state)
{
	(void)state;
	for (const char *const *p = fault_names; p[0] && p[1]; p++)
		if (strcmp(p[0], p[1]) >= 0)
			fail_msg("'%s' must stand before '%s'", p[1], p[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fault_table_has_every_used_name),
		cmocka_unit_test(test_fault_table_names_are_used),
		cmocka_unit_test(test_fault_table_is_sorted),
	};

	return cmocka_run_group_tests(tests, scan_tree, free_names);
}
