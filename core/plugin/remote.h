/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver in another process: every entry as a message (message.h) over a stream socket.  remote_serve is
 * that process's side, remote_call the core's.  A connection carries one call at a time; the core opens one
 * for each of its threads, by sending the new socket's end over the first.  cancel_fd travels with the call.
 */
#ifndef GANTRY_CORE_REMOTE_H
#define GANTRY_CORE_REMOTE_H

#include "core/plugin/block.h"

struct remote;

/* Forks a process that serves the driver (its table, not yet opened) until all sockets to it are closed. Only
 * while the caller has no other thread.  sink: the process's own log lines go to its stderr. */
int remote_fork(const struct kind *kind, const void *ops, const struct plugin_sink *sink, const char *driver,
	const char *instance, const char *run_dir, struct remote **ret, struct error *err);
/* Closes the sockets and waits for the process; NULL is fine. */
void remote_free(struct remote *remote);

/* As block_run. */
int remote_call(struct remote *remote, struct call *call, const struct facts *facts, const char *name);

#endif
