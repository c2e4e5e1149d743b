/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/proto/shim.h"

#include "lib/base/clock.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct proto_shim_head proto_shim_head(enum proto_shim_type type, size_t size)
{
	return (struct proto_shim_head){ .magic = PROTO_SHIM_MAGIC,
		.major = PROTO_SHIM_MAJOR,
		.minor = PROTO_SHIM_MINOR,
		.type = type,
		.size = (uint32_t)size };
}

/* The default buffer holds about 200 kB; a large record needs more, which root may ask for. */
static void make_room(int sock, size_t n)
{
	int bytes = (int)n + 65536;

	if (n > 100000 && setsockopt(sock, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) < 0)
		setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

static int send_flags(
	int sock, const void *a, size_t an, const void *b, size_t bn, const int *fds, size_t nfds, int flags)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * PROTO_SHIM_FDS_MAX)];
	} control;
	struct iovec iov[2] = { { (void *)(uintptr_t)a, an }, { (void *)(uintptr_t)b, bn } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = bn ? 2 : 1 };
	ssize_t r;

	if (nfds > PROTO_SHIM_FDS_MAX)
		return -E2BIG;
	make_room(sock, an + bn);
	if (nfds) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		memset(control.bytes, 0, msg.msg_controllen);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
	}
	do
		r = sendmsg(sock, &msg, flags | MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int proto_shim_send(int sock, const void *a, size_t an, const void *b, size_t bn, const int *fds, size_t nfds)
{
	return send_flags(sock, a, an, b, bn, fds, nfds, 0);
}

int proto_shim_send_until(int sock, int64_t deadline_ns, const void *a, size_t an, const void *b, size_t bn,
	const int *fds, size_t nfds)
{
	struct pollfd p = { .fd = sock, .events = POLLOUT };

	for (;;) {
		int r = send_flags(sock, a, an, b, bn, fds, nfds, MSG_DONTWAIT);
		if (r != -EAGAIN || deadline_ns == 0)
			return r;
		int n = poll(&p, 1, clock_poll_ms(deadline_ns));
		if (n == 0)
			return -EAGAIN;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

int proto_shim_recv_flags(int sock, void *buf, size_t size, int *fds, size_t *nfds, int flags)
{
	const struct proto_shim_head *head = buf;
	ssize_t r = fd_recv(sock, buf, size, fds, nfds, flags);

	if (r <= 0)
		return (int)r;
	if ((size_t)r < sizeof *head || head->magic != PROTO_SHIM_MAGIC || head->major != PROTO_SHIM_MAJOR ||
		head->size != (size_t)r || head->type == 0 || head->type > INT32_MAX) {
		for (size_t i = 0; nfds && i < *nfds; i++)
			close(fds[i]);
		if (nfds)
			*nfds = 0;
		return -EPROTO;
	}
	return (int)head->type;
}

int proto_shim_recv(int sock, void *buf, size_t size, int *fds, size_t *nfds)
{
	return proto_shim_recv_flags(sock, buf, size, fds, nfds, 0);
}

/* ---- checks ----------------------------------------------------------------------- */
static bool signal_is_valid(int32_t sig)
{
	return sig >= 0 && sig <= 64;
}

static bool ends_in_nul(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool signal_fits(const void *message)
{
	const struct proto_shim_signal *m = message;

	return signal_is_valid(m->signal);
}

static bool stop_fits(const void *message)
{
	const struct proto_shim_stop *m = message;

	return signal_is_valid(m->signal);
}

static bool attach_fits(const void *message)
{
	const struct proto_shim_attach *m = message;

	return m->head_size <= PROTO_HEAD_MAX && m->pending_size <= PROTO_PENDING_MAX &&
	       m->keys_size <= PROTO_KEYS_MAX &&
	       m->head.size == sizeof *m + m->head_size + m->pending_size + m->keys_size &&
	       !(m->flags &
		       ~(PROTO_STREAM_STDIN | PROTO_STREAM_STDOUT | PROTO_STREAM_STDERR | PROTO_STREAM_RAW));
}

static bool logs_fits(const void *message)
{
	const struct proto_shim_logs *m = message;
	const uint32_t streams = PROTO_STREAM_STDOUT | PROTO_STREAM_STDERR;

	return m->head_size <= PROTO_HEAD_MAX && m->head.size == sizeof *m + m->head_size &&
	       (m->flags & streams) &&
	       !(m->flags & ~(streams | PROTO_STREAM_RAW | PROTO_LOGS_TIMES | PROTO_LOGS_DETAILS));
}

static bool resize_fits(const void *message)
{
	const struct proto_shim_resize *m = message;

	return ends_in_nul(m->exec, sizeof m->exec);
}

static size_t padded(uint32_t n)
{
	return ((size_t)n + 7) / 8 * 8;
}

static bool exec_fits(const void *message)
{
	const struct proto_shim_exec *m = message;

	return ends_in_nul(m->id, sizeof m->id) && id_is_valid(m->id) &&
	       m->record_size <= PROTO_EXEC_RECORD_MAX && m->record_fds < PROTO_SHIM_FDS_MAX &&
	       m->head_size <= PROTO_HEAD_MAX && m->pending_size <= PROTO_PENDING_MAX &&
	       m->keys_size <= PROTO_KEYS_MAX &&
	       m->head.size == sizeof *m + padded(m->record_size) + padded(m->head_size) +
				       padded(m->pending_size) + padded(m->keys_size);
}

static bool exec_result_fits(const void *message)
{
	const struct proto_shim_exec_result *m = message;

	return ends_in_nul(m->failed.detail, sizeof m->failed.detail);
}

static bool facts_fits(const void *message)
{
	const struct proto_shim_facts *m = message;

	return m->pid > 0 && m->state >= PROTO_STATE_PARKED && m->state <= PROTO_STATE_ENDED &&
	       ends_in_nul(m->boot_id, sizeof m->boot_id) && ends_in_nul(m->id, sizeof m->id) &&
	       id_is_valid(m->id);
}

static bool event_fits(const void *message)
{
	const struct proto_shim_event *m = message;

	return ends_in_nul(m->failed.detail, sizeof m->failed.detail) &&
	       ends_in_nul(m->exec, sizeof m->exec) && (m->seq > 0 || m->kind == PROTO_EVENT_DETACHED);
}

/* FAILED's struct launch_error is of the launcher's folder, which stands higher; its size is fixed. */
#define FAILED_SIZE (sizeof(struct proto_shim_head) + sizeof((struct proto_shim_event *)NULL)->failed)

static const struct shape {
	size_t size;         /* of the struct */
	bool longer;         /* bytes follow, which `fits` counts */
	uint8_t fds, fds_to; /* descriptors, from and to */
	bool (*fits)(const void *message);
} shapes[] = {
	[PROTO_SHIM_CREATED] = { sizeof(struct proto_shim_facts), false, 1, 2, facts_fits },
	[PROTO_SHIM_FAILED] = { FAILED_SIZE, false, 0, 0, NULL },
	[PROTO_SHIM_REFUSED] = { sizeof(struct proto_shim_head), false, 0, 0, NULL },
	[PROTO_SHIM_KEEP] = { sizeof(struct proto_shim_request), false, 1, PROTO_SHIM_FDS_MAX, NULL },
	[PROTO_SHIM_COMMIT] = { sizeof(struct proto_shim_request), false, 0, 0, NULL },
	[PROTO_SHIM_STARTED] = { sizeof(struct proto_shim_started), false, 0, 0, NULL },
	[PROTO_SHIM_SIGNAL] = { sizeof(struct proto_shim_signal), false, 0, 0, signal_fits },
	[PROTO_SHIM_STOP] = { sizeof(struct proto_shim_stop), false, 0, 0, stop_fits },
	[PROTO_SHIM_KILL] = { sizeof(struct proto_shim_request), false, 0, 0, NULL },
	[PROTO_SHIM_RESIZE] = { sizeof(struct proto_shim_resize), false, 0, 0, resize_fits },
	[PROTO_SHIM_ATTACH] = { sizeof(struct proto_shim_attach), true, 1, 1, attach_fits },
	[PROTO_SHIM_LOGS] = { sizeof(struct proto_shim_logs), true, 1, 1, logs_fits },
	[PROTO_SHIM_RESULT] = { sizeof(struct proto_shim_result), false, 0, 0, NULL },
	[PROTO_SHIM_EVENT] = { sizeof(struct proto_shim_event), false, 0, 0, event_fits },
	[PROTO_SHIM_ACK] = { sizeof(struct proto_shim_ack), false, 0, 0, NULL },
	[PROTO_SHIM_HELLO] = { sizeof(struct proto_shim_hello), false, 0, 0, NULL },
	[PROTO_SHIM_WELCOME] = { sizeof(struct proto_shim_facts), false, 1, 2, facts_fits },
	[PROTO_SHIM_TEARDOWN] = { sizeof(struct proto_shim_request), false, 0, 0, NULL },
	[PROTO_SHIM_EXEC] = { sizeof(struct proto_shim_exec), true, 0, PROTO_SHIM_FDS_MAX, exec_fits },
	[PROTO_SHIM_EXEC_RESULT] = { sizeof(struct proto_shim_exec_result), false, 0, 0, exec_result_fits },
};

int proto_shim_check(const void *message, size_t n, size_t nfds)
{
	const struct proto_shim_head *head = message;

	if (head->type >= sizeof shapes / sizeof *shapes || shapes[head->type].size == 0)
		return -ENOTSUP;
	const struct shape *s = &shapes[head->type];
	if (head->size != n || (s->longer ? n < s->size : n != s->size) || nfds < s->fds || nfds > s->fds_to)
		return -EBADMSG;
	return s->fits && !s->fits(message) ? -EBADMSG : 0;
}
