/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way to run a program.  The child shares the caller's memory until its execve (as vfork), so a
 * large, threaded daemon pays nothing for its size and no pthread_atfork handler or lock can bite.  The child
 * has exactly the descriptors asked for, no blocked signal, and all dispositions at their default. Any thread
 * may call; the calling thread (alone) waits until the program runs. Not here: namespaces and roots of
 * containers (runtime/launch).
 */
#ifndef GANTRY_BASE_SPAWN_H
#define GANTRY_BASE_SPAWN_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	SPAWN_SESSION = 1, /* setsid: a session and process group of its own */
	SPAWN_GROUP = 2,   /* a process group of its own */
};

#define SPAWN_FDS_MAX    64
#define SPAWN_GROUPS_MAX 64

struct spawn {
	const char *path; /* an absolute path, or NULL: exec_fd */
	int exec_fd; /* execveat on this descriptor (O_PATH will do).  A "#!" script needs a path instead. */
	const char *const *argv;
	const char *const *env; /* NULL: empty */

	/* fds[i] becomes descriptor i; -1: /dev/null.  Descriptors below 3 that are not listed are /dev/null;
	 * all others are closed. */
	const int *fds;
	size_t nfds;

	const char *cwd; /* NULL: the caller's.  Taken after the namespaces are entered. */
	unsigned flags;  /* SPAWN_* */

	int netns_fd, mntns_fd; /* entered with setns; -1: the caller's */
	/* A folder of cgroup v2 that the child is born in, -1: the caller's; and open cgroup.procs or tasks
	 * files (v1) that it enters before anything else. */
	int cgroup_fd;
	const int *procs_fds;
	size_t nprocs;

	/* UINT32_MAX: unchanged.  With a uid or gid the supplementary groups are replaced (ngroups may be 0).
	 */
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t ngroups;
};

#define SPAWN_INIT                      \
	((struct spawn){ .exec_fd = -1, \
		.netns_fd = -1,         \
		.mntns_fd = -1,         \
		.cgroup_fd = -1,        \
		.uid = (uid_t)-1,       \
		.gid = (gid_t)-1 })

struct spawn_child {
	pid_t pid;
	int pidfd; /* readable when the process ended; the owner closes it */
};

/* Starts the program.  It runs when this returns 0; a failure on the way (also of execve: no such file, not
 * executable) is this function's, with the step in the text, and leaves nothing behind.
 * The child must be waited for by spawn_wait (or waitid) through its pidfd; nothing may reap with
 * waitpid(-1). */
int spawn_run(const struct spawn *what, struct spawn_child *ret, struct error *err);

/* Waits for the end and reaps.  *ret_status as waitpid's.  deadline_ns: monotonic (lib/base/clock), INT64_MAX
 * for ever, 0 looks only.  -ETIMEDOUT at the deadline, without filling err's text for a person: the caller
 * knows what it waited for.  Does not close pidfd. */
int spawn_wait(const struct spawn_child *child, int64_t deadline_ns, int *ret_status);

/* Sends a signal through the pidfd: never hits another process.  -ESRCH when it ended. */
int spawn_kill(const struct spawn_child *child, int sig);

/* Run to completion. */
struct spawn_capture {
	/* In. */
	const void *in; /* becomes standard input, as a file; NULL: what->fds[0], else /dev/null */
	size_t in_n;
	size_t out_max, err_max; /* stdout keeps its first out_max bytes, stderr its last err_max; the rest is
				  * read and dropped */
	int64_t deadline_ns;     /* monotonic; the process group is killed then.  INT64_MAX: never */
	/* Out, set on success: spawn_capture_done frees. */
	int status; /* as waitpid's */
	bool timed_out;
	char *out, *err; /* NUL-ended behind out_n, err_n bytes; never NULL */
	size_t out_n, err_n;
	bool out_cut, err_cut;
};

/* Runs `what` in a process group of its own (SPAWN_GROUP is added unless it asks for a session) with
 * descriptors 0, 1 and 2 made as above; what->fds[3] and on are kept.  Returns when the process ended: a
 * grandchild that holds the pipes is not waited for.  A program that failed or was killed is a success of
 * this function: look at status. */
int spawn_capture(const struct spawn *what, struct spawn_capture *io, struct error *err);
void spawn_capture_done(struct spawn_capture *io);

/* "exited with status 2", "was killed by signal 9 (Killed)" for error texts.  Returns buf. */
#define SPAWN_STATUS_SIZE 64
const char *spawn_status_text(int status, char buf[SPAWN_STATUS_SIZE]);

#endif
