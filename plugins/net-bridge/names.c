/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/net-bridge/driver.h"

#include "lib/base/id.h"
#include "lib/base/path.h"
#include "lib/base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* FNV-1a, 64 bits. */
static uint64_t hash(const char *text)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (const char *p = text; *p; p++)
		h = (h ^ (uint8_t)*p) * UINT64_C(1099511628211);
	return h;
}

static void name_of(const char *prefix, int digits, const char *id, char buf[LINK_NAME_SIZE])
{
	char hex[17];

	snprintf(hex, sizeof hex, "%016llx", (unsigned long long)hash(id));
	path_format(buf, LINK_NAME_SIZE, "%s%.*s", prefix, digits, id_is_valid(id) ? id : hex);
}

void bridge_link_name(const char *id, char buf[LINK_NAME_SIZE])
{
	name_of("br-", 12, id, buf);
}

void port_link_name(const char *id, char buf[LINK_NAME_SIZE])
{
	name_of("gv", 13, id, buf);
}

void link_alias(const struct gty_network *nw, const char *id, char buf[LINK_ALIAS_SIZE])
{
	snprintf(buf, LINK_ALIAS_SIZE, "gantry:%s:%s", nw->host->instance, id);
}

const char *alias_id(const struct gty_network *nw, const char *alias)
{
	char ours[LINK_ALIAS_SIZE];

	link_alias(nw, "", ours);
	return str_after(alias, ours);
}

bool alias_is_foreign(const struct gty_network *nw, const char *alias)
{
	return str_after(alias, "gantry:") && !alias_id(nw, alias);
}

void mac_of_id(const char *id, uint8_t ret[6])
{
	uint64_t h = hash(id);

	ret[0] = 0x02;
	ret[1] = 0x42;
	for (int i = 2; i < 6; i++)
		ret[i] = (uint8_t)(h >> (8 * i));
}

int parse_cidr(const char *text, uint32_t *ret, unsigned *ret_prefix)
{
	char address[INET_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	uint64_t prefix = 32;
	struct in_addr a;

	if (n >= sizeof address || (slash && str_to_u64(slash + 1, 10, 0, 32, &prefix) < 0))
		return -EINVAL;
	memcpy(address, text, n);
	address[n] = '\0';
	if (inet_pton(AF_INET, address, &a) != 1)
		return -EINVAL;
	*ret = a.s_addr;
	*ret_prefix = (unsigned)prefix;
	return 0;
}

int parse_mac(const char *text, uint8_t ret[6])
{
	unsigned v[6];
	int end = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &end) != 6 ||
		text[end])
		return -EINVAL;
	for (int i = 0; i < 6; i++)
		ret[i] = (uint8_t)v[i];
	return ret[0] & 1 ? -EINVAL : 0;
}

const char *format_mac(const uint8_t mac[6], char buf[18])
{
	snprintf(buf, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return buf;
}
