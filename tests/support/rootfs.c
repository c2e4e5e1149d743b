/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/rootfs.h"

#include "lib/base/path.h"
#include "tests/support/command.h"

#include <errno.h>
#include <string.h>

#define SCRIPT GANTRY_SOURCE_DIR "/tests/support/rootfs"

/* What the script prints goes into buf, which may be NULL. */
static int run_script(const char *const argv[], char *buf, size_t size, struct error *err)
{
	struct command_result result;
	int r = command_run(argv, &result, err);

	if (r < 0)
		return r;
	result.out[strcspn(result.out, "\n")] = '\0';
	if (result.code != 0)
		r = error_set(err, ERROR_INTERNAL, EIO, "%s: exit %d: %s", SCRIPT, result.code, result.out);
	else if (buf && path_format(buf, size, "%s", result.out) < 0)
		r = error_set(err, ERROR_INTERNAL, ENAMETOOLONG, "the path '%s' is too long", result.out);
	command_done(&result);
	return r;
}

int rootfs_path(const char *kind, char *buf, size_t size, struct error *err)
{
	return run_script((const char *[]){ SCRIPT, kind, NULL }, buf, size, err);
}

int bundle_make(const char *dir, const char *kind, const char *filter, struct error *err)
{
	return run_script(
		(const char *[]){ SCRIPT, "bundle", dir, kind, filter ? filter : ".", NULL }, NULL, 0, err);
}
