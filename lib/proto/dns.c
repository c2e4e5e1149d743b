/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/proto/dns.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

int proto_dns_send(int sock, const void *message, size_t n, const int *fds, size_t nfds)
{
	ssize_t r = fd_send(sock, message, n, fds, nfds, 0);

	return r < 0 ? (int)r : 0;
}

int proto_dns_recv(int sock, void *message, size_t n, int *fds, size_t *nfds, int timeout_ms)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	const uint32_t *head = message;
	int ready;

	do
		ready = poll(&p, 1, timeout_ms);
	while (ready < 0 && errno == EINTR);
	if (ready <= 0)
		return ready < 0 ? -errno : -ETIMEDOUT;
	ssize_t r = fd_recv(sock, message, n, fds, nfds, 0);
	if (r == 0)
		return -ECONNRESET;
	if (r > 0 && (size_t)r == n && head[0] == PROTO_DNS_MAGIC && head[1] == n)
		return 0;
	for (size_t i = 0; r > 0 && nfds && i < *nfds; i++)
		close(fds[i]);
	return r < 0 ? (int)r : -EPROTO;
}
