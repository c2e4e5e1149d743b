/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's option names, and what they come to. */
#include "plugins/net-bridge/driver.h"

#include "lib/base/path.h"
#include "lib/base/str.h"
#include "plugins/kit/options.h"

#include <ctype.h>
#include <string.h>

#define PREFIX  "com.docker.network."
#define MTU_MIN 68
#define MTU_MAX 65535

static const char *option(const struct gty_network_req *req, const char *key)
{
	return kit_option(req->opts, req->opts_n, key);
}

static bool is_link_name(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n >= LINK_NAME_SIZE || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (const char *p = name; *p; p++)
		if (*p == '/' || *p == ':' || isspace((unsigned char)*p))
			return false;
	return true;
}

static int read_name(const struct gty_network_req *req, struct bridge *b, struct error *err)
{
	const char *name = option(req, PREFIX "bridge.name");

	if (!name || !*name) {
		bridge_link_name(req->id, b->link);
		return 0;
	}
	if (!is_link_name(name))
		return error_invalid(
			err, "invalid bridge name '%s': at most 15 bytes without '/', ':' and blanks", name);
	b->named = true;
	path_format(b->link, sizeof b->link, "%s", name);
	return 0;
}

static int read_mtu(const struct gty_network_req *req, struct bridge *b, struct error *err)
{
	const char *text = option(req, PREFIX "driver.mtu");
	uint64_t mtu = 0;

	if (text && str_to_u64(text, 10, 0, MTU_MAX, &mtu) < 0)
		return error_invalid(err, "invalid value for option '" PREFIX "driver.mtu': '%s'", text);
	if (mtu != 0 && mtu < MTU_MIN)
		return error_invalid(
			err, "an MTU of %llu is less than IPv4 needs (%d)", (unsigned long long)mtu, MTU_MIN);
	b->mtu = mtu ? (uint32_t)mtu : 1500;
	return 0;
}

static int read_mode(const struct gty_network_req *req, struct bridge *b, struct error *err)
{
	static const char *const words[] = { "nat", "routed", "isolated", "nat-unprotected" };
	const char *text = option(req, PREFIX "bridge.gateway_mode_ipv4");

	if (!text || !*text)
		return 0;
	for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(text, words[i]) == 0) {
			b->mode = i;
			if (i == MODE_ISOLATED && !b->internal)
				return error_invalid(err,
					"gateway mode 'isolated' can only be used for an internal network");
			return 0;
		}
	return error_invalid(err, "unknown gateway mode %s", text);
}

static int read_pool(const struct gty_network_req *req, struct bridge *b, struct error *err)
{
	for (uint32_t i = 0; i < req->pools_n; i++) {
		const struct gty_pool *p = &req->pools[i];
		if (p->family != 4)
			return error_set(err, ERROR_UNSUPPORTED, 0, "this bridge driver has no IPv6");
		if (b->address || !p->gateway)
			continue;
		if (parse_cidr(p->gateway, &b->address, &b->prefix) < 0)
			return error_invalid(err, "invalid gateway '%s'", p->gateway);
	}
	return 0;
}

int bridge_settings(const struct gty_network_req *req, struct bridge *b, struct error *err)
{
	if (req->flags & GTY_NET_IPV6)
		return error_set(
			err, ERROR_UNSUPPORTED, 0, "this bridge driver has no IPv6: give --ipv6=false");
	if (!req->id || !*req->id || strlen(req->id) >= sizeof b->id)
		return error_invalid(err, "a network needs an id");
	path_format(b->id, sizeof b->id, "%s", req->id);
	b->internal = req->flags & GTY_NET_INTERNAL;
	int r = read_name(req, b, err);
	if (r == 0)
		r = read_mtu(req, b, err);
	if (r == 0)
		r = read_mode(req, b, err);
	if (r == 0)
		r = kit_option_bool(req->opts, req->opts_n, PREFIX "bridge.enable_icc", true, &b->icc, err);
	if (r == 0)
		r = kit_option_bool(req->opts, req->opts_n, PREFIX "bridge.enable_ip_masquerade", true,
			&b->masquerade, err);
	if (r == 0)
		r = kit_option_bool(
			req->opts, req->opts_n, PREFIX "bridge.inhibit_ipv4", false, &b->inhibit, err);
	if (r == 0)
		r = read_pool(req, b, err);
	b->gateway = b->address && !b->internal;
	if (b->mode == MODE_ISOLATED)
		b->inhibit = true; /* nothing of the host is reachable by it */
	return r;
}

uint32_t bridge_facts(const struct bridge *b)
{
	uint32_t facts = b->icc ? 0 : GTY_NETF_NO_ICC;

	if (b->mode != MODE_UNPROTECTED)
		facts |= GTY_NETF_GUARD;
	if (b->internal || b->inhibit) /* the host is not their way out, nor the way in */
		return facts | GTY_NETF_GUARD;
	if (b->mode == MODE_ROUTED)
		return facts | GTY_NETF_ROUTED;
	return facts | GTY_NETF_PUBLISH | (b->masquerade ? GTY_NETF_MASQUERADE : 0);
}
