/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting gantry-shim with a launch record and waiting for its answer.  The shim is executed by descriptor
 * in a read-only detached clone of the folder it lies in.  The container's process becomes a child of this
 * program.
 */
#ifndef GANTRY_RUNTIME_LAUNCHER_H
#define GANTRY_RUNTIME_LAUNCHER_H

#include "lib/base/error.h"
#include "lib/cgroup/layout.h"
#include "runtime/compile/builder.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Runs the hooks of the runtime namespace for a process that exists now, and answers the state for the others
 * in *ret_state (the callee's, NUL-ended). */
typedef int launcher_hooks(void *arg, pid_t pid, const char **ret_state, struct error *err);

struct launcher {
	const struct launch_block *record;
	const struct cgroup_layout *layout;
	const int *fds; /* the record's descriptors */
	uint32_t nfds;
	int stdio[3]; /* the process's, when it has no terminal */
	int park;     /* create: listening socket on which start will arrive; exec: pidfd of the container */
	bool exec;
	pid_t target_pid; /* exec */
	launcher_hooks *hooks;
	void *hooks_arg;
};

struct launcher_process {
	pid_t pid;
	int pidfd;
	int console; /* pty master, or -1 */
};

/* 0: parked (create), or running (exec).  On failure all that the shim made is gone and reaped. */
int launcher_run(const struct launcher *what, struct launcher_process *ret, struct error *err);

struct launch_error;
/* The sentence for a failed launch; returns -code. */
int launcher_error(const struct launch_error *why, struct error *err);

#endif
