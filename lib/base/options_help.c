/* SPDX-License-Identifier: Apache-2.0 */
/* Help texts and dumps of option and command tables, in the layout of Docker's CLI. */
#include "lib/base/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The word for an option's value; NULL for a bool. */
static const char *value_word(const struct option *opt)
{
	if (opt->kind == OPTION_BOOL)
		return NULL;
	if (opt->arg)
		return opt->arg;
	switch (opt->kind) {
	case OPTION_LIST: return "list";
	case OPTION_INT: return "int";
	case OPTION_UINT: return "uint";
	case OPTION_DOUBLE: return "decimal";
	case OPTION_SIZE: return "bytes";
	case OPTION_DURATION: return "duration";
	case OPTION_BOOL:
	case OPTION_STRING: break;
	}
	return "string";
}

static bool is_listed(const struct option *opt)
{
	return !(opt->flags & OPTION_HIDDEN) && !opt->deprecated;
}

/* "  -e, --env list" */
static void left_column(const struct option *opt, struct str *out)
{
	const char *word = value_word(opt);

	if (opt->letter)
		str_addf(out, "  -%c, --%s", opt->letter, opt->name);
	else
		str_addf(out, "      --%s", opt->name);
	if (word)
		str_addf(out, opt->flags & OPTION_OPTIONAL ? "[=%s]" : " %s", word);
}

static void indented(struct str *out, const char *text, size_t n, size_t indent)
{
	for (size_t i = 0; i < n; i++) {
		str_add_char(out, text[i]);
		if (text[i] == '\n')
			str_addf(out, "%*s", (int)indent, "");
	}
}

/* How much of text goes on this line: pflag breaks five columns early, unless all the rest fits. */
static size_t line_length(const char *text, size_t room)
{
	const size_t slop = 5;
	size_t n = strlen(text), at = 0, newline = 0;

	if (room > n)
		return n;
	for (size_t i = 0; i < room - slop; i++) {
		if (strchr(" \t\n", text[i]))
			at = i;
		if (text[i] == '\n')
			newline = i;
	}
	return newline ? newline : at ? at : n;
}

/* Text broken at blanks into width - indent columns; lines in the text stay lines. */
static void wrap(struct str *out, const char *text, size_t indent, size_t width)
{
	size_t room = width > indent + 24 ? width - indent : SIZE_MAX;

	for (;;) {
		size_t n = line_length(text, room);
		indented(out, text, n, indent);
		text += n;
		if (!*text)
			return;
		str_addf(out, "\n%*s", (int)indent, "");
		text++;
	}
}

