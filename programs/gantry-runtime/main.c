/* SPDX-License-Identifier: Apache-2.0 */
/* gantry-runtime: an OCI runtime with runc's command line.  Here: the option tables, and how failures are
 * told. */
#include "programs/gantry-runtime/runtime.h"

#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

const struct globals *globals_of(const struct command_call *call)
{
	return call->up->options.into;
}

static bool log_is_file;

/* As runc: the log has it, and so does a person who reads the terminal. */
int report(const struct error *err)
{
	log_error("%s", err->text);
	if (log_is_file)
		fprintf(stderr, "gantry-runtime: %s\n", err->text);
	return 1;
}

#define AT(type, member) offsetof(struct type, member)

static const struct option global_options[] = {
	{ "root", 0, OPTION_STRING, 0, AT(globals, root), "Folder for the state of containers", "dir",
		STATE_ROOT_DEFAULT, NULL },
	{ "log", 0, OPTION_STRING, 0, AT(globals, log),
		"File that log lines are appended to; standard error when not given", "file", NULL, NULL },
	{ "log-format", 0, OPTION_STRING, 0, AT(globals, log_format), "Form of log lines: text or json", NULL,
		"text", NULL },
	{ "debug", 0, OPTION_BOOL, 0, AT(globals, debug), "Log debugging output", NULL, NULL, NULL },
	{ "systemd-cgroup", 0, OPTION_BOOL, OPTION_HIDDEN, AT(globals, systemd_cgroup),
		"Not supported: cgroups are made as files", NULL, NULL, NULL },
	{ "version", 'v', OPTION_BOOL, 0, AT(globals, version), "Print the version", NULL, NULL, NULL },
	{ "rootless", 0, OPTION_STRING, OPTION_HIDDEN, AT(globals, rootless),
		"Only auto and false are supported", NULL, NULL, NULL },
	{ 0 },
};

#define CREATE_OPTIONS                                                                                      \
	{ "bundle", 'b', OPTION_STRING, 0, AT(create_options, bundle), "Folder of the bundle", "dir", ".",  \
		NULL },                                                                                     \
		{ "console-socket", 0, OPTION_STRING, 0, AT(create_options, console_socket),                \
			"Unix socket that receives the terminal's descriptor", "path", NULL, NULL },        \
		{ "pid-file", 0, OPTION_STRING, 0, AT(create_options, pid_file),                            \
			"File to write the process id to", "file", NULL, NULL },                            \
		{ "no-pivot", 0, OPTION_BOOL, 0, AT(create_options, no_pivot),                              \
			"Enter the root by chroot(2): for a root file system on the initial ramdisk", NULL, \
			NULL, NULL },                                                                       \
		{ "no-new-keyring", 0, OPTION_BOOL, 0, AT(create_options, no_new_keyring),                  \
			"Keep the caller's session keyring", NULL, NULL, NULL },                            \
		{ "preserve-fds", 0, OPTION_UINT, 0, AT(create_options, preserve_fds),                      \
			"Pass this many more descriptors, from 3 on, to the container", "n", "0", NULL },   \
	{                                                                                                   \
		"no-subreaper", 0, OPTION_BOOL, OPTION_HIDDEN, AT(create_options, no_subreaper),            \
			"Accepted: no subreaper is set", NULL, NULL, NULL                                   \
	}

