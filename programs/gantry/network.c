/* SPDX-License-Identifier: Apache-2.0 */
/* network create, ls, connect, disconnect, rm and prune; network inspect is inspect.c's. */
#include "lib/base/cleanup.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/listing.h"
#include "programs/gantry/members.h"
#include "programs/gantry/nouns.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TARGET_MAX ((size_t)1 << 20)

/* ---- create ------------------------------------------------------------------------------- */
struct network_create_options {
	const char *driver, *ipam_driver;
	struct option_list label, opt, subnet, gateway, ip_range, aux_address, ipam_opt;
	bool attachable, internal, ipv6, ipv4;
};
#define AT(member) CLI_AT(network_create_options, member)
static const struct option create_table[] = {
	{ "attachable", 0, OPTION_BOOL, 0, AT(attachable), "Enable manual container attachment", NULL, NULL,
		NULL },
	{ "aux-address", 0, OPTION_LIST, 0, AT(aux_address),
		"Auxiliary IPv4 or IPv6 addresses used by the network", "map", NULL, NULL },
	{ "driver", 'd', OPTION_STRING, 0, AT(driver), "Driver to manage the Network", NULL, "bridge", NULL },
	{ "gateway", 0, OPTION_LIST, 0, AT(gateway), "IPv4 or IPv6 Gateway for the master subnet", "strings",
		NULL, NULL },
	{ "internal", 0, OPTION_BOOL, 0, AT(internal), "Restrict external access to the network", NULL, NULL,
		NULL },
	{ "ip-range", 0, OPTION_LIST, 0, AT(ip_range), "Allocate container ip from a sub-range", "strings",
		NULL, NULL },
	{ "ipam-driver", 0, OPTION_STRING, 0, AT(ipam_driver), "IP Address Management Driver", NULL,
		"default", NULL },
	{ "ipam-opt", 0, OPTION_LIST, 0, AT(ipam_opt), "Set IPAM driver specific options", "map", NULL,
		NULL },
	{ "ipv4", 0, OPTION_BOOL, 0, AT(ipv4), "Enable or disable IPv4 address assignment", NULL, "true",
		NULL },
	{ "ipv6", 0, OPTION_BOOL, 0, AT(ipv6), "Enable or disable IPv6 address assignment", NULL, NULL,
		NULL },
	{ "label", 0, OPTION_LIST, 0, AT(label), "Set metadata on a network", "list", NULL, NULL },
	{ "opt", 'o', OPTION_LIST, 0, AT(opt), "Set driver specific options", "map", NULL, NULL },
	{ "subnet", 0, OPTION_LIST, 0, AT(subnet), "Subnet in CIDR format that represents a network segment",
		"strings", NULL, NULL },
	{ 0 },
};
#undef AT

/* The n-th of each kind belong together, as most people write them. */
static int add_ipam(const struct network_create_options *o, struct json *body, struct error *err)
{
	struct json *ipam = json_set_object(body, "IPAM"), *list;
	size_t n = o->subnet.n;

	json_set_string(ipam, "Driver", o->ipam_driver ? o->ipam_driver : "default");
	int r = nouns_set_map(ipam, "Options", &o->ipam_opt, err);
	if (r < 0 || n == 0) {
		if (r == 0 && (o->gateway.n || o->ip_range.n || o->aux_address.n))
			return error_invalid(
				err, "every ip-range or gateway must have a corresponding subnet");
		return r;
	}
	if (o->gateway.n > n || o->ip_range.n > n)
		return error_invalid(err, "every ip-range or gateway must have a corresponding subnet");
	list = json_set_array(ipam, "Config");
	for (size_t i = 0; i < n; i++) {
		struct json *c = json_add_object(list);
		json_set_string(c, "Subnet", o->subnet.v[i]);
		if (i < o->gateway.n)
			json_set_string(c, "Gateway", o->gateway.v[i]);
		if (i < o->ip_range.n)
			json_set_string(c, "IPRange", o->ip_range.v[i]);
		if (i == 0 && r == 0)
			r = nouns_set_map(c, "AuxiliaryAddresses", &o->aux_address, err);
	}
	return r;
}

