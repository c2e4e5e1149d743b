/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces.  The calling thread goes into a new one and comes back; what it opens there stays
 * there.  No thread of ours may ever be left in a wrong namespace: then everything after it would be made
 * there.
 */
#include "engine/net/nft.h"
#include "engine/net/object.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* IPv6 is off in it before any link is there (a link with IPv6 costs each neighbour a frame); ::1 stays. */
static int write_settings(struct error *err)
{
	static const struct {
		const char *path, *value;
	} v[] = {
		{ "/proc/sys/net/ipv6/conf/all/disable_ipv6", "1" },
		{ "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1" },
		{ "/proc/sys/net/ipv6/conf/lo/disable_ipv6", "0" },
	};

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		int r = fd_write_file(AT_FDCWD, v[i].path, v[i].value);
		if (r < 0 && r != -ENOENT)
			return error_sys(err, -r, "cannot write '%s' in a sandbox", v[i].path);
	}
	return 0;
}

static int bring_lo_up(struct error *err)
{
	struct netlink *nl;
	struct netlink_batch b = { 0 };
	struct link_change up = LINK_UNCHANGED;
	int r = netlink_open(NETLINK_ROUTE, &nl, err);

	if (r < 0)
		return r;
	up.name = "lo";
	up.up = 1;
	link_change(&b, &up);
	r = netlink_commit(nl, &b, NULL);
	netlink_close(nl);
	return r < 0 ? error_sys(err, -r, "cannot bring loopback up in a sandbox") : 0;
}

static int build(int *ret, struct error *err)
{
	auto_close int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_sys(err, errno, "cannot open a new network namespace");
	int r = write_settings(err);
	if (r == 0)
		r = bring_lo_up(err);
	if (r == 0)
		*ret = take_fd(fd);
	return r;
}

int sandbox_new(struct net *net, int *ret, struct error *err)
{
	if (unshare(CLONE_NEWNET) < 0)
		return error_sys(err, errno, "cannot make a network namespace");
	int r = build(ret, err);
	if (setns(net->host_ns, CLONE_NEWNET) < 0)
		abort();
	return r;
}

static void put_configuration(struct netlink_batch *b, int index, const struct sandbox_link *l)
{
	struct link_change change = LINK_UNCHANGED;

	change.index = index;
	change.mtu = l->mtu;
	change.up = 1;
	if (strcmp(l->name, l->ifname) != 0) {
		struct link_change name = LINK_UNCHANGED;
		name.index = index;
		name.new_name = l->ifname;
		link_change(b, &name);
	}
	if (l->address)
		link_add_address(b, index, htonl(l->address), l->prefix);
	link_change(b, &change);
	if (l->gateway)
		link_add_route(b, index, 0, 0, htonl(l->gateway));
}

int sandbox_configure(int netns, const struct sandbox_link *l, struct error *err)
{
	struct netlink *nl;
	struct netlink_batch b = { 0 };
	struct link_info info;
	int r = netlink_open_in(NETLINK_ROUTE, netns, &nl, err);

	if (r < 0)
		return r;
	r = link_get(nl, l->name, &info);
	if (r == 0) {
		put_configuration(&b, info.index, l);
		r = netlink_commit(nl, &b, NULL);
	}
	netlink_close(nl);
	return r < 0 ? error_sys(err, -r, "cannot configure '%s' in a sandbox", l->ifname) : 0;
}

static int remove_default(void *ctx, const struct link_route *route)
{
	if (route->prefix == 0 && route->via)
		link_remove_route(ctx, route->index, 0, 0, route->via);
	return 0;
}

int sandbox_set_gateway(int netns, const char *ifname, uint32_t gateway, struct error *err)
{
	struct netlink *nl;
	struct netlink_batch b = { 0 };
	struct link_info info = { 0 };
	int r = netlink_open_in(NETLINK_ROUTE, netns, &nl, err);

	if (r < 0)
		return r;
	r = link_each_route(nl, remove_default, &b);
	if (r == 0 && gateway)
		r = link_get(nl, ifname, &info);
	if (r == 0 && gateway)
		link_add_route(&b, info.index, 0, 0, htonl(gateway));
	if (r == 0)
		r = netlink_commit(nl, &b, NULL);
	netlink_batch_done(&b);
	netlink_close(nl);
	return r < 0 ? error_sys(err, -r, "cannot set the gateway of a sandbox") : 0;
}

/* ---- names -------------------------------------------------------------------------------- */
#define DNS_ADDRESS 0x7f00000b /* 127.0.0.11 */
#define DNS_PORT    53

