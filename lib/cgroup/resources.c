/* SPDX-License-Identifier: Apache-2.0 */
/* Checks, the list, and what v1 and v2 spell nearly alike; the rest is in resources_v1.c and resources_v2.c.
 */
#include "lib/cgroup/resources.h"

#include "lib/base/cleanup.h"
#include "lib/cgroup/resources_list.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const resource_names[CGROUP_RESOURCES] = {
	[CGROUP_R_MEMORY_LIMIT] = "memory.limit",
	[CGROUP_R_MEMORY_RESERVATION] = "memory.reservation",
	[CGROUP_R_MEMORY_SWAP] = "memory.swap",
	[CGROUP_R_KERNEL_MEMORY] = "memory.kernel",
	[CGROUP_R_KERNEL_MEMORY_TCP] = "memory.kernelTCP",
	[CGROUP_R_SWAPPINESS] = "memory.swappiness",
	[CGROUP_R_OOM_KILL_DISABLE] = "memory.disableOOMKiller",
	[CGROUP_R_CPU_SHARES] = "cpu.shares",
	[CGROUP_R_CPU_QUOTA] = "cpu.quota",
	[CGROUP_R_CPU_PERIOD] = "cpu.period",
	[CGROUP_R_CPU_BURST] = "cpu.burst",
	[CGROUP_R_CPU_IDLE] = "cpu.idle",
	[CGROUP_R_CPU_RT_RUNTIME] = "cpu.realtimeRuntime",
	[CGROUP_R_CPU_RT_PERIOD] = "cpu.realtimePeriod",
	[CGROUP_R_CPUSET_CPUS] = "cpu.cpus",
	[CGROUP_R_CPUSET_MEMS] = "cpu.mems",
	[CGROUP_R_PIDS_LIMIT] = "pids.limit",
	[CGROUP_R_BLKIO_WEIGHT] = "blockIO.weight",
	[CGROUP_R_BLKIO_LEAF_WEIGHT] = "blockIO.leafWeight",
	[CGROUP_R_BLKIO_WEIGHT_DEVICE] = "blockIO.weightDevice",
	[CGROUP_R_BLKIO_LEAF_WEIGHT_DEVICE] = "blockIO.weightDevice.leafWeight",
	[CGROUP_R_BLKIO_READ_BPS] = "blockIO.throttleReadBpsDevice",
	[CGROUP_R_BLKIO_WRITE_BPS] = "blockIO.throttleWriteBpsDevice",
	[CGROUP_R_BLKIO_READ_IOPS] = "blockIO.throttleReadIOPSDevice",
	[CGROUP_R_BLKIO_WRITE_IOPS] = "blockIO.throttleWriteIOPSDevice",
	[CGROUP_R_HUGEPAGES] = "hugepageLimits",
	[CGROUP_R_NET_CLASSID] = "network.classID",
	[CGROUP_R_NET_PRIORITIES] = "network.priorities",
	[CGROUP_R_RDMA] = "rdma",
	[CGROUP_R_UNIFIED] = "unified",
};

const char *cgroup_resource_name(enum cgroup_resource resource)
{
	return (unsigned)resource < CGROUP_RESOURCES ? resource_names[resource] : "unknown";
}

/* ---- the list --------------------------------------------------------------- */
static int add_item(struct cgroup_settings *out, enum cgroup_controller controller, unsigned flags,
	const char *file, const char *value)
{
	size_t file_size = strlen(file) + 1, value_size = strlen(value) + 1;

	if (out->n == CGROUP_SETTINGS_MAX)
		return -E2BIG;
	if (out->n == out->room) {
		size_t room = out->room ? out->room * 2 : 16;
		struct cgroup_setting *bigger = realloc(out->items, room * sizeof *bigger);
		if (!bigger)
			return -ENOMEM;
		out->items = bigger;
		out->room = room;
	}
	char *text = malloc(file_size + value_size);
	if (!text)
		return -ENOMEM;
	memcpy(text, file, file_size);
	memcpy(text + file_size, value, value_size);
	out->items[out->n++] = (struct cgroup_setting){ .controller = (uint8_t)controller,
		.flags = (uint8_t)flags,
		.file = text,
		.value = text + file_size };
	return 0;
}

void cgroup_settings_done(struct cgroup_settings *settings)
{
	if (!settings)
		return;
	/* File and value are one allocation, and the file begins it. */
	for (size_t i = 0; i < settings->n; i++)
		free((void *)(uintptr_t)settings->items[i].file);
	free(settings->items);
	*settings = (struct cgroup_settings){ .items = NULL };
}

