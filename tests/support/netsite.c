/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/netsite.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/netlink/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define REACH_MS 3000
#define KEPT_MS  250

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "site: %s: %s\n", what, strerror(errno));
	abort();
}

static void go(int netns)
{
	must(setns(netns, CLONE_NEWNET) == 0, "setns");
}

static int here(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	must(fd >= 0, "ns/net");
	return fd;
}

static struct netlink *netlink_here(void)
{
	struct netlink *nl = NULL;
	struct error err = ERROR_INIT;

	must(netlink_open(NETLINK_ROUTE, &nl, &err) == 0, err.text);
	return nl;
}

static void commit(struct netlink *nl, struct netlink_batch *b, const char *what)
{
	int r = netlink_commit(nl, b, NULL);

	errno = -r;
	must(r == 0, what);
}

static int index_of(struct netlink *nl, const char *name)
{
	struct link_info info;
	int r = link_get(nl, name, &info);

	errno = -r;
	must(r == 0, name);
	return info.index;
}

static void split(const char *cidr, uint32_t *address, unsigned *prefix)
{
	char text[32];
	struct in_addr a;

	snprintf(text, sizeof text, "%s", cidr);
	char *slash = strchr(text, '/');
	must(slash != NULL, cidr);
	*slash = '\0';
	must(inet_pton(AF_INET, text, &a) == 1, cidr);
	*address = a.s_addr;
	*prefix = (unsigned)strtoul(slash + 1, NULL, 10);
}

/* In the present namespace. */
static void configure(const char *name, const char *cidr, const char *gateway)
{
	struct netlink *nl = netlink_here();
	struct netlink_batch b = { 0 };
	struct link_change up = LINK_UNCHANGED;
	uint32_t address;
	unsigned prefix;

	up.up = 1;
	up.index = index_of(nl, name);
	link_change(&b, &up);
	if (cidr) {
		split(cidr, &address, &prefix);
		link_add_address(&b, up.index, address, prefix);
	}
	if (gateway)
		link_add_route(&b, up.index, 0, 0, inet_addr(gateway));
	commit(nl, &b, name);
	netlink_close(nl);
}

void site_set(const char *name, const char *value)
{
	char path[160];

	snprintf(path, sizeof path, "/proc/sys/net/%s", name);
	int r = fd_write_file(AT_FDCWD, path, value);
	errno = -r;
	must(r == 0 || r == -ENOENT, path);
}

int site_new_netns(struct site *site)
{
	must(unshare(CLONE_NEWNET) == 0, "unshare");
	int fd = here();
	configure("lo", NULL, NULL);
	go(site->host);
	return fd;
}

static void add_pair(const char *name, const char *bridge, int netns, const char *peer)
{
	static uint8_t number;
	struct netlink *nl = netlink_here();
	struct netlink_batch b = { 0 };
	struct link_veth v = { .name = name,
		.peer = peer,
		.alias = "site",
		.netns = netns,
		.bridge = bridge ? index_of(nl, bridge) : 0 };

	number++;
	v.mac[0] = v.peer_mac[0] = 2;
	v.mac[5] = v.peer_mac[5] = number;
	v.peer_mac[1] = 1;
	link_add_veth(&b, &v);
	commit(nl, &b, name);
	netlink_close(nl);
}

void site_add_bridge(struct site *site, const char *name, const char *cidr)
{
	const uint8_t mac[6] = { 2, 2, 0, 0, 0, (uint8_t)name[strlen(name) - 1] };
	struct netlink *nl = netlink_here();
	struct netlink_batch b = { 0 };
	char setting[64];

	(void)site;
	link_add_bridge(&b, name, mac);
	commit(nl, &b, name);
	netlink_close(nl);
	configure(name, cidr, NULL);
	snprintf(setting, sizeof setting, "ipv4/conf/%s/route_localnet", name);
	site_set(setting, "1");
}

static char last_port[16];

const char *site_last_port(void)
{
	return last_port;
}

int site_add_container(struct site *site, const char *bridge, const char *cidr, const char *gateway)
{
	static int number;
	char *name = last_port;
	int netns = site_new_netns(site);

	snprintf(name, sizeof last_port, "site%d", number++);
	add_pair(name, bridge, netns, "eth0");
	go(netns);
	configure("eth0", cidr, gateway);
	go(site->host);
	return netns;
}

