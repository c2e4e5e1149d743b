/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a LAUNCH message, and the program's two ways to carry it out. */
#ifndef GANTRY_SHIM_PARTS_H
#define GANTRY_SHIM_PARTS_H

#include "lib/cgroup/layout.h"
#include "lib/proto/shim.h"
#include "runtime/launch/launch.h"

struct request {
	struct proto_shim_launch head;
	struct cgroup_layout layout;
	const struct launch_record *rec; /* in the message, which stays */
	struct proto_shim_settings settings;
	const char *attrs; /* settings.attrs_size bytes of the message */
	int fds[PROTO_SHIM_FDS_MAX];
	size_t nfds;
};

/* FAILED with a launch error; 0 or -errno. */
int answer_failed(int sock, const struct launch_error *err);

/* gantry-runtime's: launches, answers, ends.  The program's exit status. */
int oneshot_run(struct request *r, int sock);

/* gantryd's: stays until the container has ended and everybody knows. */
int supervise_run(struct request *r, int sock);

#endif
