/* SPDX-License-Identifier: Apache-2.0 */
/* volume create, ls, rm and prune; volume inspect is inspect.c's. */
#include "lib/base/cleanup.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/listing.h"
#include "programs/gantry/nouns.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TARGET_MAX ((size_t)1 << 20)

/* ---- create ------------------------------------------------------------------------------- */
struct volume_create_options {
	const char *driver, *name;
	struct option_list label, opt;
};
#define AT(member) CLI_AT(volume_create_options, member)
static const struct option create_table[] = {
	{ "driver", 'd', OPTION_STRING, 0, AT(driver), "Specify volume driver name (default \"local\")", NULL,
		NULL, NULL },
	{ "label", 0, OPTION_LIST, 0, AT(label), "Set metadata for a volume", NULL, NULL, NULL },
	{ "name", 0, OPTION_STRING, OPTION_HIDDEN, AT(name), "Specify volume name", NULL, NULL, NULL },
	{ "opt", 'o', OPTION_LIST, 0, AT(opt), "Set driver specific options", "map", NULL, NULL },
	{ 0 },
};
#undef AT

static int create_run(const struct command_call *call)
{
	const struct volume_create_options *o = call->options.into;
	const char *name = call->options.nargs > 0 ? call->options.args[0] : o->name;
	auto_json struct json *body = json_new_object(), *answer = NULL;
	struct error err = ERROR_INIT;

	if (o->name && call->options.nargs > 0) {
		error_invalid(&err,
			"conflicting options: cannot specify a volume-name through both --name and "
			"as a positional arg");
		return cli_fail(&err);
	}
	if (name)
		json_set_string(body, "Name", name);
	if (o->driver)
		json_set_string(body, "Driver", o->driver);
	int r = nouns_set_map(body, "DriverOpts", &o->opt, &err);
	if (r == 0)
		r = nouns_set_map(body, "Labels", &o->label, &err);
	if (r == 0)
		r = client_call(cli_client(call), "POST", "/volumes/create", body, &answer, &err);
	if (r < 0)
		return cli_fail(&err);
	printf("%s\n", text_at(answer, "Name"));
	return 0;
}

const struct command volume_create_command = {
	.name = "create",
	.usage = "[OPTIONS] [VOLUME]",
	.help = "Create a volume",
	.max_args = 1,
	.options = create_table,
	.size = sizeof(struct volume_create_options),
	.run = create_run,
};

/* ---- ls ------------------------------------------------------------------------------------- */
struct volume_ls_options {
	struct option_list filter;
	const char *format;
	bool quiet;
};
#define AT(member) CLI_AT(volume_ls_options, member)
static const struct option ls_table[] = {
	{ "filter", 'f', OPTION_LIST, 0, AT(filter), "Provide filter values (e.g. \"dangling=true\")",
		"filter", NULL, NULL },
	{ "format", 0, OPTION_STRING, 0, AT(format),
		"Format output using a custom template: 'table', 'table TEMPLATE', 'json' or 'TEMPLATE'",
		NULL, NULL, NULL },
	{ "quiet", 'q', OPTION_BOOL, 0, AT(quiet), "Only display volume names", NULL, NULL, NULL },
	{ 0 },
};
#undef AT

static const char heads[] =
	"{\"Name\":\"VOLUME NAME\",\"Driver\":\"DRIVER\",\"Scope\":\"SCOPE\",\"Mountpoint\":\"MOUNTPOINT\","
	"\"Labels\":\"LABELS\",\"Links\":\"LINKS\",\"Size\":\"SIZE\",\"Availability\":\"AVAILABILITY\","
	"\"Group\":\"GROUP\",\"Status\":\"STATUS\"}";

static void add_row(const struct json *v, struct json *rows)
{
	static const char *const unknown[] = { "Availability", "Group", "Links", "Size", "Status" };
	auto_str struct str labels = STR_INIT(TARGET_MAX);
	struct json *row = json_add_object(rows);

	for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
		json_set_string(row, unknown[i], "N/A");
	json_set_string(row, "Driver", text_at(v, "Driver"));
	json_set_string(row, "Labels", nouns_labels(json_at(v, "Labels"), &labels));
	json_set_string(row, "Mountpoint", text_at(v, "Mountpoint"));
	json_set_string(row, "Name", text_at(v, "Name"));
	json_set_string(row, "Scope", text_at(v, "Scope"));
}

