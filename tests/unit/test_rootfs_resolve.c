/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/rootfs/resolve.h"

#include "lib/base/clock.h"
#include "tests/unit/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEP ((uid_t)-1), ((gid_t)-1)

/* Each test has DIR/root (the container's) and DIR/host (what must never change) beside it. */
struct world {
	char dir[64];
	int top, root;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	assert_non_null(w);
	tree_new(w->dir, sizeof w->dir);
	w->top = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(w->top >= 0);
	tree_dir(w->top, "root", 0755);
	tree_dir(w->top, "host", 0755);
	tree_file(w->top, "host/canary", "alive", 0644);
	w->root = openat(w->top, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(w->root >= 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	tree_free(w->dir);
	close(w->top);
	close(w->root);
	free(w);
	return 0;
}

static void assert_host_untouched(const struct world *w)
{
	tree_assert_text(w->top, "host/canary", "alive");
	assert_int_equal(tree_count(w->top, "host"), 1);
	assert_int_equal(tree_count(w->top, "."), 2);
}

static bool same_file(int fd, int dirfd, const char *path)
{
	struct stat a, b;

	assert_int_equal(fstat(fd, &a), 0);
	assert_int_equal(fstatat(dirfd, path, &b, AT_SYMLINK_NOFOLLOW), 0);
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void test_open_symlinks(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *path, *want; /* want NULL: error */
		int error;
	} cases[] = {
		{ "file", "file", 0 },
		{ "/file", "file", 0 },
		{ "", ".", 0 },
		{ "/", ".", 0 },
		{ "../../../file", "file", 0 },
		{ "abs", "file", 0 },
		{ "rel", "file", 0 },
		{ "up", "file", 0 },
		{ "d/deep", "file", 0 },
		{ "escape", ".", 0 },
		{ "escape/file", "file", 0 },
		{ "host", NULL, ENOENT },
		{ "hostrel/canary", NULL, ENOENT },
		{ "loop1", NULL, ELOOP },
		{ "self/x", NULL, ELOOP },
		{ "dangling", NULL, ENOENT },
		{ "file/x", NULL, ENOTDIR },
		{ "missing", NULL, ENOENT },
	};

	tree_file(w->root, "file", "inside", 0644);
	tree_dir(w->root, "d", 0755);
	tree_link(w->root, "abs", "/file");
	tree_link(w->root, "rel", "d/../file");
	tree_link(w->root, "up", "../../../../file");
	tree_link(w->root, "d/deep", "../../../file");
	tree_link(w->root, "escape", "../..");
	tree_link(w->root, "hostrel", "../host");
	tree_link(w->root, "loop1", "loop2");
	tree_link(w->root, "loop2", "loop1");
	tree_link(w->root, "self", "self");
	tree_link(w->root, "dangling", "/no/where");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int fd = rootfs_open(w->root, cases[i].path, 0, 0);
		if (!cases[i].want) {
			assert_int_equal(fd, -cases[i].error);
			continue;
		}
		assert_true(fd >= 0);
		assert_true(same_file(fd, w->root, cases[i].want));
		assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		close(fd);
	}
}

static void test_open_magic_links(void **state)
{
	struct world *w = *state;
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[64];

	assert_true(proc >= 0);
	assert_int_equal(rootfs_check_procfs(proc), 0);
	assert_int_equal(rootfs_check_procfs(w->root), -EXDEV);
	snprintf(path, sizeof path, "self/fd/%d", w->top);
	assert_int_equal(rootfs_open(proc, path, 0, 0), -ELOOP);
	assert_int_equal(rootfs_open(proc, "self/exe", 0, 0), -ELOOP);
	assert_int_equal(rootfs_mkdirs(proc, "self/cwd/x", 0755, KEEP), -ELOOP);
	assert_int_equal(rootfs_mkfile(proc, "self/exe", 0644, KEEP), -ELOOP);
	close(proc);
}

static void test_open_beneath(void **state)
{
	struct world *w = *state;

	tree_dir(w->root, "a", 0755);
	tree_link(w->root, "abs", "/a");
	tree_link(w->root, "out", "../host");
	tree_link(w->root, "in", "a/../a");
	assert_int_equal(rootfs_open_beneath(w->root, "..", 0, 0), -EXDEV);
	assert_int_equal(rootfs_open_beneath(w->root, "/a", 0, 0), -EXDEV);
	assert_int_equal(rootfs_open_beneath(w->root, "abs", 0, 0), -EXDEV);
	assert_int_equal(rootfs_open_beneath(w->root, "out/canary", 0, 0), -EXDEV);
	assert_int_equal(rootfs_mkdirs_beneath(w->root, "abs/b", 0755, KEEP), -EXDEV);
	assert_int_equal(rootfs_mkdirs_beneath(w->root, "a/new/../../../x", 0755, KEEP), -EXDEV);
	assert_int_equal(rootfs_mkdirs_beneath(w->root, "out/b", 0755, KEEP), -EXDEV);
	int fd = rootfs_mkdirs_beneath(w->root, "in/b/c", 0755, KEEP);
	assert_true(fd >= 0);
	assert_true(same_file(fd, w->root, "a/b/c"));
	close(fd);
	assert_host_untouched(w);
}

static void test_mkdirs_links(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *path, *want;
		int error;
	} cases[] = {
		{ "/x/y/z", "x/y/z", 0 },
		{ "/x/y/z", "x/y/z", 0 },
		{ "x//./w/", "x/w", 0 },
		{ "/var/run/app", "run/app", 0 },
		{ "/dangling/app", "made/by/link/app", 0 },
		{ "/up/app", "host/app", 0 },
		{ "/new/../new2", "new2", 0 },
		{ "../../top", "top", 0 },
		{ "/chain/app", "made/by/link/chained/app", 0 },
		{ "file/x", NULL, ENOTDIR },
		{ "tofile", NULL, ENOTDIR },
		{ "loop1/x", NULL, ELOOP },
		{ "self", NULL, ELOOP },
	};

