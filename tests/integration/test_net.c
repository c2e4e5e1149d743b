/* SPDX-License-Identifier: Apache-2.0 */
/* Networks from the engine's side: rows, addresses, ports, sandboxes, by packets. */
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "lib/netlink/link.h"
#include "tests/integration/net_fixture.h"
#include "tests/support/world.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define CHECK(call)                               \
	do {                                      \
		if ((call) < 0)                   \
			fail_msg("%s", err.text); \
	} while (0)
#define REFUSED(call, kind_, text_)                                  \
	do {                                                         \
		assert_true((call) < 0);                             \
		if (err.kind != (kind_) || !strstr(err.text, text_)) \
			fail_msg("%d: %s", err.kind, err.text);      \
	} while (0)

static const char publish_8080[] = "{'NetworkMode':'bridge','PortBindings':{'80/"
				   "tcp':[{'HostPort':'8080'}],'80/udp':[{'HostPort':'8080'}]}}";

static struct fixture *enter(void **state, const struct net_config *config)
{
	struct fixture *f = calloc(1, sizeof *f);

	(void)state;
	fixture_enter(f, config);
	return f;
}

static void leave(struct fixture *f)
{
	fixture_leave(f);
	free(f);
}

static void create(struct fixture *f, const char *body)
{
	struct json *b = json_of(body), *ret = NULL;
	struct error err = ERROR_INIT;

	CHECK(net_create(f->net, b, &ret, &err));
	json_free(b);
	json_free(ret);
}

static int try_create(struct fixture *f, const char *body, struct error *err)
{
	struct json *b = json_of(body), *ret = NULL;
	int r = net_create(f->net, b, &ret, err);

	json_free(b);
	json_free(ret);
	return r;
}

static unsigned links_here(void)
{
	struct if_nameindex *v = if_nameindex();
	unsigned n = 0;

	while (v && v[n].if_index)
		n++;
	if_freenameindex(v);
	return n;
}

/* ---- networks ---------------------------------------------------------------------------------- */
static void test_predefined_networks(void **state)
{
	struct fixture *f = enter(state, NULL);
	struct json *list = NULL, *one = NULL;
	struct error err = ERROR_INIT;

	CHECK(net_list(f->net, NULL, &list, &err));
	assert_int_equal(json_count(list), 3);
	CHECK(net_inspect(f->net, "bridge", &one, &err));
	assert_string_equal(
		json_string(json_at(json_at(one, "Options"), "com.docker.network.bridge.name")), "gantry0");
	assert_string_equal(
		json_string(json_at(json_item(json_at(json_at(one, "IPAM"), "Config"), 0), "Subnet")),
		"172.17.0.0/16");
	assert_int_not_equal(if_nametoindex("gantry0"), 0);
	REFUSED(net_remove(f->net, "bridge", &err), ERROR_DENIED,
		"bridge is a pre-defined network and cannot be removed");
	REFUSED(net_inspect(f->net, "nope", &one, &err), ERROR_NOT_FOUND, "network nope not found");
	json_free(list);
	json_free(one);
	leave(f);
}

static void test_create_refuses(void **state)
{
	static const struct {
		const char *body;
		int kind;
		const char *text;
	} cases[] = {
		{ "{'Name':''}", ERROR_INVALID, "invalid name: name is empty" },
		{ "{'Name':'host'}", ERROR_DENIED, "operation is not permitted on predefined host network" },
		{ "{'Name':'mine'}", ERROR_CONFLICT, "network with name mine already exists" },
		{ "{'Name':'x','Driver':'nope'}", ERROR_NOT_FOUND, "plugin \"nope\" not found" },
		{ "{'Name':'x','Driver':'host'}", ERROR_DENIED,
			"only one instance of \"host\" network is allowed" },
		{ "{'Name':'x','IPAM':{'Config':[{'Subnet':'10.1.0.0'}]}}", ERROR_INVALID,
			"invalid subnet 10.1.0.0" },
		{ "{'Name':'x','IPAM':{'Config':[{'Subnet':'172.17.3.0/24'}]}}", ERROR_DENIED,
			"Pool overlaps with other one on this address space" },
		{ "{'Name':'x','IPAM':{'Config':[{'Subnet':'10.1.0.0/24','Gateway':'10.2.0.1'}]}}",
			ERROR_INVALID, "gateway" },
		{ "{'Name':'x','IPAM':{'Config':[{'Subnet':'10.1.0.0/24','IPRange':'10.2.0.0/25'}]}}",
			ERROR_INVALID, "ip-range" },
		{ "{'Name':'x','EnableIPv6':true}", ERROR_UNSUPPORTED, "IPv6" },
		{ "{'Name':'x','Options':{'com.docker.network.driver.mtu':'abc'}}", ERROR_INVALID, "mtu" },
		{ "{'Name':'x','Options':{'com.docker.network.bridge.name':'a/b'}}", ERROR_INVALID,
			"bridge name" },
		{ "{'Name':'x','Options':{'com.docker.network.bridge.name':'wan0'}}", ERROR_CONFLICT,
			"no bridge" },
	};
	struct fixture *f = enter(state, NULL);
	unsigned before;

	create(f, "{'Name':'mine'}");
	before = links_here();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct error err = ERROR_INIT;
		REFUSED(try_create(f, cases[i].body, &err), cases[i].kind, cases[i].text);
	}
	assert_int_equal(links_here(), before);
	leave(f);
}

