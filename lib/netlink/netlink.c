/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/netlink/netlink.h"

#include "lib/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#define RECEIVE_SIZE 65536 /* dumps fill up to 32 KiB a datagram */
#define RECEIVE_ROOM (4 << 20)
#define TIMEOUT_S    10

#ifndef NETLINK_EXT_ACK
#define NETLINK_EXT_ACK 11
#endif
#ifndef NLM_F_ACK_TLVS
#define NLM_F_ACK_TLVS 0x200
#endif

struct netlink {
	struct nl_sock *sock;
	int fd;
	uint32_t port, seq;
	pthread_mutex_t lock;
	char *buf;
};

/* libnl keeps its own error numbers. */
static int errno_of(int nl_error)
{
	switch (-nl_error) {
	case NLE_NOMEM: return ENOMEM;
	case NLE_PERM: return EPERM;
	case NLE_EXIST: return EADDRINUSE;
	default: return errno ? errno : EIO;
	}
}

static void set_up(struct netlink *nl)
{
	const int one = 1, room = RECEIVE_ROOM;
	const struct timeval limit = { .tv_sec = TIMEOUT_S };

	setsockopt(nl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof one);
	if (setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0)
		setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	setsockopt(nl->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	fcntl(nl->fd, F_SETFD, FD_CLOEXEC);
}

int netlink_open(int protocol, struct netlink **ret, struct error *err)
{
	struct netlink *nl = calloc(1, sizeof *nl);

	if (!nl)
		return error_sys(err, ENOMEM, "cannot open a netlink socket");
	pthread_mutex_init(&nl->lock, NULL);
	nl->fd = -1;
	nl->buf = malloc(RECEIVE_SIZE);
	nl->sock = nl->buf ? nl_socket_alloc() : NULL;
	errno = 0;
	int r = nl->sock ? nl_connect(nl->sock, protocol) : -NLE_NOMEM;
	if (r < 0) {
		r = error_sys(err, errno_of(r), "cannot open a netlink socket");
		netlink_close(nl);
		return r;
	}
	nl->fd = nl_socket_get_fd(nl->sock);
	nl->port = nl_socket_get_local_port(nl->sock);
	set_up(nl);
	*ret = nl;
	return 0;
}

int netlink_open_in(int protocol, int netns, struct netlink **ret, struct error *err)
{
	auto_close int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (own < 0 || setns(netns, CLONE_NEWNET) < 0)
		return error_sys(err, errno, "cannot enter a network namespace");
	int r = netlink_open(protocol, ret, err);
	/* A thread that stays behind would make everything after it in the wrong place. */
	if (setns(own, CLONE_NEWNET) < 0)
		abort();
	return r;
}

void netlink_close(struct netlink *nl)
{
	if (!nl)
		return;
	if (nl->sock)
		nl_socket_free(nl->sock);
	pthread_mutex_destroy(&nl->lock);
	free(nl->buf);
	free(nl);
}

int netlink_fd(const struct netlink *nl)
{
	return nl->fd;
}

uint32_t netlink_port(const struct netlink *nl)
{
	return nl->port;
}

/* ---- sending ---------------------------------------------------------------------- */
static int send_batch(struct netlink *nl, struct netlink_batch *b)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int room = (int)b->len * 2 + 65536;

	if (b->len > 65536 && setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) < 0)
		setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	ssize_t r;
	do
		r = sendto(nl->fd, b->data, b->len, 0, (const struct sockaddr *)&kernel, sizeof kernel);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

static ssize_t receive(struct netlink *nl, int flags)
{
	struct sockaddr_nl from;
	struct iovec io = { nl->buf, RECEIVE_SIZE };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &io, .msg_iovlen = 1 };
	ssize_t n;

	do
		n = recvmsg(nl->fd, &m, flags);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN && !(flags & MSG_DONTWAIT) ? -ETIMEDOUT : -errno;
	if (m.msg_flags & MSG_TRUNC)
		return -ENOBUFS;
	return from.nl_pid == 0 ? n : 0; /* only the kernel is listened to */
}

static void copy_why(const struct nlmsghdr *h, struct netlink_fault *fault)
{
	const struct nlmsgerr *e = nlmsg_data(h);
	size_t skip = sizeof *e;

	fault->why[0] = '\0';
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS) || h->nlmsg_len < NLMSG_HDRLEN + skip)
		return;
	if (!(h->nlmsg_flags & 0x100 /* NLM_F_CAPPED */))
		skip += e->msg.nlmsg_len - NLMSG_HDRLEN;
	if (h->nlmsg_len < NLMSG_HDRLEN + skip)
		return;
	const struct nlattr *a = (const struct nlattr *)((const char *)nlmsg_data(h) + skip);
	int left = (int)(h->nlmsg_len - NLMSG_HDRLEN - skip);
	const struct nlattr *text = nla_find(a, left, 1 /* NLMSGERR_ATTR_MSG */);
	if (text)
		snprintf(fault->why, sizeof fault->why, "%.*s", nla_len(text), (const char *)nla_data(text));
}