void resources_add(struct translation *t, enum cgroup_controller controller, unsigned flags, const char *file,
	const char *fmt, ...)
{
	char value[CGROUP_VALUE_MAX];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(value, sizeof value, fmt, ap);
	va_end(ap);
	if (t->failed == 0)
		t->failed = n < 0 || (size_t)n >= sizeof value
				    ? -ENAMETOOLONG
				    : add_item(&t->out, controller, flags, file, value);
}

void resources_add_limit(struct translation *t, enum cgroup_controller controller, unsigned flags,
	const char *file, int64_t value, const char *no_limit)
{
	if (value < 0)
		resources_add(t, controller, flags, file, "%s", no_limit);
	else
		resources_add(t, controller, flags, file, "%lld", (long long)value);
}

void resources_lacks(struct translation *t, enum cgroup_resource resource)
{
	t->unsupported |= UINT64_C(1) << resource;
}

/* ---- checks ----------------------------------------------------------------- */
static int check_memory(const struct cgroup_resources *res, struct error *err)
{
	const int64_t all[] = { res->memory_limit, res->memory_reservation, res->memory_swap,
		res->kernel_memory, res->kernel_memory_tcp };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i] < -1)
			return error_invalid(err, "memory limit %lld is neither a number of bytes nor -1",
				(long long)all[i]);
	if (res->memory_swap > 0 && res->memory_limit <= 0)
		return error_invalid(err, "memory and swap are limited together (%lld), but memory is not",
			(long long)res->memory_swap);
	if (res->memory_swap > 0 && res->memory_swap < res->memory_limit)
		return error_invalid(err,
			"the limit of memory and swap (%lld) is below that of memory (%lld)",
			(long long)res->memory_swap, (long long)res->memory_limit);
	if (res->swappiness.set && (res->swappiness.value < 0 || res->swappiness.value > 100))
		return error_invalid(
			err, "swappiness %lld is not within 0 and 100", (long long)res->swappiness.value);
	return 0;
}

static bool is_list(const char *text)
{
	return !text || (strlen(text) < CGROUP_VALUE_MAX && strspn(text, "0123456789,-: \n") == strlen(text));
}

static int check_cpu(const struct cgroup_resources *res, struct error *err)
{
	if (res->cpu_quota < -1 || res->cpu_period > INT64_MAX || res->cpu_rt_period > INT64_MAX)
		return error_invalid(err, "cpu quota or period is out of range");
	if (res->cpu_burst.set && res->cpu_burst.value < 0)
		return error_invalid(err, "cpu burst %lld is negative", (long long)res->cpu_burst.value);
	if (res->cpu_idle.set && res->cpu_idle.value != 0 && res->cpu_idle.value != 1)
		return error_invalid(err, "cpu idle %lld is neither 0 nor 1", (long long)res->cpu_idle.value);
	if (!is_list(res->cpuset_cpus))
		return error_invalid(err, "'%.100s' is no list of cpus", res->cpuset_cpus);
	if (!is_list(res->cpuset_mems))
		return error_invalid(err, "'%.100s' is no list of memory nodes", res->cpuset_mems);
	return 0;
}

/* "2MB": what the kernel names its huge page files by. */
static bool is_page_size(const char *text)
{
	size_t digits = text ? strspn(text, "0123456789") : 0;

	if (digits == 0 || digits > 10 || text[0] == '0')
		return false;
	return strchr("KMG", text[digits]) && text[digits] && strcmp(text + digits + 1, "B") == 0;
}

/* A name within a line of several words. */
static bool is_word(const char *text)
{
	size_t n = text ? strlen(text) : 0;

	if (n == 0 || n > 64)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f || text[i] == '/')
			return false;
	return true;
}

static bool is_weight(uint16_t weight)
{
	return weight == 0 || (weight >= 10 && weight <= 1000);
}

static int check_devices(const struct cgroup_resources *res, struct error *err)
{
	if (!is_weight(res->blkio_weight) || !is_weight(res->blkio_leaf_weight))
		return error_invalid(err, "block io weight %u is not within 10 and 1000",
			is_weight(res->blkio_weight) ? res->blkio_leaf_weight : res->blkio_weight);
	for (size_t i = 0; i < res->n_weight_devices + res->n_leaf_weight_devices; i++) {
		const struct cgroup_device_number *d =
			i < res->n_weight_devices ? &res->weight_devices[i]
						  : &res->leaf_weight_devices[i - res->n_weight_devices];
		if (d->value > 1000 || !is_weight((uint16_t)d->value))
			return error_invalid(err,
				"block io weight %llu of device %u:%u is not within 10 and 1000",
				(unsigned long long)d->value, d->major, d->minor);
	}
	return 0;
}

