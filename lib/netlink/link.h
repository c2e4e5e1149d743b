/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links, addresses and routes (rtnetlink): messages for batches, and what is there.
 * Addresses are IPv4, in network byte order; names are at most 15 bytes, which the caller checks.
 */
#ifndef GANTRY_NETLINK_LINK_H
#define GANTRY_NETLINK_LINK_H

#include "lib/netlink/netlink.h"

#define LINK_NAME_SIZE  16
#define LINK_ALIAS_SIZE 256

/* ---- messages ------------------------------------------------------------------------ */
void link_add_bridge(struct netlink_batch *b, const char *name, const uint8_t mac[6]);

/* A pair: `name` in the socket's namespace and `peer` in netns (a descriptor).  IPv6 makes no address of its
 * own on `name`; then it becomes a port of the bridge (its index; 0: none) with hairpin, gets its alias, and
 * is up: four messages.  mtu 0: 1500. */
struct link_veth {
	const char *name, *peer, *alias;
	int bridge, netns;
	uint32_t mtu;
	uint8_t mac[6], peer_mac[6];
};
#define LINK_VETH_MESSAGES 4
void link_add_veth(struct netlink_batch *b, const struct link_veth *veth);

/* Changes of a link, by index or (index 0) by name. */
struct link_change {
	int index;
	const char *name;
	const char *alias, *new_name; /* NULL: unchanged */
	uint32_t mtu;                 /* 0: unchanged */
	const int *master;            /* NULL: unchanged; to 0: none */
	int up;                       /* 1, 0; -1: unchanged */
	int netns;                    /* moved into; -1: unchanged */
};
#define LINK_UNCHANGED ((struct link_change){ .up = -1, .netns = -1 })
void link_change(struct netlink_batch *b, const struct link_change *change);
/* Frames may leave by the port they came in by. */
void link_set_hairpin(struct netlink_batch *b, int index, const char *name);
void link_delete(struct netlink_batch *b, int index, const char *name);

void link_add_address(struct netlink_batch *b, int index, uint32_t address, unsigned prefix);
void link_remove_address(struct netlink_batch *b, int index, uint32_t address, unsigned prefix);
/* prefix 0: the default route; via 0: on the link.  Replaces an equal one. */
void link_add_route(struct netlink_batch *b, int index, uint32_t dest, unsigned prefix, uint32_t via);
void link_remove_route(struct netlink_batch *b, int index, uint32_t dest, unsigned prefix, uint32_t via);

/* ---- what is there ---------------------------------------------------------------------- */
struct link_info {
	int index, master;
	uint32_t flags, mtu;
	int peer_nsid; /* of a pair whose other end is in another namespace; -1 */
	uint8_t mac[6];
	char name[LINK_NAME_SIZE], kind[LINK_NAME_SIZE], alias[LINK_ALIAS_SIZE];
};
/* -ENODEV when there is none. */
int link_get(struct netlink *nl, const char *name, struct link_info *ret);
int link_get_index(struct netlink *nl, int index, struct link_info *ret);
typedef int link_visit(void *ctx, const struct link_info *link);
int link_each(struct netlink *nl, link_visit *visit, void *ctx);
/* The number by which the socket's namespace knows another; -1: none yet. */
int link_nsid(struct netlink *nl, int netns, int *ret);

struct link_address {
	int index;
	uint32_t address;
	unsigned prefix;
	uint8_t scope;
};
typedef int link_address_visit(void *ctx, const struct link_address *address);
int link_each_address(struct netlink *nl, link_address_visit *visit, void *ctx);

struct link_route { /* of the main and local tables */
	int index;
	uint32_t dest, via;
	unsigned prefix;
	uint8_t table, type;
};
typedef int link_route_visit(void *ctx, const struct link_route *route);
int link_each_route(struct netlink *nl, link_route_visit *visit, void *ctx);

#endif
