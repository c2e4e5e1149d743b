/* SPDX-License-Identifier: Apache-2.0 */
/* The firewall, by packets: who reaches whom.  All in network namespaces of the test's own. */
#include "engine/net/firewall.h"
#include "lib/base/clock.h"
#include "lib/base/spawn.h"
#include "lib/netlink/netlink.h"
#include "tests/support/netsite.h"

#include <errno.h>
#include <gantry/network.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NAT (GTY_NETF_GUARD | GTY_NETF_MASQUERADE | GTY_NETF_PUBLISH)

/* Networks a (10.7.0.0/24: a1, a2) and b (10.8.0.0/24: b1). */
struct fixture {
	struct site site;
	struct firewall *fw;
	int a1, a2, b1;
	char a1_port[16], a2_port[16];
};

static const int types[] = { SOCK_STREAM, SOCK_DGRAM };

static uint8_t proto_of(int type)
{
	return type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
}

static uint32_t ip(const char *text)
{
	uint32_t a = 0;

	assert_int_equal(address_parse(text, &a), 0);
	return a;
}

static void network(struct firewall *fw, const char *link, const char *cidr, uint32_t facts, bool internal)
{
	struct firewall_network n = { .link = link, .facts = facts, .internal = internal };
	struct error err = ERROR_INIT;

	assert_int_equal(subnet_parse(cidr, &n.subnet, &n.gateway), 0);
	if (firewall_set_network(fw, &n, &err) < 0)
		fail_msg("%s", err.text);
}

static void publish(struct firewall *fw, const char *id, int type, const char *host, uint16_t host_port,
	const char *address, uint16_t port)
{
	struct firewall_port p = { .proto = proto_of(type),
		.host_port = host_port,
		.port = port,
		.host_ip = host ? ip(host) : 0,
		.address = ip(address) };
	struct firewall_open open = { .ports = &p, .n_ports = 1 };
	struct error err = ERROR_INIT;

	if (firewall_publish(fw, id, &open, &err) < 0)
		fail_msg("%s", err.text);
}

static void settle(struct firewall *fw)
{
	struct error err = ERROR_INIT;

	if (firewall_settle(fw, &err) < 0)
		fail_msg("%s", err.text);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	if (site_enter(&f->site) < 0)
		return -1;
	site_add_bridge(&f->site, "ta", "10.7.0.1/24");
	site_add_bridge(&f->site, "tb", "10.8.0.1/24");
	f->a1 = site_add_container(&f->site, "ta", "10.7.0.2/24", "10.7.0.1");
	snprintf(f->a1_port, sizeof f->a1_port, "%s", site_last_port());
	f->a2 = site_add_container(&f->site, "ta", "10.7.0.3/24", "10.7.0.1");
	snprintf(f->a2_port, sizeof f->a2_port, "%s", site_last_port());
	f->b1 = site_add_container(&f->site, "tb", "10.8.0.2/24", "10.8.0.1");
	assert_int_equal(firewall_open("0123456789ab", &f->fw, NULL), 0);
	network(f->fw, "ta", "10.7.0.1/24", NAT, false);
	network(f->fw, "tb", "10.8.0.1/24", NAT, false);
	settle(f->fw);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	firewall_close(f->fw);
	close(f->a1);
	close(f->a2);
	close(f->b1);
	site_leave(&f->site);
	free(f);
	return 0;
}

/* ---- published ports ------------------------------------------------------------------------ */
static void check_published(struct fixture *f, int type)
{
	struct site *s = &f->site;
	char peer[SITE_PEER_SIZE];
	int server = site_serve(s, f->a1, type, "0.0.0.0", 80);

	assert_true(site_is_kept_from(s, s->neighbour, type, SITE_HOST, 8080, server));
	publish(f->fw, "c1", type, NULL, 8080, "10.7.0.2", 80);
	assert_true(site_reaches(s, s->neighbour, type, SITE_HOST, 8080, server, peer));
	assert_string_equal(peer, SITE_NEIGHBOUR);
	assert_true(site_reaches(s, s->host, type, "127.0.0.1", 8080, server, NULL));
	assert_true(site_reaches(s, s->host, type, SITE_HOST, 8080, server, NULL));
	assert_true(site_reaches(s, s->host, type, "10.7.0.1", 8080, server, NULL));
	assert_true(site_reaches(s, f->b1, type, SITE_HOST, 8080, server, NULL));
	assert_true(site_reaches(s, f->b1, type, "10.8.0.1", 8080, server, NULL));
	assert_true(site_reaches(s, f->a2, type, "10.7.0.1", 8080, server, NULL));
	assert_true(site_reaches(s, f->a2, type, SITE_HOST, 8080, server, NULL));
	assert_true(site_reaches(s, f->a1, type, "10.7.0.1", 8080, server, NULL)); /* its own */
	assert_int_equal(firewall_withdraw(f->fw, "c1", NULL), 0);
	assert_true(site_is_kept_from(s, s->neighbour, type, SITE_HOST, 8080, server));
	assert_true(site_is_kept_from(s, s->host, type, "127.0.0.1", 8080, server));
	close(server);
}

