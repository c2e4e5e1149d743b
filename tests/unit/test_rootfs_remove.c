/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/rootfs/remove.h"

#include "lib/base/clock.h"
#include "tests/unit/tree.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

static char dir[64];
static int top;
static struct error err;

static int setup(void **state)
{
	(void)state;
	tree_new(dir, sizeof dir);
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tree_dir(top, "host", 0755);
	tree_file(top, "host/canary", "alive", 0644);
	err = ERROR_INIT;
	return top < 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_free(dir);
	close(top);
	return 0;
}

static void test_remove_every_kind(void **state)
{
	(void)state;
	tree_dir(top, "t", 0755);
	tree_dir(top, "t/a", 0);
	tree_dir(top, "t/b", 0755);
	tree_file(top, "t/b/file", "x", 0);
	tree_link(top, "t/b/link", "../../host");
	tree_link(top, "t/abs", dir);
	tree_link(top, "t/dangling", "/none");
	assert_int_equal(mkfifoat(top, "t/fifo", 0600), 0);
	assert_int_equal(mknodat(top, "t/device", S_IFCHR | 0600, makedev(1, 3)), 0);
	assert_int_equal(rootfs_remove_tree(top, "t", NULL, &err), 0);
	assert_false(tree_exists(top, "t"));
	tree_assert_text(top, "host/canary", "alive");
	assert_int_equal(tree_count(top, "."), 1);
}

static void test_remove_single_entries(void **state)
{
	(void)state;
	tree_file(top, "file", "x", 0600);
	tree_link(top, "link", "host");
	assert_int_equal(rootfs_remove_tree(top, "file", NULL, &err), 0);
	assert_int_equal(rootfs_remove_tree(top, "link", NULL, &err), 0);
	assert_int_equal(rootfs_remove_tree(top, "nothing", NULL, &err), 0);
	assert_int_equal(tree_count(top, "."), 1);
	assert_int_equal(rootfs_remove_tree(top, "..", NULL, &err), -EINVAL);
	assert_int_equal(rootfs_remove_tree(top, "host/canary", NULL, &err), -EINVAL);
	assert_int_equal(rootfs_remove_tree(top, "", NULL, &err), -EINVAL);
	tree_assert_text(top, "host/canary", "alive");
}

static void test_remove_content_keeps_directory(void **state)
{
	(void)state;
	tree_dir(top, "t", 0755);
	tree_dir(top, "t/a", 0755);
	tree_file(top, "t/a/f", "x", 0600);
	int fd = openat(top, "t", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(rootfs_remove_content(fd, NULL, &err), 0);
	close(fd);
	assert_int_equal(tree_count(top, "t"), 0);
}

static void test_remove_wide_directory(void **state)
{
	char name[32];

	(void)state;
	tree_dir(top, "t", 0755);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "t/%d", i);
		tree_dir(top, name, 0755);
		snprintf(name, sizeof name, "t/%d/f", i);
		tree_file(top, name, "", 0600);
	}
	assert_int_equal(rootfs_remove_tree(top, "t", NULL, &err), 0);
	assert_false(tree_exists(top, "t"));
}

/* Files beside the directories on the way, so that reading must go on after coming back. */
static void make_deep(int parent, const char *name, int levels)
{
	int at = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < levels; i++) {
		assert_int_equal(mkdirat(at, "d", 0755), 0);
		if (i % 100 == 0)
			tree_file(at, "f", "", 0600);
		int next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(at);
		at = next;
	}
	close(at);
}

static void test_remove_deep_tree(void **state)
{
	struct rlimit few = { 64, 64 }, old;
	char memory[] = "/dev/shm/gantry-test-XXXXXX"; /* a disk takes ten seconds for this */

	(void)state;
	const char *place = mkdtemp(memory) ? memory : dir;
	int parent = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tree_dir(parent, "t", 0755);
	make_deep(parent, "t", 100000);
	getrlimit(RLIMIT_NOFILE, &old);
	few.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_NOFILE, &few);
	int r = rootfs_remove_tree(parent, "t", NULL, &err);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(r, 0);
	assert_false(tree_exists(parent, "t"));
	close(parent);
	if (place == memory)
		rmdir(memory);
}

static void test_remove_cancelled(void **state)
{
	struct rootfs_cancel late = { .fd = -1, .deadline_ns = 1 };
	int pipes[2];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	struct rootfs_cancel cancel = { .fd = pipes[0] };
	tree_dir(top, "t", 0755);
	tree_file(top, "t/f", "", 0600);
	close(pipes[1]);
	assert_int_equal(rootfs_remove_tree(top, "t", &cancel, &err), -ECANCELED);
	assert_int_equal(err.kind, ERROR_CANCELLED);
	assert_int_equal(rootfs_remove_tree(top, "t", &late, &err), -ETIMEDOUT);
	assert_true(tree_exists(top, "t/f"));
	close(pipes[0]);
}

/* In a child: a mount namespace of its own. */
static int remove_with_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		chdir(dir) < 0)
		return 2;
	if (mount("host", "t/a/m", NULL, MS_BIND, NULL) < 0)
		return 3;
	int r = rootfs_remove_tree(top, "t", NULL, &err);
	if (r != -EXDEV || err.kind != ERROR_CONFLICT || !strstr(err.text, "mounted"))
		return 4;
	if (access("host/canary", F_OK) != 0)
		return 5;
	umount2("t/a/m", MNT_DETACH);
	return rootfs_remove_tree(top, "t", NULL, &err) == 0 && access("t", F_OK) != 0 ? 0 : 6;
}

static void test_remove_stops_at_mounts(void **state)
{
	int status;

	(void)state;
	tree_dir(top, "t", 0755);
	tree_dir(top, "t/a", 0755);
	tree_dir(top, "t/a/m", 0755);
	pid_t pid = fork();
	if (pid == 0)
		_exit(remove_with_mounts());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2) {
		print_message("# skip: no mount namespace: needs root\n");
		skip();
	}
	assert_int_equal(status, 0);
	tree_assert_text(top, "host/canary", "alive");
}

static pid_t start_swapper(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		mkdirat(top, "t", 0755);
		mkdirat(top, "t/d", 0755);
		if (symlinkat("../host", top, "t/x") == 0)
			renameat2(top, "t/d", top, "t/x", RENAME_EXCHANGE);
	}
}

static void test_remove_under_swapper(void **state)
{
	int gone = 0;

	(void)state;
	pid_t pid = start_swapper();
	int64_t end = clock_mono_ns() + CLOCK_S;
	while (clock_mono_ns() < end)
		gone += rootfs_remove_tree(top, "t", NULL, &err) == 0;
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(gone > 0);
	tree_assert_text(top, "host/canary", "alive");
	assert_int_equal(tree_count(top, "host"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_remove_every_kind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove_single_entries, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove_content_keeps_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove_wide_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove_deep_tree, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove_cancelled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove_stops_at_mounts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove_under_swapper, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
