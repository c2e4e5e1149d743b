/* SPDX-License-Identifier: Apache-2.0 */
/* The small files and messages by which a caller learns of a container's process. */
#include "programs/gantry-runtime/runtime.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int console_send(const char *socket_path, int master, struct error *err)
{
	static const char name[] = "/dev/ptmx";
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	auto_close int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (path_format(at.sun_path, sizeof at.sun_path, "%s", socket_path) < 0)
		return error_invalid(err, "--console-socket '%s': longer than %zu bytes", socket_path,
			sizeof at.sun_path - 1);
	if (sock < 0 || connect(sock, (struct sockaddr *)&at, sizeof at) < 0)
		return error_sys(err, errno, "cannot connect to the console socket '%s'", socket_path);
	ssize_t r = fd_send(sock, name, sizeof name - 1, &master, 1, 0);
	return r < 0 ? error_sys(err, (int)-r, "cannot send the terminal to '%s'", socket_path) : 0;
}

int pid_file_write(const char *path, pid_t pid, struct error *err)
{
	char text[16];
	int n = snprintf(text, sizeof text, "%d", (int)pid);
	int r = fd_replace_file(AT_FDCWD, path, text, (size_t)n, 0644, false);

	return r < 0 ? error_sys(err, -r, "cannot write the pid file '%s'", path) : 0;
}
