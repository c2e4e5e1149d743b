/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cgroup/resources.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct cgroup_layout v1, v2;

static int setup(void **state)
{
	const char *text =
		"1 2 0:3 / /c/cpu rw - cgroup x rw,cpu,cpuacct\n1 2 0:4 / /c/m rw - cgroup x rw,memory\n"
		"1 2 0:5 / /c/b rw - cgroup x rw,blkio\n1 2 0:6 / /c/p rw - cgroup x rw,pids\n"
		"1 2 0:7 / /c/s rw - cgroup x rw,cpuset\n1 2 0:8 / /c/u rw - cgroup2 x rw\n";

	(void)state;
	return cgroup_layout_parse(text, "hugetlb\n", &v1, NULL) ||
	       cgroup_layout_parse("1 2 0:3 / /c rw - cgroup2 x rw\n",
		       "cpuset cpu io memory hugetlb pids rdma\n", &v2, NULL);
}

/* "file=value" of every setting, in order, one a line; then "!name" of what is unsupported. */
static const char *translate(const struct cgroup_layout *layout, const struct cgroup_resources *res)
{
	static char out[8192];
	struct cgroup_settings s;
	struct error err;
	uint64_t unsupported;
	size_t n = 0;

	if (cgroup_resources_translate(layout, res, &s, &unsupported, &err) < 0)
		return "refused";
	out[0] = '\0';
	for (size_t i = 0; i < s.n; i++)
		n += (size_t)snprintf(out + n, sizeof out - n, "%s=%s\n", s.items[i].file, s.items[i].value);
	for (int i = 0; i < CGROUP_RESOURCES; i++)
		if (unsupported & (UINT64_C(1) << i))
			n += (size_t)snprintf(out + n, sizeof out - n, "!%s\n", cgroup_resource_name(i));
	cgroup_settings_done(&s);
	return out;
}

static const struct cgroup_device_number disk = { 8, 0, 500 }, disk_off = { 8, 16, 0 };
static const struct cgroup_hugepage_limit huge = { "2MB", 4194304 };
static const struct cgroup_named_number eth0 = { "eth0", 5 };
static const struct cgroup_rdma_limit rdma = { "mlx5_0", { true, 2 }, { true, -1 } };
static const struct cgroup_pair pairs[] = { { "memory.high", "1000" },
	{ "io.max", "8:0 rbps=1\n8:16 rbps=2" } };

