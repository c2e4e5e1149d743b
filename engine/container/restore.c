/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an earlier gantryd left: rows that say what should be, shims that say what is.  Containers that live
 * are taken over, exits that nobody saw are learnt from journals, half-made ones are finished or undone.
 */
#include "engine/container/all.h"
#include "engine/container/object.h"
#include "engine/container/table.h"

#include "core/storage/storage.h"
#include "engine/container/pool.h"
#include "engine/container/shim_client.h"
#include "engine/image/image.h"
#include "engine/net/net.h"
#include "engine/state/state.h"
#include "engine/storages.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/base/path.h"
#include "runtime/compile/seccomp_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define POOL_THREADS   8
#define CACHED_FILTERS 64
#define SHIM_WAITS     200 /* of 10 ms */

/* ---- what all share ------------------------------------------------------------------- */
static bool has_apparmor(void)
{
	auto_free char *text = NULL;

	return fd_read_file(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", 16, &text, NULL) == 0 &&
	       text[0] == 'Y';
}

/* Shims live in a cgroup of their own, so that a service manager that ends gantryd's unit spares them. */
static int open_shim_cgroup(struct engine *e, struct cgroup *ret, struct error *err)
{
	char path[CGROUP_PATH_MAX];
	struct cgroup_spec spec = { .path = path, .instance = e->instance, .reuse_populated = true };

	path_format(path, sizeof path, "/gantry/shims/%s", e->instance);
	return cgroup_create(&e->cgroups, &spec, ret, err);
}

static int open_hub(struct engine *e, struct all *all, struct error *err)
{
	char folder[PATH_MAX], program[PATH_MAX];
	const char *at = e->config.shim_folder;
	int r = open_shim_cgroup(e, &all->shim_cgroup, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < CGROUP_HIERARCHIES_MAX; i++)
		if (i < all->shim_cgroup.layout->n && all->shim_cgroup.tasks[i] >= 0)
			all->shim_tasks[all->n_shim_tasks++] = all->shim_cgroup.tasks[i];
	if (path_format(folder, sizeof folder, "%s/shim", e->config.exec_root) < 0 ||
		path_format(program, sizeof program, "%s/gantry-shim", at ? at : "") < 0)
		return error_invalid(err, "--exec-root is too long");
	struct shim_hub_options options = { .folder = folder,
		.program = at ? program : NULL,
		.cgroup_fd = cgroup_v2_fd(&all->shim_cgroup),
		.procs_fds = all->shim_tasks,
		.nprocs = all->n_shim_tasks,
		.callbacks = { .event = container_on_event, .died = container_on_died } };
	return shim_hub_new(&options, &all->shims, err);
}

static int open_shared(struct engine *e, struct all *all, struct error *err)
{
	all->apparmor = has_apparmor();
	all->seccomp_cache = seccomp_cache_new(CACHED_FILTERS);
	if (!all->seccomp_cache)
		return error_sys(err, ENOMEM, "cannot keep seccomp filters");
	int r = pool_new(POOL_THREADS, &all->pool, err);
	return r == 0 ? open_hub(e, all, err) : r;
}

/* ---- rows --------------------------------------------------------------------------------- */
struct restoring {
	struct engine *engine;
	struct containers *all;
	struct container **half; /* creating, removing: in no table */
	size_t n_half, room;
};

static int keep_half(struct restoring *r, struct container *c, struct error *err)
{
	if (r->n_half == r->room) {
		size_t room = r->room ? r->room * 2 : 16;
		struct container **more = reallocarray(r->half, room, sizeof *more);
		if (!more)
			return error_sys(err, ENOMEM, "cannot keep half-made containers");
		r->half = more;
		r->room = room;
	}
	r->half[r->n_half++] = c;
	return 0;
}

static int load_row(void *ctx, const struct state_row *row, struct error *err)
{
	struct restoring *r = ctx;
	struct container *c;
	int rc = container_from_row(r->engine, row->id, row->name, row->body, &c, err);

	if (rc < 0) { /* one bad row does not take the others away */
		log_error("%s: it is passed over", err->text);
		return 0;
	}
	if (c->life.phase == CONTAINER_CREATING || c->life.phase == CONTAINER_REMOVING || !c->name)
		return keep_half(r, c, err);
	rc = containers_add(r->all, c, err);
	if (rc == 0) {
		struct error why = ERROR_INIT;
		if (container_network_load(c, c->network_saved, &why) < 0)
			log_error("container %s: %s", c->id, why.text);
	}
	if (rc == 0)
		mounts_hold(c);
	if (rc == 0 && image_find_held(r->engine->images, c->image_id, &c->image) == 0) {
		image_hold(c->image, c->id);
		image_hold_running(c->image, c->id, c->life.phase == CONTAINER_RUNNING);
	}
	container_unref(c); /* the table has it */
	return rc;
}

/* ---- shims ----------------------------------------------------------------------------------- */
static void end_with(struct container *c, int code, bool oom, int64_t time_ns, const char *error)
{
	struct container_exit how = { .code = code, .oom = oom, .time_ns = time_ns, .error = error };

	if (container_op_begin(c, "exit", NULL) < 0)
		return;
	container_ended(c, &how);
	bool removed = c->auto_remove && container_remove_now(c, true, NULL) == 0;
	container_op_end(c);
	if (removed)
		container_remove_rest(c);
}

/* The program was never let go: the start is as if it had not been. */
static void take_start_back(struct container *c)
{
	struct container_life life = container_life(c);
	struct error err = ERROR_INIT;

	life.phase = life.prev_started_ns ? CONTAINER_EXITED : CONTAINER_CREATED;
	life.exit_code = life.prev_exit_code;
	life.started_ns = life.prev_started_ns;
	life.pid = 0;
	if (c->net) {
		net_stop(c->net, true);
		net_released(c->net);
	}
	mounts_unuse(c);
	if (container_save(c, &life, &err) < 0)
		log_warning("container %s: %s", c->id, err.text);
}

static const struct proto_shim_event *last_of(const struct shim_found *f, bool *ret_released)
{
	const struct proto_shim_event *last = NULL;

	*ret_released = false;
	for (size_t i = 0; i < f->n; i++) {
		*ret_released |= f->events[i].kind == PROTO_EVENT_RELEASED;
		if (proto_shim_is_last(&f->events[i]))
			last = &f->events[i];
	}
	return last;
}

static void learn_from_journal(struct container *c, const struct shim_found *f)
{
	bool released;
	const struct proto_shim_event *last = last_of(f, &released);

	container_cgroup_remove(c);
	if (container_life(c).phase != CONTAINER_RUNNING)
		return;
	if (last && last->kind == PROTO_EVENT_EXIT)
		end_with(c,
			WIFSIGNALED(last->status) ? 128 + WTERMSIG(last->status) : WEXITSTATUS(last->status),
			last->oom, last->time_ns, "");
	else if (released && !last)
		end_with(c, 137, false, clock_real_ns(), "supervisor died");
	else
		take_start_back(c);
}

static void on_found(void *arg, const struct shim_found *f)
{
	struct restoring *r = arg;
	struct container *c = NULL;
	struct error err = ERROR_INIT;
	bool known = containers_find(r->all, f->short_id, &c, NULL) == 0;

	if (!f->shim) {
		if (known)
			learn_from_journal(c, f);
		if (shim_remove_folder(table_all(r->all)->shims, f->short_id, &err) < 0)
			log_warning("%s", err.text);
	} else if (known && shim_facts(f->shim)->state != PROTO_STATE_PARKED &&
		   container_life(c).phase == CONTAINER_RUNNING) {
		shim_set_data(f->shim, c);
		c->shim = f->shim;
		if (c->net && container_network_restore(c, &err) < 0)
			log_warning("container %s: %s", c->id, err.text);
	} else {
		log_warning("shim %s belongs to no container that should run: it is ended", f->short_id);
		shim_teardown(f->shim);
		shim_unref(f->shim);
	}
	if (known)
		container_unref(c);
}

static uint64_t nothing_acked(void *arg, const char *short_id)
{
	(void)arg;
	(void)short_id;
	return 0;
}

/* Said to run, with neither shim nor journal: a reboot, or somebody emptied exec-root. */
static int end_lost(struct container *c, void *ctx)
{
	struct engine *e = ctx;
	struct container_life life = container_life(c);

	if (life.phase != CONTAINER_RUNNING || c->shim)
		return 0;
	container_cgroup_remove(c);
	bool reboot = strcmp(life.boot_id, e->boot_id) != 0;
	end_with(
		c, 255, false, clock_real_ns(), reboot ? "the host was restarted" : "its supervisor is gone");
	return 0;
}

/* ---- half-made ones ---------------------------------------------------------------------------- */
static void undo_half(struct restoring *r)
{
	for (size_t i = 0; i < r->n_half; i++) {
		struct container *c = r->half[i];
		log_info("container %s was half %s", c->id,
			c->life.phase == CONTAINER_CREATING ? "created: it is undone"
							    : "removed: it is finished");
		c->life.drops_volumes |= c->life.phase == CONTAINER_CREATING;
		container_remove_rest(c);
		container_unref(c);
	}
	free(r->half);
}

static int restore(struct restoring *r, struct error *err)
{
	struct shim_restore how = { .acked = nothing_acked, .found = on_found, .arg = r };
	int rc = state_each(r->engine->state, STATE_CONTAINER, load_row, r, err);

	if (rc < 0)
		return rc;
	r->engine->containers = r->all; /* what follows finds them by the engine */
	if (shim_restore(table_all(r->all)->shims, &how, err) < 0)
		log_warning("%s", err->text);
	containers_each(r->all, end_lost, r->engine);
	undo_half(r);
	return 0;
}

int containers_open(struct engine *engine, struct containers **ret, struct error *err)
{
	struct restoring r = { .engine = engine, .all = table_new(engine) };

	if (!r.all)
		return error_sys(err, ENOMEM, "cannot keep the containers");
	int rc = open_shared(engine, table_all(r.all), err);
	if (rc == 0)
		rc = restore(&r, err);
	if (rc < 0) {
		engine->containers = NULL;
		containers_close(r.all);
		return rc;
	}
	*ret = r.all;
	return 0;
}

static int let_go(struct container *c, void *ctx)
{
	(void)ctx;
	container_attach_drop(c);
	pthread_mutex_lock(&c->lock);
	struct shim *shim = c->shim;
	c->shim = NULL;
	pthread_mutex_unlock(&c->lock);
	shim_unref(shim);
	return 0;
}

/* A shim whose container was removed just now is about to end; one that lives on keeps the cgroup. Parents
 * that nobody else uses go, too: whoever makes a cgroup below them makes them again. */
static void drop_shim_cgroup(struct containers *all, struct all *shared)
{
	static const char *const parents[] = { "/gantry/shims", "/gantry", "/" CONTAINER_CGROUP_PARENT };
	const struct timespec pause = { .tv_nsec = 10000000 };
	struct container_counts counts;

	containers_count(all, &counts);
	for (int i = 0; i < SHIM_WAITS; i++) {
		int r = cgroup_remove_empty(shared->shim_cgroup.layout, shared->shim_cgroup.path, NULL);
		if (r == 0 || counts.running > 0)
			break;
		nanosleep(&pause, NULL);
	}
	for (size_t i = 0; i < sizeof parents / sizeof parents[0]; i++)
		cgroup_remove_empty(shared->shim_cgroup.layout, parents[i], NULL);
	cgroup_close(&shared->shim_cgroup);
}

void containers_close(struct containers *all)
{
	if (!all)
		return;
	struct all *shared = table_all(all);
	if (shared->pool)
		pool_close(shared->pool);
	containers_each(all, let_go, NULL);
	shim_hub_free(shared->shims);
	pool_free(shared->pool);
	seccomp_cache_free(shared->seccomp_cache);
	if (shared->shim_cgroup.layout)
		drop_shim_cgroup(all, shared);
	table_free(all);
}
