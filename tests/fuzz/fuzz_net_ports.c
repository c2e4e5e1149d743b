/* SPDX-License-Identifier: Apache-2.0 */
/* Input: JSON with PortBindings, ExposedPorts, PublishAllPorts as in HostConfig and Config, and an Address, a
 * Subnet, a Mac; what was understood holds together, and is printed and read back. */
#include "engine/net/address.h"
#include "engine/net/ipam.h"
#include "engine/net/ports.h"
#include "lib/json/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int cond)
{
	if (!cond)
		abort();
}

#ifdef GANTRY_PLANTED_BUG
static void plant(const struct port_ask *p)
{
	uint8_t *four = calloc(1, 4);

	check(four != NULL);
	if (p->low != p->high)
		four[p->high % 64 + 4] = 1;
	free(four);
}
#else
static void plant(const struct port_ask *p)
{
	(void)p;
}
#endif

static void check_ports(const struct json *doc)
{
	struct port_asks asks = { 0 };
	struct error err = ERROR_INIT;
	bool all = false;

	json_opt_bool(doc, "PublishAllPorts", false, &all, NULL);
	int r = ports_read(
		json_at(doc, "PortBindings"), json_at(doc, "ExposedPorts"), all, NULL, &asks, &err);
	if (r < 0) {
		check(err.kind == ERROR_INVALID && asks.v == NULL && asks.exposed == NULL);
		return;
	}
	check(asks.n <= PORTS_MAX && asks.exposed_n <= PORTS_MAX);
	for (size_t i = 0; i < asks.n; i++) {
		const struct port_ask *p = &asks.v[i];
		check(p->container > 0 && p->low <= p->high && *ports_proto_name(p->proto));
		check(p->low > 0 || p->high == 0);
		plant(p);
	}
	ports_done(&asks);
}

static void check_address(const char *text)
{
	char buf[ADDRESS_SIZE];
	uint32_t a, again;

	if (address_parse(text, &a) == 0)
		check(address_parse(address_format(a, buf), &again) == 0 && a == again);
}

static void check_subnet(const char *text)
{
	struct subnet s, again;
	struct ipam_pool *pool = NULL;
	char buf[CIDR_SIZE];
	uint32_t a;

	if (subnet_parse(text, &s, &a) < 0)
		return;
	check(subnet_has(s, a) && subnet_parse(subnet_format(s, buf), &again, NULL) == 0);
	check(again.base == s.base && again.prefix == s.prefix);
	if (s.prefix < 16 || ipam_pool_new(s, NULL, &pool) < 0)
		return;
	while (ipam_take(pool, &a) == 0)
		check(subnet_has(s, a) && ipam_take_exact(pool, a) == -EADDRINUSE);
	ipam_pool_free(pool);
}

static void check_mac(const char *text)
{
	uint8_t mac[6], again[6];
	char buf[18];

	if (mac_parse(text, mac) == 0)
		check(mac_parse(mac_format(mac, buf), again) == 0 && memcmp(mac, again, 6) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json *doc = NULL;

	if (size > 65536 || json_parse((const char *)data, size, 0, &doc, NULL) < 0)
		return 0;
	check_ports(doc);
	check_address(json_string(json_at(doc, "Address")));
	check_subnet(json_string(json_at(doc, "Subnet")));
	check_mac(json_string(json_at(doc, "Mac")));
	json_free(doc);
	return 0;
}
