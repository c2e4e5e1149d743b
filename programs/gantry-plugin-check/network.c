/* SPDX-License-Identifier: Apache-2.0 */
/* The network suite, between two network namespaces of its own: one stands for the host, one is the sandbox.
 */
#include "core/network/network.h"

#include "lib/base/cleanup.h"
#include "programs/gantry-plugin-check/check.h"
#include "programs/gantry-plugin-check/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct site {
	struct network *nw;
	int host, sandbox; /* network namespaces */
	uint64_t caps;
	char ep_state[4096]; /* as the engine keeps it */
};

static unsigned links_here(void)
{
	struct if_nameindex *v = if_nameindex();
	unsigned n = 0;

	while (v && v[n].if_index)
		n++;
	if_freenameindex(v);
	return n;
}

static bool link_in(const struct site *t, int ns, const char *name)
{
	bool there = false;

	if (setns(ns, CLONE_NEWNET) == 0)
		there = if_nametoindex(name) != 0;
	return setns(t->host, CLONE_NEWNET) == 0 && there;
}

static struct gty_network_req network_request(void)
{
	static const struct gty_pool pool = {
		.subnet = "10.213.7.0/24", .gateway = "10.213.7.1/24", .family = 4
	};

	return (struct gty_network_req){
		.flags = GTY_NET_IPV4, .id = suite_id_tmp(1), .name = "check", .pools = &pool, .pools_n = 1
	};
}

static struct gty_endpoint endpoint(const struct site *t)
{
	static const struct gty_addr addr = { .cidr = "10.213.7.2/24", .family = 4 };

	return (struct gty_endpoint){ .net = suite_id_tmp(1),
		.id = suite_id_tmp(2),
		.container = suite_id_tmp(3),
		.container_name = "check",
		.mac = "02:42:0a:d5:07:02",
		.addrs = &addr,
		.addrs_n = 1,
		.state = t->ep_state[0] ? t->ep_state : NULL };
}

static struct gty_join_req join_request(const struct site *t, const struct gty_endpoint *ep)
{
	static char path[64];

	snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), t->sandbox);
	return (struct gty_join_req){ .flags = GTY_JOIN_GW4,
		.ep = ep,
		.sandbox = suite_id_tmp(3),
		.netns_path = path,
		.netns_fd = t->sandbox,
		.ifname = "eth0" };
}

static void check_links(const struct site *t, const struct gty_join_rep *rep)
{
	if (t->caps & (GTY_NETWORK_CAP_HOST | GTY_NETWORK_CAP_NONE))
		check(rep->links_n == 0, "join makes no link, as its capabilities say");
	for (uint32_t i = 0; i < rep->links_n; i++) {
		const struct gty_link *l = &rep->links[i];
		if (l->where == GTY_LINK_HOST)
			check(link_in(t, t->host, l->name), "the link '%s' is on the host", l->name);
		else
			check(link_in(t, t->sandbox, l->name ? l->name : l->ifname),
				"the link '%s' is in the sandbox", l->name ? l->name : l->ifname);
		if (l->host_ifname)
			check(link_in(t, t->host, l->host_ifname), "its other end '%s' is on the host",
				l->host_ifname);
	}
}

static void check_endpoint(struct site *t)
{
	struct error err = ERROR_INIT;
	struct gty_endpoint ep = endpoint(t);
	auto_reply struct gty_endpoint_rep *made = NULL, *again = NULL;
	auto_reply struct gty_join_rep *joined = NULL, *rejoined = NULL;
	auto_reply struct gty_kvs *kvs = NULL;

	if (!check_call(network_endpoint_create(t->nw, &ep, NULL, &made, &err), &err, "endpoint_create"))
		return;
	check_call(network_endpoint_create(t->nw, &ep, NULL, &again, &err), &err,
		"endpoint_create is repeatable");
	ep.state = made->state;
	struct gty_join_req join = join_request(t, &ep);
	if (check_call(network_join(t->nw, &join, NULL, &joined, &err), &err, "join")) {
		check_links(t, joined);
		check_call(network_join(t->nw, &join, NULL, &rejoined, &err), &err,
			"join of what is joined repairs it");
		check_call(network_describe(t->nw, ep.net, ep.id, NULL, &kvs, &err), &err,
			"describe of the endpoint");
	}
	check_call(network_leave(t->nw, &join, NULL, &err), &err, "leave");
	ep.state = NULL;
	check_call(network_leave(t->nw, &join, NULL, &err), &err, "leave is repeatable, with the state lost");
	join.netns_fd = -1;
	check_call(network_leave(t->nw, &join, NULL, &err), &err, "leave works when the sandbox is gone");
	check_call(network_endpoint_remove(t->nw, &ep, NULL, &err), &err,
		"endpoint_remove, with the state lost");
	check_call(network_endpoint_remove(t->nw, &ep, NULL, &err), &err, "endpoint_remove is repeatable");
}

