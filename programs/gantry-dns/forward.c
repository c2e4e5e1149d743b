/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no table knows is asked of the upstreams, from the container's network, or from the host's where only
 * that reaches them.  Sockets are few and come from gantryd: one that has nothing under way is connected
 * anew, which gives it another port of the kernel's random choice; with a random id that makes an answer hard
 * to forge (RFC 5452).  An upstream that does not answer in time, or only fails, is followed by the next one.
 */
#include "programs/gantry-dns/dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

struct query {
	struct source source; /* first; TCP */
	struct timer timer;
	struct sandbox *sandbox;
	struct query *next, **link; /* of the sandbox */
	query_done *done;
	void *ctx;
	bool tcp;
	uint8_t asked_id[2]; /* the client's */
	unsigned server;
	/* UDP: by which socket. */
	struct way *way;
	struct query *next_way, **way_link;
	/* TCP: whose socket it has, or waits for; what is written, then read. */
	struct ways *ways;
	struct query *next_waiting;
	size_t at;
	uint8_t *in; /* with its two bytes of length; NULL while writing */
	size_t in_n;
	size_t n;
	uint8_t data[]; /* room for the length, then the query */
};

static uint8_t *message(struct query *q)
{
	return q->data + 2;
}

static struct query *of_timer(struct timer *t)
{
	return (struct query *)(void *)((char *)t - offsetof(struct query, timer));
}

static void ask_next(struct dns *d, struct query *q);

/* Out of what it waits for or by; the query stays. */
static void leave_udp(struct query *q)
{
	if (!q->way)
		return;
	*q->way_link = q->next_way;
	if (q->next_way)
		q->next_way->way_link = q->way_link;
	q->way->n--;
	q->way = NULL;
}

static bool begin_tcp(struct dns *d, struct query *q);

static void give_to_waiting(struct dns *d, struct ways *w)
{
	struct query *q = w->waiting;

	if (!q)
		return;
	w->waiting = q->next_waiting;
	if (begin_tcp(d, q))
		return;
	timer_stop(d, &q->timer);
	q->ways = NULL;
	q->server++;
	ask_next(d, q);
}

static void stop_waiting(struct query *q)
{
	struct query **p = &q->ways->waiting;

	while (*p && *p != q)
		p = &(*p)->next_waiting;
	if (*p)
		*p = q->next_waiting;
}

static void leave_tcp(struct dns *d, struct query *q)
{
	struct ways *w = q->ways;
	int fd = source_take(d, &q->source);
	size_t i = 0;

	if (!w)
		return;
	free(q->in);
	q->in = NULL;
	if (fd < 0)
		stop_waiting(q);
	q->ways = NULL;
	if (fd < 0)
		return;
	while (w->tcp[i] >= 0)
		i++;
	if (way_reset(fd) == 0)
		w->tcp[i] = fd;
	else
		close(fd);
	give_to_waiting(d, w);
}

static void leave(struct dns *d, struct query *q)
{
	timer_stop(d, &q->timer);
	leave_udp(q);
	leave_tcp(d, q);
}

/* ---- the end of a query ----------------------------------------------------------------------- */
void query_cancel(struct dns *d, struct query *q)
{
	leave(d, q);
	*q->link = q->next;
	if (q->next)
		q->next->link = q->link;
	q->sandbox->n_queries--;
	d->n_queries--;
	source_free(d, &q->source);
}

static void finish(struct dns *d, struct query *q, uint8_t *answer, size_t n)
{
	query_done *done = q->done;
	void *ctx = q->ctx;
	uint8_t *in = q->in; /* where the answer may lie */

	q->in = NULL;
	if (answer)
		memcpy(answer, q->asked_id, 2);
	query_cancel(d, q);
	done(d, ctx, answer, n);
	free(in);
}

void queries_drop(struct dns *d, struct sandbox *s)
{
	while (s->queries)
		finish(d, s->queries, NULL, 0);
}

static void try_next(struct dns *d, struct query *q)
{
	leave(d, q);
	q->server++;
	ask_next(d, q);
}

