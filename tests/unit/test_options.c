/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/options.h"

#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct values {
	bool interactive, tty, detach, init;
	const char *name, *color;
	struct option_list env;
	int64_t tries, memory, timeout;
	uint64_t pid;
	double cpus;
};

#define at(member) offsetof(struct values, member)
static const struct option table[] = {
	{ .name = "interactive", .letter = 'i', .offset = at(interactive), .help = "Keep STDIN open" },
	{ .name = "tty", .letter = 't', .offset = at(tty), .help = "Allocate a pseudo-TTY" },
	{ .name = "detach", .letter = 'd', .offset = at(detach), .help = "Run in background" },
	{ .name = "init", .offset = at(init), .help = "Run an init", .flags = OPTION_HIDDEN },
	{ .name = "name", .kind = OPTION_STRING, .offset = at(name), .help = "Assign a name" },
	{ .name = "color",
		.kind = OPTION_STRING,
		.flags = OPTION_OPTIONAL,
		.offset = at(color),
		.fallback = "auto",
		.help = "When" },
	{ .name = "env", .letter = 'e', .kind = OPTION_LIST, .offset = at(env), .help = "Set variables" },
	{ .name = "tries", .kind = OPTION_INT, .offset = at(tries), .help = "Tries", .fallback = "3" },
	{ .name = "memory",
		.letter = 'm',
		.kind = OPTION_SIZE,
		.offset = at(memory),
		.help = "Memory limit" },
	{ .name = "timeout", .kind = OPTION_DURATION, .offset = at(timeout), .help = "Time" },
	{ .name = "pid",
		.kind = OPTION_UINT,
		.offset = at(pid),
		.help = "Process",
		.deprecated = "use --name" },
	{ .name = "cpus", .kind = OPTION_DOUBLE, .offset = at(cpus), .help = "Number of CPUs" },
	{ .name = NULL },
};

struct parsed {
	struct values v;
	struct options o;
	struct error err;
	char *argv[40];
	char text[512];
};

/* The command line is one text, split at blanks. */
static int parse(struct parsed *p, unsigned flags, const char *line)
{
	int argc = 1;

	memset(p, 0, sizeof *p);
	snprintf(p->text, sizeof p->text, "%s", line);
	p->argv[0] = p->text;
	for (char *rest = p->text, *word; (word = strsep(&rest, " ")) && argc < 39;)
		if (*word)
			p->argv[argc++] = word;
	p->o = (struct options){ .table = table, .into = &p->v, .flags = flags };
	return options_parse(&p->o, argc, p->argv, &p->err);
}

static void test_options_parse_every_form(void **state)
{
	struct parsed p;

	(void)state;
	assert_int_equal(
		parse(&p, 0,
			"--name=a one -itd -e A=1 -eB=2 --env C=3 -e=D=4 --memory 1.5g --timeout=1m30s two "
			"--tries -5 --pid 7 --cpus 1.5 --color - -- --init -x"),
		0);
	assert_true(p.v.interactive && p.v.tty && p.v.detach && !p.v.init);
	assert_string_equal(p.v.name, "a");
	assert_string_equal(p.v.color, "");
	assert_int_equal(p.v.env.n, 4);
	assert_string_equal(p.v.env.v[0], "A=1");
	assert_string_equal(p.v.env.v[1], "B=2");
	assert_string_equal(p.v.env.v[2], "C=3");
	assert_string_equal(p.v.env.v[3], "D=4");
	assert_int_equal(p.v.memory, 3 << 29);
	assert_int_equal(p.v.timeout, INT64_C(90000000000));
	assert_int_equal(p.v.tries, -5);
	assert_int_equal(p.v.pid, 7);
	assert_true(p.v.cpus == 1.5);
	static const char *const args[] = { "one", "two", "-", "--init", "-x" };
	assert_int_equal(p.o.nargs, COUNT(args));
	for (size_t i = 0; i < COUNT(args); i++)
		assert_string_equal(p.o.args[i], args[i]);
	assert_null(p.o.args[p.o.nargs]);
	options_done(&p.o);
	assert_null(p.v.env.v);
}

