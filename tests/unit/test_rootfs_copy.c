/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/rootfs/copy.h"

#include "lib/rootfs/attrs.h"
#include "tests/unit/tree.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

static char dir[64];
static int top, src, dst;
static struct error err;

static int setup(void **state)
{
	(void)state;
	tree_new(dir, sizeof dir);
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tree_dir(top, "host", 0755);
	tree_file(top, "host/canary", "alive", 0644);
	tree_dir(top, "src", 0755);
	tree_dir(top, "dst", 0755);
	src = openat(top, "src", O_PATH | O_DIRECTORY | O_CLOEXEC);
	dst = openat(top, "dst", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = ERROR_INIT;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_free(dir);
	close(src);
	close(dst);
	close(top);
	return 0;
}

static struct stat stat_of(int dirfd, const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

static void assert_same(const char *path)
{
	struct stat a = stat_of(src, path), b = stat_of(dst, path);

	assert_int_equal(a.st_mode, b.st_mode);
	assert_int_equal(a.st_uid, b.st_uid);
	assert_int_equal(a.st_gid, b.st_gid);
	assert_int_equal(a.st_rdev, b.st_rdev);
	assert_int_equal(a.st_nlink, b.st_nlink);
	assert_int_equal(a.st_mtim.tv_sec, b.st_mtim.tv_sec);
	assert_int_equal(a.st_mtim.tv_nsec, b.st_mtim.tv_nsec);
	if (!S_ISDIR(a.st_mode))
		assert_int_equal(a.st_size, b.st_size);
}

static void set_time(const char *path, time_t seconds)
{
	const struct timespec times[2] = { { seconds, 123456789 }, { seconds, 987654321 } };

	assert_int_equal(utimensat(src, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void test_copy_every_kind(void **state)
{
	static const char *const paths[] = { "a", "a/file", "a/empty", "a/link", "a/fifo", "a/null", "a/sock",
		"a/suid", "a/b", "." };
	struct rootfs_copied done;

	(void)state;
	tree_dir(src, "a", 0751);
	tree_file(src, "a/file", "content", 0640);
	tree_file(src, "a/empty", "", 0);
	tree_file(src, "a/suid", "x", 0600);
	assert_int_equal(fchownat(src, "a/suid", 33, 44, 0), 0);
	assert_int_equal(fchmodat(src, "a/suid", 06755, 0), 0);
	tree_link(src, "a/link", "../../host/canary");
	assert_int_equal(fchownat(src, "a/link", 5, 6, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(mkfifoat(src, "a/fifo", 0666), 0);
	assert_int_equal(mknodat(src, "a/null", S_IFCHR | 0600, makedev(1, 3)), 0);
	assert_int_equal(fchmodat(src, "a/null", 0666, 0), 0);
	assert_int_equal(mknodat(src, "a/sock", S_IFSOCK | 0600, 0), 0);
	tree_dir(src, "a/b", 01777);
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		set_time(paths[i], 1000000 + (time_t)i);
	assert_int_equal(rootfs_copy_tree(src, dst, NULL, &done, &err), 0);
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		assert_same(paths[i]);
	tree_assert_text(dst, "a/file", "content");
	tree_assert_link(dst, "a/link", "../../host/canary");
	assert_int_equal(done.entries, 9);
	assert_int_equal(done.bytes, 8);
}

static void test_copy_hard_links(void **state)
{
	(void)state;
	tree_dir(src, "a", 0755);
	tree_dir(src, "b", 0755);
	tree_file(src, "a/one", "shared", 0644);
	assert_int_equal(linkat(src, "a/one", src, "b/two", 0), 0);
	assert_int_equal(linkat(src, "a/one", src, "three", 0), 0);
	assert_int_equal(rootfs_copy_tree(src, dst, NULL, NULL, &err), 0);
	assert_same("a/one");
	assert_int_equal(stat_of(dst, "a/one").st_ino, stat_of(dst, "b/two").st_ino);
	assert_int_equal(stat_of(dst, "a/one").st_ino, stat_of(dst, "three").st_ino);
	tree_assert_text(dst, "b/two", "shared");
}

static void test_copy_hard_links_bounded(void **state)
{
	struct rootfs_copy_options options = { .links_max = 1 };
	char a[16], b[16];

	(void)state;
	for (int i = 0; i < 3; i++) {
		snprintf(a, sizeof a, "a%d", i);
		snprintf(b, sizeof b, "b%d", i);
		tree_file(src, a, "", 0600);
		assert_int_equal(linkat(src, a, src, b, 0), 0);
	}
	assert_int_equal(rootfs_copy_tree(src, dst, &options, NULL, &err), -EMLINK);
	assert_int_equal(err.kind, ERROR_EXHAUSTED);
}

static void test_copy_sparse_and_large(void **state)
{
	static char data[300000];
	static char got[sizeof data];
	struct rootfs_copied done;

	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i * 7 + i / 255);
	tree_file_n(src, "large", data, sizeof data, 0644);
	int fd = openat(src, "sparse", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(pwrite(fd, "end", 3, INT64_C(4) << 30), 3);
	assert_int_equal(ftruncate(fd, INT64_C(5) << 30), 0);
	close(fd);
	assert_int_equal(rootfs_copy_tree(src, dst, NULL, &done, &err), 0);
	assert_same("large");
	assert_same("sparse");
	assert_true(stat_of(dst, "sparse").st_blocks < 1000);
	fd = openat(dst, "large", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, got, sizeof got), sizeof got);
	assert_memory_equal(got, data, sizeof data);
	close(fd);
	fd = openat(dst, "sparse", O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, got, 3, INT64_C(4) << 30), 3);
	assert_memory_equal(got, "end", 3);
	close(fd);
	assert_true(done.bytes >= sizeof data + 3);
}

static void test_copy_xattrs(void **state)
{
	static const unsigned char cap[20] = { 1, 0, 0, 2, 0, 4 };
	char value[64];

	(void)state;
	tree_file(src, "f", "x", 0755);
	int fd = openat(src, "f", O_RDONLY | O_CLOEXEC);
	if (fsetxattr(fd, "user.kept", "v", 1, 0) < 0 ||
		fsetxattr(fd, "security.capability", cap, sizeof cap, 0) < 0) {
		close(fd);
		print_message("# skip: no extended attributes here: %s\n", strerror(errno));
		skip();
	}
	assert_int_equal(fsetxattr(fd, "user.overlay.opaque", "y", 1, 0), 0);
	fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0);
	close(fd);
	assert_int_equal(rootfs_copy_tree(src, dst, NULL, NULL, &err), 0);
	fd = openat(dst, "f", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fgetxattr(fd, "user.kept", value, sizeof value), 1);
	assert_int_equal(fgetxattr(fd, "security.capability", value, sizeof value), sizeof cap);
	assert_memory_equal(value, cap, sizeof cap);
	assert_int_equal(fgetxattr(fd, "user.overlay.opaque", value, sizeof value), -1);
	assert_int_equal(fgetxattr(fd, "trusted.overlay.opaque", value, sizeof value), -1);
	close(fd);
}

static void test_xattr_allowed_names(void **state)
{
	(void)state;
	assert_true(rootfs_xattr_allowed("user.x"));
	assert_true(rootfs_xattr_allowed("security.capability"));
	assert_true(rootfs_xattr_allowed("system.posix_acl_access"));
	assert_false(rootfs_xattr_allowed("security.selinux"));
	assert_false(rootfs_xattr_allowed("security.capability2"));
	assert_false(rootfs_xattr_allowed("trusted.overlay.opaque"));
	assert_false(rootfs_xattr_allowed("trusted.x"));
	assert_false(rootfs_xattr_allowed("user.overlay.redirect"));
	assert_false(rootfs_xattr_allowed("user"));
	assert_false(rootfs_xattr_allowed(""));
}

static void make_conflicts(void)
{
	tree_file(src, "file", "new", 0644);
	tree_dir(src, "both", 0755);
	tree_file(src, "both/new", "new", 0644);
	tree_file(src, "waslink", "new", 0644);
	tree_dir(src, "wasdirlink", 0755);
	tree_file(src, "wasdirlink/canary", "new", 0644);
	tree_file(dst, "file", "old", 0644);
	tree_dir(dst, "both", 0700);
	tree_file(dst, "both/old", "old", 0644);
	tree_link(dst, "waslink", "../host/canary");
	tree_link(dst, "wasdirlink", "../host");
}

static void test_copy_keeps_what_exists(void **state)
{
	(void)state;
	make_conflicts();
	assert_int_equal(rootfs_copy_tree(src, dst, NULL, NULL, &err), 0);
	tree_assert_text(dst, "file", "old");
	tree_assert_text(dst, "both/old", "old");
	tree_assert_text(dst, "both/new", "new");
	tree_assert_link(dst, "waslink", "../host/canary");
	tree_assert_link(dst, "wasdirlink", "../host");
	tree_assert_text(top, "host/canary", "alive");
}

static void test_copy_replaces_what_exists(void **state)
{
	struct rootfs_copy_options options = { .replace = true };

	(void)state;
	make_conflicts();
	assert_int_equal(rootfs_copy_tree(src, dst, &options, NULL, &err), 0);
	tree_assert_text(dst, "file", "new");
	tree_assert_text(dst, "both/old", "old");
	tree_assert_text(dst, "waslink", "new");
	tree_assert_text(dst, "wasdirlink/canary", "new");
	tree_assert_text(top, "host/canary", "alive");
}

static void test_copy_deep_tree(void **state)
{
	struct rlimit few = { 128, 128 }, old;
	int levels = 2000;

	(void)state;
	int at = fcntl(src, F_DUPFD_CLOEXEC, 0);
	for (int i = 0; i < levels; i++) {
		assert_int_equal(mkdirat(at, "d", 0755), 0);
		if (i % 10 == 0)
			tree_file(at, "f", "x", 0600);
		int next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
	}
	close(at);
	getrlimit(RLIMIT_NOFILE, &old);
	few.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_NOFILE, &few);
	struct rootfs_copied done;
	int r = rootfs_copy_tree(src, dst, NULL, &done, &err);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(r, 0);
	assert_int_equal(done.bytes, levels / 10);
	assert_int_equal(done.entries, levels + levels / 10);
}

static void test_copy_cancelled(void **state)
{
	struct rootfs_cancel late = { .fd = -1, .deadline_ns = 1 };
	struct rootfs_copy_options options = { .cancel = &late };

	(void)state;
	tree_file(src, "f", "x", 0600);
	assert_int_equal(rootfs_copy_tree(src, dst, &options, NULL, &err), -ETIMEDOUT);
	assert_int_equal(err.kind, ERROR_TIMEOUT);
	assert_false(tree_exists(dst, "f"));
}

static int copy_with_mounts(void)
{
	struct rootfs_copy_options cross = { .cross_mounts = true };

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		chdir(dir) < 0)
		return 2;
	if (mount("host", "src/m", NULL, MS_BIND, NULL) < 0)
		return 3;
	/* a descriptor from before shows the mounts of the namespace it was opened in */
	int here = open("src", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = rootfs_copy_tree(here, dst, NULL, NULL, &err);
	if (r != -EXDEV || err.kind != ERROR_CONFLICT || access("dst/m/canary", F_OK) == 0)
		return 4;
	r = rootfs_copy_tree(here, dst, &cross, NULL, &err);
	return r == 0 && access("dst/m/canary", F_OK) == 0 ? 0 : 5;
}

static void test_copy_at_mounts(void **state)
{
	int status;

	(void)state;
	tree_dir(src, "m", 0755);
	pid_t pid = fork();
	if (pid == 0)
		_exit(copy_with_mounts());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2) {
		print_message("# skip: no mount namespace: needs root\n");
		skip();
	}
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_copy_every_kind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy_hard_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy_hard_links_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy_sparse_and_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy_xattrs, setup, teardown),
		cmocka_unit_test(test_xattr_allowed_names),
		cmocka_unit_test_setup_teardown(test_copy_keeps_what_exists, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy_replaces_what_exists, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy_deep_tree, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy_cancelled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy_at_mounts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
