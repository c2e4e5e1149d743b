/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/proto/worker.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <unistd.h>

int proto_worker_send(int sock, const void *message, size_t n, const int *fds, size_t nfds)
{
	ssize_t r = fd_send(sock, message, n, fds, nfds, 0);

	return r < 0 ? (int)r : 0;
}

int proto_worker_recv(int sock, void *message, size_t n, int *fds, size_t *nfds)
{
	const uint32_t *head = message;
	ssize_t r = fd_recv(sock, message, n, fds, nfds, 0);

	if (r == 0)
		return -ECONNRESET;
	if (r > 0 && (size_t)r == n && head[0] == PROTO_WORKER_MAGIC && head[1] == n)
		return 0;
	for (size_t i = 0; r > 0 && nfds && i < *nfds; i++)
		close(fds[i]);
	return r < 0 ? (int)r : -EPROTO;
}
