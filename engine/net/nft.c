/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/net/nft.h"

#include "lib/base/path.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#define LINK_SIZE 16

static void batch_mark(struct netlink_batch *b, int type)
{
	const struct nfgenmsg g = {
		.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES)
	};

	netlink_add_silent(b, type, 0, &g, sizeof g);
}

void nft_begin(struct netlink_batch *b)
{
	batch_mark(b, NFNL_MSG_BATCH_BEGIN);
}

void nft_end(struct netlink_batch *b)
{
	batch_mark(b, NFNL_MSG_BATCH_END);
}

static void add(struct netlink_batch *b, int message, int flags, uint8_t family)
{
	const struct nfgenmsg g = { .nfgen_family = family, .version = NFNETLINK_V0 };

	netlink_add(b, NFNL_SUBSYS_NFTABLES << 8 | message, flags, &g, sizeof g);
}

void nft_add_table(struct netlink_batch *b, struct nft_table t)
{
	add(b, NFT_MSG_NEWTABLE, NLM_F_CREATE, t.family);
	netlink_put_text(b, NFTA_TABLE_NAME, t.name);
}

void nft_add_new_table(struct netlink_batch *b, struct nft_table t)
{
	add(b, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, t.family);
	netlink_put_text(b, NFTA_TABLE_NAME, t.name);
}

void nft_delete_table(struct netlink_batch *b, struct nft_table t)
{
	add(b, NFT_MSG_DELTABLE, 0, t.family);
	netlink_put_text(b, NFTA_TABLE_NAME, t.name);
}

void nft_add_chain(struct netlink_batch *b, struct nft_table t, const char *name, const char *type, int hook,
	int priority)
{
	add(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, t.family);
	netlink_put_text(b, NFTA_CHAIN_TABLE, t.name);
	netlink_put_text(b, NFTA_CHAIN_NAME, name);
	if (!type)
		return;
	netlink_put_text(b, NFTA_CHAIN_TYPE, type);
	size_t h = netlink_nest(b, NFTA_CHAIN_HOOK);
	netlink_put_be32(b, NFTA_HOOK_HOOKNUM, (uint32_t)hook);
	netlink_put_be32(b, NFTA_HOOK_PRIORITY, (uint32_t)priority);
	netlink_nest_end(b, h);
}

/* ---- sets ------------------------------------------------------------------------------- */
void nft_add_set(struct netlink_batch *b, struct nft_table t, const struct nft_set *s)
{
	add(b, NFT_MSG_NEWSET, NLM_F_CREATE, t.family);
	netlink_put_text(b, NFTA_SET_TABLE, t.name);
	netlink_put_text(b, NFTA_SET_NAME, s->name);
	netlink_put_be32(b, NFTA_SET_FLAGS, s->data_len ? NFT_SET_MAP : 0);
	netlink_put_be32(b, NFTA_SET_ID, b->n);
	netlink_put_be32(b, NFTA_SET_KEY_TYPE, s->key_type);
	netlink_put_be32(b, NFTA_SET_KEY_LEN, s->key_len);
	/* For nft(8), which else reads names backwards: libnftnl's record of the key's byte order (0), the
	 * host's (1). */
	if (s->key_type == NFT_TYPE_IFNAME)
		netlink_put(b, NFTA_SET_USERDATA, (const uint8_t[]){ 0, 4, 1, 0, 0, 0 }, 6);
	if (s->data_len) {
		netlink_put_be32(b, NFTA_SET_DATA_TYPE, s->data_type);
		netlink_put_be32(b, NFTA_SET_DATA_LEN, s->data_len);
	}
}

void nft_elements_begin(
	struct netlink_batch *b, struct nft_table t, const char *set, bool remove, struct nft_elements *e)
{
	add(b, remove ? NFT_MSG_DELSETELEM : NFT_MSG_NEWSETELEM, remove ? 0 : NLM_F_CREATE, t.family);
	netlink_put_text(b, NFTA_SET_ELEM_LIST_TABLE, t.name);
	netlink_put_text(b, NFTA_SET_ELEM_LIST_SET, set);
	e->list = netlink_nest(b, NFTA_SET_ELEM_LIST_ELEMENTS);
}

