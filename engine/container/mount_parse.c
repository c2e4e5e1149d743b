/* SPDX-License-Identifier: Apache-2.0 */
/* The two ways to write a mount point. */
#include "engine/container/mounts.h"

#include "engine/volume/volume.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/str.h"
#include "lib/json/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const type_names[] = { "bind", "volume", "tmpfs" };

void mount_point_done(struct mount_point *m)
{
	volume_unref(m->volume);
	free(m->destination);
	free(m->source);
	free(m->name);
	free(m->driver);
	free(m->mode);
	free(m->propagation);
	free(m->subpath);
	free(m->tmpfs);
	json_free(m->options);
	json_free(m->labels);
	*m = (struct mount_point){ 0 };
}

static int keep(char **slot, const char *text, struct error *err)
{
	*slot = strdup(text);
	return *slot ? 0 : error_sys(err, ENOMEM, "cannot keep a mount");
}

/* ---- modes ------------------------------------------------------------------------------ */
static const char *const propagations[] = { "private", "rprivate", "slave", "rslave", "shared", "rshared",
	NULL };

static bool is_one_of(const char *word, size_t n, const char *const *list)
{
	for (; *list; list++)
		if (strlen(*list) == n && strncmp(*list, word, n) == 0)
			return true;
	return false;
}

struct mode {
	bool read_only, no_copy, asked_copy;
	char propagation[16];
	unsigned n_rw, n_label, n_copy, n_propagation, n_consistency;
};

static bool read_word(const char *word, size_t n, struct mode *m)
{
	static const char *const rw[] = { "rw", "ro", NULL }, *const labels[] = { "z", "Z", NULL },
				 *const consistency[] = { "consistent", "cached", "delegated", NULL },
				 *const copy[] = { "nocopy", NULL };

	if (is_one_of(word, n, rw)) {
		m->n_rw++;
		m->read_only = word[1] == 'o';
	} else if (is_one_of(word, n, labels)) {
		m->n_label++;
	} else if (is_one_of(word, n, consistency)) {
		m->n_consistency++;
	} else if (is_one_of(word, n, copy)) {
		m->n_copy++;
		m->no_copy = true;
	} else if (is_one_of(word, n, propagations)) {
		m->n_propagation++;
		path_format(m->propagation, sizeof m->propagation, "%.*s", (int)n, word);
	} else {
		return false;
	}
	return true;
}

/* Words of different kinds with commas between, one of a kind. */
static bool read_mode(const char *text, struct mode *m)
{
	*m = (struct mode){ 0 };
	if (!*text)
		return true;
	for (const char *word = text;; word++) {
		size_t n = strcspn(word, ",");
		if (!read_word(word, n, m))
			return false;
		word += n;
		if (!*word)
			break;
	}
	return m->n_rw <= 1 && m->n_label <= 1 && m->n_copy <= 1 && m->n_propagation <= 1 &&
	       m->n_consistency <= 1;
}

bool mount_mode_is_valid(const char *mode)
{
	struct mode m;

	return read_mode(mode, &m);
}

bool mount_mode_is_read_only(const char *mode)
{
	struct mode m;

	return read_mode(mode, &m) && m.read_only;
}

/* ---- what holds for both ------------------------------------------------------------------- */
static int set_destination(struct mount_point *m, const char *text, struct error *err)
{
	const char *type = type_names[m->type];
	char clean[PATH_MAX];

	if (!*text)
		return error_invalid(
			err, "invalid mount config for type \"%s\": field Target must not be empty", type);
	if (path_clean(text, clean, sizeof clean) < 0)
		return error_invalid(
			err, "invalid mount config for type \"%s\": the target is too long", type);
	if (*text == '/' && strcmp(clean, "/") == 0)
		return error_invalid(err,
			"invalid mount config for type \"%s\": invalid specification: destination can't be "
			"'/'",
			type);
	if (*text != '/')
		return error_invalid(err,
			"invalid mount config for type \"%s\": invalid mount path: '%s' mount path must be "
			"absolute",
			type, text);
	return keep(&m->destination, clean, err);
}

