/* SPDX-License-Identifier: Apache-2.0 */
/* gantry-manual: prints gantry(1) from the tables that the program itself is made of.  Used by the build
 * alone. */
#include "lib/base/fd.h"
#include "lib/base/str.h"
#include "programs/gantry/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE_MAX ((size_t)4 << 20)

/* Text for troff, on one line. */
static void add_text(struct str *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		str_add(out, "\\&");
	for (const char *p = text; *p; p++) {
		if (*p == '\\')
			str_add(out, "\\e");
		else if (*p == '-')
			str_add(out, "\\-");
		else
			str_add_char(out, *p == '\n' ? ' ' : *p);
	}
}

static void add_font(struct str *out, char font, const char *text)
{
	str_addf(out, "\\f%c", font);
	add_text(out, text);
	str_add(out, "\\fR");
}

static const char *word_of(const struct option *o)
{
	static const char *const words[] = { [OPTION_BOOL] = NULL,
		[OPTION_STRING] = "string",
		[OPTION_LIST] = "list",
		[OPTION_INT] = "int",
		[OPTION_UINT] = "uint",
		[OPTION_DOUBLE] = "decimal",
		[OPTION_SIZE] = "bytes",
		[OPTION_DURATION] = "duration" };

	return o->arg && o->kind != OPTION_BOOL ? o->arg : words[o->kind];
}

static void add_option(struct str *out, const struct option *o)
{
	char letter[3] = { '-', o->letter, '\0' };

	str_add(out, ".TP\n");
	if (o->letter) {
		add_font(out, 'B', letter);
		str_add(out, ", ");
	}
	str_add(out, "\\fB\\-\\-");
	add_text(out, o->name);
	str_add(out, "\\fR");
	if (word_of(o)) {
		str_add_char(out, ' ');
		add_font(out, 'I', word_of(o));
	}
	str_add_char(out, '\n');
	add_text(out, o->help);
	if (o->fallback) {
		str_add(out, " (default ");
		add_text(out, o->fallback);
		str_add_char(out, ')');
	}
	str_add_char(out, '\n');
}

static int by_name(const void *a, const void *b)
{
	const struct option *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void add_options(struct str *out, const struct option *table)
{
	const struct option *list[OPTIONS_MAX];
	size_t n = 0;

	for (const struct option *o = table; o && o->name && n < OPTIONS_MAX; o++)
		if (!(o->flags & OPTION_HIDDEN) && !o->deprecated)
			list[n++] = o;
	qsort(list, n, sizeof *list, by_name);
	for (size_t i = 0; i < n; i++)
		add_option(out, list[i]);
}

static void add_command(struct str *out, const char *path, const struct command *c)
{
	str_add(out, ".SS ");
	add_text(out, path);
	str_add_char(out, '\n');
	add_font(out, 'B', path);
	str_add_char(out, ' ');
	add_text(out, c->usage ? c->usage : "");
	str_add(out, "\n.PP\n");
	add_text(out, c->text ? c->text : c->help);
	str_add(out, ".\n");
	add_options(out, c->options);
}

/* Commands of a group are those of the top, some under other names; only what is there alone is described. */
static const struct command *same_at_top(const struct command *root, const struct command *c)
{
	const struct command *same = NULL;

	for (const struct command *t = root->sub; t->name; t++) {
		if (t->run != c->run || t->options != c->options || t->sub)
			continue;
		if (!same || strcmp(t->name, c->name) == 0)
			same = t;
	}
	return same;
}

static void add_group(struct str *out, const struct command *root, const struct command *group)
{
	for (const struct command *c = group->sub; c->name; c++) {
		char path[128];
		snprintf(path, sizeof path, "gantry %s %s", group->name, c->name);
		const struct command *same = same_at_top(root, c);
		if (!same) {
			add_command(out, path, c);
			continue;
		}
		str_add(out, ".SS ");
		add_text(out, path);
		str_addf(out, "\nThe same as \\fBgantry %s\\fR.\n", same->name);
	}
}

static void add_commands(struct str *out, const struct command *root)
{
	char path[128];

	str_add(out, ".SH COMMANDS\n");
	for (const struct command *c = root->sub; c->name; c++) {
		snprintf(path, sizeof path, "gantry %s", c->name);
		if (!(c->flags & COMMAND_HIDDEN) && !c->sub)
			add_command(out, path, c);
	}
	str_add(out, ".SH GROUPS OF COMMANDS\n");
	for (const struct command *c = root->sub; c->name; c++)
		if (!(c->flags & COMMAND_HIDDEN) && c->sub)
			add_group(out, root, c);
}

static const char head[] =
	".TH GANTRY 1 \"\" \"gantry " GANTRY_VERSION "\" \"User Commands\"\n"
	".SH NAME\ngantry \\- run containers, with Docker's words\n"
	".SH SYNOPSIS\n\\fBgantry\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARG\\fR...]\n"
	".SH DESCRIPTION\n"
	"\\fBgantry\\fR asks \\fBgantryd\\fR(8), or any daemon that speaks the Docker Engine API, to do "
	"what Docker's command line does: options, output and exit codes are Docker's.\n"
	".PP\nLetters of options can be joined (\\fB\\-it\\fR), values follow after a blank or '='.  "
	"Options of \\fBrun\\fR, \\fBcreate\\fR and \\fBexec\\fR end at the first argument that is none.\n";

static const char tail[] =
	".SH EXIT STATUS\n"
	"\\fBrun\\fR and \\fBexec\\fR exit with the code of the process; 125: the daemon refused, or the "
	"command line "
	"is wrong; 126: the program cannot be run; 127: there is no such program; 128 and the number of a "
	"signal that "
	"ended it.  Other commands exit with 1 when something failed.\n"
	".SH ENVIRONMENT\n.TP\n\\fBGANTRY_HOST\\fR\nWhere the daemon is, when \\fB\\-H\\fR is not given.\n"
	".TP\n\\fBDOCKER_HOST\\fR\nThe same, when \\fBGANTRY_HOST\\fR is not set.\n"
	".SH FORMATS\n\\fB\\-\\-format\\fR takes templates as Docker does: {{.Field.Field}}, {{json "
	".Field}}, "
	"{{index .Map \"key\"}}, {{len}}, {{join}}, {{split}}, {{upper}}, {{lower}}, {{print}}, {{eq}}, "
	"{{ne}}, {{not}}, "
	"{{and}}, {{or}}, {{if}}, {{range}}, {{with}}, variables and pipes.\n";

int main(void)
{
	const struct command *root = tree_root();
	struct str out = STR_INIT(PAGE_MAX);

	str_add(&out, head);
	str_add(&out, ".SH OPTIONS\n");
	add_options(&out, root->options);
	add_commands(&out, root);
	str_add(&out, tail);
	int r = out.failed ? out.failed : fd_write_all(STDOUT_FILENO, out.data, out.len);
	str_done(&out);
	return r < 0;
}
