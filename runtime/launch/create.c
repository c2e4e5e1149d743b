/* SPDX-License-Identifier: Apache-2.0 */
/* The launcher's side: what is opened and made before the clone, the talk with the new process, and the way
 * back. */
#include "runtime/launch/run.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/sys.h"
#include "lib/cgroup/device.h"
#include "runtime/launch/channel.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* For what has to die after a failure. */
#define UNDO_NS (10 * CLOCK_S)

struct clone { /* the new process, and our end of the channel to it */
	pid_t pid;
	int pidfd, sock, console;
	struct {
		pid_t pid;
		int pidfd;
	} helper; /* exec: the one that went in and cloned pid */
};
#define CLONE_NONE ((struct clone){ .pid = -1, .pidfd = -1, .sock = -1, .console = -1, .helper = { -1, -1 } })

static int *new_fds(uint32_t n)
{
	int *fds = malloc((n + 1) * sizeof *fds);

	for (uint32_t i = 0; fds && i <= n; i++)
		fds[i] = -1;
	return fds;
}

static void close_all(int *fds, uint32_t n)
{
	for (uint32_t i = 0; fds && i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(fds);
}

static int run_init(struct run *run, const struct launch_args *args, struct launch_error *err)
{
	const struct launch_record *rec = args->rec;

	*run = (struct run){ .args = args,
		.rec = rec,
		.err = err,
		.proc = &rec->process,
		.sock = -1,
		.root = -1,
		.proc_fs = -1,
		.devpts = -1,
		.cgroup = CGROUP_NONE };
	memset(err, 0, sizeof *err);
	run->trees = new_fds(rec->mounts.n);
	run->nodes = new_fds(rec->devices.n);
	run->userns = rec->ns_new & CLONE_NEWUSER;
	const struct launch_join *j = launch_items(rec, rec->joins, struct launch_join);
	for (uint32_t i = 0; i < rec->joins.n; i++)
		run->userns = run->userns || j[i].type == CLONE_NEWUSER;
	return run->trees && run->nodes ? 0 : phase_fail(err, LAUNCH_PHASE_RECORD, ENOMEM, NULL);
}

static void run_done(struct run *run)
{
	close_all(run->trees, run->rec->mounts.n);
	close_all(run->nodes, run->rec->devices.n);
	close_all(run->cgroup_trees, run->cgroup_trees ? CGROUP_HIERARCHIES_MAX : 0);
	if (run->root >= 0)
		close(run->root);
	if (run->sock >= 0)
		close(run->sock);
	cgroup_close(&run->cgroup);
}

/* ---- cgroup ------------------------------------------------------------------ */
static int cgroup_fail(struct run *run, int r, const struct error *why)
{
	return phase_fail(run->err, LAUNCH_PHASE_CGROUP, -r, why->text);
}

static struct cgroup_setting *copy_settings(const struct launch_record *rec)
{
	const struct launch_cgroup_setting *s = launch_items(
		rec, rec->cgroup_settings, struct launch_cgroup_setting);
	struct cgroup_setting *out = calloc((size_t)rec->cgroup_settings.n + 1, sizeof *out);

	for (uint32_t i = 0; out && i < rec->cgroup_settings.n; i++)
		out[i] = (struct cgroup_setting){ (uint8_t)s[i].controller, (uint8_t)s[i].flags,
			launch_text(rec, s[i].file), launch_text(rec, s[i].value) };
	return out;
}

static int apply_devices(struct run *run, struct error *why)
{
	const struct launch_record *rec = run->rec;
	const struct launch_cgroup_device *d = launch_items(
		rec, rec->cgroup_devices, struct launch_cgroup_device);
	auto_free struct cgroup_device_rule *rules = calloc((size_t)rec->cgroup_devices.n + 1, sizeof *rules);

	if (!rules)
		return error_sys(why, ENOMEM, "cannot keep the device rules");
	for (uint32_t i = 0; i < rec->cgroup_devices.n; i++)
		rules[i] = (struct cgroup_device_rule){ (uint8_t)d[i].allow, (char)d[i].type,
			(uint8_t)d[i].access, d[i].major, d[i].minor };
	return cgroup_apply_devices(&run->cgroup, rules, rec->cgroup_devices.n, why);
}

static int make_cgroup(struct run *run)
{
	const struct launch_record *rec = run->rec;
	struct error why = ERROR_INIT;

	if (!rec->cgroup_path.off)
		return 0;
	auto_free struct cgroup_setting *settings = copy_settings(rec);
	if (!settings)
		return phase_fail(run->err, LAUNCH_PHASE_CGROUP, ENOMEM, NULL);
	struct cgroup_spec spec = { .path = launch_text(rec, rec->cgroup_path),
		.instance = launch_text(rec, rec->cgroup_mark),
		.controllers = cgroup_settings_controllers(settings, rec->cgroup_settings.n) };
	int r = cgroup_create(run->args->cgroups, &spec, &run->cgroup, &why);
	if (r == 0)
		r = cgroup_apply(&run->cgroup, settings, rec->cgroup_settings.n, &why);
	if (r == 0)
		r = apply_devices(run, &why);
	return r < 0 ? cgroup_fail(run, r, &why) : 0;
}

/* ---- the clone --------------------------------------------------------------- */
static int clone_process(struct run *run, struct clone *c, uint32_t ns, int v2, void (*child)(struct run *))
{
	struct sys_clone_args args = {
		.flags = ns | CLONE_PIDFD, .pidfd = (uintptr_t)&c->pidfd, .exit_signal = SIGCHLD
	};
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_CLONE, "socketpair");
	if (run->args->sibling) {
		args.flags |= CLONE_PARENT;
		args.exit_signal = 0; /* the caller's own is taken */
	}
	if (v2 >= 0) {
		args.flags |= SYS_CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)v2;
	}
	c->pid = sys_clone3(&args);
	if (c->pid == 0) {
		close(pair[0]);
		run->sock = pair[1];
		child(run);
	}
	int code = errno;
	close(pair[1]);
	if (c->pid < 0) {
		close(pair[0]);
		return phase_fail(run->err, LAUNCH_PHASE_CLONE, code, NULL);
	}
	c->sock = pair[0];
	return 0;
}

