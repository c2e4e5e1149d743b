/* SPDX-License-Identifier: Apache-2.0 */
/* info and plugin ls. */
#include "lib/base/cleanup.h"
#include "lib/base/size.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/listing.h"
#include "programs/gantry/template.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define OUTPUT_MAX ((size_t)16 << 20)

struct info_options {
	const char *format;
};

static const struct option info_table[] = {
	{ "format", 'f', OPTION_STRING, 0, CLI_AT(info_options, format),
		"Format output using a custom template: 'json' or 'TEMPLATE'", NULL, NULL, NULL },
	{ 0 },
};

/* ---- lines ----------------------------------------------------------------------------------- */
static void add_text(struct str *out, const char *name, const char *value)
{
	if (value[0])
		str_addf(out, " %s: %s\n", name, value);
}

static void add_number(struct str *out, const char *name, const struct json *info, const char *key)
{
	str_addf(out, " %s: %lld\n", name, (long long)number_at(info, key));
}

static void add_bool(struct str *out, const char *name, const struct json *info, const char *key)
{
	str_addf(out, " %s: %s\n", name, true_at(info, key) ? "true" : "false");
}

/* "  Volume: local x" */
static void add_names(struct str *out, const char *name, const struct json *list)
{
	if (json_count(list) == 0)
		return;
	str_addf(out, "  %s:", name);
	for (size_t i = 0; i < json_count(list); i++) {
		const char *text = json_string(json_item(list, i));
		str_addf(out, " %s", text ? text : "");
	}
	str_add_char(out, '\n');
}

static void add_driver(struct str *out, const struct json *info)
{
	const struct json *status = json_at(info, "DriverStatus");

	add_text(out, "Storage Driver", text_at(info, "Driver"));
	for (size_t i = 0; i < json_count(status); i++) {
		const struct json *pair = json_item(status, i);
		const char *name = json_string(json_item(pair, 0)), *value = json_string(json_item(pair, 1));
		if (name && value)
			str_addf(out, "  %s: %s\n", name, value);
	}
	add_text(out, "Logging Driver", text_at(info, "LoggingDriver"));
	add_text(out, "Cgroup Driver", text_at(info, "CgroupDriver"));
	add_text(out, "Cgroup Version", text_at(info, "CgroupVersion"));
}

static void add_plugins(struct str *out, const struct json *info)
{
	const struct json *plugins = json_at(info, "Plugins");

	str_add(out, " Plugins:\n");
	add_names(out, "Volume", json_at(plugins, "Volume"));
	add_names(out, "Network", json_at(plugins, "Network"));
	add_names(out, "Authorization", json_at(plugins, "Authorization"));
	add_names(out, "Log", json_at(plugins, "Log"));
}

static void add_runtimes(struct str *out, const struct json *info)
{
	const char *swarm = text_at(json_at(info, "Swarm"), "LocalNodeState");

	add_text(out, "Swarm", swarm[0] ? swarm : "inactive");
	str_add(out, " Runtimes:");
	json_each (json_at(info, "Runtimes"), it)
		str_addf(out, " %s", it.key);
	str_add_char(out, '\n');
	add_text(out, "Default Runtime", text_at(info, "DefaultRuntime"));
	add_text(out, "Init Binary", text_at(info, "InitBinary"));
}

/* "name=seccomp,profile=builtin" -> "seccomp" and, deeper, "Profile: builtin" */
static void add_security(struct str *out, const struct json *info)
{
	const struct json *list = json_at(info, "SecurityOptions");

	if (json_count(list) == 0)
		return;
	str_add(out, " Security Options:\n");
	for (size_t i = 0; i < json_count(list); i++) {
		auto_str_list char **parts = NULL;
		const char *text = json_string(json_item(list, i));
		if (!text || str_split(text, ',', 0, &parts) < 0)
			continue;
		for (size_t k = 0; parts[k]; k++) {
			const char *name = str_after(parts[k], "name="),
				   *profile = str_after(parts[k], "profile=");
			if (profile)
				str_addf(out, "   Profile: %s\n", profile);
			else
				str_addf(out, "  %s\n", name ? name : parts[k]);
		}
	}
}

