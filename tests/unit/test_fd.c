/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/fd.h"

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

static char dir[64];
static int dirfd_ = -1;

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/gantry-test-fd-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dirfd_ < 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlinkat(dirfd_, "f", 0);
	close(dirfd_);
	return rmdir(dir);
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 512; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_fd_replace_then_read(void **state)
{
	auto_free char *text = NULL;
	struct stat st;
	size_t n;

	(void)state;
	assert_int_equal(fd_replace_file(dirfd_, "f", "one", 3, 0640, true), 0);
	assert_int_equal(fd_replace_file(dirfd_, "f", "second", 6, 0600, false), 0);
	assert_int_equal(fd_read_file(dirfd_, "f", 6, &text, &n), 0);
	assert_int_equal(n, 6);
	assert_string_equal(text, "second");
	assert_int_equal(fstatat(dirfd_, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(faccessat(dirfd_, "f.tmp", F_OK, 0), -1);
}

static void test_fd_replace_failure_leaves_nothing(void **state)
{
	(void)state;
	assert_int_equal(fd_replace_file(dirfd_, "none/f", "x", 1, 0600, false), -ENOENT);
	assert_int_equal(mkdirat(dirfd_, "d", 0700), 0);
	/* A folder stands where the file should go. */
	assert_int_equal(fd_replace_file(dirfd_, "d", "x", 1, 0600, false), -EISDIR);
	assert_int_equal(faccessat(dirfd_, "d.tmp", F_OK, 0), -1);
	assert_int_equal(unlinkat(dirfd_, "d", AT_REMOVEDIR), 0);
}

static void test_fd_read_file_limit(void **state)
{
	char *text = NULL;

	(void)state;
	assert_int_equal(fd_replace_file(dirfd_, "f", "12345", 5, 0600, false), 0);
	assert_int_equal(fd_read_file(dirfd_, "f", 4, &text, NULL), -EFBIG);
	assert_null(text);
	assert_int_equal(fd_read_file(dirfd_, "none", 4, &text, NULL), -ENOENT);
	assert_int_equal(fd_read_file(AT_FDCWD, "/proc/self/status", 1 << 20, &text, NULL), 0);
	assert_non_null(strstr(text, "Pid:"));
	free(text);
}

static void test_fd_write_file_existing_only(void **state)
{
	auto_free char *text = NULL;

	(void)state;
	assert_int_equal(fd_write_file(dirfd_, "none", "x"), -ENOENT);
	assert_int_equal(fd_replace_file(dirfd_, "f", "....", 4, 0600, false), 0);
	assert_int_equal(fd_write_file(dirfd_, "f", "ab"), 0);
	assert_int_equal(fd_read_file(dirfd_, "f", 10, &text, NULL), 0);
	assert_string_equal(text, "ab..");
}

static void test_fd_send_recv_descriptors(void **state)
{
	int pair[2], got[2], before = count_fds();
	size_t n = 2;
	char buf[8];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	int sent[] = { dirfd_, pair[0] };
	assert_int_equal(fd_send(pair[0], "hi", 2, sent, 2, 0), 2);
	assert_int_equal(fd_recv(pair[1], buf, sizeof buf, got, &n, 0), 2);
	assert_int_equal(n, 2);
	assert_true(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
	close(got[0]);
	close(got[1]);
	/* One more than there is room for: all of them go. */
	n = 1;
	assert_int_equal(fd_send(pair[0], "hi", 2, sent, 2, 0), 2);
	assert_int_equal(fd_recv(pair[1], buf, sizeof buf, got, &n, 0), -EMSGSIZE);
	assert_int_equal(n, 0);
	/* A message longer than the buffer. */
	n = 2;
	assert_int_equal(fd_send(pair[0], "123456789", 9, sent, 1, 0), 9);
	assert_int_equal(fd_recv(pair[1], buf, sizeof buf, got, &n, 0), -EMSGSIZE);
	close(pair[0]);
	assert_int_equal(fd_recv(pair[1], buf, sizeof buf, NULL, NULL, 0), 0);
	close(pair[1]);
	assert_int_equal(count_fds(), before);
}

static void test_fd_send_closed_peer(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	close(pair[1]);
	assert_int_equal(fd_send(pair[0], "x", 1, NULL, 0, 0), -EPIPE);
	close(pair[0]);
}

static void test_fd_reopen_path_descriptor(void **state)
{
	char buf[4] = "";

	(void)state;
	assert_int_equal(fd_replace_file(dirfd_, "f", "abc", 3, 0600, false), 0);
	auto_close int path = openat(dirfd_, "f", O_PATH | O_CLOEXEC);
	auto_close int fd = fd_reopen(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(fd_read_full(fd, buf, sizeof buf), 3);
	assert_string_equal(buf, "abc");
	assert_int_equal(fd_reopen(9999, O_RDONLY), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fd_replace_then_read),
		cmocka_unit_test(test_fd_replace_failure_leaves_nothing),
		cmocka_unit_test(test_fd_read_file_limit),
		cmocka_unit_test(test_fd_write_file_existing_only),
		cmocka_unit_test(test_fd_send_recv_descriptors),
		cmocka_unit_test(test_fd_send_closed_peer),
		cmocka_unit_test(test_fd_reopen_path_descriptor),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
