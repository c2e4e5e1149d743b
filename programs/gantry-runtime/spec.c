/* SPDX-License-Identifier: Apache-2.0 */
/* spec: a config.json to start from. */
#include "programs/gantry-runtime/runtime.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "runtime/compile/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static int write_new(const char *dir, const char *text, struct error *err)
{
	auto_close int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (at < 0)
		return error_sys(err, errno, "cannot open the folder '%s'", dir);
	auto_close int fd = openat(
		at, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		return errno == EEXIST ? error_set(err, ERROR_CONFLICT, EEXIST,
						 "file config.json exists in '%s': remove it first", dir)
				       : error_sys(err, errno, "cannot make '%s/config.json'", dir);
	int r = fd_write_all(fd, text, strlen(text));
	return r < 0 ? error_sys(err, -r, "cannot write '%s/config.json'", dir) : 0;
}

int spec_run(const struct command_call *call)
{
	const struct spec_options *o = call->options.into;
	auto_free char *text = NULL;
	struct error err = ERROR_INIT;
	int r = spec_print(o->rootless, geteuid(), getegid(), &text, &err);

	if (r == 0)
		r = write_new(o->bundle ? o->bundle : ".", text, &err);
	return r < 0 ? report(&err) : 0;
}
