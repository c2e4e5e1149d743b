/* SPDX-License-Identifier: Apache-2.0 */
/* gantryd's messages. */
#include "programs/gantry-dns/dns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- sandboxes -------------------------------------------------------------------------- */
void sandbox_unref(struct dns *d, struct sandbox *s)
{
	(void)d;
	if (--s->refs == 0)
		free(s);
}

static struct sandbox *find_sandbox(struct dns *d, const char *id)
{
	struct sandbox *s = d->sandboxes;

	while (s && strcmp(s->what.id, id) != 0)
		s = s->next;
	return s;
}

static void drop_sandbox(struct dns *d, struct sandbox *s)
{
	for (struct sandbox **p = &d->sandboxes; *p; p = &(*p)->next)
		if (*p == s) {
			*p = s->next;
			break;
		}
	s->gone = true;
	source_close(d, &s->udp, false);
	source_close(d, &s->tcp, false);
	sandbox_unref(d, s);
}

static int listen_on(struct dns *d, struct sandbox *s, int *fds)
{
	s->udp.ready = answer_udp;
	s->tcp.ready = stream_accept;
	s->udp.fd = s->tcp.fd = -1;
	int r = source_add(d, &s->udp, fds[0], EPOLLIN);
	if (r < 0)
		return r;
	fds[0] = -1;
	r = source_add(d, &s->tcp, fds[1], EPOLLIN);
	if (r == 0)
		fds[1] = -1;
	return r;
}

static int add_sandbox(struct dns *d, const struct proto_dns_message *m, int *fds, size_t nfds)
{
	struct sandbox *s = find_sandbox(d, m->id);

	if (!s && nfds != 2)
		return -ENOENT;
	if (s && nfds == 2) { /* opened anew */
		drop_sandbox(d, s);
		s = NULL;
	}
	if (!s) {
		s = calloc(1, sizeof *s);
		if (!s)
			return -ENOMEM;
		s->refs = 1;
		s->next = d->sandboxes;
		d->sandboxes = s;
		s->what = *m;
		int r = listen_on(d, s, fds);
		if (r < 0) {
			drop_sandbox(d, s);
			return r;
		}
	}
	s->what = *m;
	s->told = true;
	return 0;
}

/* ---- networks ------------------------------------------------------------------------------ */
static struct network *find_network(struct dns *d, const char *id)
{
	struct network *n = d->networks;

	while (n && strcmp(n->id, id) != 0)
		n = n->next;
	return n;
}

static void drop_network(struct dns *d, struct network *n)
{
	for (struct network **p = &d->networks; *p; p = &(*p)->next)
		if (*p == n) {
			*p = n->next;
			break;
		}
	names_free(n->names);
	free(n);
}

static int read_names(const struct proto_dns_message *m, int fd, struct names **ret)
{
	size_t size = (size_t)m->table_size;
	char *text = malloc(size + 1);
	size_t n = 0;

	while (text && n < size) {
		ssize_t r = pread(fd, text + n, size - n, (off_t)n);
		if (r <= 0)
			break;
		n += (size_t)r;
	}
	*ret = text && n == size ? names_read(text, n) : NULL;
	free(text);
	return *ret ? 0 : -ENOMEM;
}

static int set_network(struct dns *d, const struct proto_dns_message *m, const int *fds, size_t nfds)
{
	struct network *n = find_network(d, m->id);
	struct names *names;

	if (nfds != 1 || m->table_size > PROTO_DNS_TABLE_MAX)
		return -EINVAL;
	int r = read_names(m, fds[0], &names);
	if (r < 0)
		return r;
	if (!n) {
		n = calloc(1, sizeof *n);
		if (!n) {
			names_free(names);
			return -ENOMEM;
		}
		memcpy(n->id, m->id, sizeof n->id);
		n->next = d->networks;
		d->networks = n;
	}
	memcpy(n->name, m->name, sizeof n->name);
	names_free(n->names);
	n->names = names;
	n->told = true;
	return 0;
}

/* ---- messages -------------------------------------------------------------------------------- */
static void begin_sync(struct dns *d)
{
	for (struct sandbox *s = d->sandboxes; s; s = s->next)
		s->told = false;
	for (struct network *n = d->networks; n; n = n->next)
		n->told = false;
}

static void end_sync(struct dns *d)
{
	for (struct sandbox *s = d->sandboxes, *next; s; s = next) {
		next = s->next;
		if (!s->told)
			drop_sandbox(d, s);
	}
	for (struct network *n = d->networks, *next; n; n = next) {
		next = n->next;
		if (!n->told)
			drop_network(d, n);
	}
}

static bool is_valid(const struct proto_dns_message *m)
{
	bool ends = memchr(m->id, 0, sizeof m->id) && memchr(m->name, 0, sizeof m->name) &&
		    m->n_networks <= PROTO_DNS_NETWORKS_MAX && m->n_upstreams <= PROTO_DNS_UPSTREAMS_MAX;

	for (unsigned i = 0; ends && i < m->n_networks; i++)
		ends = memchr(m->networks[i], 0, sizeof m->networks[i]);
	return ends;
}

static int carry_out(struct dns *d, const struct proto_dns_message *m, int *fds, size_t nfds)
{
	struct sandbox *s;
	struct network *n;

	if (!is_valid(m))
		return -EINVAL;
	switch (m->type) {
	case PROTO_DNS_HELLO: return PROTO_DNS_VERSION;
	case PROTO_DNS_SYNC_BEGIN: begin_sync(d); return 0;
	case PROTO_DNS_SYNC_END: end_sync(d); return 0;
	case PROTO_DNS_SANDBOX: return add_sandbox(d, m, fds, nfds);
	case PROTO_DNS_NETWORK: return set_network(d, m, fds, nfds);
	case PROTO_DNS_DROP:
		if ((s = find_sandbox(d, m->id)))
			drop_sandbox(d, s);
		return 0;
	case PROTO_DNS_DROP_NETWORK:
		if ((n = find_network(d, m->id)))
			drop_network(d, n);
		return 0;
	case PROTO_DNS_END: d->ended = true; return 0;
	default: return -ENOSYS;
	}
}

static void on_message(struct dns *d, struct source *s, uint32_t events)
{
	static struct proto_dns_message m;
	int fds[PROTO_DNS_FDS] = { -1, -1 };
	size_t nfds = PROTO_DNS_FDS;
	int r = proto_dns_recv(s->fd, &m, sizeof m, fds, &nfds, 0);

	(void)events;
	if (r == -ETIMEDOUT)
		return;
	if (r < 0) { /* gantryd has gone: what it told stays */
		source_close(d, s, false);
		return;
	}
	struct proto_dns_result result = {
		.magic = PROTO_DNS_MAGIC, .size = sizeof result, .code = carry_out(d, &m, fds, nfds)
	};
	for (size_t i = 0; i < nfds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	proto_dns_send(s->fd, &result, sizeof result, NULL, 0);
}

/* One gantryd at a time: a new one takes the place of the old. */
void control_accept(struct dns *d, struct source *s, uint32_t events)
{
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
	struct ucred who;
	socklen_t n = sizeof who;

	(void)events;
	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0 || who.uid != geteuid()) {
		close(fd);
		return;
	}
	if (d->control.fd >= 0)
		source_close(d, &d->control, false);
	d->control.ready = on_message;
	if (source_add(d, &d->control, fd, EPOLLIN) < 0)
		close(fd);
}
