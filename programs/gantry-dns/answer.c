/* SPDX-License-Identifier: Apache-2.0 */
/* Names of containers, as Docker's resolver answers for them (moby 28.5: daemon/libnetwork/resolver.go). */
#include "programs/gantry-dns/dns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A container of several addresses is found at each of them, by turns. */
static void add_addresses(struct wire_answer *a, const uint32_t *addresses, size_t n)
{
	size_t first = n > 1 ? (size_t)rand() % n : 0;

	for (size_t i = 0; i < n; i++)
		wire_add_address(a, addresses[(first + i) % n]);
}

size_t answer_code(const uint8_t *query, size_t n, unsigned code, uint8_t *out, size_t max)
{
	struct wire_question q;
	struct wire_answer a;

	if (wire_read(query, n, &q) < 0)
		return 0;
	wire_begin(&a, out, max, query, &q, code);
	wire_end(&a);
	return a.n;
}

/* Ours are short over UDP, whatever the client takes. */
static size_t limit_of(const struct wire_question *q, bool tcp, size_t max)
{
	size_t limit = tcp ? WIRE_MESSAGE_MAX : q->udp_size;

	return limit < max ? limit : max;
}

/* With `ndots` in resolv.conf a client tries a bare name with its domains: it is no business of upstreams. */
static bool is_kept(const struct wire_question *q, const struct sandbox *s)
{
	return (s->flags & PROTO_DNS_NDOTS) && (q->type == WIRE_A || q->type == WIRE_AAAA) && q->name[0] &&
	       !strchr(q->name, '.');
}

static bool answer_reverse(
	const struct dns *d, const struct sandbox *s, const struct wire_question *q, struct wire_answer *a)
{
	char name[2 * PROTO_DNS_NAME_MAX + 2];
	uint32_t address;

	if (!wire_reverse(q->name, &address) ||
		!names_reverse(d->names, s->places, address, name, sizeof name))
		return false;
	wire_add_name(a, name);
	return true;
}

/* Of every type but A there is nothing: no IPv6, no mail. */
static bool answer_name(
	const struct dns *d, const struct sandbox *s, const struct wire_question *q, struct wire_answer *a)
{
	static uint32_t addresses[ADDRESSES_MAX];
	size_t n = names_find(d->names, s->places, q->name, addresses, ADDRESSES_MAX);

	if (q->type == WIRE_A)
		add_addresses(a, addresses, n < ADDRESSES_MAX ? n : ADDRESSES_MAX);
	return n > 0 || is_kept(q, s);
}

int answer_local(const struct dns *d, const struct sandbox *s, const uint8_t *query, size_t n, bool tcp,
	uint8_t *out, size_t max)
{
	struct wire_question q;
	struct wire_answer a;
	int code = wire_read(query, n, &q);

	if (code != 0)
		return code < 0 ? code : (int)answer_code(query, n, (unsigned)code, out, max);
	if (q.class != 1)
		return 0;
	wire_begin(&a, out, limit_of(&q, tcp, max), query, &q, WIRE_OK);
	bool known = q.type == WIRE_PTR ? answer_reverse(d, s, &q, &a) : answer_name(d, s, &q, &a);
	if (!known)
		return 0;
	wire_end(&a);
	return (int)a.n;
}

/* ---- UDP ----------------------------------------------------------------------------------- */
struct asker {
	struct sandbox *sandbox;
	struct sockaddr_in from;
	size_t udp_size, n;
	uint8_t query[];
};

static void send_to(const struct sandbox *s, const struct sockaddr_in *to, const uint8_t *data, size_t n)
{
	if (s->udp.fd >= 0 && n > 0) /* a client that has gone asks again or not */
		sendto(s->udp.fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)to,
			sizeof *to);
}

static void send_code(
	const struct sandbox *s, const struct sockaddr_in *to, const uint8_t *query, size_t n, unsigned code)
{
	uint8_t out[WIRE_UDP_MIN];

	send_to(s, to, out, answer_code(query, n, code, out, sizeof out));
}

static void forwarded(struct dns *d, void *ctx, uint8_t *answer, size_t n)
{
	struct asker *a = ctx;

	(void)d;
	if (answer)
		send_to(a->sandbox, &a->from, answer, wire_cut(answer, n, a->udp_size));
	else
		send_code(a->sandbox, &a->from, a->query, a->n, WIRE_FAILURE);
	free(a);
}

static void ask_upstreams(
	struct dns *d, struct sandbox *s, const struct sockaddr_in *from, const uint8_t *query, size_t n)
{
	struct asker *a = malloc(sizeof *a + n);
	struct wire_question q;
	struct query *asked;

	if (a && wire_read(query, n, &q) == 0) {
		*a = (struct asker){ .sandbox = s, .from = *from, .udp_size = q.udp_size, .n = n };
		memcpy(a->query, query, n);
		if (forward(d, s, query, n, false, forwarded, a, &asked) == 0)
			return;
	}
	free(a);
	send_code(s, from, query, n, WIRE_FAILURE);
}

void answer_udp(struct dns *d, struct source *source, uint32_t events)
{
	struct sandbox *s = (struct sandbox *)source;
	static uint8_t query[QUERY_MAX + 1], out[WIRE_UDP_MAX];

	(void)events;
	for (unsigned i = 0; i < 64 && !source->closed; i++) { /* others have their turn, too */
		struct sockaddr_in from = { 0 };
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(
			source->fd, query, sizeof query, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
		if (n < 0)
			return;
		if (n > QUERY_MAX)
			continue; /* no question is as long as that */
		int r = answer_local(d, s, query, (size_t)n, false, out, sizeof out);
		if (r > 0)
			send_to(s, &from, out, (size_t)r);
		else if (r == 0)
			ask_upstreams(d, s, &from, query, (size_t)n);
	}
}