static void test_networks_survive_a_restart(void **state)
{
	struct fixture *f = enter(state, NULL);
	struct json *before = NULL, *after = NULL;
	struct error err = ERROR_INIT;

	create(f, "{'Name':'mine','Labels':{'a':'b'},'IPAM':{'Config':[{'Subnet':'10.5.0.0/"
		  "24','IPRange':'10.5.0.128/25',"
		  "'Gateway':'10.5.0.254','AuxiliaryAddresses':{'r':'10.5.0.130'}}]}}");
	CHECK(net_inspect(f->net, "mine", &before, &err));
	fixture_reopen(f, NULL);
	CHECK(net_settle(f->net, &err));
	CHECK(net_inspect(f->net, "mine", &after, &err));
	char *a = json_text(before), *b = json_text(after);
	assert_string_equal(a, b);
	free(a);
	free(b);
	json_free(before);
	json_free(after);
	CHECK(net_remove(f->net, "mine", &err));
	fixture_reopen(f, NULL);
	CHECK(net_settle(f->net, &err));
	REFUSED(net_inspect(f->net, "mine", &after, &err), ERROR_NOT_FOUND, "network mine not found");
	leave(f);
}

static void test_the_daemons_options_for_the_default_network(void **state)
{
	const struct net_config plain = { .bip = "10.33.0.1/24", .fixed_cidr = "10.33.0.64/26", .mtu = 1400 },
				moved = { .bip = "10.34.0.1/24", .bridge_name = "gantry7" };
	struct fixture *f = enter(state, &plain);
	struct error err = ERROR_INIT;
	struct box b;
	char text[64];

	CHECK(box_new(f, &b, "b", "{}", NULL, &err));
	CHECK(box_start(&b, &err));
	assert_string_equal(box_setting(&b, "IPAddress", text, sizeof text), "10.33.0.64");
	assert_string_equal(box_setting(&b, "Gateway", text, sizeof text), "10.33.0.1");
	box_stop(&b);
	net_free(b.m);
	b.m = NULL;
	fixture_reopen(f, &moved);
	assert_int_equal(if_nametoindex("gantry0"), 0);
	assert_int_not_equal(if_nametoindex("gantry7"), 0);
	CHECK(box_load(f, &b, NULL, &err));
	CHECK(net_settle(f->net, &err));
	CHECK(box_start(&b, &err));
	assert_string_equal(box_setting(&b, "IPAddress", text, sizeof text), "10.34.0.2");
	box_stop(&b);
	box_free(&b);
	leave(f);
}

static void test_an_existing_bridge_is_used_and_kept(void **state)
{
	const struct net_config config = { .bridge = "mine0" };
	struct fixture *f = calloc(1, sizeof *f);
	struct error err = ERROR_INIT;
	struct box b;
	char text[64];

	(void)state;
	fixture_enter_with(f, &config, "mine0", "10.44.0.1/24");
	CHECK(box_new(f, &b, "b", "{}", NULL, &err));
	CHECK(box_start(&b, &err));
	assert_string_equal(box_setting(&b, "IPAddress", text, sizeof text), "10.44.0.2");
	box_stop(&b);
	box_free(&b);
	leave(f);
	assert_int_not_equal(if_nametoindex("mine0"), 0);
}