static void add_machine(struct str *out, const struct json *info)
{
	char memory[SIZE_TEXT];

	add_text(out, "Kernel Version", text_at(info, "KernelVersion"));
	add_text(out, "Operating System", text_at(info, "OperatingSystem"));
	add_text(out, "OSType", text_at(info, "OSType"));
	add_text(out, "Architecture", text_at(info, "Architecture"));
	add_number(out, "CPUs", info, "NCPU");
	add_text(out, "Total Memory", size_binary(number_at(info, "MemTotal"), memory));
	add_text(out, "Name", text_at(info, "Name"));
	add_text(out, "ID", text_at(info, "ID"));
	add_text(out, "Docker Root Dir", text_at(info, "DockerRootDir"));
	add_bool(out, "Debug Mode", info, "Debug");
	add_bool(out, "Experimental", info, "ExperimentalBuild");
}

static void add_labels(struct str *out, const struct json *info)
{
	const struct json *labels = json_at(info, "Labels");

	if (json_count(labels) > 0)
		str_add(out, " Labels:\n");
	for (size_t i = 0; i < json_count(labels); i++)
		str_addf(out, "  %s\n",
			json_string(json_item(labels, i)) ? json_string(json_item(labels, i)) : "");
	const struct json *insecure = json_at(json_at(info, "RegistryConfig"), "InsecureRegistryCIDRs");
	if (json_count(insecure) > 0)
		str_add(out, " Insecure Registries:\n");
	for (size_t i = 0; i < json_count(insecure); i++) {
		const char *text = json_string(json_item(insecure, i));
		str_addf(out, "  %s\n", text ? text : "");
	}
	add_bool(out, "Live Restore Enabled", info, "LiveRestoreEnabled");
}

static void add_info(struct str *out, const struct json *info)
{
	str_add(out, "Client:\n Version:    " GANTRY_VERSION "\n\nServer:\n");
	add_number(out, "Containers", info, "Containers");
	str_addf(out, "  Running: %lld\n  Paused: %lld\n  Stopped: %lld\n",
		(long long)number_at(info, "ContainersRunning"),
		(long long)number_at(info, "ContainersPaused"),
		(long long)number_at(info, "ContainersStopped"));
	add_number(out, "Images", info, "Images");
	add_text(out, "Server Version", text_at(info, "ServerVersion"));
	add_driver(out, info);
	add_plugins(out, info);
	add_runtimes(out, info);
	add_security(out, info);
	add_machine(out, info);
	add_labels(out, info);
	str_add_char(out, '\n');
}

static void print_warnings(const struct json *info)
{
	const struct json *list = json_at(info, "Warnings");

	for (size_t i = 0; i < json_count(list); i++)
		fprintf(stderr, "%s\n",
			json_string(json_item(list, i)) ? json_string(json_item(list, i)) : "");
}

static int print_info(const struct info_options *o, const struct json *info, struct error *err)
{
	auto_str struct str out = STR_INIT(OUTPUT_MAX);

	if (!o->format || !o->format[0]) {
		add_info(&out, info);
		int r = listing_write(&out, err);
		print_warnings(info);
		return r;
	}
	auto_free char *plain = template_unescape(strcmp(o->format, "json") == 0 ? "{{json .}}" : o->format);
	int r = plain ? template_run(plain, info, &out, err) : error_sys(err, ENOMEM, "cannot print");
	if (r < 0)
		return error_prefix(err, r, "template parsing error");
	str_add_char(&out, '\n');
	return listing_write(&out, err);
}

static int info_run(const struct command_call *call)
{
	struct error err = ERROR_INIT;
	auto_json struct json *info = NULL;

	if (client_get(cli_client(call), "/info", &info, &err) < 0 ||
		print_info(call->options.into, info, &err) < 0)
		return cli_fail(&err);
	return 0;
}

const struct command info_command = {
	.name = "info",
	.usage = "[OPTIONS]",
	.help = "Display system-wide information",
	.group = "Common Commands",
	.options = info_table,
	.size = sizeof(struct info_options),
	.run = info_run,
};

