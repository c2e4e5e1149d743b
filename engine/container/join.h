/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces of another container: IpcMode and PidMode "container:NAME". */
#ifndef GANTRY_ENGINE_CONTAINER_JOIN_H
#define GANTRY_ENGINE_CONTAINER_JOIN_H

#include "lib/base/error.h"

struct container;

struct joined {
	int pid, ipc; /* descriptors of namespaces; -1: its own */
	int shm;      /* detached mount of the other's /dev/shm; -1 */
};
#define JOINED_NONE ((struct joined){ .pid = -1, .ipc = -1, .shm = -1 })

/* What a container that starts joins.  NOT_FOUND; CONFLICT when the other one does not run, or keeps its IPC
 * to itself.  joined_done() also after a failure. */
int join_others(struct container *c, struct joined *ret, struct error *err);
void joined_done(struct joined *j);

#endif
