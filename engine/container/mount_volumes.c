/* SPDX-License-Identifier: Apache-2.0 */
/* The volumes of a container, from its create to its removal. */
#include "engine/container/mounts.h"
#include "engine/container/object.h"

#include "core/plugin/call.h"
#include "core/storage/storage.h"
#include "engine/storages.h"
#include "engine/volume/volume.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/json/json.h"
#include "lib/rootfs/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* ---- create ------------------------------------------------------------------------------ */
static int make_one(struct container *c, struct mount_point *m, struct error *err)
{
	struct volume_ask ask = { .name = m->name,
		.anonymous = !m->named,
		.driver = m->driver,
		.options = m->options,
		.labels = m->labels };

	return volumes_make(c->engine->volumes, &ask, c->id, &m->volume, err);
}

int mounts_make(struct container *c, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->mounts.n; i++)
		if (c->mounts.v[i].type == MOUNT_VOLUME)
			r = make_one(c, &c->mounts.v[i], err);
	return r;
}

static int fill_one(
	struct container *c, const struct mount_point *m, int root, struct json *warnings, struct error *err)
{
	auto_close int src = rootfs_open(root, m->destination, O_RDONLY | O_DIRECTORY, 0);
	bool skipped;

	if (src == -ENOENT)
		return 0;
	if (src == -ENOTDIR)
		return error_invalid(
			err, "cannot mount volume over existing file, file exists %s", m->destination);
	if (src < 0)
		return error_sys(err, -src, "cannot open '%s' of the image", m->destination);
	int r = volume_fill(m->volume, c->id, src, &skipped, err);
	if (r == 0 && skipped)
		json_add_string(warnings,
			"a volume on a network is mounted by its container: the image's files are not copied "
			"into it");
	return r;
}

static bool wants_fill(const struct container *c)
{
	for (size_t i = 0; i < c->mounts.n; i++)
		if (c->mounts.v[i].type == MOUNT_VOLUME && c->mounts.v[i].copy)
			return true;
	return false;
}

int mounts_fill(struct container *c, struct json *warnings, struct error *err)
{
	struct gty_mount_req req = {
		.flags = GTY_MOUNT_NO_STEPS | GTY_MOUNT_RDONLY, .id = c->id, .holder = c->id
	};
	auto_reply struct gty_tree *tree = NULL;
	struct storage *st;

	if (!wants_fill(c))
		return 0;
	int r = storages_get(c->engine->storages, c->storage, &st, err);
	if (r == 0)
		r = storage_mount(st, &req, NULL, &tree, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < c->mounts.n; i++) {
		const struct mount_point *m = &c->mounts.v[i];
		if (m->type == MOUNT_VOLUME && m->copy)
			r = fill_one(c, m, tree->fd, warnings, err);
	}
	close(take_fd(tree->fd)); /* it would keep the mount */
	if (storage_unmount(st, c->id, c->id, tree->state, NULL, NULL) < 0)
		log_warning("container %s: its layer stays mounted until the next start", c->id);
	return r;
}

/* ---- later --------------------------------------------------------------------------------- */
void mounts_hold(struct container *c)
{
	struct error err = ERROR_INIT;

	for (size_t i = 0; i < c->mounts.n; i++) {
		struct mount_point *m = &c->mounts.v[i];
		if (m->type != MOUNT_VOLUME)
			continue;
		if (volumes_find(c->engine->volumes, m->name, &m->volume, &err) < 0 ||
			volume_hold(m->volume, c->id, &err) < 0)
			log_warning("container %s: %s", c->id, err.text);
	}
}

void mounts_release(struct container *c)
{
	for (size_t i = 0; i < c->mounts.n; i++)
		if (c->mounts.v[i].volume)
			volume_release(c->mounts.v[i].volume, c->id);
}

void mounts_remove_anonymous(struct container *c)
{
	struct error err = ERROR_INIT;

	for (size_t i = 0; i < c->mounts.n; i++) {
		const struct mount_point *m = &c->mounts.v[i];
		if (m->type != MOUNT_VOLUME || m->named)
			continue;
		int r = volumes_remove(c->engine->volumes, m->name, true, &err);
		if (r < 0 && r != -EBUSY) /* another container took it over by VolumesFrom */
			log_warning("container %s: %s", c->id, err.text);
	}
}
