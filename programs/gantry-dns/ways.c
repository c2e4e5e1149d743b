/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets that questions to upstreams go by: gantryd's, used again and again. */
#include "programs/gantry-dns/dns.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

void ways_init(struct ways *w, int *fds)
{
	*w = (struct ways){ 0 };
	for (size_t i = 0; i < PROTO_DNS_UDP; i++) {
		w->udp[i].fd = fds ? fds[i] : -1;
		w->udp[i].source.fd = -1;
	}
	for (size_t i = 0; i < PROTO_DNS_TCP; i++)
		w->tcp[i] = fds ? fds[PROTO_DNS_UDP + i] : -1;
	for (size_t i = 0; fds && i < PROTO_DNS_HOST_FDS; i++)
		fds[i] = -1;
}

void ways_close(struct dns *d, struct ways *w)
{
	for (size_t i = 0; i < PROTO_DNS_UDP; i++) {
		source_take(d, &w->udp[i].source);
		if (w->udp[i].fd >= 0)
			close(w->udp[i].fd);
		w->udp[i].fd = -1;
	}
	for (size_t i = 0; i < PROTO_DNS_TCP; i++) {
		if (w->tcp[i] >= 0)
			close(w->tcp[i]);
		w->tcp[i] = -1;
	}
}

/* As new: neither bound nor connected, with no error that was another one's. */
int way_reset(int fd)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	int error;
	socklen_t n = sizeof error;

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n);
	return connect(fd, &none, sizeof none) < 0 ? -errno : 0;
}

int way_connect(int fd, const struct proto_dns_server *server)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = server->port, .sin_addr.s_addr = server->address
	};

	return connect(fd, (const struct sockaddr *)&to, sizeof to) < 0 ? -errno : 0;
}

static bool is_connected(const struct way *way, const struct proto_dns_server *server)
{
	return way->server.address == server->address && way->server.port == server->port;
}

/* One that has nothing to do, as long as each other server finds one, too; else the least busy one to the
 * same server. */
struct way *way_choose(struct ways *w, const struct proto_dns_server *server, unsigned n_servers)
{
	struct way *idle = NULL, *shared = NULL;
	unsigned busy = 0;

	for (size_t i = 0; i < PROTO_DNS_UDP; i++) {
		struct way *way = &w->udp[i];
		if (way->fd >= 0 && way->n == 0) {
			idle = way;
		} else if (way->fd >= 0 && is_connected(way, server)) {
			busy++;
			if (!shared || way->n < shared->n)
				shared = way;
		}
	}
	if (idle && (!shared || busy + n_servers <= PROTO_DNS_UDP))
		return idle;
	return shared && shared->n < SOCKET_QUERIES_MAX ? shared : NULL;
}
