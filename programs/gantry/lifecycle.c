/* SPDX-License-Identifier: Apache-2.0 */
/* stop, restart, kill, pause, unpause, rename, rm and wait. */
#include "lib/base/cleanup.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/each.h"
#include "programs/gantry/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TARGET_MAX ((size_t)1 << 20)

/* ---- stop ------------------------------------------------------------------------------------ */
struct stop_options {
	const char *signal;
	int64_t timeout;
};

static const struct option stop_table[] = {
	{ "signal", 's', OPTION_STRING, 0, CLI_AT(stop_options, signal), "Signal to send to the container",
		NULL, NULL, NULL },
	{ "timeout", 't', OPTION_INT, 0, CLI_AT(stop_options, timeout),
		"Seconds to wait before killing the container", NULL, NULL, NULL },
	{ "time", 0, OPTION_INT, OPTION_HIDDEN, CLI_AT(stop_options, timeout),
		"Seconds to wait before killing the container", NULL, NULL, NULL },
	{ 0 },
};

/* stop and restart */
static int end_one(const struct command_call *call, struct client *c, const char *name, const char *verb,
	struct error *err)
{
	const struct stop_options *o = call->options.into;
	auto_str struct str target = STR_INIT(TARGET_MAX);

	cli_target(&target, "containers", name, verb);
	if (o->signal)
		query_add(&target, "signal", o->signal);
	if (options_seen(&call->options, "timeout") || options_seen(&call->options, "time"))
		query_add_int(&target, "t", o->timeout);
	return cli_do(c, "POST", &target, err);
}

static int stop_one(const struct command_call *call, struct client *c, const char *name, struct error *err)
{
	return end_one(call, c, name, "/stop", err);
}

static int restart_one(const struct command_call *call, struct client *c, const char *name, struct error *err)
{
	return end_one(call, c, name, "/restart", err);
}

static int stop_run(const struct command_call *call)
{
	return each_run(call, stop_one, false);
}

static int restart_run(const struct command_call *call)
{
	return each_run(call, restart_one, false);
}

const struct command stop_command = {
	.name = "stop",
	.usage = "[OPTIONS] CONTAINER [CONTAINER...]",
	.help = "Stop one or more running containers",
	.min_args = 1,
	.max_args = -1,
	.options = stop_table,
	.size = sizeof(struct stop_options),
	.run = stop_run,
};

const struct command restart_command = {
	.name = "restart",
	.usage = "[OPTIONS] CONTAINER [CONTAINER...]",
	.help = "Restart one or more containers",
	.min_args = 1,
	.max_args = -1,
	.options = stop_table,
	.size = sizeof(struct stop_options),
	.run = restart_run,
};

/* ---- pause, unpause and rename ------------------------------------------------------------------ */
static int pause_one(const struct command_call *call, struct client *c, const char *name, struct error *err)
{
	auto_str struct str target = STR_INIT(TARGET_MAX), verb = STR_INIT(64);

	str_addf(&verb, "/%s", call->command->name);
	cli_target(&target, "containers", name, str_text(&verb));
	return cli_do(c, "POST", &target, err);
}

static int pause_run(const struct command_call *call)
{
	return each_run(call, pause_one, false);
}

const struct command pause_command = {
	.name = "pause",
	.usage = "CONTAINER [CONTAINER...]",
	.help = "Pause all processes within one or more containers",
	.min_args = 1,
	.max_args = -1,
	.run = pause_run,
};

const struct command unpause_command = {
	.name = "unpause",
	.usage = "CONTAINER [CONTAINER...]",
	.help = "Unpause all processes within one or more containers",
	.min_args = 1,
	.max_args = -1,
	.run = pause_run,
};

static int rename_run(const struct command_call *call)
{
	struct error err = ERROR_INIT;
	auto_str struct str target = STR_INIT(TARGET_MAX);

	cli_target(&target, "containers", call->options.args[0], "/rename");
	query_add(&target, "name", call->options.args[1]);
	if (cli_do(cli_client(call), "POST", &target, &err) >= 0)
		return 0;
	cli_fail(&err);
	fprintf(stderr, "Error: failed to rename container named %s\n", call->options.args[0]);
	return 1;
}

