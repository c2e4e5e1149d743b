/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one writer of firewall rules.  Each engine has two tables of its own, "gantry-<instance>" of the
 * families ip and bridge; nothing else of the host's is read or changed, but for the chain FORWARD of an
 * iptables that drops what is forwarded: there each network is accepted, at the end, after all that others
 * have said.
 *
 * What it does: published ports are translated where the destination is this host (from neighbours,
 * containers and the host itself, loopback included: no proxy), what leaves a network bears the host's
 * address, links are guarded: what is not published is not reached from outside of its network; internal
 * networks reach nothing else; containers without icc talk among themselves where permitted.
 *
 * Rules change with networks alone; a container is elements of sets.  What should be is kept in memory: when
 * something else flushes a table, or an increment fails, the whole is written again in one transaction.
 * Threads: any.
 */
#ifndef GANTRY_ENGINE_NET_FIREWALL_H
#define GANTRY_ENGINE_NET_FIREWALL_H

#include "engine/net/address.h"
#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct firewall;
struct netlink;

/* Writes nothing until firewall_settle. */
int firewall_open(const char *instance, struct firewall **ret, struct error *err);
/* The rules stay. */
void firewall_close(struct firewall *fw);
/* --iptables=false: the tables that an earlier gantryd of this instance has left go. */
int firewall_remove(struct netlink *nl, const char *instance, struct error *err);

struct firewall_network {
	const char *link;
	uint32_t facts; /* GTY_NETF_* of <gantry/network.h> */
	struct subnet subnet;
	uint32_t gateway; /* of ours, on the link; 0: none */
	bool internal;
};
/* Adds one, or replaces that of the same link. */
int firewall_set_network(struct firewall *fw, const struct firewall_network *n, struct error *err);
int firewall_drop_network(struct firewall *fw, const char *link, struct error *err);

struct firewall_port {
	uint8_t proto;
	uint16_t host_port, port;
	uint32_t host_ip; /* 0: every address of the host */
	uint32_t address; /* of the container */
	bool routed;      /* GTY_NETF_ROUTED: opened, not translated */
};
struct firewall_permit { /* between containers without icc */
	uint8_t proto;
	uint16_t port;
	uint32_t from, to;
};
struct firewall_link {
	const char *port;    /* the container's end on the host */
	const char *network; /* the link of a network that firewall_set_network has told */
};
/* A container from now on, in place of what was: its links, and all that is open for it. */
struct firewall_open {
	const struct firewall_link *links;
	size_t n_links;
	const struct firewall_port *ports;
	size_t n_ports;
	const struct firewall_permit *permits;
	size_t n_permits;
};
int firewall_publish(
	struct firewall *fw, const char *container, const struct firewall_open *open, struct error *err);
int firewall_withdraw(struct firewall *fw, const char *container, struct error *err);

/* Writes the whole, and begins to watch: what others flush is put back. */
int firewall_settle(struct firewall *fw, struct error *err);

/* Another firewall drops what is forwarded, and gantry cannot say its word there. */
bool firewall_is_blocked(struct firewall *fw);

/* ---- conntrack.c: connections that a translation made and that outlive it ---------------------- */
struct netlink;
/* Deletes those of and to a container's address. */
int conntrack_forget_address(struct netlink *nl, uint32_t address);
/* Deletes those of UDP that came to one of the host's ports and are not translated, or elsewhere than to its
 * address. One walk over the kernel's table (milliseconds on a large one) for all of them. */
struct conntrack_port {
	uint16_t host_port;
	uint32_t address;
};
int conntrack_forget_ports(struct netlink *nl, const struct conntrack_port *v, size_t n);

#endif
