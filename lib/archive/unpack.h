/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacking a layer, or any tar of strangers, below a directory.
 *
 * Names: cleaned as text; one that leaves by ".." is refused, a leading '/' means the directory.  The way to
 * an entry may lead through symlinks of the tree, which are followed as if the directory were the root:
 * nothing outside is reached.  What symlinks point to is not judged.  Hard links need a target that is there.
 * A later entry replaces an earlier one; directories are merged.  Missing parents are made, 0755, of root.
 * Attributes: owner, mode, times to the nanosecond, and the extended attributes of rootfs_xattr_allowed;
 * others are dropped and counted.  Devices 0:0 are refused: that is how overlay marks what is deleted.
 *
 * Layers (OCI image spec, layer.md): ".wh.NAME" deletes NAME of the layers below and ".wh..wh..opq" all that
 * they have in its directory; entries of the same layer stay, whatever the order.  Other names that begin
 * with
 * ".wh..wh." belong to aufs and are passed over.
 * Nothing is synced: that is one syncfs for the caller.
 */
#ifndef GANTRY_ARCHIVE_UNPACK_H
#define GANTRY_ARCHIVE_UNPACK_H

#include "lib/archive/input.h"
#include "lib/archive/limits.h"
#include "lib/base/error.h"
#include "lib/rootfs/cancel.h"

#include <stdbool.h>

/* How deletions are written down.  The numbers are the SDK's GTY_WHITEOUT_*. */
enum archive_whiteouts {
	ARCHIVE_WHITEOUT_APPLY = 0,        /* the directory has the layers below in it: delete */
	ARCHIVE_WHITEOUT_OVERLAY = 1,      /* char device 0:0; trusted.overlay.opaque */
	ARCHIVE_WHITEOUT_OVERLAY_USER = 2, /* char device 0:0; user.overlay.opaque */
	ARCHIVE_WHITEOUT_AUFS = 3,         /* the files as they are */
	ARCHIVE_WHITEOUT_NONE = 4,         /* no layer: names beginning with ".wh." are names */
};

struct archive_unpack_options {
	enum archive_whiteouts whiteouts;
	struct archive_limits limits;
	const char *blob_digest, *plain_digest; /* what must come out; NULL: anything */
	bool no_digests;                        /* do not compute them */
	bool keep_kinds; /* a directory does not replace another kind, nor the reverse: -EEXIST */
	const struct rootfs_cancel *cancel;
};

struct archive_unpacked {
	struct archive_input_totals input;
	uint64_t entries, file_bytes;
	uint64_t dropped_xattrs;
};

/* Unpacks what fd gives (a tar, plain or compressed by gzip, zstd, xz, bzip2) below dirfd.  Both stay the
 * caller's. On failure the directory holds what was unpacked so far.  A digest that differs is ERROR_INVALID
 * with EBADMSG and is found at the end: use nothing before. */
int archive_unpack(int fd, int dirfd, const struct archive_unpack_options *options,
	struct archive_unpacked *ret, struct error *err);

/* Writes the plain tar to out instead.  Of the options limits and digests count. */
int archive_expand(int fd, int out, const struct archive_unpack_options *options,
	struct archive_input_totals *ret, struct error *err);

#endif
