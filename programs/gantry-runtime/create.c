/* SPDX-License-Identifier: Apache-2.0 */
/* create: from a bundle to a container whose first process is parked. */
#include "programs/gantry-runtime/runtime.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/sys.h"
#include "lib/json/json.h"
#include "programs/gantry-runtime/launcher.h"
#include "runtime/compile/seccomp_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define CACHED_FILTERS 64

struct making { /* a create under way, for its hooks */
	struct created *c;
	struct str text;
};

void created_done(struct created *c)
{
	state_done(&c->state);
	bundle_done(&c->bundle);
	compile_hooks_done(&c->hooks);
	if (c->pidfd >= 0)
		close(c->pidfd);
	if (c->console >= 0)
		close(c->console);
	*c = CREATED_INIT;
}

/* The hooks of the runtime see the state "creating" with the pid that is to be. */
static int on_process(void *arg, pid_t pid, const char **ret_state, struct error *err)
{
	struct making *m = arg;
	struct created *c = m->c;
	int r;

	c->state.pid = pid;
	r = state_json(&c->state, STATE_CREATING, false, &m->text);
	if (r < 0)
		return error_sys(err, -r, "cannot write the state for hooks");
	r = hooks_run_kind(&c->hooks, COMPILE_HOOK_PRESTART, m->text.data, false, err);
	if (r == 0)
		r = hooks_run_kind(&c->hooks, COMPILE_HOOK_CREATE_RUNTIME, m->text.data, false, err);
	*ret_state = m->text.data;
	return r;
}

static int keep_text(char **slot, const char *text, struct error *err)
{
	*slot = strdup(text);
	return *slot ? 0 : error_sys(err, ENOMEM, "cannot keep '%s'", text);
}

/* What state.json will say; written before anything is made, so that delete knows the cgroup. */
static int describe(struct created *c, const struct compile_options *compile, struct error *err)
{
	char cgroup[CGROUP_PATH_MAX], rootfs[PATH_MAX];
	const struct json *annotations = json_at(c->bundle.config, "annotations");
	const struct json *root = json_at(c->bundle.config, "root");
	const char *path = "rootfs";
	int r = compile_cgroup_path(c->bundle.config, compile, cgroup, sizeof cgroup, err);

	if (r == 0 && root)
		r = json_opt_string(root, "path", path, &path, err);
	if (r < 0)
		return r;
	r = path[0] == '/' ? path_format(rootfs, sizeof rootfs, "%s", path)
			   : path_format(rootfs, sizeof rootfs, "%s/%s", c->bundle.path, path);
	if (r < 0)
		return error_invalid(err, "root.path is too long");
	c->state.created = clock_real_ns();
	c->state.uid = getuid();
	if (keep_text(&c->state.bundle, c->bundle.path, err) < 0 ||
		keep_text(&c->state.rootfs, rootfs, err) < 0 ||
		keep_text(&c->state.cgroup_path, cgroup, err) < 0)
		return -ENOMEM;
	if (annotations && !(c->state.annotations = json_text(annotations)))
		return error_sys(err, ENOMEM, "cannot keep the annotations");
	r = fd_replace_file(c->state.dir, "config.json", c->bundle.text, strlen(c->bundle.text), 0600, false);
	if (r < 0)
		return error_sys(err, -r, "cannot keep config.json");
	return state_save(&c->state, err);
}

static int check_console(
	const struct create_options *o, const struct bundle *b, bool keep_console, struct error *err)
{
	bool terminal = bundle_wants_terminal(b);

	if (terminal && !o->console_socket && !keep_console)
		return error_invalid(err,
			"cannot allocate tty if the runtime will detach without setting console socket: "
			"give --console-socket");
	if (!terminal && o->console_socket)
		return error_invalid(err,
			"cannot use console socket if the runtime will not detach or allocate tty: "
			"set process.terminal");
	return 0;
}

static int preserved_fds(uint64_t n, int *fds, struct error *err)
{
	if (n > LAUNCH_FDS_MAX)
		return error_invalid(
			err, "--preserve-fds %llu: at most %u", (unsigned long long)n, LAUNCH_FDS_MAX);
	for (uint64_t i = 0; i < n; i++) {
		fds[i] = (int)(3 + i);
		if (fcntl(fds[i], F_GETFD) < 0)
			return error_invalid(err, "--preserve-fds %llu: descriptor %d is not open",
				(unsigned long long)n, fds[i]);
	}
	return 0;
}