static int create_run(const struct command_call *call)
{
	const struct network_create_options *o = call->options.into;
	auto_json struct json *body = json_new_object(), *answer = NULL;
	struct error err = ERROR_INIT;

	json_set_string(body, "Name", call->options.args[0]);
	json_set_string(body, "Driver", o->driver ? o->driver : "bridge");
	json_set_bool(body, "Internal", o->internal);
	json_set_bool(body, "Attachable", o->attachable);
	if (options_seen(&call->options, "ipv6"))
		json_set_bool(body, "EnableIPv6", o->ipv6);
	if (options_seen(&call->options, "ipv4"))
		json_set_bool(body, "EnableIPv4", o->ipv4);
	int r = add_ipam(o, body, &err);
	if (r == 0)
		r = nouns_set_map(body, "Options", &o->opt, &err);
	if (r == 0)
		r = nouns_set_map(body, "Labels", &o->label, &err);
	if (r == 0)
		r = client_call(cli_client(call), "POST", "/networks/create", body, &answer, &err);
	if (r < 0)
		return cli_fail(&err);
	if (*text_at(answer, "Warning"))
		fprintf(stderr, "WARNING: %s\n", text_at(answer, "Warning"));
	printf("%s\n", text_at(answer, "Id"));
	return 0;
}

const struct command network_create_command = {
	.name = "create",
	.usage = "[OPTIONS] NETWORK",
	.help = "Create a network",
	.min_args = 1,
	.max_args = 1,
	.options = create_table,
	.size = sizeof(struct network_create_options),
	.run = create_run,
};

/* ---- connect and disconnect -------------------------------------------------------------------- */
struct network_connect_options {
	const char *ip, *ip6;
	struct option_list alias, driver_opt, link, link_local;
	int64_t priority;
};
#define AT(member) CLI_AT(network_connect_options, member)
static const struct option connect_table[] = {
	{ "alias", 0, OPTION_LIST, 0, AT(alias), "Add network-scoped alias for the container", "strings",
		NULL, NULL },
	{ "driver-opt", 0, OPTION_LIST, 0, AT(driver_opt), "driver options for the network", "strings", NULL,
		NULL },
	{ "gw-priority", 0, OPTION_INT, 0, AT(priority), "Highest gw-priority provides the default gateway",
		NULL, NULL, NULL },
	{ "ip", 0, OPTION_STRING, 0, AT(ip), "IPv4 address (e.g., \"172.30.100.104\")", NULL, NULL, NULL },
	{ "ip6", 0, OPTION_STRING, 0, AT(ip6), "IPv6 address (e.g., \"2001:db8::33\")", NULL, NULL, NULL },
	{ "link", 0, OPTION_LIST, 0, AT(link), "Add link to another container", "list", NULL, NULL },
	{ "link-local-ip", 0, OPTION_LIST, 0, AT(link_local), "Add a link-local address for the container",
		"strings", NULL, NULL },
	{ 0 },
};
#undef AT

static void add_list(struct json *in, const char *key, const struct option_list *list)
{
	struct json *out = list->n > 0 ? members_array(in, key) : NULL;

	for (size_t i = 0; i < list->n; i++)
		json_add_string(out, list->v[i]);
}

static int connect_run(const struct command_call *call)
{
	const struct network_connect_options *o = call->options.into;
	auto_json struct json *body = json_new_object();
	auto_str struct str target = STR_INIT(TARGET_MAX);
	struct error err = ERROR_INIT;

	json_set_string(body, "Container", call->options.args[1]);
	struct json *endpoint = json_set_object(body, "EndpointConfig");
	if (o->ip || o->ip6 || o->link_local.n) {
		struct json *ipam = json_set_object(endpoint, "IPAMConfig");
		if (o->ip)
			json_set_string(ipam, "IPv4Address", o->ip);
		if (o->ip6)
			json_set_string(ipam, "IPv6Address", o->ip6);
		add_list(ipam, "LinkLocalIPs", &o->link_local);
	}
	add_list(endpoint, "Aliases", &o->alias);
	add_list(endpoint, "Links", &o->link);
	if (o->priority)
		json_set_int(endpoint, "GwPriority", o->priority);
	int r = nouns_set_map(endpoint, "DriverOpts", &o->driver_opt, &err);
	cli_target(&target, "networks", call->options.args[0], "/connect");
	if (r == 0)
		r = client_call(cli_client(call), "POST", str_text(&target), body, NULL, &err);
	return r < 0 ? cli_fail(&err) : 0;
}

