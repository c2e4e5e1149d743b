/* SPDX-License-Identifier: Apache-2.0 */
/* The cloned process: from its first instruction to the execve(2), in order. */
#include "runtime/launch/run.h"

#include "lib/base/cleanup.h"
#include "lib/base/sys.h"
#include "runtime/launch/channel.h"

#include <errno.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

struct state { /* the container's OCI state, for hooks */
	char *text;
	size_t n;
};

static _Noreturn void give_up(struct run *run, int sock)
{
	channel_send(sock, CHANNEL_ERROR, run->err, sizeof *run->err, -1);
	_exit(126);
}

/* The launcher's handlers and ignored signals are not the container's. */
static void reset_signals(void)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };

	for (int sig = 1; sig < NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			sigaction(sig, &sa, NULL);
}

static int wait_for_go(struct run *run, struct state *state)
{
	size_t n = 0, size = state ? CHANNEL_STATE_MAX : 0;

	if (state && !(state->text = malloc(size)))
		return phase_fail(run->err, LAUNCH_PHASE_HOOK, ENOMEM, NULL);
	int type = channel_recv(run->sock, state ? state->text : NULL, size, &n, NULL);
	if (type != CHANNEL_GO)
		return phase_fail(run->err, LAUNCH_PHASE_PROTOCOL, type < 0 ? -type : ECONNRESET, NULL);
	if (state)
		state->n = n;
	return 0;
}

static bool awaits_go(const struct run *run)
{
	return (run->rec->ns_new & CLONE_NEWUSER) || (run->proc->flags & LAUNCH_PROC_OOM_SCORE);
}

/* Not dumpable from here to the execve(2): no process of the container may look into the launcher's memory or
 * descriptors (CVE-2016-9962). */
static void begin(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NAME, "gantry-init");
	reset_signals();
}

static int join_cgroup(struct run *run)
{
	int r = run->cgroup.layout ? cgroup_join_self(&run->cgroup) : 0;

	return r < 0 ? phase_fail(run->err, LAUNCH_PHASE_CGROUP, -r, run->cgroup.path) : 0;
}

/* Root inside: files and mounts made from here on belong to the container's root. */
static int become_root(struct run *run)
{
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_USER, "0");
	prctl(PR_SET_DUMPABLE, 0);
	return 0;
}

static void new_session(const struct run *run)
{
	setsid();
	if (!(run->rec->flags &
		    LAUNCH_F_NO_NEW_KEYRING)) /* refused where keys are not in the kernel or forbidden */
		syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	umask(0);
}

static int set_loopback_up(struct run *run)
{
	struct ifreq ifr = { .ifr_flags = IFF_UP | IFF_RUNNING };
	auto_close int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(ifr.ifr_name, "lo", 3);
	if (sock < 0 || ioctl(sock, SIOCSIFFLAGS, &ifr) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_LOOPBACK, NULL);
	return 0;
}

static int set_stdio(struct run *run)
{
	for (int i = 0; i <= 2; i++) {
		int fd = run->args->stdio[i];
		auto_close int null = fd < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
		if (dup2(fd < 0 ? null : fd, i) < 0)
			return phase_errno(run->err, LAUNCH_PHASE_CONSOLE, "stdio");
	}
	return 0;
}

static int set_hostname(struct run *run)
{
	const char *host = launch_text(run->rec, run->rec->hostname);
	const char *domain = launch_text(run->rec, run->rec->domainname);

	if (host && sethostname(host, run->rec->hostname.len) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_HOSTNAME, host);
	if (domain && setdomainname(domain, run->rec->domainname.len) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_HOSTNAME, domain);
	return 0;
}

static int build_mounts(struct run *run)
{
	const bool tty = run->proc->flags & LAUNCH_PROC_TTY;
	int r = tty ? 0 : set_stdio(run);

	if (r == 0)
		r = run->userns ? mounts_unlock_root(run) : mounts_attach_root(run);
	if (r == 0)
		r = mounts_attach(run, false);
	if (r == 0)
		r = devices_make(run);
	return r == 0 && tty ? devices_console(run) : r;
}

static bool has_hooks(const struct run *run)
{
	return (run->rec->flags & LAUNCH_F_RUNTIME_HOOKS) || run->rec->create_hooks.n ||
	       run->rec->start_hooks.n;
}

/* The runtime's hooks run now, in the launcher's namespaces; then those of the container's, before its root
 * is entered. */
static int stop_for_hooks(struct run *run, struct state *state)
{
	int r = channel_send(run->sock, CHANNEL_HOOKS, NULL, 0, -1);

	if (r < 0)
		return phase_fail(run->err, LAUNCH_PHASE_PROTOCOL, -r, NULL);
	r = wait_for_go(run, state);
	return r < 0 ? r : hooks_run(run, run->rec->create_hooks, state->text, state->n);
}

