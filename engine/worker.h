/* SPDX-License-Identifier: Apache-2.0 */
/* gantryd's side of gantry-worker (lib/proto/worker.h): a process for each job. */
#ifndef GANTRY_ENGINE_WORKER_H
#define GANTRY_ENGINE_WORKER_H

#include "lib/base/error.h"

#include <stddef.h>

struct engine;
struct proto_worker_request;
struct proto_worker_reply;

/* Starts a worker, gives it the job and its descriptors (borrowed), waits.  A worker that dies is
 * ERROR_INTERNAL with what killed it.  Threads: any. */
int worker_run(const struct engine *engine, struct proto_worker_request *request, const int *fds, size_t nfds,
	struct proto_worker_reply *ret, struct error *err);

#endif
