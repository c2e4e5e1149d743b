/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/proto/dns.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

int proto_dns_send(int sock, const void *message, size_t n, const int *fds, size_t nfds)
{
	ssize_t r = fd_send(sock, message, n, fds, nfds, 0);

	return r < 0 ? (int)r : 0;
}

static void close_all(int *fds, size_t *nfds)
{
	for (size_t i = 0; nfds && i < *nfds; i++)
		close(fds[i]);
	if (nfds)
		*nfds = 0;
}

int proto_dns_recv(int sock, void *buf, size_t size, int *fds, size_t *nfds, int timeout_ms)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	const struct proto_dns_head *head = buf;
	int ready;

	do
		ready = poll(&p, 1, timeout_ms);
	while (ready < 0 && errno == EINTR);
	if (ready <= 0)
		return ready < 0 ? -errno : -ETIMEDOUT;
	ssize_t r = fd_recv(sock, buf, size, fds, nfds, 0);
	if (r == 0)
		return -ECONNRESET;
	if (r < 0)
		return (int)r;
	if ((size_t)r >= sizeof *head && head->magic == PROTO_DNS_MAGIC && head->size == (size_t)r)
		return (int)r;
	close_all(fds, nfds);
	return -EPROTO;
}

/* ---- checks -------------------------------------------------------------------------------- */
static bool ends_in_nul(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool texts_fit(const struct proto_dns_place *p, const char *texts)
{
	size_t at = 0;

	for (size_t i = 0; i < 1 + (size_t)p->n_names + 2 * (size_t)p->n_links; i++) {
		size_t n = strnlen(texts + at, p->size - at);
		if (n == p->size - at || n > PROTO_DNS_NAME_MAX)
			return false;
		at += n + 1;
	}
	return true;
}

static bool places_fit(const struct proto_dns_sandbox *m, size_t n)
{
	size_t at = sizeof *m;

	if (m->n_places > PROTO_DNS_PLACES_MAX)
		return false;
	for (size_t i = 0; i < m->n_places; i++) {
		const struct proto_dns_place *p = (const void *)((const char *)m + at);
		if (n - at < sizeof *p || p->size % 8 || p->size > n - at - sizeof *p ||
			!ends_in_nul(p->network, sizeof p->network) || !texts_fit(p, (const char *)(p + 1)))
			return false;
		at += sizeof *p + p->size;
	}
	return at == n;
}

static bool sandbox_fits(const struct proto_dns_sandbox *m, size_t n, size_t nfds)
{
	return n >= sizeof *m && (nfds == 0 || nfds == PROTO_DNS_SANDBOX_FDS) &&
	       ends_in_nul(m->id, sizeof m->id) && m->n_servers <= PROTO_DNS_SERVERS_MAX && places_fit(m, n);
}

int proto_dns_check(const void *message, size_t n, size_t nfds)
{
	const struct proto_dns_message *m = message;
	bool fits = n == sizeof *m && ends_in_nul(m->id, sizeof m->id);

	switch (m->head.type) {
	case PROTO_DNS_SANDBOX: return sandbox_fits(message, n, nfds) ? 0 : -EBADMSG;
	case PROTO_DNS_HOST: return fits && nfds == PROTO_DNS_HOST_FDS ? 0 : -EBADMSG;
	case PROTO_DNS_HELLO:
	case PROTO_DNS_SYNC_BEGIN:
	case PROTO_DNS_SYNC_END:
	case PROTO_DNS_DROP:
	case PROTO_DNS_END: return fits && nfds == 0 ? 0 : -EBADMSG;
	default: return -ENOSYS;
	}
}

const struct proto_dns_place *proto_dns_next(
	const struct proto_dns_sandbox *m, size_t *at, const char **ret_texts)
{
	if (*at == 0)
		*at = sizeof *m;
	if (*at >= m->head.size)
		return NULL;
	const struct proto_dns_place *p = (const void *)((const char *)m + *at);
	*at += sizeof *p + p->size;
	*ret_texts = (const char *)(p + 1);
	return p;
}
