/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over a tree that others filled: by descriptors, never over a mount point, never through a
 * symbolic link, of bounded depth.  What vanishes meanwhile is skipped, so a live tree can be walked.
 * Stops when the call's caller gives up.
 */
#ifndef GANTRY_KIT_WALK_H
#define GANTRY_KIT_WALK_H

#include "lib/base/error.h"

#include <gantry/plugin.h>
#include <sys/stat.h>

/* Deeper trees are refused; a descriptor is open for each level. */
#define KIT_WALK_DEPTH 256
#define KIT_WALK_PATH  65535

struct kit_entry {
	int dirfd; /* the folder that name is in */
	const char *name;
	const char *path; /* from the walk's root, no leading slash */
	unsigned depth;   /* 0 for the root's own entries */
	struct stat st;
};

enum { KIT_WALK_ON = 0, KIT_WALK_SKIP = 1 };

struct kit_walk {
	/* Before what is below it; KIT_WALK_SKIP: not into this folder; negative: stop with that. */
	int (*entry)(void *ctx, const struct kit_entry *e, struct error *err);
	/* After what is below a folder that was not skipped; may be NULL. */
	int (*leave)(void *ctx, const struct kit_entry *e, struct error *err);
	void *ctx;
	const struct gty_call *call;
};

int kit_walk(int dirfd, const struct kit_walk *walk, struct error *err);

/* Opens a folder's child folder for reading: -EXDEV at a mount point, -ELOOP at a symbolic link. */
int kit_walk_open(int dirfd, const char *name);

#endif
