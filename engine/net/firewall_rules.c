/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two tables.  In nft's words, for a network N on link L with subnet S:
 *
 *	table ip gantry-<instance> {
 *	  chain raw      { hook prerouting -300   iifname @links ip daddr 127.0.0.0/8 drop }
 *	  chain nat-in   { hook prerouting -100   fib daddr type local dnat to ip daddr . meta l4proto . th
 *dport map @ports-at fib daddr type local dnat to meta l4proto . th dport map @ports } chain nat-host { hook
 *output -100       the same two } chain nat-out  { hook postrouting 100   oifname L ip saddr S ct status dnat
 *masquerade oifname L ip saddr 127.0.0.0/8 masquerade oifname != L ip saddr S masquerade } chain forward  {
 *hook forward 0         ct state established,related accept iifname . oifname @same accept iifname @internal
 *drop oifname @guarded jump guard } chain guard    {                        ct status dnat accept ip daddr .
 *meta l4proto . th dport @open accept drop }
 *	}
 *	table bridge gantry-<instance> {
 *	  chain spoof    { hook prerouting -300   ether type arp iifname . arp saddr ip @gateways drop
 *	                                          ether type ip6 ip6 nexthdr icmpv6 icmpv6 type
 *nd-router-advert meta ibrname @ours drop } chain apart    { hook forward 0         meta ibrname @apart:
 *permits in both directions, else drop }
 *	}
 *
 * The links of the family bridge are the ports of containers: not every kernel can name a frame's bridge.
 * The first rule of raw is there since route_localnet is on for the links: without it a container could reach
 *what listens on the host's loopback.
 */
#include "engine/net/firewall_state.h"

#include "lib/base/path.h"

#include <arpa/inet.h>
#include <gantry/network.h>
#include <linux/if_ether.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/in.h>
#include <string.h>

#define R(n)     (NFT_REG32_00 + (n))
#define LINK_LEN 16

/* ---- keys -------------------------------------------------------------------------------- */
struct port_key {
	uint32_t proto, port; /* each field of a key begins at four bytes */
};
struct port_at_key {
	uint32_t address, proto, port;
};
struct target {
	uint32_t address, port;
};
struct permit_key {
	uint32_t from, to, proto, port;
};

/* A byte or two at the beginning of four, as registers hold them. */
static uint32_t field8(uint8_t v)
{
	uint32_t r = 0;

	memcpy(&r, &v, 1);
	return r;
}

static uint32_t field16(uint16_t v)
{
	uint32_t r = 0;

	v = htons(v);
	memcpy(&r, &v, 2);
	return r;
}

/* ---- sets -------------------------------------------------------------------------------- */
static const struct nft_set ip_sets[] = {
	{ "ports", NFT_TYPE2(NFT_TYPE_PROTO, NFT_TYPE_SERVICE), 8,
		NFT_TYPE2(NFT_TYPE_IPADDR, NFT_TYPE_SERVICE), 8 },
	{ "ports-at", NFT_TYPE3(NFT_TYPE_IPADDR, NFT_TYPE_PROTO, NFT_TYPE_SERVICE), 12,
		NFT_TYPE2(NFT_TYPE_IPADDR, NFT_TYPE_SERVICE), 8 },
	{ "open", NFT_TYPE3(NFT_TYPE_IPADDR, NFT_TYPE_PROTO, NFT_TYPE_SERVICE), 12, 0, 0 },
	{ "links", NFT_TYPE_IFNAME, LINK_LEN, 0, 0 },
	{ "guarded", NFT_TYPE_IFNAME, LINK_LEN, 0, 0 },
	{ "internal", NFT_TYPE_IFNAME, LINK_LEN, 0, 0 },
	{ "same", NFT_TYPE2(NFT_TYPE_IFNAME, NFT_TYPE_IFNAME), 2 * LINK_LEN, 0, 0 },
};
static const struct nft_set bridge_sets[] = {
	{ "ours", NFT_TYPE_IFNAME, LINK_LEN, 0, 0 },
	{ "apart", NFT_TYPE_IFNAME, LINK_LEN, 0, 0 },
	{ "gateways", NFT_TYPE2(NFT_TYPE_IFNAME, NFT_TYPE_IPADDR), LINK_LEN + 4, 0, 0 },
	{ "permits", NFT_TYPE4(NFT_TYPE_IPADDR, NFT_TYPE_IPADDR, NFT_TYPE_PROTO, NFT_TYPE_SERVICE), 16, 0,
		0 },
};