static void put_value(struct netlink_batch *b, int type, const void *data, size_t n)
{
	size_t nest = netlink_nest(b, type);

	netlink_put(b, NFTA_DATA_VALUE, data, n);
	netlink_nest_end(b, nest);
}

/* libnftnl's records: type, length with the NUL, text; a comment has type 0. */
static void put_comment(struct netlink_batch *b, int type, const char *comment)
{
	char record[130];
	size_t n = strnlen(comment, sizeof record - 3);

	record[0] = 0;
	record[1] = (char)(n + 1);
	memcpy(record + 2, comment, n);
	record[2 + n] = '\0';
	netlink_put(b, type, record, n + 3);
}

void nft_element(struct netlink_batch *b, const void *key, size_t key_len, const void *data, size_t data_len,
	const char *comment)
{
	size_t e = netlink_nest(b, NFTA_LIST_ELEM);

	put_value(b, NFTA_SET_ELEM_KEY, key, key_len);
	if (data)
		put_value(b, NFTA_SET_ELEM_DATA, data, data_len);
	if (comment)
		put_comment(b, NFTA_SET_ELEM_USERDATA, comment);
	netlink_nest_end(b, e);
}

void nft_elements_end(struct netlink_batch *b, struct nft_elements *e)
{
	netlink_nest_end(b, e->list);
}

/* ---- rules -------------------------------------------------------------------------------- */
void nft_rule_begin(struct netlink_batch *b, struct nft_table t, const char *chain, const char *comment,
	struct nft_rule *r)
{
	add(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, t.family);
	netlink_put_text(b, NFTA_RULE_TABLE, t.name);
	netlink_put_text(b, NFTA_RULE_CHAIN, chain);
	if (comment)
		put_comment(b, NFTA_RULE_USERDATA, comment);
	r->expressions = netlink_nest(b, NFTA_RULE_EXPRESSIONS);
}

void nft_rule_end(struct netlink_batch *b, struct nft_rule *r)
{
	netlink_nest_end(b, r->expressions);
}

void nft_delete_rule(struct netlink_batch *b, struct nft_table t, const char *chain, uint64_t handle)
{
	uint64_t be = htobe64(handle);

	add(b, NFT_MSG_DELRULE, 0, t.family);
	netlink_put_text(b, NFTA_RULE_TABLE, t.name);
	netlink_put_text(b, NFTA_RULE_CHAIN, chain);
	netlink_put(b, NFTA_RULE_HANDLE, &be, sizeof be);
}

/* ---- expressions ----------------------------------------------------------------------------- */
struct expression {
	size_t element, data;
};

static struct expression begin(struct netlink_batch *b, const char *name)
{
	struct expression e = { .element = netlink_nest(b, NFTA_LIST_ELEM) };

	netlink_put_text(b, NFTA_EXPR_NAME, name);
	e.data = netlink_nest(b, NFTA_EXPR_DATA);
	return e;
}

static void end(struct netlink_batch *b, struct expression e)
{
	netlink_nest_end(b, e.data);
	netlink_nest_end(b, e.element);
}

void nft_meta(struct netlink_batch *b, uint32_t key, uint32_t reg)
{
	struct expression e = begin(b, "meta");

	netlink_put_be32(b, NFTA_META_KEY, key);
	netlink_put_be32(b, NFTA_META_DREG, reg);
	end(b, e);
}

void nft_ct(struct netlink_batch *b, uint32_t key, uint32_t reg)
{
	struct expression e = begin(b, "ct");

	netlink_put_be32(b, NFTA_CT_KEY, key);
	netlink_put_be32(b, NFTA_CT_DREG, reg);
	end(b, e);
}

void nft_payload(struct netlink_batch *b, uint32_t base, uint32_t offset, uint32_t len, uint32_t reg)
{
	struct expression e = begin(b, "payload");

	netlink_put_be32(b, NFTA_PAYLOAD_DREG, reg);
	netlink_put_be32(b, NFTA_PAYLOAD_BASE, base);
	netlink_put_be32(b, NFTA_PAYLOAD_OFFSET, offset);
	netlink_put_be32(b, NFTA_PAYLOAD_LEN, len);
	end(b, e);
}