/* CAP_SYS_RESOURCE may be missing: then a lower score than our own is refused, and the present one stays. */
static int set_oom_score(struct run *run, pid_t pid)
{
	char path[64], text[16];

	snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int)pid);
	snprintf(text, sizeof text, "%d", run->proc->oom_score_adj);
	int r = fd_write_file(AT_FDCWD, path, text);
	return r < 0 && r != -EACCES ? phase_fail(run->err, LAUNCH_PHASE_OOM_SCORE, -r, text) : 0;
}

static int let_go(struct run *run, struct clone *c)
{
	int r = 0;

	if (!(run->rec->ns_new & CLONE_NEWUSER) && !(run->proc->flags & LAUNCH_PROC_OOM_SCORE))
		return 0;
	if (!(run->rec->flags & LAUNCH_F_EXEC) && (run->rec->ns_new & CLONE_NEWUSER)) {
		r = idmap_write(c->pid, run->rec);
		if (r < 0)
			return phase_fail(run->err, LAUNCH_PHASE_IDMAP, -r, NULL);
	}
	if (run->proc->flags & LAUNCH_PROC_OOM_SCORE)
		r = set_oom_score(run, c->pid);
	if (r < 0)
		return r;
	r = channel_send(c->sock, CHANNEL_GO, NULL, 0, -1);
	return r < 0 ? phase_fail(run->err, LAUNCH_PHASE_PROTOCOL, -r, NULL) : 0;
}

