/* SPDX-License-Identifier: Apache-2.0 */
/* logs. */
#include "lib/base/cleanup.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/frames.h"
#include "programs/gantry/listing.h"

#include <errno.h>

#define TARGET_MAX ((size_t)1 << 20)

struct logs_options {
	bool details, follow, timestamps;
	const char *since, *until, *tail;
};

static const struct logs_options defaults = { .tail = "all" };

#define AT(member) CLI_AT(logs_options, member)
static const struct option table[] = {
	{ "details", 0, OPTION_BOOL, 0, AT(details), "Show extra details provided to logs", NULL, NULL,
		NULL },
	{ "follow", 'f', OPTION_BOOL, 0, AT(follow), "Follow log output", NULL, NULL, NULL },
	{ "since", 0, OPTION_STRING, 0, AT(since),
		"Show logs since timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 "
		"minutes)",
		NULL, NULL, NULL },
	{ "tail", 'n', OPTION_STRING, 0, AT(tail), "Number of lines to show from the end of the logs", NULL,
		"all", NULL },
	{ "timestamps", 't', OPTION_BOOL, 0, AT(timestamps), "Show timestamps", NULL, NULL, NULL },
	{ "until", 0, OPTION_STRING, 0, AT(until),
		"Show logs before a timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for "
		"42 minutes)",
		NULL, NULL, NULL },
	{ 0 },
};

static int build(const struct command_call *call, const char *id, struct str *target, struct error *err)
{
	const struct logs_options *o = call->options.into;

	cli_target(target, "containers", id, "/logs");
	if (o->details)
		query_add(target, "details", "1");
	if (o->follow)
		query_add(target, "follow", "1");
	int r = cli_add_when(target, "since", o->since, err);
	if (r == 0)
		r = cli_add_when(target, "until", o->until, err);
	query_add(target, "stderr", "1");
	query_add(target, "stdout", "1");
	query_add(target, "tail", o->tail);
	if (o->timestamps)
		query_add(target, "timestamps", "1");
	return r;
}

static int print(const struct command_call *call, struct error *err)
{
	auto_str struct str look = STR_INIT(TARGET_MAX), target = STR_INIT(TARGET_MAX);
	auto_json struct json *container = NULL;
	struct http_request request = { .method = "GET" };
	struct http *h;

	/* whether there was a terminal decides how the log comes */
	cli_target(&look, "containers", call->options.args[0], "/json");
	int r = client_get(cli_client(call), str_text(&look), &container, err);
	if (r >= 0)
		r = build(call, text_at(container, "Id"), &target, err);
	if (r < 0)
		return r;
	request.target = str_text(&target);
	r = client_send(cli_client(call), &request, &h, err);
	if (r < 0)
		return r;
	r = frames_copy(h, true_at(json_at(container, "Config"), "Tty"), err);
	client_end(cli_client(call), h);
	return r == -EPIPE ? 0 : r;
}

static int logs_run(const struct command_call *call)
{
	struct error err = ERROR_INIT;

	return print(call, &err) < 0 ? cli_fail(&err) : 0;
}

const struct command logs_command = {
	.name = "logs",
	.usage = "[OPTIONS] CONTAINER",
	.help = "Fetch the logs of a container",
	.min_args = 1,
	.max_args = 1,
	.options = table,
	.size = sizeof(struct logs_options),
	.defaults = &defaults,
	.run = logs_run,
};
