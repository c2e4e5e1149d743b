/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container/merge.h"

#include "engine/container/fields.h"
#include "lib/base/cleanup.h"
#include "lib/base/id.h"
#include "lib/json/json.h"

#include <errno.h>
#include <string.h>

static bool is_empty(const struct json *o, const char *key)
{
	const struct json *v = json_at(o, key);
	const char *t = json_string(v);

	return !v || (t ? *t == '\0' : json_count(v) == 0);
}

static void take(struct json *into, const struct json *image, const char *key)
{
	if (json_at(image, key))
		json_set(into, key, json_copy(json_at(image, key)));
}

static void take_if_empty(struct json *into, const struct json *image, const char *key)
{
	if (is_empty(into, key))
		take(into, image, key);
}

/* A Cmd of the request without an Entrypoint keeps the image's; an Entrypoint throws the image's Cmd away. */
static void merge_command(struct json *into, const struct json *image)
{
	const struct json *entry = json_at(into, "Entrypoint");

	if (json_count(entry) == 0) {
		if (json_count(json_at(into, "Cmd")) == 0)
			take(into, image, "Cmd");
		if (!entry)
			take(into, image, "Entrypoint");
	}
	entry = json_at(into, "Entrypoint");
	if (json_count(entry) == 1 && json_string(json_item(entry, 0)) &&
		json_string(json_item(entry, 0))[0] == '\0')
		json_set_null(into, "Entrypoint"); /* --entrypoint "" */
}

/* Up to the '='. */
static size_t name_length(const char *line)
{
	return strcspn(line, "=");
}

static bool has_name(const struct json *env, const char *line)
{
	size_t n = name_length(line);

	for (size_t i = 0; i < json_count(env); i++) {
		const char *t = json_string(json_item(env, i));
		if (t && name_length(t) == n && strncmp(t, line, n) == 0)
			return true;
	}
	return false;
}

/* The request's stand first, as in Docker's inspect. */
static void merge_env(struct json *into, const struct json *image)
{
	const struct json *own = json_at(into, "Env"), *theirs = json_at(image, "Env");
	struct json *all;

	if (json_count(own) == 0) {
		take(into, image, "Env");
		return;
	}
	all = json_new_array();
	for (size_t i = 0; i < json_count(own); i++)
		json_add_string(all, json_string(json_item(own, i)));
	for (size_t i = 0; i < json_count(theirs); i++) {
		const char *line = json_string(json_item(theirs, i));
		if (line && !has_name(own, line))
			json_add_string(all, line);
	}
	json_set(into, "Env", all);
}

/* Keys of the request win. */
static void merge_object(struct json *into, const struct json *image, const char *key)
{
	const struct json *own = json_at(into, key), *theirs = json_at(image, key);
	struct json *all;

	if (json_count(theirs) == 0)
		return;
	all = json_copy(theirs);
	json_each (own, it)
		json_set(all, it.key, json_copy(it.value));
	json_set(into, key, all);
}

static void set_host_name(struct json *into, const char *id)
{
	char name[ID_SHORT_SIZE];

	if (is_empty(into, "Hostname")) {
		id_short(id, name);
		json_set_string(into, "Hostname", name);
	}
}

int merge_image(const struct json *asked, const struct json *image, const char *id, struct json **ret,
	struct error *err)
{
	static const char *const singles[] = { "User", "WorkingDir", "StopSignal", "Healthcheck", "Shell" };
	auto_json struct json *all = json_copy(asked);

	for (size_t i = 0; i < sizeof singles / sizeof singles[0]; i++)
		take_if_empty(all, image, singles[i]);
	merge_command(all, image);
	merge_env(all, image);
	merge_object(all, image, "ExposedPorts");
	merge_object(all, image, "Volumes");
	merge_object(all, image, "Labels");
	if (json_count(json_at(all, "Entrypoint")) == 0 && json_count(json_at(all, "Cmd")) == 0)
		return error_invalid(err, "no command specified");
	set_host_name(all, id);
	return fields_normalize(fields_config, all, ret, err); /* the order, and the types of the image's */
}
