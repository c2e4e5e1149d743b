/* SPDX-License-Identifier: Apache-2.0 */
/* restart, resize, pause, unpause, rename. */
#include "engine/container/object.h"
#include "engine/container/stop.h"

#include "engine/container/names.h"
#include "engine/container/shim_client.h"
#include "engine/net/net.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/path.h"

#include <errno.h>
#include <string.h>

#define FREEZE_NS (10 * CLOCK_S)

int container_restart(struct container *c, int64_t timeout_s, int signal, struct error *err)
{
	/* What runs on --rm would go with its end. */
	bool auto_remove = c->auto_remove;
	c->auto_remove = false;
	int r = container_stop(c, timeout_s, signal, err);
	c->auto_remove = auto_remove;

	if (r < 0)
		return r;
	r = container_start(c, err);
	if (r == 0)
		container_event(c, "restart", NULL, NULL);
	return r < 0 ? r : 0;
}

static int not_running(struct container *c, struct error *err)
{
	return error_set(err, ERROR_CONFLICT, ESRCH, "container %s is not running", c->id);
}

int container_resize(struct container *c, unsigned rows, unsigned cols, struct error *err)
{
	struct shim *shim = container_shim(c);
	int r = shim ? shim_resize(shim, NULL, rows, cols, err) : not_running(c, err);

	if (shim)
		shim_unref(shim);
	if (r == 0)
		container_event(c, "resize", NULL, NULL);
	return r == -ENOTTY ? 0 : r;
}

/* ---- the freezer ---------------------------------------------------------------------------- */
static int set_frozen(struct container *c, bool frozen, struct error *err)
{
	char path[CGROUP_PATH_MAX];
	struct cgroup cg = CGROUP_NONE;
	int64_t deadline = clock_mono_ns() + FREEZE_NS;

	if (container_cgroup_path(c, path, sizeof path) < 0)
		return error_invalid(err, "the cgroup parent is too long");
	int r = cgroup_open(&c->engine->cgroups, path, &cg, err);
	if (r < 0)
		return r;
	r = frozen ? cgroup_freeze(&cg, deadline, err) : cgroup_thaw(&cg, deadline, err);
	cgroup_close(&cg);
	return r;
}

static int pause_with_op(struct container *c, bool paused, struct error *err)
{
	struct container_life life = container_life(c);

	if (life.phase != CONTAINER_RUNNING)
		return paused ? not_running(c, err)
			      : error_set(err, ERROR_CONFLICT, EINVAL, "Container %s is not paused", c->id);
	if (life.paused == paused)
		return error_set(err, ERROR_CONFLICT, EALREADY, "Container %s is %s paused", c->id,
			paused ? "already" : "not");
	int r = set_frozen(c, paused, err);
	if (r < 0)
		return r;
	life.paused = paused;
	r = container_save(c, &life, err);
	if (r < 0) {
		set_frozen(c, !paused, NULL);
		return r;
	}
	container_event(c, paused ? "pause" : "unpause", NULL, NULL);
	return 0;
}

static int set_paused(struct container *c, bool paused, struct error *err)
{
	int r = container_op_begin(c, paused ? "pause" : "unpause", err);

	if (r < 0)
		return r;
	r = pause_with_op(c, paused, err);
	container_op_end(c);
	return r;
}

int container_pause(struct container *c, struct error *err)
{
	return set_paused(c, true, err);
}

int container_unpause(struct container *c, struct error *err)
{
	return set_paused(c, false, err);
}

void container_thaw_for_signal(struct container *c)
{
	struct error err = ERROR_INIT;

	if (container_life(c).paused && container_unpause(c, &err) < 0)
		log_warning("container %s: %s", c->id, err.text);
}

/* ---- names --------------------------------------------------------------------------------------- */
static int rename_with_op(struct container *c, const char *name, struct error *err)
{
	char old[300] = "/"; /* as Docker tells it */
	struct container_life life = container_life(c);
	int r;

	pthread_mutex_lock(&c->lock);
	path_format(old + 1, sizeof old - 1, "%s", c->name);
	pthread_mutex_unlock(&c->lock);
	if (strcmp(old + 1, name) == 0)
		return error_invalid(err, "Renaming a container with the same name as its current name");
	r = containers_rename(c->engine->containers, c, name, err);
	if (r < 0)
		return error_prefix(err, r, "Error when allocating new name");
	r = container_save(c, &life, err);
	if (r < 0) {
		containers_rename(c->engine->containers, c, old + 1, NULL);
		return r;
	}
	if (c->net)
		net_rename(c->net, name);
	container_event(c, "rename", "oldName", old);
	return 0;
}

int container_rename(struct container *c, const char *name, struct error *err)
{
	const char *bare;

	if (!*name)
		return error_invalid(err, "Neither old nor new names may be empty");
	if (names_check(name, &bare, NULL) < 0)
		return error_invalid(err,
			"Error when allocating new name: Invalid container name (%s%s), only "
			"[a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
			*name == '/' ? "" : "/", name);
	int r = container_op_begin(c, "rename", err);
	if (r < 0)
		return r;
	r = rename_with_op(c, bare, err);
	container_op_end(c);
	return r;
}