static int by_name(const void *a, const void *b)
{
	const struct option *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void right_column(const struct option *opt, size_t indent, size_t width, struct str *out)
{
	auto_str struct str text = STR_INIT(4096);

	str_add(&text, opt->help ? opt->help : "");
	if (opt->fallback)
		str_addf(&text, opt->kind == OPTION_STRING ? " (default \"%s\")" : " (default %s)",
			opt->fallback);
	wrap(out, str_text(&text), indent, width);
	str_add_char(out, '\n');
}

void options_help(const struct option *table, size_t width, struct str *out)
{
	const struct option *list[OPTIONS_MAX];
	auto_str struct str left = STR_INIT(1024);
	size_t n = 0, column = 0;

	for (const struct option *opt = table; opt && opt->name && n < OPTIONS_MAX; opt++) {
		if (!is_listed(opt))
			continue;
		list[n++] = opt;
		str_clear(&left);
		left_column(opt, &left);
		column = left.len > column ? left.len : column;
	}
	qsort(list, n, sizeof *list, by_name);
	for (size_t i = 0; i < n; i++) {
		str_clear(&left);
		left_column(list[i], &left);
		str_addf(out, "%-*s   ", (int)column, str_text(&left));
		right_column(list[i], column + 3, width, out);
	}
}

/* ---- commands ------------------------------------------------------------------------ */
static bool has_options(const struct command *c)
{
	for (const struct option *opt = c->options; opt && opt->name; opt++)
		if (is_listed(opt))
			return true;
	return false;
}

static const char *group_of(const struct command *c)
{
	return c->group ? c->group : "Commands";
}

static void list_group(const struct command *table, const char *group, size_t column, struct str *out)
{
	str_addf(out, "\n%s:\n", group);
	for (const struct command *c = table; c->name; c++)
		if (!(c->flags & COMMAND_HIDDEN) && strcmp(group_of(c), group) == 0)
			str_addf(out, "  %-*s   %s\n", (int)column, c->name, c->help ? c->help : "");
}

/* Groups in the order of their first command. */
static void list_commands(const struct command *table, struct str *out)
{
	size_t column = 0;

	for (const struct command *c = table; c->name; c++)
		if (!(c->flags & COMMAND_HIDDEN) && strlen(c->name) > column)
			column = strlen(c->name);
	for (const struct command *c = table; c->name; c++) {
		const struct command *first = table;
		while (strcmp(group_of(first), group_of(c)) != 0 || (first->flags & COMMAND_HIDDEN)) {
			if (first == c)
				break;
			first++;
		}
		if (first == c && !(c->flags & COMMAND_HIDDEN))
			list_group(table, group_of(c), column, out);
	}
}

void command_usage(const struct command *c, const char *path, struct str *out)
{
	str_addf(out, "Usage:  %s", path);
	if (c->usage)
		str_addf(out, "%s%s", *c->usage ? " " : "", c->usage);
	else
		str_addf(out, "%s%s", has_options(c) ? " [OPTIONS]" : "", c->sub ? " COMMAND" : "");
	str_add(out, "\n");
}

static void list_aliases(const struct command *c, const char *path, struct str *out)
{
	size_t n = strlen(path) - strlen(c->name);
	auto_str_list char **names = NULL;

	if (!c->alias || strlen(path) < strlen(c->name) || str_split(c->alias, ',', 0, &names) < 0)
		return;
	str_addf(out, "\nAliases:\n  %s", path);
	for (char **p = names; *p; p++)
		str_addf(out, ", %.*s%s", strchr(*p, ' ') ? 0 : (int)n, path, *p);
	str_add(out, "\n");
}

void command_help(const struct command *command, const char *path, size_t width, struct str *out)
{
	command_usage(command, path, out);
	if (command->text || command->help)
		str_addf(out, "\n%s\n", command->text ? command->text : command->help);
	list_aliases(command, path, out);
	if (command->sub)
		list_commands(command->sub, out);
	if (has_options(command)) {
		str_add(out, "\nOptions:\n");
		options_help(command->options, width, out);
	}
	if (command->sub)
		str_addf(out, "\nRun '%s COMMAND --help' for more information on a command.\n", path);
}

/* ---- dumps ---------------------------------------------------------------------------- */
/* Tabs and newlines would break the line. */
static void field(struct str *out, const char *text)
{
	str_add_char(out, '\t');
	for (text = text && *text ? text : "-"; *text; text++)
		str_add_char(out, *text == '\n' || *text == '\t' ? ' ' : *text);
}

static void dump_option(const struct option *opt, const char *path, struct str *out)
{
	char letter[3] = { '-', opt->letter, '\0' };

	str_add(out, "option");
	field(out, path);
	str_addf(out, "\t--%s", opt->name);
	field(out, letter);
	field(out, value_word(opt));
	field(out, opt->deprecated ? "deprecated" : opt->flags & OPTION_HIDDEN ? "hidden" : NULL);
	field(out, opt->fallback);
	field(out, opt->help);
	str_add_char(out, '\n');
}

static void dump(const struct command *c, const char *path, struct str *out)
{
	str_add(out, "command");
	field(out, path);
	field(out, c->usage);
	field(out, c->alias);
	field(out, c->flags & COMMAND_HIDDEN ? "hidden" : NULL);
	field(out, c->help);
	str_add_char(out, '\n');
	for (const struct option *opt = c->options; opt && opt->name; opt++)
		dump_option(opt, path, out);
	for (const struct command *sub = c->sub; sub && sub->name; sub++) {
		auto_str struct str below = STR_INIT(512);
		str_addf(&below, "%s %s", path, sub->name);
		dump(sub, str_text(&below), out);
	}
}

void command_dump(const struct command *root, struct str *out)
{
	dump(root, root->name, out);
}
