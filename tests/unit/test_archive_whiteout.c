/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/archive/whiteout.h"

#include "tests/unit/unpacked.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>

static void assert_mark(const char *path)
{
	struct stat st = stat_of(path);

	assert_int_equal(st.st_mode & S_IFMT, S_IFCHR);
	assert_int_equal(st.st_rdev, makedev(0, 0));
}

static bool is_opaque(const char *path, const char *xattr)
{
	char value[4];
	int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ssize_t n = fgetxattr(fd, xattr, value, sizeof value);

	close(fd);
	return n == 1 && value[0] == 'y';
}

/* Deletions before and behind entries of the same names. */
static void add_whiteouts(struct tarball *t)
{
	TARBALL_FILE(t, ".wh.gone", "");
	TARBALL_FILE(t, ".wh..wh.plnk", "");
	TARBALL_FILE(t, ".wh..wh.orph/x", "");
	TARBALL_DIR(t, "opaque");
	TARBALL_FILE(t, "opaque/before", "new");
	TARBALL_FILE(t, "opaque/sub/before", "new");
	TARBALL_FILE(t, "opaque/.wh..wh..opq", "");
	TARBALL_FILE(t, "opaque/after", "new");
	TARBALL_FILE(t, ".wh.dir", "");
	TARBALL_DIR(t, "dir");
	TARBALL_FILE(t, "dir/new", "new");
	TARBALL_DIR(t, "dir2");
	TARBALL_FILE(t, "dir2/new", "new");
	TARBALL_FILE(t, ".wh.dir2", "");
	TARBALL_FILE(t, ".wh.dir3", "");
	TARBALL_FILE(t, "dir3/sub/new", "new");
	TARBALL_FILE(t, ".wh.file", "");
	TARBALL_FILE(t, "file", "new");
	TARBALL_FILE(t, "file2", "new");
	TARBALL_FILE(t, ".wh.file2", "");
}

static void assert_new_entries(void)
{
	static const char *const paths[] = { "opaque/before", "opaque/sub/before", "opaque/after", "dir/new",
		"dir2/new", "dir3/sub/new", "file", "file2" };

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		tree_assert_text(root, paths[i], "new");
	assert_false(tree_exists(root, ".wh..wh.plnk"));
	assert_false(tree_exists(root, ".wh..wh.orph"));
}

static void test_whiteouts_overlay(void **state)
{
	static const char *const opaque[] = { "opaque", "dir", "dir2", "dir3" };
	struct tarball t = { 0 };

	(void)state;
	add_whiteouts(&t);
	assert_int_equal(unpack(&t, ARCHIVE_WHITEOUT_OVERLAY), 0);
	assert_new_entries();
	assert_mark("gone");
	for (size_t i = 0; i < sizeof opaque / sizeof opaque[0]; i++)
		assert_true(is_opaque(opaque[i], "trusted.overlay.opaque"));
	assert_false(is_opaque("opaque/sub", "trusted.overlay.opaque"));
}

static void test_whiteouts_overlay_user(void **state)
{
	struct tarball t = { 0 };

	(void)state;
	if (fsetxattr(root, "user.probe", "y", 1, 0) < 0) {
		print_message("# skip: no user attributes here: %s\n", strerror(errno));
		skip();
	}
	add_whiteouts(&t);
	assert_int_equal(unpack(&t, ARCHIVE_WHITEOUT_OVERLAY_USER), 0);
	assert_new_entries();
	assert_mark("gone");
	assert_true(is_opaque("opaque", "user.overlay.opaque"));
	assert_false(is_opaque("opaque", "trusted.overlay.opaque"));
}

static void test_whiteouts_aufs(void **state)
{
	struct tarball t = { 0 };

	(void)state;
	add_whiteouts(&t);
	assert_int_equal(unpack(&t, ARCHIVE_WHITEOUT_AUFS), 0);
	assert_new_entries();
	assert_true(tree_exists(root, ".wh.gone"));
	assert_false(tree_exists(root, ".wh.file"));
	assert_false(tree_exists(root, ".wh.file2"));
	assert_false(tree_exists(root, ".wh.dir3"));
	assert_true(tree_exists(root, "opaque/.wh..wh..opq"));
	assert_true(tree_exists(root, "dir/.wh..wh..opq"));
	assert_true(tree_exists(root, "dir2/.wh..wh..opq"));
	assert_true(tree_exists(root, "dir3/.wh..wh..opq"));
}

static void test_whiteouts_applied(void **state)
{
	static const char *const dirs[] = { "opaque", "dir", "dir2", "dir3", "gone", "opaque/sub",
		"opaque/old" };
	struct tarball t = { 0 };
	char path[64];

	(void)state;
	for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
		tree_dir(root, dirs[i], 0755);
		snprintf(path, sizeof path, "%s/old-file", dirs[i]);
		tree_file(root, path, "old", 0644);
	}
	tree_file(root, "file", "old", 0644);
	tree_file(root, "kept", "old", 0644);
	tree_link(root, "gone/link", "../../host");
	add_whiteouts(&t);
	assert_int_equal(unpack(&t, ARCHIVE_WHITEOUT_APPLY), 0);
	assert_new_entries();
	assert_false(tree_exists(root, "gone"));
	tree_assert_text(root, "kept", "old");
	for (size_t i = 0; i < 6; i++) {
		snprintf(path, sizeof path, "%s/old-file", dirs[i]);
		assert_false(tree_exists(root, path));
	}
	assert_false(tree_exists(root, "opaque/old"));
	assert_int_equal(tree_count(root, "."), 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whiteouts_overlay),
		TEST(test_whiteouts_overlay_user),
		TEST(test_whiteouts_aufs),
		TEST(test_whiteouts_applied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
