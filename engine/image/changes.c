/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/image/changes.h"

#include "lib/base/cleanup.h"
#include "lib/base/signame.h"
#include "lib/base/str.h"
#include "lib/json/json.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_ 65536

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* The next word, with "..." and '...' taken off and backslashes in effect outside of '...'.  0: there is
 * none. */
static int next_word(const char **p, struct str *out)
{
	char quote = '\0';
	const char *at = skip_blanks(*p);

	str_clear(out);
	if (!*at)
		return 0;
	for (; *at && (quote || (*at != ' ' && *at != '\t')); at++) {
		if (quote ? *at == quote : *at == '"' || *at == '\'')
			quote = quote ? '\0' : *at;
		else if (*at == '\\' && quote != '\'' && at[1])
			str_add_char(out, *++at);
		else
			str_add_char(out, *at);
	}
	*p = at;
	return out->failed ? out->failed : quote ? -EINVAL : 1;
}

/* CMD ["a", "b"] or CMD a b, which a shell reads. */
static int set_command(struct json *config, const char *key, const char *text, struct error *err)
{
	struct json *doc = NULL;

	if (*text == '[' && json_parse(text, strlen(text), 0, &doc, NULL) == 0) {
		for (size_t i = 0; i < json_count(doc); i++)
			if (!json_string(json_item(doc, i))) {
				json_free(doc);
				return error_invalid(err, "%s: its list holds strings alone", key);
			}
		return json_set(config, key, doc);
	}
	struct json *list = json_set_array(config, key);
	json_add_string(list, "/bin/sh");
	json_add_string(list, "-c");
	return json_add_string(list, text);
}

static struct json *member(struct json *config, const char *key, enum json_kind kind)
{
	if (!json_at(config, key))
		return kind == JSON_ARRAY ? json_set_array(config, key) : json_set_object(config, key);
	return (struct json *)(uintptr_t)json_at(config, key); /* of a tree that is ours */
}

static int add_env(struct json *config, const char *name, const char *value)
{
	auto_str struct str line = STR_INIT(LINE_MAX_);
	int r = str_addf(&line, "%s=%s", name, value);

	return r < 0 ? r : json_add_string(member(config, "Env", JSON_ARRAY), line.data);
}

static int set_pair(struct json *config, bool env, const char *name, const char *value)
{
	return env ? add_env(config, name, value)
		   : json_set_string(member(config, "Labels", JSON_OBJECT), name, value);
}

/* ENV a=b c="d e", or the old form ENV a everything behind it. */
static int set_pairs(struct json *config, bool env, const char *text, struct error *err)
{
	const char *what = env ? "ENV" : "LABEL";
	auto_str struct str word = STR_INIT(LINE_MAX_);
	const char *p = text;
	int r;

	while ((r = next_word(&p, &word)) == 1) {
		char *eq = strchr(word.data, '=');
		if (!eq && p < text + strlen(text) &&
			member(config, env ? "Env" : "Labels", env ? JSON_ARRAY : JSON_OBJECT))
			return set_pair(config, env, word.data, skip_blanks(p));
		if (!eq || eq == word.data)
			return error_invalid(err, "%s: '%s' is no name=value", what, word.data);
		*eq = '\0';
		r = set_pair(config, env, word.data, eq + 1);
		if (r < 0)
			return error_sys(err, -r, "cannot keep %s", what);
	}
	return r < 0 ? error_invalid(err, "%s: a quote is not closed", what) : 0;
}

/* A word each, as keys of an object: EXPOSE 80 443/udp; VOLUME /a /b or ["/a"]. */
static int set_keys(
	struct json *config, const char *key, const char *text, const char *suffix, struct error *err)
{
	struct json *into = member(config, key, JSON_OBJECT);
	auto_json struct json *doc = NULL;
	auto_str struct str word = STR_INIT(4096);
	int r;

	if (*text == '[' && json_parse(text, strlen(text), 0, &doc, NULL) == 0) {
		for (size_t i = 0; i < json_count(doc); i++)
			if (json_string(json_item(doc, i)))
				json_set_object(into, json_string(json_item(doc, i)));
		return 0;
	}
	while ((r = next_word(&text, &word)) == 1) {
		if (*suffix && !strchr(word.data, '/'))
			str_add(&word, suffix);
		json_set_object(into, word.data);
	}
	return r < 0 ? error_invalid(err, "%s: a quote is not closed", key) : 0;
}

static int apply(struct json *config, const char *verb, const char *rest, struct error *err)
{
	if (!*rest)
		return error_invalid(err, "%s requires at least one argument", verb);
	if (strcasecmp(verb, "CMD") == 0)
		return set_command(config, "Cmd", rest, err);
	if (strcasecmp(verb, "ENTRYPOINT") == 0)
		return set_command(config, "Entrypoint", rest, err);
	if (strcasecmp(verb, "ENV") == 0 || strcasecmp(verb, "LABEL") == 0)
		return set_pairs(config, strcasecmp(verb, "ENV") == 0, rest, err);
	if (strcasecmp(verb, "EXPOSE") == 0)
		return set_keys(config, "ExposedPorts", rest, "/tcp", err);
	if (strcasecmp(verb, "VOLUME") == 0)
		return set_keys(config, "Volumes", rest, "", err);
	if (strcasecmp(verb, "USER") == 0)
		return json_set_string(config, "User", rest);
	if (strcasecmp(verb, "WORKDIR") == 0)
		return *rest == '/' ? json_set_string(config, "WorkingDir", rest)
				    : error_invalid(err, "WORKDIR '%s': give an absolute path", rest);
	if (strcasecmp(verb, "STOPSIGNAL") == 0)
		return signame_parse(rest) > 0 ? json_set_string(config, "StopSignal", rest)
					       : error_invalid(err, "invalid signal: %s", rest);
	if (strcasecmp(verb, "ONBUILD") == 0)
		return json_add_string(member(config, "OnBuild", JSON_ARRAY), rest);
	return error_invalid(err, "%s is not a valid change command", verb);
}

int changes_parse(const char *const *lines, size_t n, struct json **ret, struct error *err)
{
	auto_json struct json *config = json_new_object();
	char verb[16];
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		const char *line = skip_blanks(lines[i]);
		size_t len = strcspn(line, " \t");
		if (len == 0)
			continue;
		if (len >= sizeof verb || strlen(line) > LINE_MAX_)
			return error_invalid(err, "'%.40s' is not a valid change command", line);
		memcpy(verb, line, len);
		verb[len] = '\0';
		r = apply(config, verb, skip_blanks(line + len), err);
	}
	if (r == 0)
		*ret = take_ptr(config);
	return r;
}
