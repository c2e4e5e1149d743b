/* SPDX-License-Identifier: Apache-2.0 */
/* ps: the list of containers. */
#include "programs/gantry/ps.h"

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
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

struct pair {
	const char *key, *value;
};

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

/* The members of an object, sorted and joined by commas: keys, or key=value. */
static void set_members(const struct json *object, bool values, const char *column, struct json *row)
{
	auto_str struct str out = STR_INIT((size_t)1 << 20);
	size_t n = 0;
	auto_free struct pair *all = calloc(json_count(object) + 1, sizeof *all);

	json_each (all ? object : NULL, it)
		all[n++] = (struct pair){ it.key, json_string(it.value) };
	if (all)
		qsort(all, n, sizeof *all, by_key);
	for (size_t i = 0; i < n; i++) {
		str_addf(&out, "%s%s", i > 0 ? "," : "", all[i].key);
		if (values)
			str_addf(&out, "=%s", all[i].value ? all[i].value : "");
	}
	json_set_string(row, column, str_text(&out));
}

/* Names without the leading slash; those that links gave ("/a/b") are for --no-trunc. */
static void set_names(const struct json *names, bool whole, struct json *row)
{
	auto_str struct str out = STR_INIT((size_t)1 << 20);

	for (size_t i = 0; i < json_count(names); i++) {
		const char *name = json_string(json_item(names, i));
		if (!name)
			continue;
		name += name[0] == '/';
		if (whole || !strchr(name, '/'))
			str_addf(&out, "%s%s", out.len ? "," : "", name);
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

static bool is_mapping(const struct port *p)
{
	return p->ip[0] && p->outside != p->inside;
}

static void add_address(const struct port *p, struct str *out)
{
	bool six = strchr(p->ip, ':') != NULL;

	str_add(out, out->len ? ", " : "");
	if (p->ip[0])
		str_addf(out, "%s%s%s:", six ? "[" : "", p->ip, six ? "]" : "");
}

/* "80/tcp", "100-101/udp", "0.0.0.0:80-82->80-82/tcp" */
static void add_group(const struct port *first, int64_t last, struct str *out)
{
	char range[64];

	if (last == first->inside)
		snprintf(range, sizeof range, "%lld", (long long)last);
	else
		snprintf(range, sizeof range, "%lld-%lld", (long long)first->inside, (long long)last);
	add_address(first, out);
	if (first->ip[0])
		str_addf(out, "%s->", range);
	str_addf(out, "%s/%s", range, first->type);
}

/* Where ports that are the same inside and outside, or inside alone, follow one another: those of one address
 * and protocol.  Taken ones become nothing. */
static void add_groups(struct port *ports, size_t n, struct str *out)
{
	for (size_t i = 0; i < n; i++) {
		const struct port *first = &ports[i];
		int64_t last = first->inside;
		if (!first->type || is_mapping(first))
			continue;
		for (size_t k = i + 1; k < n; k++) {
			struct port *p = &ports[k];
			if (!p->type || is_mapping(p) || p->inside != last + 1 ||
				strcmp(p->ip, first->ip) != 0 || strcmp(p->type, first->type) != 0)
				continue;
			last = p->inside;
			p->type = NULL;
		}
		add_group(first, last, out);
	}
}

static void add_mappings(const struct port *ports, size_t n, struct str *out)
{
	for (size_t i = 0; i < n; i++) {
		if (!ports[i].type || !is_mapping(&ports[i]))
			continue;
		add_address(&ports[i], out);
		str_addf(out, "%lld->%lld/%s", (long long)ports[i].outside, (long long)ports[i].inside,
			ports[i].type);
	}
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
	if (ports) {
		qsort(ports, n, sizeof *ports, by_port);
		add_groups(ports, n, &out);
		add_mappings(ports, n, &out);
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

static const char *behind_colon(const char *id)
{
	const char *colon = strchr(id, ':');

	return colon ? colon + 1 : id;
}

/* The image's ID where the name is one, "name:tag" for "name:tag@sha256:...". */
static void set_image(const struct json *c, bool whole, struct json *row)
{
	const char *image = text_at(c, "Image"), *id = text_at(c, "ImageID"), *at = strchr(image, '@');
	char text[512];

	snprintf(text, sizeof text, "%s", image[0] ? image : "<no image>");
	if (!whole && id[0] && strncmp(behind_colon(image), behind_colon(id), 12) == 0)
		snprintf(text, sizeof text, "%.12s", behind_colon(id));
	else if (!whole && at && strchr(path_base(image), ':') < at)
		text[at - image] = '\0';
	json_set_string(row, "Image", text);
}

static void add_row(const struct json *c, bool whole, struct json *rows)
{
	struct json *row = json_add_object(rows);
	char id[16], ago[64], at[64];
	int64_t created = number_at(c, "Created");

	set_command(c, whole, row);
	listing_time(created, at, sizeof at);
	json_set_string(row, "CreatedAt", at);
	json_set_string(row, "ID", whole ? text_at(c, "Id") : listing_short_id(text_at(c, "Id"), id));
	set_image(c, whole, row);
	set_members(json_at(c, "Labels"), true, "Labels", row);
	set_mounts(json_at(c, "Mounts"), whole, row);
	set_names(json_at(c, "Names"), whole, row);
	set_members(json_at(json_at(c, "NetworkSettings"), "Networks"), false, "Networks", row);
	json_set_null(row, "Platform");
	set_ports(json_at(c, "Ports"), row);
	listing_ago(created, ago, sizeof ago);
	json_set_string(row, "RunningFor", ago);
	set_size(c, row);
	json_set_string(row, "State", text_at(c, "State"));
	json_set_string(row, "Status", text_at(c, "Status"));
}

void ps_add_rows(const struct json *list, bool whole, struct json *rows)
{
	for (size_t i = 0; i < json_count(list); i++)
		add_row(json_item(list, i), whole, rows);
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

	ps_add_rows(list, o->no_trunc, rows);
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
