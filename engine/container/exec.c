/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container/exec.h"

#include "engine/container/all.h"
#include "engine/container/defaults.h"
#include "engine/container/object.h"
#include "engine/container/shim_client.h"
#include "engine/container/spec.h"
#include "engine/container/start_error.h"
#include "engine/container/stop.h"
#include "lib/base/cleanup.h"
#include "lib/base/id.h"
#include "lib/base/path.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "runtime/compile/compile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define KEPT_MAX 64   /* of a container that have ended, or were never started */
#define ALL_MAX  2048 /* of a container */

enum exec_phase { EXEC_CREATED, EXEC_STARTING, EXEC_RUNNING, EXEC_ENDED };

struct exec {
	atomic_uint refs;
	struct container *c; /* referenced */
	char id[ID_SIZE];
	/* Fixed at create. */
	struct json *options; /* the request; NULL for one that an earlier gantryd started */
	bool tty, in, out, err;
	/* Under the container's lock. */
	struct exec *next;
	enum exec_phase phase;
	pid_t pid;
	int exit_code;
	uint64_t seq; /* of the event of its end */
};

/* ---- life ------------------------------------------------------------------------------ */
void exec_unref(struct exec *e)
{
	if (!e || atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) != 1)
		return;
	json_free(e->options);
	container_unref(e->c);
	free(e);
}

static struct exec *new_exec(struct container *c, const char *id)
{
	struct exec *e = calloc(1, sizeof *e);

	if (!e)
		return NULL;
	atomic_init(&e->refs, 1);
	e->c = container_ref(c);
	path_format(e->id, sizeof e->id, "%s", id);
	return e;
}

/* With the container's lock. */
static struct exec *find_in(struct container *c, const char *id)
{
	for (struct exec *e = c->execs; e; e = e->next)
		if (strcmp(e->id, id) == 0)
			return e;
	return NULL;
}

/* With the container's lock.  The oldest that does not run, when there are too many: its end may then be
 * forgotten by the shim, too. */
static struct exec *forget_one(struct container *c)
{
	struct exec **oldest = NULL;
	size_t idle = 0;

	for (struct exec **p = &c->execs; *p; p = &(*p)->next)
		if ((*p)->phase == EXEC_ENDED || (*p)->phase == EXEC_CREATED) {
			idle++;
			oldest = p;
		}
	if (idle <= KEPT_MAX || !oldest)
		return NULL;
	struct exec *e = *oldest;
	*oldest = e->next;
	c->n_execs--;
	return e;
}

static int link_exec(struct exec *e, struct error *err)
{
	struct container *c = e->c;
	struct exec *old = NULL;
	int r = 0;

	pthread_mutex_lock(&c->lock);
	if (c->n_execs >= ALL_MAX) {
		r = -EMFILE;
	} else {
		atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
		e->next = c->execs;
		c->execs = e;
		c->n_execs++;
		old = forget_one(c);
	}
	struct shim *shim = old && old->seq ? c->shim : NULL;
	if (shim)
		shim_ref(shim);
	pthread_mutex_unlock(&c->lock);
	if (shim) {
		shim_acknowledge(shim, old->seq);
		shim_unref(shim);
	}
	exec_unref(old);
	return r < 0 ? error_set(err, ERROR_EXHAUSTED, EMFILE, "container %s has %d execs", c->id, ALL_MAX)
		     : 0;
}

void container_execs_end(struct container *c)
{
	pthread_mutex_lock(&c->lock);
	struct exec *list = c->execs;
	c->execs = NULL;
	c->n_execs = 0;
	pthread_mutex_unlock(&c->lock);
	for (struct exec *e = list, *next; e; e = next) {
		next = e->next;
		exec_unref(e);
	}
}

struct looking {
	const char *id;
	struct exec *found;
};

static int look(struct container *c, void *ctx)
{
	struct looking *l = ctx;

	pthread_mutex_lock(&c->lock);
	l->found = find_in(c, l->id);
	if (l->found)
		atomic_fetch_add_explicit(&l->found->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&c->lock);
	return l->found ? 1 : 0;
}

int exec_find(struct containers *all, const char *id, struct exec **ret, struct error *err)
{
	struct looking l = { .id = id };

	containers_each(all, look, &l);
	if (!l.found)
		return error_set(err, ERROR_NOT_FOUND, ENOENT, "No such exec instance: %s", id);
	*ret = l.found;
	return 0;
}

/* ---- facts ------------------------------------------------------------------------------- */
struct container *exec_container(const struct exec *e)
{
	return e->c;
}

bool exec_tty(const struct exec *e)
{
	return e->tty;
}