static int set_source(struct mount_point *m, const char *text, struct error *err)
{
	char clean[PATH_MAX];

	if (*text != '/')
		return error_invalid(err,
			"invalid mount config for type \"bind\": invalid mount path: '%s' mount path must be "
			"absolute",
			text);
	if (path_clean(text, clean, sizeof clean) < 0)
		return error_invalid(err, "invalid mount config for type \"bind\": the source is too long");
	return keep(&m->source, clean, err);
}

static int set_propagation(struct mount_point *m, const char *text, struct error *err)
{
	m->defaulted = !*text;
	if (*text && !is_one_of(text, strlen(text), propagations))
		return error_invalid(
			err, "invalid mount config for type \"bind\": invalid propagation mode: %s", text);
	return keep(&m->propagation, *text ? text : "rprivate", err);
}

/* ---- Binds ----------------------------------------------------------------------------------- */
static int no_spec(const char *text, struct error *err)
{
	return error_invalid(err, "invalid volume specification: '%s'", text);
}

static int refuse_field(const char *field, const char *type, struct error *err)
{
	return error_invalid(
		err, "invalid mount config for type \"%s\": field %s must not be specified", type, field);
}

static int read_bind(struct mount_point *m, const char *source, const char *target, const struct mode *mode,
	const char *driver, struct error *err)
{
	m->type = *source == '/' ? MOUNT_BIND : MOUNT_VOLUME;
	int r = set_destination(m, target, err);

	if (r < 0)
		return r;
	m->read_only = mode->read_only;
	if (m->type == MOUNT_BIND) {
		m->make_source = true;
		if (mode->n_copy)
			return refuse_field("VolumeOptions", "bind", err);
		r = set_propagation(m, mode->propagation, err);
		return r == 0 ? set_source(m, source, err) : r;
	}
	if (mode->n_propagation)
		return refuse_field("BindOptions", "volume", err);
	m->named = *source;
	m->copy = !mode->no_copy;
	r = keep(&m->name, source, err);
	return r == 0 ? keep(&m->driver, driver, err) : r;
}

/* Splits at ':' into at most three parts; what follows the second ':' is one mode. */
int mount_parse_bind(const char *text, const char *driver, struct mount_point *ret, struct error *err)
{
	auto_free char *copy = strdup(text);
	char *part[3] = { copy, NULL, NULL };
	struct mode mode;

	if (!copy)
		return error_sys(err, ENOMEM, "cannot read a bind");
	for (int i = 1; i < 3 && (part[i] = strchr(part[i - 1], ':')); i++)
		*part[i]++ = '\0';
	if (!*part[0] || (part[1] && !*part[1]) || (part[2] && strchr(part[2], ':')))
		return no_spec(text, err);
	if (part[1] && !part[2] && read_mode(part[1], &mode))
		return no_spec(text, err); /* "/foo:rw" */
	if (!read_mode(part[2] ? part[2] : "", &mode))
		return error_invalid(err, "invalid mode: %s", part[2]);
	int r = read_bind(ret, part[1] ? part[0] : "", part[1] ? part[1] : part[0], &mode, driver, err);
	if (r < 0)
		return error_prefix(err, r, "invalid volume specification: '%s'", text);
	return keep(&ret->mode, part[2] ? part[2] : ret->type == MOUNT_VOLUME ? "z" : "", err);
}

/* ---- Mounts ------------------------------------------------------------------------------------- */
static int refuse_options(const struct json *o, const struct mount_point *m, struct error *err)
{
	static const struct {
		const char *key;
		int type; /* that it belongs to */
	} keys[] = { { "BindOptions", MOUNT_BIND }, { "VolumeOptions", MOUNT_VOLUME },
		{ "TmpfsOptions", MOUNT_TMPFS }, { "ImageOptions", -1 }, { "ClusterOptions", -1 } };

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (json_at(o, keys[i].key) && keys[i].type != (int)m->type)
			return error_invalid(err, "%s must not be specified on mount type \"%s\"",
				keys[i].key, type_names[m->type]);
	return 0;
}

