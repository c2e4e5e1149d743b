/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container/start_error.h"

#include <errno.h>
#include <string.h>

/* What stands before it in dockerd's own answers, and what scripts cut off. */
#define PREFIX "failed to create task for container: failed to create shim task: OCI runtime create failed: "

static const char *words(const struct launch_error *why)
{
	if (why->phase == LAUNCH_PHASE_LOOKUP && why->code == ENOENT)
		return "executable file not found in $PATH";
	switch (why->code) {
	case ENOENT: return "no such file or directory";
	case EACCES: return "permission denied";
	case EISDIR: return "is a directory";
	case ENOTDIR: return "not a directory";
	case ENOEXEC: return "exec format error";
	case EPERM: return "operation not permitted";
	default: return strerror(why->code);
	}
}

static int program_error(
	const char *prefix, const struct launch_error *why, int *ret_exit_code, struct error *err)
{
	*ret_exit_code = why->code == ENOENT ? 127 : 126;
	/* As runc does: a folder is told as one that may not be executed. */
	const char *text = why->code == EISDIR ? "is a directory: permission denied" : words(why);
	return error_set(err, ERROR_INVALID, why->code,
		"%sunable to start container process: exec: \"%s\": %s", prefix, why->detail, text);
}

static int tell(const char *prefix, const struct launch_error *why, int *ret_exit_code, struct error *err)
{
	if (why->phase == LAUNCH_PHASE_LOOKUP || why->phase == LAUNCH_PHASE_EXEC)
		return program_error(prefix, why, ret_exit_code, err);
	*ret_exit_code = 128;
	if (why->phase == LAUNCH_PHASE_USER && strncmp(why->detail, "unable to find", 14) == 0)
		return error_set(err, ERROR_INVALID, why->code, "%s", why->detail);
	if (why->phase == LAUNCH_PHASE_CWD) {
		*ret_exit_code = 127;
		return error_set(err, ERROR_INVALID, why->code,
			PREFIX "unable to start container process: error during container init: mkdir/chdir "
			       "to cwd (\"%s\"): %s",
			why->detail, words(why));
	}
	if (why->phase == LAUNCH_PHASE_MOUNT && why->code == ENOTDIR)
		return error_set(err, ERROR_INVALID, why->code,
			PREFIX
			"error mounting to rootfs at \"%s\": not a directory: Are you trying to mount a "
			"directory onto a file (or vice-versa)? Check if the specified host path exists "
			"and is the expected type",
			why->detail);
	return error_set(err, ERROR_INTERNAL, why->code, PREFIX "cannot %s%s%s%s: %s",
		launch_phase_text(why->phase), why->detail[0] ? " '" : "", why->detail,
		why->detail[0] ? "'" : "", words(why));
}

int start_error(const struct launch_error *why, int *ret_exit_code, struct error *err)
{
	return tell(PREFIX, why, ret_exit_code, err);
}

int exec_error(const struct launch_error *why, int *ret_exit_code, struct error *err)
{
	return tell("OCI runtime exec failed: exec failed: ", why, ret_exit_code, err);
}
