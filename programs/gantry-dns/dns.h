/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gantry-dns: one thread, one epoll loop.  What is in the loop begins with a struct source; what is closed is
 * freed at the end of the round, so that later events of the round still find it.  No socket is made here:
 * gantryd gives them, so that this program needs no privilege and no namespace (lib/proto/dns.h).
 */
#ifndef GANTRY_DNS_DNS_H
#define GANTRY_DNS_DNS_H

#include "lib/proto/dns.h"
#include "programs/gantry-dns/names.h"
#include "programs/gantry-dns/wire.h"

#include <netinet/in.h>
#include <sys/types.h>

#define QUERY_MAX           4096 /* bytes of a question */
#define QUERIES_MAX         2048 /* asked of upstreams at a time */
#define SANDBOX_QUERIES_MAX 256
#define SOCKET_QUERIES_MAX  64  /* by one UDP socket, that is from one port to one server */
#define STREAMS_MAX         512 /* connections of clients, all sandboxes together */
#define SANDBOX_STREAMS_MAX 32
#define UPSTREAM_NS         (INT64_C(4) * 1000000000) /* what each upstream is given */
#define IDLE_NS             (INT64_C(10) * 1000000000)
#define ADDRESSES_MAX       1024

struct dns;

struct source {
	void (*ready)(struct dns *d, struct source *s, uint32_t events);
	int fd; /* -1: not in the loop */
	bool closed;
	struct source *next_dead;
};

struct timer {
	void (*late)(struct dns *d, struct timer *t);
	int64_t at_ns; /* 0: not set */
	struct timer *next, *prev;
};

/* A UDP socket to upstreams. */
struct query;
struct way {
	struct source source;           /* first */
	int fd;                         /* in the loop since its first use */
	struct proto_dns_server server; /* it is connected to */
	unsigned n;                     /* queries under way */
	struct query *queries;
};

/* The sockets of one network namespace to upstreams. */
struct ways {
	struct way udp[PROTO_DNS_UDP];
	int tcp[PROTO_DNS_TCP]; /* those that are free; -1 */
	struct query *waiting;  /* for one of TCP */
};

struct stream;
struct sandbox {
	struct source udp; /* first */
	struct source tcp;
	char id[PROTO_DNS_ID];
	uint32_t flags;
	unsigned n_servers;
	struct proto_dns_server servers[PROTO_DNS_SERVERS_MAX];
	struct place *places;
	struct ways ways;
	unsigned n_queries, n_streams;
	struct query *queries;
	struct stream *streams;
	bool told; /* since SYNC_BEGIN */
	struct sandbox *next;
};

struct dns {
	int epoll;
	int64_t now_ns;
	bool ended;
	pid_t pid;
	uid_t owner;                     /* who may tell it something */
	struct source *dead;             /* to be freed at the end of the round */
	struct timer *first, *last;      /* by time */
	struct source listener, control; /* fd -1: nobody is connected */
	struct sandbox **sandboxes;      /* by the id's hash: SANDBOX_BUCKETS */
	struct names *names;
	struct ways host; /* to upstreams that only the host reaches */
	unsigned n_queries, n_streams;
};
#define SANDBOX_BUCKETS 1024

/* ---- loop.c ---- */
int loop_open(struct dns *d);
int loop_run(struct dns *d); /* until it is ended; -errno */
/* fd becomes the source's; events: EPOLLIN ...  -errno: it is still the caller's. */
int source_add(struct dns *d, struct source *s, int fd, uint32_t events);
void source_want(struct dns *d, struct source *s, uint32_t events);
/* Out of the loop; the descriptor is the caller's again. */
int source_take(struct dns *d, struct source *s);
void source_close(struct dns *d, struct source *s);
/* A block that begins with a closed source is freed at the end of the round. */
void source_free(struct dns *d, struct source *s);
void timer_set(struct dns *d, struct timer *t, int64_t from_now_ns);
void timer_stop(struct dns *d, struct timer *t);

/* ---- control.c: gantryd's messages ---- */
int control_open(struct dns *d); /* what messages fill */
void control_accept(struct dns *d, struct source *s, uint32_t events);

/* ---- answer.c ---- */
/* What the tables say of a query: the length of the answer in out (at most max), 0: nothing, ask the
 * upstreams; -EBADMSG: to be dropped. */
int answer_local(const struct dns *d, const struct sandbox *s, const uint8_t *query, size_t n, bool tcp,
	uint8_t *out, size_t max);
/* An answer that has nothing but a code. */
size_t answer_code(const uint8_t *query, size_t n, unsigned code, uint8_t *out, size_t max);
void answer_udp(struct dns *d, struct source *s, uint32_t events); /* the source is a sandbox's udp */

/* ---- forward.c ---- */
/* Whoever is told of the end: an answer, which it may change, or NULL when no upstream gave one. */
typedef void query_done(struct dns *d, void *ctx, uint8_t *answer, size_t n);
/* Asks the sandbox's upstreams, one after the other; by TCP for a client that came by TCP.  -EAGAIN: too many
 * at a time; -EACCES: it may not; -ENETUNREACH. done is called later, once, unless query_cancel came
 * before. */
int forward(struct dns *d, struct sandbox *s, const uint8_t *query, size_t n, bool tcp, query_done *done,
	void *ctx, struct query **ret);
void query_cancel(struct dns *d, struct query *q);
void queries_drop(struct dns *d, struct sandbox *s); /* all of a sandbox end without an answer */

/* ---- ways.c ---- */
void ways_init(struct ways *w, int *fds); /* takes PROTO_DNS_HOST_FDS of them; NULL: none */
void ways_close(struct dns *d, struct ways *w);
/* One that has nothing to do, as long as each other server finds one, too; else the least busy one to the
 * same server; NULL: none. */
struct way *way_choose(struct ways *w, const struct proto_dns_server *server, unsigned n_servers);
/* As new: neither bound nor connected, with no error that was another one's. */
int way_reset(int fd);
int way_connect(int fd, const struct proto_dns_server *server); /* -errno, -EINPROGRESS */

/* ---- stream.c ---- */
void stream_accept(struct dns *d, struct source *s, uint32_t events); /* the source is a sandbox's tcp */
void streams_drop(struct dns *d, struct sandbox *s);

#endif
