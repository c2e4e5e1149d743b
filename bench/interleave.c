/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interleave [-n RUNS] [-w WARM] [-p PAUSE_MS] NAME[@PID]=COMMAND... - times whole commands, one run of each
 * after the other, so that what else the machine does meets all alike.
 *
 * A command is split at blanks and executed without a shell, in the mount namespace of process PID if one is
 * named. Prints a Markdown table: wall time (minimum, median, 90th percentile), CPU time of the command and
 * of what it waited for (median), and the median of the ratios to the first command's run of the same round.
 * A command that fails ends it all: its time would mean nothing.
 */
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COMMANDS_MAX = 16, WORDS_MAX = 64, RUNS_MAX = 10000 };

struct command {
	const char *name;
	char *words[WORDS_MAX + 1];
	int mount_namespace; /* descriptor, or -1 */
	double *wall, *cpu;  /* milliseconds, one a run */
};

struct settings {
	long runs, warm, pause_ms;
};

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "interleave: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	exit(1);
}

static void parse_command(char *text, struct command *command, long runs)
{
	char *equals = strchr(text, '='), *save = NULL, path[64];
	size_t n = 0;

	if (!equals)
		die("'%s' is not NAME=COMMAND", text);
	*equals = '\0';
	char *at = strchr(text, '@');
	command->mount_namespace = -1;
	if (at) {
		*at = '\0';
		snprintf(path, sizeof path, "/proc/%.20s/ns/mnt", at + 1);
		command->mount_namespace = open(path, O_RDONLY | O_CLOEXEC);
		if (command->mount_namespace < 0)
			die("cannot open '%s': %s", path, strerror(errno));
	}
	command->name = text;
	for (char *word = strtok_r(equals + 1, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (n == WORDS_MAX)
			die("'%s' has more than %d words", text, WORDS_MAX);
		command->words[n++] = word;
	}
	command->wall = calloc((size_t)runs, sizeof(double));
	command->cpu = calloc((size_t)runs, sizeof(double));
	if (n == 0 || !command->wall || !command->cpu)
		die("'%s' has no command", text);
}

/* The child is ready in its namespace before the clock starts, and executes at the go. */
static void run_child(const struct command *command, int ready, int go)
{
	char byte = 'x';
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (command->mount_namespace >= 0 && setns(command->mount_namespace, CLONE_NEWNS) < 0)
		_exit(126);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || write(ready, &byte, 1) != 1 ||
		read(go, &byte, 1) != 1)
		_exit(126);
	execvp(command->words[0], command->words);
	_exit(127);
}

static double ms_of(struct timeval t)
{
	return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

static void run_once(const struct command *command, double *ret_wall, double *ret_cpu)
{
	int ready[2], go[2], status;
	struct rusage usage;
	char byte;

	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0)
		die("cannot make a pipe");
	pid_t pid = fork();
	if (pid == 0)
		run_child(command, ready[1], go[0]);
	close(ready[1]);
	if (pid < 0 || read(ready[0], &byte, 1) != 1)
		die("cannot prepare '%s'", command->name);
	int64_t start = clock_mono_ns();
	if (write(go[1], "x", 1) != 1 || wait4(pid, &status, 0, &usage) != pid)
		die("cannot run '%s'", command->name);
	*ret_wall = (double)(clock_mono_ns() - start) / 1e6;
	*ret_cpu = ms_of(usage.ru_utime) + ms_of(usage.ru_stime);
	close(ready[0]);
	close(go[0]);
	close(go[1]);
	if (status != 0)
		die("'%s' failed with status 0x%x", command->name, (unsigned)status);
}

static void measure(struct command *commands, size_t n, const struct settings *settings)
{
	double wall, cpu;

	for (long round = -settings->warm; round < settings->runs; round++) {
		for (size_t i = 0; i < n; i++) {
			run_once(&commands[i], &wall, &cpu);
			if (round >= 0) {
				commands[i].wall[round] = wall;
				commands[i].cpu[round] = cpu;
			}
			/* what a command leaves to the kernel (namespaces, cgroups) must not meet the next
			 * one */
			usleep((useconds_t)settings->pause_ms * 1000);
		}
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double percentile(double *sorted, long n, int percent)
{
	return sorted[(n - 1) * percent / 100];
}

static void print_table(struct command *commands, size_t n, long runs)
{
	auto_free double *ratios = calloc((size_t)runs, sizeof(double));
	auto_free double *first = calloc((size_t)runs, sizeof(double));

	if (!ratios || !first)
		die("out of memory");
	memcpy(first, commands[0].wall, (size_t)runs * sizeof(double));
	printf("| | wall ms: min | median | p90 | CPU ms | ratio to %s |\n|---|---|---|---|---|---|\n",
		commands[0].name);
	for (size_t i = 0; i < n; i++) {
		struct command *c = &commands[i];

		for (long k = 0; k < runs; k++)
			ratios[k] = c->wall[k] / first[k];
		qsort(ratios, (size_t)runs, sizeof(double), compare);
		qsort(c->wall, (size_t)runs, sizeof(double), compare);
		qsort(c->cpu, (size_t)runs, sizeof(double), compare);
		printf("| %s | %.2f | %.2f | %.2f | %.2f | %.2f |\n", c->name, c->wall[0],
			percentile(c->wall, runs, 50), percentile(c->wall, runs, 90),
			percentile(c->cpu, runs, 50), percentile(ratios, runs, 50));
	}
}

static long parse_number(const char *text, long min, long max)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end || value < min || value > max)
		die("'%s' is not a number from %ld to %ld", text, min, max);
	return value;
}

int main(int argc, char **argv)
{
	struct settings settings = { .runs = 50, .warm = 3, .pause_ms = 50 };
	struct command commands[COMMANDS_MAX] = { 0 };
	size_t n = 0;
	int option;

	while ((option = getopt(argc, argv, "n:w:p:")) != -1) {
		switch (option) {
		case 'n': settings.runs = parse_number(optarg, 1, RUNS_MAX); break;
		case 'w': settings.warm = parse_number(optarg, 0, RUNS_MAX); break;
		case 'p': settings.pause_ms = parse_number(optarg, 0, 60000); break;
		default: die("usage: interleave [-n RUNS] [-w WARM] [-p PAUSE_MS] NAME[@PID]=COMMAND...");
		}
	}
	for (; optind < argc; optind++) {
		if (n == COMMANDS_MAX)
			die("more than %d commands", COMMANDS_MAX);
		parse_command(argv[optind], &commands[n++], settings.runs);
	}
	if (n == 0)
		die("no command");
	measure(commands, n, &settings);
	print_table(commands, n, settings.runs);
	return 0;
}
