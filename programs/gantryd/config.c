/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantryd/config.h"

#include "lib/base/log.h"
#include "lib/base/path.h"
#include "lib/base/str.h"
#include "lib/json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define FILE_MAX   (1u << 20)
#define POOLS      "default-address-pools"
#define AT(member) offsetof(struct config, member)

const struct option config_options[] = {
	{ "auth", 0, OPTION_LIST, 0, AT(auth),
		"Authorization driver to ask, in order; \"none\" allows everything on unix sockets", "driver",
		"peercred", NULL },
	{ "bip", 0, OPTION_STRING, 0, AT(bip), "IPv4 address for the default bridge", "string", NULL, NULL },
	{ "bridge", 'b', OPTION_STRING, 0, AT(bridge), "Attach containers to a network bridge", "string",
		NULL, NULL },
	{ "config-file", 0, OPTION_STRING, 0, AT(config_file), "Daemon configuration file", "string",
		CONFIG_FILE, NULL },
	{ "data-root", 0, OPTION_STRING, 0, AT(data_root), "Root directory of persistent gantry state",
		"string", CONFIG_DATA_ROOT, NULL },
	{ "debug", 'D', OPTION_BOOL, 0, AT(debug), "Enable debug mode", NULL, NULL, NULL },
	{ "default-address-pool", 0, OPTION_LIST, 0, AT(pools),
		"Default address pools for networks: base=NETWORK,size=BITS", "pool-options", NULL, NULL },
	{ "default-gateway", 0, OPTION_STRING, 0, AT(default_gateway),
		"Default gateway IPv4 address for the default bridge network", "ip", NULL, NULL },
	{ "dns", 0, OPTION_LIST, 0, AT(dns), "DNS server to use", "ipSlice", NULL, NULL },
	{ "dns-opt", 0, OPTION_LIST, 0, AT(dns_opts), "DNS options to use", "list", NULL, NULL },
	{ "dns-search", 0, OPTION_LIST, 0, AT(dns_search), "DNS search domains to use", "list", NULL, NULL },
	{ "exec-root", 0, OPTION_STRING, 0, AT(exec_root), "Root directory for execution state files",
		"string", CONFIG_EXEC_ROOT, NULL },
	{ "fixed-cidr", 0, OPTION_STRING, 0, AT(fixed_cidr), "IPv4 subnet for the default bridge network",
		"string", NULL, NULL },
	{ "group", 'G', OPTION_STRING, 0, AT(group), "Group for the unix socket", "string", CONFIG_GROUP,
		NULL },
	{ "host", 'H', OPTION_LIST, 0, AT(hosts), "Daemon socket(s) to connect to", "list",
		"unix://" CONFIG_SOCKET, NULL },
	{ "host-gateway-ip", 0, OPTION_STRING, 0, AT(host_gateway_ip),
		"IP address that the special 'host-gateway' string in --add-host resolves to", "ip", NULL,
		NULL },
	{ "icc", 0, OPTION_BOOL, 0, AT(icc),
		"Enable inter-container communication for the default bridge network", NULL, "true", NULL },
	{ "ip", 0, OPTION_STRING, 0, AT(ip), "Host IP for port publishing from the default bridge network",
		"ip", "0.0.0.0", NULL },
	{ "ip-forward", 0, OPTION_BOOL, 0, AT(ip_forward), "Enable IP forwarding in system configuration",
		NULL, "true", NULL },
	{ "ip-masq", 0, OPTION_BOOL, 0, AT(ip_masq), "Enable IP masquerading for the default bridge network",
		NULL, "true", NULL },
	{ "iptables", 0, OPTION_BOOL, 0, AT(iptables), "Set the firewall: rules of nftables", NULL, "true",
		NULL },
	{ "label", 0, OPTION_LIST, 0, AT(labels), "Set key=value labels to the daemon", "list", NULL, NULL },
	{ "log-format", 0, OPTION_STRING, 0, AT(log_format), "Set the logging format (\"text\"|\"json\")",
		"string", "text", NULL },
	{ "log-level", 'l', OPTION_STRING, 0, AT(log_level),
		"Set the logging level (\"debug\"|\"info\"|\"warn\"|\"error\")", "string", "info", NULL },
	{ "mtu", 0, OPTION_UINT, 0, AT(mtu), "Set the MTU for the default \"bridge\" network", "int", "1500",
		NULL },
	{ "pidfile", 'p', OPTION_STRING, 0, AT(pidfile), "Path to use for daemon PID file", "string",
		CONFIG_PIDFILE, NULL },
	{ "plugin-dir", 0, OPTION_LIST, 0, AT(plugin_dirs),
		"Folder to find drivers in, in place of gantry's own", "list", NULL, NULL },
	{ "shutdown-containers", 0, OPTION_BOOL, 0, AT(shutdown_containers),
		"Stop all containers when the daemon ends", NULL, NULL, NULL },
	{ "shutdown-timeout", 0, OPTION_UINT, 0, AT(shutdown_timeout),
		"Seconds that --shutdown-containers gives them", "int", "15", NULL },
	{ "storage-driver", 's', OPTION_STRING, 0, AT(storage_driver), "Storage driver to use", "string",
		NULL, NULL },
	{ "storage-opt", 0, OPTION_LIST, 0, AT(storage_opts), "Storage driver options", "list", NULL, NULL },
	{ "validate", 0, OPTION_BOOL, 0, AT(validate), "Validate daemon configuration and exit", NULL, NULL,
		NULL },
	{ "version", 'v', OPTION_BOOL, 0, AT(version), "Print version information and quit", NULL, NULL,
		NULL },
	{ 0 },
};

