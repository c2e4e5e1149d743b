/* SPDX-License-Identifier: Apache-2.0 */
/* The container of a supervising shim: its first process, log and cgroup, and further processes in it. */
#ifndef GANTRY_SHIM_CONTAINER_H
#define GANTRY_SHIM_CONTAINER_H

#include "programs/gantry-shim/parts.h"
#include "programs/gantry-shim/process.h"

struct container {
	struct request *request;
	struct process init;
	struct cgroup cgroup;
	int park;  /* our end of the socket that lets the process go; -1 afterwards */
	int netns; /* -1: it has none of its own */
	uint64_t start_time;
	struct logfile log; /* fd -1: none */
};

/* Builds the container, with its process parked.  0, or -errno with err. */
int container_create(struct container *c, struct request *request, struct launch_error *err);

/* 0 when the program runs; -errno and err when it could not be executed: it has ended. */
int container_release(struct container *c, struct launch_error *err);

/* Runs one more process: rec is checked (its namespaces are filled in here), fds are its descriptors.  *ret
 * has pipes or a terminal. */
int container_exec(const struct container *c, struct launch_record *rec, const int *fds, uint32_t nfds,
	bool with_stdin, bool with_output, struct process *ret, struct launch_error *err);

/* All of its processes. */
void container_kill(struct container *c);
bool container_oom(struct container *c);

/* Ends the log and closes the streams. */
void container_close_streams(struct container *c);
/* Removes the cgroup, closes what is held. */
void container_release_all(struct container *c);

#endif
