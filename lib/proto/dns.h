/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What gantryd tells gantry-dns, over a SOCK_SEQPACKET connection: sandboxes with their sockets, networks
 * with their names.  Each message is answered by a result, in order.  gantry-dns lives on when gantryd dies;
 * the next one connects, begins with HELLO, tells everything again between SYNC_BEGIN and SYNC_END, and what
 * was not told in between is forgotten. Source of the wire format of names: RFC 1035; addresses in network
 * byte order.
 */
#ifndef GANTRY_PROTO_DNS_H
#define GANTRY_PROTO_DNS_H

#include <stddef.h>
#include <stdint.h>

#define PROTO_DNS_MAGIC         UINT32_C(0x44535447)
#define PROTO_DNS_VERSION       1 /* of both sides: another one is ended and started anew */
#define PROTO_DNS_LISTEN_FD     3 /* where gantry-dns finds its listening socket */
#define PROTO_DNS_FDS           2
#define PROTO_DNS_ID            65
#define PROTO_DNS_NAME          256
#define PROTO_DNS_NETWORKS_MAX  32
#define PROTO_DNS_UPSTREAMS_MAX 8
#define PROTO_DNS_TABLE_MAX     (16u << 20) /* bytes of a network's names */

enum proto_dns_type {
	PROTO_DNS_HELLO = 1, /* code: the version; the answer's is gantry-dns's own */
	PROTO_DNS_SYNC_BEGIN = 2,
	PROTO_DNS_SYNC_END = 3,
	PROTO_DNS_SANDBOX = 4, /* with two descriptors, udp and tcp, or none for one that is known: -ENOENT */
	PROTO_DNS_DROP = 5,    /* the sandbox */
	PROTO_DNS_NETWORK = 6, /* with a memfd: lines "NAME ADDRESS"; the first of an address is its PTR */
	PROTO_DNS_DROP_NETWORK = 7,
	PROTO_DNS_END = 8, /* it ends */
};

struct proto_dns_message {
	uint32_t magic, size, type;
	int32_t code;
	char id[PROTO_DNS_ID];     /* of the sandbox or network */
	char name[PROTO_DNS_NAME]; /* NETWORK: its name, the domain of its names */
	uint8_t forward;           /* SANDBOX: what is not known is asked of the upstreams */
	uint8_t n_networks, n_upstreams;
	char networks[PROTO_DNS_NETWORKS_MAX][PROTO_DNS_ID];
	uint32_t upstreams[PROTO_DNS_UPSTREAMS_MAX];
	uint64_t table_size; /* NETWORK: bytes in the memfd */
};

struct proto_dns_result {
	uint32_t magic, size;
	int32_t code; /* 0 or -errno; HELLO: the version */
	uint32_t reserved;
};

/* 0 or -errno; may block. */
int proto_dns_send(int sock, const void *message, size_t n, const int *fds, size_t nfds);
/* Exactly n bytes with magic and size in front; -ECONNRESET: the end; -EPROTO: something else. */
int proto_dns_recv(int sock, void *message, size_t n, int *fds, size_t *nfds, int timeout_ms);

#endif
