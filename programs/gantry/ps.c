/* SPDX-License-Identifier: Apache-2.0 */
/* ps: the list of containers. */
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/size.h"
#include "lib/base/timefmt.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ps_options {
	bool all, latest, no_trunc, quiet, size;
	int64_t last;
	struct option_list filter;
	const char *format;
};

static const struct ps_options defaults = { .last = -1 };

#define AT(member) offsetof(struct ps_options, member)
static const struct option table[] = {
	{ "all", 'a', OPTION_BOOL, 0, AT(all), "Show all containers (default shows just running)", NULL, NULL,
		NULL },
	{ "filter", 'f', OPTION_LIST, 0, AT(filter), "Filter output based on conditions provided", "filter",
		NULL, NULL },
	{ "format", 0, OPTION_STRING, 0, AT(format),
		"Format output using a custom template: 'table', 'table TEMPLATE', 'json' or 'TEMPLATE'",
		NULL, NULL, NULL },
	{ "last", 'n', OPTION_INT, 0, AT(last), "Show n last created containers (includes all states)", NULL,
		"-1", NULL },
	{ "latest", 'l', OPTION_BOOL, 0, AT(latest),
		"Show the latest created container (includes all states)", NULL, NULL, NULL },
	{ "no-trunc", 0, OPTION_BOOL, 0, AT(no_trunc), "Don't truncate output", NULL, NULL, NULL },
	{ "quiet", 'q', OPTION_BOOL, 0, AT(quiet), "Only display container IDs", NULL, NULL, NULL },
	{ "size", 's', OPTION_BOOL, 0, AT(size), "Display total file sizes", NULL, NULL, NULL },
	{ 0 },
};

/* ---- cells -------------------------------------------------------------------------------- */
/* At most n characters, the last one "…" when it was longer. */
static void shorten(const char *text, size_t n, struct str *out)
{
	size_t count = 0, bytes = 0, keep = 0, left = strlen(text);

	while (bytes < left) {
		size_t step = str_utf8_next(text + bytes, left - bytes, NULL);
		if (count == n - 1)
			keep = bytes;
		bytes += step ? step : 1;
		if (++count > n) {
			str_add_n(out, text, keep);
			str_add(out, "…");
			return;
		}
	}
	str_add(out, text);
}

static void set_command(const struct json *c, bool whole, struct json *row)
{
	auto_str struct str text = STR_INIT((size_t)1 << 20), quoted = STR_INIT((size_t)4 << 20);
	const char *command = text_at(c, "Command");

	if (whole)
		str_add(&text, command);
	else
		shorten(command, 20, &text);
	str_add_quoted(&quoted, str_text(&text), text.len);
	json_set_string(row, "Command", str_text(&quoted));
}

/* Joined by commas. */
static void set_keys(const struct json *object, const char *key, struct json *row)
{
	auto_str struct str out = STR_INIT((size_t)1 << 20);

	json_each (object, it)
		str_addf(&out, "%s%s", out.len ? "," : "", it.key);
	json_set_string(row, key, str_text(&out));
}

static void set_labels(const struct json *labels, struct json *row)
{
	auto_str struct str out = STR_INIT((size_t)1 << 20);

	json_each (labels, it) {
		const char *v = json_string(it.value);
		str_addf(&out, "%s%s=%s", out.len ? "," : "", it.key, v ? v : "");
	}
	json_set_string(row, "Labels", str_text(&out));
}

/* Names without the leading slash, and not those that links gave ("/a/b"). */
static void set_names(const struct json *names, struct json *row)
{
	auto_str struct str out = STR_INIT((size_t)1 << 20);

	for (size_t i = 0; i < json_count(names); i++) {
		const char *name = json_string(json_item(names, i));
		if (!name)
			continue;
		name += name[0] == '/';
		if (!strchr(name, '/'))
			str_addf(&out, "%s%s", out.len ? ", " : "", name);
	}
	json_set_string(row, "Names", str_text(&out));
}

