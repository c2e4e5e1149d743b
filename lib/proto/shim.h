/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between gantry-shim and who starts it, over SOCK_SEQPACKET sockets: one struct a message, some
 * with bytes behind, descriptors beside.  Native byte order; the major number of both sides must be equal,
 * types of a later minor are answered with REFUSED.  Whoever receives checks with proto_shim_check() before
 * it looks into a message.
 *
 * A one-shot shim (gantry-runtime's) launches and ends: the container's process is its starter's child.
 *
 *	starter                             shim
 *	LAUNCH {record, descriptors}  ->
 *	                              <-    HOOKS {pid}            only when the record asks for it
 *	GO {OCI state}                ->
 *	                              <-    CREATED {pid} + pidfd [+ pty master]   or   FAILED {launch_error}
 *
 * A supervising shim (gantryd's; minor 1) stays the parent of the container's first process:
 *
 *	LAUNCH {settings, record}     ->
 *	                              <-    CREATED {facts} + pidfd [+ netns]
 *	                                    or FAILED {launch_error}: it has ended
 *	KEEP + sockets                ->    any number of them, each answered by RESULT
 *	ATTACH + socket               ->    the same
 *	COMMIT                        ->
 *	                              <-    EVENT released, then STARTED
 *	                                    or FAILED and EVENT exec-failed
 *	SIGNAL, STOP, KILL, RESIZE,   ->    each answered by RESULT
 *	ATTACH, LOGS, ACK, TEARDOWN
 *	                              <-    EVENT at any time
 *
 * The end of the socket before COMMIT makes the shim tear down all that it made.  After COMMIT it goes on,
 * and a starter that comes back connects to the socket in its folder, which takes the place of the old one:
 *
 *	HELLO {acked}                 ->
 *	                              <-    WELCOME {facts} + pidfd [+ netns], then every EVENT behind acked
 *
 * The journal in the shim's folder is the same struct proto_shim_event, one behind the other.
 */
#ifndef GANTRY_PROTO_SHIM_H
#define GANTRY_PROTO_SHIM_H

#include "lib/base/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROTO_SHIM_MAGIC      UINT32_C(0x53595447)
#define PROTO_SHIM_MAJOR      1
#define PROTO_SHIM_MINOR      1
#define PROTO_EXEC_RECORD_MAX (1u << 20)
#define PROTO_EXEC_LIVE_MAX   1024 /* running ones of a container */
#define PROTO_SHIM_FD         3    /* where a shim finds its socket */
#define PROTO_SHIM_FDS_MAX    250

/* Append only. */
enum proto_shim_type {
	PROTO_SHIM_LAUNCH = 1,
	PROTO_SHIM_HOOKS = 2,
	PROTO_SHIM_GO = 3,
	PROTO_SHIM_CREATED = 4,
	PROTO_SHIM_FAILED = 5,
	PROTO_SHIM_REFUSED = 6,
	/* minor 1 */
	PROTO_SHIM_KEEP = 7,
	PROTO_SHIM_COMMIT = 8,
	PROTO_SHIM_STARTED = 9,
	PROTO_SHIM_SIGNAL = 10,
	PROTO_SHIM_STOP = 11,
	PROTO_SHIM_KILL = 12,
	PROTO_SHIM_RESIZE = 13,
	PROTO_SHIM_ATTACH = 14,
	PROTO_SHIM_LOGS = 15,
	PROTO_SHIM_RESULT = 16,
	PROTO_SHIM_EVENT = 17,
	PROTO_SHIM_ACK = 18,
	PROTO_SHIM_HELLO = 19,
	PROTO_SHIM_WELCOME = 20,
	PROTO_SHIM_TEARDOWN = 21,
	PROTO_SHIM_EXEC = 22,
	PROTO_SHIM_EXEC_RESULT = 23,
};

struct proto_shim_head {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t type; /* enum proto_shim_type */
	uint32_t size; /* of the whole message */
};

/* ---- launch ------------------------------------------------------------------ */
#define PROTO_LAUNCH_ONESHOT (UINT32_C(1) << 0)
#define PROTO_LAUNCH_EXEC    (UINT32_C(1) << 1) /* one-shot: into the container of the target pidfd */
#define PROTO_LAUNCH_LISTENS (UINT32_C(1) << 2) /* one-shot: the park socket is a listening one */

/* One-shot: behind it the cgroup layout, then the launch record, each 8-aligned; descriptors in order: the
 * record's, stdin, stdout, stderr, then the park socket or the target's pidfd.
 * Supervising: behind it the settings, the cgroup layout, the log's attributes, the launch record, each
 * 8-aligned; descriptors in order: the record's, the shim's folder, the log's folder (unless the log is
 * NONE).
 */
struct proto_shim_launch {
	struct proto_shim_head head;
	uint32_t flags, record_fds;
	uint32_t layout_size, record_size;
	int32_t target_pid;
	uint32_t reserved;
};

#define PROTO_SETTINGS_STDIN      (UINT32_C(1) << 0) /* OpenStdin: a pipe instead of /dev/null */
#define PROTO_SETTINGS_STDIN_ONCE (UINT32_C(1) << 1) /* it ends with the first client's input */

enum proto_shim_log {
	PROTO_LOG_NONE = 0,
	PROTO_LOG_JSON_FILE = 1, /* <id>-json.log in the log's folder */
};
#define PROTO_LOG_ATTRS_MAX 8192

struct proto_shim_settings {
	uint32_t size; /* of this struct */
	uint32_t flags;
	uint32_t log;           /* enum proto_shim_log */
	uint32_t log_files;     /* at most this many, the present one counted; 0 is 1 */
	uint64_t log_file_size; /* bytes after which another one begins; 0: never */
	uint32_t attrs_size;    /* a JSON object that stands in each line of the log, or 0 */
	uint32_t reserved;
	char id[ID_SIZE + 7]; /* the container's */
};

struct proto_shim_pid { /* HOOKS, one-shot CREATED */
	struct proto_shim_head head;
	int32_t pid;
	uint32_t reserved;
};

enum proto_shim_state {
	PROTO_STATE_PARKED = 1,   /* created, not committed */
	PROTO_STATE_RELEASED = 2, /* committed: about to run, or running */
	PROTO_STATE_ENDED = 3,    /* the last event is in the journal */
};

struct proto_shim_facts { /* supervising CREATED, WELCOME */
	struct proto_shim_head head;
	int32_t pid;         /* of the container's first process, in the shim's pid namespace */
	int32_t shim_pid;    /* of the shim, there */
	uint32_t state;      /* enum proto_shim_state */
	int32_t netns_fd;    /* number of the network namespace's descriptor in the shim (/proc/PID/fd/N), -1:
				none */
	uint64_t start_time; /* of pid: field 22 of /proc/PID/stat, in clock ticks since boot */
	uint64_t last_seq;   /* of the last event */
	char boot_id[40];
	char id[ID_SIZE + 7];
};

/* ---- requests: each is answered by RESULT with its serial ---------------------------- */
struct proto_shim_request { /* COMMIT (not answered by RESULT but by STARTED, FAILED), KEEP, KILL, TEARDOWN */
	struct proto_shim_head head;
	uint32_t serial, reserved;
};

struct proto_shim_result {
	struct proto_shim_head head;
	uint32_t serial;
	int32_t code; /* 0 or -errno: -ESRCH there is no process any more, ... */
};

struct proto_shim_signal {
	struct proto_shim_head head;
	uint32_t serial;
	int32_t signal;
};

struct proto_shim_stop {
	struct proto_shim_head head;
	uint32_t serial;
	int32_t signal;
	int64_t timeout_ns; /* until the cgroup is killed; negative: never */
};

struct proto_shim_resize {
	struct proto_shim_head head;
	uint32_t serial;
	uint16_t rows, cols;
	char exec[ID_SIZE + 7]; /* of that process; "": the container's first */
};

#define PROTO_STREAM_STDIN  (UINT32_C(1) << 0)
#define PROTO_STREAM_STDOUT (UINT32_C(1) << 1)
#define PROTO_STREAM_STDERR (UINT32_C(1) << 2)
#define PROTO_STREAM_RAW    (UINT32_C(1) << 3) /* no 8-byte frames */
#define PROTO_LOGS_TIMES    (UINT32_C(1) << 4) /* LOGS: each line begins with its time */
#define PROTO_LOGS_DETAILS  (UINT32_C(1) << 5) /* LOGS: then with its attributes */
#define PROTO_HEAD_MAX      4096
#define PROTO_PENDING_MAX   65536
#define PROTO_KEYS_MAX      64

/* With the client's socket.  Behind it: the head of the answer, to be written first; what the client has
 * sent already; the keys that detach it (with a terminal). */
struct proto_shim_attach {
	struct proto_shim_head head;
	uint32_t serial, flags;
	uint32_t head_size, pending_size, keys_size, reserved;
};

/* `logs --follow`, with the client's socket.  Behind it: the head of the answer.  The stream ends with the
 * container, or at `until`. */
struct proto_shim_logs {
	struct proto_shim_head head;
	uint32_t serial, flags;
	int64_t since_ns, until_ns; /* INT64_MIN, INT64_MAX: no limit */
	int64_t tail;               /* lines; negative: all */
	uint32_t head_size, reserved;
};

/* One more process in the container; answered by EXEC_RESULT.  Behind it, each 8-aligned: the launch record,
 * the head of the answer, what the client has sent already, the keys that detach it.  Descriptors: the
 * record's, then the client's socket if there is one. */
struct proto_shim_exec {
	struct proto_shim_head head;
	uint32_t serial, flags; /* PROTO_STREAM_* of the client; without one its output is for nobody */
	uint32_t settings;      /* PROTO_SETTINGS_STDIN */
	uint32_t record_size, record_fds, head_size, pending_size, keys_size;
	char id[ID_SIZE + 7];
};

struct proto_shim_exec_result {
	struct proto_shim_head head;
	uint32_t serial;
	int32_t code; /* 0; -errno: as RESULT's; failed says more when its phase is not 0 */
	int32_t pid;
	uint32_t reserved;
	struct {
		uint32_t phase;
		int32_t code;
		char detail[248];
	} failed;
};

/* All events up to seq are safe with the starter.  The answer to the last one's comes when the cgroup, the
 * kept sockets and the network namespace are the shim's no more, and its folder is the starter's. */
struct proto_shim_ack {
	struct proto_shim_head head;
	uint32_t serial, reserved;
	uint64_t seq;
};

struct proto_shim_hello {
	struct proto_shim_head head;
	uint64_t acked; /* the last event that is known; 0: none */
};

struct proto_shim_started {
	struct proto_shim_head head;
	int64_t time_ns;
};

/* ---- events -------------------------------------------------------------------- */
/* Numbers are kept in journals: append only. */
enum proto_shim_event_kind {
	PROTO_EVENT_RELEASED = 1,     /* the first process was let go */
	PROTO_EVENT_EXEC_FAILED = 2,  /* last: failed */
	PROTO_EVENT_EXIT = 3,         /* last: status, oom, forced */
	PROTO_EVENT_OOM = 4,          /* the kernel killed for want of memory */
	PROTO_EVENT_STOP_DONE = 5,    /* a stop has ended: forced */
	PROTO_EVENT_DETACHED = 6,     /* seq 0, not in the journal: a client sent its detach keys */
	PROTO_EVENT_EXEC_STARTED = 7, /* exec, pid in status */
	PROTO_EVENT_EXEC_EXIT = 8,    /* exec, status */
};

struct proto_shim_event {
	struct proto_shim_head head;
	uint64_t seq; /* 1, 2, ... */
	int64_t time_ns;
	uint32_t kind;
	int32_t status;       /* EXIT: as waitpid's */
	uint32_t oom, forced; /* EXIT: killed for want of memory; STOP_DONE: by force, at the timeout */
	struct {              /* EXEC_FAILED: as struct launch_error */
		uint32_t phase;
		int32_t code;
		char detail[248];
	} failed;
	char exec[ID_SIZE + 7]; /* EXEC_*, DETACHED: of that process */
};

/* True for the last event of a container. */
static inline bool proto_shim_is_last(const struct proto_shim_event *e)
{
	return e->kind == PROTO_EVENT_EXEC_FAILED || e->kind == PROTO_EVENT_EXIT;
}

/* ---- sending, receiving ----------------------------------------------------------- */
/* Fills a head. */
struct proto_shim_head proto_shim_head(enum proto_shim_type type, size_t size);

/* Sends a message of two parts (the second may be empty) with its descriptors; the socket's buffer is made
 * large enough. 0 or -errno. */
int proto_shim_send(
	int sock, const void *a, size_t an, const void *b, size_t bn, const int *fds, size_t nfds);

/* The same without ever blocking past deadline_ns (monotonic; 0: one try): -EAGAIN then. */
int proto_shim_send_until(int sock, int64_t deadline_ns, const void *a, size_t an, const void *b, size_t bn,
	const int *fds, size_t nfds);

/* Receives one message into buf (8-aligned) and checks its head: its type, 0 at the end of the stream, or
 * -errno (-EPROTO: not a message of this major).  *nfds as in fd_recv.  flags as recv's. */
int proto_shim_recv_flags(int sock, void *buf, size_t size, int *fds, size_t *nfds, int flags);
int proto_shim_recv(int sock, void *buf, size_t size, int *fds, size_t *nfds);

/* Checks a message of n bytes (8-aligned, its head fits) and the number of its descriptors against its type:
 * sizes, counts, ranges, texts that end in NUL.  LAUNCH, HOOKS, GO, and one-shot's CREATED have checks of
 * their own.  0; -ENOTSUP: of a type that this minor does not know; -EBADMSG. */
int proto_shim_check(const void *message, size_t n, size_t nfds);

#endif
