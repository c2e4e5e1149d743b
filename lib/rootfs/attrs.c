/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/rootfs/attrs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SYS_NR_FCHMODAT2 452

static bool starts(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

bool rootfs_xattr_allowed(const char *name)
{
	if (starts(name, "user."))
		return !starts(name, "user.overlay.") && !starts(name, "user.fuseoverlayfs.") &&
		       !starts(name, "user.containers.");
	return strcmp(name, "security.capability") == 0 || strcmp(name, "system.posix_acl_access") == 0 ||
	       strcmp(name, "system.posix_acl_default") == 0;
}

static int copy_xattr(int src, int dst, const char *name, char *value)
{
	ssize_t n = fgetxattr(src, name, value, ROOTFS_XATTR_VALUE_MAX);

	if (n < 0)
		return errno == ENODATA || errno == EOPNOTSUPP ? 0 : -errno;
	if (fsetxattr(dst, name, value, (size_t)n, 0) < 0 && errno != EOPNOTSUPP)
		return -errno;
	return 0;
}

int rootfs_copy_xattrs(int src, int dst, char buf[ROOTFS_XATTR_LIST_MAX + ROOTFS_XATTR_VALUE_MAX])
{
	ssize_t n = flistxattr(src, buf, ROOTFS_XATTR_LIST_MAX);

	if (n < 0)
		return errno == EOPNOTSUPP || errno == ENOSYS ? 0 : -errno;
	for (const char *name = buf; name < buf + n; name += strlen(name) + 1) {
		if (!rootfs_xattr_allowed(name))
			continue;
		int r = copy_xattr(src, dst, name, buf + ROOTFS_XATTR_LIST_MAX);
		if (r < 0)
			return r;
	}
	return 0;
}

int rootfs_set_owner_mode(int fd, const struct stat *st)
{
	struct stat have;

	if (fstat(fd, &have) < 0)
		return -errno;
	bool chown_it = have.st_uid != st->st_uid || have.st_gid != st->st_gid;
	if (chown_it && fchown(fd, st->st_uid, st->st_gid) < 0)
		return -errno;
	if ((chown_it || (have.st_mode & 07777) != (st->st_mode & 07777)) &&
		fchmod(fd, st->st_mode & 07777) < 0)
		return -errno;
	return 0;
}

/* Kernel 6.6; before, the C libraries go through /proc/self/fd. */
static int chmod_nofollow(int dirfd, const char *name, mode_t mode)
{
	if (syscall(SYS_NR_FCHMODAT2, dirfd, name, mode, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (errno != ENOSYS)
		return -errno;
	return fchmodat(dirfd, name, mode, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int rootfs_set_owner_mode_at(int dirfd, const char *name, const struct stat *st)
{
	struct stat have;

	if (fstatat(dirfd, name, &have, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if ((have.st_uid != st->st_uid || have.st_gid != st->st_gid) &&
		fchownat(dirfd, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISLNK(have.st_mode) || (have.st_mode & 07777) == (st->st_mode & 07777))
		return 0;
	return chmod_nofollow(dirfd, name, st->st_mode & 07777);
}
