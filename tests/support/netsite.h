/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small internet for tests: the process's own network namespace stands for the host, others for containers
 * and a neighbour, with sockets of any of them in the hands of one test.  Traffic stays inside.  One thread.
 */
#ifndef GANTRY_TESTS_NETSITE_H
#define GANTRY_TESTS_NETSITE_H

#include <stdbool.h>
#include <stdint.h>

/* Addresses are texts. */
#define SITE_HOST      "192.0.2.1" /* of the host, towards the neighbour */
#define SITE_NEIGHBOUR "192.0.2.2"

struct site {
	int host, neighbour; /* namespaces */
};

/* Moves the process into a new namespace with a neighbour, forwarding on.  -1: what is missing was printed.
 */
int site_enter(struct site *site);
void site_leave(struct site *site);

/* A namespace with loopback alone. */
int site_new_netns(struct site *site);
/* A bridge with an address ("10.7.0.1/24"), as net-bridge makes one. */
void site_add_bridge(struct site *site, const char *name, const char *cidr);
/* A container's namespace at a bridge; gateway NULL: no default route. */
int site_add_container(struct site *site, const char *bridge, const char *cidr, const char *gateway);

/* The name of the last one's link on the host. */
const char *site_last_port(void);

/* A socket in a namespace; the caller's. */
int site_socket(struct site *site, int netns, int type);
/* A TCP server's socket, listening, or a UDP one, bound. */
int site_serve(struct site *site, int netns, int type, const char *address, uint16_t port);

/* Connects (TCP), or sends and gets an answer (UDP), from a namespace to an address, and meets the server's
 * socket. peer: who the server sees (may be NULL).  False when nothing comes through in a third of a second.
 */
#define SITE_PEER_SIZE 16
bool site_reaches(
	struct site *site, int from, int type, const char *address, uint16_t port, int server, char *peer);
/* The contrary: nothing comes through in a quarter of a second. */
bool site_is_kept_from(struct site *site, int from, int type, const char *address, uint16_t port, int server);

/* Writes a setting of the host's namespace below /proc/sys/net. */
void site_set(const char *name, const char *value);

#endif
