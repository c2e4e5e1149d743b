/* SPDX-License-Identifier: Apache-2.0 */
/* In network namespaces of this process's own. */
#include "tests/unit/test.h"

#include "lib/netlink/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct site {
	struct netlink *nl;
	int other; /* a second namespace */
};

static const uint8_t mac[6] = { 0x02, 0x42, 1, 2, 3, 4 }, mac2[6] = { 0x02, 0x44, 1, 2, 3, 4 };

static int setup(void **state)
{
	static struct site s;
	struct error err = ERROR_INIT;

	*state = NULL;
	if (unshare(CLONE_NEWNET) < 0) {
		print_message("skipped: no network namespace: %s\n", strerror(errno));
		return 0;
	}
	s.other = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_int_equal(netlink_open(NETLINK_ROUTE, &s.nl, &err), 0);
	*state = &s;
	return 0;
}

static int teardown(void **state)
{
	struct site *s = *state;

	if (s) {
		netlink_close(s->nl);
		close(s->other);
	}
	return 0;
}

static struct site *site(void **state)
{
	if (!*state)
		skip();
	return *state;
}

static int make_bridge(struct site *s, const char *name)
{
	struct netlink_batch b = { 0 };
	struct link_info info = { 0 };

	link_add_bridge(&b, name, mac);
	assert_int_equal(netlink_commit(s->nl, &b, NULL), 0);
	assert_int_equal(link_get(s->nl, name, &info), 0);
	assert_string_equal(info.kind, "bridge");
	assert_memory_equal(info.mac, mac, 6);
	return info.index;
}

static void test_commit_of_several_messages_is_one_job(void **state)
{
	struct site *s = site(state);
	struct netlink_batch b = { 0 };
	struct link_change c = LINK_UNCHANGED;
	int index = make_bridge(s, "b0");
	struct link_info info;

	c.index = index;
	c.up = 1;
	c.alias = "gantry:test";
	c.mtu = 1400;
	link_change(&b, &c);
	link_add_address(&b, index, inet_addr("10.1.0.1"), 24);
	assert_int_equal(netlink_commit(s->nl, &b, NULL), 0);
	assert_int_equal(link_get_index(s->nl, index, &info), 0);
	assert_string_equal(info.alias, "gantry:test");
	assert_int_equal(info.mtu, 1400);
	assert_true(info.flags & IFF_UP);
}

static void test_commit_tells_which_message_failed(void **state)
{
	struct site *s = site(state);
	struct netlink_batch b = { 0 };
	struct netlink_fault fault;

	link_add_bridge(&b, "b1", mac);
	link_add_bridge(&b, "b1", mac);
	link_add_bridge(&b, "b2", mac);
	assert_int_equal(netlink_commit(s->nl, &b, &fault), -EEXIST);
	assert_int_equal(fault.message, 1);
	assert_int_not_equal(if_nametoindex("b2"), 0); /* it goes on */
}

static void test_commit_of_nothing(void **state)
{
	struct site *s = site(state);
	struct netlink_batch b = { 0 };

	assert_int_equal(netlink_commit(s->nl, &b, NULL), 0);
	b.failed = -ENOMEM;
	assert_int_equal(netlink_commit(s->nl, &b, NULL), -ENOMEM);
	assert_int_equal(b.failed, 0);
}

static void test_veth_peer_is_in_the_namespace(void **state)
{
	struct site *s = site(state);
	struct netlink_batch b = { 0 };
	struct netlink *inside = NULL;
	struct link_info out, in;
	int nsid = -2;
	struct link_veth v = { .name = "gv1",
		.peer = "eth0",
		.alias = "gantry:x",
		.bridge = make_bridge(s, "b3"),
		.netns = s->other };

	memcpy(v.mac, mac2, 6);
	memcpy(v.peer_mac, mac, 6);
	link_add_veth(&b, &v);
	assert_int_equal(b.n, LINK_VETH_MESSAGES);
	assert_int_equal(netlink_commit(s->nl, &b, NULL), 0);
	assert_int_equal(link_get(s->nl, "gv1", &out), 0);
	assert_int_equal(out.master, v.bridge);
	assert_string_equal(out.alias, "gantry:x");
	assert_int_equal(link_nsid(s->nl, s->other, &nsid), 0);
	assert_int_equal(out.peer_nsid, nsid);
	assert_int_equal(netlink_open_in(NETLINK_ROUTE, s->other, &inside, NULL), 0);
	assert_int_equal(link_get(inside, "eth0", &in), 0);
	assert_memory_equal(in.mac, mac, 6);
	assert_int_equal(if_nametoindex("eth0"), 0); /* back in our own */
	netlink_close(inside);
	link_delete(&b, 0, "gv1");
	assert_int_equal(netlink_commit(s->nl, &b, NULL), 0);
	assert_int_equal(link_get(s->nl, "gv1", &out), -ENODEV);
}

