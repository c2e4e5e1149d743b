/* SPDX-License-Identifier: Apache-2.0 */
/* Limits and devices take effect, out of memory is told, and use is counted, on the running kernel. */
#include "tests/integration/cgroup_fixture.h"

#include "lib/base/cleanup.h"
#include "lib/cgroup/device.h"
#include "lib/cgroup/resources.h"
#include "lib/cgroup/stats.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#define MIB INT64_C(1048576)

/* Translates and makes a cgroup of these resources; nothing may be unsupported. */
static void make_limited(const char *name, const struct cgroup_resources *res, struct cgroup *ret)
{
	struct cgroup_settings settings;
	uint64_t unsupported;

	assert_done(cgroup_resources_translate(&layout, res, &settings, &unsupported, &err));
	assert_int_equal(unsupported, 0);
	make(name, cgroup_settings_controllers(settings.items, settings.n), ret);
	assert_done(cgroup_apply(ret, settings.items, settings.n, &err));
	cgroup_settings_done(&settings);
}

static void change(const struct cgroup *cg, const struct cgroup_resources *res)
{
	struct cgroup_settings settings;
	uint64_t unsupported;

	assert_done(cgroup_resources_translate(&layout, res, &settings, &unsupported, &err));
	assert_done(cgroup_apply(cg, settings.items, settings.n, &err));
	cgroup_settings_done(&settings);
}

/* ---- memory ----------------------------------------------------------------- */
static int touch(void *arg)
{
	size_t n = *(const size_t *)arg;
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 1;
	for (size_t i = 0; i < n; i += 4096)
		((volatile char *)p)[i] = 1;
	return 0;
}

static bool swap_is_counted(void)
{
	struct cgroup_features f;

	cgroup_layout_features(&layout, &f);
	return f.swap_limit;
}

static void test_memory_limit_kills_and_tells(void **state)
{
	(void)state;
	struct cgroup cg;
	struct cgroup_resources res = { .memory_limit = 16 * MIB };
	size_t little = 4 * MIB, much = 64 * MIB;
	uint64_t kills = 1;
	int fd;
	short events;

	skip_without(cgroup_layout_has(&layout, CGROUP_MEMORY), "no memory controller");
	if (swap_is_counted())
		res.memory_swap = res.memory_limit;
	make_limited("oom", &res, &cg);
	assert_done(cgroup_oom_watch(&cg, &fd, &events, &err));
	struct pollfd p = { .fd = fd, .events = events };
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(run_in(&cg, touch, &little), 0);
	assert_int_equal(cgroup_oom_kills(&cg, &kills), 0);
	assert_int_equal(kills, 0);
	int status = wait_status(start(&cg, touch, &much));
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_int_equal(poll(&p, 1, 30000), 1);
	assert_int_equal(cgroup_oom_acknowledge(fd, events), 0);
	assert_int_equal(cgroup_oom_kills(&cg, &kills), 0);
	assert_int_equal(kills, 1);
	close(fd);
	finish(&cg);
}

static uint64_t limit_of(const struct cgroup *cg)
{
	struct cgroup_stats stats;

	assert_done(cgroup_stats_read(cg, &stats, &err));
	uint64_t limit = stats.memory_limit;
	cgroup_stats_done(&stats);
	return limit;
}

static void test_memory_limit_moves_up_and_down_with_swap(void **state)
{
	(void)state;
	struct cgroup cg;
	struct cgroup_resources res = { .memory_limit = 32 * MIB, .memory_swap = 48 * MIB };

	skip_without(cgroup_layout_has(&layout, CGROUP_MEMORY) && swap_is_counted(), "swap is not counted");
	make_limited("change", &res, &cg);
	res.memory_limit = 64 * MIB;
	res.memory_swap = 64 * MIB;
	change(&cg, &res);
	assert_int_equal(limit_of(&cg), 64 * MIB);
	res.memory_limit = 16 * MIB;
	res.memory_swap = 24 * MIB;
	change(&cg, &res);
	assert_int_equal(limit_of(&cg), 16 * MIB);
	res.memory_limit = -1;
	res.memory_swap = 0;
	change(&cg, &res);
	assert_true(limit_of(&cg) == CGROUP_NO_LIMIT);
	finish(&cg);
}

