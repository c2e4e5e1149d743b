/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's commands and options that are not here: each is refused by its name, with what to do instead. */
#include "programs/gantry/refused.h"

#include "programs/gantry/create_body.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define IMAGES "bring images with 'gantry load' or 'gantry import'"

static const struct {
	const char *name, *hint; /* NULL: none */
} commands[] = {
	{ "build", "build with another tool, then 'gantry load' its archive" },
	{ "builder", NULL },
	{ "buildx", NULL },
	{ "commit", "'gantry import' makes an image from a file tree" },
	{ "compose", NULL },
	{ "config", NULL },
	{ "context", "-H and GANTRY_HOST say where the daemon is" },
	{ "cp", "mount a folder with -v, or pipe a tar through 'gantry exec -i'" },
	{ "diff", NULL },
	{ "export", "pipe a tar through 'gantry exec'" },
	{ "history", "'gantry inspect' shows what is known of an image" },
	{ "login", IMAGES },
	{ "logout", NULL },
	{ "manifest", NULL },
	{ "node", NULL },
	{ "port", "'gantry inspect' shows ports" },
	{ "pull", IMAGES },
	{ "push", NULL },
	{ "save", NULL },
	{ "search", NULL },
	{ "secret", NULL },
	{ "service", NULL },
	{ "stack", NULL },
	{ "stats", NULL },
	{ "swarm", NULL },
	{ "trust", NULL },
	{ "update", "limits are given to 'gantry run'" },
};

static int refuse(const struct command_call *call)
{
	const char *hint = NULL;

	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].name, call->command->name) == 0)
			hint = commands[i].hint;
	fprintf(stderr, "gantry: '%s' is not built into gantry " GANTRY_VERSION "%s%s\n", call->path,
		hint ? ": " : "", hint ? hint : "");
	return 1;
}

size_t refused_commands(struct command *to, size_t room)
{
	size_t n = 0;

	for (; n < sizeof commands / sizeof *commands && n < room; n++)
		to[n] = (struct command){ .name = commands[n].name,
			.help = "Not built in",
			.flags = COMMAND_HIDDEN | COMMAND_RAW,
			.run = refuse };
	return n;
}

/* ---- options of run and create -------------------------------------------------------------- */
static const struct {
	const char *name, *hint;
} options[] = {
	{ "gpus", "give the devices with --device" },
	{ "isolation", "it is a setting of Windows" },
	{ "kernel-memory", "kernels do not have this limit any more: use --memory" },
	{ "use-api-socket", "mount the socket with -v" },
};

int refused_options(const struct options *parsed, struct error *err)
{
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		if (options_seen(parsed, options[i].name))
			return error_set(err, ERROR_UNSUPPORTED, ENOTSUP, "--%s is not supported: %s",
				options[i].name, options[i].hint);
	return 0;
}
