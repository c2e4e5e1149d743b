/* SPDX-License-Identifier: Apache-2.0 */
/* events. */
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/timefmt.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/listing.h"
#include "programs/gantry/messages.h"
#include "programs/gantry/template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct events_options {
	struct option_list filter;
	const char *format, *since, *until;
};

#define AT(member) CLI_AT(events_options, member)
static const struct option table[] = {
	{ "filter", 'f', OPTION_LIST, 0, AT(filter), "Filter output based on conditions provided", "filter",
		NULL, NULL },
	{ "format", 0, OPTION_STRING, 0, AT(format),
		"Format output using a custom template: 'json' or 'TEMPLATE'", NULL, NULL, NULL },
	{ "since", 0, OPTION_STRING, 0, AT(since), "Show all events created since timestamp", NULL, NULL,
		NULL },
	{ "until", 0, OPTION_STRING, 0, AT(until), "Stream events until this timestamp", NULL, NULL, NULL },
	{ 0 },
};

struct pair {
	const char *key, *value;
};

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

/* " (a=b, c=d)", sorted */
static void add_attributes(const struct json *attributes, struct str *out)
{
	size_t n = json_count(attributes), i = 0;
	auto_free struct pair *pairs = calloc(n + 1, sizeof *pairs);

	if (n == 0 || !pairs)
		return;
	json_each (attributes, it)
		pairs[i++] = (struct pair){ it.key, json_string(it.value) };
	qsort(pairs, i, sizeof *pairs, by_key);
	for (size_t k = 0; k < i; k++)
		str_addf(out, "%s%s=%s", k ? ", " : " (", pairs[k].key, pairs[k].value ? pairs[k].value : "");
	str_add_char(out, ')');
}

static void add_time(const struct json *event, struct str *out)
{
	char text[TIMEFMT_SIZE];
	int64_t ns = number_at(event, "timeNano");
	struct tm tm;

	if (ns == 0)
		ns = number_at(event, "time") * CLOCK_S;
	time_t t = ns / CLOCK_S;
	long offset = localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;
	if (offset == 0) {
		str_add(out, timefmt_rfc3339nano_padded(ns, text));
		return;
	}
	/* nine digits with an offset: the fraction of the time in UTC, the rest of the local one */
	char local[32], zone[16];
	strftime(local, sizeof local, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(zone, sizeof zone, "%c%02ld:%02ld", offset < 0 ? '-' : '+', labs(offset) / 3600,
		labs(offset) / 60 % 60);
	str_addf(out, "%s.%09lld%s", local, (long long)(ns % CLOCK_S), zone);
}

static void add_line(const struct json *event, struct str *out)
{
	const struct json *actor = json_at(event, "Actor");

	add_time(event, out);
	str_addf(out, " %s %s %s", text_at(event, "Type"), text_at(event, "Action"), text_at(actor, "ID"));
	add_attributes(json_at(actor, "Attributes"), out);
}

static int print_event(void *ctx, const struct json *event, struct error *err)
{
	const char *format = ctx;
	auto_str struct str out = STR_INIT((size_t)16 << 20);

	if (!format) {
		add_line(event, &out);
	} else {
		int r = template_run(format, event, &out, err);
		if (r < 0)
			return r;
	}
	str_add_char(&out, '\n');
	return listing_write(&out, err);
}

static int stream(const struct command_call *call, struct error *err)
{
	const struct events_options *o = call->options.into;
	auto_str struct str target = STR_INIT((size_t)1 << 20);
	auto_free char *format = o->format && o->format[0] ? template_unescape(o->format) : NULL;
	struct http_request request = { .method = "GET" };
	struct http *h;

	str_add(&target, "/events");
	int r = cli_add_filters(&target, call, &o->filter, err);
	if (r == 0)
		r = cli_add_when(&target, "since", o->since, err);
	if (r == 0)
		r = cli_add_when(&target, "until", o->until, err);
	if (r < 0)
		return r;
	request.target = str_text(&target);
	r = client_send(cli_client(call), &request, &h, err);
	if (r < 0)
		return r;
	if (format && strcmp(format, "json") == 0)
		r = messages_read(h, print_event, (void *)(uintptr_t) "{{json .}}", err);
	else
		r = messages_read(h, print_event, format, err);
	client_end(cli_client(call), h);
	return r;
}

static int events_run(const struct command_call *call)
{
	struct error err = ERROR_INIT;

	return stream(call, &err) < 0 ? cli_refuse(call, &err) : 0;
}

const struct command events_command = {
	.name = "events",
	.usage = "[OPTIONS]",
	.help = "Get real time events from the server",
	.options = table,
	.size = sizeof(struct events_options),
	.run = events_run,
};