static void test_options_parse_bools(void **state)
{
	struct parsed p;

	(void)state;
	/* A bool never takes the next argument. */
	assert_int_equal(parse(&p, 0, "--tty false"), 0);
	assert_true(p.v.tty);
	assert_int_equal(p.o.nargs, 1);
	assert_int_equal(parse(&p, 0, "--tty --tty=false -i=0"), 0);
	assert_true(!p.v.tty && !p.v.interactive);
	assert_true(options_seen(&p.o, "tty"));
	assert_true(options_seen(&p.o, "interactive"));
	assert_false(options_seen(&p.o, "detach"));
}

static void test_options_parse_stop(void **state)
{
	struct parsed p;

	(void)state;
	assert_int_equal(parse(&p, OPTIONS_STOP, "-t image -i --unknown"), 0);
	assert_true(p.v.tty && !p.v.interactive);
	assert_int_equal(p.o.nargs, 3);
	assert_string_equal(p.o.args[1], "-i");
	assert_int_equal(parse(&p, OPTIONS_STOP, "-t -- -i"), 0);
	assert_int_equal(p.o.nargs, 1);
}

static void test_options_parse_single_dash(void **state)
{
	struct parsed p;

	(void)state;
	assert_int_equal(parse(&p, OPTIONS_SINGLE_DASH, "-name x -tries=2 -it"), 0);
	assert_string_equal(p.v.name, "x");
	assert_int_equal(p.v.tries, 2);
	assert_true(p.v.interactive && p.v.tty);
}

static void test_options_parse_errors(void **state)
{
	static const struct {
		const char *line, *text;
	} cases[] = {
		{ "--nope=1", "unknown flag: --nope" },
		{ "--nam x", "unknown flag: --nam" },
		{ "-tx", "unknown shorthand flag: 'x' in -tx" },
		{ "--name", "flag needs an argument: --name" },
		{ "-te", "flag needs an argument: 'e' in -te" },
		{ "--=x", "bad flag syntax: --=x" },
		{ "---name", "bad flag syntax: ---name" },
		{ "--tty=maybe", "invalid argument \"maybe\" for \"-t, --tty\" flag: must be true or false" },
		{ "--tries 3x", "invalid argument \"3x\" for \"--tries\" flag: must be a whole number" },
		{ "--tries 99999999999999999999", "invalid argument \"99999999999999999999\" for \"--tries\" "
						  "flag: value out of range" },
		{ "-m 5q", "invalid argument \"5q\" for \"-m, --memory\" flag: must be a size such as 512m "
			   "or 1.5g" },
		{ "--timeout 5", "invalid argument \"5\" for \"--timeout\" flag: must be a duration such as "
				 "90s or 1h30m" },
		{ "--pid -1",
			"invalid argument \"-1\" for \"--pid\" flag: must be a whole number, not negative" },
		{ "--cpus x", "invalid argument \"x\" for \"--cpus\" flag: must be a number" },
	};
	struct parsed p;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(parse(&p, 0, cases[i].line), -EINVAL);
		assert_string_equal(p.err.text, cases[i].text);
		assert_int_equal(p.err.kind, ERROR_INVALID);
		options_done(&p.o);
	}
}

static void test_options_parse_help(void **state)
{
	struct parsed p;

	(void)state;
	assert_int_equal(parse(&p, 0, "--name x --help --nope"), OPTIONS_HELP);
	assert_int_equal(parse(&p, 0, "-th"), OPTIONS_HELP);
	assert_int_equal(parse(&p, 0, "-- --help"), 0);
	assert_int_equal(parse(&p, 0, ""), 0);
	assert_int_equal(p.o.nargs, 0);
}

static void test_options_set_from_text(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, 0, "");
	assert_int_equal(options_set(&p.o, "memory", "1k", &p.err), 0);
	assert_int_equal(p.v.memory, 1024);
	assert_true(options_seen(&p.o, "memory"));
	assert_int_equal(options_set(&p.o, "x", "1", &p.err), -EINVAL);
}

static void test_options_help_layout(void **state)
{
	auto_str struct str out = STR_INIT(4096);

	(void)state;
	options_help(table, 0, &out);
	assert_string_equal(str_text(&out), "      --color[=string]     When (default \"auto\")\n"
					    "      --cpus decimal       Number of CPUs\n"
					    "  -d, --detach             Run in background\n"
					    "  -e, --env list           Set variables\n"
					    "  -i, --interactive        Keep STDIN open\n"
					    "  -m, --memory bytes       Memory limit\n"
					    "      --name string        Assign a name\n"
					    "      --timeout duration   Time\n"
					    "      --tries int          Tries (default 3)\n"
					    "  -t, --tty                Allocate a pseudo-TTY\n");
}

