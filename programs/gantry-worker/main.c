/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gantry-worker: does one job that touches foreign archives, behind walls (confine.h).  What it is given by
 * descriptor is what it can reach; a bomb or a crash costs this process and nothing else.
 */
#include "lib/base/cleanup.h"
#include "lib/proto/worker.h"
#include "programs/gantry-worker/confine.h"
#include "programs/gantry-worker/jobs.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static int run(const struct proto_worker_request *q, int *fds, size_t nfds, struct proto_worker_reply *reply)
{
	struct error *err = &reply->err;
	bool marks = q->job == PROTO_WORKER_UNPACK && q->whiteouts == 1;

	if (nfds != jobs_descriptors(q->job))
		return error_invalid(err, "a job of kind %u with %zu descriptors", q->job, nfds);
	int r = confine(marks, err);
	return r == 0 ? jobs_run(q, fds, reply) : r;
}

int main(void)
{
	struct proto_worker_request request;
	struct proto_worker_reply reply = {
		.magic = PROTO_WORKER_MAGIC, .size = sizeof reply, .err = ERROR_INIT
	};
	int fds[PROTO_WORKER_FDS];
	size_t nfds = PROTO_WORKER_FDS;

	prctl(PR_SET_NAME, "gantry-worker");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	umask(0);
	if (proto_worker_recv(PROTO_WORKER_FD, &request, sizeof request, fds, &nfds) < 0)
		return 1; /* not started by gantryd: nobody to answer */
	reply.result = run(&request, fds, nfds, &reply);
	return proto_worker_send(PROTO_WORKER_FD, &reply, sizeof reply, NULL, 0) < 0;
}
