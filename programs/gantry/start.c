/* SPDX-License-Identifier: Apache-2.0 */
/* start and attach. */
#include "lib/base/cleanup.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/listing.h"
#include "programs/gantry/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TARGET_MAX ((size_t)1 << 20)

static int inspect(const struct command_call *call, const char *name, struct json **ret, struct error *err)
{
	auto_str struct str target = STR_INIT(TARGET_MAX);

	cli_target(&target, "containers", name, "/json");
	return client_get(cli_client(call), str_text(&target), ret, err);
}

static int start_one(
	const struct command_call *call, const char *name, const char *detach_keys, struct error *err)
{
	auto_str struct str target = STR_INIT(TARGET_MAX);

	cli_target(&target, "containers", name, "/start");
	if (detach_keys)
		query_add(&target, "detachKeys", detach_keys);
	return cli_do(cli_client(call), "POST", &target, err);
}

static void attach_target(const char *id, bool in, const char *detach_keys, struct str *target)
{
	cli_target(target, "containers", id, "/attach");
	if (detach_keys)
		query_add(target, "detachKeys", detach_keys);
	query_add(target, "stderr", "1");
	if (in)
		query_add(target, "stdin", "1");
	query_add(target, "stdout", "1");
	query_add(target, "stream", "1");
}

/* ---- start ------------------------------------------------------------------------------------- */
struct start_options {
	bool attach, interactive;
	const char *detach_keys;
};

static const struct option start_table[] = {
	{ "attach", 'a', OPTION_BOOL, 0, CLI_AT(start_options, attach),
		"Attach STDOUT/STDERR and forward signals", NULL, NULL, NULL },
	{ "detach-keys", 0, OPTION_STRING, 0, CLI_AT(start_options, detach_keys),
		"Override the key sequence for detaching a container", NULL, NULL, NULL },
	{ "interactive", 'i', OPTION_BOOL, 0, CLI_AT(start_options, interactive), "Attach container's STDIN",
		NULL, NULL, NULL },
	{ 0 },
};

static int start_detached(const struct command_call *call)
{
	auto_str struct str failed = STR_INIT(TARGET_MAX);

	for (size_t i = 0; i < call->options.nargs; i++) {
		const char *name = call->options.args[i];
		struct error err = ERROR_INIT;
		if (start_one(call, name, NULL, &err) >= 0) {
			puts(name);
			continue;
		}
		cli_fail(&err);
		str_addf(&failed, "%s%s", failed.len ? ", " : "", name);
	}
	if (failed.len == 0)
		return 0;
	fprintf(stderr, "Error: failed to start containers: %s\n", str_text(&failed));
	return 1;
}

struct attached {
	struct session session;
	struct http *wait;
};

/* Attaches, waits in the background and starts. */
static int start_attached_parts(
	const struct command_call *call, const struct json *container, struct attached *a, struct error *err)
{
	const struct start_options *o = call->options.into;
	auto_str struct str target = STR_INIT(TARGET_MAX);
	bool remove = true_at(json_at(container, "HostConfig"), "AutoRemove");

	attach_target(a->session.id, a->session.in, o->detach_keys, &target);
	int r = session_begin(&a->session, str_text(&target), NULL, err);
	if (r == 0)
		r = session_wait_begin(
			a->session.client, a->session.id, remove ? "removed" : "next-exit", &a->wait, err);
	if (r == 0)
		r = start_one(call, a->session.id, o->detach_keys, err);
	return r < 0 ? r : session_run(&a->session, err);
}

static void set_session(struct session *s, const struct command_call *call, const struct json *container,
	const struct str *resize, bool in)
{
	const struct json *config = json_at(container, "Config");

	s->client = cli_client(call);
	s->id = text_at(container, "Id");
	s->tty = true_at(config, "Tty");
	s->resize = s->tty ? str_text(resize) : NULL;
	s->in = in && true_at(config, "OpenStdin");
}

