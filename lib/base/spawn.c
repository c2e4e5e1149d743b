/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/spawn.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* The child shares memory, and the thread pointer, with the suspended caller.  It makes system calls
 * directly: the C library's setuid, setgroups or sigaction would act on this process's threads or refuse its
 * own signals. Sanitizers are off for what runs on the child's stack. */
#define CHILD      __attribute__((noinline, no_sanitize("address", "thread", "undefined")))
#define STACK_SIZE ((size_t)64 * 1024)

#define SIG_COUNT 64
#define SIG_BYTES (SIG_COUNT / 8) /* the kernel's sigset_t */

struct kernel_sigaction { /* zeroed, every architecture reads it as SIG_DFL without flags */
	uint64_t words[4];
};

/* What the child was doing when it failed. */
enum step {
	STEP_NONE,
	STEP_CGROUP,
	STEP_SESSION,
	STEP_NULL,
	STEP_NETNS,
	STEP_MNTNS,
	STEP_CWD,
	STEP_FDS,
	STEP_USER,
	STEP_EXEC
};

struct job {
	const struct spawn *what;
	enum step step;
	int error;
};

static int CHILD fail(struct job *job, enum step step)
{
	job->step = step;
	job->error = errno;
	return -1;
}

static int CHILD reset_signals(void)
{
	struct kernel_sigaction dfl = { { 0 } };

	for (int sig = 1; sig <= SIG_COUNT; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			syscall(SYS_rt_sigaction, sig, &dfl, NULL, SIG_BYTES);
	return 0;
}

static int CHILD enter_groups(struct job *job)
{
	const struct spawn *w = job->what;

	for (size_t i = 0; i < w->nprocs; i++)
		if (syscall(SYS_write, w->procs_fds[i], "0", 1) != 1)
			return fail(job, STEP_CGROUP);
	if ((w->flags & SPAWN_SESSION) && syscall(SYS_setsid) < 0)
		return fail(job, STEP_SESSION);
	if ((w->flags & (SPAWN_GROUP | SPAWN_SESSION)) == SPAWN_GROUP && syscall(SYS_setpgid, 0, 0) < 0)
		return fail(job, STEP_SESSION);
	return 0;
}

static int CHILD enter_namespaces(struct job *job)
{
	const struct spawn *w = job->what;

	if (w->netns_fd >= 0 && syscall(SYS_setns, w->netns_fd, CLONE_NEWNET) < 0)
		return fail(job, STEP_NETNS);
	if (w->mntns_fd >= 0 && syscall(SYS_setns, w->mntns_fd, CLONE_NEWNS) < 0)
		return fail(job, STEP_MNTNS);
	if (w->cwd && syscall(SYS_chdir, w->cwd) < 0)
		return fail(job, STEP_CWD);
	return 0;
}

/* Descriptors 0..n-1 as asked, n: the program (close-on-exec), nothing above.  Sources are first moved above
 * all targets, so that no target is overwritten before it was read. */
static int CHILD arrange_fds(struct job *job, int null_fd)
{
	const struct spawn *w = job->what;
	int n = w->nfds < 3 ? 3 : (int)w->nfds, moved[SPAWN_FDS_MAX];
	int exec_fd = w->path ? -1 : (int)syscall(SYS_fcntl, w->exec_fd, F_DUPFD_CLOEXEC, n + 1);

	if (!w->path && exec_fd < 0)
		return fail(job, STEP_FDS);
	for (int i = 0; i < n; i++) {
		int from = i < (int)w->nfds && w->fds[i] >= 0 ? w->fds[i] : null_fd;
		moved[i] = (int)syscall(SYS_fcntl, from, F_DUPFD_CLOEXEC, n + 1);
		if (moved[i] < 0)
			return fail(job, STEP_FDS);
	}
	for (int i = 0; i < n; i++)
		if (syscall(SYS_dup3, moved[i], i, 0) < 0)
			return fail(job, STEP_FDS);
	if (exec_fd >= 0 && syscall(SYS_dup3, exec_fd, n, O_CLOEXEC) < 0)
		return fail(job, STEP_FDS);
	if (sys_close_range((unsigned)n + (exec_fd >= 0), ~0u, 0) < 0)
		return fail(job, STEP_FDS);
	return 0;
}

static int CHILD become_user(struct job *job)
{
	const struct spawn *w = job->what;
	bool uid = w->uid != (uid_t)-1, gid = w->gid != (gid_t)-1;

	if ((uid || gid) && syscall(SYS_setgroups, w->ngroups, w->groups) < 0)
		return fail(job, STEP_USER);
	if (gid && syscall(SYS_setresgid, w->gid, w->gid, w->gid) < 0)
		return fail(job, STEP_USER);
	if (uid && syscall(SYS_setresuid, w->uid, w->uid, w->uid) < 0)
		return fail(job, STEP_USER);
	return 0;
}

static int CHILD run_child(void *arg)
{
	struct job *job = arg;
	const struct spawn *w = job->what;
	static char *const empty[] = { NULL };
	char *const *env = w->env ? (char *const *)w->env : empty;
	uint64_t none = 0;

	/* Before the namespaces change: the caller's /dev. */
	int null_fd = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd < 0)
		fail(job, STEP_NULL);
	else if (reset_signals() == 0 && enter_groups(job) == 0 && enter_namespaces(job) == 0 &&
		 arrange_fds(job, null_fd) == 0 && become_user(job) == 0) {
		syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, SIG_BYTES);
		if (w->path)
			syscall(SYS_execve, w->path, w->argv, env);
		else
			sys_execveat(w->nfds < 3 ? 3 : (int)w->nfds, "", (char *const *)w->argv, env,
				AT_EMPTY_PATH);
		fail(job, STEP_EXEC);
	}
	syscall(SYS_exit, 127);
	__builtin_unreachable();
}

