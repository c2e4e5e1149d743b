/* SPDX-License-Identifier: Apache-2.0 */
/* top: the processes of a container. */
#include "lib/base/cleanup.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/listing.h"

#include <errno.h>

#define TEXT_MAX ((size_t)1 << 20)

static void add_line(const struct json *words, struct str *out)
{
	for (size_t i = 0; i < json_count(words); i++)
		str_addf(out, "%s%s", i ? "\t" : "", json_string(json_item(words, i)));
	str_add_char(out, '\n');
}

static int print(const struct json *answer, struct error *err)
{
	auto_str struct str lines = STR_INIT(TEXT_MAX), out = STR_INIT(TEXT_MAX);
	const struct json *rows = json_at(answer, "Processes");

	add_line(json_at(answer, "Titles"), &lines);
	for (size_t i = 0; i < json_count(rows); i++)
		add_line(json_item(rows, i), &lines);
	listing_columns(str_text(&lines), 20, &out);
	return listing_write(&out, err);
}

static int top_run(const struct command_call *call)
{
	struct error err = ERROR_INIT;
	auto_str struct str target = STR_INIT(TEXT_MAX), args = STR_INIT(TEXT_MAX);
	auto_json struct json *answer = NULL;

	for (size_t i = 1; i < call->options.nargs; i++)
		str_addf(&args, "%s%s", i > 1 ? " " : "", call->options.args[i]);
	cli_target(&target, "containers", call->options.args[0], "/top");
	if (args.len)
		query_add(&target, "ps_args", str_text(&args));
	int r = client_get(cli_client(call), str_text(&target), &answer, &err);
	if (r >= 0)
		r = print(answer, &err);
	return r < 0 ? cli_fail(&err) : 0;
}

const struct command top_command = {
	.name = "top",
	.usage = "CONTAINER [ps OPTIONS]",
	.help = "Display the running processes of a container",
	.flags = COMMAND_STOP, /* options behind the name are ps's */
	.min_args = 1,
	.max_args = -1,
	.run = top_run,
};
