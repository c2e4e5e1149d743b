/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying a tree by descriptors: into a volume at its first use, and for storage without
 * layers.  Kept: data (FICLONE, else copy_file_range, else read and write; holes stay holes), types,
 * owners, modes, times, hard links within the tree, and the extended attributes user.*,
 * security.capability, system.posix_acl_*; those of storage drivers (trusted.*, user.overlay.*) never.
 * Symlinks are copied, never followed.  Both trees are walked in step and iteratively.
 */
#ifndef GANTRY_ROOTFS_COPY_H
#define GANTRY_ROOTFS_COPY_H

#include "lib/base/error.h"
#include "lib/rootfs/cancel.h"

#include <stdbool.h>
#include <stdint.h>

struct rootfs_copy_options {
	bool cross_mounts; /* enter what is mounted below the source; else -EXDEV there */
	bool replace; /* an entry that exists is replaced; else kept as it is.  Directories are merged either
			 way */
	uint32_t links_max;                 /* files with several names that are remembered; 0: 100,000 */
	const struct rootfs_cancel *cancel; /* NULL: none */
};

struct rootfs_copied {
	uint64_t entries, bytes; /* bytes: data, without holes */
};

/* Copies the content of the directory src into the directory dst, and src's own owner, mode, times and
 * attributes to dst.  src: opened for reading, or O_PATH.  options and ret may be NULL.  Stops at the first
 * error; what is copied stays. -EXDEV: a mount below the source; -EMLINK: more than links_max files with
 * several names. */
int rootfs_copy_tree(int src, int dst, const struct rootfs_copy_options *options, struct rootfs_copied *ret,
	struct error *err);

#endif
