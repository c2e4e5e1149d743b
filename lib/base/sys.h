/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that musl 1.2.3 and glibc 2.36 do not both wrap, under one name each: sys_NAME.
 * They behave as the kernel's: -1 and errno.  Kernel: 5.10 has all but what is noted.
 * The constants are the kernel's, defined here where the C library lacks them
 * (<linux/mount.h> cannot stand beside glibc's <sys/mount.h>).
 */
#ifndef GANTRY_BASE_SYS_H
#define GANTRY_BASE_SYS_H

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h> /* P_PIDFD, an enumerator in both */
#include <unistd.h>

/* ---- mounts ----------------------------------------------------------------- */
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE   1
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x00000004
#endif
#ifndef MOVE_MOUNT_T_EMPTY_PATH
#define MOVE_MOUNT_T_EMPTY_PATH 0x00000040
#endif
#ifndef FSOPEN_CLOEXEC
#define FSOPEN_CLOEXEC 1
#endif
#ifndef FSMOUNT_CLOEXEC
#define FSMOUNT_CLOEXEC 1
#endif
#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY      0x00000001
#define MOUNT_ATTR_NOSUID      0x00000002
#define MOUNT_ATTR_NODEV       0x00000004
#define MOUNT_ATTR_NOEXEC      0x00000008
#define MOUNT_ATTR__ATIME      0x00000070
#define MOUNT_ATTR_RELATIME    0x00000000
#define MOUNT_ATTR_NOATIME     0x00000010
#define MOUNT_ATTR_STRICTATIME 0x00000020
#define MOUNT_ATTR_NODIRATIME  0x00000080
#endif
#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

/* enum fsconfig_command of the kernel. */
enum {
	SYS_FSCONFIG_FLAG = 0,
	SYS_FSCONFIG_STRING = 1,
	SYS_FSCONFIG_FD = 5,
	SYS_FSCONFIG_CREATE = 6,
	SYS_FSCONFIG_RECONFIGURE = 7
};

struct sys_mount_attr { /* struct mount_attr, size 32 */
	uint64_t attr_set, attr_clr, propagation, userns_fd;
};

static inline int sys_open_tree(int dirfd, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dirfd, path, flags);
}
static inline int sys_move_mount(
	int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned flags)
{
	return (int)syscall(SYS_move_mount, from_dirfd, from, to_dirfd, to, flags);
}
static inline int sys_fsopen(const char *fstype, unsigned flags)
{
	return (int)syscall(SYS_fsopen, fstype, flags);
}
static inline int sys_fsconfig(int fs, unsigned cmd, const char *key, const void *value, int aux)
{
	return (int)syscall(SYS_fsconfig, fs, cmd, key, value, aux);
}
static inline int sys_fsmount(int fs, unsigned flags, unsigned attrs)
{
	return (int)syscall(SYS_fsmount, fs, flags, attrs);
}
/* Kernel 5.12. */
static inline int sys_mount_setattr(
	int dirfd, const char *path, unsigned flags, const struct sys_mount_attr *attr)
{
	return (int)syscall(442, dirfd, path, flags, attr, sizeof *attr);
}
static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

/* ---- files ------------------------------------------------------------------ */
struct sys_open_how { /* struct open_how, size 24 */
	uint64_t flags, mode, resolve;
};
enum {
	SYS_RESOLVE_NO_XDEV = 0x01,
	SYS_RESOLVE_NO_MAGICLINKS = 0x02,
	SYS_RESOLVE_NO_SYMLINKS = 0x04,
	SYS_RESOLVE_BENEATH = 0x08,
	SYS_RESOLVE_IN_ROOT = 0x10,
};
static inline int sys_openat2(int dirfd, const char *path, const struct sys_open_how *how)
{
	return (int)syscall(437, dirfd, path, how, sizeof *how);
}
static inline int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	return (int)syscall(436, first, last, flags);
}
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif
static inline int sys_execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
	return (int)syscall(SYS_execveat, dirfd, path, argv, envp, flags);
}

/* ---- processes -------------------------------------------------------------- */
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#define SYS_CLONE_INTO_CGROUP UINT64_C(0x200000000)
struct sys_clone_args { /* struct clone_args, size 88 */
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
		set_tid_size, cgroup;
};
/* Forks as fork(2) does: both sides return.  No pthread_atfork handler runs: for single-threaded callers,
 * or a child that only makes system calls. */
static inline pid_t sys_clone3(const struct sys_clone_args *args)
{
	return (pid_t)syscall(435, args, sizeof *args);
}
static inline int sys_pidfd_open(pid_t pid, unsigned flags)
{
	return (int)syscall(434, pid, flags);
}
static inline int sys_pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned flags)
{
	return (int)syscall(424, pidfd, sig, info, flags);
}

#endif
