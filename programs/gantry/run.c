/* SPDX-License-Identifier: Apache-2.0 */
/* run and create. */
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/create_body.h"
#include "programs/gantry/listing.h"
#include "programs/gantry/members.h"
#include "programs/gantry/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TARGET_MAX 8192

/* ---- create ------------------------------------------------------------------------------- */
static int check_cidfile(const struct create_options *o, struct error *err)
{
	if (!o->cidfile || access(o->cidfile, F_OK) != 0)
		return 0;
	return error_invalid(err,
		"container ID file found, make sure the other container isn't running or delete %.300s",
		o->cidfile);
}

static int write_cidfile(const char *path, const char *id, struct error *err)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int r = fd < 0 ? -errno : fd_write_all(fd, id, strlen(id));

	return r < 0 ? error_sys(err, -r, "failed to write the container ID to the file '%.300s'", path) : 0;
}

static void print_warnings(const struct json *answer)
{
	const struct json *list = json_at(answer, "Warnings");

	for (size_t i = 0; i < json_count(list); i++) {
		const char *text = json_string(json_item(list, i));
		fprintf(stderr, "WARNING: %s\n", text ? text : "");
	}
}

static void set_console_size(struct json *body)
{
	unsigned rows, columns;

	if (!terminal_size(&rows, &columns))
		return;
	struct json *size = json_set_array(members_object(body, "HostConfig"), "ConsoleSize");
	json_add_int(size, rows);
	json_add_int(size, columns);
}

/* There is no registry to ask: say how an image is brought here. */
static int tell_missing(const struct create_options *o, struct error *err)
{
	if (err->kind == ERROR_NOT_FOUND && strcasestr(err->text, "no such image") &&
		strcmp(o->pull, "never") != 0)
		fprintf(stderr,
			"Images are not pulled: bring it here with 'gantry load' or 'gantry import'\n");
	return -ENOENT;
}

/* The body, or the failure's exit status in *ret_status. */
static struct json *build(const struct command_call *call, int *ret_status)
{
	struct error err = ERROR_INIT;
	struct json *body = NULL;
	const struct create_options *o = call->options.into;
	int r = create_body(&call->options, &body, &err);

	if (r == 0)
		r = check_cidfile(o, &err);
	if (r == 0) {
		set_console_size(body);
		return body;
	}
	json_free(body);
	*ret_status = cli_refuse_run(call, &err);
	return NULL;
}

/* *ret_id: the new container's (caller frees). */
static int create(const struct command_call *call, const struct json *body, char **ret_id, struct error *err)
{
	const struct create_options *o = call->options.into;
	auto_str struct str target = STR_INIT(TARGET_MAX);
	auto_json struct json *answer = NULL;

	str_add(&target, "/containers/create");
	if (o->name)
		query_add(&target, "name", o->name);
	if (o->platform)
		query_add(&target, "platform", o->platform);
	if (target.failed)
		return error_invalid(err, "a name is too long");
	int r = client_call(cli_client(call), "POST", str_text(&target), body, &answer, err);
	if (r < 0)
		return tell_missing(o, err);
	print_warnings(answer);
	const char *id = json_string(json_at(answer, "Id"));
	if (!id || !id[0])
		return error_set(err, ERROR_INTERNAL, EPROTO, "the daemon's answer has no container ID");
	if (o->cidfile && (r = write_cidfile(o->cidfile, id, err)) < 0)
		return r;
	*ret_id = strdup(id);
	return *ret_id ? 0 : error_sys(err, ENOMEM, "cannot create a container");
}

static int create_run(const struct command_call *call)
{
	struct error err = ERROR_INIT;
	int status = 0;
	auto_json struct json *body = build(call, &status);
	auto_free char *id = NULL;

	if (!body)
		return status;
	if (create(call, body, &id, &err) < 0)
		return cli_fail(&err);
	puts(id);
	return 0;
}

/* ---- run ------------------------------------------------------------------------------------- */
struct run {
	const struct command_call *call;
	const struct create_options *o;
	struct client *client;
	const char *id;
	bool in, out, err; /* the streams that are attached to */
	struct session session;
	struct http *wait;
};

static int start(struct run *r, struct error *err)
{
	auto_str struct str target = STR_INIT(TARGET_MAX);

	cli_target(&target, "containers", r->id, "/start");
	return cli_do(r->client, "POST", &target, err);
}