const struct command network_connect_command = {
	.name = "connect",
	.usage = "[OPTIONS] NETWORK CONTAINER",
	.help = "Connect a container to a network",
	.min_args = 2,
	.max_args = 2,
	.options = connect_table,
	.size = sizeof(struct network_connect_options),
	.run = connect_run,
};

struct network_force_options {
	bool force;
};
static const struct option disconnect_table[] = {
	{ "force", 'f', OPTION_BOOL, 0, CLI_AT(network_force_options, force),
		"Force the container to disconnect from a network", NULL, NULL, NULL },
	{ 0 },
};

static int disconnect_run(const struct command_call *call)
{
	const struct network_force_options *o = call->options.into;
	auto_json struct json *body = json_new_object();
	auto_str struct str target = STR_INIT(TARGET_MAX);
	struct error err = ERROR_INIT;

	json_set_string(body, "Container", call->options.args[1]);
	json_set_bool(body, "Force", o->force);
	cli_target(&target, "networks", call->options.args[0], "/disconnect");
	return client_call(cli_client(call), "POST", str_text(&target), body, NULL, &err) < 0 ? cli_fail(&err)
											      : 0;
}

const struct command network_disconnect_command = {
	.name = "disconnect",
	.usage = "[OPTIONS] NETWORK CONTAINER",
	.help = "Disconnect a container from a network",
	.min_args = 2,
	.max_args = 2,
	.options = disconnect_table,
	.size = sizeof(struct network_force_options),
	.run = disconnect_run,
};

/* ---- ls ----------------------------------------------------------------------------------------- */
struct network_ls_options {
	struct option_list filter;
	const char *format;
	bool quiet, no_trunc;
};
#define AT(member) CLI_AT(network_ls_options, member)
static const struct option ls_table[] = {
	{ "filter", 'f', OPTION_LIST, 0, AT(filter), "Provide filter values (e.g. \"driver=bridge\")",
		"filter", NULL, NULL },
	{ "format", 0, OPTION_STRING, 0, AT(format),
		"Format output using a custom template: 'table', 'table TEMPLATE', 'json' or 'TEMPLATE'",
		NULL, NULL, NULL },
	{ "no-trunc", 0, OPTION_BOOL, 0, AT(no_trunc), "Do not truncate the output", NULL, NULL, NULL },
	{ "quiet", 'q', OPTION_BOOL, 0, AT(quiet), "Only display network IDs", NULL, NULL, NULL },
	{ 0 },
};
#undef AT

static const char heads[] =
	"{\"ID\":\"NETWORK "
	"ID\",\"Name\":\"NAME\",\"Driver\":\"DRIVER\",\"Scope\":\"SCOPE\",\"IPv4\":\"IPV4\","
	"\"IPv6\":\"IPV6\",\"Internal\":\"INTERNAL\",\"Labels\":\"LABELS\",\"CreatedAt\":\"CREATED AT\"}";

static void add_row(const struct json *n, const struct network_ls_options *o, struct json *rows)
{
	auto_str struct str labels = STR_INIT(TARGET_MAX);
	struct json *row = json_add_object(rows);
	char id[16];

	json_set_string(row, "CreatedAt", text_at(n, "Created"));
	json_set_string(row, "Driver", text_at(n, "Driver"));
	json_set_string(row, "ID", o->no_trunc ? text_at(n, "Id") : listing_short_id(text_at(n, "Id"), id));
	json_set_string(row, "IPv4", true_at(n, "EnableIPv4") ? "true" : "false");
	json_set_string(row, "IPv6", true_at(n, "EnableIPv6") ? "true" : "false");
	json_set_string(row, "Internal", true_at(n, "Internal") ? "true" : "false");
	json_set_string(row, "Labels", nouns_labels(json_at(n, "Labels"), &labels));
	json_set_string(row, "Name", text_at(n, "Name"));
	json_set_string(row, "Scope", text_at(n, "Scope"));
}