static void put_sets(struct netlink_batch *b, struct nft_table t, const struct nft_set *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		nft_add_set(b, t, &v[i]);
}

/* One element in a message of its own: what changes is one or few. */
static void put_element(struct netlink_batch *b, struct nft_table t, const char *set, bool remove,
	const void *key, size_t key_len, const void *data, size_t data_len, const char *comment)
{
	struct nft_elements e;

	nft_elements_begin(b, t, set, remove, &e);
	nft_element(b, key, key_len, data, data_len, comment);
	nft_elements_end(b, &e);
}

/* ---- what a network is in the sets ------------------------------------------------------------ */
static void put_link(struct netlink_batch *b, struct nft_table t, const char *set, bool remove,
	const char *link, const char *id)
{
	char key[LINK_LEN] = { 0 };

	path_format(key, sizeof key, "%s", link);
	put_element(b, t, set, remove, key, sizeof key, NULL, 0, id);
}

static void put_network(struct firewall *fw, struct netlink_batch *b, const struct fw_network *n)
{
	char same[2][LINK_LEN] = { 0 };

	put_link(b, fw_ip(fw), "links", false, n->link, NULL);
	if (n->n.facts & GTY_NETF_GUARD)
		put_link(b, fw_ip(fw), "guarded", false, n->link, NULL);
	if (n->n.internal)
		put_link(b, fw_ip(fw), "internal", false, n->link, NULL);
	path_format(same[0], LINK_LEN, "%s", n->link);
	path_format(same[1], LINK_LEN, "%s", n->link);
	put_element(b, fw_ip(fw), "same", false, same, sizeof same, NULL, 0, NULL);
}

/* ---- what a container is ------------------------------------------------------------------------ */
static void put_port(struct firewall *fw, struct netlink_batch *b, const struct firewall_port *p,
	const char *id, bool remove)
{
	const struct target to = { htonl(p->address), field16(p->port) };

	if (p->routed) {
		const struct port_at_key key = { htonl(p->address), field8(p->proto), field16(p->port) };
		put_element(b, fw_ip(fw), "open", remove, &key, sizeof key, NULL, 0, id);
	} else if (p->host_ip) {
		const struct port_at_key key = { htonl(p->host_ip), field8(p->proto), field16(p->host_port) };
		put_element(b, fw_ip(fw), "ports-at", remove, &key, sizeof key, &to, sizeof to, id);
	} else {
		const struct port_key key = { field8(p->proto), field16(p->host_port) };
		put_element(b, fw_ip(fw), "ports", remove, &key, sizeof key, &to, sizeof to, id);
	}
}

static void put_port_link(
	struct firewall *fw, struct netlink_batch *b, const struct fw_link *l, const char *id, bool remove)
{
	const struct fw_network *n = fw_network_of(fw, l->network);
	struct {
		char link[LINK_LEN];
		uint32_t gateway;
	} gateway = { 0 };

	if (n && (n->n.facts & GTY_NETF_NO_ICC))
		put_link(b, fw_bridge(fw), "apart", remove, l->port, id);
	if (!n || !n->n.gateway)
		return;
	put_link(b, fw_bridge(fw), "ours", remove, l->port, id);
	gateway.gateway = htonl(n->n.gateway);
	path_format(gateway.link, LINK_LEN, "%s", l->port);
	put_element(b, fw_bridge(fw), "gateways", remove, &gateway, sizeof gateway, NULL, 0, id);
}

