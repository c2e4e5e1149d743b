/* SPDX-License-Identifier: Apache-2.0 */
/* What a cgroup used: the numbers behind Docker's stats and `runc events`, the same struct from v1 and v2. */
#ifndef GANTRY_CGROUP_STATS_H
#define GANTRY_CGROUP_STATS_H

#include "lib/base/error.h"
#include "lib/cgroup/cgroup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CGROUP_NO_LIMIT UINT64_MAX

struct cgroup_stat_entry { /* a line of memory.stat */
	char key[40];
	uint64_t value;
};

struct cgroup_io_entry {
	uint32_t major, minor;
	char op[16]; /* "Read", "Write", ... of v1; "read", "write", "discard" of v2 */
	uint64_t value;
};

struct cgroup_hugetlb_entry {
	char page_size[16];                 /* "2MB" */
	uint64_t usage, max_usage, failcnt; /* max_usage: v1 only */
};

struct cgroup_stats {
	bool has_cpu, has_throttling, has_memory, has_swap, has_pids, has_io; /* what could be read */

	uint64_t cpu_total_ns, cpu_user_ns, cpu_system_ns;
	uint64_t *percpu_ns; /* v1 only */
	size_t n_percpu;
	uint64_t periods, throttled_periods, throttled_ns;

	/* bytes; limits may be CGROUP_NO_LIMIT.  swap_* are memory and swap together on v1, swap alone on v2.
	 */
	uint64_t memory_usage, memory_max_usage, memory_limit, memory_failcnt;
	uint64_t swap_usage, swap_max_usage, swap_limit, swap_failcnt;
	uint64_t cache,
		inactive_file; /* with everything below: total_* of v1, file and inactive_file of v2 */
	uint64_t oom_kills;
	struct cgroup_stat_entry *memory_stat;
	size_t n_memory_stat;

	uint64_t pids_current, pids_limit;

	struct cgroup_io_entry *io_bytes, *io_serviced; /* with everything below */
	size_t n_io_bytes, n_io_serviced;

	struct cgroup_hugetlb_entry *hugetlb;
	size_t n_hugetlb;
};

/* Reads everything that is there into a struct to release with cgroup_stats_done.  What a layout lacks stays
 * zero. -ENODEV: the cgroup is gone. */
int cgroup_stats_read(const struct cgroup *cg, struct cgroup_stats *ret, struct error *err);
void cgroup_stats_done(struct cgroup_stats *stats);

#endif
