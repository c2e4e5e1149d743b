/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin/host.h"

#include "core/plugin/record.h"
#include "lib/base/cleanup.h"
#include "lib/base/spawn.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define EVENTS_MAX     256
#define EVENT_TEXT_MAX 256
#define EVENT_ATTRS    32
#define LOG_TEXT_MAX   4096
#define SPAWN_OUT_MAX  (1u << 20)
#define SPAWN_ERR_MAX  4096
#define SPAWN_ARGS     256

struct host {
	struct gty_host table; /* first: the driver gives it back */
	struct plugin_sink sink;
	char instance[HOST_INSTANCE_LEN + 1];
	char *driver, *run_dir;
	/* Events waiting for the thread, which exists from the first one on. */
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct event *first, **last;
	unsigned waiting, dropped;
	bool running, stop;
	pthread_t thread;
};

struct event {
	struct event *next;
	const char *object, *what;
	struct gty_kvs attrs;
	char bytes[];
};

static struct host *of(const struct gty_host *table)
{
	return (struct host *)(uintptr_t)table;
}

static void host_log(const struct gty_host *table, int32_t level, const char *text)
{
	struct host *h = of(table);
	char line[LOG_TEXT_MAX];

	if (!h->sink.log || !text)
		return;
	size_t n = strnlen(text, sizeof line - 1);
	for (size_t i = 0; i < n; i++)
		line[i] = (unsigned char)text[i] < ' ' ? ' ' : text[i];
	line[n] = '\0';
	h->sink.log(h->sink.arg, h->driver, level, line);
}

void host_note(const struct host *host, int level, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	host_log(&host->table, level, line);
}

