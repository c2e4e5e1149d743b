/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that the kernel remembers (ctnetlink).  A translation is chosen with a flow's first packet: a
 * UDP client that goes on talking would reach an address that is gone, or not reach one that has come.
 */
#include "engine/net/firewall.h"
#include "lib/netlink/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>

struct tuple {
	uint32_t from, to; /* network order */
	uint16_t from_port, to_port;
	uint8_t proto;
};

struct hunt {
	bool (*wanted)(const struct hunt *h, const struct tuple *original, const struct tuple *reply);
	uint32_t address; /* network order */
	const struct conntrack_port *ports;
	size_t n_ports;
	struct netlink_batch remove;
	unsigned n;
};

static bool read_tuple(const struct nlattr *a, struct tuple *ret)
{
	struct nlattr *tb[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1], *pr[CTA_PROTO_MAX + 1];

	*ret = (struct tuple){ 0 };
	if (!a || nla_parse_nested(tb, CTA_TUPLE_MAX, (struct nlattr *)(uintptr_t)a, NULL) < 0 ||
		!tb[CTA_TUPLE_IP] || !tb[CTA_TUPLE_PROTO] ||
		nla_parse_nested(ip, CTA_IP_MAX, tb[CTA_TUPLE_IP], NULL) < 0 ||
		nla_parse_nested(pr, CTA_PROTO_MAX, tb[CTA_TUPLE_PROTO], NULL) < 0 || !ip[CTA_IP_V4_SRC] ||
		!ip[CTA_IP_V4_DST] || !pr[CTA_PROTO_NUM])
		return false;
	ret->from = nla_get_u32(ip[CTA_IP_V4_SRC]);
	ret->to = nla_get_u32(ip[CTA_IP_V4_DST]);
	ret->proto = nla_get_u8(pr[CTA_PROTO_NUM]);
	if (pr[CTA_PROTO_SRC_PORT] && pr[CTA_PROTO_DST_PORT]) {
		ret->from_port = ntohs(nla_get_u16(pr[CTA_PROTO_SRC_PORT]));
		ret->to_port = ntohs(nla_get_u16(pr[CTA_PROTO_DST_PORT]));
	}
	return true;
}

static int look(void *ctx, const struct nlmsghdr *h)
{
	const struct nfgenmsg g = { .nfgen_family = AF_INET, .version = NFNETLINK_V0 };
	struct hunt *hunt = ctx;
	struct nlattr *tb[CTA_MAX + 1];
	struct tuple original, reply;

	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof g, tb, CTA_MAX, NULL) < 0 ||
		!read_tuple(tb[CTA_TUPLE_ORIG], &original) || !read_tuple(tb[CTA_TUPLE_REPLY], &reply) ||
		!hunt->wanted(hunt, &original, &reply))
		return 0;
	/* By its tuple and its number: one that took its place meanwhile stays. */
	netlink_add(&hunt->remove, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, 0, &g, sizeof g);
	netlink_put(&hunt->remove, CTA_TUPLE_ORIG | NLA_F_NESTED, nla_data(tb[CTA_TUPLE_ORIG]),
		(size_t)nla_len(tb[CTA_TUPLE_ORIG]));
	if (tb[CTA_ID])
		netlink_put(&hunt->remove, CTA_ID, nla_data(tb[CTA_ID]), (size_t)nla_len(tb[CTA_ID]));
	hunt->n++;
	return 0;
}

static int run(struct netlink *nl, struct hunt *hunt)
{
	const struct nfgenmsg g = { .nfgen_family = AF_INET, .version = NFNETLINK_V0 };
	struct netlink_batch b = { 0 };

	netlink_add(&b, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, NLM_F_DUMP, &g, sizeof g);
	int r = netlink_query(nl, &b, look, hunt);
	if (r == 0)
		r = netlink_commit(nl, &hunt->remove, NULL);
	netlink_batch_done(&hunt->remove);
	return r == -ENOENT ? 0 : r; /* it ended meanwhile */
}

static bool has_address(const struct hunt *h, const struct tuple *o, const struct tuple *r)
{
	return o->from == h->address || o->to == h->address || r->from == h->address || r->to == h->address;
}

int conntrack_forget_address(struct netlink *nl, uint32_t address)
{
	struct hunt h = { .wanted = has_address, .address = htonl(address) };

	return run(nl, &h);
}

static bool goes_elsewhere(const struct hunt *h, const struct tuple *o, const struct tuple *r)
{
	for (size_t i = 0; i < h->n_ports && o->proto == IPPROTO_UDP; i++)
		if (o->to_port == h->ports[i].host_port && r->from != htonl(h->ports[i].address))
			return true;
	return false;
}

int conntrack_forget_ports(struct netlink *nl, const struct conntrack_port *v, size_t n)
{
	struct hunt h = { .wanted = goes_elsewhere, .ports = v, .n_ports = n };

	return n ? run(nl, &h) : 0;
}
