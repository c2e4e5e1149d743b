/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks of the runtime namespace: prestart, createRuntime, poststart, poststop. */
#include "programs/gantry-runtime/runtime.h"

#include "lib/base/clock.h"
#include "lib/base/spawn.h"

#include <errno.h>
#include <string.h>

static int judge(const struct compile_hook *hook, const struct spawn_capture *io, struct error *err)
{
	char status[SPAWN_STATUS_SIZE];

	if (io->timed_out)
		return error_set(err, ERROR_TIMEOUT, ETIMEDOUT,
			"hook '%s' took longer than its timeout of %u s", hook->path, hook->timeout);
	if (io->status == 0)
		return 0;
	spawn_status_text(io->status, status);
	return error_set(err, ERROR_INTERNAL, ECANCELED, "hook '%s' %s%s%s", hook->path, status,
		io->err_n ? ": " : "", io->err);
}

static int run_one(const struct compile_hook *hook, const char *state, struct error *err)
{
	struct spawn what = SPAWN_INIT;

	what.path = hook->path;
	what.argv = hook->args;
	what.env = hook->env;
	struct spawn_capture io = { .in = state,
		.in_n = strlen(state),
		.err_max = 256,
		.deadline_ns = hook->timeout ? clock_mono_ns() + hook->timeout * CLOCK_S : INT64_MAX };
	int r = spawn_capture(&what, &io, err);
	if (r < 0)
		return error_prefix(err, r, "hook '%s'", hook->path);
	r = judge(hook, &io, err);
	spawn_capture_done(&io);
	return r;
}

int hooks_run_kind(const struct compile_hooks *hooks, enum compile_hook_kind kind, const char *state,
	bool all, struct error *err)
{
	int first = 0;

	for (size_t i = 0; i < hooks->n[kind] && (all || first == 0); i++) {
		int r = run_one(&hooks->items[kind][i], state, first < 0 ? NULL : err);
		if (first == 0)
			first = r;
	}
	return first;
}
