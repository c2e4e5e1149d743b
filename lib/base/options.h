/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines from tables, for every program of the tree.  The rules are those of Docker's CLI (pflag):
 *     --name=x  --name x  -n x  -nx  -n=x   a value;  --flag  --flag=false  -f   a bool, which never takes
 * the next argument;  -itd  several letters, the last may have a value;  --  ends the options;  -  is an
 * argument. Errors are worded as pflag's, so that scripts and people find what they know. Nothing here prints
 * but command_main.  Memory: values point into argv; options_done frees the lists.
 */
#ifndef GANTRY_BASE_OPTIONS_H
#define GANTRY_BASE_OPTIONS_H

#include "lib/base/error.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a value is, and what stands at the option's offset in the program's struct. */
enum option_kind {
	OPTION_BOOL,     /* bool */
	OPTION_STRING,   /* const char *, NULL unless given or set before */
	OPTION_LIST,     /* struct option_list: every value given */
	OPTION_INT,      /* int64_t */
	OPTION_UINT,     /* uint64_t */
	OPTION_DOUBLE,   /* double */
	OPTION_SIZE,     /* int64_t bytes: 64m, 1.5GiB (lib/base/size) */
	OPTION_DURATION, /* int64_t nanoseconds: 1m30s (lib/base/timefmt) */
};

struct option_list {
	const char **v; /* NULL when n is 0 */
	size_t n;
};

enum {
	OPTION_HIDDEN = 1, /* not in --help; in dumps */
	OPTION_OPTIONAL =
		2, /* a string whose value may only follow '=': --name alone gives "" and counts as seen */
};

struct option {
	const char *name; /* long, without dashes; NULL ends the table */
	char letter;      /* or 0 */
	enum option_kind kind;
	unsigned flags;
	size_t offset; /* offsetof the value in the program's struct */
	const char *help;
	const char *arg;        /* word for the value in --help; NULL: of the kind */
	const char *fallback;   /* shown as "(default ...)"; the value itself is the program's to set */
	const char *deprecated; /* not in --help; what to use instead, for a warning when it is used */
};

#define OPTIONS_MAX 256 /* options of a table */

enum {
	OPTIONS_STOP = 1,        /* the first argument that is no option ends the options (run, exec) */
	OPTIONS_SINGLE_DASH = 2, /* -name is --name where such a name exists (Go's flag package: runc) */
};

/* One parse.  The caller sets table, into, flags. */
struct options {
	const struct option *table;
	void *into;
	unsigned flags;
	/* Out: the arguments that are no options, in order, NULL-ended, in argv's own array (which is
	 * rearranged). */
	char **args;
	size_t nargs;
	uint32_t seen[OPTIONS_MAX / 32];
};

/* argv[0] is skipped.  Returns 0; OPTIONS_HELP (1) when --help, or -h where no option has that letter, came
 * first; or a negative errno with err filled (ERROR_INVALID).  options_done is due in every case. */
#define OPTIONS_HELP 1
int options_parse(struct options *o, int argc, char **argv, struct error *err);
void options_done(struct options *o);

/* Sets one option from text as if it was given ("log-level", "debug"): configuration files.  A bool takes
 * "1", "t", "true", "0", "f", "false" in Go's spellings. */
int options_set(struct options *o, const char *name, const char *value, struct error *err);

/* Whether it was given, with whatever value.  The name must be in the table. */
bool options_seen(const struct options *o, const char *name);

const struct option *options_find(const struct option *table, const char *name);

/* Appends the "Options:" block without its heading: sorted by name, aligned as pflag does, help wrapped at
 * width columns (0: never). */
void options_help(const struct option *table, size_t width, struct str *out);

/* ---- commands ---------------------------------------------------------------- */
struct command;

/* What a command's run function gets. */
struct command_call {
	const struct command *command;
	const char *path;              /* "docker container run" */
	void *ctx;                     /* of command_main */
	const struct command_call *up; /* of the command above it; NULL at the root */
	struct options options;        /* .into is the command's struct, .args its arguments */
};

struct command {
	const char *name;             /* NULL ends a table */
	const char *usage;            /* "[OPTIONS] IMAGE [COMMAND] [ARG...]"; NULL: from the table */
	const char *help;             /* one line */
	const char *text;             /* longer help; NULL: help */
	const char *alias;            /* "ls,list", or NULL */
	const char *group;            /* heading in the list of commands above; NULL: "Commands" */
	unsigned flags;               /* COMMAND_* */
	int min_args, max_args;       /* max_args -1: no limit.  Not read where sub is set. */
	const struct option *options; /* NULL: none */
	size_t size;                  /* of the options' struct, at most COMMAND_SIZE_MAX */
	const void *defaults;         /* its first contents; NULL: zeros */
	/* Returns the exit status.  NULL with sub: the command alone prints its help. */
	int (*run)(const struct command_call *call);
	const struct command *sub; /* a table, or NULL */
};

enum {
	COMMAND_HIDDEN = 1,
	COMMAND_STOP = 2,        /* OPTIONS_STOP */
	COMMAND_SINGLE_DASH = 4, /* OPTIONS_SINGLE_DASH */
	COMMAND_USAGE_125 = 8,   /* of the root: wrong options exit with 125 (docker), else with 1 */
	COMMAND_RAW = 16,        /* takes its whole command line as arguments, --help too */
};
#define COMMAND_SIZE_MAX 8192

/* Finds the command, parses, checks the number of arguments and runs; prints help to stdout, errors and
 * warnings to stderr.  Returns the exit status. */
int command_main(const struct command *root, void *ctx, int argc, char **argv);

/* "Usage:  gantry run [OPTIONS] IMAGE" and a newline. */
void command_usage(const struct command *command, const char *path, struct str *out);

/* The help text of a command.  path: how it was called. */
void command_help(const struct command *command, const char *path, size_t width, struct str *out);

/* The whole tree, a line each, for man pages, completion and tests, tab-separated:
 *     command <path> <usage> <alias or -> <hidden or -> <help>
 *     option  <path> --<name> <-letter or -> <value word, or - for a bool> <hidden|deprecated or -> <default
 * or -> <help> */
void command_dump(const struct command *root, struct str *out);

#endif
