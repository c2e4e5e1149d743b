/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: one byte for the style of whiteouts, then an archive.  It is unpacked twice into a folder in memory
 * that lies beside another one, which must stay as it is.
 */
#include "lib/archive/unpack.h"
#include "lib/rootfs/remove.h"
#include "tests/fuzz/folder.h"
#include "tests/fuzz/tar_blocks.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[PATH_MAX];
static int top = -1, root = -1;

static void clean_up(void)
{
	rootfs_remove_content(top, NULL, NULL);
	rmdir(dir);
}

static void check_outside(void)
{
	static struct stat first; /* st_size of a directory in memory counts its entries */
	struct stat host, all;

	check(fstatat(top, "host", &host, 0) == 0 && fstat(top, &all) == 0);
	if (first.st_nlink == 0)
		first = host;
	check(host.st_nlink == first.st_nlink && host.st_size == first.st_size &&
		host.st_mode == first.st_mode);
	check(all.st_nlink == 4);
}

static void set_up(void)
{
	top = folder_new(dir, sizeof dir);
	root = folder_add(top, "root");
	close(folder_add(top, "host"));
	check_outside();
	atexit(clean_up);
}

#ifdef GANTRY_PLANTED_BUG
static void plant(const struct archive_unpacked *done)
{
	uint8_t *four = calloc(1, 4);

	check(four != NULL);
	four[done->file_bytes % 64] = 1;
	free(four);
}
#else
static void plant(const struct archive_unpacked *done)
{
	(void)done;
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct archive_unpack_options options = { .limits = ARCHIVE_LIMITS_INIT };
	struct archive_unpacked done;

	if (size < 2)
		return 0;
	if (top < 0)
		set_up();
	options.limits.file_bytes = options.limits.plain_bytes = 1 << 20;
	options.whiteouts = (enum archive_whiteouts)(data[0] % 5);
	options.no_digests = true;
	uint8_t *copy = tar_blocks_copy(data + 1, size - 1);
	int fd = memfd_create("archive", MFD_CLOEXEC);
	check(fd >= 0 && write(fd, copy, size - 1) == (ssize_t)(size - 1));
	for (int i = 0; i < 2; i++) {
		struct error err = ERROR_INIT;
		check(lseek(fd, 0, SEEK_SET) == 0);
		int r = archive_unpack(fd, root, &options, &done, &err);
		check(r == 0 || err.text[0]);
		if (r == 0)
			plant(&done);
		check_outside();
	}
	close(fd);
	free(copy);
	check(rootfs_remove_content(root, NULL, NULL) == 0);
	return 0;
}
