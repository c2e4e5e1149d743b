/* SPDX-License-Identifier: Apache-2.0 */
/* --volume, --mount and --tmpfs. */
#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/size.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/create_body.h"
#include "programs/gantry/members.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A path that begins with '.' is taken from here; others stay. */
static int absolute(const char *path, char buf[PATH_MAX], struct error *err)
{
	char here[PATH_MAX / 2], joined[PATH_MAX];

	if (path[0] != '.')
		return path_format(buf, PATH_MAX, "%s", path) < 0 ? error_invalid(err, "a path is too long")
								  : 0;
	if (!getcwd(here, sizeof here))
		return error_sys(err, errno, "cannot find out the working directory");
	if (path_format(joined, sizeof joined, "%s/%s", here, path) < 0 ||
		path_clean(joined, buf, PATH_MAX) < 0)
		return error_invalid(err, "the path '%.200s' is too long", path);
	return 0;
}

/* ---- --volume ------------------------------------------------------------------------------ */
static bool has_empty_part(const char *spec)
{
	return spec[0] == ':' || strstr(spec, "::") || str_ends_with(spec, ":");
}

static int add_bind(const struct create_input *in, const char *spec, struct json *host)
{
	auto_free char *source = strndup(spec, strcspn(spec, ":"));
	auto_str struct str whole = STR_INIT(3 * PATH_MAX);
	char path[PATH_MAX];

	if (!source)
		return error_sys(in->err, ENOMEM, "cannot read --volume");
	if (absolute(source, path, in->err) < 0)
		return -EINVAL;
	str_addf(&whole, "%s%s", path, spec + strlen(source));
	struct json *binds = members_array(host, "Binds");
	for (size_t i = 0; i < json_count(binds); i++)
		if (strcmp(json_string(json_item(binds, i)), str_text(&whole)) == 0)
			return 0;
	json_add_string(binds, str_text(&whole));
	return whole.failed ? error_invalid(in->err, "invalid volume specification: it is too long") : 0;
}

static int add_volume(const struct create_input *in, const char *spec, struct json *config, struct json *host)
{
	if (!spec[0])
		return error_invalid(in->err, "invalid empty volume spec");
	if (has_empty_part(spec))
		return error_invalid(in->err, "invalid spec: %.200s: empty section between colons", spec);
	if (strchr(spec, ':'))
		return add_bind(in, spec, host);
	members_object(members_object(config, "Volumes"), spec);
	return 0;
}

/* ---- --mount --------------------------------------------------------------------------------- */
int create_csv(const char *text, char ***ret)
{
	auto_str struct str field = STR_INIT((size_t)1 << 20);
	auto_str_list char **list = NULL;
	bool quoted = false;

	for (const char *p = text;; p++) {
		if (*p == '"' && quoted && p[1] == '"')
			str_add_char(&field, *p++);
		else if (*p == '"')
			quoted = !quoted;
		else if (*p && (*p != ',' || quoted))
			str_add_char(&field, *p);
		else if (str_list_add(&list, str_text(&field)) < 0 || field.failed)
			return -ENOMEM;
		else
			str_clear(&field);
		if (!*p)
			break;
	}
	if (quoted)
		return -EINVAL;
	*ret = list;
	list = NULL;
	return 0;
}

struct mount {
	const struct create_input *in;
	const char *text; /* of the option */
	struct json *json;
	char type[32];
	const char *recursive, *propagation;
	bool readonly, bind, volume, image, tmpfs; /* options of these kinds were given */
};

#define refuse(m, ...) create_refuse((m)->in, "mount", (m)->text, __VA_ARGS__)

/* The object for options of a kind, made when it is first needed. */
static struct json *part(struct mount *m, const char *key)
{
	return members_object(m->json, key);
}

static int parse_bool(struct mount *m, const char *key, const char *value, bool *ret)
{
	static const char *const words[] = { "1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false",
		"FALSE", "False" };

	for (size_t i = 0; i < 12; i++) {
		if (strcmp(value, words[i]) == 0) {
			*ret = i < 6;
			return 0;
		}
	}
	return refuse(m, "invalid value for %s: %.100s", key, value);
}