static void test_published_ports_are_reached_from_everywhere(void **state)
{
	/* Both ways that a kernel may treat what stays on one bridge. */
	for (int nf = 0; nf < 2; nf++) {
		site_set("bridge/bridge-nf-call-iptables", nf ? "1" : "0");
		check_published(*state, SOCK_STREAM);
		check_published(*state, SOCK_DGRAM);
	}
}

static void test_port_of_one_address_answers_there_alone(void **state)
{
	struct fixture *f = *state;
	struct site *s = &f->site;

	for (int i = 0; i < 2; i++) {
		int server = site_serve(s, f->a1, types[i], "0.0.0.0", 80);
		publish(f->fw, "c1", types[i], "127.0.0.1", 8081, "10.7.0.2", 80);
		assert_true(site_reaches(s, s->host, types[i], "127.0.0.1", 8081, server, NULL));
		assert_true(site_is_kept_from(s, s->host, types[i], SITE_HOST, 8081, server));
		assert_true(site_is_kept_from(s, s->neighbour, types[i], SITE_HOST, 8081, server));
		assert_true(site_is_kept_from(s, s->neighbour, types[i], "10.7.0.2", 80, server));
		publish(f->fw, "c1", types[i], SITE_HOST, 8081, "10.7.0.2", 80);
		assert_true(site_reaches(s, s->neighbour, types[i], SITE_HOST, 8081, server, NULL));
		assert_true(site_is_kept_from(s, s->host, types[i], "127.0.0.1", 8081, server));
		close(server);
	}
}

static void test_what_is_not_published_is_guarded(void **state)
{
	struct fixture *f = *state;
	struct site *s = &f->site;

	for (int i = 0; i < 2; i++) {
		int server = site_serve(s, f->a1, types[i], "0.0.0.0", 80);
		publish(f->fw, "c1", types[i], NULL, 8080, "10.7.0.2", 80);
		/* Not by the container's own address, even where it is published. */
		assert_true(site_is_kept_from(s, s->neighbour, types[i], "10.7.0.2", 80, server));
		assert_true(site_is_kept_from(s, f->b1, types[i], "10.7.0.2", 80, server));
		assert_true(site_reaches(s, f->a2, types[i], "10.7.0.2", 80, server, NULL));
		assert_true(site_reaches(s, s->host, types[i], "10.7.0.2", 80, server, NULL));
		close(server);
	}
}

static void test_routed_ports_are_open_on_the_address(void **state)
{
	struct fixture *f = *state;
	struct site *s = &f->site;
	struct firewall_port p = {
		.proto = IPPROTO_TCP, .port = 80, .address = ip("10.7.0.2"), .routed = true
	};
	struct firewall_open open = { .ports = &p, .n_ports = 1 };
	int server = site_serve(s, f->a1, SOCK_STREAM, "0.0.0.0", 80);
	int closed = site_serve(s, f->a1, SOCK_STREAM, "0.0.0.0", 81);

	network(f->fw, "ta", "10.7.0.1/24", GTY_NETF_GUARD | GTY_NETF_ROUTED, false);
	assert_int_equal(firewall_publish(f->fw, "c1", &open, NULL), 0);
	assert_true(site_reaches(s, s->neighbour, SOCK_STREAM, "10.7.0.2", 80, server, NULL));
	assert_true(site_is_kept_from(s, s->neighbour, SOCK_STREAM, "10.7.0.2", 81, closed));
	close(server);
	close(closed);
}

