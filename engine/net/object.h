/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this folder share.  Lock: one, of struct net, over networks, addresses, ports, members
 * and what is shown of them; never held while a driver, the kernel's netlink, the database or a file is
 * waited for.
 */
#ifndef GANTRY_ENGINE_NET_OBJECT_H
#define GANTRY_ENGINE_NET_OBJECT_H

#include "core/network/network.h"
#include "engine/engine.h"
#include "engine/net/firewall.h"
#include "engine/net/ipam.h"
#include "engine/net/net.h"
#include "engine/net/ports.h"
#include "engine/state/state.h"
#include "lib/base/id.h"
#include "lib/json/json.h"
#include "lib/netlink/link.h"
#include "lib/proto/dns.h"

#include <pthread.h>

#define NET_NAME_SIZE 256
#define NET_WAIT_S    10 /* for what another container is about to let go */

/* The sockets of gantry-dns that were opened in a sandbox and are not handed over yet, in the order of
 * lib/proto/dns.h. */
struct dns_sockets {
	int fds[PROTO_DNS_SANDBOX_FDS]; /* all -1: none */
};

/* A driver in use. */
struct net_driver {
	const struct driver *d;
	struct network *front;
	uint64_t caps;
	struct net_driver *next;
};

/* A network as Docker knows it. */
struct nw {
	char id[ID_SIZE], name[NET_NAME_SIZE];
	char driver_name[64];
	struct net_driver *driver; /* NULL: it is gone; everything answers unavailable */
	int64_t created_ns;
	bool internal, attachable, predefined;
	bool user_subnet;              /* static addresses are allowed */
	struct json *options, *labels; /* objects */
	uint32_t router; /* --default-gateway, of the default one: in place of the driver's; 0 */
	char *asked;     /* of the default one: the daemon's options that it was made by; NULL */
	struct json *ipam_options, *ipam; /* as inspect shows IPAM.Options (NULL: null) and IPAM.Config */
	/* Of a driver with addresses. */
	struct ipam_pool *pool; /* NULL: none */
	struct subnet subnet;
	uint32_t gateway; /* 0: none */
	/* What the driver answered. */
	char *state, host_link[LINK_NAME_SIZE];
	uint32_t facts, mtu;
	/* Under the lock. */
	struct net_endpoint *endpoints;
	unsigned users; /* those who are about to make or remove an endpoint */
	bool creating, removing;
	bool busy; /* had a container: is worth spares */
	struct spare *spares;
	unsigned n_spares;
	struct nw *next;
};

/* What a container asks for on one network. */
struct net_want {
	char name[NET_NAME_SIZE]; /* of the network; its id as long as no such network is there */
	struct json *config;      /* EndpointConfig's own members, an object */
	uint32_t address;         /* IPAMConfig.IPv4Address; 0: any */
	bool has_mac;
	uint8_t mac[6];
	int64_t priority;
	struct net_want *next;
};

/* A container's place on a network, as long as it runs. */
struct net_endpoint {
	char id[ID_SIZE];
	struct nw *nw;
	struct net_member *member; /* NULL: a spare's */
	uint32_t address;
	unsigned prefix;
	char mac[18], ifname[LINK_NAME_SIZE], host_link[LINK_NAME_SIZE];
	uint32_t via; /* the driver's gateway; 0: none from here */
	bool is_gateway;
	bool joined;
	char *state;
	struct net_endpoint *next;    /* of the member */
	struct net_endpoint *next_nw; /* of the network */
};

enum net_mode { NET_MODE_NETWORKS, NET_MODE_CONTAINER };

struct net_link { /* HostConfig.Links: "name:alias" */
	char *name, *alias;
};

struct net_member {
	struct net *net;
	char id[ID_SIZE], name[NET_NAME_SIZE];
	char hostname[256], domain[256];
	enum net_mode mode;
	char joins[ID_SIZE];
	struct port_asks ports;
	char **dns, **dns_search, **dns_options, **extra_hosts; /* lists, NULL: not asked */
	struct net_link *links;
	size_t n_links;
	struct net_want *wants; /* the primary one first */
	/* Under the lock, while it runs. */
	bool running; /* has a sandbox */
	bool ending;  /* is about to let go what it holds */
	bool published;
	char sandbox[ID_SIZE];
	char key[64]; /* SandboxKey */
	int netns;    /* -1: the host's, or not known */
	bool host;    /* the sandbox is the host's namespace */
	struct dns_sockets names;
	bool named; /* gantry-dns was told of it; also under the lock of dns */
	struct net_endpoint *endpoints;
	struct port_held *held;
	size_t n_held;
	struct net_member *next;
};

