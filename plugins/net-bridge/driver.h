/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this driver share. */
#ifndef GANTRY_NET_BRIDGE_DRIVER_H
#define GANTRY_NET_BRIDGE_DRIVER_H

#include "lib/base/error.h"
#include "lib/netlink/link.h"

#include <gantry/network.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct reaper;

/* BR_MAX_PORTS of the kernel is 1024, and number 0 is not given. */
#define BRIDGE_PORTS_MAX 1023
#define BRIDGE_ID_SIZE   256

/* A network as its options and the core's request say; fixed once it is made. */
struct bridge {
	char id[BRIDGE_ID_SIZE];
	char link[LINK_NAME_SIZE];
	int index;
	bool made;    /* by us; else somebody's bridge that we serve on */
	bool named;   /* by an option: may be there already */
	bool gateway; /* endpoints have a default route by us */
	bool icc, masquerade, inhibit;
	enum { MODE_NAT, MODE_ROUTED, MODE_ISOLATED, MODE_UNPROTECTED } mode;
	bool internal;
	uint32_t mtu;
	uint32_t address; /* of the gateway; 0: none */
	unsigned prefix;
	unsigned ports; /* endpoints reserved */
	struct bridge *next;
};

#define BRIDGE_BUCKETS 1024
struct port { /* an endpoint that has its place at a bridge */
	char id[BRIDGE_ID_SIZE], net[BRIDGE_ID_SIZE];
	struct port *next;
};

struct gty_network {
	const struct gty_host *host;
	struct netlink *nl;
	struct reaper *reaper;
	pthread_mutex_t lock; /* of what follows; never held during netlink calls */
	struct bridge *bridges;
	struct port *ports[BRIDGE_BUCKETS];
};

/* ---- names.c: all follow from ids, so that what is left can be found without any state ---- */
void bridge_link_name(const char *id, char buf[LINK_NAME_SIZE]);
void port_link_name(const char *id, char buf[LINK_NAME_SIZE]);
void link_alias(const struct gty_network *nw, const char *id, char buf[LINK_ALIAS_SIZE]);
/* The id in an alias that bears our instance, or NULL. */
const char *alias_id(const struct gty_network *nw, const char *alias);
bool alias_is_foreign(const struct gty_network *nw, const char *alias);
void mac_of_id(const char *id, uint8_t ret[6]);
/* "10.0.0.5/24" (the prefix may be missing: 32). */
int parse_cidr(const char *text, uint32_t *ret, unsigned *ret_prefix);
int parse_mac(const char *text, uint8_t ret[6]);
const char *format_mac(const uint8_t mac[6], char buf[18]);

/* ---- settings.c ---- */
/* Fills a bridge from the request (but index, made, ports). */
int bridge_settings(const struct gty_network_req *req, struct bridge *ret, struct error *err);
uint32_t bridge_facts(const struct bridge *b);

/* ---- networks.c ---- */
int bridge_create(struct gty_network *nw, struct gty_call *call, const struct gty_network_req *req,
	struct gty_network_rep *rep);
int bridge_remove(struct gty_network *nw, struct gty_call *call, const struct gty_ref *ref);
/* Copies what is known of a network; false: unknown. */
bool bridge_find(struct gty_network *nw, const char *id, struct bridge *ret);
/* The bridge was made anew by somebody: its index is looked up again. */
int bridge_refresh(struct gty_network *nw, struct bridge *b);

/* ---- ports.c ---- */
/* Takes a place for an endpoint; 0, also when it has one; -EXFULL. */
int port_reserve(struct gty_network *nw, const char *id, const char *net);
void port_release(struct gty_network *nw, const char *id);
void ports_clear(struct gty_network *nw);

/* ---- endpoints.c ---- */
int port_create(struct gty_network *nw, struct gty_call *call, const struct gty_endpoint *req,
	struct gty_endpoint_rep *rep);
int port_remove(struct gty_network *nw, struct gty_call *call, const struct gty_endpoint *req);
int port_join(struct gty_network *nw, struct gty_call *call, const struct gty_join_req *req,
	struct gty_join_rep *rep);
int port_leave(struct gty_network *nw, struct gty_call *call, const struct gty_join_req *req);

/* ---- recover.c ---- */
int bridge_recover(struct gty_network *nw, struct gty_call *call, const struct gty_recover_req *req,
	struct gty_recover_rep *rep);

/* ---- reaper.c: links whose sandbox is about to die, and that are deleted when it does not ---- */
int reaper_new(struct gty_network *nw, struct reaper **ret);
void reaper_free(struct reaper *r); /* deletes what is left */
void reaper_put(struct reaper *r, const char *link);
void reaper_take(struct reaper *r, const char *link); /* it is wanted again */

#endif
