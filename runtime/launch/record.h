/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launch record: all that is needed to make one container, or to run one more process
 * in it, in a single flat, position-independent, bounded block.  runtime/compile makes it from
 * an OCI configuration; runtime/launch carries it out with libc and system calls alone.  It is a
 * message between programs of one installation, in native byte order; the version must be equal.
 *
 * A block starts with struct launch_record.  Strings and arrays stand behind it and are named by
 * offsets from the block's start.  launch_record_check() is the one gate: after it, every offset lies
 * inside the block, arrays are aligned, strings end in NUL and hold none, counts are within the limits
 * below, and the accessors cannot fail.
 *
 * Descriptors (root, mounts, namespaces) travel beside the block; a record names them by their
 * index in that list.  Field names follow the OCI runtime specification 1.2.
 */
#ifndef GANTRY_LAUNCH_RECORD_H
#define GANTRY_LAUNCH_RECORD_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#define LAUNCH_MAGIC      UINT32_C(0x4c595447)
#define LAUNCH_VERSION    1
#define LAUNCH_RECORD_MAX (1u << 20) /* bytes of a block */
#define LAUNCH_LIST_MAX   4096u      /* elements of any array but args, env and seccomp */
#define LAUNCH_ARGS_MAX   65536u     /* args, env */
#define LAUNCH_FILTER_MAX 4096u      /* BPF_MAXINSNS */
#define LAUNCH_FDS_MAX    240u       /* descriptors beside a block */
#define LAUNCH_NO_FD      UINT32_MAX
#define LAUNCH_UNSET      UINT32_MAX

/* off 0: absent.  len does not count the NUL. */
struct launch_str {
	uint32_t off, len;
};
/* n elements of the type that the comment beside the field names, at off (8-aligned); n 0: none. */
struct launch_vec {
	uint32_t off, n;
};

/* A namespace to enter: by descriptor, or by a path that the launcher opens. */
struct launch_join {
	uint32_t type; /* one CLONE_NEW* */
	uint32_t fd;
	struct launch_str path;
};

struct launch_idmap {
	uint32_t inside, outside, count, reserved;
};

struct launch_time_offset {
	uint32_t clock, nanosecs; /* CLOCK_MONOTONIC or CLOCK_BOOTTIME */
	int64_t secs;
};

enum launch_mount_kind {
	LAUNCH_MOUNT_FD = 1,     /* fd is a detached mount: moved to target (and used up) */
	LAUNCH_MOUNT_BIND = 2,   /* source is a path of the launcher's mount namespace */
	LAUNCH_MOUNT_FS = 3,     /* a new file system of fstype, made inside the container's namespaces */
	LAUNCH_MOUNT_CGROUP = 4, /* the container's view of the cgroup hierarchies, v1 or v2 */
	LAUNCH_MOUNT_REMOUNT = 5 /* only attributes of what is mounted at target */
};
#define LAUNCH_MOUNT_RECURSIVE (UINT32_C(1) << 0) /* BIND: with the mounts below source */
#define LAUNCH_MOUNT_COPY_UP   (UINT32_C(1) << 1) /* FS: fill with what target held ("tmpcopyup") */
#define LAUNCH_MOUNT_NO_FOLLOW (UINT32_C(1) << 2) /* BIND: source may be a symbolic link, mounted as such */
struct launch_mount {
	uint32_t kind, flags;
	uint32_t fd, reserved;
	struct launch_str source, target, fstype;
	struct launch_vec options;   /* struct launch_str: "key=value" or "flag", for fsconfig(2) in order */
	uint64_t attr_set, attr_clr; /* MOUNT_ATTR_* of the mount itself */
	uint64_t rec_set, rec_clr;   /* MOUNT_ATTR_* of the mount and all below it */
	uint32_t propagation, prop_rec; /* MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE or 0, with MS_REC;
					   both in order */
	struct launch_vec uid_map, gid_map; /* struct launch_idmap: an idmapped mount */
};

struct launch_device {
	struct launch_str path;
	uint32_t type;           /* S_IFCHR, S_IFBLK or S_IFIFO */
	uint32_t mode, uid, gid; /* mode: permission bits */
	uint32_t major, minor;
};

struct launch_rlimit {
	uint32_t resource, reserved; /* RLIMIT_* */
	uint64_t soft, hard;
};

struct launch_hook {
	struct launch_str path;
	struct launch_vec args, env; /* struct launch_str */
	uint32_t timeout, reserved;  /* seconds; 0: none */
};

/* One write into a cgroup, as lib/cgroup's struct cgroup_setting. */
struct launch_cgroup_setting {
	uint32_t controller, flags; /* enum cgroup_controller, CGROUP_SETTING_* */
	struct launch_str file, value;
};

/* As lib/cgroup's struct cgroup_device_rule. */
struct launch_cgroup_device {
	uint32_t type;        /* 'a', 'b' or 'c' */
	uint16_t access;      /* CGROUP_DEVICE_* */
	uint16_t allow;       /* 0 deny, 1 allow; the last rule that fits wins */
	int64_t major, minor; /* -1: any */
};

