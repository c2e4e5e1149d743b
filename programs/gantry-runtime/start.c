/* SPDX-License-Identifier: Apache-2.0 */
/* start: a word to the parked process. */
#include "programs/gantry-runtime/runtime.h"

#include "lib/base/cleanup.h"
#include "programs/gantry-runtime/launcher.h"
#include "runtime/launch/launch.h"

#include <errno.h>

static int connect_parked(const struct state *st, struct error *err)
{
	int sock = state_connect(st);

	if (sock >= 0)
		return sock;
	if (sock != -ECONNREFUSED)
		return error_sys(err, -sock, "cannot reach the process of container '%s'", st->id);
	return error_set(err, ERROR_CONFLICT, EINVAL, "cannot start a container that is %s: '%s'",
		state_status_text(state_status(st)), st->id);
}

int container_start(struct state *st, const struct compile_hooks *hooks, struct error *err)
{
	struct launch_error why = { 0 };
	auto_str struct str text = STR_INIT(32000);
	auto_close int sock = connect_parked(st, err);

	if (sock < 0)
		return sock;
	if (launch_start(sock, &why) < 0)
		return launcher_error(&why, err);
	/* Only after success: until then the socket is what says that the container waits. */
	unlinkat(st->dir, "start.sock", 0);
	int r = state_json(st, STATE_RUNNING, false, &text);
	if (r < 0)
		return error_sys(err, -r, "cannot write the state for hooks");
	return hooks_run_kind(hooks, COMPILE_HOOK_POSTSTART, text.data, false, err);
}

int start_run(const struct command_call *call)
{
	struct state st = STATE_INIT;
	struct bundle b = BUNDLE_INIT;
	struct compile_hooks hooks = { 0 };
	struct error err = ERROR_INIT;
	int r = state_open(globals_of(call)->root, call->options.args[0], true, &st, &err);

	if (r == 0)
		r = bundle_load_state(&st, &b, &err);
	if (r == 0)
		r = compile_hooks_load(b.config, &hooks, &err);
	if (r == 0)
		r = container_start(&st, &hooks, &err);
	compile_hooks_done(&hooks);
	bundle_done(&b);
	state_done(&st);
	return r < 0 ? report(&err) : 0;
}
