/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/archive/pack.h"

#include "lib/archive/tar_write.h"
#include "tests/unit/unpacked.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

static struct archive_pack_options pack_options = { .whiteouts = ARCHIVE_WHITEOUT_NONE };
static struct archive_packed packed;
static int src;

static int setup_pack(void **state)
{
	int r = setup(state);

	tree_dir(top, "src", 0755);
	src = openat(top, "src", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pack_options = (struct archive_pack_options){ .whiteouts = ARCHIVE_WHITEOUT_NONE };
	return r;
}

static int teardown_pack(void **state)
{
	(void)state;
	tree_assert_text(top, "host/canary", "alive");
	close(src);
	close(root);
	close(top);
	tree_free(dir);
	return 0;
}

static int pack(const char *name, const char *as)
{
	int fd = tarball_bytes_fd("", 0);

	assert_int_equal(archive_pack(src, name, as, fd, &pack_options, &packed, &err), 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), packed.bytes);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void unpack_fd(int fd, enum archive_whiteouts style)
{
	struct archive_unpack_options options = { .whiteouts = style, .limits = ARCHIVE_LIMITS_INIT };

	if (archive_unpack(fd, root, &options, &done, &err) < 0)
		fail_msg("%s", err.text);
	close(fd);
}

static void assert_same(const char *from, const char *to)
{
	struct stat a, b = stat_of(to);

	assert_int_equal(fstatat(src, from, &a, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(a.st_mode, b.st_mode);
	assert_int_equal(a.st_uid, b.st_uid);
	assert_int_equal(a.st_gid, b.st_gid);
	assert_int_equal(a.st_rdev, b.st_rdev);
	assert_int_equal(a.st_mtim.tv_sec, b.st_mtim.tv_sec);
	if (!S_ISDIR(a.st_mode))
		assert_int_equal(a.st_size, b.st_size);
}

static void test_round_trip(void **state)
{
	static const char *const paths[] = { "d", "d/file", "d/empty", "d/link", "d/sub", "fifo", "null",
		"hard", "old" };
	const struct timespec old[2] = { { -1000, 0 }, { -1000, 0 } };
	char value[8];

	(void)state;
	tree_dir(src, "d", 01775);
	tree_file(src, "d/file", "text", 0644);
	assert_int_equal(fchownat(src, "d/file", 3000000, 4, 0), 0);
	assert_int_equal(fchmodat(src, "d/file", 04755, 0), 0);
	tree_file(src, "d/empty", "", 0);
	tree_link(src, "d/link", "../../host");
	tree_dir(src, "d/sub", 0700);
	tree_file(src, "old", "x", 0600);
	assert_int_equal(utimensat(src, "old", old, 0), 0);
	assert_int_equal(mkfifoat(src, "fifo", 0640), 0);
	assert_int_equal(mknodat(src, "null", S_IFCHR | 0600, makedev(1, 3)), 0);
	assert_int_equal(linkat(src, "d/file", src, "hard", 0), 0);
	int fd = openat(src, "d/file", O_RDONLY | O_CLOEXEC);
	bool attributes = fsetxattr(fd, "user.kept", "va\nl", 4, 0) == 0;
	fsetxattr(fd, "user.overlay.origin", "x", 1, 0);
	close(fd);
	unpack_fd(pack(NULL, ""), ARCHIVE_WHITEOUT_NONE);
	assert_int_equal(packed.entries, 9);
	assert_int_equal(done.entries, 9);
	assert_int_equal(done.dropped_xattrs, 0);
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		assert_same(paths[i], paths[i]);
	assert_int_equal(stat_of("hard").st_ino, stat_of("d/file").st_ino);
	tree_assert_text(root, "d/file", "text");
	tree_assert_link(root, "d/link", "../../host");
	fd = openat(root, "d/file", O_RDONLY | O_CLOEXEC);
	if (attributes) {
		assert_int_equal(fgetxattr(fd, "user.kept", value, sizeof value), 4);
		assert_memory_equal(value, "va\nl", 4);
	}
	close(fd);
}

/* Names and links on both sides of each limit of the header. */
static void test_long_names(void **state)
{
	static const size_t lengths[] = { 1, 98, 99, 100, 101, 154, 155, 200, 254, 255 };
	char name[256], path[600];

	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		memset(name, 'a' + (int)i, lengths[i]);
		name[lengths[i]] = '\0';
		tree_dir(src, name, 0755);
		snprintf(path, sizeof path, "%s/%s", name, name);
		tree_link(src, path, name);
	}
	unpack_fd(pack(NULL, ""), ARCHIVE_WHITEOUT_NONE);
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		memset(name, 'a' + (int)i, lengths[i]);
		name[lengths[i]] = '\0';
		snprintf(path, sizeof path, "%s/%s", name, name);
		tree_assert_link(root, path, name);
	}
}

static void test_single_entries(void **state)
{
	(void)state;
	tree_dir(src, "d", 0755);
	tree_file(src, "d/file", "text", 0644);
	tree_link(src, "link", "d/file");
	unpack_fd(pack("d", "other"), ARCHIVE_WHITEOUT_NONE);
	tree_assert_text(root, "other/file", "text");
	unpack_fd(pack("link", "a-link"), ARCHIVE_WHITEOUT_NONE);
	tree_assert_link(root, "a-link", "d/file");
	unpack_fd(pack(NULL, "under/here"), ARCHIVE_WHITEOUT_NONE);
	tree_assert_text(root, "under/here/d/file", "text");
	assert_int_equal(archive_pack(src, "none", "x", src, &pack_options, &packed, &err), -ENOENT);
	assert_string_equal(err.text, "cannot pack 'none': No such file or directory");
}

/* Through a pipe, where the kernel moves the data in pieces. */
static void test_large_files_into_a_pipe(void **state)
{
	size_t n = 3000000;
	char *data = malloc(n), *got = malloc(n);
	int pipes[2], status;

	(void)state;
	for (size_t i = 0; i < n; i++)
		data[i] = (char)((i * i) >> 9);
	tree_file_n(src, "large", data, n, 0644);
	tree_file(src, "small", "text", 0644);
	assert_int_equal(pipe(pipes), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(pipes[0]);
		_exit(archive_pack(src, NULL, "", pipes[1], &pack_options, &packed, &err) != 0);
	}
	close(pipes[1]);
	unpack_fd(pipes[0], ARCHIVE_WHITEOUT_NONE);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	int fd = openat(root, "large", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, got, n), n);
	assert_memory_equal(got, data, n);
	close(fd);
	free(data);
	free(got);
}

