/* SPDX-License-Identifier: Apache-2.0 */
/* DELETE /containers/{id}, and the same for --rm. */
#include "engine/container/all.h"
#include "engine/container/object.h"
#include "engine/container/stop.h"

#include "core/storage/storage.h"
#include "engine/container/pool.h"
#include "engine/container/shim_client.h"
#include "engine/image/image.h"
#include "engine/storages.h"
#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"

#include <errno.h>

#define KILL_WAIT_NS (30 * CLOCK_S)

int container_remove_now(struct container *c, bool volumes, struct error *err)
{
	struct container_life life = container_life(c);

	life.drops_volumes = volumes;
	life.phase = CONTAINER_REMOVING;
	int r = container_save(c, &life, err);
	if (r < 0)
		return r;
	fault_point("remove.row");
	container_event(c, "destroy", NULL, NULL);
	if (c->image)
		image_release(c->image, c->id);
	mounts_release(c); /* named ones may be removed from here on */
	container_attach_drop(c);
	containers_drop(c->engine->containers, c);
	container_wait_tell(c, true);
	return 0;
}

/* A driver that fails keeps the row: the next start tries again. */
void container_remove_rest(struct container *c)
{
	struct error err = ERROR_INIT;
	struct storage *st;
	int r = storages_get(c->engine->storages, c->storage, &st, &err);

	container_cgroup_remove(c);
	if (r == 0)
		r = storage_remove(st, c->id, NULL, &err);
	if (r < 0) {
		log_warning("container %s: its layer is not removed yet: %s", c->id, err.text);
		return;
	}
	fault_point("remove.layer");
	container_files_remove(c);
	fault_point("remove.files");
	if (c->life.drops_volumes)
		mounts_remove_anonymous(c);
	if (container_forget(c, &err) < 0)
		log_warning("container %s: %s", c->id, err.text);
}

static void rest(void *arg)
{
	struct container *c = arg;

	container_remove_rest(c);
	container_unref(c);
}

static int end_running(struct container *c, struct error *err)
{
	struct shim *shim = container_shim(c);

	if (!shim)
		return 0;
	int r = shim_kill(shim, err);
	shim_unref(shim);
	if (r < 0 && r != -ESRCH)
		return error_prefix(err, r, "cannot remove container \"%s\": could not kill", c->id);
	return container_wait_ended(c, clock_mono_ns() + KILL_WAIT_NS, err);
}

static int refuse_running(struct container *c, struct error *err)
{
	pthread_mutex_lock(&c->lock);
	int r = error_set(err, ERROR_CONFLICT, EBUSY,
		"cannot remove container \"%s\": container is running: stop the container before removing or "
		"force remove",
		c->name);
	pthread_mutex_unlock(&c->lock);
	return r;
}

int container_remove(struct container *c, bool force, bool volumes, struct error *err)
{
	int r = force ? end_running(c, err) : 0;

	if (r == 0)
		r = container_op_begin(c, "remove", err);
	if (r == -ENOENT && force)
		return 0; /* --rm was quicker */
	if (r < 0)
		return r;
	r = container_life(c).phase == CONTAINER_RUNNING ? refuse_running(c, err)
							 : container_remove_now(c, volumes, err);
	container_op_end(c);
	if (r == 0 && !pool_post(table_all(c->engine->containers)->pool, rest, container_ref(c)))
		container_unref(c); /* the next start finishes it */
	return r;
}
