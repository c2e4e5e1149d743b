/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/netlink/link.h"

#include <arpa/inet.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#define MTU 1500

static void begin(struct netlink_batch *b, int type, int flags, int index, const char *name, int up)
{
	struct ifinfomsg m = { .ifi_family = AF_UNSPEC, .ifi_index = index };

	if (up >= 0) {
		m.ifi_change = IFF_UP;
		m.ifi_flags = up ? IFF_UP : 0;
	}
	netlink_add(b, type, flags, &m, sizeof m);
	if (index == 0 && name)
		netlink_put_text(b, IFLA_IFNAME, name);
}

void link_add_bridge(struct netlink_batch *b, const char *name, const uint8_t mac[6])
{
	begin(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, name, -1);
	netlink_put(b, IFLA_ADDRESS, mac, 6);
	size_t info = netlink_nest(b, IFLA_LINKINFO);
	netlink_put(b, IFLA_INFO_KIND, "bridge", 6);
	netlink_nest_end(b, info);
}

static void put_end(struct netlink_batch *b, const struct link_veth *v, const uint8_t mac[6])
{
	netlink_put(b, IFLA_ADDRESS, mac, 6);
	netlink_put_u32(b, IFLA_MTU, v->mtu ? v->mtu : MTU);
	/* One queue each: more are 10 KiB and time, and serve nobody. */
	netlink_put_u32(b, IFLA_NUM_TX_QUEUES, 1);
	netlink_put_u32(b, IFLA_NUM_RX_QUEUES, 1);
}

static void create_veth(struct netlink_batch *b, const struct link_veth *v)
{
	const struct ifinfomsg peer = { .ifi_family = AF_UNSPEC };

	begin(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, v->name, -1);
	put_end(b, v, v->mac);
	size_t info = netlink_nest(b, IFLA_LINKINFO);
	netlink_put(b, IFLA_INFO_KIND, "veth", 4);
	size_t data = netlink_nest(b, IFLA_INFO_DATA), other = netlink_nest(b, VETH_INFO_PEER);
	netlink_put_raw(b, &peer, sizeof peer);
	netlink_put_text(b, IFLA_IFNAME, v->peer);
	netlink_put_u32(b, IFLA_NET_NS_FD, (uint32_t)v->netns);
	put_end(b, v, v->peer_mac);
	netlink_nest_end(b, other);
	netlink_nest_end(b, data);
	netlink_nest_end(b, info);
}

void link_add_veth(struct netlink_batch *b, const struct link_veth *v)
{
	struct link_change up = LINK_UNCHANGED;

	create_veth(b, v);
	/* Before it is up: each address of a port is a group to report and a frame to everyone. */
	begin(b, RTM_NEWLINK, 0, 0, v->name, -1);
	size_t spec = netlink_nest(b, IFLA_AF_SPEC), six = netlink_nest(b, AF_INET6);
	netlink_put_u8(b, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	netlink_nest_end(b, six);
	netlink_nest_end(b, spec);
	up.name = v->name;
	up.alias = v->alias;
	up.master = v->bridge ? &v->bridge : NULL;
	up.up = 1;
	link_change(b, &up);
	/* In a message of its own: it is read before the master of the same message is set. */
	if (v->bridge)
		link_set_hairpin(b, 0, v->name);
}

void link_change(struct netlink_batch *b, const struct link_change *c)
{
	begin(b, RTM_NEWLINK, 0, c->index, c->name, c->up);
	if (c->new_name)
		netlink_put_text(b, IFLA_IFNAME, c->new_name);
	if (c->alias)
		netlink_put_text(b, IFLA_IFALIAS, c->alias);
	if (c->mtu)
		netlink_put_u32(b, IFLA_MTU, c->mtu);
	if (c->master)
		netlink_put_u32(b, IFLA_MASTER, (uint32_t)*c->master);
	if (c->netns >= 0)
		netlink_put_u32(b, IFLA_NET_NS_FD, (uint32_t)c->netns);
}

void link_set_hairpin(struct netlink_batch *b, int index, const char *name)
{
	begin(b, RTM_NEWLINK, 0, index, name, -1);
	size_t info = netlink_nest(b, IFLA_LINKINFO);
	netlink_put(b, IFLA_INFO_SLAVE_KIND, "bridge", 6);
	size_t data = netlink_nest(b, IFLA_INFO_SLAVE_DATA);
	netlink_put_u8(b, IFLA_BRPORT_MODE, 1);
	netlink_nest_end(b, data);
	netlink_nest_end(b, info);
}

void link_delete(struct netlink_batch *b, int index, const char *name)
{
	begin(b, RTM_DELLINK, 0, index, name, -1);
}

static void address(struct netlink_batch *b, int type, int flags, int index, uint32_t addr, unsigned prefix)
{
	const struct ifaddrmsg m = {
		.ifa_family = AF_INET, .ifa_prefixlen = (uint8_t)prefix, .ifa_index = (unsigned)index
	};

	netlink_add(b, type, flags, &m, sizeof m);
	netlink_put_u32(b, IFA_LOCAL, addr);
	netlink_put_u32(b, IFA_ADDRESS, addr);
	if (type == RTM_NEWADDR && prefix < 31) {
		uint32_t all = htonl(UINT32_MAX >> prefix);
		netlink_put_u32(b, IFA_BROADCAST, addr | all);
	}
}

void link_add_address(struct netlink_batch *b, int index, uint32_t addr, unsigned prefix)
{
	address(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, addr, prefix);
}

void link_remove_address(struct netlink_batch *b, int index, uint32_t addr, unsigned prefix)
{
	address(b, RTM_DELADDR, 0, index, addr, prefix);
}

static void route(
	struct netlink_batch *b, int type, int flags, int index, uint32_t dest, unsigned prefix, uint32_t via)
{
	const struct rtmsg m = { .rtm_family = AF_INET,
		.rtm_dst_len = (uint8_t)prefix,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST };

	netlink_add(b, type, flags, &m, sizeof m);
	if (prefix > 0)
		netlink_put_u32(b, RTA_DST, dest);
	if (via)
		netlink_put_u32(b, RTA_GATEWAY, via);
	netlink_put_u32(b, RTA_OIF, (uint32_t)index);
}

void link_add_route(struct netlink_batch *b, int index, uint32_t dest, unsigned prefix, uint32_t via)
{
	route(b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, index, dest, prefix, via);
}

void link_remove_route(struct netlink_batch *b, int index, uint32_t dest, unsigned prefix, uint32_t via)
{
	route(b, RTM_DELROUTE, 0, index, dest, prefix, via);
}