static void test_translate(void **state)
{
	(void)state;
	static const struct {
		struct cgroup_resources res;
		const char *v1, *v2;
	} cases[] = {
		{ { 0 }, "", "" },
		{ { .memory_limit = 100 }, "memory.limit_in_bytes=100\n", "memory.max=100\n" },
		{ { .memory_limit = 100, .memory_swap = 150 },
			"memory.limit_in_bytes=100\nmemory.memsw.limit_in_bytes=150\n",
			"memory.swap.max=50\nmemory.max=100\n" },
		{ { .memory_limit = 100, .memory_swap = 100 },
			"memory.limit_in_bytes=100\nmemory.memsw.limit_in_bytes=100\n",
			"memory.swap.max=0\nmemory.max=100\n" },
		{ { .memory_limit = 100, .memory_swap = -1 },
			"memory.limit_in_bytes=100\nmemory.memsw.limit_in_bytes=-1\n",
			"memory.swap.max=max\nmemory.max=100\n" },
		{ { .memory_limit = -1 }, "memory.limit_in_bytes=-1\nmemory.memsw.limit_in_bytes=-1\n",
			"memory.swap.max=max\nmemory.max=max\n" },
		{ { .memory_limit = 100, .memory_swap = 99 }, "refused", "refused" },
		{ { .memory_swap = 99 }, "refused", "refused" },
		{ { .memory_limit = -2 }, "refused", "refused" },
		{ { .memory_reservation = 50 }, "memory.soft_limit_in_bytes=50\n", "memory.low=50\n" },
		{ { .memory_reservation = -1 }, "memory.soft_limit_in_bytes=-1\n", "memory.low=0\n" },
		{ { .kernel_memory = 5 }, "!memory.kernel\n", "!memory.kernel\n" },
		{ { .swappiness = { true, 0 }, .oom_kill_disable = true },
			"memory.swappiness=0\nmemory.oom_control=1\n",
			"!memory.swappiness\n!memory.disableOOMKiller\n" },
		{ { .swappiness = { true, 101 } }, "refused", "refused" },
		{ { .cpu_shares = 1024 }, "cpu.shares=1024\n", "cpu.weight=100\n" },
		{ { .cpu_shares = 512, .cpu_idle = { true, 1 } }, "cpu.shares=512\ncpu.idle=1\n",
			"cpu.weight=59\ncpu.idle=1\n" },
		{ { .cpu_shares = 512, .cpu_idle = { true, 0 } }, "cpu.idle=0\ncpu.shares=512\n",
			"cpu.idle=0\ncpu.weight=59\n" },
		{ { .cpu_quota = 5000 }, "cpu.cfs_quota_us=5000\n", "cpu.max=5000 100000\n" },
		{ { .cpu_quota = -1, .cpu_period = 9000 }, "cpu.cfs_period_us=9000\ncpu.cfs_quota_us=-1\n",
			"cpu.max=max 9000\n" },
		{ { .cpu_quota = 5000, .cpu_period = 9000, .cpu_burst = { true, 10 } },
			"cpu.cfs_period_us=9000\ncpu.cfs_quota_us=5000\ncpu.cfs_burst_us=10\n",
			"cpu.max=5000 9000\ncpu.max.burst=10\n" },
		{ { .cpu_rt_runtime = { true, 7 }, .cpu_rt_period = 9 },
			"cpu.rt_period_us=9\ncpu.rt_runtime_us=7\n",
			"!cpu.realtimeRuntime\n!cpu.realtimePeriod\n" },
		{ { .cpuset_cpus = "0-1", .cpuset_mems = "0" }, "cpuset.cpus=0-1\ncpuset.mems=0\n",
			"cpuset.cpus=0-1\ncpuset.mems=0\n" },
		{ { .cpuset_cpus = "" }, "", "" },
		{ { .cpuset_cpus = "0;1" }, "refused", "refused" },
		{ { .pids_limit = 10 }, "pids.max=10\n", "pids.max=10\n" },
		{ { .pids_limit = -1 }, "pids.max=max\n", "pids.max=max\n" },
		{ { .blkio_weight = 500 }, "blkio.weight=500\nblkio.bfq.weight=500\n",
			"io.bfq.weight=500\nio.weight=default 4950\n" },
		{ { .blkio_weight = 5 }, "refused", "refused" },
		{ { .weight_devices = &disk, .n_weight_devices = 1 },
			"blkio.weight_device=8:0 500\nblkio.bfq.weight_device=8:0 500\n",
			"io.bfq.weight=8:0 500\nio.weight=8:0 4950\n" },
		{ { .blkio_leaf_weight = 20, .leaf_weight_devices = &disk, .n_leaf_weight_devices = 1 },
			"blkio.leaf_weight=20\nblkio.leaf_weight_device=8:0 500\n",
			"!blockIO.leafWeight\n!blockIO.weightDevice.leafWeight\n" },
		{ { .read_bps = &disk, .n_read_bps = 1, .write_iops = &disk_off, .n_write_iops = 1 },
			"blkio.throttle.read_bps_device=8:0 500\nblkio.throttle.write_iops_device=8:16 0\n",
			"io.max=8:0 rbps=500\nio.max=8:16 wiops=max\n" },
		{ { .hugepages = &huge, .n_hugepages = 1 },
			"hugetlb.2MB.max=4194304\nhugetlb.2MB.rsvd.max=4194304\n",
			"hugetlb.2MB.max=4194304\nhugetlb.2MB.rsvd.max=4194304\n" },
		{ { .classid = { true, 1048577 }, .net_priorities = &eth0, .n_net_priorities = 1 },
			"!network.classID\n!network.priorities\n",
			"!network.classID\n!network.priorities\n" },
		{ { .rdma = &rdma, .n_rdma = 1 }, "!rdma\n",
			"rdma.max=mlx5_0 hca_handle=2 hca_object=max\n" },
		{ { .unified = pairs, .n_unified = 2 }, "!unified\n",
			"memory.high=1000\nio.max=8:0 rbps=1\nio.max=8:16 rbps=2\n" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_string_equal(translate(&v1, &cases[i].res), cases[i].v1);
		assert_string_equal(translate(&v2, &cases[i].res), cases[i].v2);
	}
}

static void test_translate_refuses_names_that_leave_the_folder(void **state)
{
	(void)state;
	static const char *const names[] = { "../memory.max", "/etc/passwd", "memory", "", ".memory", "a.b c",
		"a.\nb" };
	static const char *const sizes[] = { "", "2", "2M", "02MB", "2MB.x", "2TB", "MB", "2MBB", "../2MB" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct cgroup_pair pair = { names[i], "1" };
		struct cgroup_resources res = { .unified = &pair, .n_unified = 1 };
		assert_string_equal(translate(&v2, &res), "refused");
	}
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct cgroup_hugepage_limit limit = { sizes[i], 1 };
		struct cgroup_resources res = { .hugepages = &limit, .n_hugepages = 1 };
		assert_string_equal(translate(&v2, &res), "refused");
	}
}

static void test_translate_bounds_the_list(void **state)
{
	(void)state;
	static struct cgroup_device_number many[CGROUP_SETTINGS_MAX + 1];
	struct cgroup_resources res = { .read_bps = many, .n_read_bps = CGROUP_SETTINGS_MAX };
	struct cgroup_settings s;
	uint64_t unsupported;

	assert_int_equal(cgroup_resources_translate(&v2, &res, &s, &unsupported, NULL), 0);
	assert_int_equal(s.n, CGROUP_SETTINGS_MAX);
	assert_int_equal(cgroup_settings_controllers(s.items, s.n), CGROUP_BIT(CGROUP_BLKIO));
	cgroup_settings_done(&s);
	res.n_read_bps++;
	assert_int_equal(cgroup_resources_translate(&v2, &res, &s, &unsupported, NULL), -E2BIG);
}

static void test_weights(void **state)
{
	(void)state;
	static const struct {
		uint64_t shares, weight;
	} cases[] = { { 0, 0 }, { 1, 1 }, { 2, 1 }, { 3, 2 }, { 4, 2 }, { 8, 3 }, { 256, 35 }, { 512, 59 },
		{ 1024, 100 }, { 2048, 174 }, { 8192, 532 }, { 131072, 5478 }, { 262144, 10000 },
		{ UINT64_MAX, 10000 } };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(cgroup_weight_from_shares(cases[i].shares), cases[i].weight);
	assert_int_equal(cgroup_weight_from_blkio(0), 0);
	assert_int_equal(cgroup_weight_from_blkio(10), 1);
	assert_int_equal(cgroup_weight_from_blkio(1000), 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_translate),
		cmocka_unit_test(test_translate_refuses_names_that_leave_the_folder),
		cmocka_unit_test(test_translate_bounds_the_list),
		cmocka_unit_test(test_weights),
	};

	return cmocka_run_group_tests_name("cgroup resources", tests, setup, NULL);
}
