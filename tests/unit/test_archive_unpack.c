/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/archive/unpack.h"

#include "tests/unit/unpacked.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>

/* ---- what is kept ---------------------------------------------------------------------- */

static void test_unpack_every_kind(void **state)
{
	struct tarball t = { 0 };
	struct stat st;

	(void)state;
	tarball_add(&t, (struct tarball_entry){ .type = '5', .name = "./", .mode = 0711, .mtime = 1000 });
	tarball_add(
		&t, (struct tarball_entry){ .type = '5', .name = "d/", .mode = 01777, .uid = 3, .gid = 4 });
	tarball_add(
		&t, (struct tarball_entry){
			    .type = '0', .name = "d/suid", .data = "x", .mode = 06755, .uid = 5, .gid = 6 });
	TARBALL_FILE(&t, "d/empty", "");
	TARBALL_LINK(&t, "d/link", "../../host/canary");
	TARBALL_HARD(&t, "hard", "d/suid");
	tarball_add(&t, (struct tarball_entry){ .type = '6', .name = "fifo", .mode = 0666 });
	tarball_add(&t,
		(struct tarball_entry){ .type = '3', .name = "null", .mode = 0666, .major = 1, .minor = 3 });
	tarball_add(&t,
		(struct tarball_entry){ .type = '4', .name = "loop", .mode = 0660, .major = 7, .minor = 1 });
	TARBALL_FILE(&t, "/abs/made/file", "text");
	assert_int_equal(unpack(&t, ARCHIVE_WHITEOUT_OVERLAY), 0);
	assert_int_equal(done.entries, 10);
	assert_int_equal(done.file_bytes, 5);
	st = stat_of("d/suid");
	assert_int_equal(st.st_mode, S_IFREG | 06755);
	assert_int_equal(st.st_uid, 5);
	assert_int_equal(st.st_gid, 6);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(st.st_mtim.tv_sec, TARBALL_TIME);
	st = stat_of("d");
	assert_int_equal(st.st_mode, S_IFDIR | 01777);
	assert_int_equal(st.st_mtim.tv_sec, TARBALL_TIME);
	assert_int_equal(stat_of(".").st_mtim.tv_sec, 1000);
	assert_int_equal(stat_of(".").st_mode, S_IFDIR | 0711);
	assert_int_equal(stat_of("null").st_rdev, makedev(1, 3));
	assert_int_equal(stat_of("null").st_mode, S_IFCHR | 0666);
	assert_int_equal(stat_of("loop").st_mode, S_IFBLK | 0660);
	assert_int_equal(stat_of("fifo").st_mode, S_IFIFO | 0666);
	assert_int_equal(stat_of("abs/made").st_mode, S_IFDIR | 0755);
	tree_assert_link(root, "d/link", "../../host/canary");
	assert_int_equal(stat_of("d/link").st_mtim.tv_sec, TARBALL_TIME);
	tree_assert_text(root, "abs/made/file", "text");
}

