/* SPDX-License-Identifier: Apache-2.0 */
/* exec: one more process in a container. */
#include "lib/base/cleanup.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/create_body.h"
#include "programs/gantry/listing.h"
#include "programs/gantry/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TARGET_MAX ((size_t)1 << 20)

struct exec_options {
	bool detach, interactive, privileged, tty;
	struct option_list env, env_file;
	const char *detach_keys, *user, *workdir;
};

#define AT(member) CLI_AT(exec_options, member)
static const struct option table[] = {
	{ "detach", 'd', OPTION_BOOL, 0, AT(detach), "Detached mode: run command in the background", NULL,
		NULL, NULL },
	{ "detach-keys", 0, OPTION_STRING, 0, AT(detach_keys),
		"Override the key sequence for detaching a container", NULL, NULL, NULL },
	{ "env", 'e', OPTION_LIST, 0, AT(env), "Set environment variables", NULL, NULL, NULL },
	{ "env-file", 0, OPTION_LIST, 0, AT(env_file), "Read in a file of environment variables", NULL, NULL,
		NULL },
	{ "interactive", 'i', OPTION_BOOL, 0, AT(interactive), "Keep STDIN open even if not attached", NULL,
		NULL, NULL },
	{ "privileged", 0, OPTION_BOOL, 0, AT(privileged), "Give extended privileges to the command", NULL,
		NULL, NULL },
	{ "tty", 't', OPTION_BOOL, 0, AT(tty), "Allocate a pseudo-TTY", NULL, NULL, NULL },
	{ "user", 'u', OPTION_STRING, 0, AT(user), "Username or UID (format: \"<name|uid>[:<group|gid>]\")",
		NULL, NULL, NULL },
	{ "workdir", 'w', OPTION_STRING, 0, AT(workdir), "Working directory inside the container", NULL, NULL,
		NULL },
	{ 0 },
};

static void set_console_size(struct json *body, const struct exec_options *o)
{
	unsigned rows, columns;

	if (!o->tty || !terminal_size(&rows, &columns))
		return;
	struct json *size = json_set_array(body, "ConsoleSize");
	json_add_int(size, rows);
	json_add_int(size, columns);
}

static int build(const struct command_call *call, struct json *body, struct error *err)
{
	const struct exec_options *o = call->options.into;

	json_set_string(body, "User", o->user ? o->user : "");
	json_set_bool(body, "Privileged", o->privileged);
	json_set_bool(body, "Tty", o->tty);
	json_set_bool(body, "AttachStdin", !o->detach && o->interactive);
	json_set_bool(body, "AttachStderr", !o->detach);
	json_set_bool(body, "AttachStdout", !o->detach);
	json_set_string(body, "DetachKeys", o->detach_keys ? o->detach_keys : "");
	json_set_string(body, "WorkingDir", o->workdir ? o->workdir : "");
	set_console_size(body, o);
	struct json *cmd = json_set_array(body, "Cmd");
	for (size_t i = 1; i < call->options.nargs; i++)
		json_add_string(cmd, call->options.args[i]);
	json_set_null(body, "Env");
	if (o->env.n + o->env_file.n == 0)
		return 0;
	return create_env_list(table, &o->env_file, &o->env, json_set_array(body, "Env"), err);
}

static int create(const struct command_call *call, char **ret_id, struct error *err)
{
	auto_json struct json *body = json_new_object(), *answer = NULL;
	auto_str struct str target = STR_INIT(TARGET_MAX);
	int r = build(call, body, err);

	if (r < 0)
		return r;
	cli_target(&target, "containers", call->options.args[0], "/exec");
	r = client_call(cli_client(call), "POST", str_text(&target), body, &answer, err);
	if (r < 0)
		return r;
	const char *id = json_string(json_at(answer, "Id"));
	if (!id || !id[0])
		return error_set(err, ERROR_INTERNAL, EPROTO, "exec ID empty");
	*ret_id = strdup(id);
	return *ret_id ? 0 : error_sys(err, ENOMEM, "cannot run a process");
}

static int exit_code(const struct command_call *call, const char *id, int *ret_status, struct error *err)
{
	auto_str struct str target = STR_INIT(TARGET_MAX);
	auto_json struct json *answer = NULL;

	cli_target(&target, "exec", id, "/json");
	int r = client_get(cli_client(call), str_text(&target), &answer, err);
	if (r >= 0)
		*ret_status = (int)number_at(answer, "ExitCode");
	return r;
}

static int start(const struct command_call *call, const char *id, int *ret_status, struct error *err)
{
	const struct exec_options *o = call->options.into;
	auto_str struct str target = STR_INIT(TARGET_MAX), resize = STR_INIT(TARGET_MAX);
	auto_json struct json *body = json_new_object();
	struct session s = {
		.client = cli_client(call), .id = id, .detach_keys = o->detach_keys, .tty = o->tty
	};

	cli_target(&target, "exec", id, "/start");
	cli_target(&resize, "exec", id, "/resize");
	json_set_bool(body, "Detach", o->detach);
	json_set_bool(body, "Tty", o->tty);
	set_console_size(body, o);
	if (o->detach)
		return client_call(cli_client(call), "POST", str_text(&target), body, NULL, err);
	s.in = o->interactive;
	s.resize = o->tty ? str_text(&resize) : NULL;
	int r = session_begin(&s, str_text(&target), body, err);
	if (r == 0)
		r = session_run(&s, err);
	session_end(&s);
	if (r == SESSION_DETACHED)
		return error_set(err, ERROR_CANCELLED, ECANCELED, "read escape sequence");
	return r < 0 ? r : exit_code(call, id, ret_status, err);
}

static int exec_run(const struct command_call *call)
{
	const struct exec_options *o = call->options.into;
	struct error err = ERROR_INIT;
	auto_free char *id = NULL;
	int status = 0;

	if (!o->detach && session_check_tty(o->interactive, o->tty, &err) < 0)
		return cli_fail(&err);
	if (create(call, &id, &err) < 0)
		return cli_refuse(call, &err);
	if (start(call, id, &status, &err) >= 0)
		return status;
	cli_fail(&err);
	status = err.sys_errno == REMOTE_ERROR ? cli_exit_code(err.text) : 1;
	return status == 125 ? 1 : status;
}

const struct command exec_command = {
	.name = "exec",
	.usage = "[OPTIONS] CONTAINER COMMAND [ARG...]",
	.help = "Execute a command in a running container",
	.group = "Common Commands",
	.flags = COMMAND_STOP,
	.min_args = 2,
	.max_args = -1,
	.options = table,
	.size = sizeof(struct exec_options),
	.run = exec_run,
};
