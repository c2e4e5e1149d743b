/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/archive/load.h"

#include "lib/archive/hash.h"
#include "tests/unit/tarball.h"

#include <sys/wait.h>

#define ZEROS    "0000000000000000000000000000000000000000000000000000000000000000"
#define LAYER_A  "first layer, not really a tar"
#define LAYER_B  "second layer"
#define OCI      "application/vnd.oci.image."
#define TEXT_MAX 8192

static char dir[64];
static int top, tmp, blobs;
static struct error err;
static struct archive_images images;
static struct archive_load_options options;

static int setup(void **state)
{
	(void)state;
	tree_new(dir, sizeof dir);
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tree_dir(top, "tmp", 0700);
	tree_dir(top, "blobs", 0700);
	tmp = openat(top, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	blobs = openat(top, "blobs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = ERROR_INIT;
	images = (struct archive_images){ 0 };
	options = (struct archive_load_options){
		.limits = ARCHIVE_LIMITS_INIT, .os = "linux", .architecture = "amd64"
	};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(tree_count(tmp, "."), 0);
	archive_images_done(&images);
	close(tmp);
	close(blobs);
	close(top);
	tree_free(dir);
	return 0;
}

static const char *digest_of(const char *text)
{
	static char ring[8][DIGEST_SIZE];
	static int at;
	char *buf = ring[at++ % 8];
	struct archive_hash *h = archive_hash_new();

	archive_hash_add(h, text, strlen(text));
	archive_hash_end(h, buf);
	archive_hash_free(h);
	return buf;
}

static const char *hex_of(const char *text)
{
	return digest_hex(digest_of(text));
}

static int load(struct tarball *t)
{
	int fd = tarball_fd(t);
	int r = archive_load(fd, tmp, blobs, &options, &images, &err);

	close(fd);
	return r;
}

/* "rootfs" of an image with these layers; diff ids as given. */
static char *config_of(const char *diff_a, const char *diff_b)
{
	static char text[TEXT_MAX];

	snprintf(text, sizeof text,
		"{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":["
		"\"%s\",\"%s\"]}}",
		diff_a, diff_b);
	return text;
}

static void assert_two_layers(const struct archive_image *image, const char *config)
{
	assert_string_equal(image->config, digest_of(config));
	assert_int_equal(image->n_layers, 2);
	assert_string_equal(image->layers[0].blob, digest_of(LAYER_A));
	assert_string_equal(image->layers[0].diff_id, digest_of(LAYER_A));
	assert_string_equal(image->layers[1].diff_id, digest_of(LAYER_B));
	assert_int_equal(image->layers[1].size, strlen(LAYER_B));
	assert_string_equal(image->layers[0].media_type, OCI "layer.v1.tar");
	tree_assert_text(blobs, hex_of(LAYER_A), LAYER_A);
	tree_assert_text(blobs, hex_of(LAYER_B), LAYER_B);
	tree_assert_text(blobs, digest_hex(image->config), config);
}

/* ---- docker save --------------------------------------------------------------------------- */

static void test_docker_save_with_symlinked_layers(void **state)
{
	struct tarball t = { 0 };
	const char *config = config_of(digest_of(LAYER_A), digest_of(LAYER_B));

	(void)state;
	TARBALL_DIR(&t, "aaa/");
	TARBALL_FILE(&t, "aaa/VERSION", "1.0");
	TARBALL_FILE(&t, "aaa/json", "{}");
	TARBALL_FILE(&t, "aaa/layer.tar", LAYER_A);
	TARBALL_FILE(&t, "bbb/layer.tar", LAYER_B);
	TARBALL_LINK(&t, "ccc/layer.tar", "../aaa/layer.tar");
	TARBALL_FILE(&t, "config.json", config);
	TARBALL_FILE(&t, "manifest.json",
		"[{\"Config\":\"config.json\",\"RepoTags\":[\"one:1\",\"two:2\"],\"Layers\":[\"aaa/"
		"layer.tar\",\"bbb/layer.tar\"]},"
		"{\"Config\":\"config.json\",\"RepoTags\":null,\"Layers\":[\"ccc/layer.tar\",\"bbb/"
		"layer.tar\"]}]");
	TARBALL_FILE(&t, "repositories", "{}");
	assert_int_equal(load(&t), 0);
	assert_int_equal(images.n, 2);
	assert_two_layers(&images.images[0], config);
	assert_two_layers(&images.images[1], config);
	assert_string_equal(images.images[0].tags[0], "one:1");
	assert_string_equal(images.images[0].tags[1], "two:2");
	assert_null(images.images[0].tags[2]);
	assert_null(images.images[1].tags);
	assert_string_equal(images.images[0].manifest, "");
	assert_int_equal(tree_count(blobs, "."), 3);
}

static void add_blob(struct tarball *t, const char *text)
{
	char path[128];

	snprintf(path, sizeof path, "blobs/sha256/%s", hex_of(text));
	TARBALL_FILE(t, path, text);
}

static void test_docker_save_with_blobs(void **state)
{
	struct tarball t = { 0 };
	char manifest[TEXT_MAX];
	const char *config = config_of(digest_of(LAYER_A), digest_of(LAYER_B));

	(void)state;
	add_blob(&t, LAYER_A);
	add_blob(&t, LAYER_B);
	add_blob(&t, config);
	snprintf(manifest, sizeof manifest,
		"[{\"Config\":\"blobs/sha256/%s\",\"RepoTags\":[\"x:y\"],\"Layers\":[\"blobs/sha256/"
		"%s\",\"blobs/sha256/%s\"]}]",
		hex_of(config), hex_of(LAYER_A), hex_of(LAYER_B));
	TARBALL_FILE(&t, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
	TARBALL_FILE(&t, "index.json", "{\"schemaVersion\":2,\"manifests\":[]}");
	TARBALL_FILE(&t, "manifest.json", manifest);
	tree_file(blobs, hex_of(LAYER_A), LAYER_A, 0600); /* there already */
	assert_int_equal(load(&t), 0);
	assert_int_equal(images.n, 1);
	assert_two_layers(&images.images[0], config);
}

/* The stream cannot be rewound, and is compressed, as are the layers. */
static void test_load_from_a_pipe(void **state)
{
	struct tarball t = { 0 }, layer = { 0 }, packed = { 0 };
	int pipes[2], status;

	(void)state;
	tarball_compress(&layer, ARCHIVE_FILTER_GZIP, LAYER_A, strlen(LAYER_A));
	tarball_add(
		&t, (struct tarball_entry){
			    .type = '0', .name = "l1", .data = layer.data, .data_n = layer.n, .mode = 0644 });
	TARBALL_FILE(&t, "l2", LAYER_B);
	TARBALL_FILE(&t, "c", config_of(digest_of(LAYER_A), digest_of(LAYER_B)));
	TARBALL_FILE(&t, "manifest.json", "[{\"Config\":\"c\",\"Layers\":[\"l1\",\"l2\"]}]");
	tarball_end(&t);
	tarball_compress(&packed, ARCHIVE_FILTER_ZSTD, t.data, t.n);
	assert_int_equal(pipe(pipes), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(pipes[0]);
		_exit(write(pipes[1], packed.data, packed.n) != (ssize_t)packed.n);
	}
	close(pipes[1]);
	assert_int_equal(archive_load(pipes[0], tmp, blobs, &options, &images, &err), 0);
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	const struct archive_layer *l = &images.images[0].layers[0];
	assert_int_equal(l->compression, ARCHIVE_GZIP);
	assert_string_equal(l->media_type, OCI "layer.v1.tar+gzip");
	assert_string_equal(l->diff_id, digest_of(LAYER_A));
	assert_int_equal(l->size, layer.n);
	tarball_done(&t);
	tarball_done(&layer);
	tarball_done(&packed);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void test_refused_archives(void **state)
{
	static const struct {
		const char *name, *text,
			*link; /* beside two layers "l1", "l2" and a right configuration "c" */
		const char *error;
	} cases[] = {
		{ "x", "", NULL, "neither manifest.json nor index.json" },
		{ "repositories", "{}", NULL, "before 1.10" },
		{ "manifest.json", "[", NULL, "manifest 'manifest.json'" },
		{ "manifest.json", "{}", NULL, "is no array" },
		{ "manifest.json", "[1]", NULL, "expected object" },
		{ "manifest.json", "[]", NULL, "has no image" },
		{ "manifest.json", "[{}]", NULL, "missing" },
		{ "manifest.json", "[{\"Config\":\"c\",\"Config\":\"d\",\"Layers\":[]}]", NULL,
			"stands twice" },
		{ "manifest.json", "[{\"Config\":\"none\",\"Layers\":[\"l1\",\"l2\"]}]", NULL,
			"'none' is not in it" },
		{ "manifest.json", "[{\"Config\":\"../c\",\"Layers\":[\"l1\",\"l2\"]}]", NULL,
			"'../c' is not in it" },
		{ "manifest.json", "[{\"Config\":\"c\",\"Layers\":[\"l1\",\"/etc/passwd\"]}]", NULL,
			"is not in it" },
		{ "manifest.json", "[{\"Config\":\"c\",\"Layers\":[\"l1\"]}]", NULL,
			"has 1 layers, its configuration names 2" },
		{ "manifest.json", "[{\"Config\":\"c\",\"Layers\":[\"l2\",\"l1\"]}]", NULL,
			"its configuration says" },
		{ "manifest.json", "[{\"Config\":\"l1\",\"Layers\":[\"l1\",\"l2\"]}]", NULL,
			"configuration 'l1'" },
		{ "manifest.json", "[{\"Config\":\"loop\",\"Layers\":[]}]", NULL, "'loop' is not in it" },
		{ "l1", "another", NULL, "two different files 'l1'" },
		{ "../x", "", NULL, "no path in an archive" },
		{ "lnk", NULL, "../../etc/passwd", "link to something outside" },
		{ "d/lnk", NULL, "../../x", "link to something outside" },
		{ "blobs/sha256/" ZEROS, "text", NULL, "has the digest" },
		{ "oci-layout", "{}", NULL, "neither" },
		{ "index.json", "{\"manifests\":[]}", NULL, "'oci-layout' is not in it" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct tarball t = { 0 };
		TARBALL_FILE(&t, "l1", LAYER_A);
		TARBALL_FILE(&t, "l2", LAYER_B);
		TARBALL_LINK(&t, "loop", "loop");
		TARBALL_FILE(&t, "c", config_of(digest_of(LAYER_A), digest_of(LAYER_B)));
		if (cases[i].link)
			TARBALL_LINK(&t, cases[i].name, cases[i].link);
		else
			TARBALL_FILE(&t, cases[i].name, cases[i].text);
		err = ERROR_INIT;
		assert_true(load(&t) < 0);
		if (!strstr(err.text, cases[i].error))
			fail_msg("case %zu: \"%s\" lacks \"%s\"", i, err.text, cases[i].error);
		assert_int_equal(tree_count(blobs, "."), 0);
		assert_int_equal(tree_count(tmp, "."), 0);
	}
}

static void test_large_documents_are_refused(void **state)
{
	struct tarball t = { 0 };
	char *text = malloc(ARCHIVE_JSON_MAX + 2);

	(void)state;
	memset(text, ' ', ARCHIVE_JSON_MAX + 1);
	text[ARCHIVE_JSON_MAX + 1] = '\0';
	TARBALL_FILE(&t, "manifest.json", text);
	free(text);
	assert_int_equal(load(&t), -EFBIG);
	assert_int_equal(err.kind, ERROR_EXHAUSTED);
}

static void test_too_many_files(void **state)
{
	struct tarball t = { 0 };
	char name[32];

	(void)state;
	for (int i = 0; i <= ARCHIVE_FILES_MAX; i++) {
		snprintf(name, sizeof name, "l%d", i);
		TARBALL_LINK(&t, name, "x");
	}
	assert_int_equal(load(&t), -EFBIG);
}

/* ---- OCI layout -------------------------------------------------------------------------------- */

static void descriptor(char *buf, const char *type, const char *text, const char *more)
{
	snprintf(buf, TEXT_MAX, "{\"mediaType\":\"" OCI "%s\",\"digest\":\"%s\",\"size\":%zu%s}", type,
		digest_of(text), strlen(text), more);
}

static const char *manifest_of(const char *config, const char *more)
{
	static char text[TEXT_MAX];
	char c[TEXT_MAX / 8], a[TEXT_MAX / 8], b[TEXT_MAX / 8];

	snprintf(c, sizeof c, "{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":\"%s\",\"size\":%zu}",
		digest_of(config), strlen(config));
	snprintf(a, sizeof a, "{\"mediaType\":\"" OCI "layer.v1.tar\",\"digest\":\"%s\",\"size\":%zu}",
		digest_of(LAYER_A), strlen(LAYER_A));
	snprintf(b, sizeof b, "{\"mediaType\":\"" OCI "layer.v1.tar\",\"digest\":\"%s\",\"size\":%zu}",
		digest_of(LAYER_B), strlen(LAYER_B));
	snprintf(text, sizeof text,
		"{\"schemaVersion\":2,\"mediaType\":\"" OCI
		"manifest.v1+json\",\"config\":%s,\"layers\":[%s,%s]%s}",
		c, a, b, more);
	return text;
}

static void add_layout(struct tarball *t, const char *descriptors)
{
	char text[TEXT_MAX];

	snprintf(text, sizeof text, "{\"schemaVersion\":2,\"manifests\":[%s]}", descriptors);
	TARBALL_FILE(t, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
	TARBALL_FILE(t, "index.json", text);
	add_blob(t, LAYER_A);
	add_blob(t, LAYER_B);
}

static void test_oci_layout(void **state)
{
	struct tarball t = { 0 };
	char d[TEXT_MAX];
	const char *config = config_of(digest_of(LAYER_A), digest_of(LAYER_B));
	const char *manifest = manifest_of(config, "");

	(void)state;
	descriptor(d, "manifest.v1+json", manifest,
		",\"annotations\":{\"org.opencontainers.image.ref.name\":\"latest\",\"io.containerd.image."
		"name\":\"docker.io/a/b:c\"}");
	add_layout(&t, d);
	add_blob(&t, manifest);
	add_blob(&t, config);
	assert_int_equal(load(&t), 0);
	assert_int_equal(images.n, 1);
	assert_two_layers(&images.images[0], config);
	assert_string_equal(images.images[0].manifest, digest_of(manifest));
	assert_string_equal(images.images[0].tags[0], "docker.io/a/b:c");
	assert_null(images.images[0].tags[1]);
	assert_true(tree_exists(blobs, hex_of(manifest)));
}

static void test_oci_index_of_platforms(void **state)
{
	struct tarball t = { 0 };
	static char d[TEXT_MAX], index[TEXT_MAX];
	const char *config = config_of(digest_of(LAYER_A), digest_of(LAYER_B));
	const char *manifest = manifest_of(config, "");

	(void)state;
	descriptor(d, "manifest.v1+json", manifest,
		",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}");
	snprintf(index, sizeof index,
		"{\"schemaVersion\":2,\"manifests\":["
		"{\"mediaType\":\"" OCI "manifest.v1+json\",\"digest\":\"sha256:" ZEROS
		"\",\"size\":1,\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\"}},%s,"
		"{\"mediaType\":\"" OCI "manifest.v1+json\",\"digest\":\"sha256:" ZEROS
		"\",\"size\":1,\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}}]}",
		d);
	descriptor(d, "index.v1+json", index,
		",\"annotations\":{\"org.opencontainers.image.ref.name\":\"a/b:c\"}");
	for (int i = 0; i < 2; i++) {
		add_layout(&t, d);
		add_blob(&t, index);
		add_blob(&t, manifest);
		add_blob(&t, config);
		if (i == 0) {
			assert_int_equal(load(&t), 0);
			assert_int_equal(images.n, 1);
			assert_string_equal(images.images[0].tags[0], "a/b:c");
			archive_images_done(&images);
			continue;
		}
		options.architecture = "riscv64";
		assert_int_equal(load(&t), -ENOENT);
		assert_int_equal(err.kind, ERROR_NOT_FOUND);
		assert_string_equal(err.text, "the archive has no image for this platform");
	}
}

static void assert_oci_refused(const char *manifest, size_t longer, const char *text)
{
	struct tarball t = { 0 };
	char d[TEXT_MAX];

	snprintf(d, sizeof d, "{\"mediaType\":\"" OCI "manifest.v1+json\",\"digest\":\"%s\",\"size\":%zu}",
		digest_of(manifest), strlen(manifest) + longer);
	add_layout(&t, d);
	add_blob(&t, manifest);
	add_blob(&t, config_of(digest_of(LAYER_A), digest_of(LAYER_B)));
	assert_true(load(&t) < 0);
	if (!strstr(err.text, text))
		fail_msg("\"%s\" lacks \"%s\"", err.text, text);
}

static void test_oci_refused(void **state)
{
	const char *config = config_of(digest_of(LAYER_A), digest_of(LAYER_B));

	(void)state;
	assert_oci_refused(manifest_of(config, ",\"manifests\":[]"), 0, "an index and a manifest at once");
	assert_oci_refused(manifest_of(config, ""), 1, "bytes, not");
	assert_oci_refused("{\"mediaType\":\"" OCI "index.v1+json\",\"manifests\":[]}", 0, "is described as");
	assert_oci_refused("[]", 0, "is no object");
	assert_oci_refused(manifest_of("not there", ""), 0, "is not in it");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_docker_save_with_symlinked_layers),
		TEST(test_docker_save_with_blobs),
		TEST(test_load_from_a_pipe),
		TEST(test_refused_archives),
		TEST(test_large_documents_are_refused),
		TEST(test_too_many_files),
		TEST(test_oci_layout),
		TEST(test_oci_index_of_platforms),
		TEST(test_oci_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