static void set_mounts(const struct json *mounts, bool whole, struct json *row)
{
	auto_str struct str out = STR_INIT((size_t)1 << 20);
	char count[24];
	unsigned local = 0;

	for (size_t i = 0; i < json_count(mounts); i++) {
		const struct json *m = json_item(mounts, i);
		const char *name = text_at(m, "Name");
		if (!name[0])
			name = text_at(m, "Source");
		if (out.len)
			str_add(&out, ",");
		if (whole)
			str_add(&out, name);
		else
			shorten(name, 15, &out);
		local += strcmp(text_at(m, "Driver"), "local") == 0;
	}
	snprintf(count, sizeof count, "%u", local);
	json_set_string(row, "LocalVolumes", count);
	json_set_string(row, "Mounts", str_text(&out));
}

/* ---- ports --------------------------------------------------------------------------------- */
struct port {
	const char *ip, *type;
	int64_t inside, outside;
};

static int by_port(const void *a, const void *b)
{
	const struct port *x = a, *y = b;
	int r;

	if (x->inside != y->inside)
		return x->inside < y->inside ? -1 : 1;
	if ((r = strcmp(x->ip, y->ip)) != 0)
		return r;
	if (x->outside != y->outside)
		return x->outside < y->outside ? -1 : 1;
	return strcmp(x->type, y->type);
}

/* Ports that follow one another are one range: "0.0.0.0:80-81->80-81/tcp". */
static bool continues(const struct port *last, const struct port *next)
{
	return strcmp(last->ip, next->ip) == 0 && strcmp(last->type, next->type) == 0 &&
	       next->inside == last->inside + 1 &&
	       (last->outside ? next->outside == last->outside + 1 : next->outside == 0);
}

static void add_range(const struct port *first, const struct port *last, struct str *out)
{
	bool range = last != first, six = strchr(first->ip, ':') != NULL;

	str_add(out, out->len ? ", " : "");
	if (first->outside && first->ip[0])
		str_addf(out, "%s%s%s:", six ? "[" : "", first->ip, six ? "]" : "");
	if (first->outside && range)
		str_addf(out, "%lld-%lld->", (long long)first->outside, (long long)last->outside);
	else if (first->outside)
		str_addf(out, "%lld->", (long long)first->outside);
	if (range)
		str_addf(out, "%lld-%lld/%s", (long long)first->inside, (long long)last->inside, first->type);
	else
		str_addf(out, "%lld/%s", (long long)first->inside, first->type);
}

static void set_ports(const struct json *list, struct json *row)
{
	auto_str struct str out = STR_INIT((size_t)1 << 20);
	size_t n = json_count(list);
	auto_free struct port *ports = calloc(n + 1, sizeof *ports);

	for (size_t i = 0; ports && i < n; i++) {
		const struct json *p = json_item(list, i);
		ports[i] = (struct port){ text_at(p, "IP"), text_at(p, "Type"), number_at(p, "PrivatePort"),
			number_at(p, "PublicPort") };
	}
	if (ports)
		qsort(ports, n, sizeof *ports, by_port);
	for (size_t i = 0; ports && i < n;) {
		size_t last = i;
		while (last + 1 < n && continues(&ports[last], &ports[last + 1]))
			last++;
		add_range(&ports[i], &ports[last], &out);
		i = last + 1;
	}
	json_set_string(row, "Ports", str_text(&out));
}

/* ---- rows ------------------------------------------------------------------------------------ */
static void set_size(const struct json *c, struct json *row)
{
	char own[SIZE_TEXT], whole[SIZE_TEXT], text[2 * SIZE_TEXT + 16];
	int64_t all = number_at(c, "SizeRootFs");

	size_decimal3(number_at(c, "SizeRw"), own);
	size_decimal3(all, whole);
	if (all > 0)
		snprintf(text, sizeof text, "%s (virtual %s)", own, whole);
	json_set_string(row, "Size", all > 0 ? text : own);
}

/* "name" for "name@sha256:..." and an ID that the daemon shows, short. */
static void set_image(const struct json *c, bool whole, struct json *row)
{
	const char *image = text_at(c, "Image"), *id = text_at(c, "ImageID");
	char text[512], short_image[16], short_id[16];

	if (!image[0])
		image = "<no image>";
	snprintf(text, sizeof text, "%s", image);
	if (!whole) {
		listing_short_id(image, short_image);
		listing_short_id(id, short_id);
		if (id[0] && strcmp(short_image, short_id) == 0)
			snprintf(text, sizeof text, "%s", short_image);
		else
			text[strcspn(text, "@")] = '\0';
	}
	json_set_string(row, "Image", text);
}

