/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container/join.h"
#include "engine/container/object.h"

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/str.h"
#include "lib/base/sys.h"
#include "lib/json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

static int find_running(struct container *c, const char *name, const char *kind, struct container **ret,
	struct container_life *ret_life, struct error *err)
{
	int r = containers_find(c->engine->containers, name, ret, err);

	if (r < 0)
		return r;
	*ret_life = container_life(*ret);
	if (ret_life->phase == CONTAINER_RUNNING)
		return 0;
	r = error_set(err, ERROR_CONFLICT, ESRCH, "failed to join %s namespace: container %s is not running",
		kind, (*ret)->id);
	container_unref(*ret);
	return r;
}

/* It runs still: the number was its own when it was opened. */
static int check_same(struct container *other, const struct container_life *before, struct error *err)
{
	struct container_life now = container_life(other);

	return now.phase == CONTAINER_RUNNING && now.pid == before->pid && now.pid_start == before->pid_start
		       ? 0
		       : error_set(err, ERROR_CONFLICT, ESRCH, "container %s ends just now", other->id);
}

static int open_namespace(pid_t pid, const char *name, struct error *err)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_sys(err, errno, "cannot open the %s namespace of another container", name) : fd;
}

/* ---- /dev/shm ------------------------------------------------------------------------------- */
struct clone_shm {
	int mnt, tree; /* namespace, answer */
};

/* A tree can be cloned by a thread in its mount namespace alone; this one ends there.  Whatever the other
 * container has put at the path, it is of its own mounts, and no link is followed. */
static void *clone_shm(void *arg)
{
	struct clone_shm *job = arg;
	struct sys_open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = SYS_RESOLVE_NO_SYMLINKS | SYS_RESOLVE_NO_MAGICLINKS };
	struct statfs fs;

	job->tree = -1;
	if (unshare(CLONE_FS) < 0 || setns(job->mnt, CLONE_NEWNS) < 0) {
		job->tree = -errno;
		return NULL;
	}
	auto_close int shm = sys_openat2(AT_FDCWD, "/dev/shm", &how);
	if (shm < 0 || fstatfs(shm, &fs) < 0)
		job->tree = -errno;
	else if (fs.f_type != TMPFS_MAGIC)
		job->tree = -EINVAL;
	else {
		job->tree = sys_open_tree(shm, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | O_CLOEXEC);
		if (job->tree < 0)
			job->tree = -errno;
	}
	return NULL;
}

static int open_shm(pid_t pid, struct error *err)
{
	auto_close int mnt = open_namespace(pid, "mnt", err);
	struct clone_shm job = { .mnt = mnt };
	pthread_t thread;

	if (mnt < 0)
		return mnt;
	int r = pthread_create(&thread, NULL, clone_shm, &job);
	if (r > 0)
		return error_sys(err, r, "cannot start a thread");
	pthread_join(thread, NULL);
	return job.tree < 0 ? error_sys(err, -job.tree, "cannot share /dev/shm of another container")
			    : job.tree;
}

/* ---- the two modes ----------------------------------------------------------------------------- */
static int join_pid(struct container *c, const char *name, struct joined *ret, struct error *err)
{
	struct container *other;
	struct container_life life;
	int r = find_running(c, name, "PID", &other, &life, err);

	if (r < 0)
		return r;
	ret->pid = open_namespace(life.pid, "pid", err);
	r = ret->pid < 0 ? ret->pid : check_same(other, &life, err);
	container_unref(other);
	return r;
}

static int join_ipc(struct container *c, const char *name, struct joined *ret, struct error *err)
{
	struct container *other;
	struct container_life life;
	int r = find_running(c, name, "IPC", &other, &life, err);

	if (r < 0)
		return r;
	const char *mode = json_string(json_at(other->host_config, "IpcMode"));
	if (!mode || strcmp(mode, "shareable") != 0) {
		r = error_set(err, ERROR_CONFLICT, EPERM,
			"failed to join IPC namespace: container %s: non-shareable IPC (hint: use "
			"IpcMode:shareable for the donor container)",
			other->id);
	} else {
		ret->ipc = open_namespace(life.pid, "ipc", err);
		r = ret->ipc < 0 ? ret->ipc : 0;
		if (r == 0)
			r = (ret->shm = open_shm(life.pid, err)) < 0 ? ret->shm : 0;
		if (r == 0)
			r = check_same(other, &life, err);
	}
	container_unref(other);
	return r;
}

int join_others(struct container *c, struct joined *ret, struct error *err)
{
	const char *pid = str_after(json_string(json_at(c->host_config, "PidMode")), "container:"),
		   *ipc = str_after(json_string(json_at(c->host_config, "IpcMode")), "container:");
	int r = pid ? join_pid(c, pid, ret, err) : 0;

	return r == 0 && ipc ? join_ipc(c, ipc, ret, err) : r;
}

void joined_done(struct joined *j)
{
	const int fds[] = { j->pid, j->ipc, j->shm };

	for (size_t i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	*j = JOINED_NONE;
}