static int check_names(const struct cgroup_resources *res, struct error *err)
{
	for (size_t i = 0; i < res->n_hugepages; i++)
		if (!is_page_size(res->hugepages[i].page_size))
			return error_invalid(err, "huge page size %zu is not of the form '2MB'", i + 1);
	for (size_t i = 0; i < res->n_net_priorities; i++)
		if (!is_word(res->net_priorities[i].name))
			return error_invalid(err, "network priority %zu has no proper interface name", i + 1);
	for (size_t i = 0; i < res->n_rdma; i++)
		if (!is_word(res->rdma[i].device))
			return error_invalid(err, "rdma limit %zu has no proper device name", i + 1);
	for (size_t i = 0; i < res->n_unified; i++) {
		const struct cgroup_pair *p = &res->unified[i];
		if (!is_word(p->file) || !strchr(p->file, '.') || p->file[0] == '.')
			return error_invalid(err, "unified setting %zu has no proper file name", i + 1);
		if (!p->value || strlen(p->value) >= CGROUP_VALUE_MAX)
			return error_invalid(
				err, "unified setting '%s' has no value or a too long one", p->file);
	}
	if (res->classid.set && (res->classid.value < 0 || res->classid.value > UINT32_MAX))
		return error_invalid(err, "network class id is out of range");
	return 0;
}

/* ---- what both versions spell alike ----------------------------------------- */
static void add_cpuset(struct translation *t)
{
	const struct cgroup_resources *res = t->res;
	bool has = cgroup_layout_has(t->layout, CGROUP_CPUSET);

	if (res->cpuset_cpus && res->cpuset_cpus[0]) {
		if (has)
			resources_add(t, CGROUP_CPUSET, 0, "cpuset.cpus", "%s", res->cpuset_cpus);
		else
			resources_lacks(t, CGROUP_R_CPUSET_CPUS);
	}
	if (res->cpuset_mems && res->cpuset_mems[0]) {
		if (has)
			resources_add(t, CGROUP_CPUSET, 0, "cpuset.mems", "%s", res->cpuset_mems);
		else
			resources_lacks(t, CGROUP_R_CPUSET_MEMS);
	}
}

static void add_pids(struct translation *t)
{
	if (t->res->pids_limit == 0)
		return;
	if (cgroup_layout_has(t->layout, CGROUP_PIDS))
		resources_add_limit(t, CGROUP_PIDS, 0, "pids.max", t->res->pids_limit, "max");
	else
		resources_lacks(t, CGROUP_R_PIDS_LIMIT);
}

/* The second file limits reservations (kernel 5.7), by which mmap fails instead of a later page fault. */
static void add_hugepages(struct translation *t)
{
	const char *end = cgroup_layout_on_v2(t->layout, CGROUP_HUGETLB) ? "max" : "limit_in_bytes";
	char file[64];

	if (t->res->n_hugepages > 0 && !cgroup_layout_has(t->layout, CGROUP_HUGETLB)) {
		resources_lacks(t, CGROUP_R_HUGEPAGES);
		return;
	}
	for (size_t i = 0; i < t->res->n_hugepages; i++) {
		const struct cgroup_hugepage_limit *h = &t->res->hugepages[i];
		snprintf(file, sizeof file, "hugetlb.%s.%s", h->page_size, end);
		resources_add(t, CGROUP_HUGETLB, 0, file, "%llu", (unsigned long long)h->limit);
		snprintf(file, sizeof file, "hugetlb.%s.rsvd.%s", h->page_size, end);
		resources_add(t, CGROUP_HUGETLB, CGROUP_SETTING_IGNORE_MISSING, file, "%llu",
			(unsigned long long)h->limit);
	}
}