/* ---- containers ------------------------------------------------------------------------------------- */
static bool file_has(struct fixture *f, const struct box *b, const char *name, const char *text)
{
	char path[200], *content = NULL;

	path_format(path, sizeof path, "%s/containers/%s/%s", f->data, b->id, name);
	assert_int_equal(fd_read_file(AT_FDCWD, path, 65536, &content, NULL), 0);
	bool r = strstr(content, text) != NULL;
	free(content);
	return r;
}

static void test_published_container(void **state)
{
	struct fixture *f = enter(state, NULL);
	struct error err = ERROR_INIT;
	struct box b;
	char text[200];
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM };

	CHECK(box_new(f, &b, "web", publish_8080, NULL, &err));
	/* The first is made, those after it were made ahead. */
	for (int round = 0; round < 4; round++) {
		CHECK(box_start(&b, &err));
		for (int i = 0; i < 2; i++) {
			int server = site_serve(&f->site, b.sandbox.netns, types[i], "0.0.0.0", 80);
			assert_true(site_reaches(
				&f->site, f->site.neighbour, types[i], SITE_HOST, 8080, server, NULL));
			assert_true(site_reaches(
				&f->site, f->site.host, types[i], "127.0.0.1", 8080, server, NULL));
			close(server);
		}
		assert_string_equal(box_setting(&b, "Ports.80/tcp.0.HostPort", text, sizeof text), "8080");
		assert_string_equal(
			box_setting(&b, "Networks.bridge.Gateway", text, sizeof text), "172.17.0.1");
		box_setting(&b, "IPAddress", text, sizeof text);
		assert_true(str_after(text, "172.17.0.") != NULL);
		assert_true(file_has(f, &b, "hosts", text));
		assert_true(file_has(f, &b, "hostname", "web\n"));
		assert_true(strlen(box_setting(&b, "SandboxKey", text, sizeof text)) > 0);
		assert_int_equal(access(text, F_OK), 0);
		box_stop(&b);
		assert_int_not_equal(access(text, F_OK), 0);
	}
	box_free(&b);
	leave(f);
}

/* Without icc a link opens what the other exposes, and says where it is. */
static void test_links_of_the_default_network(void **state)
{
	const struct net_config config = { .no_icc = true };
	struct fixture *f = enter(state, &config);
	struct error err = ERROR_INIT;
	struct box db, web, other;
	char address[64];

	REFUSED(box_new(f, &web, "web", "{'Links':['db:base']}", NULL, &err), ERROR_INVALID,
		"could not get container for db");
	CHECK(box_new(f, &db, "db", "{}", NULL, &err));
	CHECK(box_new(f, &web, "web", "{'Links':['db:base']}", NULL, &err));
	CHECK(box_new(f, &other, "other", "{}", NULL, &err));
	REFUSED(net_start(web.m, &web.sandbox, &err), ERROR_INTERNAL,
		"Cannot link to a non running container: /db AS /web/base");
	CHECK(box_start(&db, &err));
	CHECK(box_start(&web, &err));
	CHECK(box_start(&other, &err));
	box_setting(&db, "IPAddress", address, sizeof address);
	assert_true(file_has(f, &web, "hosts", address));
	assert_true(file_has(f, &web, "hosts", "\tbase "));
	int open = site_serve(&f->site, db.sandbox.netns, SOCK_STREAM, "0.0.0.0", 80),
	    closed = site_serve(&f->site, db.sandbox.netns, SOCK_STREAM, "0.0.0.0", 81);
	assert_true(site_reaches(&f->site, web.sandbox.netns, SOCK_STREAM, address, 80, open, NULL));
	assert_true(site_is_kept_from(&f->site, web.sandbox.netns, SOCK_STREAM, address, 81, closed));
	assert_true(site_is_kept_from(&f->site, other.sandbox.netns, SOCK_STREAM, address, 80, open));
	close(open);
	close(closed);
	box_stop(&db);
	box_stop(&web);
	box_stop(&other);
	box_free(&db);
	box_free(&web);
	box_free(&other);
	leave(f);
}

