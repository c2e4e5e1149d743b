/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/worker.h"

#include "engine/engine.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/path.h"
#include "lib/base/spawn.h"
#include "lib/proto/worker.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>

#define PROGRAM "gantry-worker"
#define END_NS  (10 * CLOCK_S) /* from its answer to its end */

static int start(const struct engine *e, int sock, struct spawn_child *ret, struct error *err)
{
	static const char *const argv[] = { PROGRAM, NULL };
	const int fds[4] = { -1, -1, -1, sock };
	struct spawn what = SPAWN_INIT;
	char path[PATH_MAX];
	int r = engine_program(e, PROGRAM, path, err);

	if (r < 0)
		return r;
	what.path = path;
	what.argv = argv;
	what.fds = fds;
	what.nfds = 4;
	r = spawn_run(&what, ret, err);
	return r < 0 ? error_prefix(err, r, "cannot start " PROGRAM) : 0;
}

static int tell_death(int r, int status, struct error *err)
{
	char how[SPAWN_STATUS_SIZE];

	if (r != -ECONNRESET)
		return error_sys(err, -r, "cannot talk to " PROGRAM);
	return error_set(err, ERROR_INTERNAL, ECONNRESET, PROGRAM " ended without an answer: %s",
		spawn_status_text(status, how));
}

int worker_run(const struct engine *e, struct proto_worker_request *request, const int *fds, size_t nfds,
	struct proto_worker_reply *ret, struct error *err)
{
	struct spawn_child child;
	int pair[2], status = 0;

	request->magic = PROTO_WORKER_MAGIC;
	request->size = sizeof *request;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, errno, "cannot make a socket pair");
	auto_close int sock = pair[0];
	int r = start(e, pair[1], &child, err);
	close(pair[1]);
	if (r < 0)
		return r;
	r = proto_worker_send(sock, request, sizeof *request, fds, nfds);
	if (r == 0)
		r = proto_worker_recv(sock, ret, sizeof *ret, NULL, NULL);
	close(take_fd(sock));
	if (spawn_wait(&child, clock_mono_ns() + END_NS, &status) < 0) {
		spawn_kill(&child, 9);
		spawn_wait(&child, INT64_MAX, &status);
	}
	close(child.pidfd);
	if (r < 0)
		return tell_death(r, status, err);
	ret->err.text[sizeof ret->err.text - 1] = '\0';
	if (ret->result < 0 && err)
		*err = ret->err;
	return ret->result;
}
