/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks that run in the container's namespaces: createContainer before its root is entered, startContainer
 * after. */
#include "runtime/launch/run.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/path.h"
#include "lib/base/spawn.h"

#include <errno.h>
#include <string.h>

#define HOOK_OUTPUT_MAX 160 /* what of its stderr fits into the error */

static int fail(struct run *run, int code, const char *path, const char *why)
{
	char detail[sizeof run->err->detail];

	if (path_format(detail, sizeof detail, "%s: %s", path, why) < 0)
		return phase_fail(run->err, LAUNCH_PHASE_HOOK, code, path);
	return phase_fail(run->err, LAUNCH_PHASE_HOOK, code, detail);
}

static const char **make_list(const struct run *run, struct launch_vec v)
{
	const struct launch_str *s = launch_items(run->rec, v, struct launch_str);
	const char **out = malloc(((size_t)v.n + 1) * sizeof *out);

	for (uint32_t i = 0; out && i < v.n; i++)
		out[i] = launch_text(run->rec, s[i]);
	if (out)
		out[v.n] = NULL;
	return out;
}

static int judge(struct run *run, const char *path, const struct spawn_capture *io)
{
	char status[SPAWN_STATUS_SIZE];

	if (io->timed_out)
		return fail(run, ETIMEDOUT, path, "took longer than its timeout");
	if (io->status == 0)
		return 0;
	return fail(run, ECANCELED, path, io->err_n ? io->err : spawn_status_text(io->status, status));
}

static int run_one(struct run *run, const struct launch_hook *hook, const char *state, size_t n)
{
	const char *path = launch_text(run->rec, hook->path);
	auto_free const char **argv = make_list(run, hook->args);
	auto_free const char **env = make_list(run, hook->env);
	const char *const alone[] = { path, NULL };
	struct error why = ERROR_INIT;

	if (!argv || !env)
		return fail(run, ENOMEM, path, "no memory");
	struct spawn what = SPAWN_INIT;
	what.path = path;
	what.argv = hook->args.n ? argv : alone;
	what.env = env;
	struct spawn_capture io = { .in = state,
		.in_n = n,
		.err_max = HOOK_OUTPUT_MAX,
		.deadline_ns = hook->timeout ? clock_mono_ns() + hook->timeout * CLOCK_S : INT64_MAX };
	int r = spawn_capture(&what, &io, &why);
	if (r < 0)
		return fail(run, -r, path, why.text);
	r = judge(run, path, &io);
	spawn_capture_done(&io);
	return r;
}

int hooks_run(struct run *run, struct launch_vec hooks, const char *state, size_t n)
{
	const struct launch_hook *h = launch_items(run->rec, hooks, struct launch_hook);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < hooks.n; i++)
		r = run_one(run, &h[i], state, n);
	return r;
}
