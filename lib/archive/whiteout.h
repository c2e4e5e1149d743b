/* SPDX-License-Identifier: Apache-2.0 */
/* What a layer's marks for deleted files do, in each of the styles of storage drivers. */
#ifndef GANTRY_ARCHIVE_WHITEOUT_H
#define GANTRY_ARCHIVE_WHITEOUT_H

#include "lib/archive/inodes.h"
#include "lib/archive/unpack.h"
#include "lib/base/error.h"

#include <stdbool.h>
#include <sys/stat.h>

enum whiteout_kind {
	WHITEOUT_NOT,    /* an ordinary entry */
	WHITEOUT_DELETE, /* of the name behind the prefix */
	WHITEOUT_OPAQUE,
	WHITEOUT_IGNORE, /* aufs's own */
	WHITEOUT_WRONG,  /* ".wh." alone, ".wh..", ".wh...", or as a directory on the way */
};

/* path is cleaned.  *ret_name: the deleted name, in path. */
enum whiteout_kind whiteout_classify(const char *path, const char **ret_name);

struct whiteouts {
	enum archive_whiteouts style;
	struct inodes ours; /* with ARCHIVE_WHITEOUT_APPLY */
	const struct rootfs_cancel *cancel;
	bool made; /* some mark stands in the tree */
};

/* Deletes name, or marks it deleted, in the directory dirfd (open for reading). */
int whiteout_delete(struct whiteouts *w, int dirfd, const char *name, struct error *err);

/* Hides what the layers below have in the directory. */
int whiteout_opaque(struct whiteouts *w, int dirfd, struct error *err);

/* Takes the mark for name away before an entry is made there: 1 when there was one. */
int whiteout_lift(struct whiteouts *w, int dirfd, const char *name);

/* True for what stands for a deleted file in overlay's styles. */
bool whiteout_is_mark(const struct stat *st);

#endif