static void *deliver(void *arg)
{
	struct host *h = arg;

	pthread_mutex_lock(&h->lock);
	for (;;) {
		while (!h->first && !h->stop)
			pthread_cond_wait(&h->more, &h->lock);
		struct event *e = h->first;
		if (!e)
			break;
		h->first = e->next;
		if (!h->first)
			h->last = &h->first;
		h->waiting--;
		unsigned dropped = h->dropped;
		h->dropped = 0;
		pthread_mutex_unlock(&h->lock);
		if (dropped)
			host_note(h, GTY_LOG_WARNING, "%u events were dropped: too many at once", dropped);
		h->sink.event(h->sink.arg, h->driver, e->object, e->what, e->attrs.v, e->attrs.n);
		free(e);
		pthread_mutex_lock(&h->lock);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

/* Called with the lock. */
static bool start_thread(struct host *h)
{
	sigset_t all, old;

	if (h->running)
		return true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	h->running = pthread_create(&h->thread, NULL, deliver, h) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return h->running;
}

static struct event *copy_event(const char *object, const char *what, const struct gty_kv *attrs, uint32_t n)
{
	const struct gty_kvs kvs = { .struct_size = sizeof kvs, .n = n, .v = attrs };
	size_t size = 0, object_n = strnlen(object, EVENT_TEXT_MAX), what_n = strnlen(what, EVENT_TEXT_MAX);

	if (n > EVENT_ATTRS || record_measure(&record_kvs, &kvs, &size, NULL) < 0)
		return NULL;
	struct event *e = calloc(1, sizeof *e + size + object_n + what_n + 2);
	if (!e)
		return NULL;
	char *pool = e->bytes;
	record_copy(&record_kvs, &e->attrs, &kvs, &pool);
	memcpy(pool, object, object_n);
	memcpy(pool + object_n + 1, what, what_n);
	e->object = pool;
	e->what = pool + object_n + 1;
	return e;
}

static void host_event(const struct gty_host *table, const char *object, const char *what,
	const struct gty_kv *attrs, uint32_t n)
{
	struct host *h = of(table);

	if (!h->sink.event || !object || !what)
		return;
	struct event *e = copy_event(object, what, attrs, n);
	pthread_mutex_lock(&h->lock);
	if (e && h->waiting < EVENTS_MAX && !h->stop && start_thread(h)) {
		*h->last = e;
		h->last = &e->next;
		h->waiting++;
		pthread_cond_signal(&h->more);
		e = NULL;
	} else {
		h->dropped++;
	}
	pthread_mutex_unlock(&h->lock);
	free(e);
}

/* "key=value" strings in the call's arena; NULL when it is full. */
static const char **spawn_env(struct gty_call *call, const struct gty_spawn *what)
{
	const char **env = call->alloc(call, (what->env_n + 1) * sizeof *env);

	for (uint32_t i = 0; env && i < what->env_n; i++) {
		const char *value = what->env[i].value ? what->env[i].value : "";
		size_t n = strlen(what->env[i].key) + strlen(value) + 2;
		char *text = call->alloc(call, n);
		if (!text)
			return NULL;
		snprintf(text, n, "%s=%s", what->env[i].key, value);
		env[i] = text;
	}
	return env;
}

static int spawn_answer(
	struct gty_call *call, const struct spawn_capture *io, int pid, struct gty_spawn_result *ret)
{
	char *out = call->alloc(call, io->out_n + 1), *text = call->alloc(call, io->err_n + 1);

	if (!out || !text)
		return call->fail(call, GTY_E_INTERNAL, ENOMEM,
			"the program's output does not fit into the call's memory");
	memcpy(out, io->out, io->out_n);
	memcpy(text, io->err, io->err_n);
	ret->status = io->status;
	ret->out = out;
	ret->out_n = (uint32_t)io->out_n;
	ret->errtext = text;
	ret->pid = pid;
	return 0;
}

/* A server that outlives gantryd: started in a session of its own, not waited for. */
static int spawn_keep(struct gty_call *call, const struct spawn *sp, struct gty_spawn_result *ret)
{
	struct spawn_child child;
	struct error err = ERROR_INIT;
	struct spawn kept = *sp;

	kept.flags |= SPAWN_SESSION;
	int r = spawn_run(&kept, &child, &err);
	if (r < 0)
		return call->fail(call, err.kind, -r, err.text);
	close(child.pidfd);
	ret->pid = child.pid;
	return 0;
}

static int spawn_and_wait(struct gty_call *call, const struct spawn *sp, struct gty_spawn_result *ret)
{
	struct spawn_capture io = {
		.out_max = SPAWN_OUT_MAX / 2, .err_max = SPAWN_ERR_MAX, .deadline_ns = call->deadline_ns
	};
	struct error err = ERROR_INIT;
	int r = spawn_capture(sp, &io, &err);

	if (r < 0)
		return call->fail(call, err.kind, -r, err.text);
	if (io.timed_out)
		r = call->fail(
			call, GTY_E_TIMEOUT, ETIMEDOUT, "the program did not end in time and was killed");
	else
		r = spawn_answer(call, &io, 0, ret);
	spawn_capture_done(&io);
	return r;
}

static int host_spawn(const struct gty_host *table, struct gty_call *call, const struct gty_spawn *what,
	struct gty_spawn_result *ret)
{
	int fds[SPAWN_FDS_MAX] = { what->in_fd, -1, -1 };
	struct spawn sp = SPAWN_INIT;

	(void)table;
	if (!what->argv || !what->argv[0] || what->argv[0][0] != '/')
		return call->fail(call, GTY_E_INVALID, EINVAL, "spawn needs an absolute path in argv[0]");
	if (what->fds_n > SPAWN_FDS_MAX - 3 || what->env_n > SPAWN_ARGS)
		return call->fail(
			call, GTY_E_INVALID, E2BIG, "spawn was given too many descriptors or variables");
	for (uint32_t i = 0; i < what->fds_n; i++)
		fds[3 + i] = what->fds[i];
	sp.path = what->argv[0];
	sp.argv = what->argv;
	sp.env = spawn_env(call, what);
	if (!sp.env)
		return call->fail(
			call, GTY_E_INTERNAL, ENOMEM, "the environment does not fit into the call's memory");
	sp.fds = fds;
	sp.nfds = 3 + what->fds_n;
	sp.netns_fd = what->netns_fd;
	return what->flags & GTY_SPAWN_KEEP ? spawn_keep(call, &sp, ret) : spawn_and_wait(call, &sp, ret);
}

int host_new(const struct plugin_sink *sink, const char *driver, const char *instance, const char *run_dir,
	struct host **ret, struct error *err)
{
	struct host *h = calloc(1, sizeof *h);

	if (!h || !(h->driver = strdup(driver)) || !(h->run_dir = strdup(run_dir))) {
		host_free(h);
		return error_sys(err, ENOMEM, "cannot open driver '%s'", driver);
	}
	snprintf(h->instance, sizeof h->instance, "%s", instance);
	h->sink = *sink;
	h->last = &h->first;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->more, NULL);
	h->table = (struct gty_host){ .struct_size = sizeof h->table,
		.sdk_major = GTY_SDK_MAJOR,
		.sdk_minor = GTY_SDK_MINOR,
		.instance = h->instance,
		.run_dir = h->run_dir,
		.log = host_log,
		.event = host_event,
		.spawn = host_spawn };
	*ret = h;
	return 0;
}

void host_free(struct host *h)
{
	if (!h)
		return;
	if (h->running) {
		pthread_mutex_lock(&h->lock);
		h->stop = true;
		pthread_cond_signal(&h->more);
		pthread_mutex_unlock(&h->lock);
		pthread_join(h->thread, NULL);
	}
	if (h->last) {
		pthread_mutex_destroy(&h->lock);
		pthread_cond_destroy(&h->more);
	}
	free(h->driver);
	free(h->run_dir);
	free(h);
}

const struct gty_host *host_table(const struct host *host)
{
	return &host->table;
}