/* ---- processor -------------------------------------------------------------- */
static void test_cpu_limits_move_in_any_order(void **state)
{
	(void)state;
	struct cgroup cg;
	struct cgroup_resources res = { .cpu_quota = 50000, .cpu_period = 100000, .cpu_shares = 512 };
	bool v2 = cgroup_layout_on_v2(&layout, CGROUP_CPU);

	skip_without(cgroup_layout_has(&layout, CGROUP_CPU), "no cpu controller");
	make_limited("cpu", &res, &cg);
	assert_string_equal(
		text_of(&cg, CGROUP_CPU, v2 ? "cpu.max" : "cpu.cfs_quota_us"), v2 ? "50000 100000" : "50000");
	assert_string_equal(text_of(&cg, CGROUP_CPU, v2 ? "cpu.weight" : "cpu.shares"), v2 ? "59" : "512");
	res = (struct cgroup_resources){
		.cpu_quota = 5000, .cpu_period = 10000, .cpu_burst = { true, 2000 }
	};
	change(&cg, &res);
	assert_string_equal(
		text_of(&cg, CGROUP_CPU, v2 ? "cpu.max" : "cpu.cfs_quota_us"), v2 ? "5000 10000" : "5000");
	/* The burst of before is above the new quota. */
	res = (struct cgroup_resources){ .cpu_quota = 1000, .cpu_burst = { true, 0 } };
	change(&cg, &res);
	res = (struct cgroup_resources){ .cpu_quota = -1 };
	change(&cg, &res);
	assert_string_equal(
		text_of(&cg, CGROUP_CPU, v2 ? "cpu.max" : "cpu.cfs_quota_us"), v2 ? "max 100000" : "-1");
	finish(&cg);
}

static void test_realtime_budget_is_granted_from_above(void **state)
{
	(void)state;
	struct cgroup cg;
	struct cgroup_features f;
	struct cgroup_resources res = { .cpu_rt_runtime = { true, 10000 }, .cpu_rt_period = 1000000 };

	cgroup_layout_features(&layout, &f);
	skip_without(f.cpu_rt, "no realtime groups in this kernel or layout");
	make_limited("realtime", &res, &cg);
	assert_string_equal(text_of(&cg, CGROUP_CPU, "cpu.rt_runtime_us"), "10000");
	finish(&cg);
}