static int start_attached(const struct command_call *call)
{
	const struct start_options *o = call->options.into;
	struct error err = ERROR_INIT;
	struct attached a = { .wait = NULL };
	auto_json struct json *container = NULL;
	auto_str struct str resize = STR_INIT(TARGET_MAX);
	int status = 0;

	if (call->options.nargs > 1) {
		fprintf(stderr, "you cannot start and attach multiple containers at once\n");
		return 1;
	}
	if (inspect(call, call->options.args[0], &container, &err) < 0)
		return cli_fail(&err);
	cli_target(&resize, "containers", text_at(container, "Id"), "/resize");
	set_session(&a.session, call, container, &resize, o->interactive);
	a.session.detach_keys = o->detach_keys;
	a.session.sig_proxy = !a.session.tty;
	int r = start_attached_parts(call, container, &a, &err);
	session_end(&a.session);
	if (r == 0)
		r = session_wait_end(a.session.client, take_ptr(a.wait), &status, &err);
	http_close(a.wait);
	return r < 0 ? cli_fail(&err) : r == SESSION_DETACHED ? 0 : status;
}

static int start_run(const struct command_call *call)
{
	const struct start_options *o = call->options.into;

	return o->attach || o->interactive ? start_attached(call) : start_detached(call);
}

const struct command start_command = {
	.name = "start",
	.usage = "[OPTIONS] CONTAINER [CONTAINER...]",
	.help = "Start one or more stopped containers",
	.min_args = 1,
	.max_args = -1,
	.options = start_table,
	.size = sizeof(struct start_options),
	.run = start_run,
};

/* ---- attach ------------------------------------------------------------------------------------- */
struct attach_options {
	bool no_stdin, sig_proxy;
	const char *detach_keys;
};

static const struct attach_options attach_defaults = { .sig_proxy = true };

static const struct option attach_table[] = {
	{ "detach-keys", 0, OPTION_STRING, 0, CLI_AT(attach_options, detach_keys),
		"Override the key sequence for detaching a container", NULL, NULL, NULL },
	{ "no-stdin", 0, OPTION_BOOL, 0, CLI_AT(attach_options, no_stdin), "Do not attach STDIN", NULL, NULL,
		NULL },
	{ "sig-proxy", 0, OPTION_BOOL, 0, CLI_AT(attach_options, sig_proxy),
		"Proxy all received signals to the process", NULL, "true", NULL },
	{ 0 },
};

static int check_state(const struct json *container, struct error *err)
{
	const struct json *state = json_at(container, "State");

	if (!true_at(state, "Running"))
		return error_invalid(err, "You cannot attach to a stopped container, start it first");
	if (true_at(state, "Paused"))
		return error_invalid(err, "You cannot attach to a paused container, unpause it first");
	if (true_at(state, "Restarting"))
		return error_invalid(
			err, "You cannot attach to a restarting container, wait until it is running");
	return 0;
}

static int attach_session(struct session *s, struct http **ret_wait, struct error *err)
{
	auto_str struct str target = STR_INIT(TARGET_MAX);

	attach_target(s->id, s->in, s->detach_keys, &target);
	int r = session_wait_begin(s->client, s->id, NULL, ret_wait, err);
	if (r == 0)
		r = session_begin(s, str_text(&target), NULL, err);
	if (r < 0)
		return r;
	session_resize(s, true);
	return session_run(s, err);
}

static int attach_run(const struct command_call *call)
{
	const struct attach_options *o = call->options.into;
	struct error err = ERROR_INIT;
	struct session s = { .detach_keys = o->detach_keys };
	struct http *wait = NULL;
	auto_json struct json *container = NULL;
	auto_str struct str resize = STR_INIT(TARGET_MAX);
	int status = 0;

	if (inspect(call, call->options.args[0], &container, &err) < 0 || check_state(container, &err) < 0)
		return cli_fail(&err);
	cli_target(&resize, "containers", text_at(container, "Id"), "/resize");
	set_session(&s, call, container, &resize, !o->no_stdin);
	s.sig_proxy = o->sig_proxy && !s.tty;
	if (session_check_tty(s.in, s.tty, &err) < 0)
		return cli_fail(&err);
	int r = attach_session(&s, &wait, &err);
	session_end(&s);
	if (r == SESSION_DETACHED)
		r = error_set(&err, ERROR_CANCELLED, ECANCELED, "read escape sequence");
	else if (r == 0)
		r = session_wait_end(s.client, take_ptr(wait), &status, &err);
	http_close(wait);
	return r < 0 ? cli_fail(&err) : status;
}

const struct command attach_command = {
	.name = "attach",
	.usage = "[OPTIONS] CONTAINER",
	.help = "Attach local standard input, output, and error streams to a running container",
	.min_args = 1,
	.max_args = 1,
	.options = attach_table,
	.size = sizeof(struct attach_options),
	.defaults = &attach_defaults,
	.run = attach_run,
};