static void test_unpack_pax(void **state)
{
	struct tarball t = { 0 };
	char name[900], value[64];

	(void)state;
	for (int i = 0; i < 4; i++) {
		memset(name + i * 200, 'a' + i, 200);
		name[i * 200 + 199] = '/';
	}
	memcpy(name + 800, "e\xcc\x81\xff", 5);
	tarball_pax(&t, "path", name, "mtime", "1234567890.123456789", "uid", "3000000000", "size", "4",
		"SCHILY.xattr.user.kept", "v=1\n2", "SCHILY.xattr.trusted.overlay.opaque", "y",
		"SCHILY.xattr.user.overlay.opaque", "y", "comment", "x", NULL);
	tarball_add(&t, (struct tarball_entry){ .type = '0',
				.name = "short",
				.data = "text",
				.mode = 0644,
				.size_field = "00000000000" });
	tarball_pax(&t, "linkpath", "somewhere/else", NULL);
	TARBALL_LINK(&t, "link", "overridden");
	assert_int_equal(unpack(&t, ARCHIVE_WHITEOUT_OVERLAY), 0);
	assert_int_equal(done.dropped_xattrs, 2);
	struct stat st = stat_of(name);
	assert_int_equal(st.st_size, 4);
	assert_int_equal(st.st_uid, 3000000000);
	assert_int_equal(st.st_mtim.tv_sec, 1234567890);
	assert_int_equal(st.st_mtim.tv_nsec, 123456789);
	tree_assert_link(root, "link", "somewhere/else");
	int fd = openat(root, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fgetxattr(fd, "user.kept", value, sizeof value);
	if (n >= 0)
		assert_memory_equal(value, "v=1\n2", 5);
	assert_int_equal(fgetxattr(fd, "trusted.overlay.opaque", value, sizeof value), -1);
	assert_int_equal(fgetxattr(fd, "user.overlay.opaque", value, sizeof value), -1);
	close(fd);
}

static void test_unpack_gnu_long_names(void **state)
{
	struct tarball t = { 0 };
	char name[300], link[300];

	(void)state;
	memset(name, 'n', 150);
	memcpy(name + 150, "/file", 6);
	memset(link, 'l', 250);
	link[250] = '\0';
	tarball_add(&t,
		(struct tarball_entry){ .type = 'L', .name = "././@LongLink", .data = name, .data_n = 156 });
	TARBALL_FILE(&t, "cut", "text");
	tarball_add(&t,
		(struct tarball_entry){ .type = 'K', .name = "././@LongLink", .data = link, .data_n = 251 });
	TARBALL_LINK(&t, "link", "cut");
	assert_int_equal(unpack(&t, ARCHIVE_WHITEOUT_OVERLAY), 0);
	tree_assert_text(root, name, "text");
	tree_assert_link(root, "link", link);
}

static void test_unpack_names_are_bytes(void **state)
{
	struct tarball t = { 0 };

	(void)state;
	tarball_pax(&t, "path", "e\xcc\x81.txt", NULL);
	TARBALL_FILE(&t, "x", "nfd");
	tarball_pax(&t, "path", "\xc3\xa9.txt", NULL);
	TARBALL_FILE(&t, "x", "nfc");
	assert_int_equal(unpack(&t, ARCHIVE_WHITEOUT_OVERLAY), 0);
	tree_assert_text(root, "e\xcc\x81.txt", "nfd");
	tree_assert_text(root, "\xc3\xa9.txt", "nfc");
}

static void assert_sparse(const char *name)
{
	char buf[8];
	struct stat st = stat_of(name);
	int fd = openat(root, name, O_RDONLY | O_CLOEXEC);

	assert_int_equal(st.st_size, 10000000);
	assert_int_equal(pread(fd, buf, 4, 0), 4);
	assert_memory_equal(buf, "head", 4);
	assert_int_equal(pread(fd, buf, 4, 5000000), 4);
	assert_memory_equal(buf, "tail", 4);
	assert_int_equal(pread(fd, buf, 1, 4), 1);
	assert_int_equal(buf[0], 0);
	assert_true(st.st_blocks < 1000);
	close(fd);
}

static void test_unpack_sparse(void **state)
{
	struct tarball t = { 0 };
	char h[512], map[512 + 9] = "2\n0\n4\n5000000\n4\n";

	(void)state;
	memcpy(map + 512, "headtail", 8);
	tarball_pax(&t, "GNU.sparse.major", "1", "GNU.sparse.minor", "0", "GNU.sparse.name", "pax10",
		"GNU.sparse.realsize", "10000000", NULL);
	tarball_add(&t,
		(struct tarball_entry){ .type = '0', .name = "x", .data = map, .data_n = 520, .mode = 0644 });
	tarball_pax(&t, "GNU.sparse.size", "10000000", "GNU.sparse.numblocks", "2", "GNU.sparse.name",
		"pax01", "GNU.sparse.map", "0,4,5000000,4", NULL);
	TARBALL_FILE(&t, "x", "headtail");
	tarball_pax(&t, "GNU.sparse.size", "10000000", "GNU.sparse.numblocks", "2", "GNU.sparse.offset", "0",
		"GNU.sparse.numbytes", "4", "GNU.sparse.offset", "5000000", "GNU.sparse.numbytes", "4", NULL);
	TARBALL_FILE(&t, "pax00", "headtail");
	tarball_header(h, &(struct tarball_entry){ .type = 'S', .name = "gnu", .mode = 0644 }, 8);
	memcpy(h + 257, "ustar  ", 8);
	snprintf(h + 386, 12, "%011o", 0);
	snprintf(h + 398, 12, "%011o", 4);
	snprintf(h + 410, 12, "%011o", 5000000);
	snprintf(h + 422, 12, "%011o", 4);
	snprintf(h + 483, 12, "%011o", 10000000);
	tarball_checksum(h);
	tarball_bytes(&t, h, sizeof h);
	tarball_bytes(&t, "headtail", 8);
	tarball_pad(&t);
	assert_int_equal(unpack(&t, ARCHIVE_WHITEOUT_OVERLAY), 0);
	assert_sparse("pax10");
	assert_sparse("pax01");
	assert_sparse("pax00");
	assert_sparse("gnu");
}

static void test_unpack_later_entries_win(void **state)
{
	struct tarball t = { 0 };

	(void)state;
	TARBALL_FILE(&t, "a", "one");
	TARBALL_FILE(&t, "a", "two");
	TARBALL_DIR(&t, "b");
	TARBALL_FILE(&t, "b/x", "x");
	TARBALL_FILE(&t, "b", "file");
	TARBALL_FILE(&t, "c", "file");
	TARBALL_DIR(&t, "c");
	TARBALL_FILE(&t, "c/x", "x");
	TARBALL_DIR(&t, "c");
	TARBALL_LINK(&t, "d", "a");
	TARBALL_FILE(&t, "d", "file");
	TARBALL_HARD(&t, "e", "a");
	TARBALL_HARD(&t, "e", "a");
	TARBALL_HARD(&t, "a", "e");
	assert_int_equal(unpack(&t, ARCHIVE_WHITEOUT_OVERLAY), 0);
	tree_assert_text(root, "a", "two");
	tree_assert_text(root, "b", "file");
	tree_assert_text(root, "c/x", "x");
	tree_assert_text(root, "d", "file");
	tree_assert_text(root, "e", "two");
}

static void test_unpack_keeps_kinds(void **state)
{
	struct archive_unpack_options options = {
		.whiteouts = ARCHIVE_WHITEOUT_NONE, .limits = ARCHIVE_LIMITS_INIT, .keep_kinds = true
	};
	struct tarball t = { 0 };

	(void)state;
	tree_dir(root, "d", 0755);
	TARBALL_FILE(&t, "d", "file");
	assert_int_equal(unpack_with(&t, &options), -EEXIST);
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_string_equal(err.text, "cannot overwrite directory 'd' with a non-directory");
	TARBALL_FILE(&t, ".wh.x", "a name like others");
	assert_int_equal(unpack_with(&t, &options), 0);
	tree_assert_text(root, ".wh.x", "a name like others");
}

static void test_unpack_directory_times(void **state)
{
	struct tarball t = { 0 };
	char name[32];

	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "d%d", i);
		TARBALL_DIR(&t, name);
	}
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < 40; i++) {
			snprintf(name, sizeof name, "d%d/f%d", i, pass);
			TARBALL_FILE(&t, name, "");
		}
	TARBALL_LINK(&t, "alias", "d3");
	TARBALL_FILE(&t, "alias/x", "");
	TARBALL_FILE(&t, "d3/y", "");
	TARBALL_FILE(&t, "d4/z", "");
	tarball_add(&t, (struct tarball_entry){ .type = '5', .name = "d4", .mode = 0700, .mtime = 77 });
	assert_int_equal(unpack(&t, ARCHIVE_WHITEOUT_OVERLAY), 0);
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "d%d", i);
		assert_int_equal(stat_of(name).st_mtim.tv_sec, i == 4 ? 77 : TARBALL_TIME);
	}
	assert_true(tree_exists(root, "d3/x"));
}