/* ---- going out -------------------------------------------------------------------------------- */
static void test_masquerade(void **state)
{
	struct fixture *f = *state;
	struct site *s = &f->site;
	char peer[SITE_PEER_SIZE];

	for (int i = 0; i < 2; i++) {
		int server = site_serve(s, s->neighbour, types[i], "0.0.0.0", 90);
		assert_true(site_reaches(s, f->a1, types[i], SITE_NEIGHBOUR, 90, server, peer));
		assert_string_equal(peer, SITE_HOST);
		network(f->fw, "ta", "10.7.0.1/24", GTY_NETF_GUARD, false);
		assert_true(site_reaches(s, f->a1, types[i], SITE_NEIGHBOUR, 90, server, peer));
		assert_string_equal(peer, "10.7.0.2");
		network(f->fw, "ta", "10.7.0.1/24", NAT, false);
		close(server);
	}
}

static void test_internal_reaches_its_own_alone(void **state)
{
	struct fixture *f = *state;
	struct site *s = &f->site;
	int out = site_serve(s, s->neighbour, SOCK_STREAM, "0.0.0.0", 90),
	    in = site_serve(s, f->a1, SOCK_STREAM, "0.0.0.0", 80),
	    other = site_serve(s, f->b1, SOCK_STREAM, "0.0.0.0", 80);

	network(f->fw, "ta", "10.7.0.1/24", GTY_NETF_GUARD, true);
	publish(f->fw, "b1", SOCK_STREAM, NULL, 8082, "10.8.0.2", 80);
	assert_true(site_is_kept_from(s, f->a1, SOCK_STREAM, SITE_NEIGHBOUR, 90, out));
	assert_true(site_is_kept_from(s, f->a1, SOCK_STREAM, "10.8.0.2", 80, other));
	assert_true(
		site_is_kept_from(s, f->a1, SOCK_STREAM, "10.7.0.1", 8082, other)); /* published elsewhere */
	assert_true(site_is_kept_from(s, s->neighbour, SOCK_STREAM, "10.7.0.2", 80, in));
	assert_true(site_reaches(s, f->a2, SOCK_STREAM, "10.7.0.2", 80, in, NULL));
	assert_true(site_reaches(s, s->host, SOCK_STREAM, "10.7.0.2", 80, in, NULL));
	close(out);
	close(in);
	close(other);
}

static void test_without_icc_only_what_is_permitted(void **state)
{
	struct fixture *f = *state;
	struct site *s = &f->site;
	struct firewall_permit permit = { .from = ip("10.7.0.3"), .to = ip("10.7.0.2"), .port = 80 };
	const struct firewall_link one = { f->a1_port, "ta" }, two = { f->a2_port, "ta" };
	struct firewall_open open = { .links = &two, .n_links = 1, .permits = &permit, .n_permits = 1 },
			     closed = open, first = { .links = &one, .n_links = 1 };

	closed.n_permits = 0;
	network(f->fw, "ta", "10.7.0.1/24", NAT | GTY_NETF_NO_ICC, false);
	assert_int_equal(firewall_publish(f->fw, "c1", &first, NULL), 0);
	assert_int_equal(firewall_publish(f->fw, "c2", &closed, NULL), 0);
	for (int i = 0; i < 2; i++) {
		int server = site_serve(s, f->a1, types[i], "0.0.0.0", 80);
		int back = site_serve(s, f->a2, types[i], "0.0.0.0", 80);
		permit.proto = proto_of(types[i]);
		assert_true(site_is_kept_from(s, f->a2, types[i], "10.7.0.2", 80, server));
		assert_true(site_reaches(s, s->host, types[i], "10.7.0.2", 80, server, NULL));
		assert_int_equal(firewall_publish(f->fw, "c2", &open, NULL), 0);
		assert_true(site_reaches(s, f->a2, types[i], "10.7.0.2", 80, server, NULL));
		assert_true(site_is_kept_from(s, f->a1, types[i], "10.7.0.3", 80, back));
		assert_int_equal(firewall_publish(f->fw, "c2", &closed, NULL), 0);
		close(server);
		close(back);
	}
}

/* ---- frames that a container forges ------------------------------------------------------------------ */
static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* Sends a frame from a container's eth0: whom it is for, its type, what it holds. */
static void forge(struct site *s, int netns, const uint8_t to[6], uint16_t type, const void *data, size_t n)
{
	uint8_t frame[200] = { 0 };
	struct sockaddr_ll a = { .sll_family = AF_PACKET };

	assert_int_equal(setns(netns, CLONE_NEWNET), 0);
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	a.sll_ifindex = (int)if_nametoindex("eth0");
	memcpy(frame, to, 6);
	frame[6] = 2;
	frame[12] = (uint8_t)(type >> 8);
	frame[13] = (uint8_t)type;
	memcpy(frame + 14, data, n);
	assert_true(sendto(fd, frame, 14 + n, 0, (struct sockaddr *)&a, sizeof a) > 0);
	close(fd);
	assert_int_equal(setns(s->host, CLONE_NEWNET), 0);
}

