/* SPDX-License-Identifier: Apache-2.0 */
/* The world that other tests rely on: apart from the host, and gone afterwards. */
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "tests/support/cgrouptree.h"
#include "tests/support/world.h"

#include <fcntl.h>
#include <net/if.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

struct counting {
	const struct world *world;
	int found;
};

static int count_folder(const char *mountpoint, bool v2, void *ctx)
{
	struct counting *counting = ctx;
	char path[512];

	(void)v2;
	snprintf(path, sizeof path, "%s/%s", mountpoint, counting->world->cgroup);
	counting->found += access(path, F_OK) == 0;
	return 0;
}

static int count_hierarchy(const char *mountpoint, bool v2, void *ctx)
{
	(void)mountpoint;
	(void)v2;
	++*(int *)ctx;
	return 0;
}

static void test_world_has_loopback_alone(void **state)
{
	(void)state;
	struct if_nameindex *links = if_nameindex();

	assert_non_null(links);
	assert_string_equal(links[0].if_name, "lo");
	assert_null(links[1].if_name);
	if_freenameindex(links);
	assert_int_equal(access("/sys/class/net/lo", F_OK), 0);
	auto_free char *flags = NULL;
	assert_int_equal(fd_read_file(AT_FDCWD, "/sys/class/net/lo/flags", 64, &flags, NULL), 0);
	assert_true(strtol(flags, NULL, 16) & IFF_UP);
}

static void test_world_scratch_takes_programs_and_devices(void **state)
{
	(void)state;
	assert_int_equal(mknod(WORLD_SCRATCH "/null", S_IFCHR | 0600, 0x103), 0);
	auto_close int fd = open(WORLD_SCRATCH "/null", O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(
		fd_replace_file(AT_FDCWD, WORLD_SCRATCH "/run", "#!/bin/sh\nexit 3\n", 17, 0755, false), 0);
	pid_t pid = fork();
	if (pid == 0) {
		execl(WORLD_SCRATCH "/run", "run", NULL);
		_exit(1);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 3);
}

static void test_world_has_a_folder_in_every_hierarchy(void **state)
{
	struct counting folders = { *state, 0 };
	int hierarchies = 0;

	cgrouptree_each(count_hierarchy, &hierarchies, NULL);
	cgrouptree_each(count_folder, &folders, NULL);
	assert_true(hierarchies > 0);
	assert_int_equal(folders.found, hierarchies);
}

/* Puts itself below each of the world's cgroups, then goes on as a daemon would. */
static int join_below(const char *mountpoint, bool v2, void *ctx)
{
	char path[512];

	(void)v2;
	snprintf(path, sizeof path, "%s/%s/below", mountpoint, ((const struct world *)ctx)->cgroup);
	mkdir(path, 0755);
	strncat(path, "/cgroup.procs", sizeof path - strlen(path) - 1);
	return fd_write_file(AT_FDCWD, path, "0");
}

static void test_world_leave_ends_orphans_and_removes_cgroups(void **state)
{
	struct error err = ERROR_INIT;
	struct counting left = { *state, 0 };
	int pipefd[2];
	char byte;

	assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (cgrouptree_each(join_below, *state, NULL) < 0)
			_exit(1);
		if (fork() == 0) { /* orphaned, with a session of its own */
			setsid();
			(void)!write(pipefd[1], "x", 1);
			for (;;)
				pause();
		}
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(read(pipefd[0], &byte, 1), 1);
	close(pipefd[1]);
	if (world_leave(*state, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(read(pipefd[0], &byte, 1), 0); /* the orphan held the other end */
	close(pipefd[0]);
	cgrouptree_each(count_folder, &left, NULL);
	assert_int_equal(left.found, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_world_has_loopback_alone),
		cmocka_unit_test(test_world_scratch_takes_programs_and_devices),
		cmocka_unit_test(test_world_has_a_folder_in_every_hierarchy),
		cmocka_unit_test(test_world_leave_ends_orphans_and_removes_cgroups),
	};

	return cmocka_run_group_tests_name("world", tests, world_setup, world_teardown);
}