const struct config config_defaults = { .data_root = CONFIG_DATA_ROOT,
	.exec_root = CONFIG_EXEC_ROOT,
	.pidfile = CONFIG_PIDFILE,
	.config_file = CONFIG_FILE,
	.log_level = "info",
	.log_format = "text",
	.group = CONFIG_GROUP,
	.shutdown_timeout = 15,
	.ip = "0.0.0.0",
	.mtu = 1500,
	.iptables = true,
	.icc = true,
	.ip_forward = true,
	.ip_masq = true };

/* The file says lists in the plural, as daemon.json does. */
static const char *const plurals[][2] = { { "hosts", "host" }, { "labels", "label" },
	{ "storage-opts", "storage-opt" }, { "plugin-dirs", "plugin-dir" },
	{ "default-address-pools", "default-address-pool" }, { "dns-opts", "dns-opt" } };
/* Not for a file that is read because of them. */
static const char *const command_line_only[] = { "config-file", "validate", "version" };

static const char *option_of_key(const char *key)
{
	for (size_t i = 0; i < sizeof plurals / sizeof plurals[0]; i++) {
		if (strcmp(key, plurals[i][0]) == 0)
			return plurals[i][1];
		if (strcmp(key, plurals[i][1]) == 0)
			return NULL;
	}
	for (size_t i = 0; i < sizeof command_line_only / sizeof command_line_only[0]; i++)
		if (strcmp(key, command_line_only[i]) == 0)
			return NULL;
	return options_find(config_options, key) ? key : NULL;
}

static int set_list(struct options *options, const struct json *file, const char *key, const char *name,
	struct error *err)
{
	const struct json *list;
	int r = json_get_array(file, key, &list, err);

	for (size_t i = 0; r == 0 && i < json_count(list); i++) {
		const char *text;
		r = json_item_string(list, i, &text, err);
		if (r == 0)
			r = options_set(options, name, text, err);
	}
	return r;
}

static int set_scalar(struct options *options, const struct json *file, const char *key,
	const struct option *o, struct error *err)
{
	const char *text = NULL;
	char number[24];
	bool on = false;
	uint64_t n = 0;
	int r;

	switch (o->kind) {
	case OPTION_BOOL:
		r = json_get_bool(file, key, &on, err);
		text = on ? "true" : "false";
		break;
	case OPTION_UINT:
		r = json_get_uint(file, key, UINT32_MAX, &n, err);
		snprintf(number, sizeof number, "%llu", (unsigned long long)n);
		text = number;
		break;
	default: r = json_get_string(file, key, &text, err);
	}
	return r == 0 ? options_set(options, o->name, text, err) : r;
}