uint32_t exec_streams(const struct exec *e)
{
	return (e->in ? PROTO_STREAM_STDIN : 0) | (e->out ? PROTO_STREAM_STDOUT : 0) |
	       (e->err ? PROTO_STREAM_STDERR : 0) | (e->tty ? PROTO_STREAM_RAW : 0);
}

static const char *text(const struct json *o, const char *key)
{
	const char *t = json_string(json_at(o, key));

	return t ? t : "";
}

const char *exec_detach_keys(const struct exec *e)
{
	return text(e->options, "DetachKeys");
}

/* ---- events ---------------------------------------------------------------------------------- */
/* "exec_create: sh -c true" */
static void tell(struct exec *e, const char *what, const char *key, const char *value)
{
	auto_str struct str action = STR_INIT(65536);
	const struct json *cmd = json_at(e->options, "Cmd");

	str_add(&action, what);
	if (!key) {
		str_add_char(&action, ':');
		for (size_t i = 0; i < json_count(cmd); i++)
			str_addf(&action, " %s", json_string(json_item(cmd, i)));
	}
	container_event_2(e->c, str_text(&action), "execID", e->id, key, value);
}

/* Of one that nobody here started, an earlier gantryd did. */
static struct exec *known_or_new(struct container *c, const struct proto_shim_event *event)
{
	pthread_mutex_lock(&c->lock);
	struct exec *e = find_in(c, event->exec);
	if (e)
		atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&c->lock);
	if (e || event->kind != PROTO_EVENT_EXEC_STARTED)
		return e;
	e = new_exec(c, event->exec);
	if (e && link_exec(e, NULL) < 0) {
		exec_unref(e);
		return NULL;
	}
	return e;
}

void container_exec_event(struct container *c, struct shim *shim, const struct proto_shim_event *event)
{
	struct exec *e = known_or_new(c, event);
	char code[16];

	(void)shim;
	if (!e)
		return;
	pthread_mutex_lock(&c->lock);
	if (event->kind == PROTO_EVENT_EXEC_STARTED) {
		if (e->phase != EXEC_ENDED)
			e->phase = EXEC_RUNNING;
		e->pid = event->status;
	} else {
		e->phase = EXEC_ENDED;
		e->pid = 0;
		e->seq = event->seq;
		e->exit_code = WIFSIGNALED(event->status) ? 128 + WTERMSIG(event->status)
							  : WEXITSTATUS(event->status);
	}
	pthread_mutex_unlock(&c->lock);
	if (event->kind == PROTO_EVENT_EXEC_EXIT) {
		snprintf(code, sizeof code, "%d", e->exit_code);
		tell(e, "exec_die", "exitCode", code);
	}
	exec_unref(e);
}

/* ---- create ---------------------------------------------------------------------------------- */
static int check_running(struct container *c, struct error *err)
{
	struct container_life life = container_life(c);

	if (life.phase != CONTAINER_RUNNING)
		return error_set(err, ERROR_CONFLICT, ESRCH, "container %s is not running", c->id);
	if (life.paused)
		return error_set(err, ERROR_CONFLICT, EBUSY,
			"Container %s is paused, unpause the container before exec", c->name);
	return 0;
}

static int read_options(struct exec *e, const struct json *body, struct error *err)
{
	const struct json *cmd, *env;
	const char *dir;
	int r = json_opt_array(body, "Cmd", &cmd, err);

	if (r == 0 && json_count(cmd) == 0)
		r = error_invalid(err, "No exec command specified");
	if (r == 0)
		r = json_opt_bool(body, "Tty", false, &e->tty, err);
	if (r == 0)
		r = json_opt_bool(body, "AttachStdin", false, &e->in, err);
	if (r == 0)
		r = json_opt_bool(body, "AttachStdout", false, &e->out, err);
	if (r == 0)
		r = json_opt_bool(body, "AttachStderr", false, &e->err, err);
	if (r == 0)
		r = json_opt_array(body, "Env", &env, err);
	if (r == 0)
		r = json_opt_string(body, "WorkingDir", "", &dir, err);
	for (size_t i = 0; r == 0 && i < json_count(cmd); i++)
		if (!json_string(json_item(cmd, i)))
			r = error_invalid(err, "Cmd: expected strings");
	for (size_t i = 0; r == 0 && i < json_count(env); i++)
		if (!json_string(json_item(env, i)))
			r = error_invalid(err, "Env: expected strings");
	if (r == 0 && !(e->options = json_copy(body)))
		r = error_sys(err, ENOMEM, "cannot keep an exec");
	return r;
}