/* ---- processes -------------------------------------------------------------- */
/* How many forks of four work, all kept until the end. */
static int fork_four(void *arg)
{
	pid_t pids[4];
	int n = 0;

	(void)arg;
	while (n < 4 && (pids[n] = fork()) >= 0) {
		if (pids[n] == 0)
			_exit(run_forever(NULL));
		n++;
	}
	for (int i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	return n;
}

static void test_pids_limit_refuses_forks(void **state)
{
	(void)state;
	struct cgroup cg;
	struct cgroup_resources res = { .pids_limit = 3 };

	skip_without(cgroup_layout_has(&layout, CGROUP_PIDS), "no pids controller");
	make_limited("pids", &res, &cg);
	assert_int_equal(run_in(&cg, fork_four, NULL), 2);
	res.pids_limit = -1;
	change(&cg, &res);
	assert_int_equal(run_in(&cg, fork_four, NULL), 4);
	finish(&cg);
}

static void test_cpuset_moves_the_process(void **state)
{
	(void)state;
	struct cgroup cg;
	struct cgroup_resources res = { .cpuset_cpus = "0" };

	skip_without(cgroup_layout_has(&layout, CGROUP_CPUSET), "no cpuset controller");
	make_limited("cpus", &res, &cg);
	assert_string_equal(text_of(&cg, CGROUP_CPUSET, "cpuset.cpus"), "0");
	finish(&cg);
}

/* ---- settings --------------------------------------------------------------- */
static void test_apply_tells_what_failed(void **state)
{
	(void)state;
	struct cgroup cg;
	const struct cgroup_setting bad_value = {
		.controller = CGROUP_PIDS, .file = "pids.max", .value = "many"
	};
	const struct cgroup_setting missing = { .controller = CGROUP_PIDS, .file = "pids.min", .value = "1" };
	const struct cgroup_setting ignored = { .controller = CGROUP_PIDS,
		.file = "pids.min",
		.value = "1",
		.flags = CGROUP_SETTING_IGNORE_MISSING };
	const struct cgroup_setting escape = {
		.controller = CGROUP_PIDS, .file = "../pids.max", .value = "1"
	};
	const struct cgroup_setting moves = {
		.controller = CGROUP_PIDS, .file = "cgroup.procs", .value = "1"
	};
	const struct cgroup_setting either[] = {
		{ .controller = CGROUP_PIDS,
			.file = "pids.min",
			.value = "1",
			.flags = CGROUP_SETTING_ELSE_NEXT },
		{ .controller = CGROUP_PIDS,
			.file = "pids.max",
			.value = "7",
			.flags = CGROUP_SETTING_ELSE_NEXT },
		{ .controller = CGROUP_PIDS, .file = "pids.none", .value = "9" },
	};

	skip_without(cgroup_layout_has(&layout, CGROUP_PIDS), "no pids controller");
	make("apply", CGROUP_BIT(CGROUP_PIDS), &cg);
	assert_int_equal(cgroup_apply(&cg, &bad_value, 1, &err), -EINVAL);
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_non_null(strstr(err.text, "'pids.max' to 'many'"));
	assert_int_equal(cgroup_apply(&cg, &missing, 1, &err), -ENOENT);
	assert_int_equal(err.kind, ERROR_UNSUPPORTED);
	assert_done(cgroup_apply(&cg, &ignored, 1, &err));
	assert_int_equal(cgroup_apply(&cg, &escape, 1, &err), -EINVAL);
	assert_int_equal(cgroup_apply(&cg, &moves, 1, &err), -EINVAL);
	assert_done(cgroup_apply(&cg, either, 3, &err));
	assert_string_equal(text_of(&cg, CGROUP_PIDS, "pids.max"), "7");
	finish(&cg);
}

static void test_unified_file_is_written_to_v2(void **state)
{
	(void)state;
	struct cgroup cg;
	const struct cgroup_pair pair = { "cgroup.max.depth", "5" };
	struct cgroup_resources res = { .unified = &pair, .n_unified = 1 };

	skip_without(cgroup_layout_v2(&layout) >= 0, "no v2 hierarchy");
	make_limited("unified", &res, &cg);
	assert_string_equal(text_of(&cg, CGROUP_UNIFIED, "cgroup.max.depth"), "5");
	finish(&cg);
}

static void test_hugepage_limit_is_written_where_the_controller_is(void **state)
{
	(void)state;
	struct cgroup cg;
	const struct cgroup_hugepage_limit limit = { "2MB", 4 * MIB };
	struct cgroup_resources res = { .hugepages = &limit, .n_hugepages = 1 };
	struct cgroup_stats stats;

	skip_without(cgroup_layout_has(&layout, CGROUP_HUGETLB), "no hugetlb controller");
	make_limited("huge", &res, &cg);
	assert_int_equal(
		strtoull(text_of(&cg, CGROUP_HUGETLB,
				 cgroup_layout_on_v2(&layout, CGROUP_HUGETLB) ? "hugetlb.2MB.max"
									      : "hugetlb.2MB.limit_in_bytes"),
			NULL, 10),
		4 * MIB);
	assert_done(cgroup_stats_read(&cg, &stats, &err));
	assert_true(stats.n_hugetlb > 0);
	cgroup_stats_done(&stats);
	finish(&cg);
}

/* ---- devices ---------------------------------------------------------------- */
static int try_devices(void *arg)
{
	(void)arg;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int zero_write = open("/dev/zero", O_WRONLY | O_CLOEXEC);

	return (null >= 0) | (zero >= 0) << 1 | (zero_write >= 0) << 2;
}

static void test_devices_are_refused_and_allowed(void **state)
{
	(void)state;
	struct cgroup cg;
	struct cgroup_device_rule rules[] = {
		{ .allow = 0, .type = 'a', .access = CGROUP_DEVICE_ALL, .major = -1, .minor = -1 },
		{ .allow = 1, .type = 'c', .access = CGROUP_DEVICE_ALL, .major = 1, .minor = 3 },
	};

	skip_without(cgroup_layout_has(&layout, CGROUP_DEVICES), "no devices controller");
	make("devices", 0, &cg);
	assert_int_equal(run_in(&cg, try_devices, NULL), 7);
	int r = cgroup_apply_devices(&cg, rules, 2, &err);
	if (r == -ENOSYS || r == -EPERM) {
		finish(&cg);
		skip_without(false, err.text);
	}
	assert_done(r);
	assert_int_equal(run_in(&cg, try_devices, NULL), 1);
	/* Other rules take the place of the first. */
	rules[1].minor = 5;
	rules[1].access = CGROUP_DEVICE_READ;
	assert_done(cgroup_apply_devices(&cg, rules, 2, &err));
	assert_int_equal(run_in(&cg, try_devices, NULL), 2);
	rules[0].allow = 1;
	assert_done(cgroup_apply_devices(&cg, rules, 1, &err));
	assert_int_equal(run_in(&cg, try_devices, NULL), 7);
	finish(&cg);
}

/* ---- statistics ------------------------------------------------------------- */
static int burn_and_touch(void *arg)
{
	int64_t end = clock_mono_ns() + 30 * CLOCK_MS;

	while (clock_mono_ns() < end)
		;
	return touch(arg);
}

static void test_stats_count(void **state)
{
	(void)state;
	struct cgroup cg;
	struct cgroup_resources res = { .pids_limit = 10, .memory_limit = 64 * MIB };
	struct cgroup_stats stats;
	size_t some = 8 * MIB;

	make_limited("stats", &res, &cg);
	assert_int_equal(run_in(&cg, burn_and_touch, &some), 0);
	start(&cg, run_forever, NULL);
	assert_done(cgroup_stats_read(&cg, &stats, &err));
	assert_true(stats.has_cpu && stats.has_memory && stats.has_pids);
	assert_true(stats.cpu_total_ns > 0);
	assert_true(stats.cpu_user_ns + stats.cpu_system_ns > 0);
	assert_int_equal(stats.memory_limit, 64 * MIB);
	assert_int_equal(stats.pids_limit, 10);
	assert_true(stats.n_memory_stat > 10);
	if (!cgroup_layout_on_v2(&layout, CGROUP_MEMORY)) {
		assert_true(stats.memory_max_usage >= (uint64_t)some);
		assert_true(stats.n_percpu > 0);
	}
	cgroup_stats_done(&stats);
	finish(&cg);
}

static void test_stats_of_a_removed_cgroup(void **state)
{
	(void)state;
	struct cgroup cg;
	struct cgroup_stats stats;

	make("gone", 0, &cg);
	assert_done(cgroup_remove(&cg, patience(), &err));
	assert_int_equal(cgroup_stats_read(&cg, &stats, &err), -ENODEV);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	assert_int_equal(cgroup_populated(&cg), 0);
	cgroup_close(&cg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_limit_kills_and_tells),
		cmocka_unit_test(test_memory_limit_moves_up_and_down_with_swap),
		cmocka_unit_test(test_cpu_limits_move_in_any_order),
		cmocka_unit_test(test_realtime_budget_is_granted_from_above),
		cmocka_unit_test(test_pids_limit_refuses_forks),
		cmocka_unit_test(test_cpuset_moves_the_process),
		cmocka_unit_test(test_apply_tells_what_failed),
		cmocka_unit_test(test_unified_file_is_written_to_v2),
		cmocka_unit_test(test_hugepage_limit_is_written_where_the_controller_is),
		cmocka_unit_test(test_devices_are_refused_and_allowed),
		cmocka_unit_test(test_stats_count),
		cmocka_unit_test(test_stats_of_a_removed_cgroup),
	};

	return cmocka_run_group_tests_name(
		"cgroup limits", tests, cgroup_fixture_setup, cgroup_fixture_teardown);
}