	tree_dir(w->root, "run", 0755);
	tree_dir(w->root, "var", 0755);
	tree_file(w->root, "file", "", 0644);
	tree_link(w->root, "tofile", "file");
	tree_link(w->root, "var/run", "/run");
	tree_link(w->root, "dangling", "made/by/link");
	tree_link(w->root, "chain", "/dangling/chained");
	tree_link(w->root, "up", "../../host");
	tree_link(w->root, "loop1", "loop2");
	tree_link(w->root, "loop2", "loop1");
	tree_link(w->root, "self", "self/x");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int fd = rootfs_mkdirs(w->root, cases[i].path, 0755, KEEP);
		if (!cases[i].want) {
			assert_int_equal(fd, -cases[i].error);
			continue;
		}
		assert_true(fd >= 0);
		assert_int_equal(rootfs_check_dir(fd), 0);
		assert_true(same_file(fd, w->root, cases[i].want));
		close(fd);
	}
	assert_host_untouched(w);
}

static void test_mkdirs_link_chain_bounded(void **state)
{
	struct world *w = *state;
	char name[16], target[16];

	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof name, "l%d", i);
		snprintf(target, sizeof target, "l%d", i + 1);
		tree_link(w->root, name, target);
	}
	assert_int_equal(rootfs_mkdirs(w->root, "l0/x", 0755, KEEP), -ELOOP);
	int fd = rootfs_mkdirs(w->root, "l30/x", 0755, KEEP);
	assert_true(fd >= 0);
	assert_true(same_file(fd, w->root, "l60/x"));
	close(fd);
}

