/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a container's first process, as its shim tells it, and what is to be done then. */
#include "engine/container/all.h"
#include "engine/container/object.h"

#include "core/storage/storage.h"
#include "engine/container/pool.h"
#include "engine/container/shim_client.h"
#include "engine/image/image.h"
#include "engine/net/net.h"
#include "engine/storages.h"
#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "lib/base/path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* ---- with the op ----------------------------------------------------------------------- */
static void release_root(struct container *c)
{
	struct storage *st;
	struct error err = ERROR_INIT;
	int r = storages_get(c->engine->storages, c->storage, &st, &err);

	if (r == 0)
		r = storage_unmount(st, c->id, c->id, NULL, NULL, &err);
	if (r < 0)
		log_warning("container %s: %s", c->id, err.text);
}

static void release_shim(struct container *c)
{
	struct error err = ERROR_INIT;

	pthread_mutex_lock(&c->lock);
	struct shim *shim = c->shim;
	c->shim = NULL;
	pthread_mutex_unlock(&c->lock);
	if (!shim)
		return;
	if (shim_finish(shim, &err) < 0)
		log_warning("container %s: %s", c->id, err.text);
	shim_unref(shim);
}

static void tell_die(struct container *c, const struct container_life *life)
{
	char code[16], duration[32];

	snprintf(code, sizeof code, "%d", life->exit_code);
	snprintf(duration, sizeof duration, "%lld",
		(long long)((life->finished_ns - life->started_ns) / CLOCK_S));
	if (life->oom_killed)
		container_event(c, "oom", NULL, NULL);
	container_event_2(c, "die", "exitCode", code, "execDuration", duration);
}

void container_ended(struct container *c, const struct container_exit *how)
{
	struct container_life life = container_life(c);
	struct error err = ERROR_INIT;

	life.phase = CONTAINER_EXITED;
	life.paused = false;
	life.pid = 0;
	life.exit_code = how->code;
	life.oom_killed = how->oom;
	life.finished_ns = how->time_ns;
	path_format(life.error, sizeof life.error, "%s", how->error);
	if (container_save(c, &life, &err) < 0) {
		/* The disk may be full: the truth is told all the same, and the journal has it for the next
		 * start. */
		log_error("container %s: %s", c->id, err.text);
		pthread_mutex_lock(&c->lock);
		c->life = life;
		pthread_mutex_unlock(&c->lock);
	}
	if (c->net)
		net_ending(c->net);
	fault_point("exit.row");
	tell_die(c, &life);
	container_wait_tell(c, false);
	if (c->image)
		image_hold_running(c->image, c->id, false);
	container_execs_end(c);
	if (c->net)
		net_stop(c->net, false);
	mounts_unuse(c);
	release_root(c);
	fault_point("exit.unmounted");
	release_shim(c);
	if (c->net)
		net_released(c->net);
	fault_point("exit.released");
}

/* ---- from the shim's thread to the pool ---------------------------------------------------- */
struct ending {
	struct container *c;
	struct container_exit how;
};

static void finish(void *arg)
{
	struct ending *e = arg;
	struct container *c = e->c;

	/* Nobody removes what runs, so that this cannot be refused. */
	if (container_op_begin(c, "exit", NULL) == 0) {
		container_ended(c, &e->how);
		bool removed = c->auto_remove && container_remove_now(c, true, NULL) == 0;
		container_op_end(c);
		if (removed)
			container_remove_rest(c);
	}
	container_unref(c);
	free(e);
}

/* When gantryd is about to end nothing is done: the journal has it for the next one. */
static void post(struct container *c, const struct container_exit *how, void (*run)(void *arg))
{
	struct ending *e = malloc(sizeof *e);

	if (!e) {
		log_error("container %s: no memory for its exit: the next start of gantryd knows it", c->id);
		return;
	}
	*e = (struct ending){ .c = container_ref(c), .how = *how };
	if (!pool_post(table_all(c->engine->containers)->pool, run, e)) {
		container_unref(c);
		free(e);
	}
}

static int exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void container_on_event(void *arg, struct shim *shim, const struct proto_shim_event *event)
{
	struct container *c = shim_data(shim);

	(void)arg;
	switch (event->kind) {
	case PROTO_EVENT_EXIT:
		post(c,
			&(struct container_exit){ .code = exit_code(event->status),
				.oom = event->oom,
				.time_ns = event->time_ns,
				.error = "" },
			finish);
		break;
	case PROTO_EVENT_OOM: container_event(c, "oom", NULL, NULL); break;
	case PROTO_EVENT_EXEC_STARTED:
	case PROTO_EVENT_EXEC_EXIT: container_exec_event(c, shim, event); break;
	case PROTO_EVENT_DETACHED:
		container_event(c, event->exec[0] ? "exec_detach" : "detach",
			event->exec[0] ? "execID" : NULL, event->exec);
		break;
	default: break; /* exec-failed is the start's to tell; the rest needs nothing done */
	}
}

/* Its processes are without a parent that knows them: they go, too. */
static void finish_orphan(void *arg)
{
	struct ending *e = arg;

	container_cgroup_remove(e->c);
	finish(e);
}

void container_on_died(void *arg, struct shim *shim)
{
	struct container_exit how = { .code = 137, .time_ns = clock_real_ns(), .error = "supervisor died" };

	(void)arg;
	post(shim_data(shim), &how, finish_orphan);
}
