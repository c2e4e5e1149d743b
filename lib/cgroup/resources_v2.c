/* SPDX-License-Identifier: Apache-2.0 */
/* memory, cpu and io of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst). */
#include "lib/cgroup/resources_list.h"

#define DEFAULT_PERIOD 100000 /* microseconds, the kernel's */

/* log2(x) for 1 <= x < 2^63 by squaring the mantissa; neither libc promises libm with itself. */
static double log2_of(uint64_t x)
{
	int whole = 63 - __builtin_clzll(x);
	double mantissa = (double)x / (double)(UINT64_C(1) << whole), result = whole, bit = 0.5;

	for (int i = 0; i < 48; i++, bit /= 2) {
		mantissa *= mantissa;
		if (mantissa >= 2) {
			mantissa /= 2;
			result += bit;
		}
	}
	return result;
}

/* 10^x for 0 <= x <= 4 by the exponential series of the fractional part. */
static double power10(double x)
{
	const double ln10 = 2.302585092994045684;
	double result = 1, term = 1;
	int whole = (int)x;

	for (int i = 1; i < 30; i++) {
		term *= (x - whole) * ln10 / i;
		result += term;
	}
	for (; whole > 0; whole--)
		result *= 10;
	return result;
}

/* The curve that runc and crun agreed on in 2025: through 2 -> 1, 1024 -> 100 and 262144 -> 10000, so that
 * the defaults of both versions meet.  10^((l^2 + 125 l) / 612 - 7/34), l = log2(shares), rounded up. */
uint64_t cgroup_weight_from_shares(uint64_t shares)
{
	const double rounding = 1e-6;

	if (shares == 0)
		return 0;
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	double l = log2_of(shares);
	double weight = power10((l * l + 125 * l) / 612 - 7.0 / 34) - rounding;
	uint64_t whole = (uint64_t)weight;
	return whole + (weight > (double)whole);
}

uint64_t cgroup_weight_from_blkio(uint16_t weight)
{
	if (weight == 0)
		return 0;
	return weight <= 10 ? 1 : 1 + (uint64_t)(weight - 10) * 9999 / 990;
}

void resources_v2_memory(struct translation *t)
{
	const struct cgroup_resources *res = t->res;
	int64_t swap = res->memory_swap;

	if (res->memory_limit == -1 && swap == 0)
		swap = -1;
	/* v2 limits swap by itself. */
	if (swap > 0)
		swap -= res->memory_limit;
	if (swap != 0 || res->memory_swap > 0)
		resources_add_limit(t, CGROUP_MEMORY, swap == -1 ? CGROUP_SETTING_IGNORE_MISSING : 0,
			"memory.swap.max", swap, "max");
	if (res->memory_limit != 0)
		resources_add_limit(
			t, CGROUP_MEMORY, CGROUP_SETTING_RETRY, "memory.max", res->memory_limit, "max");
	/* No reservation is 0 here: "max" would protect everything. */
	if (res->memory_reservation != 0)
		resources_add_limit(t, CGROUP_MEMORY, 0, "memory.low", res->memory_reservation, "0");
	if (res->kernel_memory != 0)
		resources_lacks(t, CGROUP_R_KERNEL_MEMORY);
	if (res->kernel_memory_tcp != 0)
		resources_lacks(t, CGROUP_R_KERNEL_MEMORY_TCP);
	if (res->swappiness.set)
		resources_lacks(t, CGROUP_R_SWAPPINESS);
	if (res->oom_kill_disable)
		resources_lacks(t, CGROUP_R_OOM_KILL_DISABLE);
}

static void add_weight(struct translation *t)
{
	if (t->res->cpu_shares != 0)
		resources_add(t, CGROUP_CPU, 0, "cpu.weight", "%llu",
			(unsigned long long)cgroup_weight_from_shares(t->res->cpu_shares));
}