static void add_row(const struct json *c, const struct ps_options *o, struct json *rows)
{
	struct json *row = json_add_object(rows);
	char id[16], ago[64], at[64];
	int64_t created = number_at(c, "Created");

	set_command(c, o->no_trunc, row);
	listing_time(created, at, sizeof at);
	json_set_string(row, "CreatedAt", at);
	json_set_string(row, "ID", o->no_trunc ? text_at(c, "Id") : listing_short_id(text_at(c, "Id"), id));
	set_image(c, o->no_trunc, row);
	set_labels(json_at(c, "Labels"), row);
	set_mounts(json_at(c, "Mounts"), o->no_trunc, row);
	set_names(json_at(c, "Names"), row);
	set_keys(json_at(json_at(c, "NetworkSettings"), "Networks"), "Networks", row);
	json_set_null(row, "Platform");
	set_ports(json_at(c, "Ports"), row);
	listing_ago(created, ago, sizeof ago);
	json_set_string(row, "RunningFor", ago);
	set_size(c, row);
	json_set_string(row, "State", text_at(c, "State"));
	json_set_string(row, "Status", text_at(c, "Status"));
}

static const char heads[] =
	"{\"ID\":\"CONTAINER ID\",\"Names\":\"NAMES\",\"Image\":\"IMAGE\",\"Command\":\"COMMAND\","
	"\"CreatedAt\":\"CREATED AT\",\"RunningFor\":\"CREATED\",\"Ports\":\"PORTS\",\"State\":\"STATE\","
	"\"Status\":\"STATUS\",\"Size\":\"SIZE\",\"Labels\":\"LABELS\",\"Mounts\":\"MOUNTS\","
	"\"LocalVolumes\":\"LOCAL VOLUMES\",\"Networks\":\"NETWORKS\",\"Platform\":\"PLATFORM\"}";

#define COLUMNS \
	"table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}"

static int print(const struct ps_options *o, const struct json *list, struct error *err)
{
	auto_json struct json *rows = json_new_array();
	auto_json struct json *head = NULL;
	const char *format = o->format;

	for (size_t i = 0; i < json_count(list); i++)
		add_row(json_item(list, i), o, rows);
	if (o->quiet && (!format || strcmp(format, "table") == 0))
		format = "{{.ID}}";
	int r = json_parse(heads, sizeof heads - 1, 0, &head, err);
	return r < 0 ? r : listing_print(format, o->size ? COLUMNS "\t{{.Size}}" : COLUMNS, head, rows, err);
}

static int list(const struct command_call *call, struct json **ret, struct error *err)
{
	const struct ps_options *o = call->options.into;
	auto_str struct str target = STR_INIT((size_t)1 << 20);
	int64_t limit = o->latest ? 1 : o->last;

	str_add(&target, "/containers/json");
	if (o->all || limit > 0)
		query_add(&target, "all", "1");
	if (limit > 0)
		query_add_int(&target, "limit", limit);
	if (o->size || (o->format && strstr(o->format, ".Size")))
		query_add(&target, "size", "1");
	int r = cli_add_filters(&target, call, &o->filter, err);
	return r < 0 ? r : client_get(cli_client(call), str_text(&target), ret, err);
}

static int ps_run(const struct command_call *call)
{
	struct error err = ERROR_INIT;
	auto_json struct json *answer = NULL;

	if (list(call, &answer, &err) < 0 || print(call->options.into, answer, &err) < 0)
		return cli_refuse(call, &err);
	return 0;
}

#define COMMAND                                                            \
	.usage = "[OPTIONS]", .help = "List containers", .options = table, \
	.size = sizeof(struct ps_options), .defaults = &defaults, .run = ps_run

const struct command ps_command = { .name = "ps", .group = "Common Commands", COMMAND };
const struct command container_ls_command = { .name = "ls", .alias = "list,ps", COMMAND };