static void late(struct dns *d, struct timer *t)
{
	try_next(d, of_timer(t));
}

static bool is_failure(unsigned code)
{
	return code == WIRE_FAILURE || code == WIRE_REFUSED || code == WIRE_NOT_IMPLEMENTED;
}

static void take(struct dns *d, struct query *q, uint8_t *answer, size_t n, unsigned code)
{
	if (is_failure(code) && q->server + 1 < q->sandbox->n_servers)
		try_next(d, q);
	else
		finish(d, q, answer, n);
}

/* ---- UDP ------------------------------------------------------------------------------------------ */
/* Nobody is there: all who ask by it go on. */
static void fail_way(struct dns *d, struct way *way)
{
	struct query *list = NULL;

	while (way->queries) {
		struct query *q = way->queries;
		leave(d, q);
		q->next_way = list;
		list = q;
	}
	while (list) {
		struct query *q = list;
		list = q->next_way;
		q->server++;
		ask_next(d, q);
	}
}

static void udp_ready(struct dns *d, struct source *s, uint32_t events)
{
	static uint8_t answer[WIRE_MESSAGE_MAX];
	struct way *way = (struct way *)s;

	(void)events;
	for (unsigned i = 0; i < 64; i++) {
		unsigned code = 0;
		ssize_t n = recv(way->fd, answer, sizeof answer, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			fail_way(d, way);
			return;
		}
		struct query *q = way->queries;
		while (q && !wire_is_answer(answer, (size_t)n, message(q), q->n, &code))
			q = q->next_way;
		if (q)
			take(d, q, answer, (size_t)n, code);
	}
}

/* Not that of another one by the same socket. */
static int choose_id(struct query *q, const struct way *way)
{
	const struct query *other;

	do {
		if (getrandom(message(q), 2, GRND_NONBLOCK) != 2)
			return -EAGAIN;
		other = way->queries;
		while (other && memcmp(other->data + 2, message(q), 2) != 0)
			other = other->next_way;
	} while (other);
	return 0;
}

static bool ask_udp(struct dns *d, struct query *q, struct ways *w, const struct proto_dns_server *server)
{
	struct way *way = way_choose(w, server, q->sandbox->n_servers);

	if (!way)
		return false;
	if (way->n == 0 && (way_reset(way->fd) < 0 || way_connect(way->fd, server) < 0))
		return false;
	way->server = *server;
	way->source.ready = udp_ready;
	if (way->source.fd < 0 && source_add(d, &way->source, way->fd, EPOLLIN) < 0)
		return false;
	if (choose_id(q, way) < 0)
		return false;
	if (send(way->fd, message(q), q->n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno != EAGAIN)
			fail_way(d, way); /* the error was that of a question before */
		return false;
	}
	q->way = way;
	q->next_way = way->queries;
	if (q->next_way)
		q->next_way->way_link = &q->next_way;
	q->way_link = &way->queries;
	way->queries = q;
	way->n++;
	return true;
}

/* ---- TCP ------------------------------------------------------------------------------------------- */
static void tcp_write(struct dns *d, struct query *q)
{
	size_t whole = q->n + 2;
	ssize_t n = send(q->source.fd, q->data + q->at, whole - q->at, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		try_next(d, q);
		return;
	}
	q->at += (size_t)n;
	if (q->at < whole)
		return;
	q->in = malloc(WIRE_MESSAGE_MAX + 2);
	q->in_n = 0;
	if (q->in)
		source_want(d, &q->source, EPOLLIN);
	else
		try_next(d, q);
}

static void tcp_read(struct dns *d, struct query *q)
{
	ssize_t n = recv(q->source.fd, q->in + q->in_n, WIRE_MESSAGE_MAX + 2 - q->in_n, MSG_DONTWAIT);
	unsigned code = 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		try_next(d, q);
		return;
	}
	q->in_n += (size_t)n;
	size_t want = q->in_n < 2 ? 0 : (size_t)(q->in[0] << 8 | q->in[1]);
	if (q->in_n < 2 || q->in_n < want + 2)
		return;
	if (wire_is_answer(q->in + 2, want, message(q), q->n, &code))
		take(d, q, q->in + 2, want, code);
	else
		try_next(d, q);
}

