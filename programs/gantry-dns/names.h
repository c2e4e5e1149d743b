/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of networks.  They come and go with places (a sandbox's on a network); what one costs does not
 * depend on how many others there are.
 */
#ifndef GANTRY_DNS_NAMES_H
#define GANTRY_DNS_NAMES_H

#include "lib/proto/dns.h"

#include <stdbool.h>

struct names;
struct place;

struct names *names_new(void);        /* NULL: no memory */
void names_free(struct names *names); /* with no place in it any more; NULL is allowed */

/* A place for a checked message's; it goes to the end of *list.  -ENOMEM. */
int names_add(
	struct names *names, const struct proto_dns_place *what, const char *texts, struct place **list);
/* Takes all places of a list away. */
void names_drop(struct names *names, struct place **list);

/* Looks up for who is at these places, as Docker does: "web", on any of the networks, and "web.blue", on the
 * network "blue"; names of its own (links) first.  name: in lower case.  Fills at most max addresses (network
 * byte order), returns how many there are. */
size_t names_find(
	const struct names *names, const struct place *places, const char *name, uint32_t *ret, size_t max);

/* "NAME.NETWORK" of an address into buf; false: nobody there. */
bool names_reverse(
	const struct names *names, const struct place *places, uint32_t address, char *buf, size_t size);

#endif
