/* SPDX-License-Identifier: Apache-2.0 */
/* stop, kill: messages to the shim, which keeps the time; and the wait for what comes of them. */
#include "engine/container/stop.h"
#include "engine/container/object.h"

#include "engine/container/shim_client.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/signame.h"
#include "lib/json/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DEFAULT_TIMEOUT_S 10
#define EXIT_GRACE_NS     (30 * CLOCK_S) /* from the kill of the cgroup to the row that says so */
#define KILL_WAIT_NS      (10 * CLOCK_S)

/* ---- waiting in a thread -------------------------------------------------------------- */
struct sleeper {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool told;
};

static void wake(void *ctx, const struct container_result *result)
{
	struct sleeper *s = ctx;

	(void)result;
	pthread_mutex_lock(&s->lock);
	s->told = true;
	pthread_cond_signal(&s->cond);
	pthread_mutex_unlock(&s->lock);
}

static void sleep_until(struct sleeper *s, int64_t deadline_ns)
{
	struct timespec t = { .tv_sec = deadline_ns / CLOCK_S, .tv_nsec = deadline_ns % CLOCK_S };
	int r = 0;

	pthread_mutex_lock(&s->lock);
	while (!s->told && r == 0)
		r = deadline_ns == INT64_MAX ? pthread_cond_wait(&s->cond, &s->lock)
					     : pthread_cond_timedwait(&s->cond, &s->lock, &t);
	pthread_mutex_unlock(&s->lock);
}

int container_wait_ended(struct container *c, int64_t deadline_ns, struct error *err)
{
	struct sleeper s = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct container_wait *w;
	pthread_condattr_t mono;

	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_cond_init(&s.cond, &mono);
	pthread_condattr_destroy(&mono);
	int r = container_wait(c, CONTAINER_NOT_RUNNING, wake, &s, &w, err);
	if (r == 0) {
		sleep_until(&s, deadline_ns);
		container_wait_cancel(w);
		if (!s.told)
			r = error_set(
				err, ERROR_TIMEOUT, ETIMEDOUT, "container %s did not end in time", c->id);
	}
	pthread_cond_destroy(&s.cond);
	return r;
}

/* ---- the shim of a running one ------------------------------------------------------------ */
struct shim *container_shim(struct container *c)
{
	pthread_mutex_lock(&c->lock);
	struct shim *shim = c->life.phase == CONTAINER_RUNNING ? c->shim : NULL;
	if (shim)
		shim_ref(shim);
	pthread_mutex_unlock(&c->lock);
	return shim;
}

static void tell_kill(struct container *c, int signal)
{
	char text[8];

	snprintf(text, sizeof text, "%d", signal);
	container_event(c, "kill", "signal", text);
}

static int stop_signal(const struct container *c)
{
	const char *own = json_string(json_at(c->config, "StopSignal"));
	int sig = own && *own ? signame_parse(own) : -1;

	return sig > 0 ? sig : 15;
}

static int64_t stop_timeout(const struct container *c)
{
	int64_t own = DEFAULT_TIMEOUT_S;

	json_opt_int(c->config, "StopTimeout", DEFAULT_TIMEOUT_S, INT32_MIN, INT32_MAX, &own, NULL);
	return own;
}

int container_stop(struct container *c, int64_t timeout_s, int signal, struct error *err)
{
	struct shim *shim = container_shim(c);

	if (!shim)
		return 1;
	if (timeout_s == CONTAINER_TIMEOUT)
		timeout_s = stop_timeout(c);
	if (signal == 0)
		signal = stop_signal(c);
	int r = shim_stop(shim, signal, timeout_s < 0 ? -1 : timeout_s * CLOCK_S, err);
	shim_unref(shim);
	if (r < 0 && r != -ESRCH) /* it has ended by itself: its row will say so in a moment */
		return error_prefix(err, r, "cannot stop container: %s", c->id);
	tell_kill(c, signal);
	r = container_wait_ended(
		c, timeout_s < 0 ? INT64_MAX : clock_mono_ns() + timeout_s * CLOCK_S + EXIT_GRACE_NS, err);
	if (r == 0)
		container_event(c, "stop", NULL, NULL);
	return r;
}

int container_kill(struct container *c, int signal, struct error *err)
{
	struct shim *shim = container_shim(c);
	int r = shim ? shim_signal(shim, signal, err) : -ESRCH;

	if (shim)
		shim_unref(shim);
	if (r == -ESRCH)
		return error_set(err, ERROR_CONFLICT, ESRCH, "container %s is not running", c->id);
	if (r < 0)
		return r;
	tell_kill(c, signal);
	if (signal == 9)
		container_thaw_for_signal(c);
	return signal == 9 ? container_wait_ended(c, clock_mono_ns() + KILL_WAIT_NS, err) : 0;
}

/* ---- all of them ------------------------------------------------------------------------- */
static int begin_stop(struct container *c, void *ctx)
{
	const int64_t *timeout_s = ctx;
	struct shim *shim = container_shim(c);

	if (!shim)
		return 0;
	shim_stop(shim, stop_signal(c), *timeout_s * CLOCK_S, NULL);
	shim_unref(shim);
	return 0;
}

static int await_stop(struct container *c, void *ctx)
{
	const int64_t *deadline_ns = ctx;
	struct error err = ERROR_INIT;

	if (container_wait_ended(c, *deadline_ns, &err) < 0)
		log_warning("%s", err.text);
	return 0;
}

void containers_stop_all(struct containers *all, int64_t timeout_s)
{
	int64_t deadline_ns = clock_mono_ns() + timeout_s * CLOCK_S + EXIT_GRACE_NS;

	containers_each(all, begin_stop, &timeout_s);
	containers_each(all, await_stop, &deadline_ns);
}
