/* SPDX-License-Identifier: Apache-2.0 */
/* Names of containers, as Docker's resolver answers for them (moby 28.5: daemon/libnetwork/resolver.go). */
#include "programs/gantry-dns/dns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const struct network *network_of(const struct dns *d, const char *id)
{
	const struct network *n = d->networks;

	while (n && strcmp(n->id, id) != 0)
		n = n->next;
	return n;
}

/* "web" and "web.NETWORK". */
static size_t find_on(const struct network *n, const char *name, uint32_t *addresses)
{
	size_t found = names_find(n->names, name, addresses, ADDRESSES_MAX);
	size_t len = strlen(name), domain = strlen(n->name);
	char first[WIRE_NAME_SIZE];

	if (found || len <= domain + 1 || name[len - domain - 1] != '.' ||
		strcasecmp(name + len - domain, n->name) != 0)
		return found;
	snprintf(first, sizeof first, "%.*s", (int)(len - domain - 1), name);
	return names_find(n->names, first, addresses, ADDRESSES_MAX);
}

/* The first of the sandbox's networks that knows it. */
static size_t find_name(const struct dns *d, const struct sandbox *s, const char *name, uint32_t *addresses)
{
	size_t found = 0;

	for (unsigned i = 0; i < s->what.n_networks && !found; i++) {
		const struct network *n = network_of(d, s->what.networks[i]);
		found = n && n->names ? find_on(n, name, addresses) : 0;
	}
	return found < ADDRESSES_MAX ? found : ADDRESSES_MAX;
}

/* A container of several addresses is found at each of them, by turns. */
static void add_addresses(struct wire_answer *a, const uint32_t *addresses, size_t n)
{
	size_t first = n > 1 ? (size_t)rand() % n : 0;

	for (size_t i = 0; i < n; i++)
		wire_add_address(a, addresses[(first + i) % n]);
}

static bool add_reverse(const struct dns *d, const struct sandbox *s, uint32_t address, struct wire_answer *a)
{
	char whole[2 * PROTO_DNS_NAME];

	for (unsigned i = 0; i < s->what.n_networks; i++) {
		const struct network *n = network_of(d, s->what.networks[i]);
		const char *name = n && n->names ? names_reverse(n->names, address) : NULL;
		if (!name)
			continue;
		snprintf(whole, sizeof whole, "%s.%s", name, n->name);
		wire_add_name(a, whole);
		return true;
	}
	return false;
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

int answer_local(const struct dns *d, const struct sandbox *s, const uint8_t *query, size_t n, uint8_t *out,
	size_t max)
{
	static uint32_t addresses[ADDRESSES_MAX];
	struct wire_question q;
	struct wire_answer a;
	uint32_t address;
	int code = wire_read(query, n, &q);

	if (code != 0)
		return code < 0 ? code : (int)answer_code(query, n, (unsigned)code, out, max);
	if (q.class != 1)
		return 0;
	wire_begin(&a, out, max, query, &q, WIRE_OK);
	if (q.type == WIRE_PTR) {
		if (!wire_reverse(q.name, &address) || !add_reverse(d, s, address, &a))
			return 0;
	} else {
		size_t found = find_name(d, s, q.name, addresses);
		if (!found)
			return 0;
		if (q.type == WIRE_A) /* of every other type there is nothing: no IPv6, no mail */
			add_addresses(&a, addresses, found);
	}
	wire_end(&a);
	return (int)a.n;
}

/* ---- UDP ----------------------------------------------------------------------------------- */
struct asker {
	struct sandbox *sandbox;
	struct sockaddr_in from;
	size_t n;
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
	uint8_t out[WIRE_UDP_MAX];

	send_to(s, to, out, answer_code(query, n, code, out, sizeof out));
}

static void forwarded(struct dns *d, void *ctx, const uint8_t *answer, size_t n)
{
	struct asker *a = ctx;

	if (answer)
		send_to(a->sandbox, &a->from, answer, n);
	else
		send_code(a->sandbox, &a->from, a->query, a->n, WIRE_FAILURE);
	sandbox_unref(d, a->sandbox);
	free(a);
}

static void ask_upstreams(
	struct dns *d, struct sandbox *s, const struct sockaddr_in *from, const uint8_t *query, size_t n)
{
	struct asker *a = s->what.forward && s->what.n_upstreams ? malloc(sizeof *a + n) : NULL;
	struct query *q;

	if (a) {
		*a = (struct asker){ .sandbox = s, .from = *from, .n = n };
		memcpy(a->query, query, n);
		s->refs++;
		if (forward(d, s, query, n, false, forwarded, a, &q) == 0)
			return;
		s->refs--;
		free(a);
	}
	send_code(s, from, query, n, WIRE_FAILURE);
}

void answer_udp(struct dns *d, struct source *source, uint32_t events)
{
	struct sandbox *s = (struct sandbox *)((char *)source - offsetof(struct sandbox, udp));
	static uint8_t query[WIRE_MESSAGE_MAX], out[WIRE_UDP_MAX];

	(void)events;
	for (unsigned i = 0; i < 64 && !source->closed; i++) { /* others have their turn, too */
		struct sockaddr_in from = { 0 };
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(
			source->fd, query, sizeof query, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
		if (n < 0)
			return;
		int r = answer_local(d, s, query, (size_t)n, out, sizeof out);
		if (r > 0)
			send_to(s, &from, out, (size_t)r);
		else if (r == 0)
			ask_upstreams(d, s, &from, query, (size_t)n);
	}
}
