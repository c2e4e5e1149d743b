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

static const struct command *root_of(const struct command_call *call)
{
	while (call->up)
		call = call->up;
	return call->command;
}

static void complain(const struct command_call *call, const char *text)
{
	auto_str struct str usage = STR_INIT(4096);

	command_usage(call->command, call->path, &usage);
	fprintf(stderr, "%s\n\n%s\nRun '%s --help' for more information\n", text, str_text(&usage),
		call->path);
}

static int refuse_options(const struct command_call *call, const struct error *err)
{
	complain(call, err->text);
	return root_of(call)->flags & COMMAND_USAGE_125 ? 125 : 1;
}

/* Docker's sentences: docker: 'docker rm' requires at least 1 argument. */
static int refuse_count(const struct command_call *call)
{
	const struct command *c = call->command;
	int limit = (int)call->options.nargs < c->min_args ? c->min_args : c->max_args;
	const char *how = c->min_args == c->max_args ? "" : limit == c->min_args ? "at least " : "at most ";
	auto_str struct str text = STR_INIT(1024);

	str_addf(&text, "%s: '%s' ", root_of(call)->name, call->path);
	if (c->max_args == 0)
		str_add(&text, "accepts no arguments");
	else
		str_addf(&text, "requires %s%d argument%s", how, limit, limit == 1 ? "" : "s");
	complain(call, str_text(&text));
	return 1;
}

static int refuse_command(const struct command_call *call, const char *name)
{
	auto_str struct str text = STR_INIT(1024);

	str_addf(&text, "%s: unknown command: %s %.100s", root_of(call)->name, call->path, name);
	complain(call, str_text(&text));
	return 1;
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
	return refuse_command(call, args[0]);
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
		status = refuse_options(&call, &err);
	else
		status = r == OPTIONS_HELP ? print_help(&call) : run_parsed(&call);
	options_done(&call.options);
	return status;
}

int command_main(const struct command *root, void *ctx, int argc, char **argv)
{
	return run(root, NULL, root->name, ctx, argc, argv);
}