static void test_none_and_host_and_joined(void **state)
{
	struct fixture *f = enter(state, NULL);
	struct error err = ERROR_INIT;
	struct box none, host, second;
	char mode[128], text[200];

	CHECK(box_new(f, &none, "none1", "{'NetworkMode':'none'}", NULL, &err));
	CHECK(box_start(&none, &err));
	assert_true(none.sandbox.netns >= 0);
	CHECK(box_new(f, &host, "host1", "{'NetworkMode':'host'}", NULL, &err));
	CHECK(box_start(&host, &err));
	assert_int_equal(host.sandbox.netns, -1);
	assert_true(strlen(box_setting(&host, "Networks.host.EndpointID", text, sizeof text)) == 64);
	path_format(mode, sizeof mode, "{'NetworkMode':'container:%s'}", none.id);
	CHECK(box_new(f, &second, "second", mode, NULL, &err));
	CHECK(net_start(second.m, &second.sandbox, &err));
	assert_string_equal(second.sandbox.etc, none.id);
	net_sandbox_done(&second.sandbox);
	box_stop(&none);
	REFUSED(net_start(second.m, &second.sandbox, &err), ERROR_CONFLICT,
		"cannot join network of a non running container");
	box_stop(&host);
	box_free(&none);
	box_free(&host);
	box_free(&second);
	leave(f);
}

static void test_prepare_refuses(void **state)
{
	static const struct {
		const char *host_config, *networking, *text;
	} cases[] = {
		{ "{'NetworkMode':'container:x','PortBindings':{'80/tcp':[{'HostPort':'1'}]}}", NULL,
			"conflicting options: port" },
		{ "{'NetworkMode':'host','Links':['a:b']}", NULL,
			"conflicting options: host type networking" },
		{ "{'PortBindings':{'80/tcp':[{'HostPort':'x'}]}}", NULL,
			"invalid port specification: \"x\"" },
		{ "{'ExtraHosts':['nope']}", NULL, "bad format for add-host" },
		{ "{'ExtraHosts':['a:b\\nc']}", NULL, "bad format for add-host" },
		{ "{'Dns':['x']}", NULL, "bad nameserver address" },
		{ "{'DnsSearch':['a\\nb']}", NULL, "DNS search domain" },
		{ "{}", "{'EndpointsConfig':{'bridge':{'IPAMConfig':{'IPv4Address':'172.17.0.9'}}}}",
			"user specified IP address is supported on user defined networks only" },
		{ "{}", "{'EndpointsConfig':{'bridge':{'Aliases':['a']}}}",
			"network-scoped aliases are only supported" },
		{ "{'NetworkMode':'auto'}",
			"{'EndpointsConfig':{'auto':{'IPAMConfig':{'IPv4Address':'172.18.0.9'}}}}",
			"user configured subnets" },
		{ "{'NetworkMode':'auto'}", "{'EndpointsConfig':{'auto':{'MacAddress':'zz'}}}",
			"invalid MAC address" },
	};
	struct fixture *f = enter(state, NULL);

	create(f, "{'Name':'auto'}");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct error err = ERROR_INIT;
		struct box b;
		REFUSED(box_new(f, &b, "c", cases[i].host_config, cases[i].networking, &err), ERROR_INVALID,
			cases[i].text);
	}
	leave(f);
}

static void test_static_addresses(void **state)
{
	static const char at_9[] = "{'EndpointsConfig':{'mine':{'IPAMConfig':{'IPv4Address':'10.5.0.9'}}}}";
	struct fixture *f = enter(state, NULL);
	struct error err = ERROR_INIT;
	struct box a, b, c;
	char text[64];

	create(f, "{'Name':'mine','IPAM':{'Config':[{'Subnet':'10.5.0.0/28'}]}}");
	CHECK(box_new(f, &a, "a", "{'NetworkMode':'mine'}", at_9, &err));
	CHECK(box_new(f, &b, "b", "{'NetworkMode':'mine'}", at_9, &err));
	CHECK(box_new(f, &c, "c", "{'NetworkMode':'none'}", NULL, &err));
	CHECK(box_start(&a, &err));
	assert_string_equal(box_setting(&a, "Networks.mine.IPAddress", text, sizeof text), "10.5.0.9");
	REFUSED(net_start(b.m, &b.sandbox, &err), ERROR_DENIED, "Address already in use");
	REFUSED(net_remove(f->net, "mine", &err), ERROR_DENIED, "has active endpoints (name:\"a\"");
	box_stop(&a);
	CHECK(box_start(&b, &err));
	assert_string_equal(box_setting(&b, "Networks.mine.IPAddress", text, sizeof text), "10.5.0.9");
	box_stop(&b);
	CHECK(net_remove(f->net, "mine", &err));
	REFUSED(net_start(b.m, &b.sandbox, &err), ERROR_NOT_FOUND, "network mine not found");
	box_free(&a);
	box_free(&b);
	box_free(&c);
	leave(f);
}

