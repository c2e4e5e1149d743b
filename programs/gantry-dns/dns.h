/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gantry-dns: one thread, one epoll loop.  What is in the loop begins with a struct source; it is freed at
 * the end of the round in which it was closed, so that later events of the round still find it.
 */
#ifndef GANTRY_DNS_DNS_H
#define GANTRY_DNS_DNS_H

#include "lib/proto/dns.h"
#include "programs/gantry-dns/names.h"
#include "programs/gantry-dns/wire.h"

#include <netinet/in.h>

#define QUERIES_MAX         1024 /* asked of upstreams at a time */
#define SANDBOX_QUERIES_MAX 256
#define STREAMS_MAX         256 /* connections of clients, all sandboxes together */
#define SANDBOX_STREAMS_MAX 32
#define UPSTREAM_NS         (INT64_C(4) * 1000000000) /* what each upstream is given */
#define IDLE_NS             (INT64_C(10) * 1000000000)
#define ADDRESSES_MAX       1024

struct dns;
struct source {
	void (*ready)(struct dns *d, struct source *s, uint32_t events);
	void (*late)(struct dns *d, struct source *s); /* at its deadline */
	int fd;                                        /* -1: none */
	int64_t deadline_ns;                           /* 0: none */
	bool closed;
	struct source *next, *prev; /* of all */
	struct source *next_dead;
};

struct network {
	char id[PROTO_DNS_ID], name[PROTO_DNS_NAME];
	struct names *names;
	bool told; /* since SYNC_BEGIN */
	struct network *next;
};

struct sandbox {
	struct proto_dns_message what;
	struct source udp, tcp;
	unsigned queries, streams;
	unsigned refs; /* itself, queries and streams */
	bool told, gone;
	struct sandbox *next;
};

struct dns {
	int epoll;
	int64_t now_ns;
	bool ended;
	struct source *sources, *dead;
	struct source listener, control; /* fd -1: nobody is connected */
	struct sandbox *sandboxes;
	struct network *networks;
	unsigned queries, streams;
};

/* ---- loop.c ---- */
int loop_open(struct dns *d);
int loop_run(struct dns *d); /* until it is ended; -errno */
/* fd becomes the source's; events: EPOLLIN ...  -errno: it is still the caller's. */
int source_add(struct dns *d, struct source *s, int fd, uint32_t events);
void source_want(struct dns *d, struct source *s, uint32_t events);
/* Out of the loop, its descriptor closed.  heap: freed at the end of the round (it begins its block). */
void source_close(struct dns *d, struct source *s, bool heap);

/* ---- control.c: gantryd's messages ---- */
void control_accept(struct dns *d, struct source *s, uint32_t events);
void sandbox_unref(struct dns *d, struct sandbox *s);

/* ---- answer.c ---- */
/* What the tables say of a query: the length of the answer in out (at most max), 0: nothing, ask the
 * upstreams; -EBADMSG: to be dropped. */
int answer_local(const struct dns *d, const struct sandbox *s, const uint8_t *query, size_t n, uint8_t *out,
	size_t max);
/* An answer that has nothing but a code. */
size_t answer_code(const uint8_t *query, size_t n, unsigned code, uint8_t *out, size_t max);
void answer_udp(struct dns *d, struct source *s, uint32_t events); /* the source is a sandbox's udp */

/* ---- forward.c ---- */
struct query;
/* Whoever is told of the end: an answer, or NULL when no upstream gave one. */
typedef void query_done(struct dns *d, void *ctx, const uint8_t *answer, size_t n);
/* Asks the sandbox's upstreams, one after the other; by TCP for a client that came by TCP.  -EAGAIN: too many
 * at a time. done is called later, or never after query_cancel. */
int forward(struct dns *d, struct sandbox *s, const uint8_t *query, size_t n, bool tcp, query_done *done,
	void *ctx, struct query **ret);
void query_cancel(struct dns *d, struct query *q);

/* ---- stream.c ---- */
void stream_accept(struct dns *d, struct source *s, uint32_t events); /* the source is a sandbox's tcp */

#endif
