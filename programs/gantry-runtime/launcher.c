/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry-runtime/launcher.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/path.h"
#include "lib/base/spawn.h"
#include "lib/base/sys.h"
#include "lib/proto/shim.h"
#include "runtime/launch/launch.h"

#include <errno.h>
#include <limits.h>
#include <stdalign.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define SHIM "gantry-shim"

/* A write through /proc/PID/exe of a process in a container ends at this mount: EROFS (CVE-2019-5736). */
static int open_shim(struct error *err)
{
	char dir[PATH_MAX];
	struct sys_mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	ssize_t n = readlink("/proc/self/exe", dir, sizeof dir - 1);

	if (n <= 0)
		return error_sys(err, errno, "cannot find this program's folder by /proc/self/exe");
	dir[n] = '\0';
	*strrchr(dir, '/') = '\0';
	auto_close int tree = sys_open_tree(AT_FDCWD, dir, OPEN_TREE_CLONE | O_CLOEXEC);
	if (tree < 0 || sys_mount_setattr(tree, "", AT_EMPTY_PATH, &ro) < 0)
		return error_sys(err, errno, "cannot make a read-only clone of '%s'", dir);
	int fd = openat(tree, SHIM, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? error_sys(err, errno, "cannot open '%s/" SHIM "'", dir) : fd;
}

static int spawn_shim(int sock, struct spawn_child *ret, struct error *err)
{
	static const char *const argv[] = { SHIM, NULL };
	const int fds[4] = { -1, -1, -1, sock };
	auto_close int program = open_shim(err);

	if (program < 0)
		return program;
	struct spawn what = SPAWN_INIT;
	what.exec_fd = program;
	what.argv = argv;
	what.fds = fds;
	what.nfds = 4;
	int r = spawn_run(&what, ret, err);
	return r < 0 ? error_prefix(err, r, "cannot start " SHIM) : 0;
}

static int send_request(int sock, const struct launcher *l)
{
	struct {
		struct proto_shim_launch head;
		struct cgroup_layout layout;
		char pad[8];
	} request;
	const size_t layout_room = (sizeof request.layout + 7) / 8 * 8;
	const size_t first = sizeof request.head + layout_room;
	int fds[PROTO_SHIM_FDS_MAX];

	memset(&request, 0, sizeof request);
	request.head = (struct proto_shim_launch){ .head = proto_shim_head(
							   PROTO_SHIM_LAUNCH, first + l->record->size),
		.flags = PROTO_LAUNCH_ONESHOT | (l->exec ? PROTO_LAUNCH_EXEC : PROTO_LAUNCH_LISTENS),
		.record_fds = l->nfds,
		.layout_size = sizeof request.layout,
		.record_size = (uint32_t)l->record->size,
		.target_pid = l->target_pid };
	request.layout = *l->layout;
	memcpy(fds, l->fds, l->nfds * sizeof *fds);
	memcpy(fds + l->nfds, l->stdio, sizeof l->stdio);
	fds[l->nfds + 3] = l->park;
	return proto_shim_send(sock, &request, first, l->record->data, l->record->size, fds, l->nfds + 4);
}

/* Words that callers of an OCI runtime look for (containerd, podman, Docker). */
static const char *words(const struct launch_error *why)
{
	if (why->phase == LAUNCH_PHASE_LOOKUP && why->code == ENOENT)
		return "executable file not found in $PATH";
	switch (why->code) {
	case ENOENT: return "no such file or directory";
	case EACCES: return "permission denied";
	case EPERM: return "operation not permitted";
	case EISDIR: return "is a directory";
	case ENOTDIR: return "not a directory";
	case ENOEXEC: return "exec format error";
	default: return strerror(why->code);
	}
}

int launcher_error(const struct launch_error *why, struct error *err)
{
	int kind = why->code == ENOENT   ? ERROR_NOT_FOUND
		   : why->code == EINVAL ? ERROR_INVALID
					 : ERROR_INTERNAL;

	switch (why->phase) {
	case LAUNCH_PHASE_CGROUP: return error_set(err, kind, why->code, "%s", why->detail);
	case LAUNCH_PHASE_LOOKUP:
	case LAUNCH_PHASE_EXEC:
		return error_set(err, kind, why->code, "exec: \"%s\": %s", why->detail, words(why));
	default:
		return error_set(err, kind, why->code,
			why->detail[0] ? "cannot %s '%s': %s" : "cannot %s%s: %s",
			launch_phase_text(why->phase), why->detail, words(why));
	}
}

static int answer_hooks(int sock, const struct launcher *l, pid_t pid, struct error *err)
{
	const char *state = NULL;
	int r = l->hooks ? l->hooks(l->hooks_arg, pid, &state, err) : -EINVAL;

	if (r < 0)
		return r;
	size_t n = strlen(state);
	struct proto_shim_head head = proto_shim_head(PROTO_SHIM_GO, sizeof head + n);
	r = proto_shim_send(sock, &head, sizeof head, state, n, NULL, 0);
	return r < 0 ? error_sys(err, -r, "cannot talk to " SHIM) : 0;
}

static int converse(int sock, const struct launcher *l, struct launcher_process *ret, struct error *err)
{
	union {
		struct proto_shim_pid pid;
		struct {
			struct proto_shim_head head;
			struct launch_error why;
		} failed;
	} reply;

	for (;;) {
		int fds[2] = { -1, -1 };
		size_t nfds = 2;
		int type = proto_shim_recv(sock, &reply, sizeof reply, fds, &nfds);
		if (type == PROTO_SHIM_HOOKS) {
			int r = answer_hooks(sock, l, reply.pid.pid, err);
			if (r < 0)
				return r;
			continue;
		}
		if (type == PROTO_SHIM_CREATED && nfds >= 1) {
			*ret = (struct launcher_process){ reply.pid.pid, fds[0], fds[1] };
			return 0;
		}
		for (size_t i = 0; i < nfds; i++)
			close(fds[i]);
		if (type == PROTO_SHIM_FAILED && reply.failed.head.size == sizeof reply.failed) {
			reply.failed.why.detail[sizeof reply.failed.why.detail - 1] = '\0';
			return launcher_error(&reply.failed.why, err);
		}
		if (type < 0)
			return error_sys(err, -type, "cannot read the answer of " SHIM);
		return error_set(err, ERROR_INTERNAL, ECONNRESET, SHIM " ended without an answer");
	}
}

/* A container's process that failed is our child, without a name: nothing else of ours is alive then. */
static void reap_all(void)
{
	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		;
}

int launcher_run(const struct launcher *what, struct launcher_process *ret, struct error *err)
{
	struct spawn_child shim;
	int pair[2], status;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, errno, "cannot make a socket pair");
	auto_close int sock = pair[0];
	int r = spawn_shim(pair[1], &shim, err);
	close(pair[1]);
	if (r < 0)
		return r;
	r = send_request(sock, what);
	r = r < 0 ? error_sys(err, -r, "cannot send the launch record") : converse(sock, what, ret, err);
	close(take_fd(sock)); /* a shim that still waits for us gives up */
	spawn_wait(&shim, clock_mono_ns() + 30 * CLOCK_S, &status);
	close(shim.pidfd);
	if (r < 0)
		reap_all();
	return r;
}
