/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces.  The calling thread goes into a new one and comes back; what it opens there stays
 * there.  No thread of ours may ever be left in a wrong namespace: then everything after it would be made
 * there.
 */
#include "engine/net/object.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
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
