/* SPDX-License-Identifier: Apache-2.0 */
/* Environment, labels and health checks: lists, and files of them. */
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/create_body.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES ((size_t)16 << 20)

/* Appends "NAME=value", or NAME with its value here; NAME alone only when `bare`. */
static void add_variable(struct json *list, const char *text, bool bare)
{
	const char *value = strchr(text, '=') ? NULL : getenv(text);
	auto_str struct str whole = STR_INIT((size_t)1 << 20);

	if (!value) {
		if (bare || strchr(text, '='))
			json_add_string(list, text);
		return;
	}
	str_addf(&whole, "%s=%s", text, value);
	json_add_string(list, str_text(&whole));
}

/* One line of a file of variables or labels; *ret NULL: nothing on it. */
static int check_line(char *line, size_t number, const char *path, const char **ret, struct error *err)
{
	if (number == 1 && str_after(line, "\xef\xbb\xbf"))
		line += 3;
	if (!str_is_utf8(line, strlen(line)))
		return error_invalid(
			err, "invalid env file (%.200s): invalid utf8 bytes at line %zu", path, number);
	while (isspace((unsigned char)*line))
		line++;
	*ret = NULL;
	if (!*line || *line == '#')
		return 0;
	size_t name = strcspn(line, "=");
	if (name == 0)
		return error_invalid(
			err, "invalid env file (%.200s): no variable name on line '%.100s'", path, line);
	for (size_t i = 0; i < name; i++)
		if (isspace((unsigned char)line[i]))
			return error_invalid(err,
				"invalid env file (%.200s): variable '%.*s' contains whitespaces", path,
				name < 100 ? (int)name : 100, line);
	*ret = line;
	return 0;
}

typedef void taker(struct json *into, const char *line);

static int read_lines(const char *path, struct json *into, taker *take, struct error *err)
{
	auto_free char *text = NULL;
	size_t number = 1;
	int r = fd_read_file(AT_FDCWD, path, FILE_MAX_BYTES, &text, NULL);

	if (r < 0)
		return error_set(err, ERROR_INVALID, -r, "open %.300s: %s", path,
			r == -ENOENT ? "no such file or directory" : strerror(-r));
	for (char *line = text, *next; line; line = next, number++) {
		const char *use = NULL;
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		size_t n = strlen(line);
		if (n > 0 && line[n - 1] == '\r')
			line[n - 1] = '\0';
		r = check_line(line, number, path, &use, err);
		if (r < 0)
			return r;
		if (use)
			take(into, use);
	}
	return 0;
}

static void take_variable(struct json *list, const char *line)
{
	add_variable(list, line, false);
}

static void take_label(struct json *labels, const char *line)
{
	if (strchr(line, '='))
		create_pair(labels, line);
}

int create_env_list(const struct option *table, const struct option_list *files,
	const struct option_list *env, struct json *list, struct error *err)
{
	for (size_t i = 0; i < files->n; i++) {
		int r = read_lines(files->v[i], list, take_variable, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < env->n; i++) {
		if (env->v[i][0] == '=' || !env->v[i][0])
			return cli_bad_flag(err, table, "env", env->v[i],
				"invalid environment variable: %.100s", env->v[i]);
		add_variable(list, env->v[i], true);
	}
	return 0;
}

int create_environment(const struct create_input *in, struct json *config)
{
	const struct create_options *o = in->o;

	if (o->env.n + o->env_file.n == 0)
		return 0;
	return create_env_list(
		in->parsed->table, &o->env_file, &o->env, json_set_array(config, "Env"), in->err);
}

int create_labels(const struct create_input *in, struct json *config)
{
	const struct create_options *o = in->o;
	struct json *labels = json_set_object(config, "Labels");

	for (size_t i = 0; i < o->label_file.n; i++) {
		int r = read_lines(o->label_file.v[i], labels, take_label, in->err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < o->label.n; i++) {
		if (o->label.v[i][0] == '=' || !o->label.v[i][0])
			return create_refuse(in, "label", o->label.v[i], "invalid label '%.100s': empty name",
				o->label.v[i]);
		create_pair(labels, o->label.v[i]);
	}
	return 0;
}

/* ---- health ------------------------------------------------------------------------------ */
static bool has_health(const struct create_options *o)
{
	return o->health_cmd || o->health_interval || o->health_timeout || o->health_start_period ||
	       o->health_start_interval || o->health_retries;
}

int create_health(const struct create_input *in, struct json *config)
{
	const struct create_options *o = in->o;
	const struct {
		const char *option, *key;
		int64_t value;
	} numbers[] = {
		{ "health-interval", "Interval", o->health_interval },
		{ "health-timeout", "Timeout", o->health_timeout },
		{ "health-start-period", "StartPeriod", o->health_start_period },
		{ "health-start-interval", "StartInterval", o->health_start_interval },
		{ "health-retries", "Retries", o->health_retries },
	};

	if (o->no_healthcheck && has_health(o))
		return error_invalid(in->err, "--no-healthcheck conflicts with --health-* options");
	if (!o->no_healthcheck && !has_health(o))
		return 0;
	struct json *health = json_set_object(config, "Healthcheck");
	if (o->no_healthcheck || o->health_cmd) {
		struct json *test = json_set_array(health, "Test");
		json_add_string(test, o->no_healthcheck ? "NONE" : "CMD-SHELL");
		if (!o->no_healthcheck)
			json_add_string(test, o->health_cmd);
	}
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		if (numbers[i].value < 0)
			return error_invalid(in->err, "--%s cannot be negative", numbers[i].option);
		if (numbers[i].value > 0)
			json_set_int(health, numbers[i].key, numbers[i].value);
	}
	return 0;
}
