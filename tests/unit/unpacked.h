/* SPDX-License-Identifier: Apache-2.0 */
/* A directory to unpack into, and beside it what must stay as it is; for the tests of lib/archive. */
#ifndef GANTRY_TESTS_UNPACKED_H
#define GANTRY_TESTS_UNPACKED_H

#include "lib/archive/unpack.h"
#include "tests/unit/tarball.h"

static char dir[64];
static int top, root;
static struct error err;
static struct archive_unpacked done;

static inline int setup(void **state)
{
	(void)state;
	tree_new(dir, sizeof dir);
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tree_dir(top, "host", 0755);
	tree_file(top, "host/canary", "alive", 0644);
	tree_dir(top, "root", 0755);
	root = openat(top, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = ERROR_INIT;
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	tree_assert_text(top, "host/canary", "alive");
	assert_int_equal(tree_count(top, "host"), 1);
	assert_int_equal(tree_count(top, "."), 2);
	tree_free(dir);
	close(root);
	close(top);
	return 0;
}

static inline int unpack_with(struct tarball *t, struct archive_unpack_options *options)
{
	int fd = tarball_fd(t);
	int r = archive_unpack(fd, root, options, &done, &err);

	close(fd);
	return r;
}

static inline int unpack(struct tarball *t, enum archive_whiteouts style)
{
	struct archive_unpack_options options = { .whiteouts = style, .limits = ARCHIVE_LIMITS_INIT };

	return unpack_with(t, &options);
}

static inline struct stat stat_of(const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

#endif
