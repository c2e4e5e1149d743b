/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deleting a tree by descriptors.  Symlinks are deleted, never followed; a mount point is never
 * entered.  Descriptors (ROOTFS_WALK_WINDOW), stack and memory per level (32 bytes) are bounded, whatever the
 * depth.
 */
#ifndef GANTRY_ROOTFS_REMOVE_H
#define GANTRY_ROOTFS_REMOVE_H

#include "lib/base/error.h"
#include "lib/rootfs/cancel.h"

/* Deletes name (one component, of any type) in the directory dirfd.  A name that is not there is success.
 * cancel may be NULL.  The first entry that cannot be deleted ends the work: what is gone is gone, and a
 * later call goes on.  -EXDEV: something is mounted in the tree (kind ERROR_CONFLICT). */
int rootfs_remove_tree(int dirfd, const char *name, const struct rootfs_cancel *cancel, struct error *err);

/* Deletes what is in the directory dirfd and keeps it. */
int rootfs_remove_content(int dirfd, const struct rootfs_cancel *cancel, struct error *err);

#endif
