/* SPDX-License-Identifier: Apache-2.0 */
/* Files with several names: which inodes of one file system were seen, and under what name first. */
#ifndef GANTRY_KIT_INODES_H
#define GANTRY_KIT_INODES_H

#include <stddef.h>
#include <stdint.h>

struct kit_inode {
	uint64_t ino;
	char *path;
};

struct kit_inodes {
	struct kit_inode *v; /* open addressing; a free slot has path NULL */
	size_t n, room;
};

#define KIT_INODES_INIT ((struct kit_inodes){ 0 })

/* The path ino was first seen under, NULL when it is new and was noted with path, or *ret_error is negative.
 */
const char *kit_inodes_note(struct kit_inodes *seen, uint64_t ino, const char *path, int *ret_error);
void kit_inodes_done(struct kit_inodes *seen);

#endif
