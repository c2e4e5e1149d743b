/* SPDX-License-Identifier: Apache-2.0 */
/* All mount points of a create request. */
#include "engine/container/mounts.h"
#include "engine/container/object.h"

#include "lib/base/cleanup.h"
#include "lib/base/id.h"
#include "lib/base/path.h"
#include "lib/base/str.h"
#include "lib/json/json.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	struct engine *engine;
	const struct json *config, *host;
	struct mount_points *out;
	struct error *err;
};

void mounts_done(struct mount_points *all)
{
	for (size_t i = 0; i < all->n; i++)
		mount_point_done(&all->v[i]);
	free(all->v);
	*all = (struct mount_points){ 0 };
}

const struct mount_point *mounts_at(const struct mount_points *all, const char *destination)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->v[i].destination, destination) == 0)
			return &all->v[i];
	return NULL;
}

static const struct mount_point *find(const struct reading *r, const char *destination)
{
	return mounts_at(r->out, destination);
}

static bool is_tmpfs(const struct reading *r, const char *destination)
{
	char clean[PATH_MAX];

	json_each (json_at(r->host, "Tmpfs"), it)
		if (path_clean(it.key, clean, sizeof clean) == 0 && strcmp(clean, destination) == 0)
			return true;
	return false;
}

/* Takes what m has. */
static int append(struct reading *r, struct mount_point *m)
{
	struct mount_points *out = r->out;

	if (out->n == MOUNTS_MAX)
		return error_invalid(r->err, "more than %d mounts", MOUNTS_MAX);
	struct mount_point *v = reallocarray(out->v, out->n + 1, sizeof *v);
	if (!v)
		return error_sys(r->err, ENOMEM, "cannot keep mounts");
	out->v = v;
	v[out->n++] = *m;
	*m = (struct mount_point){ 0 };
	return 0;
}

/* In the place of what had the destination before. */
static int replace(struct reading *r, struct mount_point *m)
{
	const struct mount_point *there = find(r, m->destination);

	if (!there)
		return append(r, m);
	struct mount_point *slot = &r->out->v[there - r->out->v];
	mount_point_done(slot);
	*slot = *m;
	*m = (struct mount_point){ 0 };
	return 0;
}

/* What names a destination that another one of the request has, too, is a mistake. */
static int add_own(struct reading *r, struct mount_point *m, size_t inherited)
{
	const struct mount_point *there = find(r, m->destination);

	if (is_tmpfs(r, m->destination) || (there && there >= r->out->v + inherited))
		return error_invalid(r->err, "Duplicate mount point: %s", m->destination);
	return replace(r, m); /* it stands before what VolumesFrom says */
}

/* ---- VolumesFrom -------------------------------------------------------------------------- */
static char *copy_text(const char *t)
{
	return t ? strdup(t) : NULL;
}

static int inherit(struct reading *r, const struct mount_point *from, bool read_only)
{
	struct mount_point m = *from;

	m.destination = copy_text(from->destination);
	m.source = copy_text(from->source);
	m.name = copy_text(from->name);
	m.driver = copy_text(from->driver);
	m.mode = copy_text("");
	m.propagation = copy_text(from->propagation);
	m.subpath = copy_text(from->subpath);
	m.tmpfs = copy_text(from->tmpfs);
	m.options = m.labels = NULL;
	m.volume = NULL;
	m.read_only = from->read_only || read_only;
	m.copy = false;
	int rc = m.destination && m.mode ? 0 : error_sys(r->err, ENOMEM, "cannot keep mounts");
	if (rc == 0 && !is_tmpfs(r, m.destination))
		rc = replace(r, &m);
	mount_point_done(&m);
	return rc;
}

static int read_from(struct reading *r, const char *text)
{
	auto_free char *name = strdup(text);
	char *mode = name ? strchr(name, ':') : NULL;
	struct container *c;

	if (!*text)
		return error_invalid(r->err, "volumes-from specification cannot be an empty string");
	if (!name)
		return error_sys(r->err, ENOMEM, "cannot read mounts");
	if (mode)
		*mode++ = '\0';
	if (mode && !mount_mode_is_valid(mode))
		return error_invalid(r->err, "invalid mode: %s", mode);
	int rc = containers_find(r->engine->containers, name, &c, r->err);
	if (rc == -ENOENT)
		return error_invalid(r->err, "No such container: %s", name);
	if (rc < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < c->mounts.n; i++)
		rc = inherit(r, &c->mounts.v[i], mode && mount_mode_is_read_only(mode));
	container_unref(c);
	return rc;
}