static int attach(struct run *r, struct error *err)
{
	auto_str struct str target = STR_INIT(TARGET_MAX);

	cli_target(&target, "containers", r->id, "/attach");
	if (r->o->detach_keys)
		query_add(&target, "detachKeys", r->o->detach_keys);
	if (r->err)
		query_add(&target, "stderr", "1");
	if (r->in)
		query_add(&target, "stdin", "1");
	if (r->out)
		query_add(&target, "stdout", "1");
	query_add(&target, "stream", "1");
	return session_begin(&r->session, str_text(&target), NULL, err);
}

/* The container is gone, too, when it is to be removed. */
static void await_removal(struct run *r)
{
	struct error ignored = ERROR_INIT;
	int status;

	if (r->o->rm && r->wait)
		session_wait_end(r->client, take_ptr(r->wait), &status, &ignored);
}

static int begin(struct run *r, struct error *err)
{
	int n = r->in || r->out || r->err ? attach(r, err) : 0;

	if (n == 0)
		n = session_wait_begin(r->client, r->id, r->o->rm ? "removed" : "next-exit", &r->wait, err);
	if (n == 0 && (n = start(r, err)) < 0) {
		session_end(&r->session);
		await_removal(r);
	}
	return n;
}

static int finish(struct run *r)
{
	struct error err = ERROR_INIT;
	int status = 125, n = r->session.stream ? session_run(&r->session, &err) : 0;

	session_end(&r->session);
	if (n == SESSION_DETACHED)
		return 0;
	if (n < 0)
		return cli_fail(&err);
	/* with its input alone attached to, the container is not waited for */
	if (!r->out && !r->err)
		return 0;
	if (session_wait_end(r->client, take_ptr(r->wait), &status, &err) < 0)
		cli_fail(&err);
	return status;
}

static int run_attached(struct run *r)
{
	struct error err = ERROR_INIT;
	auto_str struct str resize = STR_INIT(TARGET_MAX);
	int status;

	create_streams(r->o, &r->in, &r->out, &r->err);
	cli_target(&resize, "containers", r->id, "/resize");
	r->session.client = r->client;
	r->session.id = r->id;
	r->session.resize = r->o->tty ? str_text(&resize) : NULL;
	r->session.detach_keys = r->o->detach_keys;
	r->session.tty = r->o->tty;
	r->session.in = r->in;
	r->session.sig_proxy = r->o->sig_proxy;
	status = begin(r, &err) < 0 ? cli_fail_run(r->call, &err) : finish(r);
	session_end(&r->session);
	http_close(take_ptr(r->wait));
	return status;
}

static int check_run(const struct create_options *o, struct error *err)
{
	bool in, out, error;

	if (o->detach && o->attach.n > 0)
		return error_invalid(err, "conflicting options: cannot specify both --attach and --detach");
	create_streams(o, &in, &out, &error);
	return session_check_tty(in, o->tty, err);
}

static int run_run(const struct command_call *call)
{
	struct error err = ERROR_INIT;
	struct run r = { .call = call, .o = call->options.into, .client = cli_client(call) };
	int status = 0;
	auto_json struct json *body = build(call, &status);
	auto_free char *id = NULL;

	if (!body)
		return status;
	if (check_run(r.o, &err) < 0)
		return cli_fail(&err);
	if (create(call, body, &id, &err) < 0)
		return cli_fail_run(call, &err);
	r.id = id;
	if (!r.o->detach)
		return run_attached(&r);
	if (start(&r, &err) < 0)
		return cli_fail_run(call, &err);
	puts(id);
	return 0;
}

const struct command run_command = {
	.name = "run",
	.usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
	.help = "Create and run a new container from an image",
	.group = "Common Commands",
	.flags = COMMAND_STOP,
	.min_args = 1,
	.max_args = -1,
	.options = run_options,
	.size = sizeof(struct create_options),
	.defaults = &create_defaults,
	.run = run_run,
};

const struct command create_command = {
	.name = "create",
	.usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
	.help = "Create a new container",
	.flags = COMMAND_STOP,
	.min_args = 1,
	.max_args = -1,
	.options = create_options,
	.size = sizeof(struct create_options),
	.defaults = &create_defaults,
	.run = create_run,
};
