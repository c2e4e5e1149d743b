/* SPDX-License-Identifier: Apache-2.0 */
/* What gantry-dns is told of a container: where it is, what it is called there, where its questions go. */
#ifndef GANTRY_ENGINE_NET_DNS_MESSAGE_H
#define GANTRY_ENGINE_NET_DNS_MESSAGE_H

#include "lib/base/str.h"
#include "lib/proto/dns.h"

struct net_member;

/* With the lock of net: writes the message of a member as it is now into out, which is empty and has
 * PROTO_DNS_MESSAGE_MAX.  head: with its servers and PROTO_DNS_NDOTS; the rest is set.  Names that do not fit
 * are left out.  False: it has no network with names, or no sandbox. */
bool dns_describe(const struct net_member *m, struct proto_dns_sandbox *head, struct str *out);

#endif
