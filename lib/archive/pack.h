/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing a tree into a tar, as a stream, by descriptors.  Symlinks are packed, never followed; sockets are
 * left out; hard links within the tree are kept; extended attributes as rootfs_xattr_allowed.  What is
 * mounted in the tree is not entered: the mount point is packed as an empty directory.  Entries come in the
 * directory's own order. A tree that changes meanwhile gives an archive that is whole, of some state between.
 */
#ifndef GANTRY_ARCHIVE_PACK_H
#define GANTRY_ARCHIVE_PACK_H

#include "lib/archive/unpack.h"
#include "lib/base/error.h"
#include "lib/rootfs/cancel.h"

#include <stdbool.h>
#include <stdint.h>

struct archive_pack_options {
	/* How the tree marks deleted files, to be turned into ".wh." entries; ARCHIVE_WHITEOUT_NONE or
	 * _APPLY: it does not. */
	enum archive_whiteouts whiteouts;
	bool cross_mounts;  /* enter mounts */
	uint32_t links_max; /* files with several names that are remembered; 0: 100,000 */
	const struct rootfs_cancel *cancel;
};

struct archive_packed {
	uint64_t entries, bytes; /* bytes: of the archive */
};

/* Packs the entry name of dirfd as the path `as` ("etc/hosts"), with all below it when it is a directory;
 * with name NULL the content of dirfd, each entry under its own path ("as" then goes before them; "" for
 * none).  out: blocking. */
int archive_pack(int dirfd, const char *name, const char *as, int out,
	const struct archive_pack_options *options, struct archive_packed *ret, struct error *err);

#endif
