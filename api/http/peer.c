/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

static void collect_groups(struct peer *p, int sock)
{
	socklen_t size = 0;

	/* The first call tells the size. */
	if (getsockopt(sock, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0 || errno != ERANGE)
		return;
	gid_t *groups = malloc(size);
	if (!groups || getsockopt(sock, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) {
		free(groups);
		return;
	}
	p->groups = groups;
	p->ngroups = size / sizeof *groups;
}

static void collect_unix(struct peer *p, int sock)
{
	struct ucred cred;
	socklen_t size = sizeof cred;

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return;
	p->pid = cred.pid;
	p->uid = cred.uid;
	p->gid = cred.gid;
	collect_groups(p, sock);
}

static void collect_tcp(struct peer *p, const struct sockaddr_storage *address)
{
	char text[INET6_ADDRSTRLEN] = "";

	p->kind = PEER_TCP;
	if (address->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;
		inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
		snprintf(p->address, sizeof p->address, "%s:%u", text, ntohs(in->sin_port));
	} else if (address->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)address;
		inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof text);
		snprintf(p->address, sizeof p->address, "[%s]:%u", text, ntohs(in->sin6_port));
	}
}

struct peer *peer_new(int sock)
{
	struct peer *p = calloc(1, sizeof *p);
	struct sockaddr_storage address;
	socklen_t size = sizeof address;

	if (!p)
		return NULL;
	p->kind = PEER_UNIX;
	p->uid = (uid_t)-1;
	p->gid = (gid_t)-1;
	p->pidfd = -1;
	if (getpeername(sock, (void *)&address, &size) == 0 && address.ss_family != AF_UNIX)
		collect_tcp(p, &address);
	else
		collect_unix(p, sock);
	return p;
}

struct peer *peer_dup(const struct peer *facts)
{
	struct peer *p = malloc(sizeof *p);

	if (!p)
		return NULL;
	*p = *facts;
	p->groups = NULL;
	p->ngroups = 0;
	p->pidfd = -1;
	return p;
}

void peer_free(struct peer *p)
{
	if (!p)
		return;
	if (p->pidfd >= 0)
		close(p->pidfd);
	free(p->groups);
	free(p);
}

int peer_pidfd(struct peer *p, int sock)
{
	int fd = -1;
	socklen_t size = sizeof fd;

	/* The kernel makes this descriptor O_CLOEXEC. */
	if (p->kind == PEER_UNIX && p->pidfd < 0 &&
		getsockopt(sock, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) == 0)
		p->pidfd = fd;
	return p->pidfd;
}

bool peer_has_group(const struct peer *p, gid_t gid)
{
	if (p->kind == PEER_UNIX && p->gid == gid)
		return true;
	for (size_t i = 0; i < p->ngroups; i++)
		if (p->groups[i] == gid)
			return true;
	return false;
}