struct answers {
	uint32_t first, last; /* sequence numbers */
	int error;
	bool ended;
	struct netlink_fault *fault;
};

static void take_answer(struct answers *a, const struct nlmsghdr *h)
{
	uint32_t at = h->nlmsg_seq - a->first;

	if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_len < NLMSG_HDRLEN + sizeof(struct nlmsgerr) ||
		at > a->last - a->first)
		return;
	const struct nlmsgerr *e = nlmsg_data(h);
	if (e->error && !a->error) {
		a->error = e->error;
		if (a->fault) {
			a->fault->message = at;
			copy_why(h, a->fault);
		}
	}
	a->ended |= h->nlmsg_seq == a->last;
}

/* Numbers the messages; asks for the answer of the last one. */
static void number(struct netlink *nl, struct netlink_batch *b, struct answers *a)
{
	uint32_t i = 0;

	a->first = nl->seq + 1;
	a->last = a->first + b->last;
	for (size_t at = 0; at < b->len; i++) {
		struct nlmsghdr *h = (struct nlmsghdr *)(b->data + at);
		h->nlmsg_seq = ++nl->seq;
		h->nlmsg_pid = nl->port;
		if (i == b->last)
			h->nlmsg_flags |= NLM_F_ACK;
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
}

static int commit(struct netlink *nl, struct netlink_batch *b, struct answers *a)
{
	number(nl, b, a);
	int r = send_batch(nl, b);
	while (r == 0 && !a->ended) {
		ssize_t n = receive(nl, 0);
		if (n < 0)
			return (int)n;
		int left = (int)n;
		for (struct nlmsghdr *h = (struct nlmsghdr *)nl->buf; nlmsg_ok(h, left);
			h = nlmsg_next(h, &left))
			take_answer(a, h);
	}
	return r < 0 ? r : a->error;
}

int netlink_commit(struct netlink *nl, struct netlink_batch *b, struct netlink_fault *fault)
{
	struct answers a = { .fault = fault };
	int r = b->failed;

	if (fault)
		*fault = (struct netlink_fault){ 0 };
	if (r == 0 && b->n > 0) {
		pthread_mutex_lock(&nl->lock);
		r = commit(nl, b, &a);
		pthread_mutex_unlock(&nl->lock);
	}
	netlink_batch_done(b);
	return r;
}

/* ---- asking ------------------------------------------------------------------------ */
struct asking {
	uint32_t seq;
	netlink_visit *visit;
	void *ctx;
	int r; /* the first failure; the rest is read all the same, so that the next request finds a clean
		  socket */
	bool ended;
};

static void take_reply(struct asking *a, const struct nlmsghdr *h)
{
	int r = 0;

	if (h->nlmsg_seq != a->seq || h->nlmsg_type == NLMSG_NOOP)
		return;
	if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
		a->ended = true;
		if (h->nlmsg_len >= NLMSG_HDRLEN + sizeof(int)) /* both begin with an error number */
			r = *(const int *)nlmsg_data(h);
	} else if (a->r == 0) {
		r = a->visit(a->ctx, h);
	}
	if (r < 0 && a->r == 0)
		a->r = r;
}

static int query(struct netlink *nl, struct netlink_batch *b, struct asking *a)
{
	struct answers numbers;

	number(nl, b, &numbers);
	a->seq = numbers.first;
	int r = send_batch(nl, b);
	while (r == 0 && !a->ended) {
		ssize_t n = receive(nl, 0);
		if (n < 0)
			return (int)n;
		int left = (int)n;
		for (struct nlmsghdr *h = (struct nlmsghdr *)nl->buf; nlmsg_ok(h, left);
			h = nlmsg_next(h, &left))
			take_reply(a, h);
	}
	return r < 0 ? r : a->r;
}

int netlink_query(struct netlink *nl, struct netlink_batch *b, netlink_visit *visit, void *ctx)
{
	struct asking a = { .visit = visit, .ctx = ctx };
	int r = b->failed;

	if (r == 0) {
		pthread_mutex_lock(&nl->lock);
		r = query(nl, b, &a);
		pthread_mutex_unlock(&nl->lock);
	}
	netlink_batch_done(b);
	return r;
}

/* ---- listening ------------------------------------------------------------------------ */
int netlink_join(struct netlink *nl, int group)
{
	return setsockopt(nl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0 ? -errno : 0;
}

int netlink_drain(struct netlink *nl, netlink_visit *visit, void *ctx)
{
	int r = 0, lost = 0;

	pthread_mutex_lock(&nl->lock);
	while (r == 0) {
		ssize_t n = receive(nl, MSG_DONTWAIT);
		if (n == -EAGAIN)
			break;
		if (n == -ENOBUFS) {
			lost = -ENOBUFS;
			continue;
		}
		if (n < 0)
			r = (int)n;
		int left = (int)n;
		for (struct nlmsghdr *h = (struct nlmsghdr *)nl->buf; r == 0 && n > 0 && nlmsg_ok(h, left);
			h = nlmsg_next(h, &left))
			r = visit(ctx, h);
	}
	pthread_mutex_unlock(&nl->lock);
	return r < 0 ? r : lost;
}