int exec_create(
	struct container *c, const struct json *body, char ret_id[CONTAINER_ID_LEN + 1], struct error *err)
{
	char id[ID_SIZE];

	id_new(id);
	struct exec *e = new_exec(c, id);
	if (!e)
		return error_sys(err, ENOMEM, "cannot keep an exec");
	int r = json_expect(body, JSON_OBJECT, "the request body", err);
	if (r == 0)
		r = read_options(e, body, err);
	if (r == 0)
		r = check_running(c, err);
	if (r == 0)
		r = link_exec(e, err);
	if (r == 0) {
		tell(e, "exec_create", NULL, NULL);
		memcpy(ret_id, e->id, sizeof e->id);
	}
	exec_unref(e);
	return r;
}

/* ---- start ------------------------------------------------------------------------------------- */
int exec_begin(struct exec *e, struct error *err)
{
	struct container *c = e->c;
	int r = check_running(c, err);

	if (r < 0)
		return r;
	pthread_mutex_lock(&c->lock);
	enum exec_phase phase = e->phase;
	if (phase == EXEC_CREATED)
		e->phase = EXEC_STARTING;
	pthread_mutex_unlock(&c->lock);
	if (phase == EXEC_CREATED)
		return 0;
	return error_set(err, ERROR_CONFLICT, EBUSY, "exec command %s %s", e->id,
		phase == EXEC_ENDED ? "has already run" : "is already running");
}

static void add_list(struct json *out, const struct json *in)
{
	for (size_t i = 0; i < json_count(in); i++)
		json_add_string(out, json_string(json_item(in, i)));
}

/* The container's environment, and behind it the exec's own, whose names win. */
static void add_env(const struct exec *e, const struct json *container_process, struct json *process)
{
	const struct json *base = json_at(container_process, "env"), *own = json_at(e->options, "Env");
	struct json *env = json_set_array(process, "env");

	for (size_t i = 0; i < json_count(base); i++) {
		const char *line = json_string(json_item(base, i));
		if (!spec_env_sets(own, line))
			json_add_string(env, line);
	}
	if (e->tty && !e->c->tty && !spec_env_sets(own, "TERM="))
		json_add_string(env, "TERM=xterm");
	add_list(env, own);
}

static int add_caps(const struct exec *e, struct json *process, struct error *err)
{
	bool privileged = false;
	uint64_t caps;
	int r = json_opt_bool(e->options, "Privileged", false, &privileged, err);

	if (r < 0 || !privileged)
		return r;
	r = defaults_caps(NULL, NULL, true, &caps, err);
	if (r == 0)
		spec_add_caps(process, caps);
	return r;
}

static int make_process(const struct exec *e, const struct json *oci, unsigned rows, unsigned cols,
	struct json **ret, struct error *err)
{
	const struct json *base = json_at(oci, "process");
	const char *dir = text(e->options, "WorkingDir");
	struct json *process = json_new_object();

	json_set_bool(process, "terminal", e->tty);
	if (e->tty && rows && cols) {
		struct json *size = json_set_object(process, "consoleSize");
		json_set_uint(size, "height", rows);
		json_set_uint(size, "width", cols);
	}
	json_set_string(process, "cwd", *dir ? dir : text(base, "cwd"));
	json_set(process, "user", json_copy(json_at(base, "user")));
	add_list(json_set_array(process, "args"), json_at(e->options, "Cmd"));
	add_env(e, base, process);
	int r = add_caps(e, process, err);
	if (r < 0)
		json_free(process);
	else
		*ret = process;
	return r;
}

static int make_record(
	const struct exec *e, unsigned rows, unsigned cols, struct launch_block *ret, struct error *err)
{
	struct container *c = e->c;
	const struct all *all = table_all(c->engine->containers);
	struct spec_facts facts = { .engine = c->engine,
		.id = c->id,
		.config = c->config,
		.host_config = c->host_config,
		.mounts = &c->mounts,
		.etc = "/" };
	const char *user = text(e->options, "User");
	auto_json struct json *oci = NULL, *process = NULL;
	char cgroup[CGROUP_PATH_MAX];
	int r = spec_build(&facts, &oci, err);

	if (r == 0)
		r = make_process(e, oci, rows, cols, &process, err);
	if (r == 0 && container_cgroup_path(c, cgroup, sizeof cgroup) < 0)
		r = error_invalid(err, "the cgroup parent is too long");
	if (r < 0)
		return r;
	struct compile_options o = COMPILE_OPTIONS_INIT;
	o.bundle = "/";
	o.id = c->id;
	o.cgroups = &c->engine->cgroups;
	o.apparmor = all->apparmor;
	o.seccomp_cache = all->seccomp_cache;
	o.user = *user ? user : text(c->config, "User");
	o.cgroup_path = cgroup;
	return compile_process(process, oci, &o, ret, err);
}

