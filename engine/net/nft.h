/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nf_tables messages for a netlink batch: tables, chains, sets, rules and their expressions.  All between
 * nft_begin and nft_end is one transaction of the kernel: all of it or nothing. Addresses and ports are given
 * in network byte order where a key is made.
 */
#ifndef GANTRY_ENGINE_NET_NFT_H
#define GANTRY_ENGINE_NET_NFT_H

#include "lib/netlink/netlink.h"

#include <arpa/inet.h> /* before the kernel's headers, which step aside then */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

/* Types of keys, by which nft(8) prints them; several are joined by NFT_TYPE2 and so on. */
enum { NFT_TYPE_IPADDR = 7, NFT_TYPE_PROTO = 12, NFT_TYPE_SERVICE = 13, NFT_TYPE_IFNAME = 41 };
#define NFT_TYPE2(a, b)       ((a) << 6 | (b))
#define NFT_TYPE3(a, b, c)    (NFT_TYPE2(a, b) << 6 | (c))
#define NFT_TYPE4(a, b, c, d) (NFT_TYPE3(a, b, c) << 6 | (d))

struct nft_table {
	uint8_t family; /* NFPROTO_* */
	const char *name;
};

void nft_begin(struct netlink_batch *b);
void nft_end(struct netlink_batch *b);

void nft_add_table(struct netlink_batch *b, struct nft_table t);
void nft_add_new_table(struct netlink_batch *b, struct nft_table t); /* -EEXIST: it is there */
void nft_delete_table(struct netlink_batch *b, struct nft_table t);

/* type "filter", "nat" or NULL (no hook). */
void nft_add_chain(struct netlink_batch *b, struct nft_table t, const char *name, const char *type, int hook,
	int priority);

struct nft_set {
	const char *name;
	uint32_t key_type, key_len;
	uint32_t data_type, data_len; /* of a map; 0: a set */
};
void nft_add_set(struct netlink_batch *b, struct nft_table t, const struct nft_set *set);

/* Elements: nft_elements_begin, elements, nft_elements_end.  A message holds NFT_ELEMENTS_MAX of them. */
#define NFT_ELEMENTS_MAX 256
struct nft_elements {
	size_t list;
};
void nft_elements_begin(
	struct netlink_batch *b, struct nft_table t, const char *set, bool remove, struct nft_elements *e);
/* data NULL: of a set.  comment: NULL or at most 127 bytes. */
void nft_element(struct netlink_batch *b, const void *key, size_t key_len, const void *data, size_t data_len,
	const char *comment);
void nft_elements_end(struct netlink_batch *b, struct nft_elements *e);

/* A rule: nft_rule_begin, expressions, nft_rule_end. */
struct nft_rule {
	size_t expressions;
	const char *comment;
};
void nft_rule_begin(struct netlink_batch *b, struct nft_table t, const char *chain, const char *comment,
	struct nft_rule *r);
void nft_rule_end(struct netlink_batch *b, struct nft_rule *r);
void nft_delete_rule(struct netlink_batch *b, struct nft_table t, const char *chain, uint64_t handle);

/* Expressions.  Registers: NFT_REG32_00 and on, four bytes each. */
void nft_meta(struct netlink_batch *b, uint32_t key, uint32_t reg);
void nft_ct(struct netlink_batch *b, uint32_t key, uint32_t reg);
void nft_payload(struct netlink_batch *b, uint32_t base, uint32_t offset, uint32_t len, uint32_t reg);
void nft_cmp(struct netlink_batch *b, uint32_t op, uint32_t reg, const void *data, size_t n);
void nft_cmp_u8(struct netlink_batch *b, uint32_t op, uint32_t reg, uint8_t v);
void nft_cmp_link(struct netlink_batch *b, uint32_t op, uint32_t reg, const char *name); /* the whole name */
void nft_mask(struct netlink_batch *b, uint32_t reg, uint32_t mask); /* as it lies in the register */
void nft_lookup(struct netlink_batch *b, const char *set, uint32_t reg, bool invert);
void nft_map(struct netlink_batch *b, const char *map, uint32_t reg, uint32_t to_reg);
void nft_destination_is_local(struct netlink_batch *b, uint32_t reg);
void nft_value(struct netlink_batch *b, uint32_t reg, const void *data, size_t n);
void nft_dnat(struct netlink_batch *b, uint32_t address_reg, uint32_t port_reg);
void nft_masquerade(struct netlink_batch *b);
void nft_counter(struct netlink_batch *b);
void nft_verdict(
	struct netlink_batch *b, int verdict, const char *chain); /* NF_ACCEPT, NF_DROP, NFT_JUMP ... */

#endif
