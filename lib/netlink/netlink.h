/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Netlink sockets over libnl-3, and messages built by hand, several in one datagram: one system call for a
 * job.
 *
 * A batch is begun, filled (netlink_add, then the message's attributes in order) and committed.  Its failures
 * stick: netlink_commit tells them.  The kernel works through the messages in order; all but nfnetlink's
 * batches go on after a message that failed. Threads: a socket from any, one request at a time (it has a
 * lock); a batch belongs to one.
 */
#ifndef GANTRY_NETLINK_NETLINK_H
#define GANTRY_NETLINK_NETLINK_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netlink;
struct nlattr;
struct nlmsghdr;

/* A socket of the calling thread's network namespace; protocol NETLINK_*. */
int netlink_open(int protocol, struct netlink **ret, struct error *err);
/* In another namespace: the calling thread is there for a moment.  For threads of our own alone. */
int netlink_open_in(int protocol, int netns, struct netlink **ret, struct error *err);
void netlink_close(struct netlink *nl); /* NULL is allowed */

/* ---- building ---------------------------------------------------------------------- */
#define NETLINK_BATCH_MAX (16u << 20) /* bytes */

struct netlink_batch {
	char *data;
	size_t len, size;
	size_t message; /* offset of the one that is being built */
	uint32_t n;     /* messages */
	uint32_t last;  /* the one whose answer ends the batch */
	int failed;
};

/* With the header that stands before the attributes (struct ifinfomsg ...). NLM_F_REQUEST is added. */
void netlink_add(struct netlink_batch *b, int type, int flags, const void *header, size_t n);
/* The same for one that is not answered when all is well, even as the last (nfnetlink's end of a batch). */
void netlink_add_silent(struct netlink_batch *b, int type, int flags, const void *header, size_t n);

void netlink_put(struct netlink_batch *b, int type, const void *data, size_t n);
void netlink_put_u8(struct netlink_batch *b, int type, uint8_t v);
void netlink_put_u16(struct netlink_batch *b, int type, uint16_t v);
void netlink_put_u32(struct netlink_batch *b, int type, uint32_t v);
void netlink_put_be16(struct netlink_batch *b, int type, uint16_t v);
void netlink_put_be32(struct netlink_batch *b, int type, uint32_t v);
void netlink_put_text(struct netlink_batch *b, int type, const char *text);
/* What is put until netlink_nest_end is inside. */
size_t netlink_nest(struct netlink_batch *b, int type);
void netlink_nest_end(struct netlink_batch *b, size_t nest);
/* Bytes that are no attribute (the header of a veth's peer). */
void netlink_put_raw(struct netlink_batch *b, const void *data, size_t n);

void netlink_batch_done(struct netlink_batch *b);
#define auto_batch __attribute__((cleanup(netlink_batch_done)))

/* ---- sending ------------------------------------------------------------------------- */
struct netlink_fault {
	uint32_t message; /* the first that failed, from 0 */
	char why[120];    /* the kernel's word for it, or "" */
};

/* Sends all, waits for the answer of the last; empties the batch.  0 or the first error, negative. fault:
 * NULL or filled on failure. */
int netlink_commit(struct netlink *nl, struct netlink_batch *b, struct netlink_fault *fault);

/* Sends the batch's one message, a dump or a query, and calls back for each answer; a negative one ends it.
 * The batch is empty then. */
typedef int netlink_visit(void *ctx, const struct nlmsghdr *h);
int netlink_query(struct netlink *nl, struct netlink_batch *b, netlink_visit *visit, void *ctx);

/* ---- listening --------------------------------------------------------------------------- */
/* Joins a multicast group.  The socket must serve for nothing else. */
int netlink_join(struct netlink *nl, int group);
int netlink_fd(const struct netlink *nl);
uint32_t netlink_port(const struct netlink *nl);
/* Calls back for all that waits, without waiting; -ENOBUFS: something was lost. */
int netlink_drain(struct netlink *nl, netlink_visit *visit, void *ctx);

#endif