static void sort_by_name(const struct json *list, const struct json **sorted, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct json *v = json_item(list, i);
		size_t k = i;
		for (; k > 0 && strcmp(text_at(sorted[k - 1], "Name"), text_at(v, "Name")) > 0; k--)
			sorted[k] = sorted[k - 1];
		sorted[k] = v;
	}
}

static int print_list(const struct network_ls_options *o, const struct json *list, struct error *err)
{
	size_t n = json_count(list);
	auto_free const struct json **sorted = calloc(n + 1, sizeof *sorted);
	auto_json struct json *rows = json_new_array(), *head = NULL;
	const char *format = o->format;

	if (!sorted)
		return error_sys(err, ENOMEM, "cannot print");
	sort_by_name(list, sorted, n);
	for (size_t i = 0; i < n; i++)
		add_row(sorted[i], o, rows);
	if (o->quiet && (!format || strcmp(format, "table") == 0))
		format = "{{.ID}}";
	int r = json_parse(heads, sizeof heads - 1, 0, &head, err);
	return r < 0 ? r
		     : listing_print(
			       format, "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}", head, rows, err);
}

static int ls_run(const struct command_call *call)
{
	const struct network_ls_options *o = call->options.into;
	struct error err = ERROR_INIT;
	auto_str struct str target = STR_INIT(TARGET_MAX);
	auto_json struct json *answer = NULL;

	str_add(&target, "/networks");
	int r = cli_add_filters(&target, call, &o->filter, &err);
	if (r == 0)
		r = client_get(cli_client(call), str_text(&target), &answer, &err);
	if (r >= 0)
		r = print_list(o, answer, &err);
	return r < 0 ? cli_refuse(call, &err) : 0;
}

const struct command network_ls_command = {
	.name = "ls",
	.alias = "list",
	.usage = "[OPTIONS]",
	.help = "List networks",
	.options = ls_table,
	.size = sizeof(struct network_ls_options),
	.run = ls_run,
};

/* ---- rm, prune ------------------------------------------------------------------------------------ */
static const struct option rm_table[] = {
	{ "force", 'f', OPTION_BOOL, 0, CLI_AT(network_force_options, force),
		"Do not error if the network does not exist", NULL, NULL, NULL },
	{ 0 },
};

static int rm_run(const struct command_call *call)
{
	const struct network_force_options *o = call->options.into;

	return nouns_remove(call, "networks", o->force);
}

const struct command network_rm_command = {
	.name = "rm",
	.alias = "remove",
	.usage = "NETWORK [NETWORK...]",
	.help = "Remove one or more networks",
	.min_args = 1,
	.max_args = -1,
	.options = rm_table,
	.size = sizeof(struct network_force_options),
	.run = rm_run,
};

struct network_prune_options {
	bool force;
	struct option_list filter;
};
static const struct option prune_table[] = {
	{ "filter", 0, OPTION_LIST, 0, CLI_AT(network_prune_options, filter),
		"Provide filter values (e.g. \"until=<timestamp>\")", "filter", NULL, NULL },
	{ "force", 'f', OPTION_BOOL, 0, CLI_AT(network_prune_options, force),
		"Do not prompt for confirmation", NULL, NULL, NULL },
	{ 0 },
};

static int prune_run(const struct command_call *call)
{
	const struct network_prune_options *o = call->options.into;

	if (!nouns_confirm(
		    "WARNING! This will remove all custom networks not used by at least one container.",
		    o->force))
		return 0;
	return nouns_prune(call, "networks", "NetworksDeleted", "Deleted Networks", &o->filter, false);
}

const struct command network_prune_command = {
	.name = "prune",
	.usage = "[OPTIONS]",
	.help = "Remove all unused networks",
	.options = prune_table,
	.size = sizeof(struct network_prune_options),
	.run = prune_run,
};
