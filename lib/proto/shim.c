/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/proto/shim.h"

#include "lib/base/fd.h"

#include <errno.h>
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

int proto_shim_send(int sock, const void *a, size_t an, const void *b, size_t bn, const int *fds, size_t nfds)
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
		r = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int proto_shim_recv(int sock, void *buf, size_t size, int *fds, size_t *nfds)
{
	const struct proto_shim_head *head = buf;
	ssize_t r = fd_recv(sock, buf, size, fds, nfds, 0);

	if (r <= 0)
		return (int)r;
	if ((size_t)r < sizeof *head || head->magic != PROTO_SHIM_MAGIC || head->major != PROTO_SHIM_MAJOR ||
		head->size != (size_t)r || head->type == 0) {
		for (size_t i = 0; nfds && i < *nfds; i++)
			close(fds[i]);
		if (nfds)
			*nfds = 0;
		return -EPROTO;
	}
	return (int)head->type;
}