/* ---- plugin ls ----------------------------------------------------------------------------------- */
struct plugin_options {
	struct option_list filter;
	const char *format;
	bool no_trunc, quiet;
};

#define AT(member) CLI_AT(plugin_options, member)
static const struct option plugin_table[] = {
	{ "filter", 'f', OPTION_LIST, 0, AT(filter), "Provide filter values (e.g. \"enabled=true\")",
		"filter", NULL, NULL },
	{ "format", 0, OPTION_STRING, 0, AT(format),
		"Format output using a custom template: 'table', 'table TEMPLATE', 'json' or 'TEMPLATE'",
		NULL, NULL, NULL },
	{ "no-trunc", 0, OPTION_BOOL, 0, AT(no_trunc), "Don't truncate output", NULL, NULL, NULL },
	{ "quiet", 'q', OPTION_BOOL, 0, AT(quiet), "Only display plugin IDs", NULL, NULL, NULL },
	{ 0 },
};

/* On one line, of at most 45 characters unless whole. */
static void set_description(const char *text, bool whole, struct json *row)
{
	auto_str struct str out = STR_INIT((size_t)1 << 16);

	for (const char *p = text; *p; p++)
		if (*p != '\n' && *p != '\r')
			str_add_char(&out, *p);
	if (whole || out.len <= 45) {
		json_set_string(row, "Description", str_text(&out));
		return;
	}
	out.data[out.len = 44] = '\0';
	str_add(&out, "…");
	json_set_string(row, "Description", str_text(&out));
}

static void add_plugin(const struct json *plugin, const struct plugin_options *o, struct json *rows)
{
	struct json *row = json_add_object(rows);
	char id[16];

	set_description(text_at(json_at(plugin, "Config"), "Description"), o->no_trunc, row);
	json_set_bool(row, "Enabled", true_at(plugin, "Enabled"));
	json_set_string(
		row, "ID", o->no_trunc ? text_at(plugin, "Id") : listing_short_id(text_at(plugin, "Id"), id));
	json_set_string(row, "Name", text_at(plugin, "Name"));
	json_set_string(row, "PluginReference", text_at(plugin, "PluginReference"));
}

static const char plugin_heads[] = "{\"ID\":\"ID\",\"Name\":\"NAME\",\"Description\":\"DESCRIPTION\","
				   "\"Enabled\":\"ENABLED\",\"PluginReference\":\"PLUGIN REFERENCE\"}";

static int list_plugins(const struct command_call *call, struct json **ret, struct error *err)
{
	const struct plugin_options *o = call->options.into;
	auto_str struct str target = STR_INIT((size_t)1 << 20);

	str_add(&target, "/plugins");
	int r = cli_add_filters(&target, call, &o->filter, err);
	return r < 0 ? r : client_get(cli_client(call), str_text(&target), ret, err);
}

static int plugin_ls_run(const struct command_call *call)
{
	const struct plugin_options *o = call->options.into;
	struct error err = ERROR_INIT;
	auto_json struct json *answer = NULL, *head = NULL, *rows = json_new_array();
	const char *format = o->format;
	int r = list_plugins(call, &answer, &err);

	if (r >= 0)
		r = json_parse(plugin_heads, sizeof plugin_heads - 1, 0, &head, &err);
	if (r < 0)
		return cli_refuse(call, &err);
	for (size_t i = 0; i < json_count(answer); i++)
		add_plugin(json_item(answer, i), o, rows);
	if (o->quiet && (!format || strcmp(format, "table") == 0))
		format = "{{.ID}}";
	r = listing_print(
		format, "table {{.ID}}\t{{.Name}}\t{{.Description}}\t{{.Enabled}}", head, rows, &err);
	return r < 0 ? cli_fail(&err) : 0;
}

const struct command plugin_ls_command = {
	.name = "ls",
	.alias = "list",
	.usage = "[OPTIONS]",
	.help = "List plugins",
	.options = plugin_table,
	.size = sizeof(struct plugin_options),
	.run = plugin_ls_run,
};