static void add_bandwidth(struct translation *t)
{
	const struct cgroup_resources *res = t->res;
	unsigned long long period = res->cpu_period ? res->cpu_period : DEFAULT_PERIOD;

	if (res->cpu_quota > 0)
		resources_add(t, CGROUP_CPU, CGROUP_SETTING_RETRY, "cpu.max", "%lld %llu",
			(long long)res->cpu_quota, period);
	else if (res->cpu_quota < 0 || res->cpu_period != 0)
		resources_add(t, CGROUP_CPU, CGROUP_SETTING_RETRY, "cpu.max", "max %llu", period);
	if (res->cpu_burst.set)
		resources_add(t, CGROUP_CPU, CGROUP_SETTING_RETRY, "cpu.max.burst", "%lld",
			(long long)res->cpu_burst.value);
}

void resources_v2_cpu(struct translation *t)
{
	const struct cgroup_resources *res = t->res;
	bool idle_on = res->cpu_idle.set && res->cpu_idle.value == 1;

	/* An idle group refuses a weight. */
	if (idle_on)
		add_weight(t);
	if (res->cpu_idle.set)
		resources_add(t, CGROUP_CPU, 0, "cpu.idle", "%lld", (long long)res->cpu_idle.value);
	if (!idle_on)
		add_weight(t);
	add_bandwidth(t);
	if (res->cpu_rt_runtime.set)
		resources_lacks(t, CGROUP_R_CPU_RT_RUNTIME);
	if (res->cpu_rt_period != 0)
		resources_lacks(t, CGROUP_R_CPU_RT_PERIOD);
}

/* BFQ keeps the old scale; io.weight is of the cost model. */
static void add_io_weights(struct translation *t)
{
	const struct cgroup_resources *res = t->res;

	if (res->blkio_weight != 0) {
		resources_add(
			t, CGROUP_BLKIO, CGROUP_SETTING_ELSE_NEXT, "io.bfq.weight", "%u", res->blkio_weight);
		resources_add(t, CGROUP_BLKIO, 0, "io.weight", "default %llu",
			(unsigned long long)cgroup_weight_from_blkio(res->blkio_weight));
	}
	for (size_t i = 0; i < res->n_weight_devices; i++) {
		const struct cgroup_device_number *d = &res->weight_devices[i];
		resources_add(t, CGROUP_BLKIO, CGROUP_SETTING_ELSE_NEXT, "io.bfq.weight", "%u:%u %llu",
			d->major, d->minor, (unsigned long long)d->value);
		resources_add(t, CGROUP_BLKIO, 0, "io.weight", "%u:%u %llu", d->major, d->minor,
			(unsigned long long)cgroup_weight_from_blkio((uint16_t)d->value));
	}
}

/* v2 writes 0 as "max": a rate of 0 lifts the limit on v1. */
static void add_rates(
	struct translation *t, const char *key, const struct cgroup_device_number *numbers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct cgroup_device_number *d = &numbers[i];
		if (d->value == 0)
			resources_add(t, CGROUP_BLKIO, 0, "io.max", "%u:%u %s=max", d->major, d->minor, key);
		else
			resources_add(t, CGROUP_BLKIO, 0, "io.max", "%u:%u %s=%llu", d->major, d->minor, key,
				(unsigned long long)d->value);
	}
}

void resources_v2_io(struct translation *t)
{
	const struct cgroup_resources *res = t->res;

	add_io_weights(t);
	add_rates(t, "rbps", res->read_bps, res->n_read_bps);
	add_rates(t, "wbps", res->write_bps, res->n_write_bps);
	add_rates(t, "riops", res->read_iops, res->n_read_iops);
	add_rates(t, "wiops", res->write_iops, res->n_write_iops);
	if (res->blkio_leaf_weight != 0)
		resources_lacks(t, CGROUP_R_BLKIO_LEAF_WEIGHT);
	if (res->n_leaf_weight_devices > 0)
		resources_lacks(t, CGROUP_R_BLKIO_LEAF_WEIGHT_DEVICE);
}
