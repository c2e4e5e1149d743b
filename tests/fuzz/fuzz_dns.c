/* SPDX-License-Identifier: Apache-2.0 */
/* What a container sends to gantry-dns, and what an upstream answers: the input is read as both. */
#include "programs/gantry-dns/dns.h"

#include <stdlib.h>
#include <string.h>

static void check_answer(const uint8_t *out, size_t n, size_t max)
{
	if (n > max || (n && n < WIRE_HEADER))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct network network = { .id = "n", .name = "blue" };
	static struct sandbox sandbox = {
		.what = { .n_networks = 1, .networks = { "n" } }, .udp = { .fd = -1 }, .tcp = { .fd = -1 }
	};
	static struct dns d = { .networks = &network };
	static const char table[] = "web 10.0.0.1\nwww 10.0.0.1\nmany 10.0.0.2\nmany 10.0.0.3\n";
	uint8_t out[WIRE_UDP_MAX];
	struct wire_question q;
	unsigned code;

	if (!network.names)
		network.names = names_read(table, sizeof table - 1);
	int r = answer_local(&d, &sandbox, data, n, out, sizeof out);
	if (r > 0)
		check_answer(out, (size_t)r, sizeof out);
	check_answer(out, answer_code(data, n, WIRE_FAILURE, out, sizeof out), sizeof out);
	wire_is_answer(data, n, data, n, &code);
	if (n > 40)
		wire_is_answer(data, n / 2, data + n / 2, n - n / 2, &code);
#ifdef GANTRY_PLANTED_BUG
	if (wire_read(data, n, &q) == 0 && strcmp(q.name, "web") == 0) {
		volatile char over = q.name[sizeof q.name + q.type]; /* NOLINT */
		(void)over;
	}
#else
	(void)q;
#endif
	struct names *names = names_read((const char *)data, n);
	if (names)
		names_reverse(names, 1);
	names_free(names);
	return 0;
}
