/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/world.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/sys.h"
#include "tests/support/cgrouptree.h"

#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define CGROUP_ROOT "/sys/fs/cgroup"
#define END_WITHIN  (10 * CLOCK_S)

/* A sysfs shows the links of the namespace it was mounted in, so the host's would lie about this one. */
static int mount_sysfs(struct error *err)
{
	auto_close int cgroups = sys_open_tree(
		AT_FDCWD, CGROUP_ROOT, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (cgroups < 0)
		return error_sys(err, errno, "cannot clone the mounts of '%s'", CGROUP_ROOT);
	if (mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return error_sys(err, errno, "cannot mount '/sys'");
	if (sys_move_mount(cgroups, "", AT_FDCWD, CGROUP_ROOT, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_sys(err, errno, "cannot put the cgroup tree back on '%s'", CGROUP_ROOT);
	return 0;
}

static int mount_tmpfs(const char *path, unsigned long flags, struct error *err)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return error_sys(err, errno, "cannot make '%s'", path);
	if (mount("tmpfs", path, "tmpfs", flags, "mode=755") < 0)
		return error_sys(err, errno, "cannot mount a tmpfs on '%s'", path);
	return 0;
}

/* Private first, so that nothing done here reaches the host; shared at the end, as / is on a machine with
 * systemd. */
static int make_mounts(struct error *err)
{
	int r;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_sys(err, errno, "cannot make the mounts private");
	r = mount_sysfs(err);
	if (r == 0)
		r = mount_tmpfs("/run", MS_NOSUID | MS_NODEV, err);
	if (r == 0) /* programs, set-id bits and device nodes must work there */
		r = mount_tmpfs(WORLD_SCRATCH, 0, err);
	if (r < 0)
		return r;
	if (mkdir("/run/lock", 01777) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0)
		return error_sys(err, errno, "cannot finish the mounts");
	return 0;
}

static int raise_loopback(struct error *err)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	auto_close int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sock < 0 || ioctl(sock, SIOCSIFFLAGS, &request) < 0)
		return error_sys(err, errno, "cannot raise the loopback link");
	return 0;
}

/* Random: the tests that run beside this one may have the same pid, each in a namespace of its own. */
static int name_cgroup(struct world *world, struct error *err)
{
	uint32_t number;

	if (getrandom(&number, sizeof number, 0) != sizeof number)
		return error_sys(err, errno, "cannot get a random number");
	snprintf(world->cgroup, sizeof world->cgroup, WORLD_CGROUP_PREFIX "%08x", number);
	return 0;
}

int world_enter(struct world *world, int flags, struct error *err)
{
	int r;

	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | flags) < 0)
		return error_sys(err, errno, "cannot make namespaces for the test");
	r = make_mounts(err);
	if (r == 0)
		r = raise_loopback(err);
	if (r < 0)
		return r;
	/* orphans come to us instead of process 1, so that world_leave sees them */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return error_sys(err, errno, "cannot become a subreaper");
	r = name_cgroup(world, err);
	return r < 0 ? r : cgrouptree_make_all(world->cgroup, err);
}

int world_cgroup_path(const struct world *world, const char *controller, char *buf, size_t size)
{
	const char *slash = *controller ? "/" : "";
	int r = path_format(buf, size, CGROUP_ROOT "%s%s/%s", slash, controller, world->cgroup);

	if (r < 0)
		return r;
	return access(buf, F_OK) < 0 ? -errno : 0;
}

/* Kills the children there are; their own children become ours, for the next round.  Returns how many there
 * were. */
static int kill_children(void)
{
	auto_free char *list = NULL;
	char path[64];
	int n = 0;

	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	if (fd_read_file(AT_FDCWD, path, 1 << 20, &list, NULL) < 0)
		return 0;
	for (char *p = list, *end; *p; p = end, n++) {
		long pid = strtol(p, &end, 10);

		if (end == p)
			break;
		if (pid > 1)
			kill((pid_t)pid, SIGKILL);
	}
	return n;
}

static int end_descendants(struct error *err)
{
	int64_t deadline = clock_mono_ns() + END_WITHIN;

	while (kill_children() > 0) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (clock_mono_ns() > deadline)
			return error_set(
				err, ERROR_TIMEOUT, ETIMEDOUT, "processes of the test cannot be killed");
		usleep(1000);
	}
	return 0;
}

int world_leave(struct world *world, struct error *err)
{
	int first = end_descendants(err);
	int r = cgrouptree_remove_all(world->cgroup, first < 0 ? NULL : err);

	return first < 0 ? first : r;
}

static struct world the_world;

int world_setup(void **state)
{
	struct error err = ERROR_INIT;

	if (world_enter(&the_world, 0, &err) < 0) {
		fprintf(stderr, "# no world for the test: %s\n", err.text);
		return -1;
	}
	*state = &the_world;
	return 0;
}

int world_teardown(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	if (world_leave(&the_world, &err) < 0) {
		fprintf(stderr, "# the world of the test is not clean: %s\n", err.text);
		return -1;
	}
	return 0;
}
