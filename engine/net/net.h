/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's networks: what they are, who is on them, and all that a container's network takes: addresses, host
 * ports, the sandbox (a network namespace with its links), the firewall, the files of /etc that depend on it.
 * What stands between (drivers, IPAM, nftables, netlink) is this folder's alone.
 *
 * A container's network is a struct net_member: made with the container (net_prepare) or from its row
 * (net_load), and then
 *
 *	net_start -> [the shim is launched, net_sandbox.keep handed to it] -> net_publish -> commit
 *	          \-> net_stop                         (a start that failed, at any step)
 *	the end   -> net_stop -> [the shim is finished] -> net_released
 *	an earlier gantryd's: net_load -> net_restore  (it lives)
 *	                               \-> net_stop, net_released  (it does not)
 *
 * Rows: a network is STATE_NETWORK; what a running container holds is STATE_SANDBOX (its id) and a
 * STATE_ENDPOINT for each network, written here before anything is made in the kernel.  What a container
 **asks for* is in its own row: net_save gives the value, due after net_prepare, net_connect and
 *net_disconnect.
 *
 * Errors are worded as dockerd's.  Kinds are those that api/routes maps: NOT_FOUND 404, CONFLICT 409, INVALID
 *400, DENIED 403, INTERNAL 500 (also for a port that is taken, as in Docker). Threads: any, unless said
 *otherwise.  Verbs of one member are called by one at a time (the container's op); what shows (net_settings,
 *net_summary, net_inspect, net_list) may be called beside them.  No lock is held while a driver works.
 */
#ifndef GANTRY_ENGINE_NET_H
#define GANTRY_ENGINE_NET_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct filters;
struct json;
struct net;
struct net_member;

/* dockerd's options of the same names; zeroes are its defaults.  Texts outlive the struct net. */
struct net_config {
	const char *bridge;      /* --bridge: an existing one; "none": no network "bridge" is made */
	const char *bridge_name; /* of the one that is made; NULL: gantry0, or the next free gantryN */
	const char *bip, *fixed_cidr, *default_gateway;
	const char *ip;              /* --ip: where ports are published without an address; NULL: 0.0.0.0 */
	const char *host_gateway_ip; /* what "host-gateway" is; NULL: the gateway of the network "bridge" */
	const char *const *pools;    /* --default-address-pool: "base=10.10.0.0/16,size=24" */
	size_t n_pools;
	const char *const *dns, *const *dns_search, *const *dns_opt;
	size_t n_dns, n_dns_search, n_dns_opt;
	uint32_t mtu; /* of the network "bridge"; 0: 1500 */
	bool no_icc;
	bool no_firewall; /* --iptables=false */
	bool no_forward;  /* --ip-forward=false */
	bool no_masquerade;
	unsigned spares; /* sandboxes made ahead per network in use; 0: 2; UINT32_MAX: none */
};

/* ---- all of it ---------------------------------------------------------------------- */
/* Reads the rows, opens the drivers and tells them what is known, repairs the networks, makes the predefined
 * ones (bridge, host, none).  Before containers_open. config NULL: defaults. */
int net_open(struct engine *engine, const struct net_config *config, struct net **ret, struct error *err);
/* After containers_open: sandboxes that no container claimed are released, the firewall is compared as a set
 * and mended, spares and the watch over the firewall begin. */
int net_settle(struct net *net, struct error *err);
/* Containers run on; their members must be freed before.  Spares end.  NULL is allowed. */
void net_close(struct net *net);

/* Appends what `info` warns about (forwarding is off, another firewall drops what is forwarded). */
void net_warnings(struct net *net, struct json *array);

/* ---- networks: API 1.51 in and out ----------------------------------------------------------- */
/* GET /networks, GET /networks/{ref}: by name, id or unique prefix of an id, in this order. *ret is the
 * caller's. */
int net_list(struct net *net, const struct filters *filters, struct json **ret, struct error *err);
int net_inspect(struct net *net, const char *ref, struct json **ret, struct error *err);
/* POST /networks/create: *ret is {"Id", "Warning"}. */
int net_create(struct net *net, const struct json *body, struct json **ret, struct error *err);
int net_remove(struct net *net, const char *ref, struct error *err);
/* POST /networks/prune: *ret is {"NetworksDeleted"}. */
int net_prune(struct net *net, const struct filters *filters, struct json **ret, struct error *err);