/* By name: the daemon has no order. */
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

static int print_list(const struct volume_ls_options *o, const struct json *list, struct error *err)
{
	size_t n = json_count(list);
	auto_free const struct json **sorted = calloc(n + 1, sizeof *sorted);
	auto_json struct json *rows = json_new_array(), *head = NULL;
	const char *format = o->format;

	if (!sorted)
		return error_sys(err, ENOMEM, "cannot print");
	sort_by_name(list, sorted, n);
	for (size_t i = 0; i < n; i++)
		add_row(sorted[i], rows);
	if (o->quiet && (!format || strcmp(format, "table") == 0))
		format = "{{.Name}}";
	int r = json_parse(heads, sizeof heads - 1, 0, &head, err);
	return r < 0 ? r : listing_print(format, "table {{.Driver}}\t{{.Name}}", head, rows, err);
}

static int ls_run(const struct command_call *call)
{
	const struct volume_ls_options *o = call->options.into;
	struct error err = ERROR_INIT;
	auto_str struct str target = STR_INIT(TARGET_MAX);
	auto_json struct json *answer = NULL;

	str_add(&target, "/volumes");
	int r = cli_add_filters(&target, call, &o->filter, &err);
	if (r == 0)
		r = client_get(cli_client(call), str_text(&target), &answer, &err);
	if (r >= 0)
		r = print_list(o, json_at(answer, "Volumes"), &err);
	return r < 0 ? cli_refuse(call, &err) : 0;
}

const struct command volume_ls_command = {
	.name = "ls",
	.alias = "list",
	.usage = "[OPTIONS]",
	.help = "List volumes",
	.options = ls_table,
	.size = sizeof(struct volume_ls_options),
	.run = ls_run,
};

/* ---- rm --------------------------------------------------------------------------------------- */
struct volume_rm_options {
	bool force;
};
static const struct option rm_table[] = {
	{ "force", 'f', OPTION_BOOL, 0, CLI_AT(volume_rm_options, force),
		"Force the removal of one or more volumes", NULL, NULL, NULL },
	{ 0 },
};

static int rm_run(const struct command_call *call)
{
	const struct volume_rm_options *o = call->options.into;

	return nouns_remove(call, "volumes", o->force);
}

const struct command volume_rm_command = {
	.name = "rm",
	.alias = "remove",
	.usage = "[OPTIONS] VOLUME [VOLUME...]",
	.help = "Remove one or more volumes",
	.min_args = 1,
	.max_args = -1,
	.options = rm_table,
	.size = sizeof(struct volume_rm_options),
	.run = rm_run,
};

/* ---- prune --------------------------------------------------------------------------------------- */
struct volume_prune_options {
	bool all, force;
	struct option_list filter;
};
#define AT(member) CLI_AT(volume_prune_options, member)
static const struct option prune_table[] = {
	{ "all", 'a', OPTION_BOOL, 0, AT(all), "Remove all unused volumes, not just anonymous ones", NULL,
		NULL, NULL },
	{ "filter", 0, OPTION_LIST, 0, AT(filter), "Provide filter values (e.g. \"label=<label>\")", "filter",
		NULL, NULL },
	{ "force", 'f', OPTION_BOOL, 0, AT(force), "Do not prompt for confirmation", NULL, NULL, NULL },
	{ 0 },
};
#undef AT

static int prune_run(const struct command_call *call)
{
	const struct volume_prune_options *o = call->options.into;
	const char *values[101];
	struct option_list filters = { .v = values };

	for (; filters.n < o->filter.n && filters.n < 100; filters.n++)
		values[filters.n] = o->filter.v[filters.n];
	if (o->all)
		values[filters.n++] = "all=1";
	if (!nouns_confirm(
		    o->all ? "WARNING! This will remove all volumes not used by at least one container."
			   : "WARNING! This will remove anonymous local volumes not used by at least one "
			     "container.",
		    o->force))
		return 0;
	return nouns_prune(call, "volumes", "VolumesDeleted", "Deleted Volumes", &filters, true);
}

const struct command volume_prune_command = {
	.name = "prune",
	.usage = "[OPTIONS]",
	.help = "Remove unused local volumes",
	.options = prune_table,
	.size = sizeof(struct volume_prune_options),
	.run = prune_run,
};