/* A sandbox made ahead. */
struct spare {
	int netns;
	struct net_endpoint *ep; /* NULL: loopback alone */
	struct dns_sockets names;
	struct spare *next;
};

/* What the rows say a container held, until its member is loaded. */
struct net_row {
	char id[ID_SIZE], container[ID_SIZE];
	struct json *body;
	bool is_sandbox;
	struct net_row *next;
};

struct net {
	struct engine *engine;
	struct net_config config;
	struct ipam_ranges ranges;
	uint32_t default_ip; /* --ip */
	int host_ns;
	int folder; /* exec-root/netns */
	struct netlink *nl, *ct;
	struct firewall *fw; /* NULL: --iptables=false */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* something was let go; CLOCK_MONOTONIC */
	struct net_driver *drivers;
	struct nw *networks;
	struct net_member *members;
	struct net_row *rows;
	uint16_t next_port[2]; /* tcp, udp */
	struct spares *spares;
	struct dns *dns;
	bool settled;
};

/* ---- net.c ---- */
void net_lock(struct net *net);
void net_unlock(struct net *net);
/* With the lock: waits until something is let go; false at the deadline. */
bool net_wait(struct net *net, int64_t deadline_ns);
void net_wake(struct net *net);
/* By name or alias; opened at first use. */
int net_driver_get(struct net *net, const char *name, struct net_driver **ret, struct error *err);
/* With the lock: by id, name, or unique prefix of an id. */
struct net_member *net_find_member(struct net *net, const char *ref);
/* data-root/containers/<id>; the caller closes. */
int net_folder_of(const struct net *net, const char *container, struct error *err);
void net_event(struct net *net, const struct nw *nw, const char *action, const char *container);

/* ---- networks.c ---- */
/* With the lock.  NOT_FOUND "network X not found"; INVALID when a prefix fits several. */
int nw_find(struct net *net, const char *ref, struct nw **ret, struct error *err);
struct nw *nw_by_name(struct net *net, const char *name);
/* The same without the lock; the network stays until nw_release.  Not one that is being removed. */
int nw_use(struct net *net, const char *ref, struct nw **ret, struct error *err);
void nw_release(struct net *net, struct nw *nw);
void nw_free(struct nw *nw);
/* Has the driver make or repair it, tells the firewall. */
int nw_make(struct net *net, struct nw *nw, bool restore, struct error *err);
int nw_save(struct net *net, const struct nw *nw, struct error *err);
int nw_load(struct net *net, const char *id, const struct json *row, struct nw **ret, struct error *err);
/* The network "bridge", "host" and "none", where they are not there. */
int nw_predefined(struct net *net, struct error *err);
bool nw_is_predefined(const char *name);
bool nw_is_default(const struct nw *nw); /* the network "bridge" */

/* ---- rows.c ---- */
void row_put_sandbox(struct state_txn *txn, const struct net_member *m);
void row_put_endpoint(struct state_txn *txn, const struct net_endpoint *ep);
int row_read_sandbox(struct net_member *m, const char *id, const struct json *body);
int row_read_endpoint(struct net *net, const char *id, const struct json *body, struct net_endpoint **ret);

/* ---- ask.c ---- */
int ask_read(struct net_member *m, const struct net_who *who, const struct json *networking,
	struct json *warnings, struct error *err);
/* Those that HostConfig.Links names are there. */
int ask_check_links(const struct net_member *m, struct error *err);
/* Reads one EndpointConfig (or NULL); checks it against the network when that is there. */
int want_new(struct net *net, const char *network, const struct json *config, struct net_want **ret,
	struct error *err);
void want_free(struct net_want *w);
int want_check(const struct net_want *w, const struct nw *nw, struct error *err);

