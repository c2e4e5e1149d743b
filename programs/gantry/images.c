/* SPDX-License-Identifier: Apache-2.0 */
/* images, tag and rmi. */
#include "lib/base/cleanup.h"
#include "lib/base/size.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/listing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TARGET_MAX ((size_t)1 << 20)

/* ---- images --------------------------------------------------------------------------------- */
struct images_options {
	bool all, digests, no_trunc, quiet;
	struct option_list filter;
	const char *format;
};

#define AT(member) offsetof(struct images_options, member)
static const struct option images_table[] = {
	{ "all", 'a', OPTION_BOOL, 0, AT(all), "Show all images (default hides intermediate images)", NULL,
		NULL, NULL },
	{ "digests", 0, OPTION_BOOL, 0, AT(digests), "Show digests", NULL, NULL, NULL },
	{ "filter", 'f', OPTION_LIST, 0, AT(filter), "Filter output based on conditions provided", "filter",
		NULL, NULL },
	{ "format", 0, OPTION_STRING, 0, AT(format),
		"Format output using a custom template: 'table', 'table TEMPLATE', 'json' or 'TEMPLATE'",
		NULL, NULL, NULL },
	{ "no-trunc", 0, OPTION_BOOL, 0, AT(no_trunc), "Don't truncate output", NULL, NULL, NULL },
	{ "quiet", 'q', OPTION_BOOL, 0, AT(quiet), "Only show image IDs", NULL, NULL, NULL },
	{ 0 },
};
#undef AT

static void set_count(struct json *row, const char *key, int64_t n)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)n);
	json_set_string(row, key, n < 0 ? "N/A" : text);
}

static void add_row(const struct json *image, const struct images_options *o, const char *repository,
	const char *tag, const char *digest, struct json *rows)
{
	struct json *row = json_add_object(rows);
	char id[16], at[64], ago[64], size[SIZE_TEXT];
	int64_t created = number_at(image, "Created");

	set_count(row, "Containers", number_at(image, "Containers"));
	listing_time(created, at, sizeof at);
	json_set_string(row, "CreatedAt", at);
	listing_ago(created, ago, sizeof ago);
	json_set_string(row, "CreatedSince", ago);
	json_set_string(row, "Digest", digest);
	json_set_string(
		row, "ID", o->no_trunc ? text_at(image, "Id") : listing_short_id(text_at(image, "Id"), id));
	json_set_string(row, "Repository", repository);
	json_set_string(row, "SharedSize", "N/A");
	json_set_string(row, "Size", size_decimal3(number_at(image, "Size"), size));
	json_set_string(row, "Tag", tag);
	json_set_string(row, "UniqueSize", "N/A");
	json_set_string(row, "VirtualSize", size_decimal(number_at(image, "Size"), size));
}

/* "name:tag" -> both; a name may have a port. */
static void split_tag(const char *text, char name[512], const char **ret_tag)
{
	const char *colon = strrchr(text, ':');

	snprintf(name, 512, "%.*s", (int)(colon ? (size_t)(colon - text) : strlen(text)), text);
	*ret_tag = colon ? colon + 1 : "<none>";
}

static const char *digest_of(const struct json *digests, const char *name)
{
	for (size_t i = 0; i < json_count(digests); i++) {
		const char *text = json_string(json_item(digests, i)),
			   *rest = text ? str_after(text, name) : NULL;
		if (rest && rest[0] == '@')
			return rest + 1;
	}
	return "<none>";
}

static void add_image(const struct json *image, const struct images_options *o, struct json *rows)
{
	const struct json *tags = json_at(image, "RepoTags"), *digests = json_at(image, "RepoDigests");
	char name[512];
	const char *tag;
	bool any = false;

	for (size_t i = 0; i < json_count(tags); i++) {
		const char *text = json_string(json_item(tags, i));
		if (!text || strcmp(text, "<none>:<none>") == 0)
			continue;
		split_tag(text, name, &tag);
		add_row(image, o, name, tag, o->digests ? digest_of(digests, name) : "<none>", rows);
		any = true;
	}
	for (size_t i = 0; i < json_count(digests) && !any; i++) {
		const char *text = json_string(json_item(digests, i)), *at = text ? strchr(text, '@') : NULL;
		if (!at || strncmp(text, "<none>@", 7) == 0)
			continue;
		snprintf(name, sizeof name, "%.*s", (int)(at - text), text);
		add_row(image, o, name, "<none>", at + 1, rows);
		any = true;
	}
	if (!any)
		add_row(image, o, "<none>", "<none>", "<none>", rows);
}

static const char images_heads[] =
	"{\"ID\":\"IMAGE ID\",\"Repository\":\"REPOSITORY\",\"Tag\":\"TAG\",\"Digest\":\"DIGEST\","
	"\"CreatedSince\":\"CREATED\",\"CreatedAt\":\"CREATED AT\",\"Size\":\"SIZE\","
	"\"Containers\":\"CONTAINERS\",\"VirtualSize\":\"SIZE\",\"SharedSize\":\"SHARED SIZE\","
	"\"UniqueSize\":\"UNIQUE SIZE\"}";