static int take_readonly(struct mount *m, const char *key, const char *value)
{
	int r = parse_bool(m, key, value, &m->readonly);

	if (r == 0 && m->readonly)
		json_set_bool(m->json, "ReadOnly", true);
	return r;
}

static int take_source(struct mount *m, const char *key, const char *value)
{
	char path[PATH_MAX];

	(void)key;
	if (absolute(value, path, m->in->err) < 0)
		return -EINVAL;
	json_set_string(m->json, "Source", path);
	return 0;
}

static int take_text(struct mount *m, const char *key, const char *value)
{
	json_set_string(m->json, strcmp(key, "consistency") == 0 ? "Consistency" : "Target", value);
	return 0;
}

static int take_type(struct mount *m, const char *key, const char *value)
{
	(void)key;
	snprintf(m->type, sizeof m->type, "%s", value);
	for (char *p = m->type; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
	return 0;
}

static int take_bind(struct mount *m, const char *key, const char *value)
{
	bool on;

	m->bind = true;
	if (strcmp(key, "bind-propagation") == 0) {
		json_set_string(part(m, "BindOptions"), "Propagation", m->propagation = value);
		return 0;
	}
	if (strcmp(key, "bind-nonrecursive") == 0) {
		int r = parse_bool(m, key, value, &on);
		if (r == 0 && on)
			json_set_bool(part(m, "BindOptions"), "NonRecursive", true);
		return r;
	}
	m->recursive = value;
	if (strcmp(value, "disabled") == 0)
		json_set_bool(part(m, "BindOptions"), "NonRecursive", true);
	else if (strcmp(value, "writable") == 0)
		json_set_bool(part(m, "BindOptions"), "ReadOnlyNonRecursive", true);
	else if (strcmp(value, "readonly") == 0)
		json_set_bool(part(m, "BindOptions"), "ReadOnlyForceRecursive", true);
	else if (strcmp(value, "enabled") != 0)
		return refuse(m,
			"invalid value for %s: %.100s (must be \"enabled\", \"disabled\", \"writable\", or "
			"\"readonly\")",
			key, value);
	return 0;
}

static int take_volume(struct mount *m, const char *key, const char *value)
{
	const char *name = str_after(key, "volume-");
	struct json *options = part(m, "VolumeOptions");
	bool on;

	m->volume = true;
	if (strcmp(name, "subpath") == 0) {
		json_set_string(options, "Subpath", value);
	} else if (strcmp(name, "nocopy") == 0) {
		if (parse_bool(m, key, value, &on) < 0)
			return -EINVAL;
		if (on)
			json_set_bool(options, "NoCopy", true);
	} else if (strcmp(name, "label") == 0) {
		create_pair(members_object(options, "Labels"), value);
	} else if (strcmp(name, "driver") == 0) {
		json_set_string(members_object(options, "DriverConfig"), "Name", value);
	} else {
		create_pair(members_object(members_object(options, "DriverConfig"), "Options"), value);
	}
	members_object(options, "DriverConfig");
	return 0;
}

static int take_image(struct mount *m, const char *key, const char *value)
{
	(void)key;
	m->image = true;
	json_set_string(part(m, "ImageOptions"), "Subpath", value);
	return 0;
}

static int take_tmpfs(struct mount *m, const char *key, const char *value)
{
	int64_t size;
	uint64_t mode;

	m->tmpfs = true;
	if (strcmp(key, "tmpfs-size") == 0 && size_parse(value, &size) == 0) {
		json_set_int(part(m, "TmpfsOptions"), "SizeBytes", size);
		return 0;
	}
	if (strcmp(key, "tmpfs-mode") == 0 && str_to_u64(value, 8, 0, UINT32_MAX, &mode) == 0) {
		json_set_uint(part(m, "TmpfsOptions"), "Mode", mode);
		return 0;
	}
	return refuse(m, "invalid value for %s: %.100s", key, value);
}

static const struct {
	const char *key;
	bool alone; /* may stand without a value */
	int (*take)(struct mount *m, const char *key, const char *value);
} keys[] = {
	{ "type", false, take_type },
	{ "source", false, take_source },
	{ "src", false, take_source },
	{ "target", false, take_text },
	{ "dst", false, take_text },
	{ "destination", false, take_text },
	{ "readonly", true, take_readonly },
	{ "ro", true, take_readonly },
	{ "consistency", false, take_text },
	{ "bind-propagation", false, take_bind },
	{ "bind-nonrecursive", true, take_bind },
	{ "bind-recursive", false, take_bind },
	{ "volume-subpath", false, take_volume },
	{ "volume-nocopy", true, take_volume },
	{ "volume-label", false, take_volume },
	{ "volume-driver", false, take_volume },
	{ "volume-opt", false, take_volume },
	{ "image-subpath", false, take_image },
	{ "tmpfs-size", false, take_tmpfs },
	{ "tmpfs-mode", false, take_tmpfs },
};

static int take_field(struct mount *m, const char *field)
{
	const char *value = strchr(field, '=');
	auto_free char *key = strndup(field, strcspn(field, "="));

	for (char *p = key; p && *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
	for (size_t i = 0; key && i < sizeof keys / sizeof *keys; i++) {
		if (strcmp(keys[i].key, key) != 0)
			continue;
		if (value || keys[i].alone)
			return keys[i].take(m, key, value ? value + 1 : "true");
	}
	if (!value)
		return refuse(m, "invalid field '%.100s' must be a key=value pair", field);
	return refuse(m, "unexpected key '%.50s' in '%.100s'", key ? key : "", field);
}

static int check_mount(struct mount *m)
{
	const struct {
		bool given;
		const char *type;
	} kinds[] = { { m->volume, "volume" }, { m->bind, "bind" }, { m->image, "image" },
		{ m->tmpfs, "tmpfs" } };

	if (!m->type[0])
		return refuse(m, "type is required");
	if (!json_has(m->json, "Target"))
		return refuse(m, "target is required");
	for (size_t i = 0; i < 4; i++)
		if (kinds[i].given && strcmp(m->type, kinds[i].type) != 0)
			return refuse(
				m, "cannot mix '%s-*' options with mount type '%s'", kinds[i].type, m->type);
	bool special = m->recursive &&
		       (strcmp(m->recursive, "writable") == 0 || strcmp(m->recursive, "readonly") == 0);
	if (special && !m->readonly)
		return refuse(m,
			"option 'bind-recursive=%s' requires 'readonly' to be specified in conjunction",
			m->recursive);
	if (special && m->recursive[0] == 'r' && (!m->propagation || strcmp(m->propagation, "rprivate") != 0))
		return refuse(m, "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to "
				 "be specified in conjunction");
	return 0;
}

static int add_mount(const struct create_input *in, const char *text, struct json *mounts)
{
	struct mount m = { .in = in, .text = text, .type = "volume", .json = json_add_object(mounts) };
	auto_str_list char **fields = NULL;
	int r = create_csv(text, &fields);

	if (r < 0)
		return refuse(&m, "the quotes are not closed");
	json_set_string(m.json, "Type", m.type);
	for (size_t i = 0; fields[i] && r == 0; i++)
		r = take_field(&m, fields[i]);
	if (r == 0)
		r = check_mount(&m);
	json_set_string(m.json, "Type", m.type);
	return r;
}

/* ---- all ------------------------------------------------------------------------------------- */
static void add_tmpfs(const struct create_options *o, struct json *host)
{
	struct json *all = json_set_object(host, "Tmpfs");

	for (size_t i = 0; i < o->tmpfs.n; i++) {
		const char *spec = o->tmpfs.v[i], *colon = strchr(spec, ':');
		auto_free char *path = strndup(spec, strcspn(spec, ":"));
		if (path)
			json_set_string(all, path, colon ? colon + 1 : "");
	}
}

int create_mounts(const struct create_input *in, struct json *config, struct json *host)
{
	const struct create_options *o = in->o;
	struct json *mounts = o->mount.n > 0 ? json_set_array(host, "Mounts") : NULL;
	int r = 0;

	for (size_t i = 0; i < o->volume.n && r == 0; i++)
		r = add_volume(in, o->volume.v[i], config, host);
	for (size_t i = 0; i < o->mount.n && r == 0; i++)
		r = add_mount(in, o->mount.v[i], mounts);
	if (o->tmpfs.n > 0)
		add_tmpfs(o, host);
	return r;
}