static int read_bind_options(const struct json *o, struct mount_point *m, struct error *err)
{
	const struct json *options = NULL;
	const char *source = "", *propagation = "";
	struct stat st;
	int r = json_opt_string(o, "Source", "", &source, err);

	if (r == 0)
		r = json_opt_object(o, "BindOptions", &options, err);
	if (r == 0)
		r = json_opt_string(options, "Propagation", "", &propagation, err);
	if (r == 0)
		r = json_opt_bool(options, "NonRecursive", false, &m->non_recursive, err);
	if (r == 0)
		r = json_opt_bool(options, "CreateMountpoint", false, &m->make_source, err);
	if (r == 0)
		r = json_opt_bool(options, "ReadOnlyNonRecursive", false, &m->read_only_top, err);
	if (r == 0 && !*source)
		r = error_invalid(
			err, "invalid mount config for type \"bind\": field Source must not be empty");
	if (r == 0)
		r = set_propagation(m, propagation, err);
	if (r == 0)
		r = set_source(m, source, err);
	if (r == 0 && !m->make_source && stat(m->source, &st) < 0)
		r = error_invalid(err,
			"invalid mount config for type \"bind\": bind source path does not exist: %s",
			m->source);
	return r;
}

static bool is_local(const char *subpath)
{
	char clean[PATH_MAX];

	if (!*subpath || *subpath == '/' || path_clean(subpath, clean, sizeof clean) < 0)
		return false;
	/* Clean paths that leave begin with "..", whatever path_clean makes of them otherwise. */
	int depth = 0;
	for (const char *p = subpath; *p; p += strcspn(p, "/"), p += *p == '/') {
		size_t n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.')
			depth--;
		else if (n > 0 && !(n == 1 && p[0] == '.'))
			depth++;
		if (depth < 0)
			return false;
	}
	return true;
}

static int set_subpath(struct mount_point *m, const char *subpath, struct error *err)
{
	char clean[PATH_MAX];

	if (!*subpath)
		return keep(&m->subpath, "", err);
	if (!m->named)
		return error_invalid(err,
			"invalid mount config for type \"volume\": must not set Subpath when using anonymous "
			"volumes");
	if (!is_local(subpath))
		return error_invalid(err, "invalid mount config for type \"volume\": subpath must be a "
					  "relative path within the "
					  "volume");
	path_format(clean, sizeof clean, "/%s", subpath);
	if (path_clean(clean, clean, sizeof clean) < 0)
		return error_invalid(
			err, "invalid mount config for type \"volume\": the subpath is too long");
	return keep(&m->subpath, clean + 1, err);
}

static int read_volume_driver(const struct json *options, struct mount_point *m, struct error *err)
{
	const struct json *config = NULL, *driver_options = NULL, *labels = NULL;
	const char *name = "";
	int r = json_opt_object(options, "DriverConfig", &config, err);

	if (r == 0)
		r = json_opt_string(config, "Name", "", &name, err);
	if (r == 0)
		r = json_opt_object(config, "Options", &driver_options, err);
	if (r == 0)
		r = json_opt_object(options, "Labels", &labels, err);
	if (r == 0)
		r = keep(&m->driver, name, err);
	if (r < 0)
		return r;
	m->options = driver_options ? json_copy(driver_options) : NULL;
	m->labels = labels ? json_copy(labels) : NULL;
	return 0;
}

static int read_volume(const struct json *o, struct mount_point *m, struct error *err)
{
	const struct json *options = NULL;
	const char *source = "", *subpath = "";
	bool no_copy = false;
	int r = json_opt_string(o, "Source", "", &source, err);

	m->named = *source;
	if (r == 0 && !m->named && m->read_only)
		r = error_invalid(err,
			"invalid mount config for type \"volume\": must not set ReadOnly mode when using "
			"anonymous volumes");
	if (r == 0)
		r = json_opt_object(o, "VolumeOptions", &options, err);
	if (r == 0)
		r = json_opt_bool(options, "NoCopy", false, &no_copy, err);
	if (r == 0)
		r = json_opt_string(options, "Subpath", "", &subpath, err);
	if (r == 0)
		r = set_subpath(m, subpath, err);
	if (r == 0)
		r = read_volume_driver(options, m, err);
	m->copy = !no_copy;
	return r == 0 ? keep(&m->name, source, err) : r;
}