static int print_images(const struct images_options *o, const struct json *list, struct error *err)
{
	auto_json struct json *rows = json_new_array();
	auto_json struct json *head = NULL;
	const char *format = o->format;

	for (size_t i = 0; i < json_count(list); i++)
		add_image(json_item(list, i), o, rows);
	if (o->quiet && (!format || strcmp(format, "table") == 0))
		format = "{{.ID}}";
	int r = json_parse(images_heads, sizeof images_heads - 1, 0, &head, err);
	if (r < 0)
		return r;
	return listing_print(format,
		o->digests ? "table "
			     "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
			   : "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}",
		head, rows, err);
}

/* The argument is one more filter. */
static int list_images(const struct command_call *call, struct json **ret, struct error *err)
{
	struct images_options *o = call->options.into;
	auto_str struct str target = STR_INIT(TARGET_MAX), reference = STR_INIT(4096);
	const char *all[101];
	struct option_list filters = { .v = all };

	str_add(&target, "/images/json");
	if (o->all)
		query_add(&target, "all", "1");
	if (o->filter.n > 100)
		return error_invalid(err, "more than 100 filters");
	for (; filters.n < o->filter.n; filters.n++)
		all[filters.n] = o->filter.v[filters.n];
	if (call->options.nargs > 0) {
		str_addf(&reference, "reference=%s", call->options.args[0]);
		all[filters.n++] = str_text(&reference);
	}
	int r = cli_add_filters(&target, call, &filters, err);
	return r < 0 ? r : client_get(cli_client(call), str_text(&target), ret, err);
}

static int images_run(const struct command_call *call)
{
	struct error err = ERROR_INIT;
	auto_json struct json *answer = NULL;

	if (list_images(call, &answer, &err) < 0 || print_images(call->options.into, answer, &err) < 0)
		return cli_refuse(call, &err);
	return 0;
}

#define IMAGES_COMMAND                                                 \
	.help = "List images", .max_args = 1, .options = images_table, \
	.size = sizeof(struct images_options), .run = images_run

const struct command images_command = {
	.name = "images", .usage = "[OPTIONS] [REPOSITORY[:TAG]]", .group = "Common Commands", IMAGES_COMMAND
};
const struct command image_ls_command = {
	.name = "ls", .alias = "list", .usage = "[OPTIONS] [REPOSITORY[:TAG]]", IMAGES_COMMAND
};

/* ---- tag -------------------------------------------------------------------------------------- */
static int tag_run(const struct command_call *call)
{
	struct error err = ERROR_INIT;
	auto_str struct str target = STR_INIT(TARGET_MAX);
	const char *to = call->options.args[1], *colon = strrchr(to, ':');
	auto_free char *repository = strdup(to);

	if (!repository)
		return 1;
	if (colon && strchr(colon, '/'))
		colon = NULL;
	if (colon)
		repository[colon - to] = '\0';
	cli_target(&target, "images", call->options.args[0], "/tag");
	query_add(&target, "repo", repository);
	query_add(&target, "tag", colon ? colon + 1 : "latest");
	return cli_do(cli_client(call), "POST", &target, &err) < 0 ? cli_fail(&err) : 0;
}

const struct command tag_command = {
	.name = "tag",
	.usage = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
	.help = "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
	.min_args = 2,
	.max_args = 2,
	.run = tag_run,
};

/* ---- rmi --------------------------------------------------------------------------------------- */
struct rmi_options {
	bool force, no_prune;
};

static const struct option rmi_table[] = {
	{ "force", 'f', OPTION_BOOL, 0, CLI_AT(rmi_options, force), "Force removal of the image", NULL, NULL,
		NULL },
	{ "no-prune", 0, OPTION_BOOL, 0, CLI_AT(rmi_options, no_prune), "Do not delete untagged parents",
		NULL, NULL, NULL },
	{ 0 },
};

static int remove_image(const struct command_call *call, const char *name, struct error *err)
{
	const struct rmi_options *o = call->options.into;
	auto_str struct str target = STR_INIT(TARGET_MAX);
	auto_json struct json *answer = NULL;

	cli_target(&target, "images", name, "");
	if (o->force)
		query_add(&target, "force", "1");
	if (o->no_prune)
		query_add(&target, "noprune", "1");
	int r = client_call(cli_client(call), "DELETE", str_text(&target), NULL, &answer, err);
	for (size_t i = 0; r >= 0 && i < json_count(answer); i++) {
		const struct json *done = json_item(answer, i);
		if (json_at(done, "Deleted"))
			printf("Deleted: %s\n", text_at(done, "Deleted"));
		else
			printf("Untagged: %s\n", text_at(done, "Untagged"));
	}
	return r;
}

static int rmi_run(const struct command_call *call)
{
	const struct rmi_options *o = call->options.into;
	int status = 0;

	for (size_t i = 0; i < call->options.nargs; i++) {
		struct error err = ERROR_INIT;
		if (remove_image(call, call->options.args[i], &err) >= 0)
			continue;
		cli_fail(&err);
		/* with --force one that is not there is no failure */
		if (!o->force || err.kind != ERROR_NOT_FOUND)
			status = 1;
	}
	return status;
}

#define RMI_COMMAND                                                                                \
	.usage = "[OPTIONS] IMAGE [IMAGE...]", .help = "Remove one or more images", .min_args = 1, \
	.max_args = -1, .options = rmi_table, .size = sizeof(struct rmi_options), .run = rmi_run

const struct command rmi_command = { .name = "rmi", RMI_COMMAND };
const struct command image_rm_command = { .name = "rm", .alias = "remove", RMI_COMMAND };
