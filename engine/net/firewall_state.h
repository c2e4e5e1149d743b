/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the firewall alone. */
#ifndef GANTRY_ENGINE_NET_FIREWALL_STATE_H
#define GANTRY_ENGINE_NET_FIREWALL_STATE_H

#include "engine/net/firewall.h"
#include "engine/net/nft.h"
#include "lib/base/id.h"

#include <pthread.h>

#define FIREWALL_LINK_SIZE 16
#define FIREWALL_BUCKETS   1024

struct fw_network {
	struct firewall_network n; /* its link is below */
	char link[FIREWALL_LINK_SIZE];
	struct fw_network *next;
};

struct fw_link {
	char port[FIREWALL_LINK_SIZE], network[FIREWALL_LINK_SIZE];
};

struct fw_container {
	char id[ID_SIZE];
	struct fw_link *links;
	size_t n_links;
	struct firewall_port *ports;
	size_t n_ports;
	struct firewall_permit *permits;
	size_t n_permits;
	struct fw_container *next;
};

struct firewall {
	char table[32];
	char comment[32]; /* of rules in other tables */
	struct netlink *nl, *events;
	pthread_mutex_t lock; /* of all that follows, also during a transaction: they are in one order */
	bool settled, blocked;
	struct fw_network *networks;
	struct fw_container *containers[FIREWALL_BUCKETS];
	pthread_t thread;
	bool watching;
	int stop; /* eventfd */
};

/* ---- firewall_rules.c ---- */
static inline struct nft_table fw_ip(const struct firewall *fw)
{
	return (struct nft_table){ NFPROTO_IPV4, fw->table };
}
static inline struct nft_table fw_bridge(const struct firewall *fw)
{
	return (struct nft_table){ NFPROTO_BRIDGE, fw->table };
}
/* No table of this name, whether there was one or not. */
void fw_put_removal(struct netlink_batch *b, const char *table);
/* Everything, as one transaction. */
void fw_put_all(struct firewall *fw, struct netlink_batch *b);
/* The elements of one container, to be added or removed. */
void fw_put_container(
	struct firewall *fw, struct netlink_batch *b, const struct fw_container *c, bool remove);

/* ---- firewall.c: with the lock ---- */
const struct fw_network *fw_network_of(const struct firewall *fw, const char *link);
int fw_write_all(struct firewall *fw, struct error *err);

/* ---- firewall_host.c: with the lock ---- */
/* Brings FORWARD of the table that iptables writes to what the networks need; sets blocked. */
void fw_mend_forward(struct firewall *fw);

/* ---- firewall_watch.c ---- */
int fw_watch(struct firewall *fw, struct error *err);
void fw_unwatch(struct firewall *fw);

#endif
