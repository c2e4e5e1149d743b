/* SPDX-License-Identifier: Apache-2.0 */
/* Messages for tests of gantry-dns: what gantryd tells of a sandbox, and questions. */
#ifndef GANTRY_TESTS_SUPPORT_DNS_MESSAGE_H
#define GANTRY_TESTS_SUPPORT_DNS_MESSAGE_H

#include "lib/proto/dns.h"
#include "programs/gantry-dns/wire.h"

#include <string.h>

union dns_message {
	struct proto_dns_sandbox sandbox;
	char room[8192];
};

static inline void message_begin(union dns_message *m, const char *id, uint32_t flags)
{
	memset(m, 0, sizeof *m);
	m->sandbox.head = (struct proto_dns_head){
		.magic = PROTO_DNS_MAGIC, .size = sizeof m->sandbox, .type = PROTO_DNS_SANDBOX
	};
	m->sandbox.flags = flags;
	memcpy(m->sandbox.id, id, strlen(id) + 1);
}

/* texts: the network's name, the names, pairs of links; separated by blanks. */
static inline struct proto_dns_place *message_place(union dns_message *m, const char *network,
	uint32_t address, const char *texts, unsigned n_names, unsigned n_links)
{
	struct proto_dns_place *p = (void *)(m->room + m->sandbox.head.size);
	size_t n = strlen(texts) + 1;

	p->address = address;
	p->n_names = (uint16_t)n_names;
	p->n_links = (uint16_t)n_links;
	p->size = (uint32_t)((n + 7) / 8 * 8);
	memcpy(p->network, network, strlen(network) + 1);
	for (size_t i = 0; i < n; i++)
		((char *)(p + 1))[i] = texts[i] == ' ' ? '\0' : texts[i];
	m->sandbox.n_places++;
	m->sandbox.head.size += (uint32_t)sizeof *p + p->size;
	return p;
}

static inline size_t make_query(uint8_t *out, const char *name, uint16_t type)
{
	static const uint8_t head[WIRE_HEADER] = { 0x12, 0x34, 1, 0, 0, 1 };
	size_t n = WIRE_HEADER;

	memcpy(out, head, sizeof head);
	for (const char *p = name; *p; p += *p == '.') {
		size_t len = strcspn(p, ".");
		out[n++] = (uint8_t)len;
		memcpy(out + n, p, len);
		n += len;
		p += len;
	}
	out[n++] = 0;
	out[n++] = (uint8_t)(type >> 8);
	out[n++] = (uint8_t)type;
	out[n++] = 0;
	out[n++] = 1;
	return n;
}

#endif