/* ---- endpoint.c ---- */
struct net_endpoint *endpoint_new(struct nw *nw, struct net_member *m);
void endpoint_free(struct net_endpoint *ep);
/* With the lock: into and out of the network's list. */
void endpoint_link(struct net_endpoint *ep);
void endpoint_unlink(struct net_endpoint *ep);
/* Takes an address (0: any), waiting for one that is about to be free. */
int endpoint_take_address(struct net_endpoint *ep, uint32_t address, struct error *err);
void endpoint_drop_address(struct net_endpoint *ep);
/* The driver's endpoint_create; want NULL: a spare's. */
int endpoint_reserve(struct net_endpoint *ep, const struct net_want *want, struct error *err);
/* Joins the sandbox and configures the link in it. */
int endpoint_join(
	struct net_endpoint *ep, const struct net_want *want, int netns, bool hot, struct error *err);
/* Leaves and removes; logs what fails. netns -1: it is gone. */
void endpoint_detach(struct net_endpoint *ep, int netns, bool hot);

/* ---- sandbox.c ---- */
/* A namespace with loopback up and IPv6 off but for ::1. */
int sandbox_new(struct net *net, int *ret, struct error *err);
struct sandbox_link {
	const char *name, *ifname; /* as it is, as it shall be */
	uint32_t mtu, address, gateway;
	unsigned prefix;
};
int sandbox_configure(int netns, const struct sandbox_link *link, struct error *err);
/* Moves the default route (0: none). */
int sandbox_set_gateway(int netns, const char *ifname, uint32_t gateway, struct error *err);

/* The sockets of names: in the sandbox, udp and tcp on ports of 127.0.0.11 that the kernel chose, where a
 * table of its own leads port 53, so that a container may serve port 53 itself; and those that questions to
 * upstreams go by. For threads of ours alone. */
int sandbox_open_names(int netns, struct dns_sockets *ret, struct error *err);
/* Of the caller's own network: those to upstreams alone. */
int sandbox_open_ways(int fds[PROTO_DNS_HOST_FDS]);
void sandbox_close_names(struct dns_sockets *names);
#define SANDBOX_NO_NAMES ((struct dns_sockets){ { -1, -1, -1, -1, -1, -1, -1, -1 } })
_Static_assert(PROTO_DNS_SANDBOX_FDS == 8, "SANDBOX_NO_NAMES has one -1 for each");

/* ---- spares.c ---- */
int spares_new(struct net *net, struct error *err);
void spares_free(struct net *net); /* ends all */
void spares_begin(struct net *net);
/* One of the network's (NULL: with loopback alone); NULL: none.  The next is made behind the answer. */
struct spare *spares_take(struct net *net, struct nw *nw);
/* Gives up one of a network, that which holds an address (0: any); false: there is none. */
bool spares_yield(struct net *net, struct nw *nw, uint32_t address);
/* Ends those of a network that is removed; waits. */
void spares_drop(struct net *net, struct nw *nw);
bool spares_fit(const struct nw *nw);
void spares_refill(struct net *net); /* behind an answer */
/* Closes a namespace when few others are being destroyed; takes the descriptor. */
void spares_close(struct net *net, int netns);

/* ---- etcfiles.c ---- */
int etc_write(struct net_member *m, struct error *err);
int etc_write_hosts(struct net_member *m, struct error *err);
int etc_write_file(int dir, const char *name, const struct str *text, struct error *err);

/* ---- resolv.c ---- */
int resolv_write(const struct net_member *m, int dir, struct error *err);
/* After a container has come to its first network with names, or left the last one; unless a person changed
 * the file. */
int resolv_renew(const struct net_member *m, struct error *err);
/* Where gantry-dns asks for the member what it does not know, as many of them as it takes; ndots: the client
 * was told to try a name without a dot with its domains first. */
size_t resolv_servers(const struct net_member *m, struct proto_dns_server *ret, size_t max, bool *ret_ndots);

/* ---- publish.c ---- */
/* Binds what the member asks for, in place of what it holds. */
int publish_reserve(struct net_member *m, const struct net_endpoint *ep, struct error *err);
void publish_release(struct net_member *m);
/* The firewall's word for a member, as it is. */
int publish_open(struct net_member *m, struct error *err);
void publish_close(struct net_member *m);
void publish_forget(struct net_member *m, uint32_t address); /* connections of an address that goes */

/* ---- start.c ---- */
struct net_endpoint *start_gateway(const struct net_member *m);
const struct net_want *start_want_of(const struct net_member *m, const struct net_endpoint *ep);

#endif
