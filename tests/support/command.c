/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/command.h"

#include "lib/base/cleanup.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>

static void run_child(const char *const argv[], int out)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(126);
	execvp(argv[0], (char *const *)argv);
	perror(argv[0]);
	_exit(127);
}

/* Reads to the end; the buffer grows by doubling. */
static int read_all(int fd, char **ret)
{
	size_t size = 4096, used = 0;
	char *buf = malloc(size);

	while (buf) {
		ssize_t n = read(fd, buf + used, size - used - 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			buf[used] = '\0';
			*ret = buf;
			return n < 0 ? -errno : 0;
		}
		used += (size_t)n;
		if (used > COMMAND_OUTPUT_MAX) {
			free(buf);
			return -EFBIG;
		}
		if (used + 1 < size)
			continue;
		char *more = realloc(buf, size *= 2);
		if (!more)
			free(buf);
		buf = more;
	}
	return -ENOMEM;
}

int command_run(const char *const argv[], struct command_result *ret, struct error *err)
{
	int ends[2], status = 0;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, errno, "cannot make a pipe for '%s'", argv[0]);
	pid_t pid = fork();
	if (pid == 0)
		run_child(argv, ends[1]);
	close(ends[1]);
	char *out = NULL;
	int r = pid < 0 ? -errno : read_all(ends[0], &out);
	close(ends[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0) {
		free(out);
		return error_sys(err, -r, "cannot run '%s'", argv[0]);
	}
	ret->out = out;
	ret->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}

void command_done(struct command_result *result)
{
	free(result->out);
	result->out = NULL;
}
