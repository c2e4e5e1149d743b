/* SPDX-License-Identifier: Apache-2.0 */
/* memory, cpu and blkio of cgroup v1 (Documentation/admin-guide/cgroup-v1). */
#include "lib/cgroup/resources_list.h"

/* True when the controller is there; else what is asked of it is noted as lacking. */
static bool wanted(
	struct translation *t, bool asked, enum cgroup_controller controller, enum cgroup_resource resource)
{
	if (!asked)
		return false;
	if (cgroup_layout_has(t->layout, controller))
		return true;
	resources_lacks(t, resource);
	return false;
}

void resources_v1_memory(struct translation *t)
{
	const struct cgroup_resources *res = t->res;
	int64_t swap = res->memory_swap;
	unsigned swap_flags = CGROUP_SETTING_RETRY;

	/* memsw must not stay below a limit that is lifted. */
	if (res->memory_limit == -1 && swap == 0)
		swap = -1;
	if (swap == -1)
		swap_flags |= CGROUP_SETTING_IGNORE_MISSING;
	if (wanted(t, res->memory_limit != 0, CGROUP_MEMORY, CGROUP_R_MEMORY_LIMIT))
		resources_add_limit(t, CGROUP_MEMORY, CGROUP_SETTING_RETRY, "memory.limit_in_bytes",
			res->memory_limit, "-1");
	if (wanted(t, swap != 0, CGROUP_MEMORY, CGROUP_R_MEMORY_SWAP))
		resources_add_limit(t, CGROUP_MEMORY, swap_flags, "memory.memsw.limit_in_bytes", swap, "-1");
	if (wanted(t, res->memory_reservation != 0, CGROUP_MEMORY, CGROUP_R_MEMORY_RESERVATION))
		resources_add_limit(
			t, CGROUP_MEMORY, 0, "memory.soft_limit_in_bytes", res->memory_reservation, "-1");
	/* The kernel dropped this limit in 5.16 and ignored it before when told so. */
	if (res->kernel_memory != 0)
		resources_lacks(t, CGROUP_R_KERNEL_MEMORY);
	if (wanted(t, res->kernel_memory_tcp != 0, CGROUP_MEMORY, CGROUP_R_KERNEL_MEMORY_TCP))
		resources_add_limit(
			t, CGROUP_MEMORY, 0, "memory.kmem.tcp.limit_in_bytes", res->kernel_memory_tcp, "-1");
	if (wanted(t, res->swappiness.set, CGROUP_MEMORY, CGROUP_R_SWAPPINESS))
		resources_add(
			t, CGROUP_MEMORY, 0, "memory.swappiness", "%lld", (long long)res->swappiness.value);
	if (wanted(t, res->oom_kill_disable, CGROUP_MEMORY, CGROUP_R_OOM_KILL_DISABLE))
		resources_add(t, CGROUP_MEMORY, 0, "memory.oom_control", "1");
}

static void add_shares(struct translation *t)
{
	if (wanted(t, t->res->cpu_shares != 0, CGROUP_CPU, CGROUP_R_CPU_SHARES))
		resources_add(t, CGROUP_CPU, 0, "cpu.shares", "%llu", (unsigned long long)t->res->cpu_shares);
}

/* period, quota and burst, like the two of realtime, are checked by the kernel against each other's present
 * value. */
