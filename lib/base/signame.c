/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/signame.h"

#include "lib/base/str.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <strings.h>

/* The numbers of the kernel, which libcs take two or three real-time ones from. */
#define RTMIN   34
#define RTMAX   64
#define SIG_MAX 64

static const struct {
	const char *name;
	int number;
} names[] = {
	{ "ABRT", SIGABRT },
	{ "ALRM", SIGALRM },
	{ "BUS", SIGBUS },
	{ "CHLD", SIGCHLD },
	{ "CLD", SIGCHLD },
	{ "CONT", SIGCONT },
	{ "FPE", SIGFPE },
	{ "HUP", SIGHUP },
	{ "ILL", SIGILL },
	{ "INT", SIGINT },
	{ "IO", SIGIO },
	{ "IOT", SIGABRT },
	{ "KILL", SIGKILL },
	{ "PIPE", SIGPIPE },
	{ "POLL", SIGPOLL },
	{ "PROF", SIGPROF },
	{ "PWR", SIGPWR },
	{ "QUIT", SIGQUIT },
	{ "SEGV", SIGSEGV },
	{ "STKFLT", SIGSTKFLT },
	{ "STOP", SIGSTOP },
	{ "SYS", SIGSYS },
	{ "TERM", SIGTERM },
	{ "TRAP", SIGTRAP },
	{ "TSTP", SIGTSTP },
	{ "TTIN", SIGTTIN },
	{ "TTOU", SIGTTOU },
	{ "URG", SIGURG },
	{ "USR1", SIGUSR1 },
	{ "USR2", SIGUSR2 },
	{ "VTALRM", SIGVTALRM },
	{ "WINCH", SIGWINCH },
	{ "XCPU", SIGXCPU },
	{ "XFSZ", SIGXFSZ },
	{ "RTMIN", RTMIN },
	{ "RTMAX", RTMAX },
};

static int parse_realtime(const char *text)
{
	int64_t n;

	if (strncasecmp(text, "RTMIN+", 6) == 0 && str_to_i64(text + 6, 0, RTMAX - RTMIN, &n) == 0)
		return RTMIN + (int)n;
	if (strncasecmp(text, "RTMAX-", 6) == 0 && str_to_i64(text + 6, 0, RTMAX - RTMIN, &n) == 0)
		return RTMAX - (int)n;
	return -EINVAL;
}

int signame_parse(const char *text)
{
	int64_t n;

	if (str_to_i64(text, 1, SIG_MAX, &n) == 0)
		return (int)n;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcasecmp(text, names[i].name) == 0)
			return names[i].number;
	return parse_realtime(text);
}

const char *signame_text(int sig)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].number == sig && sig < RTMIN)
			return names[i].name;
	return NULL;
}