void fw_put_container(struct firewall *fw, struct netlink_batch *b, const struct fw_container *c, bool remove)
{
	for (size_t i = 0; i < c->n_links; i++)
		put_port_link(fw, b, &c->links[i], c->id, remove);
	for (size_t i = 0; i < c->n_ports; i++)
		put_port(fw, b, &c->ports[i], c->id, remove);
	for (size_t i = 0; i < c->n_permits; i++) {
		const struct firewall_permit *p = &c->permits[i];
		const struct permit_key key = { htonl(p->from), htonl(p->to), field8(p->proto),
			field16(p->port) };
		put_element(b, fw_bridge(fw), "permits", remove, &key, sizeof key, NULL, 0, c->id);
	}
}

/* ---- rules of the family ip ------------------------------------------------------------------------ */
static void load_port(struct netlink_batch *b, uint32_t reg)
{
	nft_meta(b, NFT_META_L4PROTO, reg);
	nft_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, reg + 1);
}

static void put_translations(struct netlink_batch *b, struct nft_table t, const char *chain)
{
	struct nft_rule r;

	nft_rule_begin(b, t, chain, NULL, &r);
	nft_destination_is_local(b, R(0));
	nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, 16, 4, R(0));
	load_port(b, R(1));
	nft_map(b, "ports-at", R(0), R(0));
	nft_dnat(b, R(0), R(1));
	nft_rule_end(b, &r);
	nft_rule_begin(b, t, chain, NULL, &r);
	nft_destination_is_local(b, R(0));
	load_port(b, R(0));
	nft_map(b, "ports", R(0), R(0));
	nft_dnat(b, R(0), R(1));
	nft_rule_end(b, &r);
}

static void match_address(struct netlink_batch *b, uint32_t offset, struct subnet s)
{
	const uint32_t mask = htonl(subnet_mask(s.prefix)), base = htonl(s.base);

	nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, offset, 4, R(0));
	nft_mask(b, R(0), mask);
	nft_cmp(b, NFT_CMP_EQ, R(0), &base, sizeof base);
}

static void match_status_dnat(struct netlink_batch *b)
{
	const uint32_t zero = 0;

	nft_ct(b, NFT_CT_STATUS, R(0));
	nft_mask(b, R(0), IPS_DST_NAT);
	nft_cmp(b, NFT_CMP_NEQ, R(0), &zero, sizeof zero);
}

static void put_masquerade(struct firewall *fw, struct netlink_batch *b, const struct fw_network *n)
{
	const struct subnet loopback = { 0x7f000000, 8 };
	struct nft_rule r;

	nft_rule_begin(b, fw_ip(fw), "nat-out", NULL, &r);
	nft_meta(b, NFT_META_OIFNAME, R(0));
	nft_cmp_link(b, NFT_CMP_EQ, R(0), n->link);
	match_address(b, 12, n->n.subnet);
	match_status_dnat(b);
	nft_masquerade(b);
	nft_rule_end(b, &r);
	nft_rule_begin(b, fw_ip(fw), "nat-out", NULL, &r);
	nft_meta(b, NFT_META_OIFNAME, R(0));
	nft_cmp_link(b, NFT_CMP_EQ, R(0), n->link);
	match_address(b, 12, loopback);
	nft_masquerade(b);
	nft_rule_end(b, &r);
	if (!(n->n.facts & GTY_NETF_MASQUERADE))
		return;
	nft_rule_begin(b, fw_ip(fw), "nat-out", NULL, &r);
	nft_meta(b, NFT_META_OIFNAME, R(0));
	nft_cmp_link(b, NFT_CMP_NEQ, R(0), n->link);
	match_address(b, 12, n->n.subnet);
	nft_masquerade(b);
	nft_rule_end(b, &r);
}

static void put_raw(struct firewall *fw, struct netlink_batch *b)
{
	const struct subnet loopback = { 0x7f000000, 8 };
	struct nft_rule r;

	nft_rule_begin(b, fw_ip(fw), "raw", NULL, &r);
	nft_meta(b, NFT_META_IIFNAME, R(0));
	nft_lookup(b, "links", R(0), false);
	match_address(b, 16, loopback);
	nft_verdict(b, NF_DROP, NULL);
	nft_rule_end(b, &r);
}