void resources_v1_cpu(struct translation *t)
{
	const struct cgroup_resources *res = t->res;
	bool idle_on = res->cpu_idle.set && res->cpu_idle.value == 1;

	/* An idle group refuses shares. */
	if (idle_on)
		add_shares(t);
	if (wanted(t, res->cpu_idle.set, CGROUP_CPU, CGROUP_R_CPU_IDLE))
		resources_add(t, CGROUP_CPU, 0, "cpu.idle", "%lld", (long long)res->cpu_idle.value);
	if (!idle_on)
		add_shares(t);
	if (wanted(t, res->cpu_period != 0, CGROUP_CPU, CGROUP_R_CPU_PERIOD))
		resources_add(t, CGROUP_CPU, CGROUP_SETTING_RETRY, "cpu.cfs_period_us", "%llu",
			(unsigned long long)res->cpu_period);
	if (wanted(t, res->cpu_quota != 0, CGROUP_CPU, CGROUP_R_CPU_QUOTA))
		resources_add_limit(
			t, CGROUP_CPU, CGROUP_SETTING_RETRY, "cpu.cfs_quota_us", res->cpu_quota, "-1");
	if (wanted(t, res->cpu_burst.set, CGROUP_CPU, CGROUP_R_CPU_BURST))
		resources_add(t, CGROUP_CPU, CGROUP_SETTING_RETRY, "cpu.cfs_burst_us", "%lld",
			(long long)res->cpu_burst.value);
	if (wanted(t, res->cpu_rt_period != 0, CGROUP_CPU, CGROUP_R_CPU_RT_PERIOD))
		resources_add(t, CGROUP_CPU, CGROUP_SETTING_RETRY, "cpu.rt_period_us", "%llu",
			(unsigned long long)res->cpu_rt_period);
	if (wanted(t, res->cpu_rt_runtime.set, CGROUP_CPU, CGROUP_R_CPU_RT_RUNTIME))
		resources_add(t, CGROUP_CPU, CGROUP_SETTING_RETRY | CGROUP_SETTING_PARENT_FIRST,
			"cpu.rt_runtime_us", "%lld", (long long)res->cpu_rt_runtime.value);
}

/* CFQ's files went with CFQ in 5.0; BFQ has the same under its own name. */
static void add_weights(struct translation *t)
{
	const struct cgroup_resources *res = t->res;

	if (wanted(t, res->blkio_weight != 0, CGROUP_BLKIO, CGROUP_R_BLKIO_WEIGHT)) {
		resources_add(
			t, CGROUP_BLKIO, CGROUP_SETTING_ELSE_NEXT, "blkio.weight", "%u", res->blkio_weight);
		resources_add(t, CGROUP_BLKIO, 0, "blkio.bfq.weight", "%u", res->blkio_weight);
	}
	if (wanted(t, res->blkio_leaf_weight != 0, CGROUP_BLKIO, CGROUP_R_BLKIO_LEAF_WEIGHT))
		resources_add(t, CGROUP_BLKIO, 0, "blkio.leaf_weight", "%u", res->blkio_leaf_weight);
	for (size_t i = 0; i < res->n_weight_devices; i++) {
		const struct cgroup_device_number *d = &res->weight_devices[i];
		if (!wanted(t, true, CGROUP_BLKIO, CGROUP_R_BLKIO_WEIGHT_DEVICE))
			break;
		resources_add(t, CGROUP_BLKIO, CGROUP_SETTING_ELSE_NEXT, "blkio.weight_device", "%u:%u %llu",
			d->major, d->minor, (unsigned long long)d->value);
		resources_add(t, CGROUP_BLKIO, 0, "blkio.bfq.weight_device", "%u:%u %llu", d->major, d->minor,
			(unsigned long long)d->value);
	}
}

static void add_device_numbers(struct translation *t, const char *file,
	const struct cgroup_device_number *numbers, size_t n, enum cgroup_resource resource)
{
	if (!wanted(t, n > 0, CGROUP_BLKIO, resource))
		return;
	for (size_t i = 0; i < n; i++)
		resources_add(t, CGROUP_BLKIO, 0, file, "%u:%u %llu", numbers[i].major, numbers[i].minor,
			(unsigned long long)numbers[i].value);
}

void resources_v1_blkio(struct translation *t)
{
	const struct cgroup_resources *res = t->res;

	add_weights(t);
	add_device_numbers(t, "blkio.leaf_weight_device", res->leaf_weight_devices,
		res->n_leaf_weight_devices, CGROUP_R_BLKIO_LEAF_WEIGHT_DEVICE);
	add_device_numbers(
		t, "blkio.throttle.read_bps_device", res->read_bps, res->n_read_bps, CGROUP_R_BLKIO_READ_BPS);
	add_device_numbers(t, "blkio.throttle.write_bps_device", res->write_bps, res->n_write_bps,
		CGROUP_R_BLKIO_WRITE_BPS);
	add_device_numbers(t, "blkio.throttle.read_iops_device", res->read_iops, res->n_read_iops,
		CGROUP_R_BLKIO_READ_IOPS);
	add_device_numbers(t, "blkio.throttle.write_iops_device", res->write_iops, res->n_write_iops,
		CGROUP_R_BLKIO_WRITE_IOPS);
}
