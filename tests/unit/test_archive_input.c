/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/archive/input.h"

#include "tests/unit/unpacked.h"

#define PLAIN_SIZE 700000

static struct tarball sample(void)
{
	struct tarball t = { 0 };
	char *data = malloc(PLAIN_SIZE);

	for (size_t i = 0; i < PLAIN_SIZE; i++)
		data[i] = (char)((i * i) >> 7);
	tarball_add(
		&t, (struct tarball_entry){
			    .type = '0', .name = "big", .data = data, .data_n = PLAIN_SIZE, .mode = 0644 });
	free(data);
	TARBALL_FILE(&t, "small", "text");
	tarball_end(&t);
	return t;
}

static int unpack_bytes(const struct tarball *t, struct archive_unpack_options *options)
{
	int fd = tarball_bytes_fd(t->data, t->n);
	int r = archive_unpack(fd, root, options, &done, &err);

	close(fd);
	return r;
}

static void test_compressions(void **state)
{
	static const struct {
		int filter;
		enum archive_compression want;
	} cases[] = {
		{ ARCHIVE_FILTER_GZIP, ARCHIVE_GZIP },
		{ ARCHIVE_FILTER_ZSTD, ARCHIVE_ZSTD },
		{ ARCHIVE_FILTER_XZ, ARCHIVE_XZ },
		{ ARCHIVE_FILTER_BZIP2, ARCHIVE_BZIP2 },
		{ ARCHIVE_FILTER_NONE, ARCHIVE_PLAIN },
	};
	struct archive_unpack_options options = { .limits = ARCHIVE_LIMITS_INIT };
	struct tarball plain = sample();
	char digest[DIGEST_SIZE];

	(void)state;
	assert_int_equal(unpack_bytes(&plain, &options), 0);
	memcpy(digest, done.input.plain_digest, sizeof digest);
	assert_string_equal(digest, done.input.blob_digest);
	assert_true(digest_is_valid(digest));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct tarball t = { 0 };
		tarball_compress(&t, cases[i].filter, plain.data, plain.n);
		options.plain_digest = digest;
		assert_int_equal(unpack_bytes(&t, &options), 0);
		assert_int_equal(done.input.compression, cases[i].want);
		assert_int_equal(done.input.blob_size, t.n);
		assert_int_equal(done.input.plain_size, plain.n);
		tree_assert_text(root, "small", "text");
		t.n -= 1;
		if (cases[i].want != ARCHIVE_PLAIN)
			assert_int_equal(unpack_bytes(&t, &options), -EINVAL);
		t.n /= 2;
		assert_int_equal(unpack_bytes(&t, &options), -EINVAL);
		tarball_done(&t);
	}
	tarball_done(&plain);
}

static void test_gzip_members_and_rest(void **state)
{
	struct archive_unpack_options options = { .limits = ARCHIVE_LIMITS_INIT };
	struct tarball plain = sample(), t = { 0 };

	(void)state;
	tarball_compress(&t, ARCHIVE_FILTER_GZIP, plain.data, 300000);
	tarball_compress(&t, ARCHIVE_FILTER_GZIP, plain.data + 300000, plain.n - 300000);
	assert_int_equal(unpack_bytes(&t, &options), 0);
	assert_int_equal(done.input.plain_size, plain.n);
	tarball_bytes(&t, NULL, 5000);
	assert_int_equal(unpack_bytes(&t, &options), 0);
	assert_int_equal(done.input.blob_size, t.n);
	tarball_bytes(&t, "rest", 4);
	assert_int_equal(unpack_bytes(&t, &options), -EINVAL);
	assert_string_equal(err.text, "the gzip stream is broken: something else follows it");
	tarball_done(&t);
	tarball_done(&plain);
}

static void test_digest_differs(void **state)
{
	struct archive_unpack_options options = { .limits = ARCHIVE_LIMITS_INIT };
	struct tarball plain = sample();

	(void)state;
	options.plain_digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
	assert_int_equal(unpack_bytes(&plain, &options), -EBADMSG);
	assert_int_equal(err.kind, ERROR_INVALID);
	tarball_done(&plain);
}

/* 300 MB of zeros in 300 kB. */
static void test_bomb(void **state)
{
	struct archive_unpack_options options = { .limits = ARCHIVE_LIMITS_INIT };
	struct tarball zeros = { 0 }, member = { 0 }, t = { 0 };

	(void)state;
	options.limits.ratio_from = 10 << 20;
	tarball_bytes(&zeros, NULL, 10 << 20);
	tarball_compress(&member, ARCHIVE_FILTER_GZIP, zeros.data, zeros.n);
	zeros.n = 0;
	tarball_add(
		&zeros, (struct tarball_entry){
				.type = '0', .name = "zeros", .size_field = "00000000000", .mode = 0644 });
	tarball_header(
		zeros.data, &(struct tarball_entry){ .type = '0', .name = "zeros" }, (size_t)300 << 20);
	tarball_compress(&t, ARCHIVE_FILTER_GZIP, zeros.data, 512);
	for (int i = 0; i < 30; i++)
		tarball_bytes(&t, member.data, member.n);
	assert_int_equal(unpack_bytes(&t, &options), -EFBIG);
	assert_non_null(strstr(err.text, "bomb"));
	assert_true(stat_of("zeros").st_size < 100 << 20);
	tarball_done(&zeros);
	tarball_done(&member);
	tarball_done(&t);
}

static void test_not_an_archive(void **state)
{
	struct archive_unpack_options options = { .limits = ARCHIVE_LIMITS_INIT };
	struct tarball t = { 0 };

	(void)state;
	tarball_bytes(&t, "", 0);
	assert_int_equal(unpack_bytes(&t, &options), 0);
	tarball_bytes(&t, "#!/bin/sh\n", 10);
	assert_int_equal(unpack_bytes(&t, &options), -EINVAL);
	tarball_bytes(&t, NULL, 2000);
	assert_int_equal(unpack_bytes(&t, &options), -EINVAL);
	assert_non_null(strstr(err.text, "is it a tar archive?"));
	tarball_done(&t);
}

/* A reader that waits for a pipe nobody writes to ends with the job. */
static void test_input_abandoned(void **state)
{
	struct archive_input_options options = { .limits = ARCHIVE_LIMITS_INIT };
	struct archive_input *in = NULL;
	int pipes[2];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(archive_input_new(pipes[0], &options, &in, &err), 0);
	archive_input_free(in);
	close(pipes[0]);
	close(pipes[1]);
}

static void test_expand(void **state)
{
	struct archive_unpack_options options = { .limits = ARCHIVE_LIMITS_INIT };
	struct archive_input_totals totals;
	struct tarball plain = sample(), t = { 0 };

	(void)state;
	tarball_compress(&t, ARCHIVE_FILTER_GZIP, plain.data, plain.n);
	int in = tarball_bytes_fd(t.data, t.n);
	int out = tarball_bytes_fd("", 0);
	assert_int_equal(archive_expand(in, out, &options, &totals, &err), 0);
	char *got = malloc(plain.n + 1);
	assert_int_equal(pread(out, got, plain.n + 1, 0), plain.n);
	assert_memory_equal(got, plain.data, plain.n);
	free(got);
	close(in);
	close(out);
	tarball_done(&t);
	tarball_done(&plain);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_compressions),
		TEST(test_gzip_members_and_rest),
		TEST(test_digest_differs),
		TEST(test_bomb),
		TEST(test_not_an_archive),
		TEST(test_input_abandoned),
		TEST(test_expand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
