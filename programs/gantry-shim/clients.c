/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry-shim/clients.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FOLLOW_PIECE  32768u
#define FOLLOW_PIECES 16 /* at a time: a log that is long must not keep the others waiting */

struct client *clients_add(struct clients *all, int sock, uint32_t flags)
{
	struct client *c = all->n < CLIENTS_MAX ? calloc(1, sizeof *c) : NULL;
	int is = fcntl(sock, F_GETFL);

	if (!c || is < 0 || fcntl(sock, F_SETFL, is | O_NONBLOCK) < 0) {
		free(c);
		return NULL;
	}
	c->sock = sock;
	c->flags = flags;
	c->until_ns = INT64_MAX;
	c->input = true; /* also of one whose input nobody wants: it is read to see the end */
	c->next = all->first;
	all->first = c;
	all->n++;
	return c;
}

/* ---- output --------------------------------------------------------------------------- */
static void drop_buffer(struct client *c)
{
	free(c->buf);
	c->buf = NULL;
	c->at = c->n = c->room = 0;
}

/* Who has sent its input and gone away has still sent it. */
void client_fail(struct client *c)
{
	drop_buffer(c);
	if (c->input && (c->flags & PROTO_STREAM_STDIN))
		c->deaf = true;
	else
		c->gone = true;
}

void client_end_input(struct client *c, bool failed)
{
	c->input = false;
	/* A follower that ends its side has no other way to say that it is done. */
	if (failed || c->deaf || c->reader)
		c->gone = true;
}

void client_flush(struct client *c)
{
	while (!c->gone && c->at < c->n) {
		ssize_t r = send(c->sock, c->buf + c->at, c->n - c->at, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && errno == EAGAIN)
			return;
		if (r < 0) {
			client_fail(c);
			return;
		}
		c->at += (size_t)r;
	}
	c->at = c->n = 0;
	if (c->room > FOLLOW_PIECE) /* an idle client keeps no large buffer */
		drop_buffer(c);
}

static bool make_room(struct client *c, size_t n)
{
	if (c->at > 0) {
		memmove(c->buf, c->buf + c->at, c->n - c->at);
		c->n -= c->at;
		c->at = 0;
	}
	if (c->n + n <= c->room)
		return true;
	size_t room = c->room ? c->room : 4096;
	while (room < c->n + n)
		room *= 2;
	char *buf = realloc(c->buf, room);
	if (!buf)
		return false;
	c->buf = buf;
	c->room = room;
	return true;
}

void client_send(struct client *c, const void *data, size_t n)
{
	if (c->gone || c->ending || c->deaf || n == 0)
		return;
	if (!make_room(c, n)) {
		c->gone = true;
		return;
	}
	memcpy(c->buf + c->n, data, n);
	c->n += n;
	client_flush(c);
}

void client_say(struct client *c, enum logfile_stream stream, const void *data, size_t n)
{
	uint32_t wanted = stream == LOGFILE_STDOUT ? PROTO_STREAM_STDOUT : PROTO_STREAM_STDERR;
	unsigned char head[8] = { (unsigned char)stream, 0, 0, 0, (unsigned char)(n >> 24),
		(unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n };

	if (c->reader || !(c->flags & wanted) || c->gone || c->ending || c->deaf)
		return;
	if (!(c->flags & PROTO_STREAM_RAW)) {
		/* One system call for both. */
		if (!make_room(c, sizeof head + n)) {
			c->gone = true;
			return;
		}
		memcpy(c->buf + c->n, head, sizeof head);
		c->n += sizeof head;
	}
	client_send(c, data, n);
}

bool clients_are_full(const struct clients *all)
{
	for (const struct client *c = all->first; c; c = c->next)
		if (!c->reader && !c->gone && c->n - c->at >= CLIENT_BUFFER_MAX)
			return true;
	return false;
}

void clients_end(struct clients *all)
{
	for (struct client *c = all->first; c; c = c->next) {
		if (c->reader)
			c->wakes = true;
		else
			c->ending = true;
	}
}

/* ---- followers -------------------------------------------------------------------------- */
static bool is_late(const struct client *c)
{
	return c->until_ns != INT64_MAX && clock_real_ns() > c->until_ns;
}

int64_t clients_deadline(const struct clients *all)
{
	int64_t first = INT64_MAX;

	for (const struct client *c = all->first; c; c = c->next)
		if (c->reader && !c->ending && c->at == c->n && c->until_ns < first)
			first = c->until_ns;
	if (first == INT64_MAX)
		return first;
	int64_t now = clock_real_ns();
	return clock_mono_ns() + (first > now ? first - now : 0) + CLOCK_MS;
}

void client_follow(struct client *c, struct logfile *log)
{
	static char piece[FOLLOW_PIECE];

	if (is_late(c))
		c->wakes = true;
	for (int i = 0; i < FOLLOW_PIECES && c->wakes && !c->gone && c->at == c->n; i++) {
		ssize_t n = logfile_reader_render(c->reader, piece, sizeof piece);
		if (n > 0) {
			client_send(c, piece, (size_t)n);
			continue;
		}
		if (n < 0 || logfile_reader_is_over(c->reader)) {
			c->ending = true;
			c->wakes = false;
		} else if (!logfile_reader_follow(c->reader, log)) {
			c->wakes = false;
			c->ending = log->fd < 0 || is_late(c); /* nothing comes behind the log's end */
		}
	}
}

/* ---- the end -------------------------------------------------------------------------------- */
static void free_client(struct client *c)
{
	logfile_reader_close(c->reader);
	close(c->sock);
	free(c->buf);
	free(c);
}

void clients_sweep(struct clients *all)
{
	for (struct client **p = &all->first; *p;) {
		struct client *c = *p;
		if (!c->gone && !(c->ending && c->at == c->n)) {
			p = &c->next;
			continue;
		}
		*p = c->next;
		all->n--;
		free_client(c);
	}
}

/* ---- input ------------------------------------------------------------------------------------ */
/* Bytes that may be the beginning of the keys wait; they are passed on when they are not. */
long client_filter(struct client *c, char *data, size_t n, size_t room)
{
	char in[4096];
	size_t out = 0;

	if (c->keys_n == 0)
		return (long)n;
	if (n > sizeof in || n + PROTO_KEYS_MAX > room)
		return (long)n; /* the caller reads no more than this */
	memcpy(in, data, n);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)in[i] == c->keys[c->keys_held]) {
			if (++c->keys_held == c->keys_n)
				return -1;
			continue;
		}
		memcpy(data + out, c->keys, c->keys_held);
		out += c->keys_held;
		c->keys_held = (unsigned char)in[i] == c->keys[0] && c->keys_n > 1;
		if (c->keys_held == 0)
			data[out++] = in[i];
	}
	return (long)out;
}