/* ---- what is refused --------------------------------------------------------------------- */

static void test_unpack_stays_inside(void **state)
{
	static const struct {
		const char *link, *name;
		const char *lands; /* below root; NULL: refused */
	} cases[] = {
		{ NULL, "../host/x", NULL },
		{ NULL, "a/../../host/x", NULL },
		{ NULL, "/../x", NULL },
		{ NULL, "..", NULL },
		{ NULL, "a/../x", "x" },
		{ NULL, "///x", "x" },
		{ "../host", "l/x", "host/x" },
		{ "../../../../host", "l/x", "host/x" },
		{ "/host", "l/x", "host/x" },
		{ "/", "l/x", "x" },
		{ "..", "l/x", "x" },
		{ "l", "l/x", NULL },
		{ "/tmp/../../../host", "l/x", "host/x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct tarball t = { 0 };
		if (cases[i].link)
			TARBALL_LINK(&t, "l", cases[i].link);
		TARBALL_FILE(&t, cases[i].name, "escaped");
		int r = unpack(&t, ARCHIVE_WHITEOUT_OVERLAY);
		if (!cases[i].lands) {
			assert_true(r < 0);
			continue;
		}
		assert_int_equal(r, 0);
		tree_assert_text(root, cases[i].lands, "escaped");
		assert_int_equal(unlinkat(root, cases[i].lands, 0), 0);
	}
}

static void test_unpack_refuses(void **state)
{
	static const struct {
		struct tarball_entry e;
		const char *error;
	} cases[] = {
		{ { .type = '1', .name = "x", .link = "../host/canary" }, "hard link to something outside" },
		{ { .type = '1', .name = "x", .link = "/etc/shadow" },
			"hard link to a file that is not in the archive" },
		{ { .type = '1', .name = "x", .link = "l/canary" },
			"hard link to a file that is not in the archive" },
		{ { .type = '1', .name = "x", .link = "d" }, "hard link to a directory" },
		{ { .type = '1', .name = "x", .link = "" }, "hard link to something outside" },
		{ { .type = '1', .name = "x", .link = "gone" },
			"hard link to a file that is not in the archive" },
		{ { .type = '1', .name = "x", .link = ".wh.gone" }, "hard link to a whiteout" },
		{ { .type = '3', .name = "x" }, "is a device 0:0" },
		{ { .type = '4', .name = "x" }, "is a device 0:0" },
		{ { .type = '2', .name = "x", .link = "" }, "symlink to nothing" },
		{ { .type = '0', .name = "" }, "has no name" },
		{ { .type = '0', .name = "./" }, "has no name" },
		{ { .type = '0', .name = ".wh." }, "whiteout of nothing" },
		{ { .type = '0', .name = ".wh.." }, "whiteout of nothing" },
		{ { .type = '0', .name = ".wh..." }, "whiteout of nothing" },
		{ { .type = '0', .name = "d/.wh.x/y" }, "whiteout of nothing" },
		{ { .type = '0', .name = "file/x" }, "Not a directory" },
		{ { .type = 'M', .name = "x" }, "unknown type 'M'" },
		{ { .type = '0', .name = "x", .size_field = "77777777777" }, "ends too early" },
		{ { .type = '0', .name = "x", .size_field = "-1" }, "size is wrong" },
		{ { .type = '0', .name = "x", .size_field = "9" }, "size is wrong" },
		{ { .type = '0',
			  .name = "x",
			  .size_field = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" },
			"size is wrong" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct tarball t = { 0 };
		TARBALL_FILE(&t, "file", "");
		TARBALL_DIR(&t, "d");
		TARBALL_LINK(&t, "l", "../host");
		TARBALL_FILE(&t, ".wh.gone", "");
		tarball_add(&t, cases[i].e);
		err = ERROR_INIT;
		assert_true(unpack(&t, ARCHIVE_WHITEOUT_OVERLAY) < 0);
		if (!strstr(err.text, cases[i].error))
			fail_msg("case %zu: \"%s\" lacks \"%s\"", i, err.text, cases[i].error);
		if (strstr(cases[i].error, "too early"))
			assert_int_equal(unlinkat(root, "x", 0), 0); /* what had come */
		assert_false(tree_exists(root, "x"));
	}
}

static void test_unpack_pax_overrides_are_checked(void **state)
{
	struct tarball t = { 0 };

	(void)state;
	tarball_pax(&t, "path", "../host/x", NULL);
	TARBALL_FILE(&t, "innocent", "x");
	assert_int_equal(unpack(&t, ARCHIVE_WHITEOUT_OVERLAY), -EINVAL);
	TARBALL_FILE(&t, "innocent", "x");
	tarball_pax(&t, "linkpath", "../host/canary", NULL);
	TARBALL_HARD(&t, "x", "innocent");
	assert_int_equal(unpack(&t, ARCHIVE_WHITEOUT_OVERLAY), -EINVAL);
	/* a NUL in a name */
	char data[] = "13 path=a\0bc\n";
	tarball_add(&t, (struct tarball_entry){ .type = 'x', .name = "p", .data = data, .data_n = 13 });
	TARBALL_FILE(&t, "x", "x");
	assert_int_equal(unpack(&t, ARCHIVE_WHITEOUT_OVERLAY), -EINVAL);
	assert_false(tree_exists(root, "x"));
}

static void test_unpack_broken_pax(void **state)
{
	static const char *const records[] = { "99 a=b\n", "6 a=b", "x", "6 =ab\n", "0 a=b\n",
		"999999999999 a=b\n", "11 size=-1\n", "11 size=1x\n", "14 mtime=1..5\n", "7 uid=\n8 uid=x\n",
		"23 GNU.sparse.offset=1\n", "25 GNU.sparse.numbytes=1\n" };

	(void)state;
	for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
		struct tarball t = { 0 };
		tarball_add(&t, (struct tarball_entry){ .type = 'x', .name = "p", .data = records[i] });
		TARBALL_FILE(&t, "x", "x");
		if (unpack(&t, ARCHIVE_WHITEOUT_OVERLAY) >= 0)
			fail_msg("record %zu was taken: %s", i, records[i]);
	}
}

static void test_unpack_limits(void **state)
{
	struct archive_unpack_options options = { .limits = ARCHIVE_LIMITS_INIT };
	struct tarball t = { 0 };

	(void)state;
	options.limits.entries = 2;
	for (int i = 0; i < 3; i++)
		TARBALL_FILE(&t, "x", "");
	assert_int_equal(unpack_with(&t, &options), -EFBIG);
	assert_int_equal(err.kind, ERROR_EXHAUSTED);

	options.limits = ARCHIVE_LIMITS_INIT;
	options.limits.file_bytes = 5;
	TARBALL_FILE(&t, "x", "123");
	TARBALL_FILE(&t, "y", "456");
	assert_int_equal(unpack_with(&t, &options), -EFBIG);

	options.limits = ARCHIVE_LIMITS_INIT;
	options.limits.header_bytes = 1000;
	tarball_add(&t, (struct tarball_entry){ .type = 'x', .name = "p", .size_field = "77777777777" });
	assert_int_equal(unpack_with(&t, &options), -EFBIG);

	options.limits.plain_bytes = 10000;
	char *big = calloc(1, 100000);
	tarball_add(&t, (struct tarball_entry){ .type = '0', .name = "big", .data = big, .data_n = 100000 });
	free(big);
	assert_int_equal(unpack_with(&t, &options), -EFBIG);
}

static void test_unpack_many_segments(void **state)
{
	struct tarball t = { 0 };
	char *map = malloc(1 << 24);
	size_t room = 1 << 24, n = (size_t)snprintf(map, room, "1000000\n");

	(void)state;
	for (int i = 0; i < 1000000; i++)
		n += (size_t)snprintf(map + n, room - n, "%d\n0\n", i);
	tarball_pax(&t, "GNU.sparse.major", "1", "GNU.sparse.minor", "0", "GNU.sparse.realsize", "10000000",
		NULL);
	tarball_add(&t,
		(struct tarball_entry){ .type = '0', .name = "x", .data = map, .data_n = n, .mode = 0644 });
	free(map);
	assert_int_equal(unpack(&t, ARCHIVE_WHITEOUT_OVERLAY), -EFBIG);
	assert_non_null(strstr(err.text, "segments"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_unpack_every_kind),
		TEST(test_unpack_pax),
		TEST(test_unpack_gnu_long_names),
		TEST(test_unpack_names_are_bytes),
		TEST(test_unpack_sparse),
		TEST(test_unpack_later_entries_win),
		TEST(test_unpack_keeps_kinds),
		TEST(test_unpack_directory_times),
		TEST(test_unpack_stays_inside),
		TEST(test_unpack_refuses),
		TEST(test_unpack_pax_overrides_are_checked),
		TEST(test_unpack_broken_pax),
		TEST(test_unpack_limits),
		TEST(test_unpack_many_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
