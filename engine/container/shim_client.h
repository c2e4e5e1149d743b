/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gantryd's side of gantry-shim: one handle a container's shim, one hub for all of them.
 *
 * A hub has a folder (exec-root/shim), the shim's program and one thread, which reads the sockets of all
 * shims that are committed and calls back.  Life of a handle:
 *
 *	shim_launch -> [shim_keep, shim_attach ...] -> shim_commit -> events -> shim_finish -> shim_unref
 *	                 \-> shim_abandon -> shim_unref                            (never committed)
 *	shim_restore gives handles of the shims that an earlier gantryd left
 *
 * Threads: any may call any function with a handle, but for launch, commit, abandon and finish, which are the
 * business of one.  Callbacks come from the hub's thread (`released` of a commit from the caller of
 * shim_commit, what came while found() asked for something from the caller of shim_restore); they must not
 *block long, and must not call what waits for an answer: all functions that say so below.  Requests never
 *block longer than SHIM_TIMEOUT_S: a stuck shim is ERROR_TIMEOUT.
 */
#ifndef GANTRY_ENGINE_SHIM_CLIENT_H
#define GANTRY_ENGINE_SHIM_CLIENT_H

#include "lib/base/error.h"
#include "lib/proto/shim.h"
#include "runtime/launch/launch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHIM_TIMEOUT_S 10

struct shim;
struct shim_hub;
struct launch_block;

struct shim_callbacks {
	/* An event of the journal, in order, each at least once (after shim_restore those behind what was
	 * acknowledged come again); seq 0: DETACHED, which is not to be acknowledged. */
	void (*event)(void *arg, struct shim *shim, const struct proto_shim_event *event);
	/* The shim has ended before its last event was acknowledged: it was killed.  The cgroup is to be
	 * killed and removed, then shim_finish called.  Comes once, as the last callback of the handle. */
	void (*died)(void *arg, struct shim *shim);
	void *arg;
};

struct shim_hub_options {
	const char *folder;  /* exec-root/shim; made (0700) when it is not there */
	const char *program; /* path of gantry-shim; NULL: beside this program */
	/* The shims' own cgroup, as struct spawn takes it; borrowed for the hub's life.  -1, NULL, 0: the
	 * caller's. */
	int cgroup_fd;
	const int *procs_fds;
	size_t nprocs;
	struct shim_callbacks callbacks;
};

int shim_hub_new(const struct shim_hub_options *options, struct shim_hub **ret, struct error *err);
/* Stops the thread and closes; shims that are committed live on.  All handles must be released before. */
void shim_hub_free(struct shim_hub *hub);

/* ---- launch ------------------------------------------------------------------------- */
struct shim_log {
	enum proto_shim_log kind;
	int folder;         /* where <id>-json.log goes; borrowed; -1 with PROTO_LOG_NONE */
	uint64_t file_size; /* bytes after which a new file begins; 0: never */
	unsigned files;     /* kept, with the present one; at least 1 */
	const char *attrs;  /* a JSON object for every line, or NULL */
};

struct shim_launch {
	const char *id;                    /* 64 digits; the folder is named by its first 12 */
	const struct launch_block *record; /* from compile_container */
	const int *fds;                    /* the record's descriptors; borrowed */
	uint32_t nfds;
	const struct cgroup_layout *cgroups;
	bool open_stdin, stdin_once; /* a terminal is the record's word (LAUNCH_PROC_TTY) */
	struct shim_log log;
	void *data; /* shim_data */
};

/* What a container's shim is, for the row. */
struct shim_facts {
	char id[ID_SIZE];
	pid_t pid, shim_pid;
	uint64_t start_time; /* of pid, clock ticks since boot */
	char boot_id[40];
	enum proto_shim_state state;
	uint64_t last_seq;
	int netns_fd; /* its number in the shim: /proc/<shim_pid>/fd/<netns_fd>; -1: the container has none of
			 its own */
};

/* Makes the folder, starts a shim, has it build the container: init is parked when this returns 0.  A failure
 * of the launch itself fills *ret_why (phase not LAUNCH_PHASE_NONE), and err with a plain sentence; nothing
 * is left of it.  The handle has one reference, the caller's.  Waits. */
int shim_launch(struct shim_hub *hub, const struct shim_launch *what, struct shim **ret,
	struct launch_error *ret_why, struct error *err);

/* Hands over descriptors that the shim holds until the last event is acknowledged (bound sockets, a network
 * namespace); they stay the caller's as well.  Waits. */
int shim_keep(struct shim *shim, const int *fds, size_t nfds, struct error *err);

/* Lets init go.  0: the program runs, since *ret_time_ns (may be NULL).  A program that could not be executed
 * fills *ret_why; the event EXEC_FAILED comes, too, and the handle goes its way to shim_finish as after an
 * exit. ret_why->phase NONE: the shim died; then died() does not come.  Waits. */
