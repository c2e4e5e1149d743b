/* SPDX-License-Identifier: Apache-2.0 */
/* exec: one more process in a running container, from a process.json or from the command line. */
#include "programs/gantry-runtime/runtime.h"

#include "lib/base/cleanup.h"
#include "lib/base/sys.h"
#include "lib/json/json.h"
#include "programs/gantry-runtime/launcher.h"
#include "runtime/launch/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PROCESS_MAX (4u << 20)

/* ---- the process: the container's own one, changed by the options --------------- */
static int set_user(struct json *process, const char *text, struct error *err)
{
	uint64_t uid, gid = 0;
	auto_free char *copy = strdup(text);

	if (!copy)
		return error_sys(err, ENOMEM, "cannot keep the user");
	char *colon = strchr(copy, ':');
	if (colon)
		*colon = '\0';
	if (str_to_u64(copy, 10, 0, INT32_MAX, &uid) < 0 ||
		(colon && str_to_u64(colon + 1, 10, 0, INT32_MAX, &gid) < 0))
		return error_invalid(err, "--user '%s': use UID or UID:GID", text);
	struct json *user = json_set_object(process, "user");
	json_set_uint(user, "uid", uid);
	json_set_uint(user, "gid", gid);
	return 0;
}

static int set_groups(struct json *process, const struct option_list *groups, struct error *err)
{
	const struct json *old = json_at(process, "user");
	struct json *user = old ? json_copy(old) : json_new_object();
	struct json *list = json_set_array(user, "additionalGids");

	for (size_t i = 0; i < groups->n; i++) {
		uint64_t gid;
		if (str_to_u64(groups->v[i], 10, 0, INT32_MAX, &gid) < 0) {
			json_free(user);
			return error_invalid(err, "--additional-gids '%s': not a number", groups->v[i]);
		}
		json_add_uint(list, gid);
	}
	json_set(process, "user", user);
	return 0;
}

static void add_caps(struct json *process, const struct option_list *caps)
{
	static const char *const sets[] = { "bounding", "effective", "permitted" };
	const struct json *old = json_at(process, "capabilities");
	struct json *all = old ? json_copy(old) : json_new_object();

	for (size_t s = 0; s < 3; s++) {
		const struct json *have = json_at(all, sets[s]);
		struct json *list = have ? json_copy(have) : json_new_array();
		for (size_t i = 0; i < caps->n; i++)
			json_add_string(list, caps->v[i]);
		json_set(all, sets[s], list);
	}
	json_set(process, "capabilities", all);
}

static void add_env(struct json *process, const struct option_list *env)
{
	const struct json *old = json_at(process, "env");
	struct json *list = old ? json_copy(old) : json_new_array();

	for (size_t i = 0; i < env->n; i++)
		json_add_string(list, env->v[i]);
	json_set(process, "env", list);
}

static int apply(
	struct json *process, const struct exec_options *o, char *const *args, size_t n, struct error *err)
{
	int r = o->user ? set_user(process, o->user, err) : 0;

	if (r == 0 && o->groups.n)
		r = set_groups(process, &o->groups, err);
	if (r < 0)
		return r;
	struct json *list = json_set_array(process, "args");
	for (size_t i = 0; i < n; i++)
		json_add_string(list, args[i]);
	if (o->cwd)
		json_set_string(process, "cwd", o->cwd);
	if (o->env.n)
		add_env(process, &o->env);
	if (o->caps.n)
		add_caps(process, &o->caps);
	if (o->apparmor)
		json_set_string(process, "apparmorProfile", o->apparmor);
	if (o->label)
		json_set_string(process, "selinuxLabel", o->label);
	if (o->no_new_privs)
		json_set_bool(process, "noNewPrivileges", true);
	json_set_bool(process, "terminal", o->tty);
	return 0;
}

static int make_process(
	const struct command_call *call, const struct bundle *b, struct json **ret, struct error *err)
{
	const struct exec_options *o = call->options.into;
	auto_json struct json *process = NULL;

	if (o->process) {
		int r = json_load(AT_FDCWD, o->process, PROCESS_MAX, 0, &process, err);
		if (r == 0 && !process)
			r = error_invalid(err, "'%s' is null", o->process);
		if (r < 0)
			return r;
	} else {
		if (call->options.nargs < 2)
			return error_invalid(err, "give a program to run, or --process FILE");
		const struct json *own = json_at(b->config, "process");
		process = own ? json_copy(own) : json_new_object();
		int r = apply(process, o, call->options.args + 1, call->options.nargs - 1, err);
		if (r < 0)
			return r;
	}
	*ret = take_ptr(process);
	return 0;
}

