/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User and group names of a container, looked up in /etc/passwd and /etc/group of its root file
 * system, never by the C library (whose NSS would load the host's, or the image's, modules).
 * Both files are hostile: only regular files are read, in a stream through a small fixed buffer
 * and up to ROOTFS_USERS_SCAN_MAX bytes; nothing is allocated.
 *
 * What counts as an entry: "name:password:uid:gid:..." and "name:password:gid:member,...", the
 * name not empty, the numbers decimal in 0..2147483647.  Comments, lines with a NUL byte and
 * lines with a name or home too long for the fields below are passed over.
 * Threads: any.  Uses /proc/self/fd when it is there (rootfs_open_file).
 */
#ifndef GANTRY_ROOTFS_USERS_H
#define GANTRY_ROOTFS_USERS_H

#include "lib/base/error.h"

#include <stddef.h>
#include <stdint.h>

#define ROOTFS_USERS_SCAN_MAX (UINT64_C(64) << 20) /* bytes of passwd or group */
#define ROOTFS_USERS_NAME_MAX 256                  /* with the NUL */
#define ROOTFS_USERS_HOME_MAX 1024                 /* with the NUL */
#define ROOTFS_GROUPS_MAX     1024

struct rootfs_user {
	uint32_t uid, gid;
	uint32_t ngroups; /* for setgroups: gid first, the others ascending, no doubles */
	uint32_t groups[ROOTFS_GROUPS_MAX];
	char home[ROOTFS_USERS_HOME_MAX]; /* "/" when passwd has no entry or an empty one */
};

/* Resolves Docker's USER: "", "user", "uid", "user:group", "uid:gid", "uid:group", ":group".
 * A number is always an id, never a name, and need not be in the files; one out of range is an error, as is a
 * name that is not there.  "" is uid 0.  Supplementary groups are those that name the passwd entry's user as
 * a member, unless spec gives a group.  extra: names or numbers added to the groups
 * (--group-add), fewer than ROOTFS_GROUPS_MAX.  rootfd: O_PATH will do.  A missing passwd or group file
 * counts as an empty one. Errors: ERROR_INVALID with Docker's words ("unable to find user x: no matching
 * entries in passwd file"); *ret is untouched. */
int rootfs_user_resolve(int rootfd, const char *spec, const char *const *extra, size_t n_extra,
	struct rootfs_user *ret, struct error *err);

/* The same over buffers in place of the files; NULL: the file is missing. */
int rootfs_user_resolve_text(const char *passwd, size_t passwd_n, const char *group, size_t group_n,
	const char *spec, const char *const *extra, size_t n_extra, struct rootfs_user *ret,
	struct error *err);

#endif
