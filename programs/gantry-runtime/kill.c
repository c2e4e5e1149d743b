/* SPDX-License-Identifier: Apache-2.0 */
/* kill, pause, resume, ps: what is done to the processes of a container. */
#include "programs/gantry-runtime/runtime.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/signame.h"
#include "lib/base/sys.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define FREEZE_NS (10 * CLOCK_S)

/* A container that is open, with its cgroup. */
struct held {
	struct state state;
	struct cgroup_layout layout;
	struct cgroup cgroup;
};

static int hold(const struct command_call *call, struct held *h, struct error *err)
{
	h->state = STATE_INIT;
	h->cgroup = CGROUP_NONE;
	int r = state_open(globals_of(call)->root, call->options.args[0], true, &h->state, err);
	if (r == 0)
		r = cgroup_layout_discover(&h->layout, err);
	if (r == 0 && !h->state.cgroup_path)
		r = error_set(err, ERROR_CONFLICT, ENOENT, "container '%s' has no cgroup", h->state.id);
	return r == 0 ? cgroup_open(&h->layout, h->state.cgroup_path, &h->cgroup, err) : r;
}

static void let_go(struct held *h)
{
	cgroup_close(&h->cgroup);
	state_done(&h->state);
}

static int kill_all(const struct command_call *call, int sig, struct error *err)
{
	struct held h;
	int r = hold(call, &h, err);

	if (r == 0) {
		r = cgroup_signal(&h.cgroup, sig, NULL);
		if (r < 0)
			error_sys(err, -r, "cannot signal the processes of container '%s'", h.state.id);
	}
	let_go(&h);
	return r;
}

static int kill_one(const struct command_call *call, int sig, struct error *err)
{
	struct state st = STATE_INIT;
	int r = state_open(globals_of(call)->root, call->options.args[0], true, &st, err);

	if (r == 0) {
		auto_close int pidfd = state_pidfd(&st);
		if (pidfd < 0 || sys_pidfd_send_signal(pidfd, sig, NULL, 0) < 0)
			r = error_set(err, ERROR_CONFLICT, ESRCH, "container not running: '%s'", st.id);
	}
	state_done(&st);
	return r;
}

int kill_run(const struct command_call *call)
{
	const struct kill_options *o = call->options.into;
	const char *name = call->options.nargs > 1 ? call->options.args[1] : "SIGTERM";
	struct error err = ERROR_INIT;
	int sig = signame_parse(name);
	int r;

	if (sig < 0)
		r = error_invalid(&err, "unknown signal '%s': give a name as SIGTERM or a number", name);
	else
		r = o->all ? kill_all(call, sig, &err) : kill_one(call, sig, &err);
	return r < 0 ? report(&err) : 0;
}

static int freeze(const struct command_call *call, bool on)
{
	struct error err = ERROR_INIT;
	struct held h;
	int r = hold(call, &h, &err);

	if (r == 0 &&
		on != (state_status(&h.state) == STATE_RUNNING || state_status(&h.state) == STATE_CREATED))
		r = on || state_status(&h.state) != STATE_PAUSED
			    ? error_set(&err, ERROR_CONFLICT, EINVAL, "container '%s' is %s", h.state.id,
				      state_status_text(state_status(&h.state)))
			    : 0;
	if (r == 0)
		r = on ? cgroup_freeze(&h.cgroup, clock_mono_ns() + FREEZE_NS, &err)
		       : cgroup_thaw(&h.cgroup, clock_mono_ns() + FREEZE_NS, &err);
	let_go(&h);
	return r < 0 ? report(&err) : 0;
}

int pause_run(const struct command_call *call)
{
	return freeze(call, true);
}

int resume_run(const struct command_call *call)
{
	return freeze(call, false);
}

static int print_pids(const pid_t *pids, size_t n, const char *format, struct error *err)
{
	bool json = strcmp(format, "json") == 0;

	if (!json && strcmp(format, "table") != 0)
		return error_invalid(err, "--format '%s': use table or json", format);
	fputs(json ? "[" : "PID\n", stdout);
	for (size_t i = 0; i < n; i++)
		printf(json ? "%s%d" : "%s%d\n", json && i ? "," : "", (int)pids[i]);
	if (json)
		puts("]");
	return 0;
}

int ps_run(const struct command_call *call)
{
	const struct ps_options *o = call->options.into;
	struct error err = ERROR_INIT;
	auto_free pid_t *pids = NULL;
	size_t n = 0;
	struct held h;
	int r = hold(call, &h, &err);

	if (r == 0) {
		r = cgroup_pids(&h.cgroup, CGROUP_PIDS_MAX, &pids, &n);
		if (r < 0)
			error_sys(&err, -r, "cannot list the processes of container '%s'", h.state.id);
	}
	if (r == 0)
		r = print_pids(pids, n, o->format, &err);
	let_go(&h);
	return r < 0 ? report(&err) : 0;
}
