/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GANTRY_WORKER_JOBS_H
#define GANTRY_WORKER_JOBS_H

#include "lib/proto/worker.h"

/* How many descriptors a job comes with; SIZE_MAX for an unknown one. */
size_t jobs_descriptors(uint32_t job);

/* Carries out a job whose descriptors were counted: fills reply, but for its result, which is returned. */
int jobs_run(const struct proto_worker_request *request, const int *fds, struct proto_worker_reply *reply);

#endif