/* As Docker's own "ls --help" at 80 columns. */
static void test_options_help_wraps(void **state)
{
	static const struct option ls[] = {
		{ .name = "format",
			.kind = OPTION_STRING,
			.help = "Format output using a custom template:\n"
				"'table':            Print output in table format with column headers "
				"(default)\n"
				"'json':             Print in JSON format" },
		{ .name = "last",
			.letter = 'n',
			.kind = OPTION_INT,
			.fallback = "-1",
			.help = "Show n last created containers (includes all states)" },
		{ .name = "no-trunc", .help = "Don't truncate output" },
		{ .name = NULL },
	};
	auto_str struct str out = STR_INIT(4096);

	(void)state;
	options_help(ls, 79, &out);
	assert_string_equal(str_text(&out),
		"      --format string   Format output using a custom template:\n"
		"                        'table':            Print output in table format\n"
		"                        with column headers (default)\n"
		"                        'json':             Print in JSON format\n"
		"  -n, --last int        Show n last created containers (includes all\n"
		"                        states) (default -1)\n"
		"      --no-trunc        Don't truncate output\n");
}

/* ---- commands ---------------------------------------------------------------------- */
static char seen[256];

static int run_container(const struct command_call *call)
{
	const struct values *v = call->options.into;

	snprintf(seen, sizeof seen, "%s|%s|%d|%s|%s", call->path, v->name ? v->name : "-",
		(int)call->options.nargs, call->options.nargs ? call->options.args[0] : "-",
		(const char *)call->ctx);
	return 7;
}

static int run_raw(const struct command_call *call)
{
	snprintf(seen, sizeof seen, "%s|%d|%s", call->path, (int)call->options.nargs, call->options.args[0]);
	return 0;
}

static const struct values defaults = { .name = "given" };
static const struct command container[] = {
	{ .name = "run",
		.usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
		.help = "Create and run",
		.flags = COMMAND_STOP,
		.min_args = 1,
		.max_args = -1,
		.options = table,
		.size = sizeof(struct values),
		.defaults = &defaults,
		.run = run_container },
	{ .name = "ls",
		.alias = "ps,list,gantry ps",
		.help = "List",
		.max_args = 0,
		.run = run_container,
		.size = sizeof(struct values) },
	{ .name = "raw", .flags = COMMAND_RAW | COMMAND_HIDDEN, .run = run_raw },
	{ .name = NULL },
};
static const struct command top[] = {
	{ .name = "container",
		.group = "Management Commands",
		.help = "Manage containers",
		.sub = container },
	{ .name = "version",
		.help = "Show the version",
		.max_args = 0,
		.run = run_container,
		.size = sizeof(struct values) },
	{ .name = NULL },
};
static const struct option root_options[] = {
	{ .name = "debug", .letter = 'D', .help = "Enable debug mode" },
	{ .name = NULL },
};
static const struct command root = { .name = "gantry",
	.help = "An engine",
	.flags = COMMAND_USAGE_125,
	.options = root_options,
	.size = 1,
	.sub = top };

static char output[8192];

/* Runs a command line with stdout and stderr in one file, left in output. */
static int command(const char *line)
{
	struct parsed p;
	int saved[2] = { dup(1), dup(2) }, argc = 1;
	char name[] = "/tmp/gantry-test-options-XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd >= 0 && saved[0] >= 0 && saved[1] >= 0);
	unlink(name);
	snprintf(p.text, sizeof p.text, "%s", line);
	p.argv[0] = p.text;
	for (char *rest = p.text, *word; (word = strsep(&rest, " ")) && argc < 39;)
		if (*word)
			p.argv[argc++] = word;
	p.argv[argc] = NULL;
	seen[0] = '\0';
	fflush(stdout);
	dup2(fd, 1);
	dup2(fd, 2);
	int status = command_main(&root, (void *)(uintptr_t) "ctx", argc, p.argv);
	dup2(saved[0], 1);
	dup2(saved[1], 2);
	close(saved[0]);
	close(saved[1]);
	ssize_t n = pread(fd, output, sizeof output - 1, 0);
	close(fd);
	assert_true(n >= 0);
	output[n] = '\0';
	return status;
}

