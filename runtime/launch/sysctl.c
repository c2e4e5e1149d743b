/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes below /proc/sys, through a procfs of the container's own pid namespace that is reached by
 * descriptor, so that nothing mounted or linked inside the container can lead them elsewhere.
 */
#include "runtime/launch/run.h"

#include "lib/base/cleanup.h"
#include "lib/base/sys.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

int sysctl_proc(struct run *run)
{
	if (run->proc_fs >= 0)
		return 0;
	auto_close int fs = sys_fsopen("proc", FSOPEN_CLOEXEC);
	if (fs < 0 || sys_fsconfig(fs, SYS_FSCONFIG_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	run->proc_fs = sys_fsmount(
		fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return run->proc_fs < 0 ? -errno : 0;
}

static int write_one(int proc, const char *key, const char *value)
{
	struct sys_open_how how = { .flags = O_WRONLY | O_CLOEXEC | O_NOCTTY,
		.resolve = SYS_RESOLVE_BENEATH | SYS_RESOLVE_NO_XDEV | SYS_RESOLVE_NO_SYMLINKS };
	char path[PATH_MAX] = "sys/";
	size_t n = strlen(key), len = strlen(value);

	if (n >= sizeof path - 4)
		return -ENAMETOOLONG;
	for (size_t i = 0; i <= n; i++)
		path[4 + i] = key[i];
	for (char *p = path + 4; *p; p++)
		if (*p == '.')
			*p = '/';
	auto_close int fd = sys_openat2(proc, path, &how);
	if (fd < 0)
		return -errno;
	ssize_t w = write(fd, value, len);
	return w < 0 ? -errno : (size_t)w == len ? 0 : -EIO;
}

int sysctl_write(struct run *run)
{
	const struct launch_sysctl *s = launch_items(run->rec, run->rec->sysctls, struct launch_sysctl);
	int r = 0;

	for (uint32_t i = 0; i < run->rec->sysctls.n; i++) {
		const char *key = launch_text(run->rec, s[i].key);
		if (r == 0)
			r = sysctl_proc(run);
		if (r == 0)
			r = write_one(run->proc_fs, key, launch_text(run->rec, s[i].value));
		if (r < 0)
			return phase_fail(run->err, LAUNCH_PHASE_SYSCTL, -r, key);
	}
	return 0;
}