static void put_forward(struct firewall *fw, struct netlink_batch *b)
{
	const uint32_t zero = 0, known = NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED);
	struct nft_rule r;

	nft_rule_begin(b, fw_ip(fw), "forward", NULL, &r);
	nft_ct(b, NFT_CT_STATE, R(0));
	nft_mask(b, R(0), known);
	nft_cmp(b, NFT_CMP_NEQ, R(0), &zero, sizeof zero);
	nft_verdict(b, NF_ACCEPT, NULL);
	nft_rule_end(b, &r);
	nft_rule_begin(b, fw_ip(fw), "forward", NULL, &r);
	nft_meta(b, NFT_META_IIFNAME, R(0));
	nft_meta(b, NFT_META_OIFNAME, R(4));
	nft_lookup(b, "same", R(0), false);
	nft_verdict(b, NF_ACCEPT, NULL);
	nft_rule_end(b, &r);
	nft_rule_begin(b, fw_ip(fw), "forward", NULL, &r);
	nft_meta(b, NFT_META_IIFNAME, R(0));
	nft_lookup(b, "internal", R(0), false);
	nft_verdict(b, NF_DROP, NULL);
	nft_rule_end(b, &r);
	nft_rule_begin(b, fw_ip(fw), "forward", NULL, &r);
	nft_meta(b, NFT_META_OIFNAME, R(0));
	nft_lookup(b, "guarded", R(0), false);
	nft_verdict(b, NFT_JUMP, "guard");
	nft_rule_end(b, &r);
}

static void put_guard(struct firewall *fw, struct netlink_batch *b)
{
	struct nft_rule r;

	nft_rule_begin(b, fw_ip(fw), "guard", NULL, &r);
	match_status_dnat(b);
	nft_verdict(b, NF_ACCEPT, NULL);
	nft_rule_end(b, &r);
	nft_rule_begin(b, fw_ip(fw), "guard", NULL, &r);
	nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, 16, 4, R(0));
	load_port(b, R(1));
	nft_lookup(b, "open", R(0), false);
	nft_verdict(b, NF_ACCEPT, NULL);
	nft_rule_end(b, &r);
	nft_rule_begin(b, fw_ip(fw), "guard", NULL, &r);
	nft_verdict(b, NF_DROP, NULL);
	nft_rule_end(b, &r);
}