void nft_cmp(struct netlink_batch *b, uint32_t op, uint32_t reg, const void *data, size_t n)
{
	struct expression e = begin(b, "cmp");

	netlink_put_be32(b, NFTA_CMP_SREG, reg);
	netlink_put_be32(b, NFTA_CMP_OP, op);
	put_value(b, NFTA_CMP_DATA, data, n);
	end(b, e);
}

void nft_cmp_u8(struct netlink_batch *b, uint32_t op, uint32_t reg, uint8_t v)
{
	nft_cmp(b, op, reg, &v, sizeof v);
}

void nft_cmp_link(struct netlink_batch *b, uint32_t op, uint32_t reg, const char *name)
{
	char key[LINK_SIZE] = { 0 };

	path_format(key, sizeof key, "%s", name);
	nft_cmp(b, op, reg, key, strlen(key) + 1);
}

void nft_mask(struct netlink_batch *b, uint32_t reg, uint32_t mask)
{
	const uint32_t zero = 0;
	struct expression e = begin(b, "bitwise");

	netlink_put_be32(b, NFTA_BITWISE_SREG, reg);
	netlink_put_be32(b, NFTA_BITWISE_DREG, reg);
	netlink_put_be32(b, NFTA_BITWISE_LEN, sizeof mask);
	put_value(b, NFTA_BITWISE_MASK, &mask, sizeof mask);
	put_value(b, NFTA_BITWISE_XOR, &zero, sizeof zero);
	end(b, e);
}

void nft_lookup(struct netlink_batch *b, const char *set, uint32_t reg, bool invert)
{
	struct expression e = begin(b, "lookup");

	netlink_put_text(b, NFTA_LOOKUP_SET, set);
	netlink_put_be32(b, NFTA_LOOKUP_SREG, reg);
	if (invert)
		netlink_put_be32(b, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
	end(b, e);
}

void nft_map(struct netlink_batch *b, const char *map, uint32_t reg, uint32_t to_reg)
{
	struct expression e = begin(b, "lookup");

	netlink_put_text(b, NFTA_LOOKUP_SET, map);
	netlink_put_be32(b, NFTA_LOOKUP_SREG, reg);
	netlink_put_be32(b, NFTA_LOOKUP_DREG, to_reg);
	end(b, e);
}

void nft_destination_is_local(struct netlink_batch *b, uint32_t reg)
{
	const uint32_t local = RTN_LOCAL;
	struct expression e = begin(b, "fib");

	netlink_put_be32(b, NFTA_FIB_DREG, reg);
	netlink_put_be32(b, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	netlink_put_be32(b, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	end(b, e);
	nft_cmp(b, NFT_CMP_EQ, reg, &local, sizeof local);
}

void nft_dnat(struct netlink_batch *b, uint32_t address_reg, uint32_t port_reg)
{
	struct expression e = begin(b, "nat");

	netlink_put_be32(b, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	netlink_put_be32(b, NFTA_NAT_FAMILY, NFPROTO_IPV4);
	netlink_put_be32(b, NFTA_NAT_REG_ADDR_MIN, address_reg);
	netlink_put_be32(b, NFTA_NAT_REG_PROTO_MIN, port_reg);
	end(b, e);
}

void nft_masquerade(struct netlink_batch *b)
{
	end(b, begin(b, "masq"));
}

void nft_counter(struct netlink_batch *b)
{
	end(b, begin(b, "counter"));
}

void nft_value(struct netlink_batch *b, uint32_t reg, const void *data, size_t n)
{
	struct expression e = begin(b, "immediate");

	netlink_put_be32(b, NFTA_IMMEDIATE_DREG, reg);
	size_t nest = netlink_nest(b, NFTA_IMMEDIATE_DATA);
	netlink_put(b, NFTA_DATA_VALUE, data, n);
	netlink_nest_end(b, nest);
	end(b, e);
}

void nft_verdict(struct netlink_batch *b, int verdict, const char *chain)
{
	struct expression e = begin(b, "immediate");

	netlink_put_be32(b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	size_t data = netlink_nest(b, NFTA_IMMEDIATE_DATA), v = netlink_nest(b, NFTA_DATA_VERDICT);
	netlink_put_be32(b, NFTA_VERDICT_CODE, (uint32_t)verdict);
	if (chain)
		netlink_put_text(b, NFTA_VERDICT_CHAIN, chain);
	netlink_nest_end(b, v);
	netlink_nest_end(b, data);
	end(b, e);
}
