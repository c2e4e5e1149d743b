/* SPDX-License-Identifier: Apache-2.0 */
/* Files with several names: under which one each inode was met first.  Memory is bounded by the caller's
 * limit. */
#ifndef GANTRY_ROOTFS_LINKS_H
#define GANTRY_ROOTFS_LINKS_H

#include <stddef.h>
#include <sys/types.h>

struct rootfs_link;

struct rootfs_links {
	struct rootfs_link *table;
	size_t n, room, max;
};

void rootfs_links_init(struct rootfs_links *l, size_t max);
void rootfs_links_done(struct rootfs_links *l);

/* The path remembered for an inode, or NULL. */
const char *rootfs_links_find(const struct rootfs_links *l, dev_t dev, ino_t ino);

/* Remembers a copy of path for an inode that is not known yet.  0, -ENOMEM, -EMLINK: max are remembered. */
int rootfs_links_add(struct rootfs_links *l, dev_t dev, ino_t ino, const char *path);

#endif
