/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a launch record to a container, in two steps.  create makes the cgroup, the namespaces and
 * the file system view and leaves the container's first process parked before its execve(2);
 * start lets it go.  exec runs one more process in a container.  libc and system calls only.
 *
 * The caller is a single-threaded process of its own (gantry-shim): it is cloned, and with
 * `oneshot` its namespaces are not put back.  Nothing here prints; what failed is told by phase,
 * errno and the object's name, and the words are the caller's.
 */
#ifndef GANTRY_LAUNCH_LAUNCH_H
#define GANTRY_LAUNCH_LAUNCH_H

#include "lib/cgroup/cgroup.h"
#include "runtime/launch/record.h"

#include <stdbool.h>
#include <sys/types.h>

/* Where a launch failed.  Numbers are kept in journals: append only. */
enum launch_phase {
	LAUNCH_PHASE_NONE = 0,
	LAUNCH_PHASE_RECORD = 1,
	LAUNCH_PHASE_CGROUP = 2,
	LAUNCH_PHASE_NAMESPACE = 3,
	LAUNCH_PHASE_CLONE = 4,
	LAUNCH_PHASE_IDMAP = 5,
	LAUNCH_PHASE_ROOT = 6,
	LAUNCH_PHASE_MOUNT_SOURCE = 7,
	LAUNCH_PHASE_MOUNT_TARGET = 8,
	LAUNCH_PHASE_MOUNT = 9,
	LAUNCH_PHASE_DEVICE = 10,
	LAUNCH_PHASE_CONSOLE = 11,
	LAUNCH_PHASE_MASK = 12,
	LAUNCH_PHASE_SYSCTL = 13,
	LAUNCH_PHASE_HOSTNAME = 14,
	LAUNCH_PHASE_HOOK = 15,
	LAUNCH_PHASE_PIVOT = 16,
	LAUNCH_PHASE_USER = 17,
	LAUNCH_PHASE_RLIMIT = 18,
	LAUNCH_PHASE_CAPABILITIES = 19,
	LAUNCH_PHASE_LABEL = 20, /* AppArmor, SELinux */
	LAUNCH_PHASE_SECCOMP = 21,
	LAUNCH_PHASE_CWD = 22,
	LAUNCH_PHASE_LOOKUP = 23, /* the program is not in $PATH */
	LAUNCH_PHASE_EXEC = 24,
	LAUNCH_PHASE_SCHEDULER = 25,
	LAUNCH_PHASE_OOM_SCORE = 26,
	LAUNCH_PHASE_DIED = 27, /* the process ended before it could say why */
	LAUNCH_PHASE_PROTOCOL = 28,
	LAUNCH_PHASE_LOOPBACK = 29,
};

/* A fixed-size message too: it crosses sockets as it is. */
struct launch_error {
	uint32_t phase;   /* enum launch_phase */
	int32_t code;     /* positive errno */
	char detail[248]; /* mount target, program, hook path, ...; may be empty */
};

/* "mount", "find the program": fits behind "cannot "; a constant, never NULL. */
const char *launch_phase_text(uint32_t phase);

/* Answers the caller's word on the container's state for its hooks (OCI state JSON, no NUL inside) once the
 * first process exists; runs the hooks of the runtime namespace if there are any.  0 or -errno. */
typedef int launch_hooks(void *arg, pid_t pid, char *ret_state, size_t size, struct launch_error *err);

struct launch_args {
	const struct launch_record *rec; /* checked */
	const int *fds;                  /* rec's descriptors; borrowed */
	uint32_t nfds;
	const struct cgroup_layout
		*cgroups; /* outlives the result; may be NULL when rec has no cgroup_path */
	int stdio[3];     /* become 0, 1, 2 (not with LAUNCH_PROC_TTY); borrowed, above 2; -1: /dev/null */
	int park; /* create: a connected or listening SOCK_SEQPACKET socket on which start arrives; borrowed
		   */
	bool park_listens;
	bool oneshot;        /* the caller ends after this: its namespaces may stay changed */
	bool sibling;        /* the new process becomes a child of the caller's parent (CLONE_PARENT) */
	int target;          /* exec: pidfd of a process in the container, ... */
	pid_t target_pid;    /* ... and its pid */
	launch_hooks *hooks; /* NULL without hooks */
	void *hooks_arg;
};

struct launch_result {
	pid_t pid; /* in the caller's pid namespace */
	int pidfd;
	int console;          /* pty master with LAUNCH_PROC_TTY, else -1 */
	struct cgroup cgroup; /* the caller's to close; CGROUP_NONE without cgroup_path */
};

/* Builds the container and parks its first process.  On failure everything that was made is gone again (the
 * process is reaped, the cgroup removed), *ret is untouched, err is filled.  0 or -errno. */
int launch_create(const struct launch_args *args, struct launch_result *ret, struct launch_error *err);

/* Lets a parked process go: sock is connected to its park socket.  0 once execve(2) has succeeded; else
 * -errno and err: the process has ended.  Closes nothing. */
int launch_start(int sock, struct launch_error *err);

/* The kinds of namespaces (CLONE_NEW*) in which pid is not where the caller is: what rec->ns_new of an exec
 * is to say. setns(2) through a pidfd enters them at once; the user namespace one is in already is refused.
 * 0 or -errno. */
int launch_namespaces_of(pid_t pid, uint32_t *ret);

/* Runs rec's process in the container of args->target, whose namespaces rec->ns_new names; returns when its
 * execve(2) has succeeded or failed. */
int launch_exec(const struct launch_args *args, struct launch_result *ret, struct launch_error *err);

#endif