static int read_volumes_from(struct reading *r)
{
	const struct json *list = json_at(r->host, "VolumesFrom");
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < json_count(list); i++)
		rc = read_from(r, json_string(json_item(list, i)));
	return rc;
}

/* ---- Binds, Mounts, Volumes ----------------------------------------------------------------- */
static int read_binds(struct reading *r, size_t inherited)
{
	const struct json *list = json_at(r->host, "Binds");
	const char *driver = json_string(json_at(r->host, "VolumeDriver"));
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < json_count(list); i++) {
		struct mount_point m = { 0 };
		rc = mount_parse_bind(json_string(json_item(list, i)), driver ? driver : "", &m, r->err);
		if (rc == 0)
			rc = add_own(r, &m, inherited);
		mount_point_done(&m);
	}
	return rc;
}

static int read_objects(struct reading *r, size_t inherited)
{
	const struct json *list = json_at(r->host, "Mounts"), *o;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < json_count(list); i++) {
		struct mount_point m = { 0 };
		rc = json_item_object(list, i, &o, r->err);
		if (rc == 0)
			rc = mount_parse_object(o, &m, r->err);
		if (rc == 0)
			rc = add_own(r, &m, inherited);
		mount_point_done(&m);
	}
	return rc;
}

/* VOLUME of the image, and `-v /path`. */
static int read_volumes(struct reading *r)
{
	const char *driver = json_string(json_at(r->host, "VolumeDriver"));
	char clean[PATH_MAX];
	int rc = 0;

	json_each (json_at(r->config, "Volumes"), it) {
		struct mount_point m = { 0 };
		if (it.key[0] != '/' || path_clean(it.key, clean, sizeof clean) < 0)
			return error_invalid(
				r->err, "invalid volume path '%.200s': it must be absolute", it.key);
		if (find(r, clean) || is_tmpfs(r, clean))
			continue;
		rc = mount_parse_bind(clean, driver ? driver : "", &m, r->err);
		if (rc == 0) {
			m.mode[0] = '\0';
			rc = append(r, &m);
		}
		mount_point_done(&m);
		if (rc < 0)
			return rc;
	}
	return rc;
}

/* Names that the row can tell before the volumes are there. */
static int name_anonymous(struct reading *r)
{
	char id[ID_SIZE];

	for (size_t i = 0; i < r->out->n; i++) {
		struct mount_point *m = &r->out->v[i];
		if (m->type != MOUNT_VOLUME || *m->name)
			continue;
		id_new(id);
		free(m->name);
		m->name = strdup(id);
		if (!m->name)
			return error_sys(r->err, ENOMEM, "cannot keep mounts");
	}
	return 0;
}

/* What is mounted from a folder that holds the engine's own does not keep the engine's mounts busy. */
static int default_propagation(struct reading *r)
{
	for (size_t i = 0; i < r->out->n; i++) {
		struct mount_point *m = &r->out->v[i];
		if (m->type != MOUNT_BIND || !m->defaulted ||
			!path_is_below(r->engine->config.data_root, m->source))
			continue;
		free(m->propagation);
		m->propagation = strdup("rslave");
		if (!m->propagation)
			return error_sys(r->err, ENOMEM, "cannot keep mounts");
	}
	return 0;
}

int mounts_read(struct engine *engine, const struct json *config, const struct json *host_config,
	struct mount_points *ret, struct error *err)
{
	struct reading r = {
		.engine = engine, .config = config, .host = host_config, .out = ret, .err = err
	};
	int rc = read_volumes_from(&r);
	size_t inherited = ret->n;

	if (rc == 0)
		rc = read_binds(&r, inherited);
	if (rc == 0)
		rc = read_objects(&r, inherited);
	if (rc == 0)
		rc = read_volumes(&r);
	if (rc == 0)
		rc = name_anonymous(&r);
	return rc == 0 ? default_propagation(&r) : rc;
}