static int tmpfs_options(const struct json *options, struct str *text, struct error *err)
{
	const struct json *list = NULL, *pair;
	const char *word;
	int r = json_opt_array(options, "Options", &list, err);

	for (size_t i = 0; r == 0 && i < json_count(list); i++) {
		r = json_item_array(list, i, &pair, err);
		if (r == 0 && json_count(pair) != 1 && json_count(pair) != 2)
			return error_invalid(
				err, "invalid mount config for type \"tmpfs\": invalid option array length");
		if (r == 0)
			r = json_item_string(pair, 0, &word, err);
		if (r == 0 && (json_count(pair) != 1 || (strcmp(word, "exec") && strcmp(word, "noexec"))))
			r = error_invalid(
				err, "invalid mount config for type \"tmpfs\": invalid option: %s", word);
		if (r == 0)
			str_addf(text, ",%s", word);
	}
	return r;
}

static int read_tmpfs(const struct json *o, struct mount_point *m, struct error *err)
{
	const struct json *options = NULL;
	auto_str struct str text = STR_INIT(4096);
	const char *source = "";
	int64_t size = 0, mode = 0;
	int r = json_opt_string(o, "Source", "", &source, err);

	if (r == 0 && *source)
		r = refuse_field("Source", "tmpfs", err);
	if (r == 0)
		r = json_opt_object(o, "TmpfsOptions", &options, err);
	if (r == 0)
		r = json_opt_int(options, "SizeBytes", 0, 0, INT64_MAX, &size, err);
	if (r == 0)
		r = json_opt_int(options, "Mode", 0, 0, 07777, &mode, err);
	if (r < 0)
		return r;
	str_add(&text, "noexec,nosuid,nodev");
	if (m->read_only)
		str_add(&text, ",ro");
	if (mode)
		str_addf(&text, ",mode=%o", (unsigned)mode);
	if (size)
		str_addf(&text, ",size=%lld", (long long)size);
	r = tmpfs_options(options, &text, err);
	return r == 0 ? keep(&m->tmpfs, str_text(&text), err) : r;
}

static int read_type(const struct json *o, enum mount_type *ret, struct error *err)
{
	const char *type = "";
	int r = json_opt_string(o, "Type", "", &type, err);

	if (r < 0)
		return r;
	for (int i = MOUNT_BIND; i <= MOUNT_TMPFS; i++)
		if (strcmp(type, type_names[i]) == 0) {
			*ret = (enum mount_type)i;
			return 0;
		}
	if (strcmp(type, "image") == 0)
		return error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
			"mounts of type image are not built into gantry " GANTRY_VERSION);
	return error_invalid(err, "invalid mount config for type \"%s\": mount type unknown", type);
}

int mount_parse_object(const struct json *o, struct mount_point *m, struct error *err)
{
	const char *target = "";
	int r = read_type(o, &m->type, err);

	if (r == 0)
		r = json_opt_string(o, "Target", "", &target, err);
	if (r == 0)
		r = json_opt_bool(o, "ReadOnly", false, &m->read_only, err);
	if (r == 0)
		r = refuse_options(o, m, err);
	if (r == 0)
		r = set_destination(m, target, err);
	if (r == 0)
		r = keep(&m->mode, m->type == MOUNT_VOLUME ? "z" : "", err);
	if (r < 0)
		return r;
	switch (m->type) {
	case MOUNT_BIND: return read_bind_options(o, m, err);
	case MOUNT_VOLUME: return read_volume(o, m, err);
	default: return read_tmpfs(o, m, err);
	}
}