/* v1 only: v2 has no files for these. */
static void add_network(struct translation *t)
{
	const struct cgroup_resources *res = t->res;

	if (res->classid.set) {
		if (cgroup_layout_has(t->layout, CGROUP_NET_CLS))
			resources_add(t, CGROUP_NET_CLS, 0, "net_cls.classid", "%lld",
				(long long)res->classid.value);
		else
			resources_lacks(t, CGROUP_R_NET_CLASSID);
	}
	if (res->n_net_priorities > 0 && !cgroup_layout_has(t->layout, CGROUP_NET_PRIO)) {
		resources_lacks(t, CGROUP_R_NET_PRIORITIES);
		return;
	}
	for (size_t i = 0; i < res->n_net_priorities; i++)
		resources_add(t, CGROUP_NET_PRIO, 0, "net_prio.ifpriomap", "%s %u",
			res->net_priorities[i].name, res->net_priorities[i].value);
}

static void format_rdma(const char *key, const struct cgroup_number *number, char buf[48])
{
	buf[0] = '\0';
	if (number->set && number->value >= 0)
		snprintf(buf, 48, " %s=%lld", key, (long long)number->value);
	else if (number->set)
		snprintf(buf, 48, " %s=max", key);
}

static void add_rdma(struct translation *t)
{
	char handles[48], objects[48];

	if (t->res->n_rdma > 0 && !cgroup_layout_has(t->layout, CGROUP_RDMA)) {
		resources_lacks(t, CGROUP_R_RDMA);
		return;
	}
	for (size_t i = 0; i < t->res->n_rdma; i++) {
		format_rdma("hca_handle", &t->res->rdma[i].hca_handles, handles);
		format_rdma("hca_object", &t->res->rdma[i].hca_objects, objects);
		if (handles[0] || objects[0])
			resources_add(t, CGROUP_RDMA, 0, "rdma.max", "%s%s%s", t->res->rdma[i].device,
				handles, objects);
	}
}

/* The controller of a v2 file by the name before its first dot; cgroup.* are the hierarchy's own. */
static int unified_controller(const struct cgroup_layout *layout, const char *file)
{
	size_t n = strcspn(file, ".");
	int controller = n == 6 && strncmp(file, "cgroup", 6) == 0 ? CGROUP_UNIFIED
								   : cgroup_controller_find(file, n);

	return controller >= 0 && cgroup_layout_on_v2(layout, (enum cgroup_controller)controller) ? controller
												  : -1;
}

static void add_unified(struct translation *t)
{
	for (size_t i = 0; i < t->res->n_unified; i++) {
		const struct cgroup_pair *p = &t->res->unified[i];
		int controller = unified_controller(t->layout, p->file);
		if (controller < 0) {
			resources_lacks(t, CGROUP_R_UNIFIED);
			continue;
		}
		for (const char *line = p->value; *line;) {
			size_t n = strcspn(line, "\n");
			if (n > 0)
				resources_add(t, (enum cgroup_controller)controller, 0, p->file, "%.*s",
					(int)n, line);
			line += n + (line[n] == '\n');
		}
	}
}

static int finish(
	struct translation *t, struct cgroup_settings *ret, uint64_t *ret_unsupported, struct error *err)
{
	if (t->failed == 0) {
		*ret = t->out;
		*ret_unsupported = t->unsupported;
		return 0;
	}
	cgroup_settings_done(&t->out);
	if (t->failed == -E2BIG)
		return error_set(err, ERROR_INVALID, E2BIG, "the limits need more than %d settings",
			CGROUP_SETTINGS_MAX);
	return error_sys(err, -t->failed, "cannot prepare the cgroup's limits");
}

int cgroup_resources_translate(const struct cgroup_layout *layout, const struct cgroup_resources *res,
	struct cgroup_settings *ret, uint64_t *ret_unsupported, struct error *err)
{
	struct translation t = { .layout = layout, .res = res };

	int r = check_memory(res, err);
	if (r == 0)
		r = check_cpu(res, err);
	if (r == 0)
		r = check_devices(res, err);
	if (r == 0)
		r = check_names(res, err);
	if (r < 0)
		return r;
	if (cgroup_layout_on_v2(layout, CGROUP_MEMORY))
		resources_v2_memory(&t);
	else
		resources_v1_memory(&t);
	if (cgroup_layout_on_v2(layout, CGROUP_CPU))
		resources_v2_cpu(&t);
	else
		resources_v1_cpu(&t);
	if (cgroup_layout_on_v2(layout, CGROUP_BLKIO))
		resources_v2_io(&t);
	else
		resources_v1_blkio(&t);
	add_cpuset(&t);
	add_pids(&t);
	add_hugepages(&t);
	add_network(&t);
	add_rdma(&t);
	/* Last, so that a file named by hand has the last word. */
	add_unified(&t);
	return finish(&t, ret, ret_unsupported, err);
}