static void test_a_port_that_is_taken(void **state)
{
	struct fixture *f = enter(state, NULL);
	struct error err = ERROR_INIT;
	struct box a, b;
	int other;

	CHECK(box_new(f, &a, "a", publish_8080, NULL, &err));
	CHECK(box_new(f, &b, "b", publish_8080, NULL, &err));
	CHECK(box_start(&a, &err));
	REFUSED(net_start(b.m, &b.sandbox, &err), ERROR_INTERNAL,
		"Bind for 0.0.0.0:8080 failed: port is already allocated");
	box_stop(&a);
	other = site_serve(&f->site, f->site.host, SOCK_STREAM, "0.0.0.0", 8080);
	REFUSED(net_start(b.m, &b.sandbox, &err), ERROR_INTERNAL, "address already in use");
	close(other);
	CHECK(box_start(&b, &err));
	box_stop(&b);
	box_free(&a);
	box_free(&b);
	leave(f);
}

static void *end_soon(void *arg)
{
	const struct timespec pause = { .tv_nsec = 100 * CLOCK_MS };

	nanosleep(&pause, NULL);
	net_stop(((struct box *)arg)->m, false);
	net_sandbox_done(&((struct box *)arg)->sandbox);
	net_released(((struct box *)arg)->m);
	return NULL;
}

/* What the one that ends holds is waited for, since its end was told already. */
static void test_a_start_waits_for_who_is_ending(void **state)
{
	static const char at_9[] = "{'EndpointsConfig':{'mine':{'IPAMConfig':{'IPv4Address':'10.5.0.9'}}}}";
	static const char host[] = "{'NetworkMode':'mine','PortBindings':{'80/tcp':[{'HostPort':'8080'}]}}";
	struct fixture *f = enter(state, NULL);
	struct error err = ERROR_INIT;
	struct box a, b;
	pthread_t thread;

	create(f, "{'Name':'mine','IPAM':{'Config':[{'Subnet':'10.5.0.0/24'}]}}");
	CHECK(box_new(f, &a, "a", host, at_9, &err));
	CHECK(box_new(f, &b, "b", host, at_9, &err));
	CHECK(box_start(&a, &err));
	net_ending(a.m);
	assert_int_equal(pthread_create(&thread, NULL, end_soon, &a), 0);
	CHECK(box_start(&b, &err));
	pthread_join(thread, NULL);
	net_ending(b.m);
	assert_int_equal(pthread_create(&thread, NULL, end_soon, &b), 0);
	CHECK(net_remove(f->net, "mine", &err));
	pthread_join(thread, NULL);
	box_free(&a);
	box_free(&b);
	leave(f);
}

