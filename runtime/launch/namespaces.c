/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who enters which namespace.  The launcher joins what a cloned process inherits (network, ipc, uts,
 * time, the pid namespace of its children), since a process in a new user namespace could not; and it
 * goes back afterwards, unless it ends anyway.  A user namespace can be joined by such a launcher only:
 * there is no way back.  Mount and cgroup namespaces are joined by the process itself.
 */
#include "runtime/launch/run.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/sys.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>

static const struct kind {
	uint32_t flag;
	const char *name;
} kinds[8] = {
	{ CLONE_NEWPID, "pid_for_children" },
	{ CLONE_NEWNET, "net" },
	{ CLONE_NEWIPC, "ipc" },
	{ CLONE_NEWUTS, "uts" },
	{ CLONE_NEWTIME, "time_for_children" },
	{ CLONE_NEWUSER, "user" },
	{ CLONE_NEWNS, "mnt" },
	{ CLONE_NEWCGROUP, "cgroup" },
};
enum { PID = 0, TIME = 4, USER = 5, MNT = 6 };

static int fail(struct run *run, int code, const char *what)
{
	return phase_fail(run->err, LAUNCH_PHASE_NAMESPACE, code, what);
}

static int save(struct run *run, struct namespaces *ns, int k)
{
	char path[64];

	if (run->args->oneshot || ns->saved[k] >= 0)
		return 0;
	if (path_format(path, sizeof path, "/proc/self/ns/%s", kinds[k].name) < 0)
		return -ENAMETOOLONG;
	ns->saved[k] = open(path, O_RDONLY | O_CLOEXEC);
	return ns->saved[k] < 0 ? -errno : 0;
}

static const struct launch_join *find_join(const struct run *run, uint32_t flag)
{
	const struct launch_join *j = launch_items(run->rec, run->rec->joins, struct launch_join);

	for (uint32_t i = 0; i < run->rec->joins.n; i++)
		if (j[i].type == flag)
			return &j[i];
	return NULL;
}

static int enter_fd(const struct run *run, const struct launch_join *j)
{
	if (j->fd != LAUNCH_NO_FD)
		return setns(run->args->fds[j->fd], (int)j->type) < 0 ? -errno : 0;
	auto_close int fd = open(
		launch_text(run->rec, j->path), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	return setns(fd, (int)j->type) < 0 ? -errno : 0;
}

static int join_kind(struct run *run, struct namespaces *ns, int k)
{
	const struct launch_join *j = find_join(run, kinds[k].flag);

	if (!j)
		return 0;
	if (k == USER && !run->args->oneshot)
		return fail(run, ENOTSUP, kinds[k].name);
	int r = save(run, ns, k);
	if (r == 0)
		r = enter_fd(run, j);
	return r < 0 ? fail(run, -r, kinds[k].name) : 0;
}

/* Children are born into the new time namespace; its offsets are fixed once the first one is. */
static int new_time(struct run *run, struct namespaces *ns)
{
	const struct launch_time_offset *o = launch_items(
		run->rec, run->rec->time_offsets, struct launch_time_offset);
	char text[64];
	int r = save(run, ns, TIME);

	if (r == 0 && unshare(CLONE_NEWTIME) < 0)
		r = -errno;
	for (uint32_t i = 0; r == 0 && i < run->rec->time_offsets.n; i++) {
		snprintf(text, sizeof text, "%u %lld %u", o[i].clock, (long long)o[i].secs, o[i].nanosecs);
		r = fd_write_file(AT_FDCWD, "/proc/self/timens_offsets", text);
	}
	return r < 0 ? fail(run, -r, kinds[TIME].name) : 0;
}

/* The container's process is cloned from a mount namespace that holds its root and its binds already: the
 * copy into its user namespace then locks their flags. */
static int stage_mounts(struct run *run, struct namespaces *ns)
{
	int r = save(run, ns, MNT);

	if (r == 0 && !run->args->oneshot) {
		ns->cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = ns->cwd < 0 ? -errno : 0;
	}
	if (r == 0 && unshare(CLONE_NEWNS) < 0)
		r = -errno;
	if (r < 0)
		return fail(run, -r, kinds[MNT].name);
	r = mounts_stage_root(run);
	return r < 0 ? r : mounts_attach(run, true);
}

int namespaces_enter(struct run *run, struct namespaces *ns)
{
	int r = 0;

	if (run->userns && !(run->rec->ns_new & CLONE_NEWNS))
		return fail(run, EINVAL, "user without mnt");
	if (run->userns)
		r = stage_mounts(run, ns);
	if (r == 0 && (run->rec->ns_new & CLONE_NEWTIME))
		r = new_time(run, ns);
	for (int k = 0; r == 0 && k <= USER; k++)
		r = join_kind(run, ns, k);
	return r;
}

void namespaces_leave(struct namespaces *ns)
{
	for (int k = 0; k < 8; k++) {
		if (ns->saved[k] < 0)
			continue;
		if (setns(ns->saved[k], 0) == 0 && k == MNT && ns->cwd >= 0 && fchdir(ns->cwd) < 0)
			ns->cwd = -1;
		close(take_fd(ns->saved[k]));
	}
	if (ns->cwd >= 0)
		close(take_fd(ns->cwd));
}

int namespaces_join_rest(struct run *run)
{
	for (int k = MNT; k < 8; k++) {
		const struct launch_join *j = find_join(run, kinds[k].flag);
		int r = j ? enter_fd(run, j) : 0;
		if (r < 0)
			return fail(run, -r, kinds[k].name);
	}
	if ((run->rec->ns_new & CLONE_NEWCGROUP) && unshare(CLONE_NEWCGROUP) < 0)
		return fail(run, errno, "cgroup");
	return 0;
}