static void test_command_main_runs(void **state)
{
	(void)state;
	assert_int_equal(command("-D container run --name x image --name y"), 7);
	assert_string_equal(seen, "gantry container run|x|3|image|ctx");
	assert_int_equal(command("container run image"), 7);
	assert_string_equal(seen, "gantry container run|given|1|image|ctx");
	assert_int_equal(command("container ps"), 7);
	assert_string_equal(seen, "gantry container ls|-|0|-|ctx");
	assert_int_equal(command("container raw --help x"), 0);
	assert_string_equal(seen, "gantry container raw|2|--help");
	assert_string_equal(output, "");
	assert_int_equal(command("container run --pid 3 image"), 7);
	assert_string_equal(output, "Flag --pid has been deprecated, use --name\n");
}

static void test_command_main_refuses(void **state)
{
	(void)state;
	assert_int_equal(command("container run --nope image"), 125);
	assert_string_equal(output,
		"unknown flag: --nope\n\nUsage:  gantry container run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\n"
		"Run 'gantry container run --help' for more information\n");
	assert_int_equal(command("container run"), 1);
	assert_non_null(
		strstr(output, "gantry: 'gantry container run' requires at least 1 argument\n\nUsage:  "));
	assert_int_equal(command("version x"), 1);
	assert_non_null(strstr(output, "gantry: 'gantry version' accepts no arguments\n"));
	assert_int_equal(command("foo"), 1);
	assert_string_equal(output, "gantry: unknown command: gantry foo\n\nUsage:  gantry [OPTIONS] "
				    "COMMAND\n\nRun 'gantry --help' for more information\n");
	assert_string_equal(seen, "");
}

static void test_command_help_layout(void **state)
{
	(void)state;
	assert_int_equal(command("--help"), 0);
	assert_string_equal(output, "Usage:  gantry [OPTIONS] COMMAND\n\nAn engine\n\n"
				    "Management Commands:\n  container   Manage containers\n\n"
				    "Commands:\n  version     Show the version\n\n"
				    "Options:\n  -D, --debug   Enable debug mode\n\n"
				    "Run 'gantry COMMAND --help' for more information on a command.\n");
	assert_int_equal(command("container"), 0);
	assert_string_equal(output,
		"Usage:  gantry container COMMAND\n\nManage containers\n\n"
		"Commands:\n  run   Create and run\n  ls    List\n\n"
		"Run 'gantry container COMMAND --help' for more information on a command.\n");
	assert_int_equal(command("container ls --help"), 0);
	assert_string_equal(output, "Usage:  gantry container ls\n\nList\n\nAliases:\n  gantry container ls, "
				    "gantry container ps, gantry container list, gantry ps\n");
}

static void test_command_dump_lists_all(void **state)
{
	auto_str struct str out = STR_INIT(1 << 16);

	(void)state;
	command_dump(&root, &out);
	assert_int_equal(out.failed, 0);
	const char *text = str_text(&out);
	assert_non_null(strstr(text, "command\tgantry\t-\t-\t-\tAn engine\n"));
	assert_non_null(strstr(text, "option\tgantry\t--debug\t-D\t-\t-\t-\tEnable debug mode\n"));
	assert_non_null(strstr(text, "option\tgantry container run\t--init\t-\t-\thidden\t-\tRun an init\n"));
	assert_non_null(
		strstr(text, "option\tgantry container run\t--pid\t-\tuint\tdeprecated\t-\tProcess\n"));
	assert_non_null(strstr(text, "command\tgantry container raw\t-\t-\thidden\t-\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_parse_every_form),
		cmocka_unit_test(test_options_parse_bools),
		cmocka_unit_test(test_options_parse_stop),
		cmocka_unit_test(test_options_parse_single_dash),
		cmocka_unit_test(test_options_parse_errors),
		cmocka_unit_test(test_options_parse_help),
		cmocka_unit_test(test_options_set_from_text),
		cmocka_unit_test(test_options_help_layout),
		cmocka_unit_test(test_options_help_wraps),
		cmocka_unit_test(test_command_main_runs),
		cmocka_unit_test(test_command_main_refuses),
		cmocka_unit_test(test_command_help_layout),
		cmocka_unit_test(test_command_dump_lists_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
