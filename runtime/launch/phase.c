/* SPDX-License-Identifier: Apache-2.0 */
/* The failure of a launch: filling it in, and the words for its phases. */
#include "runtime/launch/phase.h"

#include <errno.h>
#include <string.h>

static const char *const texts[] = {
	[LAUNCH_PHASE_NONE] = "launch",
	[LAUNCH_PHASE_RECORD] = "read the launch record",
	[LAUNCH_PHASE_CGROUP] = "set up the cgroup",
	[LAUNCH_PHASE_NAMESPACE] = "enter the namespace",
	[LAUNCH_PHASE_CLONE] = "clone the container's process",
	[LAUNCH_PHASE_IDMAP] = "map user and group ids",
	[LAUNCH_PHASE_ROOT] = "set up the root file system",
	[LAUNCH_PHASE_MOUNT_SOURCE] = "open the mount source",
	[LAUNCH_PHASE_MOUNT_TARGET] = "prepare the mount target",
	[LAUNCH_PHASE_MOUNT] = "mount",
	[LAUNCH_PHASE_DEVICE] = "make the device",
	[LAUNCH_PHASE_CONSOLE] = "set up the console",
	[LAUNCH_PHASE_MASK] = "mask the path",
	[LAUNCH_PHASE_SYSCTL] = "write the sysctl",
	[LAUNCH_PHASE_HOSTNAME] = "set the host name",
	[LAUNCH_PHASE_HOOK] = "run the hook",
	[LAUNCH_PHASE_PIVOT] = "enter the root file system",
	[LAUNCH_PHASE_USER] = "become the user",
	[LAUNCH_PHASE_RLIMIT] = "set the resource limit",
	[LAUNCH_PHASE_CAPABILITIES] = "set capabilities",
	[LAUNCH_PHASE_LABEL] = "set the security label",
	[LAUNCH_PHASE_SECCOMP] = "load the seccomp filter",
	[LAUNCH_PHASE_CWD] = "change to the working directory",
	[LAUNCH_PHASE_LOOKUP] = "find the program",
	[LAUNCH_PHASE_EXEC] = "execute",
	[LAUNCH_PHASE_SCHEDULER] = "set scheduling",
	[LAUNCH_PHASE_OOM_SCORE] = "set the OOM score",
	[LAUNCH_PHASE_DIED] = "launch: the process ended early",
	[LAUNCH_PHASE_PROTOCOL] = "talk to the container's first process",
	[LAUNCH_PHASE_LOOPBACK] = "set the loopback link up",
};

const char *launch_phase_text(uint32_t phase)
{
	return phase < sizeof texts / sizeof texts[0] && texts[phase] ? texts[phase] : texts[0];
}

int phase_fail(struct launch_error *err, enum launch_phase phase, int code, const char *detail)
{
	if (code == 0)
		code = EIO;
	err->phase = phase;
	err->code = code;
	memset(err->detail, 0, sizeof err->detail);
	if (detail)
		strncpy(err->detail, detail, sizeof err->detail - 1);
	return -code;
}

int phase_errno(struct launch_error *err, enum launch_phase phase, const char *detail)
{
	return phase_fail(err, phase, errno, detail);
}
