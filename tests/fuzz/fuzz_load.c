/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a tar of images.  What is answered must lie among the blobs, and the job's folder must be empty
 * again. */
#include "lib/archive/load.h"
#include "lib/rootfs/remove.h"
#include "tests/fuzz/folder.h"
#include "tests/fuzz/tar_blocks.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[PATH_MAX];
static int top = -1, tmp, blobs;

static void clean_up(void)
{
	rootfs_remove_content(top, NULL, NULL);
	rmdir(dir);
}

static void set_up(void)
{
	top = folder_new(dir, sizeof dir);
	tmp = folder_add(top, "tmp");
	blobs = folder_add(top, "blobs");
	atexit(clean_up);
}

static void check_blob(const char *digest)
{
	check(digest_is_valid(digest) && faccessat(blobs, digest_hex(digest), F_OK, 0) == 0);
}

#ifdef GANTRY_PLANTED_BUG
static void plant(const struct archive_image *image)
{
	uint8_t *four = calloc(1, 4);

	check(four != NULL);
	if (image->n_layers > 0)
		four[image->layers[0].size % 64] = 1;
	free(four);
}
#else
static void plant(const struct archive_image *image)
{
	(void)image;
}
#endif

static void check_images(const struct archive_images *images)
{
	check(images->n > 0);
	for (size_t i = 0; i < images->n; i++) {
		const struct archive_image *image = &images->images[i];
		check_blob(image->config);
		for (size_t j = 0; j < image->n_layers; j++) {
			check_blob(image->layers[j].blob);
			check(digest_is_valid(image->layers[j].diff_id));
		}
		for (char **tag = image->tags; tag && *tag; tag++)
			check(strlen(*tag) < ARCHIVE_TAG_SIZE);
		plant(image);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct archive_load_options options = { .limits = ARCHIVE_LIMITS_INIT, .os = "linux" };
	struct archive_images images = { 0 };
	struct error err = ERROR_INIT;

	if (top < 0)
		set_up();
	options.limits.file_bytes = options.limits.plain_bytes = 1 << 20;
	uint8_t *copy = tar_blocks_copy(data, size);
	int fd = memfd_create("archive", MFD_CLOEXEC);
	check(fd >= 0 && write(fd, copy, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
	int r = archive_load(fd, tmp, blobs, &options, &images, &err);
	check(r == 0 || err.text[0]);
	if (r == 0)
		check_images(&images);
	archive_images_done(&images);
	check(unlinkat(top, "tmp", AT_REMOVEDIR) == 0);
	close(tmp);
	tmp = folder_add(top, "tmp");
	close(fd);
	free(copy);
	check(rootfs_remove_content(blobs, NULL, NULL) == 0);
	return 0;
}
