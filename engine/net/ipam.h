/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses: which subnet a network gets when it names none, and which addresses of a subnet are taken.
 * Memory alone: what is taken is told again after a restart, from the rows. Threads: the caller's lock.
 */
#ifndef GANTRY_ENGINE_NET_IPAM_H
#define GANTRY_ENGINE_NET_IPAM_H

#include "engine/net/address.h"
#include "lib/base/error.h"

#include <stddef.h>

/* ---- subnets ---------------------------------------------------------------------- */
struct ipam_range { /* of subnets of one size */
	struct subnet base;
	unsigned size;
};
#define IPAM_RANGES_MAX 64
struct ipam_ranges {
	struct ipam_range v[IPAM_RANGES_MAX];
	size_t n;
};
/* Docker's. */
void ipam_default_ranges(struct ipam_ranges *ret);
/* Appends "base=10.10.0.0/16,size=24". */
int ipam_add_range(struct ipam_ranges *ranges, const char *text, struct error *err);
/* The first subnet that busy() does not refuse.  ERROR_EXHAUSTED in Docker's words. */
int ipam_choose(const struct ipam_ranges *ranges, bool (*busy)(void *ctx, struct subnet s), void *ctx,
	struct subnet *ret, struct error *err);

/* ---- addresses of a subnet ------------------------------------------------------------ */
#define IPAM_PREFIX_MIN 8 /* a bit for each address: 2 MiB */
struct ipam_pool;

/* range: where addresses are chosen from; NULL: all of it. The subnet's first and last address are taken.
 * -EINVAL: too large, or the range is outside; -ENOMEM. */
int ipam_pool_new(struct subnet subnet, const struct subnet *range, struct ipam_pool **ret);
void ipam_pool_free(struct ipam_pool *p);
/* The lowest free one of the range; -ENOSPC. */
int ipam_take(struct ipam_pool *p, uint32_t *ret);
/* This one, in the range or not: -ERANGE outside of the subnet, -EADDRINUSE. */
int ipam_take_exact(struct ipam_pool *p, uint32_t address);
void ipam_release(struct ipam_pool *p, uint32_t address);
size_t ipam_free_count(const struct ipam_pool *p); /* in the range */

#endif
