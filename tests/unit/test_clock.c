/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/clock.h"

#include "tests/unit/test.h"

#include <limits.h>
#include <time.h>

static void test_clock_mono_advances(void **state)
{
	int64_t first = clock_mono_ns(), next;

	(void)state;
	do
		next = clock_mono_ns();
	while (next == first);
	assert_true(next > first);
}

static void test_clock_real_agrees_with_time(void **state)
{
	(void)state;
	int64_t before = time(NULL) - 1, now = clock_real_ns() / CLOCK_S, after = time(NULL) + 1;
	assert_true(before <= now && now <= after);
}

static void test_clock_poll_ms_cases(void **state)
{
	(void)state;
	assert_int_equal(clock_poll_ms(0), 0);
	assert_int_equal(clock_poll_ms(clock_mono_ns() - 1), 0);
	assert_int_equal(clock_poll_ms(INT64_MAX), INT_MAX);
	int ms = clock_poll_ms(clock_mono_ns() + 3600 * CLOCK_S);
	assert_true(ms > 3500 * 1000 && ms <= 3600 * 1000);
	/* Rounded up: a wait must not end before the deadline. */
	int64_t deadline = clock_mono_ns() + CLOCK_S;
	assert_true(clock_poll_ms(deadline) * CLOCK_MS + clock_mono_ns() >= deadline);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock_mono_advances),
		cmocka_unit_test(test_clock_real_agrees_with_time),
		cmocka_unit_test(test_clock_poll_ms_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
