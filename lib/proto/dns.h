/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What gantryd tells gantry-dns, over a SOCK_SEQPACKET connection: sandboxes, each with its sockets and its
 * places on networks, where a place has an address and names.  The names of a network are those of all places
 * on it.  A sandbox is told as a whole, again after each change; that costs as much as it has names, however
 * many others there are.  Each message is answered by a result, in order.
 *
 * gantry-dns lives on when gantryd dies; the next one connects, begins with HELLO, tells everything again
 * between SYNC_BEGIN and SYNC_END, and what was not told in between is forgotten.  It makes no socket itself:
 * those of a sandbox lie in its network namespace, those of HOST in gantryd's.
 *
 * Native byte order, but for addresses.  Whoever receives a message checks it with proto_dns_check.
 */
#ifndef GANTRY_PROTO_DNS_H
#define GANTRY_PROTO_DNS_H

#include <stddef.h>
#include <stdint.h>

#define PROTO_DNS_MAGIC       UINT32_C(0x44535447)
#define PROTO_DNS_VERSION     2 /* of both sides: another one is ended and started anew */
#define PROTO_DNS_LISTEN_FD   3 /* where gantry-dns finds its listening socket */
#define PROTO_DNS_ID          72
#define PROTO_DNS_NAME_MAX    253 /* bytes of a name as text */
#define PROTO_DNS_PLACES_MAX  256
#define PROTO_DNS_SERVERS_MAX 3           /* as many as Docker asks */
#define PROTO_DNS_MESSAGE_MAX (96u << 10) /* bytes: within the default buffer of a socket */

/* Sockets, neither bound nor connected, that questions to upstreams go by: several UDP ones, since each of
 * them has one port at a time, and some of TCP. */
#define PROTO_DNS_UDP 4
#define PROTO_DNS_TCP 2
/* SANDBOX: UDP and TCP (listening) on 127.0.0.11, then those; HOST: those alone. */
#define PROTO_DNS_HOST_FDS    (PROTO_DNS_UDP + PROTO_DNS_TCP)
#define PROTO_DNS_SANDBOX_FDS (2 + PROTO_DNS_HOST_FDS)

enum proto_dns_type {
	PROTO_DNS_HELLO = 1, /* code: the version; the answer's is gantry-dns's own */
	PROTO_DNS_SYNC_BEGIN = 2,
	PROTO_DNS_SYNC_END = 3,
	PROTO_DNS_SANDBOX = 4, /* with its sockets, or none for one that is known: -ENOENT */
	PROTO_DNS_DROP = 5,    /* the sandbox */
	PROTO_DNS_HOST = 6,    /* with its sockets, once */
	PROTO_DNS_END = 8,     /* it ends */
};

struct proto_dns_head {
	uint32_t magic, size; /* of the whole message */
	uint32_t type;
	int32_t code;
};

/* All but SANDBOX.  HELLO, END and the result stay as they are in every version. */
struct proto_dns_message {
	struct proto_dns_head head;
	char id[PROTO_DNS_ID]; /* DROP */
};

#define PROTO_DNS_FORWARD (UINT32_C(1) << 0) /* what is not known is asked of the servers */
#define PROTO_DNS_NDOTS   (UINT32_C(1) << 1) /* but not a name without a dot: the client adds a domain */

struct proto_dns_server {
	uint32_t address; /* both in network byte order */
	uint16_t port;
	uint16_t host; /* 1: asked from the host's network */
};

struct proto_dns_sandbox {
	struct proto_dns_head head;
	char id[PROTO_DNS_ID];
	uint32_t flags; /* PROTO_DNS_FORWARD ... */
	uint16_t n_servers, n_places;
	struct proto_dns_server servers[PROTO_DNS_SERVERS_MAX];
	/* n_places times: a struct proto_dns_place, its texts */
};

/* Behind it `size` bytes, a multiple of 8: the network's name; n_names names, the first of which is the
 * address's own; n_links pairs of a name that this sandbox alone knows and the name that it stands for.  Each
 * ends in NUL, zeros follow. */
struct proto_dns_place {
	char network[PROTO_DNS_ID]; /* its id */
	uint32_t address;           /* network byte order; 0: none, it only looks up */
	uint32_t size;
	uint16_t n_names, n_links;
	uint32_t reserved;
};

struct proto_dns_result {
	struct proto_dns_head head; /* code: 0 or -errno; HELLO: the version */
	int32_t pid;                /* HELLO: gantry-dns's */
	uint32_t reserved;
};

/* 0 or -errno; may block. */
int proto_dns_send(int sock, const void *message, size_t n, const int *fds, size_t nfds);

/* The size of the message received (its head is whole and says this size); -ECONNRESET: the end; -EPROTO:
 * something else; -ETIMEDOUT.  buf: 8-aligned; fds, nfds: as fd_recv. */
int proto_dns_recv(int sock, void *buf, size_t size, int *fds, size_t *nfds, int timeout_ms);

/* Everything in a message of n bytes (8-aligned) lies within it: 0 or -EBADMSG; -ENOSYS: of an unknown type.
 */
int proto_dns_check(const void *message, size_t n, size_t nfds);

/* Steps through the places of a checked message: *at is 0 at first; NULL behind the last.  *ret_texts: what
 * stands behind the place. */
const struct proto_dns_place *proto_dns_next(
	const struct proto_dns_sandbox *m, size_t *at, const char **ret_texts);

#endif
