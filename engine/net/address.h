/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 addresses and subnets as text.  Addresses in this folder are in host byte order, unless a name says
 * net. */
#ifndef GANTRY_ENGINE_NET_ADDRESS_H
#define GANTRY_ENGINE_NET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

struct subnet {
	uint32_t base;
	unsigned prefix; /* 0 to 32 */
};

#define ADDRESS_SIZE 16
#define CIDR_SIZE    19

/* -EINVAL. */
int address_parse(const char *text, uint32_t *ret);
const char *address_format(uint32_t address, char buf[ADDRESS_SIZE]);

/* "10.0.0.5/24": ret_address may have bits behind the prefix (NULL: they are dropped).  -EINVAL. */
int subnet_parse(const char *text, struct subnet *ret, uint32_t *ret_address);
const char *subnet_format(struct subnet s, char buf[CIDR_SIZE]);
const char *cidr_format(uint32_t address, unsigned prefix, char buf[CIDR_SIZE]);

uint32_t subnet_mask(unsigned prefix);
bool subnet_has(struct subnet s, uint32_t address);
bool subnet_is_within(struct subnet inner, struct subnet outer);
bool subnet_overlaps(struct subnet a, struct subnet b);

/* "02:42:ac:11:00:02", also with '-'; a group address is refused.  -EINVAL. */
int mac_parse(const char *text, uint8_t ret[6]);
const char *mac_format(const uint8_t mac[6], char buf[18]);

#endif
