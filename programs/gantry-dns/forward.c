/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no table knows is asked of the upstreams, from the host's network: a socket of its own for each
 * question, so that its port is the kernel's random choice, and a random id (RFC 5452).  An upstream that
 * does not answer in time, or only fails, is followed by the next one.
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
	struct source source; /* first */
	struct sandbox *sandbox;
	query_done *done;
	void *ctx;
	bool tcp;
	uint8_t asked_id[2]; /* the client's */
	unsigned upstream;
	/* TCP: what is written, then read. */
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

static void end(struct dns *d, struct query *q)
{
	d->queries--;
	q->sandbox->queries--;
	sandbox_unref(d, q->sandbox);
	free(q->in);
	q->in = NULL;
	source_close(d, &q->source, true);
}

static void finish(struct dns *d, struct query *q, uint8_t *answer, size_t n)
{
	query_done *done = q->done;
	void *ctx = q->ctx;

	if (answer)
		memcpy(answer, q->asked_id, 2);
	done(d, ctx, answer, n);
	end(d, q);
}

void query_cancel(struct dns *d, struct query *q)
{
	end(d, q);
}

static void ask_next(struct dns *d, struct query *q);

/* The descriptor goes; the query stays. */
static void hang_up(struct dns *d, struct query *q)
{
	if (q->source.fd < 0)
		return;
	source_close(d, &q->source, false);
	q->source.closed = false;
}

static void try_next(struct dns *d, struct query *q)
{
	hang_up(d, q);
	q->upstream++;
	ask_next(d, q);
}

static void late(struct dns *d, struct source *s)
{
	try_next(d, (struct query *)s);
}

/* True: it was the answer, and the query is over. */
static bool take(struct dns *d, struct query *q, uint8_t *answer, size_t n)
{
	unsigned code = 0;

	if (!wire_is_answer(answer, n, message(q), q->n, &code))
		return false;
	if ((code == WIRE_FAILURE || code == WIRE_REFUSED || code == WIRE_NOT_IMPLEMENTED) &&
		q->upstream + 1 < q->sandbox->what.n_upstreams) {
		try_next(d, q);
		return true;
	}
	finish(d, q, answer, n);
	return true;
}

/* ---- UDP ----------------------------------------------------------------------------------- */
static void udp_ready(struct dns *d, struct source *s, uint32_t events)
{
	static uint8_t answer[WIRE_MESSAGE_MAX];
	struct query *q = (struct query *)s;

	(void)events;
	for (unsigned i = 0; i < 16; i++) {
		ssize_t n = recv(s->fd, answer, sizeof answer, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) { /* nobody is there */
			try_next(d, q);
			return;
		}
		if (take(d, q, answer, (size_t)n))
			return;
	}
}

/* ---- TCP ------------------------------------------------------------------------------------ */
static void tcp_write(struct dns *d, struct query *q)
{
	size_t whole = q->n + 2;

	q->data[0] = (uint8_t)(q->n >> 8);
	q->data[1] = (uint8_t)q->n;
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
	if (!take(d, q, q->in + 2, want))
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

/* ---- asking ---------------------------------------------------------------------------------- */
static int connect_to(uint32_t address, bool tcp)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = address };
	int fd = socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool ask(struct dns *d, struct query *q)
{
	int fd = connect_to(q->sandbox->what.upstreams[q->upstream], q->tcp);

	if (fd < 0)
		return false;
	if (getrandom(message(q), 2, GRND_NONBLOCK) != 2 ||
		(!q->tcp && send(fd, message(q), q->n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)) {
		close(fd);
		return false;
	}
	q->at = 0;
	free(q->in);
	q->in = NULL;
	q->source.ready = q->tcp ? tcp_ready : udp_ready;
	q->source.late = late;
	if (source_add(d, &q->source, fd, q->tcp ? EPOLLOUT : EPOLLIN) < 0) {
		close(fd);
		return false;
	}
	q->source.deadline_ns = d->now_ns + UPSTREAM_NS;
	return true;
}

static void ask_next(struct dns *d, struct query *q)
{
	for (; q->upstream < q->sandbox->what.n_upstreams; q->upstream++)
		if (ask(d, q))
			return;
	finish(d, q, NULL, 0);
}

int forward(struct dns *d, struct sandbox *s, const uint8_t *query, size_t n, bool tcp, query_done *done,
	void *ctx, struct query **ret)
{
	struct query *q;

	if (d->queries >= QUERIES_MAX || s->queries >= SANDBOX_QUERIES_MAX)
		return -EAGAIN;
	q = calloc(1, sizeof *q + n + 2);
	if (!q)
		return -ENOMEM;
	q->source.fd = -1;
	q->sandbox = s;
	q->done = done;
	q->ctx = ctx;
	q->tcp = tcp;
	q->n = n;
	memcpy(message(q), query, n);
	memcpy(q->asked_id, query, 2);
	for (; q->upstream < s->what.n_upstreams; q->upstream++)
		if (ask(d, q)) {
			d->queries++;
			s->queries++;
			s->refs++;
			*ret = q;
			return 0;
		}
	free(q->in);
	free(q);
	return -ENETUNREACH;
}
