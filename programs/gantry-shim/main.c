/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gantry-shim: launches a container.  It is a static program without any library but libc, started by
 * descriptor from a read-only clone of its folder, so that nothing in a container can reach a writable copy
 * of a program that runs on the host (CVE-2019-5736).  It takes a launch record over its socket, carries it
 * out and answers; nothing is printed.  What it does then: parts.h.
 */
#include "programs/gantry-shim/parts.h"

#include <errno.h>
#include <signal.h>
#include <stdalign.h>
#include <string.h>
#include <sys/prctl.h>

#define MESSAGE_MAX                                                              \
	(sizeof(struct proto_shim_launch) + sizeof(struct proto_shim_settings) + \
		sizeof(struct cgroup_layout) + PROTO_LOG_ATTRS_MAX + LAUNCH_RECORD_MAX + 64)

static alignas(8) char message[MESSAGE_MAX]; /* untouched pages cost nothing */

int answer_failed(int sock, const struct launch_error *err)
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

/* The next part of the message, 8-aligned; NULL when it is not all there. */
static const char *next_part(size_t *at, size_t part, size_t size)
{
	const char *p = message + *at;

	if (part > size - *at)
		return NULL;
	*at += part;
	*at = (*at + 7) / 8 * 8;
	if (*at > size)
		*at = size;
	return p;
}

static const char *take_settings(struct request *r, size_t *at, size_t size)
{
	const char *p = next_part(at, sizeof r->settings, size);

	if (!p)
		return "settings";
	memcpy(&r->settings, p, sizeof r->settings);
	if (r->settings.size != sizeof r->settings || r->settings.log > PROTO_LOG_JSON_FILE ||
		r->settings.attrs_size > PROTO_LOG_ATTRS_MAX || !id_is_valid(r->settings.id))
		return "settings";
	return NULL;
}

static const char *take_record(struct request *r, size_t *at, size_t size)
{
	const char *why = "record", *p = next_part(at, r->head.record_size, size);

	if (!p || *at != size)
		return "sizes";
	if (launch_record_check(p, r->head.record_size, r->head.record_fds, &why) < 0)
		return why;
	r->rec = (const void *)p;
	return !(r->rec->flags & LAUNCH_F_EXEC) == !(r->head.flags & PROTO_LAUNCH_EXEC) ? NULL : "mode";
}

/* Sizes, flags and counts against what has come; the record is looked into by its own check. */
static const char *take_parts(struct request *r, size_t size)
{
	const bool oneshot = ((const struct proto_shim_launch *)(const void *)message)->flags &
			     PROTO_LAUNCH_ONESHOT;
	size_t at = 0;
	const char *p = next_part(&at, sizeof r->head, size), *why = NULL;

	if (!p)
		return "message";
	memcpy(&r->head, p, sizeof r->head);
	if (!oneshot && (r->head.flags & PROTO_LAUNCH_EXEC))
		return "mode";
	if (!oneshot && (why = take_settings(r, &at, size)))
		return why;
	p = r->head.layout_size == sizeof r->layout ? next_part(&at, sizeof r->layout, size) : NULL;
	if (!p)
		return "sizes";
	memcpy(&r->layout, p, sizeof r->layout);
	if (r->layout.n > CGROUP_HIERARCHIES_MAX)
		return "layout";
	if (!oneshot && !(r->attrs = next_part(&at, r->settings.attrs_size, size)))
		return "sizes";
	size_t more = oneshot ? 4 : r->settings.log == PROTO_LOG_NONE ? 1 : 2;
	if (r->head.record_fds > LAUNCH_FDS_MAX || r->nfds != (size_t)r->head.record_fds + more)
		return "descriptors";
	return take_record(r, &at, size);
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
	if (why)
		return refuse(PROTO_SHIM_FD, why) < 0;
	return r.head.flags & PROTO_LAUNCH_ONESHOT ? oneshot_run(&r, PROTO_SHIM_FD)
						   : supervise_run(&r, PROTO_SHIM_FD);
}