static void test_mkdirs_mode_and_owner(void **state)
{
	struct world *w = *state;
	struct stat st;

	tree_dir(w->root, "old", 0700);
	mode_t mask = umask(077);
	int fd = rootfs_mkdirs(w->root, "old/new/newer", 01777, 12, 34);
	umask(mask);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(fstatat(w->root, "old/new", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 01777);
	assert_int_equal(st.st_uid, 12);
	assert_int_equal(st.st_gid, 34);
	assert_int_equal(fstatat(w->root, "old", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(st.st_uid, 0);
}

static void test_mkdirs_path_too_long(void **state)
{
	struct world *w = *state;
	char path[PATH_MAX + 10];

	memset(path, 'a', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	assert_int_equal(rootfs_mkdirs(w->root, path, 0755, KEEP), -ENAMETOOLONG);
	path[NAME_MAX + 1] = '\0';
	assert_int_equal(rootfs_mkdirs(w->root, path, 0755, KEEP), -ENAMETOOLONG);
	for (size_t i = 1; i < sizeof path; i += 2)
		path[i - 1] = '.', path[i] = '/';
	path[PATH_MAX - 1] = '\0';
	int fd = rootfs_mkdirs(w->root, path, 0755, KEEP);
	assert_true(fd >= 0);
	close(fd);
}

static void test_mkfile_kinds(void **state)
{
	struct world *w = *state;
	struct stat st;

	assert_int_equal(mkfifoat(w->root, "fifo", 0600), 0);
	assert_int_equal(mknodat(w->root, "device", S_IFCHR | 0600, makedev(1, 3)), 0);
	tree_file(w->root, "kept", "text", 0640);
	tree_dir(w->root, "dir", 0755);
	tree_link(w->root, "todir", "dir");
	tree_link(w->root, "dangling", "/sub/target");
	tree_link(w->root, "up", "../../host/canary");
	static const struct {
		const char *path, *want;
		int error;
	} cases[] = {
		{ "fifo", "fifo", 0 },
		{ "device", "device", 0 },
		{ "kept", "kept", 0 },
		{ "/a/b/c", "a/b/c", 0 },
		{ "dangling", "sub/target", 0 },
		{ "up", "host/canary", 0 },
		{ "dir", NULL, EISDIR },
		{ "todir", NULL, EISDIR },
		{ "dir/..", NULL, EISDIR },
		{ "nodir/..", NULL, EISDIR },
		{ "", NULL, EISDIR },
		{ "kept/x", NULL, ENOTDIR },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int fd = rootfs_mkfile(w->root, cases[i].path, 0604, 5, 6);
		if (!cases[i].want) {
			assert_int_equal(fd, -cases[i].error);
			continue;
		}
		assert_true(fd >= 0);
		assert_int_equal(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
		assert_true(same_file(fd, w->root, cases[i].want));
		close(fd);
	}
	tree_assert_text(w->root, "kept", "text");
	assert_int_equal(fstatat(w->root, "kept", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(fstatat(w->root, "a/b/c", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	assert_int_equal(st.st_uid, 5);
	assert_int_equal(st.st_gid, 6);
	assert_host_untouched(w);
}

static void test_parent(void **state)
{
	struct world *w = *state;
	char name[NAME_MAX + 1];
	static const struct {
		const char *path, *dir, *name;
	} cases[] = {
		{ "/a/b", "a", "b" },
		{ "link/x", "a", "x" },
		{ "link", ".", "link" },
		{ "a/b///", "a", "b" },
		{ "x", ".", "x" },
		{ "/", ".", "." },
		{ "", ".", "." },
		{ "a/..", ".", "." },
		{ "a/.", "a", "." },
		{ "../../x", ".", "x" },
	};

	tree_dir(w->root, "a", 0755);
	tree_link(w->root, "link", "/a");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int fd = -1;
		assert_int_equal(rootfs_parent(w->root, cases[i].path, &fd, name), 0);
		assert_true(same_file(fd, w->root, cases[i].dir));
		assert_string_equal(name, cases[i].name);
		close(fd);
	}
	int fd = -7;
	assert_int_equal(rootfs_parent(w->root, "no/x", &fd, name), -ENOENT);
	assert_int_equal(fd, -7);
}

static void test_readlink(void **state)
{
	struct world *w = *state;
	char buf[8];

	tree_link(w->root, "short", "/abc");
	tree_link(w->root, "long", "12345678");
	tree_file(w->root, "file", "", 0644);
	assert_int_equal(rootfs_readlink(w->root, "short", buf, sizeof buf), 4);
	assert_string_equal(buf, "/abc");
	assert_int_equal(rootfs_readlink(w->root, "long", buf, sizeof buf), -ENAMETOOLONG);
	assert_int_equal(rootfs_readlink(w->root, "file", buf, sizeof buf), -EINVAL);
	assert_int_equal(rootfs_readlink(w->root, "none", buf, sizeof buf), -ENOENT);
}

static void test_open_file_kinds(void **state)
{
	struct world *w = *state;
	char buf[16];

	tree_file(w->root, "file", "text", 0644);
	tree_link(w->root, "link", "/file");
	tree_dir(w->root, "dir", 0755);
	assert_int_equal(mkfifoat(w->root, "fifo", 0600), 0);
	assert_int_equal(mknodat(w->root, "device", S_IFCHR | 0600, makedev(1, 5)), 0);
	assert_int_equal(rootfs_open_file(w->root, "dir"), -EISDIR);
	assert_int_equal(rootfs_open_file(w->root, "fifo"), -EINVAL);
	assert_int_equal(rootfs_open_file(w->root, "device"), -EINVAL);
	assert_int_equal(rootfs_open_file(w->root, "none"), -ENOENT);
	int fd = rootfs_open_file(w->root, "link");
	assert_true(fd >= 0);
	assert_int_equal(read(fd, buf, sizeof buf), 4);
	close(fd);
}

static void test_check_device(void **state)
{
	struct world *w = *state;

	assert_int_equal(mknodat(w->root, "null", S_IFCHR | 0600, makedev(1, 3)), 0);
	tree_link(w->root, "fake", "/null");
	tree_file(w->root, "plain", "", 0600);
	int null = rootfs_open(w->root, "null", O_PATH | O_NOFOLLOW, 0);
	int fake = rootfs_open(w->root, "fake", O_PATH | O_NOFOLLOW, 0);
	int plain = rootfs_open(w->root, "plain", O_PATH, 0);
	assert_int_equal(rootfs_check_device(null, 1, 3), 0);
	assert_int_equal(rootfs_check_device(null, 1, 5), -ENODEV);
	assert_int_equal(rootfs_check_device(fake, 1, 3), -ENODEV);
	assert_int_equal(rootfs_check_device(plain, 1, 3), -ENODEV);
	assert_int_equal(rootfs_check_file(fake), -ELOOP);
	assert_int_equal(rootfs_check_file(plain), 0);
	assert_int_equal(rootfs_check_file(w->root), -EISDIR);
	assert_int_equal(rootfs_check_dir(plain), -ENOTDIR);
	close(null);
	close(fake);
	close(plain);
}

/* ---- races ---------------------------------------------------------------------- */

static pid_t start_swapper(int root)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		renameat2(root, "dir", root, "swap", RENAME_EXCHANGE);
		renameat2(root, "dir/sub", root, "swap2", RENAME_EXCHANGE);
	}
}

/* A directory changes places with a symlink to the host while paths through it are made. */
static void test_creation_under_swapper(void **state)
{
	struct world *w = *state;
	unsigned made = 0;

	tree_dir(w->root, "dir", 0755);
	tree_dir(w->root, "dir/sub", 0755);
	tree_link(w->root, "swap", "../../../../../../../../host");
	tree_link(w->root, "swap2", w->dir);
	pid_t pid = start_swapper(w->root);
	int64_t end = clock_mono_ns() + 2 * CLOCK_S;
	for (unsigned i = 0; clock_mono_ns() < end; i++) {
		char path[64];
		snprintf(path, sizeof path, "dir/sub/%u/../n%u/x", i % 50, i % 50);
		int fd = rootfs_mkdirs(w->root, path, 0755, 7, 7);
		made += fd >= 0;
		if (fd >= 0)
			close(fd);
		snprintf(path, sizeof path, "dir/sub/f%u", i % 50);
		fd = rootfs_mkfile(w->root, path, 0644, 7, 7);
		made += fd >= 0;
		if (fd >= 0)
			close(fd);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(made > 100);
	assert_host_untouched(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_open_symlinks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_magic_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_beneath, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mkdirs_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mkdirs_link_chain_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mkdirs_mode_and_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mkdirs_path_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mkfile_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_readlink, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_file_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_check_device, setup, teardown),
		cmocka_unit_test_setup_teardown(test_creation_under_swapper, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