static int listen_to_frames(struct site *s, int netns, uint16_t type)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(type) };

	assert_int_equal(setns(netns, CLONE_NEWNET), 0);
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(type));
	a.sll_ifindex = (int)if_nametoindex("eth0");
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(setns(s->host, CLONE_NEWNET), 0);
	return fd;
}

/* True when a frame with this byte at this place comes; others are passed over. */
static bool hears(int fd, size_t at, uint8_t byte)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t frame[2000];

	while (poll(&p, 1, 250) == 1) {
		ssize_t n = recv(fd, frame, sizeof frame, 0);
		if (n > (ssize_t)at && frame[at] == byte)
			return true;
	}
	return false;
}

static void tell_ports(struct fixture *f)
{
	const struct firewall_link one = { f->a1_port, "ta" };
	const struct firewall_open open = { .links = &one, .n_links = 1 };

	assert_int_equal(firewall_publish(f->fw, "c1", &open, NULL), 0);
}

static void test_router_advertisements_of_a_container_are_dropped(void **state)
{
	struct fixture *f = *state;
	uint8_t packet[56] = { 0x60, 0, 0, 0, 0, 16, 58 /* ICMPv6 */, 255, 0xfe, 0x80 };
	uint8_t *icmp = packet + 40;
	int fd = listen_to_frames(&f->site, f->a2, 0x86dd);

	packet[23] = 1;
	packet[24] = 0xff; /* to ff02::1 */
	packet[25] = 2;
	packet[39] = 1;
	tell_ports(f);
	icmp[0] = 134;
	forge(&f->site, f->a1, all, 0x86dd, packet, sizeof packet);
	assert_false(hears(fd, 14 + 40, 134));
	icmp[0] = 129; /* anything else passes */
	forge(&f->site, f->a1, all, 0x86dd, packet, sizeof packet);
	assert_true(hears(fd, 14 + 40, 129));
	close(fd);
}

static void test_arp_in_the_gateways_name_is_dropped(void **state)
{
	struct fixture *f = *state;
	uint8_t arp[28] = { 0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 0, 10, 7, 0, 1 };
	int fd = listen_to_frames(&f->site, f->a2, 0x0806);

	tell_ports(f);
	arp[27] = 77; /* marks it */
	forge(&f->site, f->a1, all, 0x0806, arp, sizeof arp);
	assert_false(hears(fd, 14 + 27, 77));
	arp[17] = 2; /* its own */
	forge(&f->site, f->a1, all, 0x0806, arp, sizeof arp);
	assert_true(hears(fd, 14 + 27, 77));
	close(fd);
}

/* Of an IPv4 header of 20 bytes. */
static void set_sum(uint8_t *p)
{
	uint32_t sum = 0;

	p[10] = p[11] = 0;
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~(sum + (sum >> 16));
	p[10] = (uint8_t)(sum >> 8);
	p[11] = (uint8_t)sum;
}

/* route_localnet is on for a network's link: what listens on the host's loopback must not be reached by it.
 */
static void test_a_container_does_not_reach_the_hosts_loopback(void **state)
{
	struct fixture *f = *state;
	struct site *s = &f->site;
	uint8_t packet[29] = { 0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0, 10, 7, 0, 2, 127, 0, 0, 1, 0x30,
		0x39, 0x1e, 0x61, 0, 9, 0, 0, 'x' };
	const uint8_t ta[6] = { 2, 2, 0, 0, 0, 'a' }, tc[6] = { 2, 2, 0, 0, 0, 'c' };
	struct pollfd p = { .fd = site_serve(s, s->host, SOCK_DGRAM, "127.0.0.1", 7777), .events = POLLIN };

	site_add_bridge(s, "tc", "10.9.0.1/24"); /* one that the firewall does not know */
	int c1 = site_add_container(s, "tc", "10.9.0.2/24", "10.9.0.1");
	set_sum(packet);
	forge(s, f->a1, ta, 0x0800, packet, sizeof packet);
	assert_int_equal(poll(&p, 1, 250), 0);
	packet[13] = 9;
	set_sum(packet);
	forge(s, c1, tc, 0x0800, packet, sizeof packet);
	assert_int_equal(poll(&p, 1, 3000), 1); /* that is why */
	close(p.fd);
	close(c1);
}

