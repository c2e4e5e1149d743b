/* SPDX-License-Identifier: Apache-2.0 */
/* A shim that is killed at each step: gantryd is told, the rest can be killed, nothing is left.  Needs a
 * build with fault points. */
#include "tests/integration/shim_fixture.h"

/* What gantryd does behind a shim that is gone. */
static void clean_up(struct job *j)
{
	struct cgroup cg;

	if (cgroup_open(&layout, j->cgroup, &cg, NULL) < 0)
		return;
	assert_done(cgroup_kill(&cg, clock_mono_ns() + PATIENCE, &err));
	children(); /* orphans are ours to reap */
	assert_done(cgroup_remove(&cg, clock_mono_ns() + PATIENCE, &err));
	cgroup_close(&cg);
}

static void run_to_the_end(struct job *j)
{
	struct launch_error why = { 0 };
	struct shape o = { .open_stdin = true };

	if (try_launch(j, "echo said; exit 3", &o, &why) < 0) {
		assert_int_equal(why.phase, LAUNCH_PHASE_NONE);
		clean_up(j);
		return;
	}
	int sock = attach(j, PROTO_STREAM_STDOUT | PROTO_STREAM_RAW, NULL, NULL);
	if (shim_commit(j->shim, NULL, &why, &err) < 0)
		assert_int_equal(why.phase, LAUNCH_PHASE_NONE);
	else
		await_death(j);
	auto_str struct str all = STR_INIT(1 << 20);
	read_until(sock, &all, NULL); /* ends for the client, too */
	close(sock);
	clean_up(j);
	release(j);
}

static void killed_at(const char *point)
{
	struct job j;

#ifndef GANTRY_FAULT_POINTS
	print_message("no fault points in this build\n");
	skip();
#endif
	setenv("GANTRY_FAULT", point, 1);
	run_to_the_end(&j);
	unsetenv("GANTRY_FAULT");
	assert_int_equal(entries(SHIM_FOLDER), 0);
	assert_int_equal(cgroups_left(), 0);
}

#define KILLED_AT(name, point)                       \
	static void test_killed_##name(void **state) \
	{                                            \
		(void)state;                         \
		killed_at(point);                    \
	}
KILLED_AT(when_created, "shim.created")
KILLED_AT(when_released_is_journaled, "shim.journaled")
KILLED_AT(before_the_release, "shim.released")
KILLED_AT(behind_the_release, "shim.started")
KILLED_AT(behind_the_end, "shim.reaped")
KILLED_AT(when_the_end_is_journaled, "shim.journaled:2")

static void test_killed_when_acknowledged(void **state)
{
	(void)state;
	struct job j;

#ifndef GANTRY_FAULT_POINTS
	print_message("no fault points in this build\n");
	skip();
#endif
	setenv("GANTRY_FAULT", "shim.acknowledged", 1);
	run(&j, "exit 3", (struct shape){ 0 });
	unsetenv("GANTRY_FAULT");
	assert_exit_code(&j, 3); /* the finish is one all the same */
	assert_false(j.told.died);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_hub, teardown_hub)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_killed_when_created),
		TEST(test_killed_when_released_is_journaled),
		TEST(test_killed_before_the_release),
		TEST(test_killed_behind_the_release),
		TEST(test_killed_behind_the_end),
		TEST(test_killed_when_the_end_is_journaled),
		TEST(test_killed_when_acknowledged),
	};

	return cmocka_run_group_tests_name("shim_faults", tests, group_setup, world_teardown);
}
