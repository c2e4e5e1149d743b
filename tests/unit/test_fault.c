/* SPDX-License-Identifier: Apache-2.0 */
/* Built with fault points and a table of its own, whatever the tree is built with. */
#include "lib/base/fault.h"

#include "tests/unit/test.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Passes "test.one" twice and "test.two" once under that plan; the wait status, with what the passes answered
 * as exit status. */
static int pass(const char *plan, int *ret_errno)
{
	int status;

	fflush(stdout);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(97);
		setenv("GANTRY_FAULT", plan, 1);
		int answer = fault_point("test.one");
		answer = fault_point("test.two") ? 90 : answer;
		int again = fault_point("test.one");
		_exit(answer ? answer : again);
	}
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	if (WIFSTOPPED(status)) {
		kill(pid, SIGCONT);
		assert_int_equal(waitpid(pid, ret_errno, 0), pid);
		return status;
	}
	*ret_errno = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	return status;
}

static void test_fault_point_actions(void **state)
{
	int answer;

	(void)state;
	assert_int_equal(pass("", &answer), 0);
	assert_int_equal(pass("test.one", &answer), SIGKILL);
	assert_int_equal(pass("test.one:2:kill", &answer), SIGKILL);
	assert_int_equal(pass("test.one:3", &answer), 0);
	pass("test.one:exit", &answer);
	assert_int_equal(answer, 99);
	pass("test.one:2:errno=5", &answer);
	assert_int_equal(answer, 5);
	pass("test.two:errno=28", &answer);
	assert_int_equal(answer, 90);
	int status = pass("test.one:stop", &answer);
	assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	assert_int_equal(answer, 0);
}

static void test_fault_point_refuses_wrong_plans(void **state)
{
	static const char *const wrong[] = { "test.none", "test", "test.one:0", "test.one:jump",
		"test.one:errno=0", "test.one:errno=x", ":" };
	int answer;

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		pass(wrong[i], &answer);
		assert_int_equal(answer, 98);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fault_point_actions),
		cmocka_unit_test(test_fault_point_refuses_wrong_plans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