/* ---- making the child ------------------------------------------------------------ */
#ifdef __x86_64__
/* clone3 on a new stack: the child must not return into frames that it shares with the caller, so it goes on
 * in run_child, which never returns.  -1 and errno as the kernel's. */
static pid_t clone_on(struct sys_clone_args *args, struct job *job)
{
	register long ret __asm__("rax") = 435;
	register void *a1 __asm__("rdi") = args;
	register size_t a2 __asm__("rsi") = sizeof *args;
	register int (*entry)(void *) __asm__("r8") = run_child;
	register void *entry_arg __asm__("r9") = job;

	__asm__ volatile("syscall\n\t"
			 "testq %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xorl %%ebp, %%ebp\n\t"
			 "movq %%r9, %%rdi\n\t"
			 "callq *%%r8\n\t"
			 "hlt\n"
			 "1:"
			 : "+r"(ret)
			 : "r"(a1), "r"(a2), "r"(entry), "r"(entry_arg)
			 : "rcx", "r11", "cc", "memory");
	if (ret < 0 && ret > -4096) {
		errno = (int)-ret;
		return -1;
	}
	return (pid_t)ret;
}
#else
static pid_t clone_on(struct sys_clone_args *args, struct job *job)
{
	(void)args;
	(void)job;
	errno = ENOSYS;
	return -1;
}
#endif

/* Without clone3 (another architecture, a seccomp filter that hides it): the C library's clone, which cannot
 * start in a cgroup; then the child enters by itself. */
static pid_t clone_plain(const struct spawn *what, char *stack, struct job *job, int *pidfd)
{
	int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
	struct spawn with_procs = *what;
	int procs[SPAWN_FDS_MAX];

	if (what->cgroup_fd < 0)
		return clone(run_child, stack + STACK_SIZE, flags, job, pidfd);
	auto_close int own = openat(what->cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (own < 0)
		return -1;
	if (what->nprocs > 0)
		memcpy(procs + 1, what->procs_fds, what->nprocs * sizeof *procs);
	procs[0] = own;
	with_procs.procs_fds = procs;
	with_procs.nprocs++;
	job->what = &with_procs;
	pid_t pid = clone(run_child, stack + STACK_SIZE, flags, job, pidfd);
	job->what = what;
	return pid;
}

static pid_t make_child(const struct spawn *what, char *stack, struct job *job, int *pidfd)
{
	struct sys_clone_args args = { .flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD,
		.pidfd = (uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)stack,
		.stack_size = STACK_SIZE };

	if (what->cgroup_fd >= 0) {
		args.flags |= SYS_CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)what->cgroup_fd;
	}
	pid_t pid = clone_on(&args, job);
	return pid < 0 && errno == ENOSYS ? clone_plain(what, stack, job, pidfd) : pid;
}

