/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gantry-init -- PROGRAM [ARGUMENT...]: process 1 of a container that has none of its own (`docker run
 * --init`).  Runs the program in a process group of its own, with the terminal if there is one; hands every
 * signal on to it; reaps whatever is left to process 1; exits as the program did.
 * A static program: it is mounted into the container, whose C library may be any.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a fault of this process raises is not for the program. */
static const int own[] = { SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS };

/* All signals but own ones, SIGTTIN and SIGTTOU, are taken by sigwaitinfo(2) alone. */
static void block(sigset_t *set, sigset_t *before)
{
	sigfillset(set);
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		sigdelset(set, own[i]);
	sigdelset(set, SIGTTIN);
	sigdelset(set, SIGTTOU);
	sigprocmask(SIG_SETMASK, set, before);
	/* From the background this process still writes to, and gives away, the terminal. */
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
}

static _Noreturn void become(char **argv, const sigset_t *mask)
{
	setpgid(0, 0);
	if (tcsetpgrp(STDIN_FILENO, getpgrp()) < 0 && errno != ENOTTY && errno != ENXIO && errno != EBADF)
		fprintf(stderr, "gantry-init: cannot hand over the terminal: %s\n", strerror(errno));
	signal(SIGTTIN, SIG_DFL);
	signal(SIGTTOU, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	int code = errno == ENOENT || errno == ENOTDIR ? 127 : 126;
	fprintf(stderr, "gantry-init: %s: %s\n", argv[0], strerror(errno));
	_exit(code);
}

/* Reaps all that have ended; true when child was among them. */
static int reap(pid_t child, int *status)
{
	int found = 0, one;

	for (pid_t pid; (pid = waitpid(-1, &one, WNOHANG)) > 0;)
		if (pid == child) {
			*status = one;
			found = 1;
		}
	return found;
}

int main(int argc, char **argv)
{
	sigset_t set, before;
	int status = 0, sig;
	char **program = argv + 1;

	if (argc > 1 && strcmp(argv[1], "--") == 0)
		program++;
	if (!program[0]) {
		fprintf(stderr, "usage: gantry-init -- PROGRAM [ARGUMENT...]\n");
		return 125;
	}
	block(&set, &before);
	pid_t child = fork();
	if (child < 0) {
		perror("gantry-init: cannot start a process");
		return 125;
	}
	if (child == 0)
		become(program, &before);
	setpgid(child, child); /* whoever is first */
	for (;;) {
		if (sigwait(&set, &sig) != 0)
			continue;
		if (sig != SIGCHLD)
			kill(child, sig);
		else if (reap(child, &status))
			return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
}
