/* SPDX-License-Identifier: Apache-2.0 */
/* DNS over TCP (RFC 7766): queries with two bytes of length in front, answered one after the other. */
#include "programs/gantry-dns/dns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct stream {
	struct source source; /* first */
	struct timer timer;
	struct sandbox *sandbox;
	struct stream *next, **link; /* of the sandbox */
	struct query *query;         /* that is asked for it; NULL */
	size_t in_n;
	uint8_t *out; /* answer with its length; NULL: none */
	size_t out_n, out_at;
	uint8_t in[2 + QUERY_MAX]; /* no question is longer */
};

static void close_stream(struct dns *d, struct stream *t)
{
	if (t->source.closed)
		return;
	if (t->query)
		query_cancel(d, t->query);
	t->query = NULL;
	free(t->out);
	t->out = NULL;
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	t->sandbox->n_streams--;
	d->n_streams--;
	timer_stop(d, &t->timer);
	source_close(d, &t->source);
	source_free(d, &t->source);
}

void streams_drop(struct dns *d, struct sandbox *s)
{
	while (s->streams)
		close_stream(d, s->streams);
}

static void late(struct dns *d, struct timer *t)
{
	close_stream(d, (struct stream *)(void *)((char *)t - offsetof(struct stream, timer)));
}

static void work(struct dns *d, struct stream *t);

static void write_out(struct dns *d, struct stream *t)
{
	ssize_t n = send(t->source.fd, t->out + t->out_at, t->out_n - t->out_at, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		source_want(d, &t->source, EPOLLOUT);
		return;
	}
	if (n < 0) {
		close_stream(d, t);
		return;
	}
	t->out_at += (size_t)n;
	if (t->out_at < t->out_n) {
		source_want(d, &t->source, EPOLLOUT);
		return;
	}
	free(t->out);
	t->out = NULL;
	source_want(d, &t->source, EPOLLIN);
}

static void reply(struct dns *d, struct stream *t, const uint8_t *answer, size_t n)
{
	t->out = n ? malloc(n + 2) : NULL;
	if (!t->out) {
		close_stream(d, t);
		return;
	}
	t->out[0] = (uint8_t)(n >> 8);
	t->out[1] = (uint8_t)n;
	memcpy(t->out + 2, answer, n);
	t->out_n = n + 2;
	t->out_at = 0;
	timer_set(d, &t->timer, IDLE_NS);
	write_out(d, t);
}

static size_t query_size(const struct stream *t)
{
	return (size_t)(t->in[0] << 8 | t->in[1]);
}

static void drop_query(struct stream *t)
{
	size_t n = query_size(t) + 2;

	memmove(t->in, t->in + n, t->in_n - n);
	t->in_n -= n;
}

static void forwarded(struct dns *d, void *ctx, uint8_t *answer, size_t n)
{
	struct stream *t = ctx;
	uint8_t failed[WIRE_UDP_MIN];

	t->query = NULL;
	if (!answer) {
		n = answer_code(t->in + 2, query_size(t), WIRE_FAILURE, failed, sizeof failed);
		answer = failed;
	}
	drop_query(t);
	reply(d, t, answer, n);
	if (!t->source.closed)
		work(d, t);
}

static void answer_one(struct dns *d, struct stream *t)
{
	static uint8_t out[WIRE_MESSAGE_MAX];
	const uint8_t *query = t->in + 2;
	struct sandbox *s = t->sandbox;
	size_t n = query_size(t);
	int r = answer_local(d, s, query, n, true, out, sizeof out);

	if (r < 0) {
		close_stream(d, t);
		return;
	}
	if (r == 0 && forward(d, s, query, n, true, forwarded, t, &t->query) == 0) {
		timer_stop(d, &t->timer); /* the query has its own */
		source_want(d, &t->source, 0);
		return;
	}
	if (r == 0)
		r = (int)answer_code(query, n, WIRE_FAILURE, out, sizeof out);
	drop_query(t);
	reply(d, t, out, (size_t)r);
}

/* As long as there is a whole query and nothing under way. */
static void work(struct dns *d, struct stream *t)
{
	while (!t->source.closed && !t->query && !t->out && t->in_n >= 2) {
		if (query_size(t) + 2 > sizeof t->in) {
			close_stream(d, t);
			return;
		}
		if (t->in_n < query_size(t) + 2)
			return;
		answer_one(d, t);
	}
}

static void ready(struct dns *d, struct source *s, uint32_t events)
{
	struct stream *t = (struct stream *)s;

	if (t->query) { /* it hung up; otherwise nothing is wanted of it */
		if (events & (EPOLLHUP | EPOLLERR))
			close_stream(d, t);
		return;
	}
	if (t->out) {
		write_out(d, t);
	} else {
		ssize_t n = recv(s->fd, t->in + t->in_n, sizeof t->in - t->in_n, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			close_stream(d, t);
			return;
		}
		t->in_n += (size_t)n;
	}
	if (!s->closed)
		work(d, t);
}

void stream_accept(struct dns *d, struct source *source, uint32_t events)
{
	struct sandbox *s = (struct sandbox *)(void *)((char *)source - offsetof(struct sandbox, tcp));
	int fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	bool full = d->n_streams >= STREAMS_MAX || s->n_streams >= SANDBOX_STREAMS_MAX;
	struct stream *t = full ? NULL : calloc(1, sizeof *t);
	if (!t || source_add(d, &t->source, fd, EPOLLIN) < 0) {
		free(t);
		close(fd);
		return;
	}
	t->source.ready = ready;
	t->timer.late = late;
	timer_set(d, &t->timer, IDLE_NS);
	t->sandbox = s;
	t->next = s->streams;
	if (t->next)
		t->next->link = &t->next;
	t->link = &s->streams;
	s->streams = t;
	s->n_streams++;
	d->n_streams++;
}
