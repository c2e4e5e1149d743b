/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/test.h"

#include "engine/net/ipam.h"

#include <errno.h>
#include <string.h>

static uint32_t ip(const char *text)
{
	uint32_t a = 0;

	assert_int_equal(address_parse(text, &a), 0);
	return a;
}

static struct subnet net(const char *text)
{
	struct subnet s = { 0 };

	assert_int_equal(subnet_parse(text, &s, NULL), 0);
	return s;
}

static void test_subnet_parse(void **state)
{
	static const char *const bad[] = { "", "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/",
		"10.0.0.0/-1", "10.0.0.0/ 8", "::/0", "10.0.0.0/8/8", "1010.10.10.10.10.10/8" };
	struct subnet s;
	uint32_t a;
	char buf[CIDR_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(subnet_parse(bad[i], &s, NULL), -EINVAL);
	assert_int_equal(subnet_parse("10.1.2.3/16", &s, &a), 0);
	assert_string_equal(subnet_format(s, buf), "10.1.0.0/16");
	assert_int_equal(a, ip("10.1.2.3"));
}

static void test_subnet_relations(void **state)
{
	(void)state;
	assert_true(subnet_overlaps(net("10.0.0.0/8"), net("10.1.0.0/16")));
	assert_true(subnet_overlaps(net("10.1.0.0/16"), net("10.0.0.0/8")));
	assert_false(subnet_overlaps(net("10.0.0.0/16"), net("10.1.0.0/16")));
	assert_true(subnet_is_within(net("10.1.0.0/16"), net("10.0.0.0/8")));
	assert_false(subnet_is_within(net("10.0.0.0/8"), net("10.1.0.0/16")));
	assert_true(subnet_overlaps(net("0.0.0.0/0"), net("10.1.0.0/16")));
}

static void test_mac_parse(void **state)
{
	static const char *const bad[] = { "", "02:42", "02:42:ac:11:00:0", "02:42:ac:11:00:02:03",
		"03:42:ac:11:00:02", "02 42 ac 11 00 02", "0g:42:ac:11:00:02" };
	uint8_t mac[6];
	char buf[18];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(mac_parse(bad[i], mac), -EINVAL);
	assert_int_equal(mac_parse("02-42-AC-11-00-02", mac), 0);
	assert_string_equal(mac_format(mac, buf), "02:42:ac:11:00:02");
}

static void test_take_is_the_lowest_free_one(void **state)
{
	struct ipam_pool *p = NULL;
	uint32_t a = 0;

	(void)state;
	assert_int_equal(ipam_pool_new(net("10.0.0.0/24"), NULL, &p), 0);
	assert_int_equal(ipam_take_exact(p, ip("10.0.0.1")), 0); /* the gateway */
	assert_int_equal(ipam_free_count(p), 253);
	assert_int_equal(ipam_take(p, &a), 0);
	assert_int_equal(a, ip("10.0.0.2"));
	assert_int_equal(ipam_take_exact(p, ip("10.0.0.3")), 0);
	assert_int_equal(ipam_take_exact(p, ip("10.0.0.3")), -EADDRINUSE);
	assert_int_equal(ipam_take_exact(p, ip("10.0.1.3")), -ERANGE);
	assert_int_equal(ipam_take(p, &a), 0);
	assert_int_equal(a, ip("10.0.0.4"));
	ipam_release(p, ip("10.0.0.2"));
	ipam_release(p, ip("10.0.0.2")); /* repeatable */
	ipam_release(p, ip("10.9.0.2"));
	assert_int_equal(ipam_take(p, &a), 0);
	assert_int_equal(a, ip("10.0.0.2"));
	ipam_pool_free(p);
}

static void test_take_ends_with_the_pool(void **state)
{
	struct ipam_pool *p = NULL;
	uint32_t a = 0;
	unsigned n = 0;

	(void)state;
	assert_int_equal(ipam_pool_new(net("10.0.0.0/22"), NULL, &p), 0);
	while (ipam_take(p, &a) == 0)
		n++;
	assert_int_equal(n, 1022);
	assert_int_equal(ipam_free_count(p), 0);
	ipam_release(p, ip("10.0.2.77"));
	assert_int_equal(ipam_take(p, &a), 0);
	assert_int_equal(a, ip("10.0.2.77"));
	ipam_pool_free(p);
}

static void test_range_bounds_what_is_chosen(void **state)
{
	struct ipam_pool *p = NULL;
	struct subnet range = net("10.0.0.128/30");
	uint32_t a = 0;

	(void)state;
	assert_int_equal(ipam_pool_new(net("10.0.0.0/24"), &range, &p), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(ipam_take(p, &a), 0);
		assert_int_equal(a, ip("10.0.0.128") + i);
	}
	assert_int_equal(ipam_take(p, &a), -ENOSPC);
	assert_int_equal(ipam_take_exact(p, ip("10.0.0.9")), 0);
	ipam_pool_free(p);
	range = net("10.0.1.0/24");
	assert_int_equal(ipam_pool_new(net("10.0.0.0/24"), &range, &p), -EINVAL);
	assert_int_equal(ipam_pool_new(net("10.0.0.0/7"), NULL, &p), -EINVAL);
}

static void test_small_subnets(void **state)
{
	static const struct {
		const char *subnet;
		unsigned n;
	} cases[] = { { "10.0.0.0/30", 2 }, { "10.0.0.0/31", 2 }, { "10.0.0.0/32", 1 },
		{ "10.0.0.0/29", 6 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ipam_pool *p = NULL;
		uint32_t a;
		unsigned n = 0;
		assert_int_equal(ipam_pool_new(net(cases[i].subnet), NULL, &p), 0);
		while (ipam_take(p, &a) == 0)
			n++;
		assert_int_equal(n, cases[i].n);
		ipam_pool_free(p);
	}
}

static bool busy_below(void *ctx, struct subnet s)
{
	return s.base < *(const uint32_t *)ctx;
}

static void test_choose(void **state)
{
	struct ipam_ranges r;
	struct subnet s;
	struct error err = ERROR_INIT;
	char buf[CIDR_SIZE];
	uint32_t below = 0;

	(void)state;
	ipam_default_ranges(&r);
	assert_int_equal(ipam_choose(&r, busy_below, &below, &s, &err), 0);
	assert_string_equal(subnet_format(s, buf), "172.17.0.0/16");
	below = ip("172.21.0.0");
	assert_int_equal(ipam_choose(&r, busy_below, &below, &s, &err), 0);
	assert_string_equal(subnet_format(s, buf), "172.21.0.0/16");
	below = ip("192.168.16.0");
	assert_int_equal(ipam_choose(&r, busy_below, &below, &s, &err), 0);
	assert_string_equal(subnet_format(s, buf), "192.168.16.0/20");
	below = UINT32_MAX;
	assert_true(ipam_choose(&r, busy_below, &below, &s, &err) < 0);
	assert_int_equal(err.kind, ERROR_EXHAUSTED);
}

static void test_add_range(void **state)
{
	static const char *const bad[] = { "", "base=10.0.0.0/16", "size=24", "base=10.0.0.0/16,size=8",
		"base=10.0.0.0/16,size=31", "base=x,size=24", "bas=10.0.0.0/16,size=24" };
	struct ipam_ranges r = { .n = 0 };
	struct subnet s;
	struct error err;
	char buf[CIDR_SIZE];
	uint32_t below = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(ipam_add_range(&r, bad[i], &err), -EINVAL);
	assert_int_equal(ipam_add_range(&r, "base=10.10.0.0/16,size=24", &err), 0);
	assert_int_equal(ipam_choose(&r, busy_below, &below, &s, &err), 0);
	assert_string_equal(subnet_format(s, buf), "10.10.0.0/24");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_subnet_parse),
		cmocka_unit_test(test_subnet_relations),
		cmocka_unit_test(test_mac_parse),
		cmocka_unit_test(test_take_is_the_lowest_free_one),
		cmocka_unit_test(test_take_ends_with_the_pool),
		cmocka_unit_test(test_range_bounds_what_is_chosen),
		cmocka_unit_test(test_small_subnets),
		cmocka_unit_test(test_choose),
		cmocka_unit_test(test_add_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
