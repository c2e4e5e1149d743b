/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths inside the root file system of a container.  The content of such a tree is hostile and
 * the container's processes may change it while we look: a path is resolved by openat2(2), never
 * above the root, and what comes out is a descriptor; nothing is looked up by path a second time.
 * The container's own symlinks are followed as its processes would see them: "/x" starts at the
 * root, ".." stops there.  Magic links (/proc/PID/fd/N, exe, cwd) are refused with ELOOP.
 *
 * Nothing here allocates, keeps state or uses /proc unless it says so: callable in a
 * single-threaded child between clone and exec, and from any thread.
 * Returns: 0, a descriptor (O_CLOEXEC), a length, or a negative errno; no function fills a
 * struct error, since the caller knows the noun.  A path is at most PATH_MAX - 1 bytes; an
 * empty one means the root.  Kernel 5.6.
 */
#ifndef GANTRY_ROOTFS_RESOLVE_H
#define GANTRY_ROOTFS_RESOLVE_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Symlinks followed in one path, as the kernel's MAXSYMLINKS. */
#define ROOTFS_LINKS_MAX 40

/* Opens path inside the root.  flags as in open(2); 0 means O_PATH.  O_CLOEXEC is added, and for anything but
 * O_PATH also O_NOCTTY.  Opening a fifo or a device for real can block or act: check an O_PATH descriptor
 * first, or use rootfs_open_file.  mode counts with O_CREAT and O_TMPFILE alone. -EAGAIN: someone kept
 * renaming or mounting through many attempts. */
int rootfs_open(int rootfd, const char *path, int flags, mode_t mode);

/* As rootfs_open, but a path that leaves dirfd (by "..", or by an absolute symlink or path) is -EXDEV instead
 * of being held inside: for paths that a user names below a folder, such as the subpath of a volume. */
int rootfs_open_beneath(int dirfd, const char *path, int flags, mode_t mode);

/* Opens a regular file for reading (O_NONBLOCK).  Anything else is -EISDIR or -EINVAL and is not opened for
 * real; where /proc is missing, a racing swap can get a device opened before it is refused.  -EAGAIN: swapped
 * meanwhile. */
int rootfs_open_file(int rootfd, const char *path);

/* mkdir -p inside the root; answers the last directory (O_PATH).  Missing directories are made step by step
 * with mode (exactly, whatever the umask), uid and gid ((uid_t)-1, (gid_t)-1: as the process makes them);
 * existing ones are left as they are.  A dangling symlink's target is made, inside the root.  -ENOTDIR: a
 * component is something else; -ELOOP. */
int rootfs_mkdirs(int rootfd, const char *path, mode_t mode, uid_t uid, gid_t gid);

/* As rootfs_mkdirs, beneath dirfd: -EXDEV when the path or a symlink in it leaves. */
int rootfs_mkdirs_beneath(int dirfd, const char *path, mode_t mode, uid_t uid, gid_t gid);

/* The target for mounting a file: an existing file, fifo, socket or device is left as it is and never opened
 * for real; a missing one becomes an empty regular file with mode, uid, gid; missing parents are made 0755
 * with uid and gid. Answers an O_PATH descriptor.  -EISDIR: path is a directory. */
int rootfs_mkfile(int rootfd, const char *path, mode_t mode, uid_t uid, gid_t gid);

/* Opens (O_PATH) the directory that holds path's last component, whose name (not followed) goes to ret_name.
 * When path ends in "." or ".." or is the root, the descriptor is that directory itself and the name is ".".
 */
int rootfs_parent(int rootfd, const char *path, int *ret_parent, char ret_name[NAME_MAX + 1]);

/* The text of the symlink at path, NUL-ended; the last component is not followed.  Returns its length;
 * -EINVAL: not a symlink; -ENAMETOOLONG: does not fit. */
ssize_t rootfs_readlink(int rootfd, const char *path, char *buf, size_t size);

/* What a descriptor (O_PATH will do) is.  0, or:
 * file:   regular;                 else -EISDIR, -ELOOP (symlink), -EINVAL
 * dir:                             else -ENOTDIR
 * device: char device major:minor; else -ENODEV
 * procfs: lies on a proc file system, not on something mounted over it; else -EXDEV */
int rootfs_check_file(int fd);
int rootfs_check_dir(int fd);
int rootfs_check_device(int fd, unsigned major, unsigned minor);
int rootfs_check_procfs(int fd);

#endif
