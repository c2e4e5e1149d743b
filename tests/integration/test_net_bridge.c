/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of bridges, entry by entry, in a network namespace of the test's own. */
#include "tests/support/driver_harness.h"

#include <gantry/network.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PORTS_MAX 1023

struct fixture {
	struct harness *h;
	const struct gty_network_ops *ops;
	struct gty_network *nw;
	int sandbox;
};

static int open_driver(struct fixture *f)
{
	struct gty_call *call = harness_call(f->h);
	struct gty_network_info *info = harness_struct(f->h, sizeof *info);
	struct gty_open req = harness_open(f->h, NULL, 0);

	return f->ops->open(&f->h->host, call, &req, &f->nw, info);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	f->sandbox = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (f->sandbox < 0 || unshare(CLONE_NEWNET) < 0)
		return -1;
	f->h = harness_new("net-bridge", "bridge");
	if (!f->h)
		return -1;
	f->ops = f->h->driver->ops;
	*state = f;
	return open_driver(f);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	f->ops->close(f->nw);
	close(f->sandbox);
	harness_free(f->h);
	free(f);
	return 0;
}

static int create(struct fixture *f, const char *id, uint32_t flags, const struct gty_kv *opts, uint32_t n,
	uint32_t *ret_facts)
{
	static const struct gty_pool pool = {
		.subnet = "10.6.0.0/16", .gateway = "10.6.0.1/16", .family = 4
	};
	struct gty_call *call = harness_call(f->h);
	struct gty_network_req *req = harness_struct(f->h, sizeof *req);
	struct gty_network_rep *rep = harness_struct(f->h, sizeof *rep);

	req->id = id;
	req->flags = GTY_NET_IPV4 | flags;
	req->pools = &pool;
	req->pools_n = 1;
	req->opts = opts;
	req->opts_n = n;
	int r = f->ops->network_create(f->nw, call, req, rep);
	if (r == 0 && ret_facts)
		*ret_facts = rep->facts;
	return r;
}

static int endpoint(struct fixture *f, const char *net, const char *id, bool remove)
{
	struct gty_call *call = harness_call(f->h);
	struct gty_endpoint *ep = harness_struct(f->h, sizeof *ep);
	struct gty_endpoint_rep *rep = harness_struct(f->h, sizeof *rep);

	ep->net = net;
	ep->id = id;
	return remove ? f->ops->endpoint_remove(f->nw, call, ep)
		      : f->ops->endpoint_create(f->nw, call, ep, rep);
}

static int join(
	struct fixture *f, const char *net, const char *id, const char *ifname, uint32_t flags, bool leave)
{
	struct gty_call *call = harness_call(f->h);
	struct gty_endpoint *ep = harness_struct(f->h, sizeof *ep);
	struct gty_join_req *req = harness_struct(f->h, sizeof *req);
	struct gty_join_rep *rep = harness_struct(f->h, sizeof *rep);

	ep->net = net;
	ep->id = id;
	req->ep = ep;
	req->flags = flags;
	req->ifname = ifname;
	req->netns_fd = f->sandbox;
	return leave ? f->ops->leave(f->nw, call, req) : f->ops->join(f->nw, call, req, rep);
}

/* Known to recover: what the kernel says is compared with it. */
static uint32_t recover(struct fixture *f, const struct gty_known *v, uint32_t n)
{
	struct gty_call *call = harness_call(f->h);
	struct gty_recover_req *req = harness_struct(f->h, sizeof *req);
	struct gty_recover_rep *rep = harness_struct(f->h, sizeof *rep);

	req->v = v;
	req->n = n;
	assert_int_equal(f->ops->recover(f->nw, call, req, rep), 0);
	return rep->n;
}

static void test_a_full_bridge_refuses_before_anything_is_made(void **state)
{
	struct fixture *f = *state;
	char net[65], id[65];

	harness_id(1, net);
	assert_int_equal(create(f, net, 0, NULL, 0, NULL), 0);
	for (unsigned i = 0; i < PORTS_MAX; i++)
		assert_int_equal(endpoint(f, net, harness_id(100 + i, id), false), 0);
	assert_int_equal(endpoint(f, net, harness_id(99, id), false), -EXFULL);
	assert_int_equal(f->h->kind, GTY_E_EXHAUSTED);
	assert_non_null(strstr(f->h->text, "at most 1023 ports"));
	assert_int_equal(endpoint(f, net, harness_id(100, id), false), 0); /* it has its place */
	assert_int_equal(endpoint(f, net, harness_id(100, id), true), 0);
	assert_int_equal(endpoint(f, net, harness_id(99, id), false), 0);
}

