/* SPDX-License-Identifier: Apache-2.0 */
/* Further processes in containers: docker exec.  Locks: a container's own, and the table's behind it. */
#ifndef GANTRY_ENGINE_CONTAINER_EXEC_H
#define GANTRY_ENGINE_CONTAINER_EXEC_H

#include "engine/container/container.h"

struct exec;

/* body: the request of POST /containers/{id}/exec.  CONFLICT when the container does not run. */
int exec_create(
	struct container *c, const struct json *body, char ret_id[CONTAINER_ID_LEN + 1], struct error *err);

/* By its whole id: NOT_FOUND "No such exec instance: X".  The caller releases *ret. */
int exec_find(struct containers *all, const char *id, struct exec **ret, struct error *err);
void exec_unref(struct exec *e); /* NULL is allowed */

struct container *exec_container(const struct exec *e);
bool exec_tty(const struct exec *e);
/* PROTO_STREAM_* that it was created to be attached to. */
uint32_t exec_streams(const struct exec *e);
const char *exec_detach_keys(const struct exec *e); /* "" for the default */

/* Before the answer's head is out: CONFLICT when it runs or ran, or the container does not; takes the turn.
 */
int exec_begin(struct exec *e, struct error *err);

/* After exec_begin.  client NULL: detached.  0: it runs, sock is the shim's; otherwise sock is the caller's,
 * nothing was written to it, and err has Docker's words. */
int exec_start(struct exec *e, const struct container_attach *client, int sock, unsigned rows, unsigned cols,
	struct error *err);

/* INVALID "exec process is not started" */
int exec_resize(struct exec *e, unsigned rows, unsigned cols, struct error *err);

int exec_inspect(struct exec *e, struct json **ret, struct error *err);

#endif
