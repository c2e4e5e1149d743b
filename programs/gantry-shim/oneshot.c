/* SPDX-License-Identifier: Apache-2.0 */
/* One-shot: the container's process becomes the starter's child, and this program ends. */
#include "programs/gantry-shim/parts.h"

#include <errno.h>
#include <stdalign.h>
#include <string.h>

/* The container's process exists: the starter runs its hooks and says the state. */
static int ask_hooks(void *arg, pid_t pid, char *ret_state, size_t size, struct launch_error *err)
{
	int sock = *(int *)arg;
	struct proto_shim_pid ask = { .head = proto_shim_head(PROTO_SHIM_HOOKS, sizeof ask), .pid = pid };
	static alignas(8) char reply[sizeof(struct proto_shim_head) + 32768];
	const struct proto_shim_head *head = (const void *)reply;
	int r = proto_shim_send(sock, &ask, sizeof ask, NULL, 0, NULL, 0);

	if (r == 0)
		r = proto_shim_recv(sock, reply, sizeof reply, NULL, NULL);
	size_t n = r == PROTO_SHIM_GO ? head->size - sizeof *head : 0;
	if (r != PROTO_SHIM_GO || n >= size) {
		err->phase = LAUNCH_PHASE_HOOK;
		err->code = r < 0 ? -r : ECANCELED;
		return -err->code;
	}
	memcpy(ret_state, reply + sizeof *head, n);
	ret_state[n] = '\0';
	return 0;
}

static void fill_args(struct request *r, int *sock, struct launch_args *a)
{
	const size_t n = r->head.record_fds;

	a->rec = r->rec;
	a->fds = r->fds;
	a->nfds = (uint32_t)n;
	a->cgroups = &r->layout;
	memcpy(a->stdio, r->fds + n, sizeof a->stdio);
	a->oneshot = a->sibling = true;
	a->park = a->target = r->fds[n + 3];
	a->park_listens = r->head.flags & PROTO_LAUNCH_LISTENS;
	a->target_pid = r->head.target_pid;
	a->hooks = ask_hooks;
	a->hooks_arg = sock;
}

int oneshot_run(struct request *r, int sock)
{
	struct launch_args filled = { 0 }, *args = &filled;
	struct launch_error err = { 0 };
	struct launch_result res;

	fill_args(r, &sock, args);
	int ret = r->head.flags & PROTO_LAUNCH_EXEC ? launch_exec(args, &res, &err)
						    : launch_create(args, &res, &err);
	if (ret < 0)
		return answer_failed(sock, &err) < 0;
	struct proto_shim_pid done = { .head = proto_shim_head(PROTO_SHIM_CREATED, sizeof done),
		.pid = res.pid };
	int fds[2] = { res.pidfd, res.console };
	return proto_shim_send(sock, &done, sizeof done, NULL, 0, fds, res.console >= 0 ? 2 : 1) < 0;
}