/* ---- connections that are remembered -------------------------------------------------------------- */
static void test_conntrack_of_a_port_that_moves(void **state)
{
	struct fixture *f = *state;
	struct site *s = &f->site;
	struct netlink *nl = NULL;
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(8080), .sin_addr.s_addr = htonl(ip(SITE_HOST))
	};
	int one = site_serve(s, f->a1, SOCK_DGRAM, "0.0.0.0", 80),
	    two = site_serve(s, f->a2, SOCK_DGRAM, "0.0.0.0", 80);
	const struct conntrack_port moved = { 8080, ip("10.7.0.3") };
	int client = site_socket(s, s->neighbour, SOCK_DGRAM);
	char byte = 'x';

	assert_int_equal(netlink_open(NETLINK_NETFILTER, &nl, NULL), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof to), 0);
	publish(f->fw, "c1", SOCK_DGRAM, NULL, 8080, "10.7.0.2", 80);
	assert_int_equal(write(client, &byte, 1), 1);
	assert_int_equal(read(one, &byte, 1), 1);
	/* The same client, the same port, another container. */
	publish(f->fw, "c1", SOCK_DGRAM, NULL, 8080, "10.7.0.3", 80);
	assert_int_equal(write(client, &byte, 1), 1);
	assert_int_equal(read(two, &byte, 1), -1); /* that is why */
	assert_int_equal(conntrack_forget_ports(nl, &moved, 1), 0);
	assert_int_equal(write(client, &byte, 1), 1);
	assert_int_equal(read(two, &byte, 1), 1);
	assert_int_equal(conntrack_forget_ports(nl, &moved, 1), 0); /* this one is right */
	assert_int_equal(conntrack_forget_address(nl, ip("10.7.0.3")), 0);
	netlink_close(nl);
	close(client);
	close(one);
	close(two);
}

/* ---- beside others ------------------------------------------------------------------------------------ */
static bool nft(const char *text)
{
	const char *const argv[] = { "/usr/sbin/nft", text, NULL };
	struct spawn what = SPAWN_INIT;
	struct spawn_capture io = { .err_max = 400, .out_max = 100000, .deadline_ns = INT64_MAX };
	struct error err = ERROR_INIT;

	what.path = argv[0];
	what.argv = argv;
	if (spawn_capture(&what, &io, &err) < 0) {
		print_message("%s\n", err.text);
		return false;
	}
	bool ok = WIFEXITED(io.status) && WEXITSTATUS(io.status) == 0;
	if (!ok)
		print_message("nft %s: %s\n", text, io.err);
	spawn_capture_done(&io);
	return ok;
}

static bool has_nft(void)
{
	if (access("/usr/sbin/nft", X_OK) == 0)
		return true;
	print_message("skipped: no nft here\n");
	return false;
}

static bool reaches_within_a_second(struct fixture *f, int server)
{
	int64_t deadline = clock_mono_ns() + CLOCK_S;

	while (clock_mono_ns() < deadline)
		if (site_reaches(&f->site, f->site.neighbour, SOCK_STREAM, SITE_HOST, 8080, server, NULL))
			return true;
	return false;
}

static void test_what_others_flush_is_put_back(void **state)
{
	static const char *const ways[] = { "flush ruleset", "delete table ip gantry-0123456789ab",
		"flush chain ip gantry-0123456789ab nat-in", "flush map ip gantry-0123456789ab ports" };
	struct fixture *f = *state;
	int server = site_serve(&f->site, f->a1, SOCK_STREAM, "0.0.0.0", 80);

	if (!has_nft())
		skip();
	publish(f->fw, "c1", SOCK_STREAM, NULL, 8080, "10.7.0.2", 80);
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		assert_true(nft(ways[i]));
		assert_true(reaches_within_a_second(f, server));
		assert_true(site_is_kept_from(
			&f->site, f->site.neighbour, SOCK_STREAM, "10.7.0.2", 80, server)); /* guarded, too */
	}
	close(server);
}