static void test_facts_follow_from_dockers_options(void **state)
{
	static const struct {
		const char *key, *value;
		uint32_t flags, facts;
	} cases[] = {
		{ "x", "y", 0, GTY_NETF_GUARD | GTY_NETF_MASQUERADE | GTY_NETF_PUBLISH },
		{ "com.docker.network.bridge.enable_icc", "false", 0,
			GTY_NETF_GUARD | GTY_NETF_MASQUERADE | GTY_NETF_PUBLISH | GTY_NETF_NO_ICC },
		{ "com.docker.network.bridge.enable_ip_masquerade", "false", 0,
			GTY_NETF_GUARD | GTY_NETF_PUBLISH },
		{ "com.docker.network.bridge.gateway_mode_ipv4", "routed", 0,
			GTY_NETF_GUARD | GTY_NETF_ROUTED },
		{ "com.docker.network.bridge.gateway_mode_ipv4", "nat-unprotected", 0,
			GTY_NETF_MASQUERADE | GTY_NETF_PUBLISH },
		{ "com.docker.network.bridge.inhibit_ipv4", "true", 0, GTY_NETF_GUARD },
		{ "x", "y", GTY_NET_INTERNAL, GTY_NETF_GUARD },
	};
	struct fixture *f = *state;
	char net[65];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct gty_kv opt = { cases[i].key, cases[i].value };
		uint32_t facts = 0;
		assert_int_equal(create(f, harness_id(1, net), cases[i].flags, &opt, 1, &facts), 0);
		assert_int_equal(facts, cases[i].facts);
	}
}

static void test_options_that_are_wrong(void **state)
{
	static const struct gty_kv cases[] = {
		{ "com.docker.network.bridge.enable_icc", "maybe" },
		{ "com.docker.network.driver.mtu", "many" },
		{ "com.docker.network.driver.mtu", "20" },
		{ "com.docker.network.bridge.name", "a-name-of-more-than-15-bytes" },
		{ "com.docker.network.bridge.gateway_mode_ipv4", "isolated" },
		{ "com.docker.network.bridge.gateway_mode_ipv4", "x" },
	};
	struct fixture *f = *state;
	char net[65];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_true(create(f, harness_id(1, net), 0, &cases[i], 1, NULL) < 0);
		assert_int_equal(f->h->kind, GTY_E_INVALID);
	}
}

static void test_recover_compares_with_the_kernel(void **state)
{
	struct fixture *f = *state;
	char net[65], kept[65], gone[65], unknown[65], other[65];

	harness_id(1, net);
	harness_id(2, other);
	harness_id(3, kept);
	harness_id(4, gone);
	harness_id(5, unknown);
	const struct gty_known known[] = { { .what = GTY_KNOWN_NETWORK, .id = net },
		{ .what = GTY_KNOWN_JOIN, .id = gone, .parent = net },
		{ .what = GTY_KNOWN_JOIN, .id = kept, .parent = net } };
	assert_int_equal(create(f, net, 0, NULL, 0, NULL), 0);
	assert_int_equal(create(f, other, 0, NULL, 0, NULL), 0);
	assert_int_equal(join(f, net, kept, "eth0", 0, false), 0);
	assert_int_equal(join(f, net, unknown, "eth1", 0, false), 0);
	char name[16], lost[16];
	snprintf(name, sizeof name, "gv%.13s", kept);
	snprintf(lost, sizeof lost, "gv%.13s", unknown);
	assert_int_not_equal(if_nametoindex(name), 0);
	assert_int_not_equal(if_nametoindex(lost), 0);
	assert_int_equal(recover(f, known, 3), 1);
	assert_int_not_equal(if_nametoindex(name), 0);
	assert_int_equal(if_nametoindex(lost), 0);
	snprintf(name, sizeof name, "br-%.12s", other);
	assert_int_equal(if_nametoindex(name), 0);
}

static void test_a_hot_leave_takes_the_link_away_at_once(void **state)
{
	struct fixture *f = *state;
	char net[65], id[65], name[16];

	assert_int_equal(create(f, harness_id(1, net), 0, NULL, 0, NULL), 0);
	harness_id(2, id);
	snprintf(name, sizeof name, "gv%.13s", id);
	assert_int_equal(join(f, net, id, "eth0", GTY_JOIN_HOT, false), 0);
	assert_int_not_equal(if_nametoindex(name), 0);
	assert_int_equal(join(f, net, id, "eth0", GTY_JOIN_HOT, true), 0);
	assert_int_equal(if_nametoindex(name), 0);
	assert_int_equal(join(f, net, id, "eth0", 0, false), 0);
	assert_int_equal(join(f, net, id, "eth0", 0, true), 0);
	f->ops->close(f->nw); /* those that left are deleted when it closes */
	assert_int_equal(if_nametoindex(name), 0);
	assert_int_equal(open_driver(f), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_full_bridge_refuses_before_anything_is_made),
		TEST(test_facts_follow_from_dockers_options),
		TEST(test_options_that_are_wrong),
		TEST(test_recover_compares_with_the_kernel),
		TEST(test_a_hot_leave_takes_the_link_away_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
