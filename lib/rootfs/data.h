/* SPDX-License-Identifier: Apache-2.0 */
/* The data of one regular file into another: shared where the file system can, else in the kernel, else by
 * hand. */
#ifndef GANTRY_ROOTFS_DATA_H
#define GANTRY_ROOTFS_DATA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define ROOTFS_DATA_BUFFER (128 * 1024)

/* What did not work is not tried again for the next file.  Zeroed at the start of a tree. */
struct rootfs_data_ways {
	bool no_clone, no_range;
};

/* Copies st->st_size bytes from the start of src into the empty file dst; holes stay holes.  A source that
 * shrinks meanwhile leaves zeros.  *ret_bytes: data without holes.  buf is scratch. */
int rootfs_copy_data(int src, int dst, const struct stat *st, struct rootfs_data_ways *ways,
	char buf[ROOTFS_DATA_BUFFER], uint64_t *ret_bytes);

#endif
