/* SPDX-License-Identifier: Apache-2.0 */
/* cpuacct, cpu.stat, memory.* and blkio.* of cgroup v1. */
#include "lib/cgroup/stats_read.h"

#include "lib/base/cleanup.h"
#include "lib/cgroup/file.h"

#include <errno.h>
#include <string.h>

/* cpuacct.stat counts in USER_HZ, which is 100 on all that runs this. */
#define TICK_NS UINT64_C(10000000)

static int read_percpu(int dir, struct cgroup_stats *stats)
{
	auto_free char *text = NULL;
	int r = stats_text(dir, "cpuacct.usage_percpu", &text);

	if (r < 0)
		return stats_optional(r);
	for (const char *p = text; *(p += strspn(p, " \n"));) {
		uint64_t value;
		r = cgroup_text_digits(&p, &value);
		if (r < 0)
			return r;
		uint64_t *place = stats_grow(
			(void **)&stats->percpu_ns, &stats->n_percpu, sizeof *stats->percpu_ns);
		if (!place)
			return -ENOMEM;
		*place = value;
	}
	return 0;
}

/* usage_user and usage_sys (4.6) are in nanoseconds; ticks are what older kernels have. */
static int read_user_system(int dir, struct cgroup_stats *stats)
{
	int r = cgroup_file_number(dir, "cpuacct.usage_user", &stats->cpu_user_ns);

	if (r == 0)
		return cgroup_file_number(dir, "cpuacct.usage_sys", &stats->cpu_system_ns);
	if (r != -ENOENT)
		return r;
	r = cgroup_file_key(dir, "cpuacct.stat", "user", &stats->cpu_user_ns);
	if (r == 0)
		r = cgroup_file_key(dir, "cpuacct.stat", "system", &stats->cpu_system_ns);
	stats->cpu_user_ns *= TICK_NS;
	stats->cpu_system_ns *= TICK_NS;
	return stats_optional(r);
}

static int read_cpuacct(int dir, struct cgroup_stats *stats)
{
	int r = cgroup_file_number(dir, "cpuacct.usage", &stats->cpu_total_ns);

	if (r < 0)
		return stats_optional(r);
	stats->has_cpu = true;
	r = read_user_system(dir, stats);
	return r < 0 ? r : read_percpu(dir, stats);
}

static int read_throttling(int dir, struct cgroup_stats *stats)
{
	int r = cgroup_file_key(dir, "cpu.stat", "nr_periods", &stats->periods);

	if (r == 0)
		r = cgroup_file_key(dir, "cpu.stat", "nr_throttled", &stats->throttled_periods);
	if (r == 0)
		r = cgroup_file_key(dir, "cpu.stat", "throttled_time", &stats->throttled_ns);
	stats->has_throttling = r == 0;
	return stats_optional(r);
}

int stats_v1_cpu(int cpuacct, int cpu, struct cgroup_stats *stats)
{
	int r = cpuacct < 0 ? 0 : read_cpuacct(cpuacct, stats);

	return r < 0 || cpu < 0 ? r : read_throttling(cpu, stats);
}

struct counter {
	const char *file;
	uint64_t *value;
};

static int read_counters(int dir, const struct counter *counters, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r = cgroup_file_number(dir, counters[i].file, counters[i].value);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_swap(int dir, struct cgroup_stats *stats)
{
	const struct counter counters[] = {
		{ "memory.memsw.usage_in_bytes", &stats->swap_usage },
		{ "memory.memsw.max_usage_in_bytes", &stats->swap_max_usage },
		{ "memory.memsw.limit_in_bytes", &stats->swap_limit },
		{ "memory.memsw.failcnt", &stats->swap_failcnt },
	};
	int r = read_counters(dir, counters, sizeof counters / sizeof *counters);

	stats->has_swap = r == 0;
	return stats_optional(r);
}

int stats_v1_memory(int dir, struct cgroup_stats *stats)
{
	auto_free char *text = NULL;
	const struct counter counters[] = {
		{ "memory.usage_in_bytes", &stats->memory_usage },
		{ "memory.max_usage_in_bytes", &stats->memory_max_usage },
		{ "memory.limit_in_bytes", &stats->memory_limit },
		{ "memory.failcnt", &stats->memory_failcnt },
	};

	int r = read_counters(dir, counters, sizeof counters / sizeof *counters);
	if (r < 0)
		return stats_optional(r);
	stats->has_memory = true;
	r = stats_text(dir, "memory.stat", &text);
	if (r == 0)
		r = stats_memory_lines(text, stats);
	if (r == 0)
		r = read_swap(dir, stats);
	if (r == 0)
		r = stats_optional(cgroup_file_key(dir, "memory.oom_control", "oom_kill", &stats->oom_kills));
	stats->cache = stats_memory_value(stats, "total_cache");
	stats->inactive_file = stats_memory_value(stats, "total_inactive_file");
	return stats_optional(r);
}

/* "8:0 Read 4096"; the sum over all devices, "Total 4096", has no number before it. */
static int take_line(const char *line, const char *end, struct cgroup_io_entry *ret)
{
	uint64_t major, minor;
	const char *p = line;

	if (cgroup_text_digits(&p, &major) < 0 || *p++ != ':' || cgroup_text_digits(&p, &minor) < 0 ||
		*p++ != ' ')
		return -EINVAL;
	size_t n = strcspn(p, " \n");
	if (n == 0 || n >= sizeof ret->op || p[n] != ' ' || major > UINT32_MAX || minor > UINT32_MAX)
		return -EINVAL;
	memset(ret, 0, sizeof *ret);
	memcpy(ret->op, p, n);
	p += n + 1;
	ret->major = (uint32_t)major;
	ret->minor = (uint32_t)minor;
	int r = cgroup_text_digits(&p, &ret->value);
	return r < 0 ? r : p == end ? 0 : -EINVAL;
}

static int read_io(int dir, const char *file, struct cgroup_io_entry **items, size_t *n)
{
	auto_free char *text = NULL;
	int r = stats_text(dir, file, &text);

	if (r < 0)
		return r;
	for (const char *line = text; *line;) {
		const char *end = strchrnul(line, '\n');
		struct cgroup_io_entry entry;
		if (strncmp(line, "Total ", 6) != 0) {
			r = take_line(line, end, &entry);
			if (r < 0)
				return r;
			struct cgroup_io_entry *place = stats_grow((void **)items, n, sizeof **items);
			if (!place)
				return -ENOMEM;
			*place = entry;
		}
		line = *end ? end + 1 : end;
	}
	return 0;
}

/* The throttling layer counts whatever the scheduler is; BFQ's own files count only its queues. */
int stats_v1_blkio(int dir, struct cgroup_stats *stats)
{
	int r = read_io(
		dir, "blkio.throttle.io_service_bytes_recursive", &stats->io_bytes, &stats->n_io_bytes);

	if (r == 0)
		r = read_io(dir, "blkio.throttle.io_serviced_recursive", &stats->io_serviced,
			&stats->n_io_serviced);
	if (r == -ENOENT)
		r = read_io(dir, "blkio.throttle.io_service_bytes", &stats->io_bytes, &stats->n_io_bytes);
	if (r == 0 && stats->n_io_serviced == 0)
		r = stats_optional(read_io(
			dir, "blkio.throttle.io_serviced", &stats->io_serviced, &stats->n_io_serviced));
	stats->has_io = r == 0;
	return stats_optional(r);
}
