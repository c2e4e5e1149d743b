/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of the process between its file system view and its user: limits, scheduling, labels, directory.
 */
#include "runtime/launch/run.h"

#include "lib/base/cleanup.h"
#include "lib/base/sys.h"
#include "lib/rootfs/resolve.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

static int set_rlimits(struct run *run)
{
	const struct launch_rlimit *l = launch_items(run->rec, run->proc->rlimits, struct launch_rlimit);
	char name[32];

	for (uint32_t i = 0; i < run->proc->rlimits.n; i++) {
		struct {
			uint64_t soft, hard;
		} value = { l[i].soft, l[i].hard };
		if (syscall(SYS_prlimit64, 0, l[i].resource, &value, NULL) < 0) {
			int code = errno;
			snprintf(name, sizeof name, "%u", l[i].resource);
			return phase_fail(run->err, LAUNCH_PHASE_RLIMIT, code, name);
		}
	}
	return 0;
}

/* struct sched_attr of the kernel, version 0. */
struct sched_attr_v0 {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static int set_scheduling(struct run *run)
{
	const struct launch_process *p = run->proc;

	if (p->flags & LAUNCH_PROC_SCHEDULER) {
		struct sched_attr_v0 a = { sizeof a, p->sched_policy, p->sched_flags, p->sched_nice,
			p->sched_priority, p->sched_runtime, p->sched_deadline, p->sched_period };
		if (syscall(SYS_sched_setattr, 0, &a, 0) < 0)
			return phase_errno(run->err, LAUNCH_PHASE_SCHEDULER, "scheduler");
	}
	if ((p->flags & LAUNCH_PROC_IOPRIO) && syscall(SYS_ioprio_set, 1, 0, p->ioprio) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_SCHEDULER, "ioPriority");
	if ((p->flags & LAUNCH_PROC_PERSONALITY) && personality(p->personality) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_SCHEDULER, "personality");
	return 0;
}

/* Takes effect at the execve(2); attr/exec of AppArmor's own folder first (kernel 5.8), else the shared one.
 */
static int write_label(struct run *run, const char *const *files, const char *text)
{
	int r = sysctl_proc(run);

	for (; r == 0 && *files; files++) {
		auto_close int fd = openat(run->proc_fs, *files, O_WRONLY | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT && files[1])
			continue;
		if (fd < 0 || write(fd, text, strlen(text)) < 0)
			r = -errno;
		break;
	}
	return r < 0 ? phase_fail(run->err, LAUNCH_PHASE_LABEL, -r, text) : 0;
}

static int set_labels(struct run *run)
{
	static const char *const apparmor[] = { "self/attr/apparmor/exec", "self/attr/exec", NULL };
	static const char *const selinux[] = { "self/attr/exec", NULL };
	const char *profile = launch_text(run->rec, run->proc->apparmor);
	const char *label = launch_text(run->rec, run->proc->selinux);
	char text[PATH_MAX];
	int r = 0;

	if (profile) {
		int n = snprintf(text, sizeof text, "exec %s", profile);
		if (n < 0 || (size_t)n >= sizeof text)
			return phase_fail(run->err, LAUNCH_PHASE_LABEL, ENAMETOOLONG, profile);
		r = write_label(run, apparmor, text);
	}
	return r == 0 && label ? write_label(run, selinux, label) : r;
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int process_close_rest(struct run *run, int *keep, size_t n)
{
	unsigned next = 3;

	qsort(keep, n, sizeof keep[0], by_number);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < 0 || (unsigned)keep[i] < next)
			continue;
		if ((unsigned)keep[i] > next && sys_close_range(next, (unsigned)keep[i] - 1, 0) < 0)
			return phase_errno(run->err, LAUNCH_PHASE_EXEC, "descriptors");
		next = (unsigned)keep[i] + 1;
	}
	return sys_close_range(next, ~0u, 0) < 0 ? phase_errno(run->err, LAUNCH_PHASE_EXEC, "descriptors")
						 : 0;
}

/* From here on paths of the image are used, and one may be /proc/self/fd/N (CVE-2024-21626): only what the
 * rest needs stays open. */
static int close_rest(struct run *run)
{
	int keep[LAUNCH_FDS_MAX + 2];
	size_t n = 0;

	keep[n++] = run->sock;
	keep[n++] = run->args->park;
	for (uint32_t i = 0; i < run->proc->preserve_fds; i++)
		keep[n++] = run->args->fds[run->args->nfds - 1 - i];
	return process_close_rest(run, keep, n);
}

/* A working directory that the image lacks, as Docker and runc make it. */
static int make_cwd(struct run *run, const char *cwd)
{
	struct stat st;

	if (!(run->proc->flags & LAUNCH_PROC_OWN_CWD) || stat(cwd, &st) == 0 || errno != ENOENT)
		return 0;
	auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int fd = root < 0 ? -errno : rootfs_mkdirs(root, cwd, 0755, 0, 0);
	return fd < 0 ? phase_fail(run->err, LAUNCH_PHASE_CWD, -fd, cwd) : 0;
}

/* A directory reached through a leaked descriptor of the host has no path here (CVE-2024-21626). */
static int enter_cwd(struct run *run, const char *cwd)
{
	char at[PATH_MAX];

	if (chdir(cwd) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_CWD, cwd);
	if (syscall(SYS_getcwd, at, sizeof at) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_CWD, cwd);
	return at[0] == '/' ? 0 : phase_fail(run->err, LAUNCH_PHASE_CWD, ENOENT, cwd);
}

int process_prepare(struct run *run)
{
	const struct launch_process *p = run->proc;
	const char *cwd = launch_text(run->rec, p->cwd);
	int r = set_rlimits(run);

	if (r == 0)
		r = set_scheduling(run);
	if (r == 0)
		r = set_labels(run);
	if (r == 0)
		r = close_rest(run);
	if (r == 0)
		r = make_cwd(run, cwd ? cwd : "/");
	if (r == 0)
		r = user_become(run);
	if (r == 0 && (p->flags & LAUNCH_PROC_NO_NEW_PRIVS) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = phase_errno(run->err, LAUNCH_PHASE_CAPABILITIES, "no_new_privs");
	if (r < 0)
		return r;
	umask(p->umask == LAUNCH_UNSET ? 022 : (mode_t)p->umask);
	return enter_cwd(run, cwd ? cwd : "/");
}