static void test_connect_and_disconnect_while_running(void **state)
{
	struct fixture *f = enter(state, NULL);
	struct error err = ERROR_INIT;
	struct net_sandbox keep = NET_SANDBOX_NONE;
	struct box a, b;
	char text[64], peer[SITE_PEER_SIZE];

	create(f, "{'Name':'in','Internal':true}");
	create(f, "{'Name':'out'}");
	CHECK(box_new(f, &a, "a", "{'NetworkMode':'in','PortBindings':{'80/tcp':[{'HostPort':'8080'}]}}",
		NULL, &err));
	CHECK(box_new(f, &b, "b", "{'NetworkMode':'out'}", NULL, &err));
	CHECK(box_start(&a, &err));
	CHECK(box_start(&b, &err));
	int server = site_serve(&f->site, a.sandbox.netns, SOCK_STREAM, "0.0.0.0", 80),
	    out = site_serve(&f->site, f->site.neighbour, SOCK_STREAM, "0.0.0.0", 90);
	assert_true(site_is_kept_from(&f->site, f->site.neighbour, SOCK_STREAM, SITE_HOST, 8080, server));
	assert_string_equal(box_setting(&a, "Ports.80/tcp.0.HostPort", text, sizeof text), "");
	CHECK(net_connect(a.m, "out", NULL, &keep, &err));
	assert_int_equal(keep.keep_n, 1);
	assert_true(site_reaches(&f->site, f->site.neighbour, SOCK_STREAM, SITE_HOST, 8080, server, NULL));
	assert_true(site_reaches(&f->site, a.sandbox.netns, SOCK_STREAM, SITE_NEIGHBOUR, 90, out, peer));
	assert_string_equal(peer, SITE_HOST);
	box_setting(&a, "Networks.out.IPAddress", text, sizeof text);
	assert_true(file_has(f, &a, "hosts", text));
	assert_true(site_reaches(&f->site, b.sandbox.netns, SOCK_STREAM, text, 80, server, NULL));
	struct net_sandbox none = NET_SANDBOX_NONE;
	REFUSED(net_connect(a.m, "out", NULL, &none, &err), ERROR_DENIED, "already exists in network out");
	CHECK(net_disconnect(a.m, "out", false, &err));
	assert_true(site_is_kept_from(&f->site, b.sandbox.netns, SOCK_STREAM, text, 80, server));
	assert_true(site_is_kept_from(&f->site, f->site.neighbour, SOCK_STREAM, SITE_HOST, 8080, server));
	assert_true(site_is_kept_from(&f->site, a.sandbox.netns, SOCK_STREAM, SITE_NEIGHBOUR, 90, out));
	REFUSED(net_disconnect(a.m, "out", false, &err), ERROR_INTERNAL, "is not connected to network out");
	net_sandbox_done(&keep);
	box_stop(&a);
	box_stop(&b);
	CHECK(net_remove(f->net, "out", &err));
	CHECK(net_remove(f->net, "in", &err));
	close(server);
	close(out);
	box_free(&a);
	box_free(&b);
	leave(f);
}

static void test_a_running_container_survives_a_restart(void **state)
{
	struct fixture *f = enter(state, NULL);
	struct error err = ERROR_INIT;
	struct box lives, died, next;
	char before[64], after[64];

	create(f, "{'Name':'mine'}");
	CHECK(box_new(f, &lives, "lives", publish_8080, NULL, &err));
	CHECK(box_new(f, &died, "died", "{'NetworkMode':'mine'}", NULL, &err));
	CHECK(box_start(&lives, &err));
	CHECK(box_start(&died, &err));
	box_setting(&lives, "IPAddress", before, sizeof before);
	int server = site_serve(&f->site, lives.sandbox.netns, SOCK_STREAM, "0.0.0.0", 80);
	struct json *one = net_save(lives.m), *two = net_save(died.m);
	net_free(lives.m);
	net_free(died.m);
	lives.m = died.m = NULL;
	fixture_reopen(f, NULL);
	CHECK(box_load(f, &lives, one, &err));
	CHECK(box_load(f, &died, two, &err));
	CHECK(net_restore(lives.m, lives.sandbox.netns, "/proc/self/ns/net", &err));
	net_stop(died.m, false);
	net_released(died.m);
	CHECK(net_settle(f->net, &err));
	assert_string_equal(box_setting(&lives, "IPAddress", after, sizeof after), before);
	assert_true(site_reaches(&f->site, f->site.neighbour, SOCK_STREAM, SITE_HOST, 8080, server, NULL));
	CHECK(net_remove(f->net, "mine", &err)); /* nobody is on it any more */
	CHECK(box_new(f, &next, "next", "{}", NULL, &err));
	CHECK(box_start(&next, &err));
	assert_string_not_equal(box_setting(&next, "IPAddress", after, sizeof after), before);
	box_stop(&next);
	box_stop(&lives);
	close(server);
	json_free(one);
	json_free(two);
	box_free(&lives);
	box_free(&died);
	box_free(&next);
	leave(f);
}

static int count_ours(void *ctx, const struct link_info *link)
{
	*(int *)ctx += strncmp(link->alias, "gantry:", 7) == 0 && strcmp(link->kind, "veth") == 0;
	return 0;
}

static int veths_here(void)
{
	struct netlink *nl = NULL;
	int n = 0;

	assert_int_equal(netlink_open(NETLINK_ROUTE, &nl, NULL), 0);
	assert_int_equal(link_each(nl, count_ours, &n), 0);
	netlink_close(nl);
	return n;
}

