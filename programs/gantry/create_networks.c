/* SPDX-License-Identifier: Apache-2.0 */
/* --network and what belongs to it, --dns and --add-host. */
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/create_body.h"
#include "programs/gantry/members.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char endpoint_basis[] =
	"{\"IPAMConfig\":null,\"Links\":null,\"Aliases\":null,\"MacAddress\":\"\",\"DriverOpts\":null,"
	"\"GwPriority\":0,\"NetworkID\":\"\",\"EndpointID\":\"\",\"Gateway\":\"\",\"IPAddress\":\"\","
	"\"IPPrefixLen\":0,\"IPv6Gateway\":\"\",\"GlobalIPv6Address\":\"\",\"GlobalIPv6PrefixLen\":0,"
	"\"DNSNames\":null}";

static bool is_user_defined(const char *name)
{
	return strcmp(name, "bridge") != 0 && strcmp(name, "host") != 0 && strcmp(name, "none") != 0 &&
	       strcmp(name, "default") != 0 && !str_after(name, "container:");
}

static bool is_mac(const char *text)
{
	size_t n = strlen(text);

	if (n != 17 || strspn(text, "0123456789abcdefABCDEF:-") != n)
		return false;
	for (size_t i = 2; i < n; i += 3)
		if (text[i] != ':' && text[i] != '-')
			return false;
	return true;
}

static void set_address(struct json *endpoint, const char *key, const char *address)
{
	if (address)
		json_set_string(members_object(endpoint, "IPAMConfig"), key, address);
}

/* A field "key=value" of the long form; *ret_name is set by name=. */
static int take_field(const struct create_input *in, const char *text, const char *field,
	struct json *endpoint, const char **ret_name)
{
	const char *v;
	int64_t n;

	if ((v = str_after(field, "name=")))
		*ret_name = v;
	else if ((v = str_after(field, "alias=")))
		json_add_string(members_array(endpoint, "Aliases"), v);
	else if ((v = str_after(field, "driver-opt=")) && strchr(v, '='))
		create_pair(members_object(endpoint, "DriverOpts"), v);
	else if ((v = str_after(field, "ip=")))
		set_address(endpoint, "IPv4Address", v);
	else if ((v = str_after(field, "ip6=")))
		set_address(endpoint, "IPv6Address", v);
	else if ((v = str_after(field, "mac-address=")) && is_mac(v))
		json_set_string(endpoint, "MacAddress", v);
	else if ((v = str_after(field, "link-local-ip=")))
		json_add_string(members_array(members_object(endpoint, "IPAMConfig"), "LinkLocalIPs"), v);
	else if ((v = str_after(field, "gw-priority=")) && str_to_i64(v, INT32_MIN, INT32_MAX, &n) == 0)
		json_set_int(endpoint, "GwPriority", n);
	else
		return create_refuse(
			in, "network", text, "invalid field key %.*s", (int)strcspn(field, "="), field);
	return 0;
}

/* What options of their own say about the first network. */
static int add_own(const struct create_input *in, const char *name, struct json *endpoint)
{
	const struct create_options *o = in->o;

	if (o->network_alias.n > 0 && !is_user_defined(name))
		return error_invalid(
			in->err, "network-scoped aliases are only supported for user-defined networks");
	for (size_t i = 0; i < o->network_alias.n; i++)
		json_add_string(members_array(endpoint, "Aliases"), o->network_alias.v[i]);
	for (size_t i = 0; i < o->link.n && is_user_defined(name); i++)
		json_add_string(members_array(endpoint, "Links"), o->link.v[i]);
	for (size_t i = 0; i < o->link_local_ip.n; i++)
		json_add_string(members_array(members_object(endpoint, "IPAMConfig"), "LinkLocalIPs"),
			o->link_local_ip.v[i]);
	set_address(endpoint, "IPv4Address", o->ip);
	set_address(endpoint, "IPv6Address", o->ip6);
	if (o->mac_address && !is_mac(o->mac_address))
		return error_invalid(in->err, "%.100s is not a valid mac address", o->mac_address);
	if (o->mac_address)
		json_set_string(endpoint, "MacAddress", o->mac_address);
	return 0;
}

