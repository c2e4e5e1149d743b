/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits in the words of OCI's linux.resources (config-linux.md), and their translation into the writes that
 * the layout at hand understands.  Nothing here touches a file.
 *
 * A zeroed struct asks for nothing.  For the plain numbers 0 means "leave as it is" and -1 "no limit", as in
 * Docker and runc; where 0 is a value, struct cgroup_number says whether it is set.
 */
#ifndef GANTRY_CGROUP_RESOURCES_H
#define GANTRY_CGROUP_RESOURCES_H

#include "lib/base/error.h"
#include "lib/cgroup/cgroup.h"
#include "lib/cgroup/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cgroup_number {
	bool set;
	int64_t value;
};

struct cgroup_device_number { /* a number for one block device */
	uint32_t major, minor;
	uint64_t value;
};

struct cgroup_hugepage_limit {
	const char *page_size; /* "2MB", "1GB" */
	uint64_t limit;
};

struct cgroup_named_number { /* interface and priority */
	const char *name;
	uint32_t value;
};

struct cgroup_rdma_limit {
	const char *device;
	struct cgroup_number hca_handles, hca_objects;
};

struct cgroup_pair { /* `unified`: a v2 file and its value; several lines are several writes */
	const char *file, *value;
};

/* Arrays and texts are borrowed. */
struct cgroup_resources {
	/* bytes; swap is memory and swap together, as in Docker and OCI */
	int64_t memory_limit, memory_reservation, memory_swap, kernel_memory, kernel_memory_tcp;
	struct cgroup_number swappiness; /* 0..100 */
	bool oom_kill_disable;

	uint64_t cpu_shares; /* 2..262144 */
	int64_t cpu_quota;   /* microseconds in a period */
	uint64_t cpu_period;
	struct cgroup_number cpu_burst, cpu_idle, cpu_rt_runtime;
	uint64_t cpu_rt_period;
	const char *cpuset_cpus, *cpuset_mems; /* NULL or "": as it is */

	int64_t pids_limit;

	uint16_t blkio_weight, blkio_leaf_weight; /* 10..1000 */
	const struct cgroup_device_number *weight_devices, *leaf_weight_devices;
	size_t n_weight_devices, n_leaf_weight_devices;
	const struct cgroup_device_number *read_bps, *write_bps, *read_iops, *write_iops;
	size_t n_read_bps, n_write_bps, n_read_iops, n_write_iops;

	const struct cgroup_hugepage_limit *hugepages;
	size_t n_hugepages;

	struct cgroup_number classid;
	const struct cgroup_named_number *net_priorities;
	size_t n_net_priorities;

	const struct cgroup_rdma_limit *rdma;
	size_t n_rdma;

	const struct cgroup_pair *unified;
	size_t n_unified;
};

/* What a layout may be unable to do, one bit each in the report. */
enum cgroup_resource {
	CGROUP_R_MEMORY_LIMIT,
	CGROUP_R_MEMORY_RESERVATION,
	CGROUP_R_MEMORY_SWAP,
	CGROUP_R_KERNEL_MEMORY,
	CGROUP_R_KERNEL_MEMORY_TCP,
	CGROUP_R_SWAPPINESS,
	CGROUP_R_OOM_KILL_DISABLE,
	CGROUP_R_CPU_SHARES,
	CGROUP_R_CPU_QUOTA,
	CGROUP_R_CPU_PERIOD,
	CGROUP_R_CPU_BURST,
	CGROUP_R_CPU_IDLE,
	CGROUP_R_CPU_RT_RUNTIME,
	CGROUP_R_CPU_RT_PERIOD,
	CGROUP_R_CPUSET_CPUS,
	CGROUP_R_CPUSET_MEMS,
	CGROUP_R_PIDS_LIMIT,
	CGROUP_R_BLKIO_WEIGHT,
	CGROUP_R_BLKIO_LEAF_WEIGHT,
	CGROUP_R_BLKIO_WEIGHT_DEVICE,
	CGROUP_R_BLKIO_LEAF_WEIGHT_DEVICE,
	CGROUP_R_BLKIO_READ_BPS,
	CGROUP_R_BLKIO_WRITE_BPS,
	CGROUP_R_BLKIO_READ_IOPS,
	CGROUP_R_BLKIO_WRITE_IOPS,
	CGROUP_R_HUGEPAGES,
	CGROUP_R_NET_CLASSID,
	CGROUP_R_NET_PRIORITIES,
	CGROUP_R_RDMA,
	CGROUP_R_UNIFIED,
	CGROUP_RESOURCES,
};

/* OCI's name under linux.resources: "memory.swappiness".  Never NULL. */
const char *cgroup_resource_name(enum cgroup_resource resource);

struct cgroup_settings {
	struct cgroup_setting *items; /* their texts belong to the list */
	size_t n, room;
};

/* Translates.  *ret is filled from empty and is to be released with cgroup_settings_done.  *ret_unsupported:
 * bit 1 << enum cgroup_resource for each thing asked for that this layout has no way to honour; the caller
 * refuses or warns. Values that no kernel takes (swap below the limit, swap without a limit, bad page sizes,
 * names with '/', over-long texts) are -EINVAL, more than CGROUP_SETTINGS_MAX writes -E2BIG. */
int cgroup_resources_translate(const struct cgroup_layout *layout, const struct cgroup_resources *res,
	struct cgroup_settings *ret, uint64_t *ret_unsupported, struct error *err);
void cgroup_settings_done(struct cgroup_settings *settings);

/* v1's 2..262144 on v2's scale 1..10000 (1024 -> 100); 0 stays 0. */
uint64_t cgroup_weight_from_shares(uint64_t shares);
/* blkio's 10..1000 as io.weight's 1..10000; 0 stays 0. */
uint64_t cgroup_weight_from_blkio(uint16_t weight);

#endif