static int build(struct run *run, struct state *state, struct program *program)
{
	begin();
	int r = join_cgroup(run);

	if (r == 0 && awaits_go(run))
		r = wait_for_go(run, NULL);
	if (r == 0 && run->userns)
		r = become_root(run);
	if (r == 0)
		r = namespaces_join_rest(run);
	if (r < 0)
		return r;
	new_session(run);
	if (run->rec->flags & LAUNCH_F_LOOPBACK)
		r = set_loopback_up(run);
	if (r == 0)
		r = build_mounts(run);
	if (r == 0 && has_hooks(run))
		r = stop_for_hooks(run, state);
	if (r == 0)
		r = sysctl_write(run);
	if (r == 0)
		r = set_hostname(run);
	if (r == 0)
		r = masks_apply(run);
	if (r == 0)
		r = mounts_enter(run);
	if (r == 0)
		r = process_prepare(run);
	return r == 0 ? program_find(run, program) : r;
}

/* A listening socket outlives a start that was killed half-way; a connected one is the launcher's life. */
static int park(struct run *run)
{
	for (;;) {
		int sock = run->args->park;
		if (run->args->park_listens)
			sock = accept4(run->args->park, NULL, NULL, SOCK_CLOEXEC);
		if (sock < 0) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			_exit(126);
		}
		int type = channel_recv(sock, NULL, 0, NULL, NULL);
		if (type == CHANNEL_GO)
			return sock;
		if (!run->args->park_listens)
			_exit(126);
		close(sock);
	}
}

_Noreturn void child_create(struct run *run)
{
	struct launch_error err = { 0 };
	struct state state = { 0 };
	struct program program = { 0 };

	run->err = &err;
	if (build(run, &state, &program) < 0)
		give_up(run, run->sock);
	prctl(PR_SET_PDEATHSIG, 0); /* a parked container outlives its launcher if the park socket does */
	if (channel_send(run->sock, CHANNEL_READY, NULL, 0, -1) < 0)
		_exit(126);
	close(take_fd(run->sock));
	int sock = park(run);
	if (hooks_run(run, run->rec->start_hooks, state.text, state.n) == 0)
		program_exec(run, &program, &sock);
	give_up(run, sock);
}

/* ---- exec: two processes --------------------------------------------------------- */
/* Born in the container's pid namespace with nothing of the host left: its root, descriptors and cgroup are
 * the container's already, since a process there that may trace looks into it from its first instruction on.
 */
static _Noreturn void run_inside(struct run *run)
{
	struct launch_error err = { 0 };
	struct program program = { 0 };
	const bool tty = run->proc->flags & LAUNCH_PROC_TTY;
	int r = 0;

	run->err = &err;
	begin();
	if (awaits_go(run))
		r = wait_for_go(run, NULL);
	if (r == 0 && !tty)
		r = set_stdio(run);
	if (r == 0 && (run->rec->ns_new & CLONE_NEWUSER)) {
		if (setns(run->args->target, CLONE_NEWUSER) < 0)
			r = phase_errno(run->err, LAUNCH_PHASE_NAMESPACE, "user");
		if (r == 0)
			r = become_root(run);
	}
	if (r < 0)
		give_up(run, run->sock);
	new_session(run);
	if (tty)
		r = devices_console(run);
	if (r == 0)
		r = process_prepare(run);
	if (r == 0)
		r = program_find(run, &program);
	if (r < 0)
		give_up(run, run->sock);
	prctl(PR_SET_PDEATHSIG, 0);
	program_exec(run, &program, &run->sock);
	give_up(run, run->sock);
}

static int drop_host(struct run *run)
{
	int keep[LAUNCH_FDS_MAX + 5] = { run->sock, run->args->target };
	size_t n = 2;

	for (int i = 0; i < 3; i++)
		keep[n++] = run->args->stdio[i];
	for (uint32_t i = 0; i < run->proc->preserve_fds; i++)
		keep[n++] = run->args->fds[run->args->nfds - 1 - i];
	return process_close_rest(run, keep, n);
}

/* The mount namespace brings root and working directory along; the pid namespace is that of the next child.
 */
static int enter_target(struct run *run)
{
	uint32_t flags = run->rec->ns_new & ~(uint32_t)(CLONE_NEWPID | CLONE_NEWUSER);

	if (flags && setns(run->args->target, (int)flags) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_NAMESPACE, NULL);
	if ((run->rec->ns_new & CLONE_NEWPID) && setns(run->args->target, CLONE_NEWPID) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_NAMESPACE, "pid");
	return 0;
}

_Noreturn void child_go_in(struct run *run)
{
	struct launch_error err = { 0 };
	int pidfd = -1;
	struct sys_clone_args args = { .flags = CLONE_PARENT | CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd };

	run->err = &err;
	begin();
	int r = join_cgroup(run);
	if (r == 0)
		r = drop_host(run);
	if (r == 0)
		r = enter_target(run);
	if (r < 0)
		give_up(run, run->sock);
	pid_t pid = sys_clone3(&args);
	if (pid == 0)
		run_inside(run);
	if (pid < 0) {
		phase_errno(run->err, LAUNCH_PHASE_CLONE, NULL);
		give_up(run, run->sock);
	}
	_exit(channel_send(run->sock, CHANNEL_PROCESS, &pid, sizeof pid, pidfd) < 0);
}
