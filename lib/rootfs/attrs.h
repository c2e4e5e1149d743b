/* SPDX-License-Identifier: Apache-2.0 */
/* What a file carries beside its data: which of it goes along into another tree, and how it is set there. */
#ifndef GANTRY_ROOTFS_ATTRS_H
#define GANTRY_ROOTFS_ATTRS_H

#include <stdbool.h>
#include <sys/stat.h>

#define ROOTFS_XATTR_VALUE_MAX 65536
#define ROOTFS_XATTR_LIST_MAX  65536

/* True for user.*, security.capability and system.posix_acl_*, without the names that storage drivers keep
 * their own marks under (user.overlay.*, user.fuseoverlayfs.*, user.containers.*).  trusted.* never. */
bool rootfs_xattr_allowed(const char *name);

/* Copies the allowed attributes between two files opened for real.  A file system without attributes, or
 * without one of these, is no error.  buf: 2 × 64 KiB of scratch. */
int rootfs_copy_xattrs(int src, int dst, char buf[ROOTFS_XATTR_LIST_MAX + ROOTFS_XATTR_VALUE_MAX]);

/* Owner, then mode (chown clears setuid) of an open file or directory. */
int rootfs_set_owner_mode(int fd, const struct stat *st);

/* The same for an entry that is not open, whatever the umask made of it; a symlink only has an owner. */
int rootfs_set_owner_mode_at(int dirfd, const char *name, const struct stat *st);

#endif
