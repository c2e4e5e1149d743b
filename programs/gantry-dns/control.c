/* SPDX-License-Identifier: Apache-2.0 */
/* gantryd's messages. */
#include "programs/gantry-dns/dns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- sandboxes -------------------------------------------------------------------------- */
static struct sandbox **bucket_of(struct dns *d, const char *id)
{
	uint32_t h = 2166136261u;

	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * 16777619u;
	return &d->sandboxes[h % SANDBOX_BUCKETS];
}

static struct sandbox *find_sandbox(struct dns *d, const char *id)
{
	struct sandbox *s = *bucket_of(d, id);

	while (s && strcmp(s->id, id) != 0)
		s = s->next;
	return s;
}

static void drop_sandbox(struct dns *d, struct sandbox *s)
{
	struct sandbox **p = bucket_of(d, s->id);

	while (*p && *p != s)
		p = &(*p)->next;
	if (*p)
		*p = s->next;
	source_close(d, &s->udp);
	source_close(d, &s->tcp);
	streams_drop(d, s);
	queries_drop(d, s);
	ways_close(d, &s->ways);
	names_drop(d->names, &s->places);
	source_free(d, &s->udp);
}

static int listen_on(struct dns *d, struct sandbox *s, int *fds)
{
	s->udp.ready = answer_udp;
	s->tcp.ready = stream_accept;
	int r = source_add(d, &s->udp, fds[0], EPOLLIN);
	if (r < 0)
		return r;
	fds[0] = -1;
	r = source_add(d, &s->tcp, fds[1], EPOLLIN);
	if (r == 0)
		fds[1] = -1;
	return r;
}

/* With the sockets that gantryd has opened in it. */
static int new_sandbox(struct dns *d, const char *id, int *fds, struct sandbox **ret)
{
	struct sandbox *s = calloc(1, sizeof *s);

	if (!s)
		return -ENOMEM;
	memcpy(s->id, id, sizeof s->id);
	s->udp.fd = s->tcp.fd = -1;
	s->next = *bucket_of(d, id);
	*bucket_of(d, id) = s;
	ways_init(&s->ways, fds + 2);
	int r = listen_on(d, s, fds);
	if (r < 0)
		drop_sandbox(d, s);
	else
		*ret = s;
	return r;
}

static int set_places(struct dns *d, struct sandbox *s, const struct proto_dns_sandbox *m)
{
	const struct proto_dns_place *p;
	const char *texts;
	size_t at = 0;
	int r = 0;

	names_drop(d->names, &s->places);
	while (r == 0 && (p = proto_dns_next(m, &at, &texts)))
		r = names_add(d->names, p, texts, &s->places);
	return r;
}

static int set_sandbox(struct dns *d, const struct proto_dns_sandbox *m, int *fds, size_t nfds)
{
	struct sandbox *s = find_sandbox(d, m->id);
	int r = 0;

	if (!s && nfds == 0)
		return -ENOENT;
	if (s && nfds > 0) { /* opened anew */
		drop_sandbox(d, s);
		s = NULL;
	}
	if (!s)
		r = new_sandbox(d, m->id, fds, &s);
	if (r < 0)
		return r;
	if (s->flags != m->flags || s->n_servers != m->n_servers ||
		memcmp(s->servers, m->servers, sizeof s->servers) != 0)
		queries_drop(d, s); /* they go where they may not any more */
	s->flags = m->flags;
	s->n_servers = m->n_servers;
	memcpy(s->servers, m->servers, sizeof s->servers);
	s->told = true;
	return set_places(d, s, m);
}

/* ---- all of them ----------------------------------------------------------------------------- */
static void begin_sync(struct dns *d)
{
	for (size_t i = 0; i < SANDBOX_BUCKETS; i++)
		for (struct sandbox *s = d->sandboxes[i]; s; s = s->next)
			s->told = false;
}

static void end_sync(struct dns *d)
{
	for (size_t i = 0; i < SANDBOX_BUCKETS; i++)
		for (struct sandbox *s = d->sandboxes[i], *next; s; s = next) {
			next = s->next;
			if (!s->told)
				drop_sandbox(d, s);
		}
}

int control_open(struct dns *d)
{
	d->owner = geteuid();
	d->pid = getpid();
	d->control.fd = -1;
	d->names = names_new();
	d->sandboxes = calloc(SANDBOX_BUCKETS, sizeof(struct sandbox *));
	ways_init(&d->host, NULL);
	return d->names && d->sandboxes ? 0 : -ENOMEM;
}

/* ---- messages -------------------------------------------------------------------------------- */
union message {
	struct proto_dns_head head;
	struct proto_dns_message plain;
	struct proto_dns_sandbox sandbox;
	char room[PROTO_DNS_MESSAGE_MAX];
};

static int drop(struct dns *d, const char *id)
{
	struct sandbox *s = find_sandbox(d, id);

	if (s)
		drop_sandbox(d, s);
	return 0;
}

static int set_host(struct dns *d, int *fds)
{
	if (d->host.udp[0].fd < 0)
		ways_init(&d->host, fds);
	return 0;
}

static int carry_out(struct dns *d, const union message *m, size_t n, int *fds, size_t nfds)
{
	int r = proto_dns_check(m, n, nfds);

	if (r < 0)
		return r;
	switch (m->head.type) {
	case PROTO_DNS_HELLO: return PROTO_DNS_VERSION;
	case PROTO_DNS_SYNC_BEGIN: begin_sync(d); return 0;
	case PROTO_DNS_SYNC_END: end_sync(d); return 0;
	case PROTO_DNS_SANDBOX: return set_sandbox(d, &m->sandbox, fds, nfds);
	case PROTO_DNS_DROP: return drop(d, m->plain.id);
	case PROTO_DNS_HOST: return set_host(d, fds);
	default: d->ended = true; return 0; /* END */
	}
}

static void on_message(struct dns *d, struct source *s, uint32_t events)
{
	static union message m;
	int fds[PROTO_DNS_SANDBOX_FDS];
	size_t nfds = PROTO_DNS_SANDBOX_FDS;
	int n = proto_dns_recv(s->fd, &m, sizeof m, fds, &nfds, 0);

	(void)events;
	if (n == -ETIMEDOUT)
		return;
	if (n < 0) { /* gantryd has gone: what it told stays */
		source_close(d, s);
		return;
	}
	struct proto_dns_result result = { .head = { .magic = PROTO_DNS_MAGIC,
						   .size = sizeof result,
						   .type = m.head.type,
						   .code = carry_out(d, &m, (size_t)n, fds, nfds) },
		.pid = d->pid };
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
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0 || who.uid != d->owner) {
		close(fd);
		return;
	}
	source_close(d, &d->control);
	d->control.ready = on_message;
	if (source_add(d, &d->control, fd, EPOLLIN) < 0)
		close(fd);
}
