/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cgroup/layout.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HYBRID                                                                                          \
	"31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"                           \
	"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:5 - cgroup cgroup rw,cpu,cpuacct\n" \
	"35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:6 master:2 - cgroup cgroup rw,memory\n"  \
	"37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer\n"                  \
	"40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd\n"       \
	"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"

static void test_parse_hybrid(void **state)
{
	(void)state;
	struct cgroup_layout l;

	assert_int_equal(cgroup_layout_parse(HYBRID, "hugetlb\n", &l, NULL), 0);
	assert_int_equal(l.n, 5);
	assert_false(l.pure_v2);
	assert_int_equal(l.owner[CGROUP_CPU], l.owner[CGROUP_CPUACCT]);
	assert_string_equal(l.hierarchies[l.owner[CGROUP_CPU]].mount_point, "/sys/fs/cgroup/cpu,cpuacct");
	assert_true(cgroup_layout_on_v2(&l, CGROUP_HUGETLB));
	assert_false(cgroup_layout_on_v2(&l, CGROUP_MEMORY));
	assert_false(cgroup_layout_has(&l, CGROUP_PIDS));
	assert_int_equal(l.main, l.owner[CGROUP_FREEZER]);
	assert_int_equal(cgroup_layout_v2(&l), 4);
	assert_string_equal(l.hierarchies[3].name, "systemd");
}

static void test_parse_pure_v2(void **state)
{
	(void)state;
	struct cgroup_layout l;
	const char *text = "24 20 0:22 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

	assert_int_equal(cgroup_layout_parse(text, "cpuset cpu io memory pids\n", &l, NULL), 0);
	assert_true(l.pure_v2);
	assert_int_equal(l.main, 0);
	assert_true(cgroup_layout_on_v2(&l, CGROUP_BLKIO));
	assert_true(cgroup_layout_on_v2(&l, CGROUP_DEVICES));
	assert_true(cgroup_layout_on_v2(&l, CGROUP_FREEZER));
	assert_true(cgroup_layout_on_v2(&l, CGROUP_CPUACCT));
	assert_false(cgroup_layout_has(&l, CGROUP_HUGETLB));
}

static void test_parse_prefers_the_usual_place(void **state)
{
	(void)state;
	struct cgroup_layout l;
	const char *text =
		"50 20 0:32 /docker/x /var/lib/x/rootfs/sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		"35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		"51 20 0:32 /docker/y /srv/y rw - cgroup cgroup rw,memory\n";

	assert_int_equal(cgroup_layout_parse(text, NULL, &l, NULL), 0);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.hierarchies[0].mount_point, "/sys/fs/cgroup/memory");
}

static void test_parse_reads_escaped_mount_points(void **state)
{
	(void)state;
	struct cgroup_layout l;

	assert_int_equal(
		cgroup_layout_parse("1 2 0:3 / /a\\040b\\134c rw - cgroup cgroup rw,pids\n", NULL, &l, NULL),
		0);
	assert_string_equal(l.hierarchies[0].mount_point, "/a b\\c");
}

static void test_parse_refuses(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int want;
	} cases[] = {
		{ "", -ENOENT },
		{ "31 23 0:28 / /tmp rw - tmpfs tmpfs rw\n", -ENOENT },
		{ "31 23 0:28 / /x rw,relatime cgroup cgroup rw,cpu\n", -EINVAL },
		{ "31 23\n", -EINVAL },
		{ "31 23 0:28 / /x rw - cgroup\n", -EINVAL },
	};
	struct cgroup_layout l;
	struct error err;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(cgroup_layout_parse(cases[i].text, NULL, &l, &err), cases[i].want);
}

static void test_parse_bounds_hierarchies_and_names(void **state)
{
	(void)state;
	char text[4096], place[400];
	size_t n = 0;
	struct cgroup_layout l;
	struct error err;

	for (int i = 0; i <= CGROUP_HIERARCHIES_MAX; i++)
		n += (size_t)snprintf(
			text + n, sizeof text - n, "1 2 0:3 / /c%d rw - cgroup x rw,name=n%d\n", i, i);
	assert_int_equal(cgroup_layout_parse(text, NULL, &l, &err), -E2BIG);
	memset(place, 'a', sizeof place);
	place[0] = '/';
	place[sizeof place - 1] = '\0';
	snprintf(text, sizeof text,
		"1 2 0:3 / %s rw - cgroup x rw,memory\n1 2 0:3 / /c rw - cgroup x rw,memory\n", place);
	assert_int_equal(cgroup_layout_parse(text, NULL, &l, &err), 0);
	assert_string_equal(l.hierarchies[0].mount_point, "/c");
}

static void test_path_check(void **state)
{
	(void)state;
	char name[300], path[CGROUP_PATH_MAX + 10];
	static const char *const good[] = { "/docker/0123", "/a", "/a.slice/b..c/...",
		"/system.slice:docker:x" };
	static const char *const bad[] = { "", "a", "/", "//", "/a/", "/a//b", "/..", "/a/../b", "/.",
		"/a/./b", "/a\nb", "/a\x7f" };

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(cgroup_path_check(good[i], NULL), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (cgroup_path_check(bad[i], NULL) != -EINVAL)
			fail_msg("'%s' is taken", bad[i]);
	memset(name, 'n', sizeof name);
	name[0] = '/';
	name[257] = '\0';
	assert_int_equal(cgroup_path_check(name, NULL), -EINVAL);
	name[256] = '\0';
	assert_int_equal(cgroup_path_check(name, NULL), 0);
	for (size_t i = 0; i < sizeof path; i++)
		path[i] = i % 2 ? 'p' : '/';
	path[CGROUP_PATH_MAX] = '\0';
	assert_int_equal(cgroup_path_check(path, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_hybrid),
		cmocka_unit_test(test_parse_pure_v2),
		cmocka_unit_test(test_parse_prefers_the_usual_place),
		cmocka_unit_test(test_parse_reads_escaped_mount_points),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_parse_bounds_hierarchies_and_names),
		cmocka_unit_test(test_path_check),
	};

	return cmocka_run_group_tests_name("cgroup layout", tests, NULL, NULL);
}
