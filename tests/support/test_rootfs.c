/* SPDX-License-Identifier: Apache-2.0 */
/* The bundles that other tests start from: complete, apart from the cache, and changed as asked. */
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "tests/support/command.h"
#include "tests/support/rootfs.h"
#include "tests/support/world.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_rootfs_path_gives_a_tree_that_runs(void **state)
{
	char path[PATH_MAX];
	struct command_result result;
	struct error err = ERROR_INIT;

	(void)state;
	if (rootfs_path("busybox", path, sizeof path, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(command_run((const char *[]){ "chroot", path, "sh", "-c", "id -un; exit 4", NULL },
				 &result, &err),
		0);
	assert_string_equal(result.out, "root\n");
	assert_int_equal(result.code, 4);
	command_done(&result);
}

static void test_bundle_make_changes_the_template_by_the_filter(void **state)
{
	struct error err = ERROR_INIT;
	auto_free char *config = NULL;
	char cached[PATH_MAX];

	(void)state;
	if (bundle_make(WORLD_SCRATCH "/b", "busybox", ".hostname = \"changed\" | .process.args = [\"id\"]",
		    &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(fd_read_file(AT_FDCWD, WORLD_SCRATCH "/b/config.json", 1 << 20, &config, NULL), 0);
	assert_non_null(strstr(config, "\"hostname\": \"changed\""));
	assert_null(strstr(config, "hello from a container"));
	assert_int_equal(access(WORLD_SCRATCH "/b/rootfs/bin/sh", X_OK), 0);
	/* a copy: what a test does to it stays in the test */
	assert_int_equal(unlink(WORLD_SCRATCH "/b/rootfs/bin/sh"), 0);
	assert_int_equal(rootfs_path("busybox", cached, sizeof cached, &err), 0);
	strncat(cached, "/bin/sh", sizeof cached - strlen(cached) - 1);
	assert_int_equal(access(cached, X_OK), 0);
}

static void test_rootfs_path_refuses_an_unknown_kind(void **state)
{
	struct error err = ERROR_INIT;
	char path[PATH_MAX];

	(void)state;
	assert_true(rootfs_path("plan9", path, sizeof path, &err) < 0);
	assert_non_null(strstr(err.text, "no root file system 'plan9'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rootfs_path_gives_a_tree_that_runs),
		cmocka_unit_test(test_bundle_make_changes_the_template_by_the_filter),
		cmocka_unit_test(test_rootfs_path_refuses_an_unknown_kind),
	};

	return cmocka_run_group_tests_name("rootfs", tests, world_setup, world_teardown);
}
