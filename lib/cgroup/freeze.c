/* SPDX-License-Identifier: Apache-2.0 */
/* The freezers of v1 (freezer.state) and v2 (cgroup.freeze, cgroup.events). */
#include "lib/cgroup/cgroup.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/cgroup/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>

/* A process that forks while v1 freezes leaves the cgroup half frozen for good ("FREEZING"): writing the
 * state again helps mostly, and letting all run for a moment helps the rest. */
#define V1_REWRITE_PAUSE (CLOCK_MS / 10)
#define V1_REWRITES      50
#define V1_THAW_PAUSE    (10 * CLOCK_MS)

static int freezer_dir(const struct cgroup *cg, bool *ret_v2)
{
	if (!cgroup_layout_has(cg->layout, CGROUP_FREEZER))
		return -ENOTSUP;
	*ret_v2 = cgroup_layout_on_v2(cg->layout, CGROUP_FREEZER);
	int dir = cg->dir[cg->layout->owner[CGROUP_FREEZER]];
	return dir < 0 ? -ENODEV : dir;
}

static void pause_ns(int64_t ns)
{
	struct timespec t = { .tv_nsec = (long)ns };

	nanosleep(&t, NULL);
}

/* 1: in that state. */
static int v1_is(int dir, const char *state)
{
	char buf[32];
	ssize_t n = cgroup_file_read(dir, "freezer.state", buf, sizeof buf);

	return n < 0 ? (int)n : strcmp(buf, state) == 0;
}

static int v1_freeze(int dir, int64_t deadline_ns)
{
	for (int i = 1;; i++) {
		int r = cgroup_file_write(dir, "freezer.state", "FROZEN");
		if (r == 0)
			r = v1_is(dir, "FROZEN");
		if (r != 0)
			return r < 0 ? r : 0;
		if (clock_mono_ns() >= deadline_ns)
			return -ETIMEDOUT;
		pause_ns(V1_REWRITE_PAUSE);
		if (i % V1_REWRITES == 0) {
			cgroup_file_write(dir, "freezer.state", "THAWED");
			pause_ns(V1_THAW_PAUSE);
		}
	}
}

/* THAWED is there at once, but for a frozen parent. */
static int v1_thaw(int dir, int64_t deadline_ns)
{
	int r = cgroup_file_write(dir, "freezer.state", "THAWED");

	while (r == 0) {
		r = v1_is(dir, "THAWED");
		if (r != 0)
			return r < 0 ? r : 0;
		if (clock_mono_ns() >= deadline_ns)
			return -ETIMEDOUT;
		pause_ns(10 * V1_REWRITE_PAUSE);
	}
	return r;
}

/* Reads an events file that is open: poll(2) reports the change after the last read of this descriptor. */
static int read_frozen(int fd, uint64_t *ret)
{
	char buf[256];
	ssize_t n = pread(fd, buf, sizeof buf - 1, 0);

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return cgroup_text_number(buf, "frozen", ret);
}

static int v2_set(int dir, uint64_t wanted, int64_t deadline_ns)
{
	auto_close int fd = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint64_t now;

	if (fd < 0)
		return -errno;
	int r = cgroup_file_write(dir, "cgroup.freeze", wanted ? "1" : "0");
	while (r == 0) {
		r = read_frozen(fd, &now);
		if (r < 0 || now == wanted)
			return r;
		int ms = clock_poll_ms(deadline_ns);
		if (ms == 0)
			return -ETIMEDOUT;
		struct pollfd p = { .fd = fd, .events = POLLPRI };
		if (poll(&p, 1, ms) < 0 && errno != EINTR)
			r = -errno;
	}
	return r;
}

static int fail(const struct cgroup *cg, const char *verb, int r, struct error *err)
{
	if (r == -ENOTSUP)
		return error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
			"cannot %s cgroup '%s': there is no cgroup freezer", verb, cg->path);
	if (r == -ETIMEDOUT)
		return error_set(err, ERROR_TIMEOUT, ETIMEDOUT, "cannot %s cgroup '%s' in the time given",
			verb, cg->path);
	return error_sys(err, -r, "cannot %s cgroup '%s'", verb, cg->path);
}

int cgroup_freeze(const struct cgroup *cg, int64_t deadline_ns, struct error *err)
{
	bool v2;
	int dir = freezer_dir(cg, &v2);

	if (dir < 0)
		return fail(cg, "freeze", dir, err);
	int r = v2 ? v2_set(dir, 1, deadline_ns) : v1_freeze(dir, deadline_ns);
	if (r == 0)
		return 0;
	if (v2)
		cgroup_file_write(dir, "cgroup.freeze", "0");
	else
		cgroup_file_write(dir, "freezer.state", "THAWED");
	return fail(cg, "freeze", r, err);
}

int cgroup_thaw(const struct cgroup *cg, int64_t deadline_ns, struct error *err)
{
	bool v2;
	int dir = freezer_dir(cg, &v2);

	if (dir < 0)
		return fail(cg, "thaw", dir, err);
	int r = v2 ? v2_set(dir, 0, deadline_ns) : v1_thaw(dir, deadline_ns);
	return r < 0 ? fail(cg, "thaw", r, err) : 0;
}

int cgroup_frozen(const struct cgroup *cg)
{
	bool v2;
	uint64_t value;
	int dir = freezer_dir(cg, &v2);

	if (dir < 0)
		return dir;
	if (!v2) {
		int r = v1_is(dir, "THAWED");
		return r < 0 ? r : !r;
	}
	int r = cgroup_file_number(dir, "cgroup.freeze", &value);
	return r < 0 ? r : value != 0;
}
