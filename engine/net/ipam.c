/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/net/ipam.h"

#include "lib/base/path.h"
#include "lib/base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- subnets ---------------------------------------------------------------------- */
void ipam_default_ranges(struct ipam_ranges *ret)
{
	static const struct ipam_range v[] = {
		{ { 0xac110000, 16 }, 16 }, /* 172.17.0.0 */
		{ { 0xac120000, 16 }, 16 }, { { 0xac130000, 16 }, 16 },
		{ { 0xac140000, 14 }, 16 }, /* 172.20.0.0 to 172.31.0.0 */
		{ { 0xac180000, 14 }, 16 }, { { 0xac1c0000, 14 }, 16 },
		{ { 0xc0a80000, 16 }, 20 }, /* 192.168.0.0 */
	};

	memcpy(ret->v, v, sizeof v);
	ret->n = sizeof v / sizeof v[0];
}

int ipam_add_range(struct ipam_ranges *ranges, const char *text, struct error *err)
{
	char copy[96], *save = NULL;
	struct ipam_range r = { .size = 0 };
	bool have_base = false;

	if (ranges->n == IPAM_RANGES_MAX)
		return error_invalid(err, "more than %d default address pools", IPAM_RANGES_MAX);
	if (path_format(copy, sizeof copy, "%s", text) < 0)
		return error_invalid(err, "invalid default address pool '%s'", text);
	for (char *part = strtok_r(copy, ",", &save); part; part = strtok_r(NULL, ",", &save)) {
		const char *v = str_after(part, "base=");
		uint64_t size;
		if (v && subnet_parse(v, &r.base, NULL) == 0) {
			have_base = true;
		} else if ((v = str_after(part, "size=")) &&
			   str_to_u64(v, 10, IPAM_PREFIX_MIN, 30, &size) == 0) {
			r.size = (unsigned)size;
		} else {
			return error_invalid(err,
				"invalid default address pool '%s': use base=10.10.0.0/16,size=24", text);
		}
	}
	if (!have_base || r.size == 0 || r.size < r.base.prefix)
		return error_invalid(
			err, "invalid default address pool '%s': use base=10.10.0.0/16,size=24", text);
	ranges->v[ranges->n++] = r;
	return 0;
}

int ipam_choose(const struct ipam_ranges *ranges, bool (*busy)(void *ctx, struct subnet s), void *ctx,
	struct subnet *ret, struct error *err)
{
	for (size_t i = 0; i < ranges->n; i++) {
		const struct ipam_range *r = &ranges->v[i];
		uint64_t n = UINT64_C(1) << (r->size - r->base.prefix);
		for (uint64_t k = 0; k < n; k++) {
			struct subnet s = { r->base.base + (uint32_t)(k << (32 - r->size)), r->size };
			if (busy(ctx, s))
				continue;
			*ret = s;
			return 0;
		}
	}
	return error_set(err, ERROR_EXHAUSTED, EADDRNOTAVAIL,
		"all predefined address pools have been fully subnetted");
}

/* ---- addresses ------------------------------------------------------------------------ */
struct ipam_pool {
	struct subnet subnet;
	uint32_t first, n; /* of the range, counted from the subnet's base */
	uint32_t hint;     /* everything of the range below it is taken */
	uint32_t n_free;   /* in the range */
	uint64_t taken[];
};

static bool is_taken(const struct ipam_pool *p, uint32_t i)
{
	return p->taken[i / 64] >> (i % 64) & 1;
}

static bool in_range(const struct ipam_pool *p, uint32_t i)
{
	return i - p->first < p->n;
}

int ipam_pool_new(struct subnet subnet, const struct subnet *range, struct ipam_pool **ret)
{
	if (subnet.prefix < IPAM_PREFIX_MIN || (range && !subnet_is_within(*range, subnet)))
		return -EINVAL;
	uint32_t size = (uint32_t)(UINT64_C(1) << (32 - subnet.prefix));
	struct ipam_pool *p = calloc(1, sizeof *p + ((size_t)size + 63) / 64 * 8);
	if (!p)
		return -ENOMEM;
	p->subnet = subnet;
	p->first = range ? range->base - subnet.base : 0;
	p->n = p->n_free = range ? (uint32_t)(UINT64_C(1) << (32 - range->prefix)) : size;
	p->hint = p->first;
	if (subnet.prefix < 31) {
		ipam_take_exact(p, subnet.base);
		ipam_take_exact(p, subnet.base + size - 1);
	}
	*ret = p;
	return 0;
}

void ipam_pool_free(struct ipam_pool *p)
{
	free(p);
}

int ipam_take(struct ipam_pool *p, uint32_t *ret)
{
	for (uint32_t i = p->hint; in_range(p, i);) {
		if (i % 64 == 0 && p->taken[i / 64] == UINT64_MAX) {
			i += 64;
			continue;
		}
		if (!is_taken(p, i)) {
			*ret = p->subnet.base + i;
			p->hint = i;
			return ipam_take_exact(p, *ret);
		}
		i++;
	}
	return -ENOSPC;
}

int ipam_take_exact(struct ipam_pool *p, uint32_t address)
{
	uint32_t i = address - p->subnet.base;

	if (!subnet_has(p->subnet, address))
		return -ERANGE;
	if (is_taken(p, i))
		return -EADDRINUSE;
	p->taken[i / 64] |= UINT64_C(1) << (i % 64);
	p->n_free -= in_range(p, i);
	return 0;
}

void ipam_release(struct ipam_pool *p, uint32_t address)
{
	uint32_t i = address - p->subnet.base;

	if (!subnet_has(p->subnet, address) || !is_taken(p, i))
		return;
	p->taken[i / 64] &= ~(UINT64_C(1) << (i % 64));
	p->n_free += in_range(p, i);
	if (in_range(p, i) && i < p->hint)
		p->hint = i;
}

size_t ipam_free_count(const struct ipam_pool *p)
{
	return p->n_free;
}
