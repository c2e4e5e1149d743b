/* SPDX-License-Identifier: Apache-2.0 */
/* load and import: images from archives. */
#include "lib/base/cleanup.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/listing.h"
#include "programs/gantry/messages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Prints what the daemon says about its work; a failure ends it. */
static int print_message(void *ctx, const struct json *message, struct error *err)
{
	const bool *status = ctx;
	const char *failure = text_at(message, "error");

	if (!failure[0])
		failure = text_at(json_at(message, "errorDetail"), "message");
	if (failure[0])
		return error_set(err, ERROR_INTERNAL, EIO, "%s", failure);
	fputs(text_at(message, "stream"), stdout);
	if (*status && text_at(message, "status")[0] && !json_has(message, "progressDetail"))
		printf("%s\n", text_at(message, "status"));
	fflush(stdout);
	return 0;
}

static int send_archive(
	const struct command_call *call, const char *target, int fd, bool status, struct error *err)
{
	struct http_request r = { .method = "POST", .target = target };
	struct http *h;

	r.stream = fd >= 0;
	r.type = r.stream ? "application/x-tar" : NULL;
	r.body_fd = fd;
	int n = client_send(cli_client(call), &r, &h, err);
	if (n < 0)
		return n;
	n = messages_read(h, print_message, &status, err);
	client_end(cli_client(call), h);
	return n;
}

static int open_archive(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_set(err, ERROR_INVALID, errno, "open %.300s: %s", path,
			errno == ENOENT ? "no such file or directory" : strerror(errno));
	return fd;
}

/* ---- load ----------------------------------------------------------------------------------- */
struct load_options {
	const char *input;
	bool quiet;
};

static const struct option load_table[] = {
	{ "input", 'i', OPTION_STRING, 0, CLI_AT(load_options, input),
		"Read from tar archive file, instead of STDIN", NULL, NULL, NULL },
	{ "quiet", 'q', OPTION_BOOL, 0, CLI_AT(load_options, quiet), "Suppress the load output", NULL, NULL,
		NULL },
	{ 0 },
};

static int load_run(const struct command_call *call)
{
	const struct load_options *o = call->options.into;
	struct error err = ERROR_INIT;
	auto_close int opened = o->input && o->input[0] ? open_archive(o->input, &err) : -1;
	int fd = o->input && o->input[0] ? opened : STDIN_FILENO;

	if (fd < 0)
		return cli_fail(&err);
	if (fd == STDIN_FILENO && isatty(fd)) {
		fprintf(stderr, "requested load from stdin, but stdin is empty\n");
		return 1;
	}
	/* progress is not shown: it need not be sent */
	int r = send_archive(call, "/images/load?quiet=1", fd, false, &err);
	return r < 0 ? cli_fail(&err) : 0;
}

const struct command load_command = {
	.name = "load",
	.usage = "[OPTIONS]",
	.help = "Load an image from a tar archive or STDIN",
	.options = load_table,
	.size = sizeof(struct load_options),
	.run = load_run,
};

/* ---- import ---------------------------------------------------------------------------------- */
struct import_options {
	struct option_list change;
	const char *message, *platform;
};

static const struct option import_table[] = {
	{ "change", 'c', OPTION_LIST, 0, CLI_AT(import_options, change),
		"Apply Dockerfile instruction to the created image", NULL, NULL, NULL },
	{ "message", 'm', OPTION_STRING, 0, CLI_AT(import_options, message),
		"Set commit message for imported image", NULL, NULL, NULL },
	{ "platform", 0, OPTION_STRING, 0, CLI_AT(import_options, platform),
		"Set platform if server is multi-platform capable", NULL, NULL, NULL },
	{ 0 },
};

static int import_run(const struct command_call *call)
{
	const struct import_options *o = call->options.into;
	const char *from = call->options.args[0];
	bool remote = str_after(from, "http://") || str_after(from, "https://"),
	     standard = strcmp(from, "-") == 0;
	auto_str struct str target = STR_INIT((size_t)1 << 20);
	struct error err = ERROR_INIT;
	auto_close int opened = remote || standard ? -1 : open_archive(from, &err);
	int fd = remote ? -1 : standard ? STDIN_FILENO : opened;

	if (fd < 0 && !remote)
		return cli_fail(&err);
	str_add(&target, "/images/create");
	for (size_t i = 0; i < o->change.n; i++)
		query_add(&target, "changes", o->change.v[i]);
	query_add(&target, "fromSrc", remote ? from : "-");
	if (o->message)
		query_add(&target, "message", o->message);
	if (o->platform)
		query_add(&target, "platform", o->platform);
	if (call->options.nargs > 1)
		query_add(&target, "repo", call->options.args[1]);
	return send_archive(call, str_text(&target), fd, true, &err) < 0 ? cli_fail(&err) : 0;
}

const struct command import_command = {
	.name = "import",
	.usage = "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
	.help = "Import the contents from a tarball to create a filesystem image",
	.min_args = 1,
	.max_args = 2,
	.options = import_table,
	.size = sizeof(struct import_options),
	.run = import_run,
};