static int report(const struct spawn *what, const struct job *job, struct error *err)
{
	const char *name = what->path ? what->path : what->argv[0];

	switch (job->step) {
	case STEP_NONE: break;
	case STEP_CGROUP: return error_sys(err, job->error, "cannot run '%s': enter its cgroup", name);
	case STEP_SESSION:
		return error_sys(err, job->error, "cannot run '%s': make a session or process group", name);
	case STEP_NULL: return error_sys(err, job->error, "cannot run '%s': open '/dev/null'", name);
	case STEP_NETNS:
		return error_sys(err, job->error, "cannot run '%s': enter the network namespace", name);
	case STEP_MNTNS:
		return error_sys(err, job->error, "cannot run '%s': enter the mount namespace", name);
	case STEP_CWD:
		return error_sys(err, job->error, "cannot run '%s': change to folder '%s'", name, what->cwd);
	case STEP_FDS: return error_sys(err, job->error, "cannot run '%s': arrange its descriptors", name);
	case STEP_USER: return error_sys(err, job->error, "cannot run '%s': become its user and group", name);
	case STEP_EXEC: return error_sys(err, job->error, "cannot run '%s'", name);
	}
	return 0;
}

static int check(const struct spawn *what, struct error *err)
{
	if (!what->argv || !what->argv[0])
		return error_set(err, ERROR_INTERNAL, EINVAL, "cannot run a program without arguments");
	if (what->path ? what->path[0] != '/' : what->exec_fd < 0)
		return error_set(err, ERROR_INTERNAL, EINVAL, "cannot run '%s': its path must be absolute",
			what->path ? what->path : what->argv[0]);
	if (what->nfds > SPAWN_FDS_MAX || what->nprocs >= SPAWN_FDS_MAX || what->ngroups > SPAWN_GROUPS_MAX)
		return error_set(err, ERROR_INTERNAL, E2BIG,
			"cannot run '%s': too many descriptors or groups", what->argv[0]);
	return 0;
}

int spawn_run(const struct spawn *what, struct spawn_child *ret, struct error *err)
{
	struct job job = { .what = what };
	struct spawn_child child = { .pid = -1, .pidfd = -1 };
	sigset_t all, old;
	int status;

	int r = check(what, err);
	if (r < 0)
		return r;
	char *stack = mmap(
		NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return error_sys(err, errno, "cannot run '%s': stack", what->argv[0]);
	/* No handler of ours may run in the child. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	child.pid = make_child(what, stack, &job, &child.pidfd);
	int error = errno;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	munmap(stack, STACK_SIZE);
	if (child.pid < 0)
		return error_sys(err, error, "cannot run '%s': make a process", what->argv[0]);
	if (job.step != STEP_NONE) {
		spawn_wait(&child, INT64_MAX, &status);
		close(child.pidfd);
		return report(what, &job, err);
	}
	*ret = child;
	return 0;
}

/* ---- waiting ------------------------------------------------------------------------ */
static int wait_status(const siginfo_t *info)
{
	switch (info->si_code) {
	case CLD_EXITED: return (info->si_status & 0xff) << 8;
	case CLD_DUMPED: return (info->si_status & 0x7f) | 0x80;
	}
	return info->si_status & 0x7f;
}

int spawn_wait(const struct spawn_child *child, int64_t deadline_ns, int *ret_status)
{
	siginfo_t info = { .si_pid = 0 };
	int r;

	if (deadline_ns != INT64_MAX) {
		struct pollfd p = { .fd = child->pidfd, .events = POLLIN };
		do
			r = poll(&p, 1, clock_poll_ms(deadline_ns));
		while (r < 0 && errno == EINTR);
		if (r < 0)
			return -errno;
		if (r == 0)
			return -ETIMEDOUT;
	}
	do
		r = waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	*ret_status = wait_status(&info);
	return 0;
}

int spawn_kill(const struct spawn_child *child, int sig)
{
	return sys_pidfd_send_signal(child->pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

const char *spawn_status_text(int status, char buf[SPAWN_STATUS_SIZE])
{
	if (WIFEXITED(status))
		snprintf(buf, SPAWN_STATUS_SIZE, "exited with status %d", WEXITSTATUS(status));
	else
		snprintf(buf, SPAWN_STATUS_SIZE, "was killed by signal %d (%s)", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	return buf;
}
