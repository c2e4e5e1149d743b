/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small trees for tests of what works on file systems: made by name below a descriptor,
 * looked at, deleted.  A step that fails ends the test.
 */
#ifndef GANTRY_TESTS_TREE_H
#define GANTRY_TESTS_TREE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* behind the headers that it needs */
#include <cmocka.h>

#include <dirent.h>

/* A fresh folder below $TMPDIR or /tmp; its name goes to buf. */
static inline void tree_new(char *buf, size_t size)
{
	const char *tmp = getenv("TMPDIR");

	assert_true(snprintf(buf, size, "%s/gantry-test-XXXXXX", tmp && strlen(tmp) < 32 ? tmp : "/tmp") > 0);
	assert_non_null(mkdtemp(buf));
}

static inline int tree_delete_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void tree_free(const char *dir)
{
	assert_int_equal(nftw(dir, tree_delete_one, 32, FTW_DEPTH | FTW_PHYS), 0);
}

static inline void tree_dir(int dirfd, const char *path, mode_t mode)
{
	assert_int_equal(mkdirat(dirfd, path, 0700), 0);
	assert_int_equal(fchmodat(dirfd, path, mode, 0), 0);
}

static inline void tree_file_n(int dirfd, const char *path, const void *data, size_t n, mode_t mode)
{
	int fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static inline void tree_file(int dirfd, const char *path, const char *text, mode_t mode)
{
	tree_file_n(dirfd, path, text, strlen(text), mode);
}

static inline void tree_link(int dirfd, const char *path, const char *target)
{
	assert_int_equal(symlinkat(target, dirfd, path), 0);
}

static inline bool tree_exists(int dirfd, const char *path)
{
	struct stat st;

	return fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline void tree_assert_text(int dirfd, const char *path, const char *text)
{
	char buf[4096];
	int fd = openat(dirfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	assert_true(fd >= 0);
	ssize_t n = read(fd, buf, sizeof buf - 1);
	assert_true(n >= 0);
	buf[n] = '\0';
	assert_string_equal(buf, text);
	close(fd);
}

static inline void tree_assert_link(int dirfd, const char *path, const char *target)
{
	char buf[4096];
	ssize_t n = readlinkat(dirfd, path, buf, sizeof buf - 1);

	assert_true(n >= 0);
	buf[n] = '\0';
	assert_string_equal(buf, target);
}

/* Entries of a directory. */
static inline int tree_count(int dirfd, const char *path)
{
	int n = 0;
	DIR *d = fdopendir(openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	assert_non_null(d);
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return n;
}

#endif
