/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of commands: finding, checking and running the one that a command line names. */
#include "lib/base/fd.h"
#include "lib/base/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define HELP_MAX ((size_t)1 << 20)

/* As Docker: the terminal's width, 80 when there is none. */
static size_t terminal_width(void)
{
	struct winsize w;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col - 1u : 79;
}

static int print_help(const struct command_call *call)
{
	auto_str struct str out = STR_INIT(HELP_MAX);

	command_help(call->command, call->path, terminal_width(), &out);
	return fd_write_all(STDOUT_FILENO, str_text(&out), out.len) < 0 || out.failed;
}

static int usage_status(const struct command *c)
{
	return c->flags & COMMAND_USAGE_125 ? 125 : 1;
}

static int refuse(const struct command_call *call, const char *text)
{
	fprintf(stderr, "%s\n\nRun '%s --help' for more information\n", text, call->path);
	return usage_status(call->command);
}

/* Docker's sentences: "docker rm" requires at least 1 argument. */
static int refuse_count(const struct command_call *call)
{
	const struct command *c = call->command;
	int limit = (int)call->options.nargs < c->min_args ? c->min_args : c->max_args;
	const char *how = c->min_args == c->max_args ? "" : limit == c->min_args ? "at least " : "at most ";
	char text[300];

	if (c->max_args == 0)
		snprintf(text, sizeof text, "%s: '%.200s' accepts no arguments", call->path, call->path);
	else
		snprintf(text, sizeof text, "%.40s: '%.200s' requires %s%d argument%s", call->path,
			call->path, how, limit, limit == 1 ? "" : "s");
	return refuse(call, text);
}

static void warn_deprecated(const struct options *o)
{
	for (const struct option *opt = o->table; opt && opt->name; opt++)
		if (opt->deprecated && options_seen(o, opt->name))
			fprintf(stderr, "Flag --%s has been deprecated, %s\n", opt->name, opt->deprecated);
}

static bool has_alias(const char *aliases, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = aliases; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (strncmp(p, name, n) == 0 && (p[n] == ',' || p[n] == '\0'))
			return true;
	return false;
}

static const struct command *find(const struct command *table, const char *name)
{
	for (const struct command *c = table; c->name; c++)
		if (strcmp(c->name, name) == 0 || has_alias(c->alias, name))
			return c;
	return NULL;
}

static int run(const struct command *c, const struct command_call *up, const char *path, void *ctx, int argc,
	char **argv);

static int run_sub(const struct command_call *call)
{
	auto_str struct str text = STR_INIT(1024);
	char **args = call->options.args;

	if (call->options.nargs == 0)
		return call->command->run ? call->command->run(call) : print_help(call);
	const struct command *sub = find(call->command->sub, args[0]);
	if (sub) {
		str_addf(&text, "%s %s", call->path, sub->name);
		return run(sub, call, str_text(&text), call->ctx, (int)call->options.nargs, args);
	}
	if (strcmp(args[0], "help") == 0 && !call->options.args[1])
		return print_help(call);
	str_addf(&text, "%s: unknown command: %s %.100s", call->path, call->path, args[0]);
	return refuse(call, str_text(&text));
}

static int run_parsed(const struct command_call *call)
{
	const struct command *c = call->command;
	int n = (int)call->options.nargs;

	warn_deprecated(&call->options);
	if (c->sub)
		return run_sub(call);
	if (n < c->min_args || (c->max_args >= 0 && n > c->max_args))
		return refuse_count(call);
	return c->run(call);
}

static unsigned parse_flags(const struct command *c)
{
	unsigned flags = 0;

	if (c->sub || (c->flags & COMMAND_STOP))
		flags |= OPTIONS_STOP;
	if (c->flags & COMMAND_SINGLE_DASH)
		flags |= OPTIONS_SINGLE_DASH;
	return flags;
}

static int run(const struct command *c, const struct command_call *up, const char *path, void *ctx, int argc,
	char **argv)
{
	_Alignas(max_align_t) char values[COMMAND_SIZE_MAX] = { 0 };
	struct command_call call = { .command = c, .path = path, .ctx = ctx, .up = up };
	struct error err = ERROR_INIT;
	int status;

	if (c->size > sizeof values)
		abort();
	if (c->defaults)
		memcpy(values, c->defaults, c->size);
	call.options = (struct options){ .table = c->options, .into = values, .flags = parse_flags(c) };
	if (c->flags & COMMAND_RAW) {
		call.options.args = argv + (argc > 0);
		call.options.nargs = (size_t)(argc - (argc > 0));
		return c->run(&call);
	}
	int r = options_parse(&call.options, argc, argv, &err);
	if (r < 0)
		status = refuse(&call, err.text);
	else
		status = r == OPTIONS_HELP ? print_help(&call) : run_parsed(&call);
	options_done(&call.options);
	return status;
}

int command_main(const struct command *root, void *ctx, int argc, char **argv)
{
	return run(root, NULL, root->name, ctx, argc, argv);
}