static int run(struct exec *e, const struct container_attach *client, int sock,
	const struct launch_block *record, struct error *err)
{
	struct shim *shim = container_shim(e->c);
	struct shim_exec what = {
		.id = e->id, .record = record, .sock = client ? sock : -1, .open_stdin = client && e->in
	};
	struct launch_error why = { 0 };
	pid_t pid;
	int code = 126;

	if (!shim)
		return error_set(err, ERROR_CONFLICT, ESRCH, "container %s is not running", e->c->id);
	if (client)
		what.client = (struct shim_attach){ .flags = client->streams,
			.head = client->head,
			.head_n = client->head_n,
			.pending = client->early,
			.pending_n = client->early_n,
			.keys = client->keys,
			.keys_n = client->keys_n };
	int r = shim_exec(shim, &what, &pid, &why, err);
	shim_unref(shim);
	if (r < 0 && why.phase != LAUNCH_PHASE_NONE)
		r = exec_error(&why, &code, err);
	if (r < 0) {
		pthread_mutex_lock(&e->c->lock);
		e->phase = EXEC_ENDED;
		e->exit_code = code;
		pthread_mutex_unlock(&e->c->lock);
	}
	return r;
}

int exec_start(struct exec *e, const struct container_attach *client, int sock, unsigned rows, unsigned cols,
	struct error *err)
{
	struct launch_block record = { 0 };
	int r = make_record(e, rows, cols, &record, err);

	if (r == 0) {
		tell(e, "exec_start", NULL, NULL);
		r = run(e, client, sock, &record, err);
	} else {
		pthread_mutex_lock(&e->c->lock);
		e->phase = EXEC_ENDED;
		e->exit_code = 126;
		pthread_mutex_unlock(&e->c->lock);
	}
	launch_block_done(&record);
	return r;
}

/* ---- the rest --------------------------------------------------------------------------------------- */
static enum exec_phase phase_of(struct exec *e)
{
	pthread_mutex_lock(&e->c->lock);
	enum exec_phase phase = e->phase;
	pthread_mutex_unlock(&e->c->lock);
	return phase;
}

int exec_resize(struct exec *e, unsigned rows, unsigned cols, struct error *err)
{
	struct shim *shim = phase_of(e) == EXEC_RUNNING ? container_shim(e->c) : NULL;

	if (!shim)
		return error_invalid(err, "exec process is not started");
	int r = shim_resize(shim, e->id, rows, cols, err);
	shim_unref(shim);
	return r;
}

int exec_inspect(struct exec *e, struct json **ret, struct error *err)
{
	struct json *doc = json_new_object();
	const struct json *cmd = json_at(e->options, "Cmd");
	bool privileged = false;

	pthread_mutex_lock(&e->c->lock);
	enum exec_phase phase = e->phase;
	int code = e->exit_code, pid = e->pid;
	pthread_mutex_unlock(&e->c->lock);
	json_opt_bool(e->options, "Privileged", false, &privileged, NULL);
	json_set_string(doc, "ID", e->id);
	json_set_bool(doc, "Running", phase == EXEC_RUNNING);
	if (phase == EXEC_ENDED)
		json_set_int(doc, "ExitCode", code);
	else
		json_set_null(doc, "ExitCode");
	struct json *config = json_set_object(doc, "ProcessConfig");
	json_set_bool(config, "tty", e->tty);
	json_set_string(config, "entrypoint", json_count(cmd) ? json_string(json_item(cmd, 0)) : "");
	struct json *args = json_set_array(config, "arguments");
	for (size_t i = 1; i < json_count(cmd); i++)
		json_add_string(args, json_string(json_item(cmd, i)));
	json_set_bool(config, "privileged", privileged);
	if (*text(e->options, "User"))
		json_set_string(config, "user", text(e->options, "User"));
	json_set_bool(doc, "OpenStdin", e->in);
	json_set_bool(doc, "OpenStderr", e->err);
	json_set_bool(doc, "OpenStdout", e->out);
	json_set_bool(doc, "CanRemove", false);
	json_set_string(doc, "ContainerID", e->c->id);
	json_set_string(doc, "DetachKeys", "");
	json_set_int(doc, "Pid", pid);
	if (json_kind(doc) != JSON_OBJECT)
		return error_sys(err, ENOMEM, "cannot write the answer");
	*ret = doc;
	return 0;
}
