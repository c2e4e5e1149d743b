/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gantry-shim: launches a container.  It is a static program without any library but libc, started by
 * descriptor from a read-only clone of its folder, so that nothing in a container can reach a writable copy
 * of a program that runs on the host (CVE-2019-5736).  It takes a launch record over its socket, carries it
 * out and answers; nothing is printed.
 */
#include "lib/base/cleanup.h"
#include "lib/cgroup/layout.h"
#include "lib/proto/shim.h"
#include "runtime/launch/launch.h"

#include <errno.h>
#include <signal.h>
#include <stdalign.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define MESSAGE_MAX (sizeof(struct proto_shim_launch) + sizeof(struct cgroup_layout) + LAUNCH_RECORD_MAX + 64)

struct request {
	struct proto_shim_launch head;
	struct cgroup_layout layout;
	struct launch_args args;
	int fds[PROTO_SHIM_FDS_MAX];
	size_t nfds;
};

static alignas(8) char message[MESSAGE_MAX]; /* untouched pages cost nothing */

static int answer_failed(int sock, const struct launch_error *err)
{
	struct proto_shim_head head = proto_shim_head(PROTO_SHIM_FAILED, sizeof head + sizeof *err);

	return proto_shim_send(sock, &head, sizeof head, err, sizeof *err, NULL, 0);
}

static int refuse(int sock, const char *why)
{
	struct launch_error err = { .phase = LAUNCH_PHASE_RECORD, .code = EBADMSG };

	strncpy(err.detail, why, sizeof err.detail - 1);
	return answer_failed(sock, &err);
}

/* Sizes, flags and counts against what has come; the layout and the record are looked into by their own
 * checks. */
static const char *take_parts(struct request *r, size_t size)
{
	const struct proto_shim_launch *h = (const void *)message;
	uint64_t layout_at = sizeof *h, record_at;

	if (size < sizeof *h)
		return "message";
	r->head = *h;
	record_at = layout_at + ((uint64_t)h->layout_size + 7) / 8 * 8;
	if (h->layout_size != sizeof r->layout || record_at + h->record_size != size)
		return "sizes";
	if (r->nfds != (size_t)h->record_fds + 4 || h->record_fds > LAUNCH_FDS_MAX)
		return "descriptors";
	if (!(h->flags & PROTO_LAUNCH_ONESHOT))
		return "mode";
	memcpy(&r->layout, message + layout_at, sizeof r->layout);
	const char *why = "record";
	if (r->layout.n > CGROUP_HIERARCHIES_MAX)
		return "layout";
	if (launch_record_check(message + record_at, h->record_size, h->record_fds, &why) < 0)
		return why;
	r->args.rec = (const void *)(message + record_at);
	if (!(r->args.rec->flags & LAUNCH_F_EXEC) != !(h->flags & PROTO_LAUNCH_EXEC))
		return "mode";
	return NULL;
}

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

static void fill_args(struct request *r, int *sock)
{
	const size_t n = r->head.record_fds;
	struct launch_args *a = &r->args;

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

static int launch(struct request *r, int sock)
{
	struct launch_error err = { 0 };
	struct launch_result res;

	fill_args(r, &sock);
	int ret = r->head.flags & PROTO_LAUNCH_EXEC ? launch_exec(&r->args, &res, &err)
						    : launch_create(&r->args, &res, &err);
	if (ret < 0)
		return answer_failed(sock, &err);
	struct proto_shim_pid done = { .head = proto_shim_head(PROTO_SHIM_CREATED, sizeof done),
		.pid = res.pid };
	int fds[2] = { res.pidfd, res.console };
	return proto_shim_send(sock, &done, sizeof done, NULL, 0, fds, res.console >= 0 ? 2 : 1);
}

int main(void)
{
	static struct request r;
	const struct proto_shim_head *head = (const void *)message;

	prctl(PR_SET_NAME, "gantry-shim");
	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGPIPE, SIG_IGN);
	r.nfds = PROTO_SHIM_FDS_MAX;
	int type = proto_shim_recv(PROTO_SHIM_FD, message, sizeof message, r.fds, &r.nfds);
	if (type != PROTO_SHIM_LAUNCH)
		return 1; /* not started by gantry: nobody to answer */
	const char *why = take_parts(&r, head->size);
	return why ? refuse(PROTO_SHIM_FD, why) < 0 : launch(&r, PROTO_SHIM_FD) < 0;
}