static const struct option create_options[] = { CREATE_OPTIONS, { 0 } };
static const struct option run_options[] = {
	CREATE_OPTIONS,
	{ "detach", 'd', OPTION_BOOL, 0, AT(run_options, detach), "Return once the container runs", NULL,
		NULL, NULL },
	{ "keep", 0, OPTION_BOOL, 0, AT(run_options, keep), "Do not delete the container when it ends", NULL,
		NULL, NULL },
	{ 0 },
};
static const struct option exec_options[] = {
	{ "apparmor", 0, OPTION_STRING, 0, AT(exec_options, apparmor), "AppArmor profile of the process",
		"profile", NULL, NULL },
	{ "additional-gids", 'g', OPTION_LIST, 0, AT(exec_options, groups), "Supplementary group ids", "gid",
		NULL, NULL },
	{ "cap", 'c', OPTION_LIST, 0, AT(exec_options, caps), "Add a capability to the container's", "name",
		NULL, NULL },
	{ "console-socket", 0, OPTION_STRING, 0, AT(exec_options, console_socket),
		"Unix socket that receives the terminal's descriptor", "path", NULL, NULL },
	{ "cwd", 0, OPTION_STRING, 0, AT(exec_options, cwd), "Working directory in the container", "dir",
		NULL, NULL },
	{ "detach", 'd', OPTION_BOOL, 0, AT(exec_options, detach), "Return once the process runs", NULL, NULL,
		NULL },
	{ "env", 'e', OPTION_LIST, 0, AT(exec_options, env), "Set an environment variable", "name=value",
		NULL, NULL },
	{ "ignore-paused", 0, OPTION_BOOL, 0, AT(exec_options, ignore_paused), "Also in a paused container",
		NULL, NULL, NULL },
	{ "no-new-privs", 0, OPTION_BOOL, 0, AT(exec_options, no_new_privs), "Set no_new_privs", NULL, NULL,
		NULL },
	{ "pid-file", 0, OPTION_STRING, 0, AT(exec_options, pid_file), "File to write the process id to",
		"file", NULL, NULL },
	{ "preserve-fds", 0, OPTION_UINT, 0, AT(exec_options, preserve_fds),
		"Pass this many more descriptors, from 3 on, to the process", "n", "0", NULL },
	{ "process", 'p', OPTION_STRING, 0, AT(exec_options, process),
		"File with the process as JSON, in place of a command line", "file", NULL, NULL },
	{ "process-label", 0, OPTION_STRING, 0, AT(exec_options, label), "SELinux label of the process",
		"label", NULL, NULL },
	{ "tty", 't', OPTION_BOOL, 0, AT(exec_options, tty), "Give it a terminal", NULL, NULL, NULL },
	{ "user", 'u', OPTION_STRING, 0, AT(exec_options, user), "User and group id", "uid[:gid]", NULL,
		NULL },
	{ 0 },
};
static const struct option kill_options[] = {
	{ "all", 'a', OPTION_BOOL, 0, AT(kill_options, all), "Signal every process of the container", NULL,
		NULL, NULL },
	{ 0 },
};
static const struct option delete_options[] = {
	{ "force", 'f', OPTION_BOOL, 0, AT(delete_options, force),
		"Kill it first if it runs; no error when it does not exist", NULL, NULL, NULL },
	{ 0 },
};
static const struct option list_options[] = {
	{ "format", 'f', OPTION_STRING, 0, AT(list_options, format), "table or json", NULL, "table", NULL },
	{ "quiet", 'q', OPTION_BOOL, 0, AT(list_options, quiet), "Ids only", NULL, NULL, NULL },
	{ 0 },
};
static const struct option ps_options[] = {
	{ "format", 'f', OPTION_STRING, 0, AT(ps_options, format), "table or json", NULL, "table", NULL },
	{ 0 },
};
static const struct option spec_options[] = {
	{ "bundle", 'b', OPTION_STRING, 0, AT(spec_options, bundle), "Folder that config.json is written to",
		"dir", ".", NULL },
	{ "rootless", 0, OPTION_BOOL, 0, AT(spec_options, rootless), "For a container of who is not root",
		NULL, NULL, NULL },
	{ 0 },
};

static const struct list_options list_defaults = { .format = "table" };
static const struct ps_options ps_defaults = { .format = "table" };
static const struct globals global_defaults = { .root = STATE_ROOT_DEFAULT, .log_format = "text" };

#define SIZE(type) sizeof(struct type)

/* What the program's own options ask for is done once, before the verb. */
static int set_up(const struct globals *g, struct error *err)
{
	enum log_format format;

	if (log_parse_format(g->log_format, &format) < 0)
		return error_invalid(err, "--log-format '%s': use text or json", g->log_format);
	log_set_format(format);
	log_set_level(g->debug ? LOG_DEBUG : LOG_INFO);
	if (g->log && g->log[0]) {
		int fd = open(g->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0)
			return error_sys(err, errno, "cannot open the log '%s'", g->log);
		log_set_fd(fd);
		log_is_file = true;
	}
	if (g->systemd_cgroup)
		return error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
			"--systemd-cgroup is not supported: cgroups are made as files");
	if (g->rootless && strcmp(g->rootless, "auto") != 0 && strcmp(g->rootless, "false") != 0)
		return error_set(
			err, ERROR_UNSUPPORTED, ENOTSUP, "--rootless %s is not supported", g->rootless);
	if (g->root[0] != '/')
		return error_invalid(err, "--root '%s': give an absolute path", g->root);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(const struct command_call *call);
} handlers[] = { { "create", create_run }, { "start", start_run }, { "run", run_run }, { "exec", exec_run },
	{ "state", state_run }, { "list", list_run }, { "ps", ps_run }, { "kill", kill_run },
	{ "pause", pause_run }, { "resume", resume_run }, { "delete", delete_run }, { "spec", spec_run } };