static void tcp_ready(struct dns *d, struct source *s, uint32_t events)
{
	struct query *q = (struct query *)s;

	(void)events;
	if (q->in)
		tcp_read(d, q);
	else
		tcp_write(d, q);
}

/* With the first free one of its sockets. */
static bool begin_tcp(struct dns *d, struct query *q)
{
	struct ways *w = q->ways;
	size_t i = 0;

	while (i < PROTO_DNS_TCP && w->tcp[i] < 0)
		i++;
	if (i == PROTO_DNS_TCP || getrandom(message(q), 2, GRND_NONBLOCK) != 2)
		return false;
	int r = way_connect(w->tcp[i], &q->sandbox->servers[q->server]);
	if (r < 0 && r != -EINPROGRESS)
		return false;
	q->at = 0;
	q->data[0] = (uint8_t)(q->n >> 8);
	q->data[1] = (uint8_t)q->n;
	q->source.ready = tcp_ready;
	if (source_add(d, &q->source, w->tcp[i], EPOLLOUT) < 0) {
		way_reset(w->tcp[i]);
		return false;
	}
	w->tcp[i] = -1;
	return true;
}

static bool ask_tcp(struct dns *d, struct query *q, struct ways *w)
{
	struct query **last = &w->waiting;
	bool is_free = false;

	for (size_t i = 0; i < PROTO_DNS_TCP; i++)
		is_free |= w->tcp[i] >= 0;
	q->ways = w;
	if (is_free) {
		bool begun = begin_tcp(d, q);
		if (!begun)
			q->ways = NULL;
		return begun;
	}
	while (*last)
		last = &(*last)->next_waiting;
	q->next_waiting = NULL;
	*last = q;
	return true;
}

/* ---- asking ------------------------------------------------------------------------------------------- */
static bool ask(struct dns *d, struct query *q)
{
	const struct proto_dns_server *server = &q->sandbox->servers[q->server];
	struct ways *w = server->host ? &d->host : &q->sandbox->ways;

	if (!(q->tcp ? ask_tcp(d, q, w) : ask_udp(d, q, w, server)))
		return false;
	timer_set(d, &q->timer, UPSTREAM_NS);
	return true;
}

static void ask_next(struct dns *d, struct query *q)
{
	for (; q->server < q->sandbox->n_servers; q->server++)
		if (ask(d, q))
			return;
	finish(d, q, NULL, 0);
}

static struct query *new_query(struct dns *d, struct sandbox *s, const uint8_t *query, size_t n)
{
	struct query *q = calloc(1, sizeof *q + n + 2);

	if (!q)
		return NULL;
	q->source.fd = -1;
	q->source.closed = true;
	q->timer.late = late;
	q->sandbox = s;
	q->n = n;
	memcpy(message(q), query, n);
	memcpy(q->asked_id, query, 2);
	q->next = s->queries;
	if (q->next)
		q->next->link = &q->next;
	q->link = &s->queries;
	s->queries = q;
	s->n_queries++;
	d->n_queries++;
	return q;
}

int forward(struct dns *d, struct sandbox *s, const uint8_t *query, size_t n, bool tcp, query_done *done,
	void *ctx, struct query **ret)
{
	if (!(s->flags & PROTO_DNS_FORWARD))
		return -EACCES;
	if (d->n_queries >= QUERIES_MAX || s->n_queries >= SANDBOX_QUERIES_MAX)
		return -EAGAIN;
	struct query *q = new_query(d, s, query, n);
	if (!q)
		return -ENOMEM;
	q->done = done;
	q->ctx = ctx;
	q->tcp = tcp;
	for (; q->server < s->n_servers; q->server++)
		if (ask(d, q)) {
			*ret = q;
			return 0;
		}
	query_cancel(d, q);
	return -ENETUNREACH;
}