int site_enter(struct site *site)
{
	if (unshare(CLONE_NEWNET) < 0) {
		fprintf(stderr, "site: no network namespace: %s\n", strerror(errno));
		return -1;
	}
	site->host = here();
	configure("lo", NULL, NULL);
	site_set("ipv4/ip_forward", "1");
	site->neighbour = site_new_netns(site);
	add_pair("wan0", NULL, site->neighbour, "eth0");
	configure("wan0", SITE_HOST "/24", NULL);
	go(site->neighbour);
	/* It believes that all of the world lies behind the host. */
	configure("eth0", SITE_NEIGHBOUR "/24", SITE_HOST);
	go(site->host);
	return 0;
}

void site_leave(struct site *site)
{
	close(site->neighbour);
	close(site->host);
}

/* ---- sockets ---------------------------------------------------------------------------- */
int site_socket(struct site *site, int netns, int type)
{
	go(netns);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	must(fd >= 0, "socket");
	go(site->host);
	return fd;
}

static struct sockaddr_in at(const char *address, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(address)
	};
}

int site_serve(struct site *site, int netns, int type, const char *address, uint16_t port)
{
	struct sockaddr_in a = at(address, port);
	int fd = site_socket(site, netns, type), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	must(bind(fd, (struct sockaddr *)&a, sizeof a) == 0, "bind");
	if (type == SOCK_STREAM)
		must(listen(fd, 16) == 0, "listen");
	return fd;
}

/* Until a deadline. */
struct meeting {
	int64_t deadline;
	int fd, server;
	char *peer;
};

static bool ready(const struct meeting *m, int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, clock_poll_ms(m->deadline)) == 1 && (p.revents & events) && !(p.revents & POLLERR);
}

static void tell_peer(const struct meeting *m, const struct sockaddr_in *a)
{
	if (m->peer)
		inet_ntop(AF_INET, &a->sin_addr, m->peer, SITE_PEER_SIZE);
}

/* The server may meet a connection of an earlier client's first, that was held up: it answers each. */
static bool meet_stream(const struct meeting *m)
{
	struct pollfd p[2] = { { .fd = m->fd, .events = POLLIN }, { .fd = m->server, .events = POLLIN } };
	int met[8], n = 0;
	char byte = 'x';
	bool ok = false;

	while (!ok && ready(m, m->fd, POLLOUT) && poll(p, 2, clock_poll_ms(m->deadline)) > 0) {
		struct sockaddr_in who;
		socklen_t size = sizeof who;
		if (p[1].revents && n < 8) {
			met[n] = accept4(
				m->server, (struct sockaddr *)&who, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
			if (met[n] >= 0 && write(met[n], &byte, 1) == 1)
				tell_peer(m, &who);
			n += met[n] >= 0;
		}
		if (p[0].revents) {
			ok = read(m->fd, &byte, 1) == 1;
			break;
		}
	}
	while (n > 0)
		close(met[--n]);
	return ok;
}

/* Says it again, as programs do on UDP. */
static bool meet_datagram(const struct meeting *m)
{
	struct pollfd p[2] = { { .fd = m->fd, .events = POLLIN }, { .fd = m->server, .events = POLLIN } };
	struct sockaddr_in who;
	socklen_t n = sizeof who;
	char byte = 'x';

	while (clock_mono_ns() < m->deadline) {
		if (write(m->fd, &byte, 1) != 1 && errno != ECONNREFUSED)
			return false;
		if (poll(p, 2, KEPT_MS / 2) > 0 && (p[1].revents & POLLIN) &&
			recvfrom(m->server, &byte, 1, 0, (struct sockaddr *)&who, &n) == 1) {
			tell_peer(m, &who);
			sendto(m->server, &byte, 1, 0, (struct sockaddr *)&who, n);
			if (poll(p, 1, KEPT_MS / 2) == 1 && read(m->fd, &byte, 1) == 1)
				return true;
		}
	}
	return false;
}

static bool meet(struct site *site, int from, int type, const struct sockaddr_in *a, struct meeting *m)
{
	auto_close int fd = site_socket(site, from, type);

	m->fd = fd;
	if (connect(fd, (const struct sockaddr *)a, sizeof *a) < 0 && errno != EINPROGRESS)
		return false;
	return type == SOCK_STREAM ? meet_stream(m) : meet_datagram(m);
}

bool site_reaches(
	struct site *site, int from, int type, const char *address, uint16_t port, int server, char *peer)
{
	struct meeting m = {
		.deadline = clock_mono_ns() + REACH_MS * CLOCK_MS, .server = server, .peer = peer
	};
	struct sockaddr_in a = at(address, port);

	return meet(site, from, type, &a, &m);
}

bool site_is_kept_from(struct site *site, int from, int type, const char *address, uint16_t port, int server)
{
	struct meeting m = { .deadline = clock_mono_ns() + KEPT_MS * CLOCK_MS, .server = server };
	struct sockaddr_in a = at(address, port);

	return !meet(site, from, type, &a, &m);
}
