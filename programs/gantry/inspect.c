/* SPDX-License-Identifier: Apache-2.0 */
/* inspect, for containers, images, networks and volumes. */
#include "lib/base/cleanup.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/listing.h"
#include "programs/gantry/template.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TARGET_MAX ((size_t)1 << 20)
#define OUTPUT_MAX ((size_t)256 << 20)

struct inspect_options {
	bool size;
	const char *format, *type;
};

#define AT(member) CLI_AT(inspect_options, member)
#define FORMAT                                                                                          \
	{                                                                                               \
		"format", 'f', OPTION_STRING, 0, AT(format),                                            \
			"Format output using a custom template: 'json' or 'TEMPLATE'", NULL, NULL, NULL \
	}
static const struct option table[] = {
	FORMAT,
	{ "size", 's', OPTION_BOOL, 0, AT(size), "Display total file sizes if the type is container", NULL,
		NULL, NULL },
	{ "type", 0, OPTION_STRING, 0, AT(type),
		"Only inspect objects of the given type: container, image, network or volume", NULL, NULL,
		NULL },
	{ 0 },
};
static const struct option container_table[] = {
	FORMAT,
	{ "size", 's', OPTION_BOOL, 0, AT(size), "Display total file sizes", NULL, NULL, NULL },
	{ 0 },
};
static const struct option image_table[] = { FORMAT, { 0 } };

static int get(const struct command_call *call, const char *kind, const char *name, struct json **ret,
	struct error *err)
{
	const struct inspect_options *o = call->options.into;
	auto_str struct str target = STR_INIT(TARGET_MAX);

	bool plain = strcmp(kind, "volumes") == 0 || strcmp(kind, "networks") == 0;

	cli_target(&target, kind, name, plain ? "" : "/json");
	if (o->size && strcmp(kind, "containers") == 0)
		query_add(&target, "size", "1");
	if (target.failed)
		return error_invalid(err, "a name is too long");
	return client_get(cli_client(call), str_text(&target), ret, err);
}

/* A type, and what the API calls it; in the order in which a name without a type is looked for. */
static const struct {
	const char *type, *kind;
} kinds[] = { { "container", "containers" }, { "image", "images" }, { "network", "networks" },
	{ "volume", "volumes" } };
#define KINDS (sizeof kinds / sizeof kinds[0])

static int get_any(const struct command_call *call, const char *name, struct json **ret, struct error *err)
{
	for (size_t i = 0; i < KINDS; i++) {
		int r = get(call, kinds[i].kind, name, ret, err);
		if (r >= 0 || err->kind != ERROR_NOT_FOUND)
			return r;
	}
	return error_set(err, ERROR_NOT_FOUND, ENOENT, "Error: No such object: %.300s", name);
}

static const char *kind_of(const char *type)
{
	for (size_t i = 0; i < KINDS; i++)
		if (strcmp(type, kinds[i].type) == 0)
			return kinds[i].kind;
	return NULL;
}

static int get_one(const struct command_call *call, const char *type, const char *name, struct json **ret,
	struct error *err)
{
	return type && type[0] ? get(call, kind_of(type), name, ret, err) : get_any(call, name, ret, err);
}

static int add_formatted(const char *format, const struct json *object, struct str *out, struct error *err)
{
	auto_free char *plain = template_unescape(strcmp(format, "json") == 0 ? "{{json .}}" : format);
	size_t before = out->len;
	int r = plain ? template_run(plain, object, out, err) : error_sys(err, ENOMEM, "cannot print");

	if (r < 0) {
		/* as Docker: an empty line for an object that does not fit the template */
		if (out->data)
			out->data[out->len = before] = '\0';
		str_add_char(out, '\n');
		return error_prefix(err, r, "template parsing error");
	}
	return str_add_char(out, '\n');
}

static int print(const struct str *out)
{
	struct error err = ERROR_INIT;

	return listing_write(out, &err) < 0 ? cli_fail(&err) : 0;
}

static int inspect(const struct command_call *call, const char *type)
{
	const struct inspect_options *o = call->options.into;
	auto_str struct str out = STR_INIT(OUTPUT_MAX);
	auto_json struct json *found = json_new_array();
	auto_str struct str failures = STR_INIT(OUTPUT_MAX);
	int status = 0;

	for (size_t i = 0; i < call->options.nargs; i++) {
		struct error err = ERROR_INIT;
		struct json *object = NULL;
		int r = get_one(call, type, call->options.args[i], &object, &err);
		if (r >= 0 && o->format && o->format[0])
			r = add_formatted(o->format, object, &out, &err);
		if (r >= 0)
			json_add(found, object);
		else
			json_free(object);
		if (r >= 0)
			continue;
		status = 1;
		str_addf(&failures, "%s%s\n",
			err.sys_errno == REMOTE_ERROR ? "Error response from daemon: " : "", err.text);
	}
	if (!o->format || !o->format[0]) {
		json_print(found, "    ", &out);
		str_add_char(&out, '\n');
	}
	if (print(&out) != 0)
		return 1;
	fputs(str_text(&failures), stderr);
	return status;
}

static int inspect_run(const struct command_call *call)
{
	const struct inspect_options *o = call->options.into;

	if (o->type && o->type[0] && !kind_of(o->type)) {
		fprintf(stderr,
			"unknown type: \"%s\": must be one of \"container\", \"image\", \"network\", "
			"\"volume\"\n",
			o->type);
		return 1;
	}
	return inspect(call, o->type);
}

static int container_inspect_run(const struct command_call *call)
{
	return inspect(call, "container");
}

static int image_inspect_run(const struct command_call *call)
{
	return inspect(call, "image");
}

static int network_inspect_run(const struct command_call *call)
{
	return inspect(call, "network");
}

static int volume_inspect_run(const struct command_call *call)
{
	return inspect(call, "volume");
}

const struct command inspect_command = {
	.name = "inspect",
	.usage = "[OPTIONS] NAME|ID [NAME|ID...]",
	.help = "Return low-level information on containers, images, networks and volumes",
	.min_args = 1,
	.max_args = -1,
	.options = table,
	.size = sizeof(struct inspect_options),
	.run = inspect_run,
};

const struct command container_inspect_command = {
	.name = "inspect",
	.usage = "[OPTIONS] CONTAINER [CONTAINER...]",
	.help = "Display detailed information on one or more containers",
	.min_args = 1,
	.max_args = -1,
	.options = container_table,
	.size = sizeof(struct inspect_options),
	.run = container_inspect_run,
};

const struct command image_inspect_command = {
	.name = "inspect",
	.usage = "[OPTIONS] IMAGE [IMAGE...]",
	.help = "Display detailed information on one or more images",
	.min_args = 1,
	.max_args = -1,
	.options = image_table,
	.size = sizeof(struct inspect_options),
	.run = image_inspect_run,
};

const struct command network_inspect_command = {
	.name = "inspect",
	.usage = "[OPTIONS] NETWORK [NETWORK...]",
	.help = "Display detailed information on one or more networks",
	.min_args = 1,
	.max_args = -1,
	.options = image_table,
	.size = sizeof(struct inspect_options),
	.run = network_inspect_run,
};

const struct command volume_inspect_command = {
	.name = "inspect",
	.usage = "[OPTIONS] VOLUME [VOLUME...]",
	.help = "Display detailed information on one or more volumes",
	.min_args = 1,
	.max_args = -1,
	.options = image_table,
	.size = sizeof(struct inspect_options),
	.run = volume_inspect_run,
};
