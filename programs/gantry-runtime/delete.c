/* SPDX-License-Identifier: Apache-2.0 */
/* delete: what create made, in reverse order; every step may be done twice. */
#include "programs/gantry-runtime/runtime.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/sys.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#define DELETE_NS (10 * CLOCK_S)

/* The first error is kept, the rest goes on. */
static int keep_first(int first, int r)
{
	return first < 0 ? first : r;
}

static int end_process(const struct state *st, struct error *err)
{
	auto_close int pidfd = state_pidfd(st);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	if (pidfd < 0)
		return 0;
	sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	if (poll(&p, 1, (int)(DELETE_NS / CLOCK_MS)) <= 0)
		return error_set(err, ERROR_TIMEOUT, ETIMEDOUT, "process %d of container '%s' does not die",
			(int)st->pid, st->id);
	waitpid(st->pid, NULL, WNOHANG | __WALL); /* when it is ours */
	return 0;
}

static int remove_cgroup(const struct state *st, struct error *err)
{
	struct cgroup_layout layout;
	struct cgroup cg;
	int64_t end = clock_mono_ns() + DELETE_NS;

	if (!st->cgroup_path)
		return 0;
	int r = cgroup_layout_discover(&layout, err);
	if (r == 0)
		r = cgroup_open(&layout, st->cgroup_path, &cg, err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = cgroup_kill(&cg, end, err);
	if (r == 0)
		r = cgroup_remove(&cg, end, err);
	cgroup_close(&cg);
	return r;
}

static int run_poststop(const struct state *st, struct error *err)
{
	struct bundle b = BUNDLE_INIT;
	struct compile_hooks hooks = { 0 };
	auto_str struct str text = STR_INIT(32000);

	/* A create that was cut off before it kept its configuration has no hooks. */
	if (bundle_load_state(st, &b, NULL) < 0)
		return 0;
	int r = compile_hooks_load(b.config, &hooks, err);
	if (r == 0)
		r = state_json(st, STATE_STOPPED, false, &text);
	if (r == 0)
		r = hooks_run_kind(&hooks, COMPILE_HOOK_POSTSTOP, text.data, true, err);
	compile_hooks_done(&hooks);
	bundle_done(&b);
	return r;
}

static int check(const struct state *st, bool force, struct error *err)
{
	enum state_status status = state_status(st);

	if (force || status == STATE_STOPPED || status == STATE_CREATED)
		return 0;
	return error_set(err, ERROR_CONFLICT, EBUSY,
		"cannot delete container '%s' that is not stopped: %s; use --force", st->id,
		state_status_text(status));
}

int container_delete(const struct globals *globals, struct state *st, bool force, struct error *err)
{
	struct error later;
	int r = check(st, force, err);

	if (r < 0)
		return r;
	r = end_process(st, err);
	r = keep_first(r, remove_cgroup(st, r < 0 ? &later : err));
	if (r < 0)
		return r; /* the folder stays: it is what a second delete goes by */
	r = run_poststop(st, err);
	return keep_first(r, state_remove(globals->root, st, r < 0 ? &later : err));
}

int delete_run(const struct command_call *call)
{
	const struct delete_options *o = call->options.into;
	const struct globals *globals = globals_of(call);
	struct error err = ERROR_INIT;
	int status = 0;

	for (size_t i = 0; i < call->options.nargs; i++) {
		struct state st = STATE_INIT;
		int r = state_open(globals->root, call->options.args[i], true, &st, &err);
		if (r == 0)
			r = container_delete(globals, &st, o->force, &err);
		state_done(&st);
		if (r < 0 && !(o->force && err.kind == ERROR_NOT_FOUND))
			status = report(&err);
	}
	return status;
}