/* Whether an endpoint is sent: not for the modes, which Docker's CLI leaves to the daemon. */
static bool has_endpoint(const char *name)
{
	return is_user_defined(name) || strcmp(name, "default") == 0;
}

static int take_fields(const struct create_input *in, const char *text, struct json *endpoint, char **fields,
	const char **ret_name)
{
	int r = 0;

	for (size_t i = 0; fields[i] && r == 0; i++)
		r = take_field(in, text, fields[i], endpoint, ret_name);
	return r;
}

static int add_network(const struct create_input *in, const char *text, bool first, struct json *endpoints,
	struct json *host)
{
	auto_str_list char **fields = NULL;
	auto_json struct json *endpoint = NULL;
	const char *name = text;
	int r = json_parse(endpoint_basis, sizeof endpoint_basis - 1, 0, &endpoint, in->err);

	if (r == 0 && strchr(text, '=')) {
		name = "";
		r = create_csv(text, &fields);
		if (r == 0)
			r = take_fields(in, text, endpoint, fields, &name);
	}
	if (r < 0)
		return r;
	if (!name[0])
		return error_invalid(in->err, "no name set for network");
	if (in->o->network.n > 1 && !is_user_defined(name))
		return error_invalid(in->err, "conflicting options: cannot attach both user-defined and "
					      "non-user-defined network-modes");
	if (first) {
		json_set_string(host, "NetworkMode", name);
		r = add_own(in, name, endpoint);
	}
	if (r == 0 && has_endpoint(name))
		json_set(endpoints, name, take_ptr(endpoint));
	return r;
}

/* ---- names ------------------------------------------------------------------------------------ */
static bool is_ip(const char *text)
{
	unsigned char buf[16];

	return inet_pton(AF_INET, text, buf) == 1 || inet_pton(AF_INET6, text, buf) == 1;
}

static int add_dns(const struct create_input *in, struct json *host)
{
	const struct option_list *list = &in->o->dns;
	struct json *all = json_set_array(host, "Dns");

	for (size_t i = 0; i < list->n; i++) {
		if (!is_ip(list->v[i]))
			return create_refuse(in, "dns", list->v[i],
				"IP address is not correctly formatted: %.100s", list->v[i]);
		json_add_string(all, list->v[i]);
	}
	return 0;
}

/* "name:address" and "name=address" become "name:address". */
static int add_hosts(const struct create_input *in, struct json *host)
{
	const struct option_list *list = &in->o->add_host;

	for (size_t i = 0; i < list->n; i++) {
		const char *text = list->v[i];
		size_t n = strcspn(text, "=:");
		char address[64], pair[320];
		size_t length = text[n] ? strlen(text + n + 1) : 0;
		if (n == 0 || length == 0)
			return create_refuse(
				in, "add-host", text, "bad format for add-host: \"%.100s\"", text);
		bool brackets = text[n + 1] == '[' && text[n + length] == ']' && length > 2;
		snprintf(address, sizeof address, "%.*s", (int)(length < 60 ? length - 2 * brackets : 60),
			text + n + 1 + brackets);
		if (!is_ip(address) && strcmp(address, "host-gateway") != 0)
			return create_refuse(
				in, "add-host", text, "invalid IP address in add-host: \"%s\"", address);
		snprintf(pair, sizeof pair, "%.*s:%s", n < 253 ? (int)n : 253, text, address);
		json_add_string(members_array(host, "ExtraHosts"), pair);
	}
	return 0;
}

static int check_links(const struct create_input *in)
{
	for (size_t i = 0; i < in->o->link.n; i++)
		if (!in->o->link.v[i][0])
			return create_refuse(in, "link", "", "empty string specified for links");
	return 0;
}

int create_networks(const struct create_input *in, struct json *body, struct json *host)
{
	struct json *endpoints = members_object(members_object(body, "NetworkingConfig"), "EndpointsConfig");
	const struct option_list *list = &in->o->network;
	int r = check_links(in);

	if (r == 0)
		r = add_dns(in, host);
	if (r == 0)
		r = add_hosts(in, host);
	if (r == 0 && list->n == 0)
		r = add_network(in, "default", true, endpoints, host);
	for (size_t i = 0; i < list->n && r == 0; i++)
		r = add_network(in, list->v[i], i == 0, endpoints, host);
	return r;
}
