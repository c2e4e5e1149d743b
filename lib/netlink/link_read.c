/* SPDX-License-Identifier: Apache-2.0 */
/* Links, addresses, routes as the kernel tells them. */
#include "lib/netlink/link.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void copy_text(const struct nlattr *a, char *buf, size_t size)
{
	buf[0] = '\0';
	if (a)
		snprintf(buf, size, "%.*s", nla_len(a), (const char *)nla_data(a));
}

static uint32_t get_u32(const struct nlattr *a)
{
	return a && nla_len(a) >= 4 ? nla_get_u32(a) : 0;
}

static int read_link(const struct nlmsghdr *h, struct link_info *ret)
{
	struct nlattr *tb[IFLA_MAX + 1];

	if (h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < NLMSG_HDRLEN + sizeof(struct ifinfomsg) ||
		nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(struct ifinfomsg), tb, IFLA_MAX, NULL) <
			0)
		return -EBADMSG;
	const struct ifinfomsg *m = nlmsg_data(h);
	*ret = (struct link_info){ .index = m->ifi_index,
		.flags = m->ifi_flags,
		.mtu = get_u32(tb[IFLA_MTU]),
		.master = (int)get_u32(tb[IFLA_MASTER]),
		.peer_nsid = tb[IFLA_LINK_NETNSID] ? (int)get_u32(tb[IFLA_LINK_NETNSID]) : -1 };
	copy_text(tb[IFLA_IFNAME], ret->name, sizeof ret->name);
	copy_text(tb[IFLA_IFALIAS], ret->alias, sizeof ret->alias);
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == 6)
		memcpy(ret->mac, nla_data(tb[IFLA_ADDRESS]), 6);
	if (tb[IFLA_LINKINFO])
		copy_text(nla_find(nla_data(tb[IFLA_LINKINFO]), nla_len(tb[IFLA_LINKINFO]), IFLA_INFO_KIND),
			ret->kind, sizeof ret->kind);
	return 0;
}

static int take_link(void *ctx, const struct nlmsghdr *h)
{
	return read_link(h, ctx);
}

static int get(struct netlink *nl, int index, const char *name, struct link_info *ret)
{
	const struct ifinfomsg m = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	auto_batch struct netlink_batch b = { 0 };
	struct link_info found = { 0 };

	netlink_add(&b, RTM_GETLINK, 0, &m, sizeof m);
	if (name)
		netlink_put_text(&b, IFLA_IFNAME, name);
	int r = netlink_query(nl, &b, take_link, &found);
	if (r == 0)
		*ret = found;
	return r;
}

int link_get(struct netlink *nl, const char *name, struct link_info *ret)
{
	return get(nl, 0, name, ret);
}

int link_get_index(struct netlink *nl, int index, struct link_info *ret)
{
	return get(nl, index, NULL, ret);
}

struct walk {
	link_visit *link;
	link_address_visit *address;
	link_route_visit *route;
	void *ctx;
};

static int visit_link(void *ctx, const struct nlmsghdr *h)
{
	const struct walk *w = ctx;
	struct link_info info;
	int r = read_link(h, &info);

	return r < 0 ? r : w->link(w->ctx, &info);
}

int link_each(struct netlink *nl, link_visit *visit, void *ctx)
{
	const struct ifinfomsg m = { .ifi_family = AF_UNSPEC };
	auto_batch struct netlink_batch b = { 0 };
	struct walk w = { .link = visit, .ctx = ctx };

	netlink_add(&b, RTM_GETLINK, NLM_F_DUMP, &m, sizeof m);
	return netlink_query(nl, &b, visit_link, &w);
}

static int take_nsid(void *ctx, const struct nlmsghdr *h)
{
	struct nlattr *tb[NETNSA_MAX + 1];

	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(struct rtgenmsg), tb, NETNSA_MAX, NULL) < 0)
		return -EBADMSG;
	*(int *)ctx = tb[NETNSA_NSID] ? (int)get_u32(tb[NETNSA_NSID]) : -1;
	return 0;
}

int link_nsid(struct netlink *nl, int netns, int *ret)
{
	const struct rtgenmsg m = { .rtgen_family = AF_UNSPEC };
	auto_batch struct netlink_batch b = { 0 };

	netlink_add(&b, RTM_GETNSID, 0, &m, sizeof m);
	netlink_put_u32(&b, NETNSA_FD, (uint32_t)netns);
	return netlink_query(nl, &b, take_nsid, ret);
}

static int visit_address(void *ctx, const struct nlmsghdr *h)
{
	const struct walk *w = ctx;
	struct nlattr *tb[IFA_MAX + 1];
	const struct ifaddrmsg *m = nlmsg_data(h);

	if (h->nlmsg_type != RTM_NEWADDR ||
		nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof *m, tb, IFA_MAX, NULL) < 0)
		return -EBADMSG;
	if (m->ifa_family != AF_INET || !(tb[IFA_LOCAL] || tb[IFA_ADDRESS]))
		return 0;
	const struct link_address a = { .index = (int)m->ifa_index,
		.address = get_u32(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS]),
		.prefix = m->ifa_prefixlen,
		.scope = m->ifa_scope };
	return w->address(w->ctx, &a);
}

int link_each_address(struct netlink *nl, link_address_visit *visit, void *ctx)
{
	const struct ifaddrmsg m = { .ifa_family = AF_INET };
	auto_batch struct netlink_batch b = { 0 };
	struct walk w = { .address = visit, .ctx = ctx };

	netlink_add(&b, RTM_GETADDR, NLM_F_DUMP, &m, sizeof m);
	return netlink_query(nl, &b, visit_address, &w);
}

static int visit_route(void *ctx, const struct nlmsghdr *h)
{
	const struct walk *w = ctx;
	struct nlattr *tb[RTA_MAX + 1];
	const struct rtmsg *m = nlmsg_data(h);

	if (h->nlmsg_type != RTM_NEWROUTE ||
		nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof *m, tb, RTA_MAX, NULL) < 0)
		return -EBADMSG;
	if (m->rtm_family != AF_INET || (m->rtm_flags & RTM_F_CLONED))
		return 0;
	const struct link_route r = { .index = (int)get_u32(tb[RTA_OIF]),
		.dest = get_u32(tb[RTA_DST]),
		.via = get_u32(tb[RTA_GATEWAY]),
		.prefix = m->rtm_dst_len,
		.table = m->rtm_table,
		.type = m->rtm_type };
	return w->route(w->ctx, &r);
}

int link_each_route(struct netlink *nl, link_route_visit *visit, void *ctx)
{
	const struct rtmsg m = { .rtm_family = AF_INET };
	auto_batch struct netlink_batch b = { 0 };
	struct walk w = { .route = visit, .ctx = ctx };

	netlink_add(&b, RTM_GETROUTE, NLM_F_DUMP, &m, sizeof m);
	return netlink_query(nl, &b, visit_route, &w);
}