static void test_sockets_are_left_out(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	(void)state;
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(a.sun_path, sizeof a.sun_path, "%s/src/sock", dir);
	assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof a), 0);
	close(s);
	tree_file(src, "file", "text", 0644);
	unpack_fd(pack(NULL, ""), ARCHIVE_WHITEOUT_NONE);
	assert_int_equal(tree_count(root, "."), 1);
	assert_int_equal(archive_pack(src, "sock", "x", src, &pack_options, &packed, &err), -EINVAL);
}

static void test_whiteouts_come_out_again(void **state)
{
	struct tarball t = { 0 };

	(void)state;
	TARBALL_DIR(&t, "d");
	TARBALL_FILE(&t, "d/.wh.gone", "");
	TARBALL_FILE(&t, "d/new", "new");
	TARBALL_DIR(&t, "o");
	TARBALL_FILE(&t, "o/.wh..wh..opq", "");
	int layer = tarball_fd(&t);
	struct archive_unpack_options options = { .whiteouts = ARCHIVE_WHITEOUT_OVERLAY,
		.limits = ARCHIVE_LIMITS_INIT };
	assert_int_equal(archive_unpack(layer, src, &options, &done, &err), 0);
	close(layer);
	pack_options.whiteouts = ARCHIVE_WHITEOUT_OVERLAY;
	tree_dir(root, "d", 0755);
	tree_file(root, "d/gone", "old", 0644);
	tree_file(root, "d/kept", "old", 0644);
	tree_dir(root, "o", 0755);
	tree_file(root, "o/gone", "old", 0644);
	unpack_fd(pack(NULL, ""), ARCHIVE_WHITEOUT_APPLY);
	assert_false(tree_exists(root, "d/gone"));
	assert_false(tree_exists(root, "o/gone"));
	tree_assert_text(root, "d/kept", "old");
	tree_assert_text(root, "d/new", "new");
}

static int pack_with_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		chdir(dir) < 0)
		return 2;
	if (mount("host", "src/m", NULL, MS_BIND, NULL) < 0)
		return 3;
	/* a descriptor from before shows the mounts of the namespace it was opened in */
	src = open("src", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unpack_fd(pack(NULL, ""), ARCHIVE_WHITEOUT_NONE);
	if (!tree_exists(root, "m") || tree_exists(root, "m/canary"))
		return 4;
	pack_options.cross_mounts = true;
	unpack_fd(pack(NULL, ""), ARCHIVE_WHITEOUT_NONE);
	return tree_exists(root, "m/canary") ? 0 : 5;
}

static void test_mounts(void **state)
{
	int status;

	(void)state;
	tree_dir(src, "m", 0755);
	pid_t pid = fork();
	if (pid == 0)
		_exit(pack_with_mounts());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2) {
		print_message("# skip: no mount namespace: needs root\n");
		skip();
	}
	assert_int_equal(status, 0);
}

/* A file that gets shorter while it is packed still fills the place its header promised. */
static void test_writer_fills_what_is_missing(void **state)
{
	struct tar_entry e = { .type = TAR_FILE, .name = "f", .link = "", .mode = 0644, .size = 200000 };
	struct tar_entry last = { .type = TAR_FILE, .name = "last", .link = "", .mode = 0644, .size = 4 };
	struct tar_writer *w = NULL;
	uint64_t bytes;

	(void)state;
	int out = tarball_bytes_fd("", 0), in = tarball_bytes_fd("short", 5);
	assert_int_equal(tar_writer_new(out, &w, &err), 0);
	assert_int_equal(tar_writer_entry(w, &e, &err), 0);
	assert_int_equal(tar_writer_file(w, in, e.size, &err), 0);
	assert_int_equal(tar_writer_entry(w, &last, &err), 0);
	assert_int_equal(tar_writer_data(w, "text", 4, &err), 0);
	assert_int_equal(tar_writer_end(w, &bytes, &err), 0);
	tar_writer_free(w);
	close(in);
	assert_int_equal(bytes % 512, 0);
	assert_int_equal(lseek(out, 0, SEEK_SET), 0);
	unpack_fd(out, ARCHIVE_WHITEOUT_NONE);
	assert_int_equal(stat_of("f").st_size, 200000);
	tree_assert_text(root, "last", "text");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_pack, teardown_pack)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip),
		TEST(test_long_names),
		TEST(test_single_entries),
		TEST(test_large_files_into_a_pipe),
		TEST(test_sockets_are_left_out),
		TEST(test_whiteouts_come_out_again),
		TEST(test_mounts),
		TEST(test_writer_fills_what_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