static int set_key(struct options *options, const struct json *file, const char *key, struct error *err)
{
	const char *name = option_of_key(key);

	if (!name)
		return error_invalid(
			err, "the following directives don't match any configuration option: %s", key);
	if (options_seen(options, name))
		return error_invalid(err,
			"the following directives are specified both as a flag and in the configuration "
			"file: %s: give it in one place",
			key);
	const struct option *o = options_find(config_options, name);
	return o->kind == OPTION_LIST ? set_list(options, file, key, name, err)
				      : set_scalar(options, file, key, o, err);
}

/* options_set marks an option as seen, so the keys are checked against the command line before any is set. */
static int merge(struct config *c, struct options *options, struct error *err)
{
	struct options said = *options;

	json_each (c->file, it) {
		memcpy(said.seen, options->seen, sizeof said.seen);
		const char *name = option_of_key(it.key);
		if (name && options_seen(&said, name))
			return set_key(&said, c->file, it.key, err);
	}
	json_each (c->file, it) {
		int r = set_key(options, c->file, it.key, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* daemon.json has {"base", "size"} where the command line has one text. */
static int flatten_pools(struct config *c, struct error *err)
{
	const struct json *list = NULL, *o;
	struct json *texts;
	int r = json_opt_array(c->file, POOLS, &list, err);

	if (r < 0 || !list)
		return r;
	texts = json_new_array();
	for (size_t i = 0; r == 0 && i < json_count(list); i++) {
		char text[128];
		const char *base;
		int64_t size;
		r = json_item_object(list, i, &o, err);
		if (r == 0)
			r = json_get_string(o, "base", &base, err);
		if (r == 0)
			r = json_get_int(o, "size", 0, 128, &size, err);
		if (r == 0 && path_format(text, sizeof text, "base=%s,size=%lld", base, (long long)size) < 0)
			r = error_invalid(err, POOLS "[%zu].base: too long", i);
		if (r == 0)
			json_add_string(texts, text);
	}
	if (r < 0)
		json_free(texts);
	return r < 0 ? r : json_set(c->file, POOLS, texts);
}

static int read_file(struct config *c, struct options *options, struct error *err)
{
	int r = json_load(AT_FDCWD, c->config_file, FILE_MAX, JSON_UNIQUE_KEYS, &c->file, err);

	if (r == -ENOENT && !options_seen(options, "config-file"))
		return 0;
	if (r == 0)
		r = json_expect(c->file, JSON_OBJECT, "the configuration", err);
	if (r == 0)
		r = flatten_pools(c, err);
	if (r == 0)
		r = merge(c, options, err);
	return r < 0 ? error_prefix(err, r, "unable to configure gantryd with file %s", c->config_file) : 0;
}

static int check_absolute(const char *name, const char *path, struct error *err)
{
	return path[0] == '/' ? 0 : error_invalid(err, "--%s '%s': give an absolute path", name, path);
}

static int check_values(const struct config *c, struct error *err)
{
	enum log_level level;
	enum log_format format;
	int r = check_absolute("data-root", c->data_root, err);

	if (r == 0)
		r = check_absolute("exec-root", c->exec_root, err);
	if (r == 0)
		r = check_absolute("pidfile", c->pidfile, err);
	if (r == 0 && log_parse_level(c->log_level, &level) < 0)
		r = error_invalid(err, "invalid logging level: %s", c->log_level);
	if (r == 0 && log_parse_format(c->log_format, &format) < 0)
		r = error_invalid(err, "invalid log format: %s: use text or json", c->log_format);
	for (size_t i = 0; r == 0 && i < c->labels.n; i++)
		if (!strchr(c->labels.v[i], '='))
			r = error_invalid(
				err, "bad attribute format: %s: a label is key=value", c->labels.v[i]);
	for (size_t i = 0; r == 0 && i < c->storage_opts.n; i++)
		if (!strchr(c->storage_opts.v[i], '='))
			r = error_invalid(err, "--storage-opt %s: use key=value", c->storage_opts.v[i]);
	return r;
}

int config_load(struct config *c, struct options *options, struct error *err)
{
	int r = read_file(c, options, err);

	return r < 0 ? r : check_values(c, err);
}

void config_done(struct config *c)
{
	json_free(c->file);
	c->file = NULL;
}
