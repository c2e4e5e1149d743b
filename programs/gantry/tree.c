/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of commands. */
#include "programs/gantry/tree.h"

#include "programs/gantry/cli.h"
#include "programs/gantry/refused.h"

#include <stdio.h>

static const struct option global_options[] = {
	{ "host", 'H', OPTION_STRING, 0, CLI_AT(globals, host), "Daemon socket to connect to", NULL,
		CLI_HOST_DEFAULT, NULL },
	{ "version", 'v', OPTION_BOOL, 0, CLI_AT(globals, version), "Print version information and quit",
		NULL, NULL, NULL },
	{ 0 },
};

/* ---- the tree of commands ----------------------------------------------------------------------- */
static const struct command *const container_verbs[] = { &attach_command, &create_command, &exec_command,
	&container_inspect_command, &kill_command, &logs_command, &container_ls_command, &pause_command,
	&rename_command, &restart_command, &rm_command, &run_command, &start_command, &stop_command,
	&top_command, &unpause_command, &wait_command };
static const struct command *const image_verbs[] = { &import_command, &image_inspect_command, &load_command,
	&image_ls_command, &image_rm_command, &tag_command };
static const struct command *const network_verbs[] = { &network_connect_command, &network_create_command,
	&network_disconnect_command, &network_inspect_command, &network_ls_command, &network_prune_command,
	&network_rm_command };
static const struct command *const volume_verbs[] = { &volume_create_command, &volume_inspect_command,
	&volume_ls_command, &volume_prune_command, &volume_rm_command };
static const struct command *const plugin_verbs[] = { &plugin_ls_command };
static const struct command *const system_verbs[] = { &events_command, &info_command };
static const struct command *const common_verbs[] = { &run_command, &exec_command, &ps_command,
	&images_command, &version_command, &info_command };
static const struct command *const verbs[] = { &attach_command, &create_command, &events_command,
	&import_command, &inspect_command, &kill_command, &load_command, &logs_command, &pause_command,
	&rename_command, &restart_command, &rm_command, &rmi_command, &start_command, &stop_command,
	&tag_command, &top_command, &unpause_command, &wait_command };

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define TREE_MAX     80

static void fill(struct command *to, const struct command *const *from, size_t n)
{
	for (size_t i = 0; i < n && i < TREE_MAX - 1; i++) {
		to[i] = *from[i];
		to[i].group = NULL;
	}
}

static int print_root(const struct command_call *call)
{
	const struct globals *g = call->options.into;
	auto_str struct str help = STR_INIT((size_t)1 << 16);

	if (g->version) {
		puts("gantry version " GANTRY_VERSION);
		return 0;
	}
	command_help(call->command, call->path, 0, &help);
	fputs(str_text(&help), stdout);
	return 0;
}

const struct command *tree_root(void)
{
	static struct command containers[TREE_MAX], images[TREE_MAX], plugins[TREE_MAX], systems[TREE_MAX],
		networks[TREE_MAX], volumes[TREE_MAX], all[TREE_MAX];
	static const struct command groups[] = {
		{ .name = "container",
			.help = "Manage containers",
			.group = "Management Commands",
			.sub = containers },
		{ .name = "image", .help = "Manage images", .group = "Management Commands", .sub = images },
		{ .name = "network",
			.help = "Manage networks",
			.group = "Management Commands",
			.sub = networks },
		{ .name = "plugin",
			.help = "Manage plugins",
			.group = "Management Commands",
			.sub = plugins },
		{ .name = "system",
			.help = "Manage the daemon",
			.group = "Management Commands",
			.sub = systems },
		{ .name = "volume",
			.help = "Manage volumes",
			.group = "Management Commands",
			.sub = volumes },
	};
	static const struct command root = {
		.name = "gantry",
		.usage = "[OPTIONS] COMMAND",
		.help = "Containers on this machine, with Docker's words",
		.flags = COMMAND_USAGE_125,
		.options = global_options,
		.size = sizeof(struct globals),
		.run = print_root,
		.sub = all,
	};
	size_t n = COUNT(common_verbs);

	fill(containers, container_verbs, COUNT(container_verbs));
	fill(images, image_verbs, COUNT(image_verbs));
	fill(networks, network_verbs, COUNT(network_verbs));
	fill(volumes, volume_verbs, COUNT(volume_verbs));
	fill(plugins, plugin_verbs, COUNT(plugin_verbs));
	fill(systems, system_verbs, COUNT(system_verbs));
	for (size_t i = 0; i < n; i++)
		all[i] = *common_verbs[i];
	for (size_t i = 0; i < COUNT(groups); i++)
		all[n++] = groups[i];
	for (size_t i = 0; i < COUNT(verbs); i++)
		all[n++] = *verbs[i];
	refused_commands(all + n, TREE_MAX - 1 - n);
	return &root;
}