/* ---- a container's network ---------------------------------------------------------------------- */
/* Texts and values are copied where they are kept. */
struct net_who {
	const char *id, *name;                   /* without '/' */
	const struct json *config, *host_config; /* the container's, merged and completed */
	/* NetworkMode "container:X": the full id of X, which the caller has found; else NULL. */
	const char *joins;
};

/* For create: checks and keeps all that HostConfig (NetworkMode, PortBindings, PublishAllPorts, Dns*,
 * ExtraHosts, Links), Config (ExposedPorts, Hostname, Domainname, MacAddress) and the request's
 * NetworkingConfig (or NULL) ask for.  warnings: an array to append to, or NULL.  Nothing is allocated but
 * memory.  With "container:X" an image may expose ports, a request may not: that is the caller's to see. */
int net_prepare(struct net *net, const struct net_who *who, const struct json *networking_config,
	struct json *warnings, struct net_member **ret, struct error *err);
/* From the container's row: saved is what net_save gave (NULL: a row without one, as net_prepare with
 * nothing).  Takes what the rows say it held when gantryd ended. */
int net_load(struct net *net, const struct net_who *who, const struct json *saved, struct net_member **ret,
	struct error *err);
/* The value for the container's row; the caller's. NULL without memory. */
struct json *net_save(struct net_member *m);
/* It holds nothing any more, or gantryd ends. NULL is allowed. */
void net_free(struct net_member *m);
/* The container has another name: in the files of /etc that know it, in the names of its networks. */
void net_rename(struct net_member *m, const char *name);

/* What the launch needs. */
struct net_sandbox {
	int netns; /* to be joined; -1: the host's (network "host") */
	int *keep; /* descriptors for shim_keep, before commit: bound sockets, the namespace */
	size_t keep_n;
	const char *etc; /* id of the container whose hosts, hostname and resolv.conf are mounted: its own, or
			    that of "container:X"; valid as long as the member */
};
#define NET_SANDBOX_NONE ((struct net_sandbox){ .netns = -1 })
/* Writes the rows, reserves addresses and ports, takes or makes the sandbox, writes hosts, hostname and
 * resolv.conf into data-root/containers/<id> (which exists).  On failure all of it is taken back. */
int net_start(struct net_member *m, struct net_sandbox *ret, struct error *err);
void net_sandbox_done(struct net_sandbox *s); /* closes and frees */

/* Ports are open and names known when this returns; SandboxKey points to netns_path ("/proc/PID/ns/net"),
 * which lives as long as the shim.  Publishes the events "connect". */
int net_publish(struct net_member *m, const char *netns_path, struct error *err);

/* It has ended, and what it holds is about to be free: said before anyone is told of the end.  A start that
 * wants its addresses, ports or networks waits from here on (10 s at most) instead of failing. */
void net_ending(struct net_member *m);
/* The end, or the end of a start that failed: firewall, connections, links and addresses go; repeatable; goes
 * on after failures, which it logs.  Publishes the events "disconnect".  netns_gone: the namespace died with
 * its holder. */
void net_stop(struct net_member *m, bool netns_gone);
/* The shim has let the bound sockets go.  A start that wants such a port waits for this (10 s at most). */
void net_released(struct net_member *m);

/* It runs, says an earlier gantryd: takes its sandbox over.  netns: borrowed. */
int net_restore(struct net_member *m, int netns, const char *netns_path, struct error *err);

/* POST /networks/{ref}/connect and /disconnect; endpoint: EndpointConfig or NULL.  Of a running container the
 * links change at once; keep: descriptors that the shim must hold from now on (may be none; close and free
 * with net_sandbox_done).  The container's row is due after both. */
int net_connect(struct net_member *m, const char *ref, const struct json *endpoint, struct net_sandbox *keep,
	struct error *err);
int net_disconnect(struct net_member *m, const char *ref, bool force, struct error *err);
/* `disconnect --force` of a container that is gone: container is its name or id.  NOT_FOUND when it was not
 * there. */
int net_disconnect_lost(struct net *net, const char *ref, const char *container, struct error *err);

/* ---- showing -------------------------------------------------------------------------------- */
/* Sets all members of inspect's NetworkSettings in object. */
void net_settings(struct net_member *m, struct json *object);
/* Sets Ports and NetworkSettings.Networks of an item of GET /containers/json. */
void net_summary(struct net_member *m, struct json *item);
/* The filters network (name or id), publish and expose ("80", "80/tcp", "8000-8010/udp") of GET
 * /containers/json. */
bool net_matches(struct net_member *m, const struct filters *filters);
/* INVALID for a value of publish or expose that is no port. */
int net_check_filters(const struct filters *filters, struct error *err);

#endif
