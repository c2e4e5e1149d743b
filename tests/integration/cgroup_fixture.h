/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of lib/cgroup share: a world, a cgroup in it, children that join as a container's init does.
 */
#ifndef GANTRY_TESTS_CGROUP_FIXTURE_H
#define GANTRY_TESTS_CGROUP_FIXTURE_H

#include "lib/base/clock.h"
#include "lib/base/sys.h"
#include "lib/cgroup/cgroup.h"
#include "lib/cgroup/file.h"
#include "tests/support/world.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE (30 * CLOCK_S)

static struct world world;
static struct cgroup_layout layout;
static struct error err;

static inline int64_t patience(void)
{
	return clock_mono_ns() + PATIENCE;
}

#define assert_done(call)                                            \
	do {                                                         \
		int r_ = (call);                                     \
		if (r_ < 0)                                          \
			fail_msg("%s: %d: %s", #call, r_, err.text); \
	} while (0)

static inline int cgroup_fixture_setup(void **state)
{
	(void)state;
	if (world_enter(&world, 0, &err) < 0 || cgroup_layout_discover(&layout, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	return 0;
}

static inline int cgroup_fixture_teardown(void **state)
{
	(void)state;
	if (world_leave(&world, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	return 0;
}

static inline const char *path_of(const char *name)
{
	static char path[CGROUP_PATH_MAX];

	snprintf(path, sizeof path, "/%s/engine/%s", world.cgroup, name);
	return path;
}

static inline void make(const char *name, uint32_t controllers, struct cgroup *ret)
{
	struct cgroup_spec spec = { .path = path_of(name), .instance = "test", .controllers = controllers };

	assert_done(cgroup_create(&layout, &spec, ret, &err));
}

/* The counterpart: kills, removes, and sees that nothing of the name is left in any hierarchy. */
static inline void finish(struct cgroup *cg)
{
	assert_done(cgroup_kill(cg, patience(), &err));
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	assert_done(cgroup_remove(cg, patience(), &err));
	for (size_t i = 0; i < layout.n; i++) {
		char path[CGROUP_PATH_MAX + CGROUP_MOUNT_POINT_MAX];
		snprintf(path, sizeof path, "%s%s", layout.hierarchies[i].mount_point, cg->path);
		assert_int_equal(access(path, F_OK), -1);
	}
	cgroup_close(cg);
}

/* A child that is in the cgroup before it runs anything else, and before this returns; its exit code is run's
 * answer, 200 a failure to join. */
static inline pid_t start(const struct cgroup *cg, int (*run)(void *arg), void *arg)
{
	struct sys_clone_args args = { .exit_signal = SIGCHLD };
	int joined[2];
	char byte = 0;

	assert_int_equal(pipe2(joined, O_CLOEXEC), 0);
	if (cgroup_v2_fd(cg) >= 0) {
		args.flags = SYS_CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_v2_fd(cg);
	}
	pid_t pid = sys_clone3(&args);
	if (pid == 0) {
		if (cgroup_join_self(cg) < 0 || write(joined[1], &byte, 1) != 1)
			_exit(200);
		close(joined[0]);
		close(joined[1]);
		_exit(run(arg));
	}
	close(joined[1]);
	assert_true(pid > 0);
	assert_int_equal(read(joined[0], &byte, 1), 1);
	close(joined[0]);
	return pid;
}

static inline int wait_status(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static inline int run_in(const struct cgroup *cg, int (*run)(void *arg), void *arg)
{
	int status = wait_status(start(cg, run, arg));

	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static inline int run_forever(void *arg)
{
	(void)arg;
	while (pause() < 0)
		;
	return 0;
}

/* Text of a file of the cgroup, in the hierarchy that owns the controller. */
static inline const char *text_of(
	const struct cgroup *cg, enum cgroup_controller controller, const char *file)
{
	static char buf[8192];
	ssize_t n = cgroup_file_read(cg->dir[layout.owner[controller]], file, buf, sizeof buf);

	if (n < 0)
		fail_msg("%s: %s", file, strerror((int)-n));
	return buf;
}

#define skip_without(condition, reason)                         \
	do {                                                    \
		if (!(condition)) {                             \
			print_message("skipped: %s\n", reason); \
			skip();                                 \
		}                                               \
	} while (0)

#endif
