/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/net/address.h"

#include "lib/base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int address_parse(const char *text, uint32_t *ret)
{
	struct in_addr a;

	if (!text || inet_pton(AF_INET, text, &a) != 1)
		return -EINVAL;
	*ret = ntohl(a.s_addr);
	return 0;
}

const char *address_format(uint32_t address, char buf[ADDRESS_SIZE])
{
	struct in_addr a = { htonl(address) };

	inet_ntop(AF_INET, &a, buf, ADDRESS_SIZE);
	return buf;
}

uint32_t subnet_mask(unsigned prefix)
{
	return prefix == 0 ? 0 : UINT32_MAX << (32 - prefix);
}

int subnet_parse(const char *text, struct subnet *ret, uint32_t *ret_address)
{
	char head[ADDRESS_SIZE];
	const char *slash = text ? strchr(text, '/') : NULL;
	uint64_t prefix;
	uint32_t address;

	if (!slash || (size_t)(slash - text) >= sizeof head || str_to_u64(slash + 1, 10, 0, 32, &prefix) < 0)
		return -EINVAL;
	memcpy(head, text, (size_t)(slash - text));
	head[slash - text] = '\0';
	if (address_parse(head, &address) < 0)
		return -EINVAL;
	*ret = (struct subnet){ address & subnet_mask((unsigned)prefix), (unsigned)prefix };
	if (ret_address)
		*ret_address = address;
	return 0;
}

const char *cidr_format(uint32_t address, unsigned prefix, char buf[CIDR_SIZE])
{
	char text[ADDRESS_SIZE];

	snprintf(buf, CIDR_SIZE, "%s/%u", address_format(address, text), prefix);
	return buf;
}

const char *subnet_format(struct subnet s, char buf[CIDR_SIZE])
{
	return cidr_format(s.base, s.prefix, buf);
}

bool subnet_has(struct subnet s, uint32_t address)
{
	return (address & subnet_mask(s.prefix)) == s.base;
}

bool subnet_is_within(struct subnet inner, struct subnet outer)
{
	return inner.prefix >= outer.prefix && subnet_has(outer, inner.base);
}

bool subnet_overlaps(struct subnet a, struct subnet b)
{
	return subnet_has(a, b.base) || subnet_has(b, a.base);
}

int mac_parse(const char *text, uint8_t ret[6])
{
	unsigned v[6];
	char sep[5];
	int end = 0;

	if (!text ||
		sscanf(text, "%2x%c%2x%c%2x%c%2x%c%2x%c%2x%n", &v[0], &sep[0], &v[1], &sep[1], &v[2], &sep[2],
			&v[3], &sep[3], &v[4], &sep[4], &v[5], &end) != 11 ||
		text[end] || strlen(text) != 17)
		return -EINVAL;
	for (int i = 0; i < 5; i++)
		if (sep[i] != ':' && sep[i] != '-')
			return -EINVAL;
	if (v[0] & 1)
		return -EINVAL;
	for (int i = 0; i < 6; i++)
		ret[i] = (uint8_t)v[i];
	return 0;
}

const char *mac_format(const uint8_t mac[6], char buf[18])
{
	snprintf(buf, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return buf;
}