const struct command rename_command = {
	.name = "rename",
	.usage = "CONTAINER NEW_NAME",
	.help = "Rename a container",
	.min_args = 2,
	.max_args = 2,
	.run = rename_run,
};

/* ---- kill ------------------------------------------------------------------------------------- */
struct kill_options {
	const char *signal;
};

static const struct option kill_table[] = {
	{ "signal", 's', OPTION_STRING, 0, CLI_AT(kill_options, signal), "Signal to send to the container",
		NULL, NULL, NULL },
	{ 0 },
};

static int kill_one(const struct command_call *call, struct client *c, const char *name, struct error *err)
{
	const struct kill_options *o = call->options.into;
	auto_str struct str target = STR_INIT(TARGET_MAX);

	cli_target(&target, "containers", name, "/kill");
	if (o->signal && o->signal[0])
		query_add(&target, "signal", o->signal);
	return cli_do(c, "POST", &target, err);
}

static int kill_run(const struct command_call *call)
{
	return each_run(call, kill_one, false);
}

const struct command kill_command = {
	.name = "kill",
	.usage = "[OPTIONS] CONTAINER [CONTAINER...]",
	.help = "Kill one or more running containers",
	.min_args = 1,
	.max_args = -1,
	.options = kill_table,
	.size = sizeof(struct kill_options),
	.run = kill_run,
};

/* ---- rm ---------------------------------------------------------------------------------------- */
struct rm_options {
	bool force, link, volumes;
};

static const struct option rm_table[] = {
	{ "force", 'f', OPTION_BOOL, 0, CLI_AT(rm_options, force),
		"Force the removal of a running container (uses SIGKILL)", NULL, NULL, NULL },
	{ "link", 'l', OPTION_BOOL, 0, CLI_AT(rm_options, link), "Remove the specified link", NULL, NULL,
		NULL },
	{ "volumes", 'v', OPTION_BOOL, 0, CLI_AT(rm_options, volumes),
		"Remove anonymous volumes associated with the container", NULL, NULL, NULL },
	{ 0 },
};

static int rm_one(const struct command_call *call, struct client *c, const char *name, struct error *err)
{
	const struct rm_options *o = call->options.into;
	auto_str struct str target = STR_INIT(TARGET_MAX);

	name += name[0] == '/';
	if (!name[0])
		return error_invalid(err, "container name cannot be empty");
	cli_target(&target, "containers", name, "");
	if (o->force)
		query_add(&target, "force", "1");
	if (o->link)
		query_add(&target, "link", "1");
	if (o->volumes)
		query_add(&target, "v", "1");
	return cli_do(c, "DELETE", &target, err);
}

static int rm_run(const struct command_call *call)
{
	const struct rm_options *o = call->options.into;

	return each_run(call, rm_one, o->force);
}

const struct command rm_command = {
	.name = "rm",
	.usage = "[OPTIONS] CONTAINER [CONTAINER...]",
	.help = "Remove one or more containers",
	.alias = "remove",
	.min_args = 1,
	.max_args = -1,
	.options = rm_table,
	.size = sizeof(struct rm_options),
	.run = rm_run,
};

/* ---- wait -------------------------------------------------------------------------------------- */
static int wait_one(const struct command_call *call, const char *name, struct error *err)
{
	auto_str struct str escaped = STR_INIT(TARGET_MAX);
	struct http *h;
	int status;

	query_escape(&escaped, name);
	int r = session_wait_begin(cli_client(call), str_text(&escaped), NULL, &h, err);
	if (r == 0)
		r = session_wait_end(cli_client(call), h, &status, err);
	if (r == 0)
		printf("%d\n", status);
	fflush(stdout);
	return r;
}

static int wait_run(const struct command_call *call)
{
	int status = 0;

	for (size_t i = 0; i < call->options.nargs; i++) {
		struct error err = ERROR_INIT;
		if (wait_one(call, call->options.args[i], &err) < 0)
			status = cli_fail(&err);
	}
	return status;
}

const struct command wait_command = {
	.name = "wait",
	.usage = "CONTAINER [CONTAINER...]",
	.help = "Block until one or more containers stop, then print their exit codes",
	.min_args = 1,
	.max_args = -1,
	.run = wait_run,
};