static int open_socket(int type, int *ret, uint16_t *ret_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(DNS_ADDRESS) };
	socklen_t n = sizeof at;
	auto_close int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at) < 0 ||
		(type == SOCK_STREAM && listen(fd, 64) < 0) ||
		getsockname(fd, (struct sockaddr *)&at, &n) < 0)
		return -errno;
	*ret_port = at.sin_port;
	*ret = take_fd(fd);
	return 0;
}

static void put_redirect(struct netlink_batch *b, struct nft_table t, uint8_t protocol, uint16_t port)
{
	const uint32_t address = htonl(DNS_ADDRESS);
	const uint16_t from = htons(DNS_PORT);
	struct nft_rule r;

	nft_rule_begin(b, t, "output", NULL, &r);
	nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, 16, 4, NFT_REG32_00);
	nft_cmp(b, NFT_CMP_EQ, NFT_REG32_00, &address, sizeof address);
	nft_meta(b, NFT_META_L4PROTO, NFT_REG32_00);
	nft_cmp_u8(b, NFT_CMP_EQ, NFT_REG32_00, protocol);
	nft_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG32_00);
	nft_cmp(b, NFT_CMP_EQ, NFT_REG32_00, &from, sizeof from);
	nft_value(b, NFT_REG32_00, &address, sizeof address);
	nft_value(b, NFT_REG32_01, &port, sizeof port);
	nft_dnat(b, NFT_REG32_00, NFT_REG32_01);
	nft_rule_end(b, &r);
}

static void put_table(struct netlink_batch *b, bool anew, uint16_t udp, uint16_t tcp)
{
	const struct nft_table t = { NFPROTO_IPV4, "gantry-dns" };

	nft_begin(b);
	if (anew) {
		nft_add_table(b, t);
		nft_delete_table(b, t);
	}
	nft_add_new_table(b, t);
	nft_add_chain(b, t, "output", "nat", NF_INET_LOCAL_OUT, -100);
	put_redirect(b, t, IPPROTO_UDP, udp);
	put_redirect(b, t, IPPROTO_TCP, tcp);
	nft_end(b);
}

/* A table that is there already, of sockets that are lost, is replaced: the kernel takes ten milliseconds for
 * that, and a fraction of one for the first. */
static int redirect(uint16_t udp, uint16_t tcp, struct error *err)
{
	struct netlink *nl;
	struct netlink_batch b = { 0 };
	struct netlink_fault fault;
	int r = netlink_open(NETLINK_NETFILTER, &nl, err);

	if (r < 0)
		return r;
	put_table(&b, false, udp, tcp);
	r = netlink_commit(nl, &b, &fault);
	if (r == -EEXIST) {
		put_table(&b, true, udp, tcp);
		r = netlink_commit(nl, &b, &fault);
	}
	netlink_close(nl);
	return r < 0 ? error_sys(err, -r, "cannot lead port 53 to gantry-dns (message %u%s%s)", fault.message,
			       fault.why[0] ? ": " : "", fault.why)
		     : 0;
}

int sandbox_open_ways(int fds[PROTO_DNS_HOST_FDS])
{
	for (int i = 0; i < PROTO_DNS_HOST_FDS; i++) {
		int type = i < PROTO_DNS_UDP ? SOCK_DGRAM : SOCK_STREAM;
		fds[i] = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fds[i] < 0)
			return -errno;
	}
	return 0;
}

static int open_names(struct dns_sockets *names, struct error *err)
{
	uint16_t udp = 0, tcp = 0;
	int r = open_socket(SOCK_DGRAM, &names->fds[0], &udp);

	if (r == 0)
		r = open_socket(SOCK_STREAM, &names->fds[1], &tcp);
	if (r == 0)
		r = sandbox_open_ways(names->fds + 2);
	return r < 0 ? error_sys(err, -r, "cannot open the sockets of gantry-dns") : redirect(udp, tcp, err);
}

void sandbox_close_names(struct dns_sockets *names)
{
	for (int i = 0; i < PROTO_DNS_SANDBOX_FDS; i++)
		if (names->fds[i] >= 0)
			close(take_fd(names->fds[i]));
}

int sandbox_open_names(int netns, struct dns_sockets *ret, struct error *err)
{
	struct dns_sockets names = SANDBOX_NO_NAMES;
	auto_close int back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (back < 0 || setns(netns, CLONE_NEWNET) < 0)
		return error_sys(err, errno, "cannot enter a sandbox");
	int r = open_names(&names, err);
	if (setns(back, CLONE_NEWNET) < 0)
		abort();
	if (r < 0)
		sandbox_close_names(&names);
	else
		*ret = names;
	return r;
}
