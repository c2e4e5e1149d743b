/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gantryd's side of gantry-dns (lib/proto/dns.h): which sandboxes it serves, and what the names on each
 * network are.  Started when the first sandbox on a user network needs it; taken over from an earlier
 * gantryd; when it dies, a thread starts another one and tells it everything again.
 *
 * Whatever changes a member's names calls dns_member behind the change; what is told is read then, so that
 * the last one to speak has the truth.  Failures are logged: a container starts without names rather than not
 * at all.  Threads: any, without the lock of net.
 */
#ifndef GANTRY_ENGINE_NET_DNS_H
#define GANTRY_ENGINE_NET_DNS_H

#include "lib/base/error.h"

#include <stdbool.h>

struct net;
struct net_member;
struct nw;

int dns_new(struct net *net, struct error *err);
/* Takes an earlier one over and tells it what is; it lives on after dns_free. */
void dns_begin(struct net *net);
void dns_free(struct net *net);

/* Names resolve on this network: not on the predefined ones. */
bool dns_serves(const struct nw *nw);
/* The member is on such a network. */
bool dns_serves_member(const struct net_member *m);

/* The sandbox of a member, its networks and its names on them; again after each change of these. */
void dns_member(struct net_member *m);
/* It ends: before its addresses are free. */
void dns_drop(struct net_member *m);

#endif