/* ---- where it goes ---------------------------------------------------------------- */
static int check_running(const struct state *st, bool ignore_paused, struct error *err)
{
	enum state_status status = state_status(st);

	if (status == STATE_RUNNING || status == STATE_CREATED || (status == STATE_PAUSED && ignore_paused))
		return 0;
	if (status == STATE_PAUSED)
		return error_set(err, ERROR_CONFLICT, EINVAL,
			"cannot exec in a paused container (use --ignore-paused to override)");
	return error_set(err, ERROR_CONFLICT, EINVAL, "cannot exec in a %s container: '%s'",
		state_status_text(status), st->id);
}

static int launch(const struct state *st, const struct exec_options *o, const struct json *process,
	const struct bundle *b, struct launcher_process *ret, struct error *err)
{
	struct cgroup_layout layout;
	struct compile_options compile;
	struct launch_block record = { 0 };
	int fds[LAUNCH_FDS_MAX];
	auto_close int target = state_pidfd(st);

	if (target < 0)
		return error_set(err, ERROR_CONFLICT, ESRCH, "container not running: '%s'", st->id);
	int r = cgroup_layout_discover(&layout, err);
	if (r < 0)
		return r;
	bundle_compile_options(b, st->id, &layout, &compile);
	compile.preserve_fds = (uint32_t)o->preserve_fds;
	for (uint32_t i = 0; i < compile.preserve_fds && i < LAUNCH_FDS_MAX; i++)
		fds[i] = (int)(3 + i);
	r = compile_process(process, b->config, &compile, &record, err);
	if (r < 0)
		return r;
	r = launch_namespaces_of(st->pid, &((struct launch_record *)record.data)->ns_new);
	if (r < 0)
		error_sys(err, -r, "cannot look at the namespaces of process %d", (int)st->pid);
	struct launcher what = { .record = &record,
		.layout = &layout,
		.fds = fds,
		.nfds = compile.preserve_fds,
		.stdio = { 0, 1, 2 },
		.park = target,
		.exec = true,
		.target_pid = st->pid };
	if (r == 0)
		r = launcher_run(&what, ret, err);
	launch_block_done(&record);
	return r;
}

static int follow(
	const struct exec_options *o, struct launcher_process *p, struct error *err, int *ret_status)
{
	int r = o->pid_file ? pid_file_write(o->pid_file, p->pid, err) : 0;

	if (r == 0 && o->console_socket) {
		r = console_send(o->console_socket, p->console, err);
		close(take_fd(p->console));
	}
	if (r == 0 && !o->detach)
		*ret_status = run_wait(p->pid, p->pidfd, p->console);
	return r;
}

int exec_run(const struct command_call *call)
{
	const struct exec_options *o = call->options.into;
	struct state st = STATE_INIT;
	struct bundle b = BUNDLE_INIT;
	auto_json struct json *process = NULL;
	struct launcher_process p = { .pidfd = -1, .console = -1 };
	struct error err = ERROR_INIT;
	int status = 0;
	int r = state_open(globals_of(call)->root, call->options.args[0], false, &st, &err);

	if (r == 0)
		r = check_running(&st, o->ignore_paused, &err);
	if (r == 0 && o->preserve_fds > LAUNCH_FDS_MAX)
		r = error_invalid(&err, "--preserve-fds: at most %u", LAUNCH_FDS_MAX);
	if (r == 0)
		r = bundle_load_state(&st, &b, &err);
	if (r == 0)
		r = make_process(call, &b, &process, &err);
	if (r == 0)
		r = launch(&st, o, process, &b, &p, &err);
	if (r == 0)
		r = follow(o, &p, &err, &status);
	if (p.pidfd >= 0)
		close(p.pidfd);
	if (p.console >= 0)
		close(p.console);
	bundle_done(&b);
	state_done(&st);
	return r < 0 ? report(&err) : status;
}