static void put_ip(struct firewall *fw, struct netlink_batch *b)
{
	struct nft_table t = fw_ip(fw);

	put_sets(b, t, ip_sets, sizeof ip_sets / sizeof ip_sets[0]);
	nft_add_chain(b, t, "raw", "filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW);
	nft_add_chain(b, t, "nat-in", "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST);
	nft_add_chain(b, t, "nat-host", "nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST);
	nft_add_chain(b, t, "nat-out", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC);
	nft_add_chain(b, t, "forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER);
	nft_add_chain(b, t, "guard", NULL, 0, 0);
	put_raw(fw, b);
	put_translations(b, t, "nat-in");
	put_translations(b, t, "nat-host");
	put_forward(fw, b);
	put_guard(fw, b);
}

/* ---- rules of the family bridge --------------------------------------------------------------------- */
static void match_ether(struct netlink_batch *b, uint16_t type)
{
	const uint16_t be = htons(type);

	nft_meta(b, NFT_META_PROTOCOL, R(0));
	nft_cmp(b, NFT_CMP_EQ, R(0), &be, sizeof be);
}

static void put_spoof(struct firewall *fw, struct netlink_batch *b)
{
	struct nft_rule r;

	nft_rule_begin(b, fw_bridge(fw), "spoof", NULL, &r);
	match_ether(b, ETH_P_ARP);
	nft_meta(b, NFT_META_IIFNAME, R(0));
	nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, 14, 4, R(4)); /* the sender's address */
	nft_lookup(b, "gateways", R(0), false);
	nft_verdict(b, NF_DROP, NULL);
	nft_rule_end(b, &r);
	nft_rule_begin(b, fw_bridge(fw), "spoof", NULL, &r);
	match_ether(b, ETH_P_IPV6);
	nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, 6, 1, R(0));
	nft_cmp_u8(b, NFT_CMP_EQ, R(0), IPPROTO_ICMPV6);
	nft_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, R(0));
	nft_cmp_u8(b, NFT_CMP_EQ, R(0), 134 /* router advertisement */);
	nft_meta(b, NFT_META_IIFNAME, R(0));
	nft_lookup(b, "ours", R(0), false);
	nft_verdict(b, NF_DROP, NULL);
	nft_rule_end(b, &r);
}

static void put_permit(
	struct firewall *fw, struct netlink_batch *b, uint32_t from, uint32_t to, uint32_t port)
{
	struct nft_rule r;

	nft_rule_begin(b, fw_bridge(fw), "apart", NULL, &r);
	match_ether(b, ETH_P_IP);
	nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, from, 4, R(0));
	nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, to, 4, R(1));
	nft_meta(b, NFT_META_L4PROTO, R(2));
	nft_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, port, 2, R(3));
	nft_lookup(b, "permits", R(0), false);
	nft_verdict(b, NF_ACCEPT, NULL);
	nft_rule_end(b, &r);
}

static void put_drop_apart(struct firewall *fw, struct netlink_batch *b, uint16_t type)
{
	struct nft_rule r;

	nft_rule_begin(b, fw_bridge(fw), "apart", NULL, &r);
	match_ether(b, type);
	nft_meta(b, NFT_META_IIFNAME, R(0));
	nft_lookup(b, "apart", R(0), false);
	nft_verdict(b, NF_DROP, NULL);
	nft_rule_end(b, &r);
}

static void put_bridge(struct firewall *fw, struct netlink_batch *b)
{
	struct nft_table t = fw_bridge(fw);

	put_sets(b, t, bridge_sets, sizeof bridge_sets / sizeof bridge_sets[0]);
	nft_add_chain(b, t, "spoof", "filter", NF_INET_PRE_ROUTING, -300);
	nft_add_chain(b, t, "apart", "filter", NF_INET_FORWARD, 0);
	put_spoof(fw, b);
	put_permit(fw, b, 12, 16, 2); /* a question */
	put_permit(fw, b, 16, 12, 0); /* its answer: there is no connection tracking here */
	put_drop_apart(fw, b, ETH_P_IP);
	put_drop_apart(fw, b, ETH_P_IPV6);
}

/* ---- the whole ----------------------------------------------------------------------------------------- */
static void renew_table(struct netlink_batch *b, struct nft_table t)
{
	nft_add_table(b, t); /* so that there is one to delete */
	nft_delete_table(b, t);
	nft_add_table(b, t);
}

void fw_put_removal(struct netlink_batch *b, const char *table)
{
	static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_BRIDGE };

	nft_begin(b);
	for (size_t i = 0; i < sizeof families; i++) {
		nft_add_table(b, (struct nft_table){ families[i], table });
		nft_delete_table(b, (struct nft_table){ families[i], table });
	}
	nft_end(b);
}

void fw_put_all(struct firewall *fw, struct netlink_batch *b)
{
	nft_begin(b);
	renew_table(b, fw_ip(fw));
	renew_table(b, fw_bridge(fw));
	put_ip(fw, b);
	put_bridge(fw, b);
	for (const struct fw_network *n = fw->networks; n; n = n->next) {
		put_network(fw, b, n);
		put_masquerade(fw, b, n);
	}
	for (size_t i = 0; i < FIREWALL_BUCKETS; i++)
		for (const struct fw_container *c = fw->containers[i]; c; c = c->next)
			fw_put_container(fw, b, c, false);
	nft_end(b);
}