static void test_nothing_is_left(void **state)
{
	struct fixture *f = enter(state, NULL);
	struct error err = ERROR_INIT;
	struct box b[4];
	char name[8];

	create(f, "{'Name':'mine'}");
	unsigned links = links_here();
	for (int i = 0; i < 4; i++) {
		path_format(name, sizeof name, "c%d", i);
		CHECK(box_new(f, &b[i], name, i % 2 ? "{'NetworkMode':'mine'}" : "{}", NULL, &err));
		CHECK(box_start(&b[i], &err));
	}
	for (int i = 0; i < 4; i++) {
		box_stop(&b[i]);
		box_free(&b[i]);
	}
	net_close(f->net); /* spares end, too */
	f->net = NULL;
	int64_t deadline = clock_mono_ns() + 10 * CLOCK_S;
	while (veths_here() > 0) /* the kernel destroys namespaces behind us */
		assert_true(clock_mono_ns() < deadline);
	assert_int_equal(links_here(), links);
	leave(f);
}

static void test_two_engines_side_by_side(void **state)
{
	struct fixture *f = enter(state, NULL), second = { 0 };
	struct error err = ERROR_INIT;
	struct box a, b, c;
	char text[64];

	fixture_enter_beside(&second, f);
	assert_int_not_equal(if_nametoindex("gantry1"), 0);
	CHECK(box_new(f, &a, "a", publish_8080, NULL, &err));
	CHECK(box_new(&second, &b, "b", "{'PortBindings':{'80/tcp':[{'HostPort':'9090'}]}}", NULL, &err));
	CHECK(box_new(&second, &c, "c", publish_8080, NULL, &err));
	CHECK(box_start(&a, &err));
	CHECK(box_start(&b, &err));
	REFUSED(net_start(c.m, &c.sandbox, &err), ERROR_INTERNAL, "address already in use");
	assert_string_equal(box_setting(&a, "Gateway", text, sizeof text), "172.17.0.1");
	assert_string_equal(box_setting(&b, "Gateway", text, sizeof text), "172.18.0.1");
	int one = site_serve(&f->site, a.sandbox.netns, SOCK_STREAM, "0.0.0.0", 80),
	    two = site_serve(&f->site, b.sandbox.netns, SOCK_STREAM, "0.0.0.0", 80);
	assert_true(site_reaches(&f->site, f->site.neighbour, SOCK_STREAM, SITE_HOST, 8080, one, NULL));
	assert_true(site_reaches(&f->site, f->site.neighbour, SOCK_STREAM, SITE_HOST, 9090, two, NULL));
	assert_true(site_reaches(&f->site, a.sandbox.netns, SOCK_STREAM, SITE_HOST, 9090, two, NULL));
	box_setting(&b, "IPAddress", text, sizeof text);
	assert_true(site_is_kept_from(&f->site, a.sandbox.netns, SOCK_STREAM, text, 80, two));
	/* One that comes and goes leaves the other's alone. */
	box_stop(&b);
	box_free(&b);
	box_free(&c);
	fixture_leave_beside(&second);
	assert_true(site_reaches(&f->site, f->site.neighbour, SOCK_STREAM, SITE_HOST, 8080, one, NULL));
	box_stop(&a);
	box_free(&a);
	close(one);
	close(two);
	leave(f);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_predefined_networks),
		cmocka_unit_test(test_create_refuses),
		cmocka_unit_test(test_networks_survive_a_restart),
		cmocka_unit_test(test_the_daemons_options_for_the_default_network),
		cmocka_unit_test(test_an_existing_bridge_is_used_and_kept),
		cmocka_unit_test(test_links_of_the_default_network),
		cmocka_unit_test(test_published_container),
		cmocka_unit_test(test_none_and_host_and_joined),
		cmocka_unit_test(test_prepare_refuses),
		cmocka_unit_test(test_static_addresses),
		cmocka_unit_test(test_a_port_that_is_taken),
		cmocka_unit_test(test_a_start_waits_for_who_is_ending),
		cmocka_unit_test(test_connect_and_disconnect_while_running),
		cmocka_unit_test(test_a_running_container_survives_a_restart),
		cmocka_unit_test(test_two_engines_side_by_side),
		cmocka_unit_test(test_nothing_is_left),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
