/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry/cli.h"
#include "programs/gantry/members.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/timefmt.h"
#include "lib/json/json.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- where the daemon is ---------------------------------------------------------------------- */
static const char *pick_host(const struct globals *g)
{
	const char *own = getenv("GANTRY_HOST"), *docker = getenv("DOCKER_HOST");

	if (g->host && g->host[0])
		return g->host;
	if (own && own[0])
		return own;
	return docker && docker[0] ? docker : CLI_HOST_DEFAULT;
}

/* Who has asked for TLS must not get plain text. */
static void refuse_tls(const char *host)
{
	const char *verify = getenv("DOCKER_TLS_VERIFY"), *tls = getenv("DOCKER_TLS");

	if (!str_after(host, "tcp://") || !((verify && verify[0]) || (tls && tls[0])))
		return;
	fprintf(stderr, "DOCKER_TLS_VERIFY asks for TLS, which is not built into gantry " GANTRY_VERSION
			": reach the daemon's unix socket, through ssh -L for instance\n");
	exit(1);
}

struct client *cli_client(const struct command_call *call)
{
	struct client *c = call->ctx;

	while (call->up)
		call = call->up;
	if (!c->host) {
		client_init(c, pick_host(call->options.into));
		refuse_tls(c->host);
	}
	return c;
}

/* ---- failures ------------------------------------------------------------------------ */
static const char *speaker(const struct error *err)
{
	return err->sys_errno == REMOTE_ERROR ? "Error response from daemon: " : "";
}

int cli_fail(const struct error *err)
{
	fprintf(stderr, "%s%s\n", speaker(err), err->text);
	return 1;
}

int cli_exit_code(const char *message)
{
	static const struct {
		const char *words;
		int code;
	} table[] = {
		{ "executable file not found", 127 },
		{ "no such file or directory", 127 },
		{ "system cannot find the file specified", 127 },
		{ "permission denied", 126 },
		{ "is a directory", 126 },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcasestr(message, table[i].words))
			return table[i].code;
	return 125;
}

static int print_with_help(const struct command_call *call, const struct error *err)
{
	fprintf(stderr, "gantry: %s%s\n\nRun '%s --help' for more information\n", speaker(err), err->text,
		call->path);
	return 125;
}

int cli_fail_run(const struct command_call *call, const struct error *err)
{
	print_with_help(call, err);
	return err->sys_errno == REMOTE_ERROR ? cli_exit_code(err->text) : 125;
}

int cli_bad_flag(struct error *err, const struct option *table, const char *name, const char *value,
	const char *fmt, ...)
{
	const struct option *opt = options_find(table, name);
	char why[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	if (opt && opt->letter)
		return error_set(err, ERROR_INVALID, BAD_FLAG,
			"invalid argument \"%.100s\" for \"-%c, --%s\" flag: %s", value, opt->letter, name,
			why);
	return error_set(err, ERROR_INVALID, BAD_FLAG, "invalid argument \"%.100s\" for \"--%s\" flag: %s",
		value, name, why);
}

int cli_refuse(const struct command_call *call, const struct error *err)
{
	auto_str struct str usage = STR_INIT(4096);

	if (err->sys_errno != BAD_FLAG)
		return cli_fail(err);
	command_usage(call->command, call->path, &usage);
	fprintf(stderr, "%s\n\n%s\nRun '%s --help' for more information\n", err->text, str_text(&usage),
		call->path);
	return 125;
}

int cli_refuse_run(const struct command_call *call, const struct error *err)
{
	return err->sys_errno == BAD_FLAG ? cli_refuse(call, err) : print_with_help(call, err);
}

void cli_target(struct str *target, const char *kind, const char *name, const char *verb)
{
	str_addf(target, "/%s/", kind);
	path_escape(target, name);
	str_add(target, verb);
}

int cli_do(struct client *c, const char *method, const struct str *target, struct error *err)
{
	if (target->failed)
		return error_invalid(err, "an argument is too long");
	return client_call(c, method, str_text(target), NULL, NULL, err);
}

/* ---- parts of queries -------------------------------------------------------------------- */
/* n bytes without blanks around them (caller frees). */
static char *trimmed(const char *text, size_t n)
{
	while (n > 0 && isspace((unsigned char)*text)) {
		text++;
		n--;
	}
	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	return strndup(text, n);
}

static int add_filter(struct json *all, const char *text, const char *equals, struct error *err)
{
	auto_free char *key = trimmed(text, (size_t)(equals - text));
	auto_free char *value = trimmed(equals + 1, strlen(equals + 1));

	if (!key || !value)
		return error_sys(err, ENOMEM, "cannot send filters");
	for (char *p = key; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	json_set_bool(members_object(all, key), value, true);
	return 0;
}

int cli_add_filters(struct str *target, const struct command_call *call, const struct option_list *filters,
	struct error *err)
{
	auto_json struct json *all = json_new_object();

	for (size_t i = 0; i < filters->n; i++) {
		const char *text = filters->v[i], *equals = strchr(text, '=');
		if (!equals)
			return cli_bad_flag(err, call->command->options, "filter", text,
				"bad format of filter (expected name=value)");
		int r = add_filter(all, text, equals, err);
		if (r < 0)
			return r;
	}
	if (filters->n == 0)
		return 0;
	auto_free char *text = json_text(all);
	if (!text)
		return error_sys(err, ENOMEM, "cannot send filters");
	query_add(target, "filters", text);
	return 0;
}

int cli_add_when(struct str *target, const char *name, const char *text, struct error *err)
{
	int64_t ns;
	char buf[48];

	if (!text || !text[0])
		return 0;
	int r = timefmt_parse_when(text, clock_real_ns(), &ns);
	if (r < 0)
		return error_invalid(err,
			"invalid value for \"%s\": failed to parse value as time or duration: \"%.100s\"",
			name, text);
	int64_t s = ns / CLOCK_S, rest = ns % CLOCK_S;
	if (rest < 0) {
		s--;
		rest += CLOCK_S;
	}
	snprintf(buf, sizeof buf, "%" PRId64 ".%09" PRId64, s, rest);
	query_add(target, name, buf);
	return 0;
}
