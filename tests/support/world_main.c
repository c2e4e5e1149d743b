/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world COMMAND [ARG...] - runs a command in a world of its own (tests/support/world.h) and a pid namespace,
 * for shell tests.  GANTRY_WORLD_SCRATCH and GANTRY_WORLD_CGROUP tell it where to work.  The exit code is the
 * command's, 128 and the signal's number, or 125 when there is no world.
 */
#include "lib/base/cleanup.h"
#include "tests/support/world.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define NO_WORLD 125

static int exit_code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int wait_for(pid_t child)
{
	int status;

	for (;;) {
		pid_t pid = waitpid(-1, &status, 0);

		if (pid == child)
			return exit_code(status);
		if (pid < 0 && errno != EINTR)
			return NO_WORLD;
	}
}

/* Process 1 of the namespace reaps; when it ends, the kernel ends the rest. */
static int run_init(char **argv)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* a copy of the mounts, so that the parent keeps a /proc that lives as long as it does */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0) {
		perror("world: cannot mount /proc");
		return NO_WORLD;
	}
	pid_t child = fork();

	if (child == 0) {
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	return child < 0 ? NO_WORLD : wait_for(child);
}

static volatile pid_t init_pid;

static void end_world(int sig)
{
	(void)sig;
	if (init_pid > 0)
		kill(init_pid, SIGKILL);
}

/* Blocked until there is an init to end. */
static void catch_signals(sigset_t *set)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction action = { .sa_handler = end_world };

	sigemptyset(set);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		sigaddset(set, signals[i]);
		sigaction(signals[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, set, NULL);
}

static void restore_signals(const sigset_t *set)
{
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, set, NULL);
}

int main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	struct world world;
	sigset_t set;
	int code;

	if (argc < 2) {
		fprintf(stderr, "usage: world COMMAND [ARG...]\n");
		return NO_WORLD;
	}
	catch_signals(&set);
	if (world_enter(&world, CLONE_NEWPID, &err) < 0) {
		fprintf(stderr, "world: %s\n", err.text);
		return NO_WORLD;
	}
	setenv("GANTRY_WORLD_SCRATCH", WORLD_SCRATCH, 1);
	setenv("GANTRY_WORLD_CGROUP", world.cgroup, 1);
	init_pid = fork();
	if (init_pid == 0) {
		restore_signals(&set);
		_exit(run_init(argv + 1));
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	code = init_pid < 0 ? NO_WORLD : wait_for(init_pid);
	if (world_leave(&world, &err) < 0) {
		fprintf(stderr, "world: %s\n", err.text);
		return code ? code : NO_WORLD;
	}
	return code;
}