static void check_attach(struct site *t)
{
	struct error err = ERROR_INIT;
	struct gty_endpoint ep = endpoint(t);
	struct gty_join_req join = join_request(t, &ep);
	const struct network_attach_req req = { .join = &join };
	auto_reply struct network_attach_rep *rep = NULL;

	if (check_call(network_attach(t->nw, &req, NULL, &rep, &err), &err,
		    "endpoint_create and join as one job"))
		check_links(t, &rep->join);
	check_call(network_detach(t->nw, &join, NULL, &err), &err, "leave and endpoint_remove as one job");
}

static void check_network(struct site *t)
{
	const struct gty_network_req req = network_request();
	struct error err = ERROR_INIT;
	auto_reply struct gty_network_rep *rep = NULL, *again = NULL;
	auto_reply struct gty_kvs *kvs = NULL;

	if (!check_call(network_create(t->nw, &req, NULL, &rep, &err), &err, "network_create"))
		return;
	check_call(network_create(t->nw, &req, NULL, &again, &err), &err, "network_create is repeatable");
	if (rep->host_link)
		check(link_in(t, t->host, rep->host_link), "its link '%s' is on the host", rep->host_link);
	check_call(network_describe(t->nw, req.id, NULL, NULL, &kvs, &err), &err, "describe of the network");
	check_endpoint(t);
	check_attach(t);
	int r = network_remove(t->nw, req.id, NULL, NULL, &err);
	if (r < 0 && err.kind == ERROR_DENIED && (t->caps & GTY_NETWORK_CAP_SINGLE)) {
		check_skip("predefined: it is not removed", "network_remove");
		return;
	}
	check_call(r, &err, "network_remove, with the state lost");
	check_call(network_remove(t->nw, req.id, NULL, NULL, &err), &err, "network_remove is repeatable");
	check_call(network_remove(t->nw, suite_id_tmp(99), NULL, NULL, &err), &err,
		"network_remove of the unknown succeeds");
}

static bool make_site(struct site *t)
{
	if (unshare(CLONE_NEWNET) < 0)
		return false;
	t->sandbox = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (unshare(CLONE_NEWNET) < 0)
		return false;
	t->host = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return t->sandbox >= 0 && t->host >= 0;
}

void suite_network(struct suite *s)
{
	struct driver_config config = suite_config(s, s->instances++);
	const struct gty_recover_req nothing = { .n = 0 };
	struct site t = { .host = -1, .sandbox = -1 };
	struct error err = ERROR_INIT;
	auto_reply struct gty_recover_rep *rep = NULL;
	auto_reply struct gty_kvs *kvs = NULL;

	if (!make_site(&t)) {
		check_skip("no network namespaces here", "the suite");
		return;
	}
	unsigned fds = suite_fds(), links = links_here();
	if (!check_call(network_open(s->driver, &config, &t.nw, &err), &err, "opens"))
		return;
	t.caps = network_caps(t.nw);
	if (t.caps & GTY_NETWORK_CAP_HOST)
		dup3(t.host, t.sandbox, O_CLOEXEC);
	check_call(network_recover(t.nw, &nothing, &rep, &err), &err, "recover of nothing");
	check_call(network_status(t.nw, NULL, &kvs, &err), &err, "status");
	check_network(&t);
	reply_free(rep);
	rep = NULL;
	check_call(network_recover(t.nw, &nothing, &rep, &err), &err, "recover removes what is not known");
	check(network_close(t.nw) == 0, "closes with no call stuck");
	check(links_here() == links, "no link is left on the host (%u, %u before)", links_here(), links);
	check(suite_fds() == fds, "no descriptor is left open (%u, %u before)", suite_fds(), fds);
	close(t.host);
	close(t.sandbox);
}