static void test_an_increment_on_a_flushed_table_writes_all(void **state)
{
	struct fixture *f = *state;
	int server = site_serve(&f->site, f->a1, SOCK_STREAM, "0.0.0.0", 80);

	if (!has_nft())
		skip();
	assert_true(nft("flush ruleset"));
	publish(f->fw, "c1", SOCK_STREAM, NULL, 8080, "10.7.0.2", 80);
	assert_true(site_reaches(&f->site, f->site.neighbour, SOCK_STREAM, SITE_HOST, 8080, server, NULL));
	close(server);
}

static void test_two_engines_side_by_side(void **state)
{
	struct fixture *f = *state;
	struct site *s = &f->site;
	struct firewall *second = NULL;
	int one = site_serve(s, f->a1, SOCK_STREAM, "0.0.0.0", 80);

	site_add_bridge(s, "tc", "10.9.0.1/24");
	int c1 = site_add_container(s, "tc", "10.9.0.2/24", "10.9.0.1");
	int two = site_serve(s, c1, SOCK_STREAM, "0.0.0.0", 80);
	assert_int_equal(firewall_open("ba9876543210", &second, NULL), 0);
	network(second, "tc", "10.9.0.1/24", NAT, false);
	settle(second);
	publish(f->fw, "c1", SOCK_STREAM, NULL, 8080, "10.7.0.2", 80);
	publish(second, "c1", SOCK_STREAM, NULL, 9090, "10.9.0.2", 80);
	assert_true(site_reaches(s, s->neighbour, SOCK_STREAM, SITE_HOST, 8080, one, NULL));
	assert_true(site_reaches(s, s->neighbour, SOCK_STREAM, SITE_HOST, 9090, two, NULL));
	assert_true(site_reaches(s, f->a2, SOCK_STREAM, SITE_HOST, 9090, two, NULL));
	assert_true(site_is_kept_from(s, f->a2, SOCK_STREAM, "10.9.0.2", 80, two));
	firewall_close(second);
	assert_true(site_reaches(s, s->neighbour, SOCK_STREAM, SITE_HOST, 9090, two, NULL)); /* it stays */
	close(one);
	close(two);
	close(c1);
}

/* As dockerd leaves it. */
static void test_forward_that_drops_is_told_of_our_networks(void **state)
{
	struct fixture *f = *state;
	struct site *s = &f->site;
	int server = site_serve(s, f->a1, SOCK_STREAM, "0.0.0.0", 80),
	    out = site_serve(s, s->neighbour, SOCK_STREAM, "0.0.0.0", 90);

	if (!has_nft())
		skip();
	publish(f->fw, "c1", SOCK_STREAM, NULL, 8080, "10.7.0.2", 80);
	assert_true(nft("add table ip filter; add chain ip filter FORWARD { type filter hook forward "
			"priority 0; policy drop; }; "
			"add rule ip filter FORWARD iifname docker0 accept"));
	assert_true(reaches_within_a_second(f, server));
	assert_true(site_reaches(s, f->a1, SOCK_STREAM, SITE_NEIGHBOUR, 90, out, NULL));
	assert_false(firewall_is_blocked(f->fw));
	/* What somebody adds later is said before us. */
	assert_true(nft("add rule ip filter FORWARD iifname wan0 tcp dport 80 drop"));
	int64_t deadline = clock_mono_ns() + 2 * CLOCK_S;
	while (!site_is_kept_from(s, s->neighbour, SOCK_STREAM, SITE_HOST, 8080, server))
		assert_true(clock_mono_ns() < deadline);
	assert_true(nft("flush chain ip filter FORWARD"));
	assert_true(reaches_within_a_second(f, server));
	network(f->fw, "tb", "10.8.0.1/24", NAT, false);
	close(server);
	close(out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_published_ports_are_reached_from_everywhere),
		TEST(test_port_of_one_address_answers_there_alone),
		TEST(test_what_is_not_published_is_guarded),
		TEST(test_routed_ports_are_open_on_the_address),
		TEST(test_masquerade),
		TEST(test_internal_reaches_its_own_alone),
		TEST(test_without_icc_only_what_is_permitted),
		TEST(test_router_advertisements_of_a_container_are_dropped),
		TEST(test_arp_in_the_gateways_name_is_dropped),
		TEST(test_a_container_does_not_reach_the_hosts_loopback),
		TEST(test_conntrack_of_a_port_that_moves),
		TEST(test_what_others_flush_is_put_back),
		TEST(test_an_increment_on_a_flushed_table_writes_all),
		TEST(test_two_engines_side_by_side),
		TEST(test_forward_that_drops_is_told_of_our_networks),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