int shim_commit(struct shim *shim, int64_t *ret_time_ns, struct launch_error *ret_why, struct error *err);

/* Instead of commit: the shim tears down all it made; returns when it has ended, without its folder.  Waits.
 */
void shim_abandon(struct shim *shim);

/* ---- a container that runs ------------------------------------------------------------ */
/* ERROR_CONFLICT with ESRCH: there is no process any more.  All of these wait for the shim's answer. */
int shim_signal(struct shim *shim, int sig, struct error *err);
/* Signal now, the cgroup killed after timeout_ns (negative: never); goes on without gantryd.  A second one
 * takes the place of the first. */
int shim_stop(struct shim *shim, int sig, int64_t timeout_ns, struct error *err);
/* Kills all processes of the container at once. */
int shim_kill(struct shim *shim, struct error *err);
/* ERROR_INVALID when there is no terminal. */
/* exec: of that process; NULL: the container's first. */
int shim_resize(struct shim *shim, const char *exec, unsigned rows, unsigned cols, struct error *err);

struct shim_attach {
	uint32_t flags;   /* PROTO_STREAM_* */
	const void *head; /* the answer's head, written first; at most PROTO_HEAD_MAX */
	size_t head_n;
	const void *pending; /* what the client has sent behind its request; at most PROTO_PENDING_MAX */
	size_t pending_n;
	const void *keys; /* that detach it, for a terminal with input; at most PROTO_KEYS_MAX, 0: none */
	size_t keys_n;
};
/* Hands a client's socket over, before commit or after.  0: taken, the caller closes its own descriptor
 * without shutdown(2).  On failure nothing was written to it. */
int shim_attach(struct shim *shim, const struct shim_attach *what, int sock, struct error *err);

struct shim_logs {
	uint32_t flags;             /* PROTO_STREAM_STDOUT, _STDERR, _RAW, PROTO_LOGS_* */
	int64_t since_ns, until_ns; /* INT64_MIN, INT64_MAX */
	int64_t tail;               /* negative: all */
	const void *head;
	size_t head_n;
};
/* The same for `logs --follow`. */
int shim_logs(struct shim *shim, const struct shim_logs *what, int sock, struct error *err);

struct shim_exec {
	const char *id;
	const struct launch_block *record; /* from compile_process */
	const int *fds;                    /* the record's; borrowed */
	uint32_t nfds;
	bool open_stdin;
	int sock;                  /* the client's, as for shim_attach; -1: its output is for nobody */
	struct shim_attach client; /* with a socket */
};
/* Runs one more process in the container.  0: it runs, sock is taken.  On failure sock is the caller's and
 * nothing was written to it; ret_why's phase tells of the launch, if it came to that.  Its end is told by the
 * event EXEC_EXIT. */
int shim_exec(struct shim *shim, const struct shim_exec *what, pid_t *ret_pid, struct launch_error *ret_why,
	struct error *err);

/* Says that all events up to seq are safe; does not wait, may be called from a callback. */
int shim_acknowledge(struct shim *shim, uint64_t seq);

/* The end of a handle whose last event was handled, or whose shim died: acknowledges, returns when cgroup,
 * ports and namespace are released, and removes the folder.  Clients may go on reading from the shim, which
 * ends by itself.  Waits. */
int shim_finish(struct shim *shim, struct error *err);

/* Kills a container nobody knows, and all of its shim.  Waits until it has ended; removes the folder. */
void shim_teardown(struct shim *shim);

void shim_ref(struct shim *shim);
void shim_unref(struct shim *shim); /* NULL is allowed */

/* Valid as long as the handle. */
const struct shim_facts *shim_facts(const struct shim *shim);
void *shim_data(const struct shim *shim);
void shim_set_data(struct shim *shim, void *data);
/* Descriptors of the handle: the first process's pidfd; its network namespace or -1. */
int shim_pidfd(const struct shim *shim);
int shim_netns(const struct shim *shim);

/* ---- after a restart --------------------------------------------------------------------- */
/* One folder of the hub's.  Exactly one of: a shim that lives (shim; the callee takes the reference), or its
 * remains (shim NULL; the journal's events, n may be 0): then the callee kills and removes the cgroup and
 * calls shim_remove_folder when the row says what the journal says. */
struct shim_found {
	char short_id[ID_SHORT_SIZE];
	struct shim *shim;
	const struct proto_shim_event *events;
	size_t n;
};
/* acked: the last event the row of this container holds; 0 when not known. */
struct shim_restore {
	uint64_t (*acked)(void *arg, const char *short_id);
	void (*found)(void *arg, const struct shim_found *found);
	void *arg;
};
/* Connects to every shim below the folder and calls back for each, from the caller's thread.  Events begin to
 * come when it returns.  A shim that speaks another major is told in err and left alone; the rest goes on. */
int shim_restore(struct shim_hub *hub, const struct shim_restore *restore, struct error *err);
int shim_remove_folder(struct shim_hub *hub, const char *short_id, struct error *err);

#endif