static int count_link(void *ctx, const struct link_info *link)
{
	(void)link;
	++*(int *)ctx;
	return 0;
}

static int refuse(void *ctx, const struct link_info *link)
{
	(void)link;
	++*(int *)ctx;
	return -ECANCELED;
}

static void test_each_of_many_links(void **state)
{
	struct site *s = site(state);
	struct netlink_batch b = { 0 };
	char name[16];
	int n = 0, before = 0;

	assert_int_equal(link_each(s->nl, count_link, &before), 0);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof name, "many%d", i);
		link_add_bridge(&b, name, mac);
	}
	assert_int_equal(netlink_commit(s->nl, &b, NULL), 0);
	assert_int_equal(link_each(s->nl, count_link, &n), 0);
	assert_int_equal(n, before + 300);
	n = 0;
	assert_int_equal(link_each(s->nl, refuse, &n), -ECANCELED);
	assert_int_equal(n, 1);
	n = 0;
	assert_int_equal(link_each(s->nl, count_link, &n), 0); /* nothing of the broken walk is left */
	assert_int_equal(n, before + 300);
}

struct wanted {
	uint32_t address;
	unsigned prefix;
	int found;
};

static int find_address(void *ctx, const struct link_address *a)
{
	struct wanted *w = ctx;

	w->found += a->address == w->address && a->prefix == w->prefix;
	return 0;
}

static int find_route(void *ctx, const struct link_route *r)
{
	struct wanted *w = ctx;

	w->found += r->dest == w->address && r->prefix == w->prefix;
	return 0;
}

static void test_addresses_and_routes(void **state)
{
	struct site *s = site(state);
	struct netlink_batch b = { 0 };
	struct link_change c = LINK_UNCHANGED;
	int index = make_bridge(s, "b4");
	struct wanted w = { inet_addr("10.4.0.1"), 24, 0 }, route = { inet_addr("10.9.0.0"), 16, 0 };

	c.index = index;
	c.up = 1;
	link_change(&b, &c);
	link_add_address(&b, index, w.address, 24);
	link_add_address(&b, index, w.address, 24); /* repeatable */
	link_add_route(&b, index, route.address, 16, inet_addr("10.4.0.2"));
	link_add_route(&b, index, 0, 0, inet_addr("10.4.0.3"));
	assert_int_equal(netlink_commit(s->nl, &b, NULL), 0);
	assert_int_equal(link_each_address(s->nl, find_address, &w), 0);
	assert_int_equal(w.found, 1);
	assert_int_equal(link_each_route(s->nl, find_route, &route), 0);
	assert_int_equal(route.found, 1);
	link_remove_route(&b, index, route.address, 16, inet_addr("10.4.0.2"));
	link_remove_address(&b, index, w.address, 24);
	assert_int_equal(netlink_commit(s->nl, &b, NULL), 0);
	w.found = 0;
	assert_int_equal(link_each_address(s->nl, find_address, &w), 0);
	assert_int_equal(w.found, 0);
}

static void test_put_beyond_an_attribute_fails(void **state)
{
	static char big[70000];
	struct netlink_batch b = { 0 };

	(void)state;
	netlink_add(&b, 1, 0, NULL, 0);
	netlink_put(&b, 1, big, sizeof big);
	assert_int_equal(b.failed, -E2BIG);
	netlink_put_u32(&b, 1, 1);
	netlink_batch_done(&b);
	netlink_add(&b, 1, 0, NULL, 0);
	size_t nest = netlink_nest(&b, 1);
	netlink_put(&b, 1, big, 40000);
	netlink_put(&b, 1, big, 40000);
	netlink_nest_end(&b, nest);
	assert_int_equal(b.failed, -E2BIG);
	netlink_batch_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commit_of_several_messages_is_one_job),
		cmocka_unit_test(test_commit_tells_which_message_failed),
		cmocka_unit_test(test_commit_of_nothing),
		cmocka_unit_test(test_veth_peer_is_in_the_namespace),
		cmocka_unit_test(test_each_of_many_links),
		cmocka_unit_test(test_addresses_and_routes),
		cmocka_unit_test(test_put_beyond_an_attribute_fails),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
