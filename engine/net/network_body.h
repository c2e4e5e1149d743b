/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that make a network, and the addresses they come to. */
#ifndef GANTRY_ENGINE_NET_NETWORK_BODY_H
#define GANTRY_ENGINE_NET_NETWORK_BODY_H

#include "engine/net/object.h"

/* A network of POST /networks/create, checked, with its driver; addresses are not yet chosen. */
int network_body_read(struct net *net, const struct json *body, struct nw **ret, struct error *err);

/* Chooses or takes the subnet, the gateway, the reserved addresses.  With the network's name reserved, so
 * that two that are made at once do not get one subnet. */
int network_body_addresses(struct net *net, struct nw *nw, const struct json *body, struct error *err);

/* The pool of a network whose subnet, gateway and IPAM.Config are known. */
int network_body_make_pool(struct nw *nw, struct error *err);

#endif