struct launch_sysctl {
	struct launch_str key, value; /* key with dots, "net.ipv4.ip_forward" */
};

#define LAUNCH_PROC_TTY          (UINT32_C(1) << 0)
#define LAUNCH_PROC_NO_NEW_PRIVS (UINT32_C(1) << 1)
#define LAUNCH_PROC_OOM_SCORE    (UINT32_C(1) << 2)
#define LAUNCH_PROC_PERSONALITY  (UINT32_C(1) << 3)
#define LAUNCH_PROC_IOPRIO       (UINT32_C(1) << 4)
#define LAUNCH_PROC_SCHEDULER    (UINT32_C(1) << 5)
#define LAUNCH_PROC_CAPS         (UINT32_C(1) << 6) /* capabilities are given; else those of the launcher stay */
#define LAUNCH_PROC_OWN_CWD      (UINT32_C(1) << 7) /* cwd is made, root's, when it does not exist */

struct launch_process {
	uint32_t flags;
	uint32_t uid, gid, umask; /* umask LAUNCH_UNSET: as it is */
	struct launch_str user;   /* text as in docker run --user: resolved inside the root file system; wins
				     over uid, gid */
	struct launch_vec user_groups; /* struct launch_str: names or numbers, with user */
	struct launch_vec groups;      /* uint32_t: supplementary groups */
	struct launch_vec args, env;   /* struct launch_str */
	struct launch_str cwd;
	uint64_t cap_bounding, cap_effective, cap_permitted, cap_inheritable,
		cap_ambient;        /* bit n: capability n */
	struct launch_vec rlimits;  /* struct launch_rlimit */
	struct launch_str apparmor; /* profile name */
	struct launch_str selinux;  /* process label */
	struct launch_vec seccomp;  /* struct sock_filter */
	uint32_t seccomp_flags;     /* SECCOMP_FILTER_FLAG_* */
	int32_t oom_score_adj;
	uint32_t personality, ioprio; /* ioprio: class << 13 | priority */
	uint32_t sched_policy, sched_flags;
	int32_t sched_nice;
	uint32_t sched_priority;
	uint64_t sched_runtime, sched_deadline, sched_period;
	uint16_t console_height, console_width; /* 0: unknown */
	uint32_t preserve_fds;                  /* the last n descriptors beside the block become 3, 4, ... */
};

#define LAUNCH_F_NO_PIVOT    (UINT32_C(1) << 0)
#define LAUNCH_F_ROOT_RDONLY (UINT32_C(1) << 1)
#define LAUNCH_F_RUNTIME_HOOKS \
	(UINT32_C(1) << 2) /* stop before pivot_root until the caller has run its hooks */
#define LAUNCH_F_NO_NEW_KEYRING (UINT32_C(1) << 3)
#define LAUNCH_F_EXEC           (UINT32_C(1) << 4) /* a further process: only joins, cgroup.path and process count */
#define LAUNCH_F_LOOPBACK       (UINT32_C(1) << 5) /* set lo up (a network namespace made here) */

struct launch_record {
	uint32_t magic, version, size, flags;

	uint32_t ns_new; /* CLONE_NEW* to make; never together with a join of the same type */
	uint32_t reserved;
	struct launch_vec joins;            /* struct launch_join */
	struct launch_vec uid_map, gid_map; /* struct launch_idmap; with CLONE_NEWUSER */
	struct launch_vec time_offsets;     /* struct launch_time_offset; with CLONE_NEWTIME */

	struct launch_str root;    /* path of the root file system in the launcher's namespace, or ... */
	uint32_t root_fd;          /* ... a detached mount */
	uint32_t root_propagation; /* MS_* | MS_REC of "/" inside; 0: MS_SLAVE | MS_REC */
	struct launch_vec mounts;  /* struct launch_mount, in order */
	struct launch_vec devices; /* struct launch_device */
	struct launch_vec masked, readonly; /* struct launch_str */
	struct launch_vec sysctls;          /* struct launch_sysctl */
	struct launch_str hostname, domainname;

	struct launch_str cgroup_path; /* from the root of each hierarchy; absent: none is made or joined */
	struct launch_vec cgroup_settings; /* struct launch_cgroup_setting */
	struct launch_vec
		cgroup_devices; /* struct launch_cgroup_device; none: all devices are left as they are */
	struct launch_str cgroup_mark; /* value of the xattr trusted.gantry.instance, or absent */

	struct launch_vec create_hooks, start_hooks; /* struct launch_hook: createContainer, startContainer */

	struct launch_process process;
};

/* Checks a block of n bytes that came from outside (8-aligned).  0, or -EBADMSG; *ret_why (may be NULL) then
 * names the first field that is wrong, a constant. */
int launch_record_check(const void *block, size_t n, uint32_t nfds, const char **ret_why);

/* Accessors for a checked record.  A string that is absent is NULL. */
static inline const char *launch_text(const struct launch_record *rec, struct launch_str s)
{
	return s.off ? (const char *)rec + s.off : NULL;
}
#define launch_items(rec, vec, type) ((const type *)(const void *)((const char *)(rec) + (vec).off))

#endif