static int launch(struct created *c, const struct create_options *o, const struct launch_block *record,
	struct error *err)
{
	struct making making = { .c = c, .text = STR_INIT(32000) };
	int fds[LAUNCH_FDS_MAX];
	struct launcher_process process;
	int r = preserved_fds(o->preserve_fds, fds, err);

	auto_close int park = r < 0 ? -1 : state_listen(&c->state, err);
	if (park < 0)
		return r < 0 ? r : park;
	struct launcher what = { .record = record,
		.layout = &c->layout,
		.fds = fds,
		.nfds = (uint32_t)o->preserve_fds,
		.stdio = { 0, 1, 2 },
		.park = park,
		.hooks = on_process,
		.hooks_arg = &making };
	r = launcher_run(&what, &process, err);
	str_done(&making.text);
	if (r < 0)
		return r;
	c->state.pid = process.pid;
	c->state.start_time = state_start_time(process.pid);
	c->pidfd = process.pidfd;
	c->console = process.console;
	return 0;
}

/* What is told to others once the process stands: its number, its terminal. */
static int announce(struct created *c, const struct create_options *o, struct error *err)
{
	int r = state_save(&c->state, err);

	if (r == 0 && o->pid_file)
		r = pid_file_write(o->pid_file, c->state.pid, err);
	if (r == 0 && o->console_socket) {
		r = console_send(o->console_socket, c->console, err);
		close(take_fd(c->console));
	}
	return r;
}

static int prepare(
	struct created *c, const struct create_options *o, struct compile_options *compile, struct error *err)
{
	int r = cgroup_layout_discover(&c->layout, err);

	if (r == 0)
		r = compile_hooks_load(c->bundle.config, &c->hooks, err);
	if (r < 0)
		return r;
	bundle_compile_options(&c->bundle, c->state.id, &c->layout, compile);
	compile->make_cwd = true; /* as runc */
	compile->no_pivot = o->no_pivot;
	compile->no_new_keyring = o->no_new_keyring;
	compile->preserve_fds = (uint32_t)o->preserve_fds;
	return describe(c, compile, err);
}

/* Without it a launch is only slower. */
static void open_cache(const char *root, struct seccomp_cache **ret)
{
	char dir[PATH_MAX];

	if (path_format(dir, sizeof dir, "%s/seccomp-cache", root) == 0)
		seccomp_cache_open(dir, CACHED_FILTERS, ret, NULL);
}

static int build(
	const struct globals *globals, struct created *c, const struct create_options *o, struct error *err)
{
	struct compile_options compile;
	struct launch_block record = { 0 };
	int r = prepare(c, o, &compile, err);

	if (r < 0)
		return r;
	open_cache(globals->root, &compile.seccomp_cache);
	r = compile_container(c->bundle.config, &compile, &record, err);
	if (r == 0)
		r = launch(c, o, &record, err);
	launch_block_done(&record);
	seccomp_cache_free(compile.seccomp_cache);
	return r == 0 ? announce(c, o, err) : r;
}

/* The container goes as it came; what failed first is what is told. */
static void undo(const struct globals *globals, struct created *c)
{
	if (c->pidfd >= 0) {
		sys_pidfd_send_signal(c->pidfd, SIGKILL, NULL, 0);
		waitpid(c->state.pid, NULL, __WALL);
	}
	c->state.pid = 0;
	container_delete(globals, &c->state, true, NULL);
}

int container_create(const struct globals *globals, const char *id, const struct create_options *o,
	bool keep_console, struct created *ret, struct error *err)
{
	struct created c = CREATED_INIT;
	int r = bundle_load(o->bundle ? o->bundle : ".", &c.bundle, err);

	if (r == 0)
		r = check_console(o, &c.bundle, keep_console, err);
	if (r == 0)
		r = state_create(globals->root, id, &c.state, err);
	if (r < 0) {
		created_done(&c);
		return r;
	}
	r = build(globals, &c, o, err);
	if (r < 0) {
		undo(globals, &c);
		created_done(&c);
		return r;
	}
	*ret = c;
	return 0;
}

int create_run(const struct command_call *call)
{
	const struct create_options *o = call->options.into;
	struct created c = CREATED_INIT;
	struct error err = ERROR_INIT;
	int r = container_create(globals_of(call), call->options.args[0], o, false, &c, &err);

	created_done(&c);
	return r < 0 ? report(&err) : 0;
}
