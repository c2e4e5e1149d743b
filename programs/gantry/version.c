/* SPDX-License-Identifier: Apache-2.0 */
/* version: of this program and of the daemon. */
#include "lib/base/cleanup.h"
#include "lib/base/timefmt.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/listing.h"
#include "programs/gantry/template.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

struct version_options {
	const char *format;
};

static const struct option table[] = {
	{ "format", 'f', OPTION_STRING, 0, CLI_AT(version_options, format),
		"Format output using a custom template: 'json' or 'TEMPLATE'", NULL, NULL, NULL },
	{ 0 },
};

/* Go's name for this machine's kind. */
static const char *architecture(void)
{
	static struct utsname u;

	if (uname(&u) < 0)
		return "";
	return strcmp(u.machine, "x86_64") == 0    ? "amd64"
	       : strcmp(u.machine, "aarch64") == 0 ? "arm64"
						   : u.machine;
}

static struct json *client_part(const struct client *c)
{
	struct json *j = json_new_object();

	json_set_string(json_set_object(j, "Platform"), "Name", "");
	json_set_string(j, "Version", GANTRY_VERSION);
	json_set_string(j, "ApiVersion", c->version[0] ? c->version : API_VERSION);
	json_set_string(j, "DefaultAPIVersion", API_VERSION);
	json_set_string(j, "Os", "linux");
	json_set_string(j, "Arch", architecture());
	return j;
}

/* "Tue Sep 15 11:02:57 2026" of RFC 3339; another text stays. */
static void print_built(const char *text, const char *indent, int width)
{
	char buf[64];
	int64_t ns;
	struct tm tm;

	if (!text[0])
		return;
	if (timefmt_parse_rfc3339(text, &ns) == 0 && ns != TIMEFMT_ZERO) {
		time_t t = ns / 1000000000;
		if (gmtime_r(&t, &tm) && strftime(buf, sizeof buf, "%a %b %e %H:%M:%S %Y", &tm) > 0)
			text = buf;
	}
	printf("%s%-*s%s\n", indent, width, "Built:", text);
}

static void print_client(const struct json *c)
{
	printf("Client:\n");
	printf(" %-19s%s\n", "Version:", text_at(c, "Version"));
	printf(" %-19s%s\n", "API version:", text_at(c, "ApiVersion"));
	printf(" %-19s%s/%s\n", "OS/Arch:", text_at(c, "Os"), text_at(c, "Arch"));
}

static void print_line(const char *name, const char *value)
{
	if (value[0])
		printf("  %-18s%s\n", name, value);
}

static void print_engine(const struct json *s)
{
	char api[96], arch[96];

	snprintf(api, sizeof api, "%s (minimum version %s)", text_at(s, "ApiVersion"),
		text_at(s, "MinAPIVersion"));
	snprintf(arch, sizeof arch, "%s/%s", text_at(s, "Os"), text_at(s, "Arch"));
	print_line("Version:", text_at(s, "Version"));
	print_line("API version:", api);
	print_line("Go version:", text_at(s, "GoVersion"));
	print_line("Git commit:", text_at(s, "GitCommit"));
	print_built(text_at(s, "BuildTime"), "  ", 18);
	print_line("OS/Arch:", arch);
	print_line("Experimental:", true_at(s, "Experimental") ? "true" : "false");
}

static void print_server(const struct json *s)
{
	const struct json *parts = json_at(s, "Components");
	const char *platform = text_at(json_at(s, "Platform"), "Name");

	printf("\nServer:%s%s\n Engine:\n", platform[0] ? " " : "", platform);
	print_engine(s);
	for (size_t i = 0; i < json_count(parts); i++) {
		const struct json *part = json_item(parts, i);
		if (strcmp(text_at(part, "Name"), "Engine") == 0)
			continue;
		printf(" %s:\n  %-18s%s\n", text_at(part, "Name"), "Version:", text_at(part, "Version"));
		json_each (json_at(part, "Details"), it) {
			char name[64];
			snprintf(name, sizeof name, "%.60s:", it.key);
			printf("  %-18s%s\n", name, json_string(it.value) ? json_string(it.value) : "");
		}
	}
}

static int print_format(const char *format, const struct json *all, struct error *err)
{
	auto_str struct str out = STR_INIT((size_t)1 << 24);
	auto_free char *plain = template_unescape(strcmp(format, "json") == 0 ? "{{json .}}" : format);
	int r = plain ? template_run(plain, all, &out, err) : -ENOMEM;

	if (r < 0)
		return error_prefix(err, r, "template parsing error");
	str_add_char(&out, '\n');
	return listing_write(&out, err);
}

static int version_run(const struct command_call *call)
{
	const struct version_options *o = call->options.into;
	struct error err = ERROR_INIT, printing = ERROR_INIT;
	struct json *server = NULL;
	auto_json struct json *all = json_new_object();
	int r = client_get(cli_client(call), "/version", &server, &err);

	json_set(all, "Client", client_part(cli_client(call)));
	json_set(all, "Server", server);
	if (o->format && o->format[0]) {
		if (print_format(o->format, all, &printing) < 0)
			return cli_fail(&printing);
	} else {
		print_client(json_at(all, "Client"));
		if (r >= 0)
			print_server(server);
	}
	fflush(stdout);
	return r < 0 ? cli_fail(&err) : 0;
}

const struct command version_command = {
	.name = "version",
	.usage = "[OPTIONS]",
	.help = "Show the gantry version information",
	.group = "Common Commands",
	.options = table,
	.size = sizeof(struct version_options),
	.run = version_run,
};
