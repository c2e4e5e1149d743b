/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a cgroup and all below it: listing, signalling, killing. */
#include "lib/cgroup/cgroup.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/cgroup/cgroupfs.h"
#include "lib/cgroup/file.h"
#include "lib/cgroup/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define PAUSE_FIRST (CLOCK_MS / 5)
#define PAUSE_MOST  (20 * CLOCK_MS)
#define FREEZE_TIME (100 * CLOCK_MS) /* for one round of killing */

struct pid_list {
	pid_t *pids;
	size_t n, room, max;
};

static int add_pid(struct pid_list *list, pid_t pid)
{
	if (list->n == list->max)
		return -E2BIG;
	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		pid_t *bigger = realloc(list->pids, room * sizeof *bigger);
		if (!bigger)
			return -ENOMEM;
		list->pids = bigger;
		list->room = room;
	}
	list->pids[list->n++] = pid;
	return 0;
}

/* Takes whole numbers out of a piece of cgroup.procs; *value carries one that is cut.  0 is a process that
 * our pid namespace cannot name, and would be ourselves to kill(2). */
static int take_pids(struct pid_list *list, const char *buf, size_t n, int64_t *value)
{
	for (size_t i = 0; i < n; i++) {
		if (buf[i] >= '0' && buf[i] <= '9') {
			*value = (*value < 0 ? 0 : *value) * 10 + (buf[i] - '0');
			if (*value > INT_MAX)
				return -ERANGE;
		} else if (buf[i] == '\n') {
			int r = *value > 0 ? add_pid(list, (pid_t)*value) : 0;
			if (r < 0)
				return r;
			*value = -1;
		} else {
			return -EINVAL;
		}
	}
	return 0;
}

/* A cgroup that vanished, or a threaded one (its processes count where their leader is), has none to show. */
static bool shows_none(int error)
{
	return error == ENOENT || error == ENODEV || error == EOPNOTSUPP;
}

static int collect_pids(int dir, void *arg)
{
	struct pid_list *list = arg;
	char buf[4096];
	int64_t value = -1;
	auto_close int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return shows_none(errno) ? 0 : -errno;
	for (;;) {
		ssize_t n = read(fd, buf, sizeof buf);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return shows_none(errno) ? 0 : -errno;
		if (n == 0)
			return 0;
		int r = take_pids(list, buf, (size_t)n, &value);
		if (r < 0)
			return r;
	}
}

static int has_process(int dir, void *arg)
{
	(void)arg;
	char c;
	ssize_t n;
	auto_close int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return shows_none(errno) ? 0 : -errno;
	do
		n = read(fd, &c, 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return shows_none(errno) ? 0 : -errno;
	return n > 0;
}

/* The directory that is asked for processes: of the main hierarchy, else of any. */
static int main_dir(const struct cgroup *cg)
{
	int dir = cg->dir[cg->layout->main];

	for (size_t i = 0; dir < 0 && i < cg->layout->n; i++)
		dir = cg->dir[i];
	return dir;
}

int cgroup_pids(const struct cgroup *cg, size_t max, pid_t **ret, size_t *ret_n)
{
	struct pid_list list = { .max = max };
	int dir = main_dir(cg);

	int r = dir < 0 ? -ENODEV : cgroup_tree_walk(dir, collect_pids, &list);
	if (r < 0) {
		free(list.pids);
		return r;
	}
	*ret = list.pids;
	*ret_n = list.n;
	return 0;
}

static int v2_populated(int dir)
{
	uint64_t populated;
	int r = cgroup_file_key(dir, "cgroup.events", "populated", &populated);

	if (r < 0)
		return r == -ENOENT || r == -ENODEV ? 0 : r;
	return populated != 0;
}

/* With v1 and v2 at once a child just cloned may be in v2's only. */
int cgroup_populated(const struct cgroup *cg)
{
	int v2 = cgroup_v2_fd(cg), dir = main_dir(cg);
	int r = v2 < 0 ? 0 : v2_populated(v2);

	if (r != 0 || dir < 0 || dir == v2)
		return r;
	return cgroup_tree_walk(dir, has_process, NULL);
}

int cgroup_signal(const struct cgroup *cg, int sig, size_t *ret_n)
{
	auto_free pid_t *pids = NULL;
	size_t n = 0, sent = 0;
	int first = 0;

	int r = cgroup_pids(cg, CGROUP_PIDS_MAX, &pids, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (kill(pids[i], sig) == 0)
			sent++;
		else if (errno != ESRCH && first == 0)
			first = -errno;
	}
	if (ret_n && first == 0)
		*ret_n = sent;
	return first;
}

/* v1 has the freezer only to keep the number of processes from growing under our hands. */
static int kill_round(const struct cgroup *cg, bool freeze)
{
	bool v1_freezer = cgroup_layout_has(cg->layout, CGROUP_FREEZER) &&
			  !cgroup_layout_on_v2(cg->layout, CGROUP_FREEZER);
	int v2 = cgroup_v2_fd(cg);
	bool killed = v2 >= 0 && cgroup_file_write(v2, "cgroup.kill", "1") == 0;

	if (freeze || !killed)
		cgroup_freeze(cg, clock_mono_ns() + FREEZE_TIME, NULL);
	int r = cgroup_signal(cg, SIGKILL, NULL);
	/* A process frozen by v1 dies only when it is thawed; v2 needs it after our own freezing. */
	if (v1_freezer || freeze || !killed)
		cgroup_thaw(cg, clock_mono_ns() + FREEZE_TIME, NULL);
	return r;
}

int cgroupfs_wait_empty(const struct cgroup *cg, int64_t deadline_ns)
{
	struct timespec pause = { .tv_nsec = PAUSE_FIRST };

	for (;;) {
		int r = cgroup_populated(cg);
		if (r <= 0)
			return r;
		if (clock_mono_ns() >= deadline_ns)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < PAUSE_MOST)
			pause.tv_nsec *= 2;
	}
}

int cgroup_kill(const struct cgroup *cg, int64_t deadline_ns, struct error *err)
{
	bool again = false;
	int r = cgroup_populated(cg);

	if (r == 0)
		return 0;
	while (r > 0 || r == -ETIMEDOUT) {
		r = kill_round(cg, again);
		if (r < 0)
			break;
		int64_t round = clock_mono_ns() + 4 * FREEZE_TIME;
		r = cgroupfs_wait_empty(cg, round < deadline_ns ? round : deadline_ns);
		if (r == 0)
			return 0;
		if (clock_mono_ns() >= deadline_ns)
			break;
		again = true;
	}
	if (r == -ETIMEDOUT)
		return error_set(
			err, ERROR_TIMEOUT, ETIMEDOUT, "processes of cgroup '%s' do not die", cg->path);
	return error_sys(err, -r, "cannot kill the processes of cgroup '%s'", cg->path);
}
