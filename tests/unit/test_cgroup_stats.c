/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics from files of known content in an ordinary folder. */
#include "lib/cgroup/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct file {
	const char *name, *text;
};

/* Reads the statistics of a cgroup whose only hierarchy is a new folder of these files. */
static int read_from(const char *mount, const char *controllers, const struct file *files, size_t n,
	struct cgroup_stats *ret)
{
	char folder[] = "/tmp/gantry-stats-XXXXXX";
	struct cgroup_layout layout;
	struct cgroup cg = { .layout = &layout, .path = "/x" };

	assert_int_equal(cgroup_layout_parse(mount, controllers, &layout, NULL), 0);
	assert_non_null(mkdtemp(folder));
	cg.dir[0] = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(cg.dir[0] >= 0);
	for (size_t i = 0; i < n; i++) {
		int fd = openat(cg.dir[0], files[i].name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		assert_int_equal(
			write(fd, files[i].text, strlen(files[i].text)), (ssize_t)strlen(files[i].text));
		close(fd);
	}
	int r = cgroup_stats_read(&cg, ret, NULL);
	for (size_t i = 0; i < n; i++)
		unlinkat(cg.dir[0], files[i].name, 0);
	close(cg.dir[0]);
	rmdir(folder);
	return r;
}

static const char v1[] = "1 2 0:3 / /c rw - cgroup x rw,cpu,cpuacct,memory,blkio,pids,hugetlb\n";
static const char v2[] = "1 2 0:3 / /c rw - cgroup2 x rw\n";
static const char v2_controllers[] = "cpu io memory pids hugetlb\n";

static void test_read_v1(void **state)
{
	(void)state;
	static const struct file files[] = {
		{ "cgroup.procs", "" },
		{ "cpuacct.usage", "3000\n" },
		{ "cpuacct.stat", "user 2\nsystem 1\n" },
		{ "cpuacct.usage_percpu", "1000 2000 \n" },
		{ "cpu.stat", "nr_periods 5\nnr_throttled 4\nthrottled_time 3\n" },
		{ "memory.usage_in_bytes", "100\n" },
		{ "memory.max_usage_in_bytes", "200\n" },
		{ "memory.limit_in_bytes", "9223372036854771712\n" },
		{ "memory.failcnt", "7\n" },
		{ "memory.stat", "cache 1\ntotal_cache 50\ntotal_inactive_file 40\n" },
		{ "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n" },
		{ "blkio.throttle.io_service_bytes_recursive", "8:0 Read 4096\n8:0 Write 1\nTotal 4097\n" },
		{ "blkio.throttle.io_serviced_recursive", "8:0 Read 1\nTotal 1\n" },
		{ "pids.current", "3\n" },
		{ "pids.max", "max\n" },
		{ "hugetlb.2MB.usage_in_bytes", "2097152\n" },
		{ "hugetlb.2MB.max_usage_in_bytes", "4194304\n" },
		{ "hugetlb.2MB.failcnt", "1\n" },
		{ "hugetlb.2MB.rsvd.usage_in_bytes", "0\n" },
	};
	struct cgroup_stats s;

	assert_int_equal(read_from(v1, NULL, files, sizeof files / sizeof *files, &s), 0);
	assert_true(s.has_cpu && s.has_throttling && s.has_memory && s.has_pids && s.has_io && !s.has_swap);
	assert_int_equal(s.cpu_total_ns, 3000);
	assert_int_equal(s.cpu_user_ns, 20000000);
	assert_int_equal(s.n_percpu, 2);
	assert_int_equal(s.percpu_ns[1], 2000);
	assert_int_equal(s.throttled_ns, 3);
	assert_true(s.memory_limit == CGROUP_NO_LIMIT && s.pids_limit == CGROUP_NO_LIMIT);
	assert_int_equal(s.memory_failcnt, 7);
	assert_int_equal(s.cache, 50);
	assert_int_equal(s.inactive_file, 40);
	assert_int_equal(s.oom_kills, 2);
	assert_int_equal(s.n_io_bytes, 2);
	assert_string_equal(s.io_bytes[1].op, "Write");
	assert_int_equal(s.io_bytes[0].major, 8);
	assert_int_equal(s.n_hugetlb, 1);
	assert_string_equal(s.hugetlb[0].page_size, "2MB");
	assert_int_equal(s.hugetlb[0].max_usage, 4194304);
	cgroup_stats_done(&s);
}

static void test_read_v2(void **state)
{
	(void)state;
	static const struct file files[] = {
		{ "cgroup.procs", "" },
		{ "cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 5\nnr_throttled "
			      "4\nthrottled_usec 3\n" },
		{ "memory.current", "100\n" },
		{ "memory.max", "4096\n" },
		{ "memory.peak", "200\n" },
		{ "memory.stat", "anon 1\nfile 50\ninactive_file 40\n" },
		{ "memory.events", "low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\n" },
		{ "memory.swap.current", "5\n" },
		{ "memory.swap.max", "max\n" },
		{ "io.stat", "8:0 rbytes=4096 wbytes=1 rios=2 wios=3 dbytes=0 dios=0 cost.usage=9\n8:16 \n" },
		{ "pids.current", "3\n" },
		{ "pids.max", "10\n" },
		{ "hugetlb.1GB.current", "0\n" },
		{ "hugetlb.1GB.events", "max 6\n" },
	};
	struct cgroup_stats s;

	assert_int_equal(read_from(v2, v2_controllers, files, sizeof files / sizeof *files, &s), 0);
	assert_int_equal(s.cpu_total_ns, 30000);
	assert_int_equal(s.throttled_ns, 3000);
	assert_int_equal(s.memory_limit, 4096);
	assert_int_equal(s.memory_max_usage, 200);
	assert_int_equal(s.memory_failcnt, 7);
	assert_int_equal(s.oom_kills, 2);
	assert_int_equal(s.cache, 50);
	assert_true(s.has_swap && s.swap_usage == 5 && s.swap_limit == CGROUP_NO_LIMIT);
	assert_int_equal(s.n_io_bytes, 3);
	assert_string_equal(s.io_bytes[0].op, "read");
	assert_int_equal(s.io_serviced[1].value, 3);
	assert_int_equal(s.pids_limit, 10);
	assert_int_equal(s.hugetlb[0].failcnt, 6);
	cgroup_stats_done(&s);
}

static void test_read_refuses_malformed_files(void **state)
{
	(void)state;
	static const struct file cases[] = {
		{ "pids.current", "-3\n" },
		{ "pids.current", "3 4\n" },
		{ "pids.current", "18446744073709551616\n" },
		{ "pids.current", "\n" },
		{ "io.stat", "8:0 rbytes=x\n" },
		{ "io.stat", "8 rbytes=1\n" },
		{ "io.stat", "8:0rbytes=1\n" },
		{ "io.stat", "99999999999:0 rbytes=1\n" },
		{ "cpu.stat", "usage_usec 30 40\nuser_usec 20\nsystem_usec 10\n" },
	};
	struct cgroup_stats s;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct file files[] = { { "cgroup.procs", "" }, cases[i] };
		if (read_from(v2, v2_controllers, files, 2, &s) >= 0)
			fail_msg("%s: '%s' is taken", cases[i].name, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_v1),
		cmocka_unit_test(test_read_v2),
		cmocka_unit_test(test_read_refuses_malformed_files),
	};

	return cmocka_run_group_tests_name("cgroup stats", tests, NULL, NULL);
}