static int answer_hooks(struct run *run, struct clone *c)
{
	auto_free char *state = malloc(CHANNEL_STATE_MAX);
	int r;

	if (!state || !run->args->hooks)
		return phase_fail(run->err, LAUNCH_PHASE_HOOK, state ? EINVAL : ENOMEM, NULL);
	state[0] = '\0';
	r = run->args->hooks(run->args->hooks_arg, c->pid, state, CHANNEL_STATE_MAX, run->err);
	if (r < 0)
		return r;
	r = channel_send(c->sock, CHANNEL_GO, state, strlen(state), -1);
	return r < 0 ? phase_fail(run->err, LAUNCH_PHASE_PROTOCOL, -r, NULL) : 0;
}

static int repeat_error(struct launch_error *err, struct launch_error *said)
{
	said->detail[sizeof said->detail - 1] = '\0';
	return phase_fail(err, (enum launch_phase)said->phase, said->code, said->detail);
}

/* exec: the process is there; the one that cloned it ends. */
static int adopt(struct run *run, struct clone *c, pid_t pid, int pidfd)
{
	if (c->helper.pid > 0 || pidfd < 0)
		return phase_fail(run->err, LAUNCH_PHASE_PROTOCOL, EBADMSG, NULL);
	c->helper.pid = c->pid;
	c->helper.pidfd = c->pidfd;
	c->pid = pid;
	c->pidfd = pidfd;
	return let_go(run, c);
}

/* Until the process is parked (create), or has become the program (exec: the channel closes). */
static int converse(struct run *run, struct clone *c)
{
	for (;;) {
		union {
			struct launch_error err;
			pid_t pid;
		} said;
		size_t n = 0;
		int fd = -1, r = 0;
		int type = channel_recv(c->sock, &said, sizeof said, &n, &fd);

		switch (type) {
		case CHANNEL_READY: return 0;
		case CHANNEL_HOOKS: r = answer_hooks(run, c); break;
		case CHANNEL_CONSOLE: c->console = take_fd(fd); break;
		case CHANNEL_PROCESS: r = adopt(run, c, said.pid, take_fd(fd)); break;
		case CHANNEL_ERROR:
			if (n != sizeof said.err)
				return phase_fail(run->err, LAUNCH_PHASE_PROTOCOL, EBADMSG, NULL);
			return repeat_error(run->err, &said.err);
		case 0:
			if (c->helper.pid > 0) /* exec: closed by execve(2) */
				return 0;
			return phase_fail(run->err, LAUNCH_PHASE_DIED, ECHILD, NULL);
		default: return phase_fail(run->err, LAUNCH_PHASE_PROTOCOL, type < 0 ? -type : EBADMSG, NULL);
		}
		if (fd >= 0)
			close(fd);
		if (r < 0)
			return r;
	}
}

/* A sibling is reaped by the caller's parent; that it is dead is waited for all the same. */
static void end_process(const struct run *run, pid_t pid, int pidfd, bool by_force)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int64_t end = clock_mono_ns() + UNDO_NS;

	if (pid <= 0)
		return;
	if (by_force)
		sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	while (poll(&p, 1, clock_poll_ms(end)) < 0 && errno == EINTR)
		;
	if (!run->args->sibling)
		while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
			;
}

static void clone_done(struct clone *c)
{
	if (c->sock >= 0)
		close(c->sock);
	if (c->pidfd >= 0)
		close(c->pidfd);
	if (c->console >= 0)
		close(c->console);
	if (c->helper.pidfd >= 0)
		close(c->helper.pidfd);
}

/* ---- create, start, exec ------------------------------------------------------ */
static void undo_cgroup(struct run *run)
{
	int64_t end = clock_mono_ns() + UNDO_NS;

	if (!run->cgroup.layout)
		return;
	cgroup_kill(&run->cgroup, end, NULL);
	cgroup_remove(&run->cgroup, end, NULL);
}