static int dispatch(const struct command_call *call)
{
	struct error err = ERROR_INIT;

	if (set_up(globals_of(call), &err) < 0)
		return report(&err);
	umask(022);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
		if (strcmp(handlers[i].name, call->command->name) == 0)
			return handlers[i].run(call);
	return 1;
}

static int print_version(const struct command_call *call)
{
	const struct globals *g = call->options.into;
	struct str help = STR_INIT(1u << 16);

	if (g->version) {
		puts("gantry-runtime version " GANTRY_VERSION "\nspec: 1.2.0");
		return 0;
	}
	command_help(call->command, call->path, 0, &help);
	fputs(str_text(&help), stdout);
	str_done(&help);
	return 0;
}

static const struct command verbs[] = {
	{ .name = "create",
		.usage = "[OPTIONS] ID",
		.help = "Create a container from a bundle",
		.min_args = 1,
		.max_args = 1,
		.options = create_options,
		.size = SIZE(create_options),
		.run = dispatch },
	{ .name = "start",
		.usage = "ID",
		.help = "Run the program of a created container",
		.min_args = 1,
		.max_args = 1,
		.run = dispatch },
	{ .name = "run",
		.usage = "[OPTIONS] ID",
		.help = "Create a container, start it and wait for its end",
		.min_args = 1,
		.max_args = 1,
		.options = run_options,
		.size = SIZE(run_options),
		.run = dispatch },
	{ .name = "exec",
		.usage = "[OPTIONS] ID [COMMAND] [ARG...]",
		.help = "Run one more process in a container",
		.min_args = 1,
		.max_args = -1,
		.flags = COMMAND_STOP,
		.options = exec_options,
		.size = SIZE(exec_options),
		.run = dispatch },
	{ .name = "state",
		.usage = "ID",
		.help = "Print the state of a container as JSON",
		.min_args = 1,
		.max_args = 1,
		.run = dispatch },
	{ .name = "list",
		.usage = "[OPTIONS]",
		.help = "List containers",
		.options = list_options,
		.size = SIZE(list_options),
		.defaults = &list_defaults,
		.run = dispatch },
	{ .name = "ps",
		.usage = "[OPTIONS] ID",
		.help = "List the processes of a container",
		.min_args = 1,
		.max_args = 1,
		.options = ps_options,
		.size = SIZE(ps_options),
		.defaults = &ps_defaults,
		.run = dispatch },
	{ .name = "kill",
		.usage = "[OPTIONS] ID [SIGNAL]",
		.help = "Send a signal (default SIGTERM) to a container's first process",
		.min_args = 1,
		.max_args = 2,
		.options = kill_options,
		.size = SIZE(kill_options),
		.run = dispatch },
	{ .name = "pause",
		.usage = "ID",
		.help = "Stop every process of a container",
		.min_args = 1,
		.max_args = 1,
		.run = dispatch },
	{ .name = "resume",
		.usage = "ID",
		.help = "Let the processes of a paused container go on",
		.min_args = 1,
		.max_args = 1,
		.run = dispatch },
	{ .name = "delete",
		.usage = "[OPTIONS] ID [ID...]",
		.help = "Remove what a container holds",
		.min_args = 1,
		.max_args = -1,
		.options = delete_options,
		.size = SIZE(delete_options),
		.run = dispatch },
	{ .name = "spec",
		.usage = "[OPTIONS]",
		.help = "Write a config.json to start from",
		.options = spec_options,
		.size = SIZE(spec_options),
		.run = dispatch },
	{ 0 },
};

static const struct command root = {
	.name = "gantry-runtime",
	.usage = "[OPTIONS] COMMAND [ARG...]",
	.help = "Run containers from OCI bundles",
	.flags = COMMAND_SINGLE_DASH,
	.options = global_options,
	.size = SIZE(globals),
	.defaults = &global_defaults,
	.run = print_version,
	.sub = verbs,
};

int main(int argc, char **argv)
{
	return command_main(&root, NULL, argc, argv);
}
