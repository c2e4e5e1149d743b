/* SPDX-License-Identifier: Apache-2.0 */
/* What a container sends to gantry-dns, what an upstream answers, and what gantryd tells: the input is read
 * as each of them. */
#include "programs/gantry-dns/dns.h"
#include "tests/support/dns_message.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static struct sandbox sandbox = { .udp = { .fd = -1 }, .tcp = { .fd = -1 } };
static struct dns d;

static void check_answer(const uint8_t *out, size_t n, size_t max)
{
	if (n > max || (n && n < WIRE_HEADER))
		abort();
}

static void begin(void)
{
	union dns_message m;
	const struct proto_dns_place *p;
	const char *texts;
	size_t at = 0;

	d.names = names_new();
	message_begin(&m, "x", 0);
	message_place(&m, "1", inet_addr("10.0.0.1"), "blue web www many other www", 3, 1);
	message_place(&m, "2", inet_addr("10.0.0.1"), "gr.een web many", 2, 0);
	while ((p = proto_dns_next(&m.sandbox, &at, &texts)))
		names_add(d.names, p, texts, &sandbox.places);
}

/* A sandbox that is told, added and looked up. */
static void read_message(const uint8_t *data, size_t n)
{
	union dns_message m;
	struct place *list = NULL;
	const struct proto_dns_place *p;
	const char *texts;
	uint32_t v[4];
	size_t at = 0;

	if (n < sizeof m.sandbox.head || n > sizeof m)
		return;
	memset(&m, 0, sizeof m);
	memcpy(&m, data, n);
	m.sandbox.head = (struct proto_dns_head){ .size = (uint32_t)n, .type = PROTO_DNS_SANDBOX };
	if (proto_dns_check(&m, n, 0) < 0)
		return;
	while ((p = proto_dns_next(&m.sandbox, &at, &texts)))
		names_add(d.names, p, texts, &list);
	names_find(d.names, list, "web.blue", v, 4);
	names_drop(d.names, &list);
	if (names_find(d.names, sandbox.places, "web", v, 4) != 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t copy[WIRE_MESSAGE_MAX];
	uint8_t out[WIRE_UDP_MAX];
	struct wire_question q;
	unsigned code;

	if (!d.names)
		begin();
	int r = answer_local(&d, &sandbox, data, n, n % 2, out, sizeof out);
	if (r > 0)
		check_answer(out, (size_t)r, sizeof out);
	check_answer(out, answer_code(data, n, WIRE_FAILURE, out, WIRE_UDP_MIN), WIRE_UDP_MIN);
	wire_is_answer(data, n, data, n, &code);
	if (n > 40)
		wire_is_answer(data, n / 2, data + n / 2, n - n / 2, &code);
	if (n >= WIRE_HEADER && n <= sizeof copy) {
		memcpy(copy, data, n);
		check_answer(copy, wire_cut(copy, n, WIRE_HEADER), n);
	}
#ifdef GANTRY_PLANTED_BUG
	if (wire_read(data, n, &q) == 0 && strcmp(q.name, "web") == 0) {
		volatile char over = q.name[sizeof q.name + q.type]; /* NOLINT */
		(void)over;
	}
#else
	(void)q;
#endif
	read_message(data, n);
	return 0;
}