static void hand_over(struct run *run, struct clone *c, struct launch_result *ret)
{
	*ret = (struct launch_result){ .pid = c->pid,
		.pidfd = take_fd(c->pidfd),
		.console = take_fd(c->console),
		.cgroup = run->cgroup };
	run->cgroup = CGROUP_NONE;
}

static int open_all(struct run *run)
{
	int r = make_cgroup(run);

	if (r == 0)
		r = cgroupfs_open(run);
	if (r == 0)
		r = mounts_open(run);
	return r == 0 ? devices_open(run) : r;
}

int launch_create(const struct launch_args *args, struct launch_result *ret, struct launch_error *err)
{
	struct namespaces ns = NAMESPACES_NONE;
	struct clone c = CLONE_NONE;
	struct run run;
	int r = run_init(&run, args, err);

	if (r == 0)
		r = open_all(&run);
	if (r == 0)
		r = namespaces_enter(&run, &ns);
	if (r == 0)
		r = clone_process(&run, &c, args->rec->ns_new & ~(uint32_t)(CLONE_NEWCGROUP | CLONE_NEWTIME),
			run.cgroup.layout ? cgroup_v2_fd(&run.cgroup) : -1, child_create);
	namespaces_leave(&ns);
	if (r == 0)
		r = let_go(&run, &c);
	if (r == 0)
		r = converse(&run, &c);
	if (r == 0) {
		hand_over(&run, &c, ret);
	} else {
		end_process(&run, c.pid, c.pidfd, true);
		undo_cgroup(&run);
	}
	clone_done(&c);
	run_done(&run);
	return r;
}

int launch_start(int sock, struct launch_error *err)
{
	struct launch_error said;
	size_t n = 0;
	int r = channel_send(sock, CHANNEL_GO, NULL, 0, -1);

	if (r < 0)
		return phase_fail(err, LAUNCH_PHASE_PROTOCOL, -r, NULL);
	int type = channel_recv(sock, &said, sizeof said, &n, NULL);
	if (type == 0)
		return 0;
	if (type != CHANNEL_ERROR || n != sizeof said)
		return phase_fail(err, LAUNCH_PHASE_PROTOCOL, type < 0 ? -type : EBADMSG, NULL);
	return repeat_error(err, &said);
}

static int open_cgroup(struct run *run)
{
	struct error why = ERROR_INIT;

	if (!run->rec->cgroup_path.off)
		return 0;
	int r = cgroup_open(
		run->args->cgroups, launch_text(run->rec, run->rec->cgroup_path), &run->cgroup, &why);
	return r < 0 ? cgroup_fail(run, r, &why) : 0;
}

/* A container may have moved its processes below its own cgroup: v2 then takes new ones only where they are.
 */
static int clone_exec(struct run *run, struct clone *c)
{
	int v2 = run->cgroup.layout ? cgroup_v2_fd(&run->cgroup) : -1;
	int r = clone_process(run, c, 0, v2, child_go_in);

	if (r != -EBUSY || v2 < 0)
		return r;
	auto_close int below = cgroup_v2_fd_of(&run->cgroup, run->args->target_pid);
	return below < 0 ? phase_fail(run->err, LAUNCH_PHASE_CGROUP, -below, run->cgroup.path)
			 : clone_process(run, c, 0, below, child_go_in);
}

int launch_exec(const struct launch_args *args, struct launch_result *ret, struct launch_error *err)
{
	struct clone c = CLONE_NONE;
	struct run run;
	int r = run_init(&run, args, err);

	if (r == 0)
		r = open_cgroup(&run);
	if (r == 0)
		r = clone_exec(&run, &c);
	if (r == 0)
		r = converse(&run, &c);
	end_process(&run, c.helper.pid, c.helper.pidfd, false);
	if (r == 0)
		hand_over(&run, &c, ret);
	else
		end_process(&run, c.pid, c.pidfd, true);
	clone_done(&c);
	run_done(&run);
	return r;
}
