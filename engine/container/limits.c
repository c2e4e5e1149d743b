/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container/limits.h"

#include "engine/engine.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/cgroup/resources.h"
#include "lib/json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_MIN (INT64_C(6) << 20)
#define CPUS_MAX   8192

struct limits {
	const struct engine *engine;
	struct json *host, *warnings;
	struct error *err;
};

static int64_t number(const struct limits *l, const char *key)
{
	int64_t n = 0;

	json_opt_int(l->host, key, 0, INT64_MIN, INT64_MAX, &n, NULL);
	return n;
}

static const char *text(const struct limits *l, const char *key)
{
	const char *t = json_string(json_at(l->host, key));

	return t ? t : "";
}

static bool flag(const struct limits *l, const char *key)
{
	bool on = false;

	json_opt_bool(l->host, key, false, &on, NULL);
	return on;
}

/* ---- memory ------------------------------------------------------------------------------- */
static int check_memory(const struct limits *l)
{
	int64_t memory = number(l, "Memory"), swap = number(l, "MemorySwap"),
		reserved = number(l, "MemoryReservation"), swappiness = number(l, "MemorySwappiness");

	if (memory != 0 && memory < MEMORY_MIN)
		return error_invalid(l->err, "Minimum memory limit allowed is 6MB");
	if (memory > 0 && swap > 0 && swap < memory)
		return error_invalid(
			l->err, "Minimum memoryswap limit should be larger than memory limit, see usage");
	if (memory == 0 && swap > 0)
		return error_invalid(l->err,
			"You should always set the Memory limit when using Memoryswap limit, see usage");
	if (json_at(l->host, "MemorySwappiness") && (swappiness < -1 || swappiness > 100))
		return error_invalid(l->err, "Invalid value: %lld, valid memory swappiness range is 0-100",
			(long long)swappiness);
	if (reserved != 0 && reserved < MEMORY_MIN)
		return error_invalid(l->err, "Minimum memory reservation allowed is 6MB");
	if (memory > 0 && reserved > memory)
		return error_invalid(l->err,
			"Minimum memory limit can not be less than memory reservation limit, see usage");
	if (number(l, "ShmSize") < 0)
		return error_invalid(l->err, "SHM size can not be less than 0");
	int64_t oom = number(l, "OomScoreAdj");
	if (oom < -1000 || oom > 1000)
		return error_invalid(l->err, "Invalid value %lld, range for oom score adj is [-1000, 1000]",
			(long long)oom);
	if (flag(l, "OomKillDisable") && memory == 0)
		json_add_string(l->warnings, "OOM killer is disabled for the container, but no memory limit "
					     "is set, this can result "
					     "in the system running out of resources.");
	return 0;
}

/* ---- processors ------------------------------------------------------------------------------ */
static int check_cpu(const struct limits *l)
{
	int64_t nano = number(l, "NanoCpus"), shares = number(l, "CpuShares"),
		period = number(l, "CpuPeriod"), quota = number(l, "CpuQuota");
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (nano > 0 && period > 0)
		return error_invalid(
			l->err, "Conflicting options: Nano CPUs and CPU Period cannot both be set");
	if (nano > 0 && quota > 0)
		return error_invalid(
			l->err, "Conflicting options: Nano CPUs and CPU Quota cannot both be set");
	if (nano < 0 || nano > (int64_t)cpus * 1000000000)
		return error_invalid(l->err,
			"range of CPUs is from 0.01 to %ld.00, as there are only %ld CPUs available", cpus,
			cpus);
	if (shares < 0)
		return error_invalid(l->err, "invalid CPU shares (%lld): value must be a positive integer",
			(long long)shares);
	if (period != 0 && (period < 1000 || period > 1000000))
		return error_invalid(l->err, "CPU cfs period can not be less than 1ms (i.e. 1000) or larger "
					     "than 1s (i.e. 1000000)");
	if (quota > 0 && quota < 1000)
		return error_invalid(l->err, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
	return 0;
}

/* "0-2,7" into bits; -EINVAL. */
static int read_set(const char *text, unsigned char *bits)
{
	memset(bits, 0, CPUS_MAX / 8);
	for (const char *p = text; *p;) {
		char *end;
		if (*p < '0' || *p > '9')
			return -EINVAL;
		unsigned long from = strtoul(p, &end, 10), to = from;
		if (*end == '-') {
			if (end[1] < '0' || end[1] > '9')
				return -EINVAL;
			to = strtoul(end + 1, &end, 10);
		}
		if (to >= CPUS_MAX || from > to || (*end && *end != ','))
			return -EINVAL;
		for (; from <= to; from++)
			bits[from / 8] |= (unsigned char)(1u << from % 8);
		p = *end ? end + 1 : end;
		if (*end && !*p)
			return -EINVAL;
	}
	return 0;
}

static int check_set(
	const struct limits *l, const char *key, const char *file, const char *noun, const char *plural)
{
	unsigned char asked[CPUS_MAX / 8], there[CPUS_MAX / 8];
	const char *value = text(l, key);
	auto_free char *available = NULL;

	if (!*value)
		return 0;
	if (read_set(value, asked) < 0)
		return error_invalid(
			l->err, "Invalid value %s for %s: invalid format: %s", value, noun, value);
	if (fd_read_file(AT_FDCWD, file, 4096, &available, NULL) < 0)
		return 0; /* a kernel without it refuses by itself */
	available[strcspn(available, "\n")] = '\0';
	if (read_set(available, there) < 0)
		return 0;
	for (size_t i = 0; i < sizeof asked; i++)
		if (asked[i] & ~there[i])
			return error_invalid(l->err,
				"Requested %s are not available - requested %s, available: %s", plural, value,
				available);
	return 0;
}

/* ---- what the kernel lacks ------------------------------------------------------------------- */
#define LACKS "Your kernel does not support "
#define NONE  " or the cgroup is not mounted. "

static const struct {
	enum cgroup_resource resource;
	const char *keys[2];
	const char *warning;
} lacking[] = {
	{ CGROUP_R_MEMORY_LIMIT, { "Memory" },
		LACKS "memory limit capabilities" NONE "Limitation discarded." },
	{ CGROUP_R_MEMORY_SWAP, { "MemorySwap" },
		LACKS "swap limit capabilities" NONE "Memory limited without swap." },
	{ CGROUP_R_SWAPPINESS, { "MemorySwappiness" },
		LACKS "memory swappiness capabilities" NONE "Memory swappiness discarded." },
	{ CGROUP_R_MEMORY_RESERVATION, { "MemoryReservation" },
		LACKS "memory soft limit capabilities" NONE "Limitation discarded." },
	{ CGROUP_R_OOM_KILL_DISABLE, { "OomKillDisable" },
		LACKS "OomKillDisable. OomKillDisable discarded." },
	{ CGROUP_R_PIDS_LIMIT, { "PidsLimit" },
		LACKS "pids limit capabilities" NONE "PIDs limit discarded." },
	{ CGROUP_R_CPU_SHARES, { "CpuShares" }, LACKS "CPU shares" NONE "Shares discarded." },
	{ CGROUP_R_CPU_PERIOD, { "CpuPeriod", "CpuQuota" },
		LACKS "CPU CFS scheduler" NONE "CPU period and quota discarded." },
	{ CGROUP_R_CPU_QUOTA, { "NanoCpus" }, LACKS "CPU CFS scheduler" NONE "NanoCPUs discarded." },
	{ CGROUP_R_CPUSET_CPUS, { "CpusetCpus", "CpusetMems" }, LACKS "cpuset" NONE "Cpuset discarded." },
	{ CGROUP_R_BLKIO_WEIGHT, { "BlkioWeight" }, LACKS "Block I/O weight" NONE "Weight discarded." },
	{ CGROUP_R_BLKIO_WEIGHT_DEVICE, { "BlkioWeightDevice" },
		LACKS "Block I/O weight_device" NONE "Weight-device discarded." },
	{ CGROUP_R_BLKIO_READ_BPS, { "BlkioDeviceReadBps" },
		LACKS "BPS Block I/O read limit" NONE "Block I/O BPS read limit discarded." },
	{ CGROUP_R_BLKIO_WRITE_BPS, { "BlkioDeviceWriteBps" },
		LACKS "BPS Block I/O write limit" NONE "Block I/O BPS write limit discarded." },
	{ CGROUP_R_BLKIO_READ_IOPS, { "BlkioDeviceReadIOps" },
		LACKS "IOPS Block read limit" NONE "Block I/O IOPS read limit discarded." },
	{ CGROUP_R_BLKIO_WRITE_IOPS, { "BlkioDeviceWriteIOps" },
		LACKS "IOPS Block write limit" NONE "Block I/O IOPS write limit discarded." },
};

/* All that this system's cgroups cannot do, one bit each. */
static uint64_t find_lacking(const struct limits *l)
{
	static const struct cgroup_device_number one = { 8, 0, 1000 };
	struct cgroup_resources all = { .memory_limit = INT64_C(1) << 30,
		.memory_reservation = INT64_C(1) << 29,
		.memory_swap = INT64_C(1) << 31,
		.swappiness = { .set = true, .value = 50 },
		.oom_kill_disable = true,
		.cpu_shares = 1024,
		.cpu_quota = 50000,
		.cpu_period = 100000,
		.cpuset_cpus = "0",
		.cpuset_mems = "0",
		.pids_limit = 100,
		.blkio_weight = 500,
		.weight_devices = &one,
		.n_weight_devices = 1,
		.read_bps = &one,
		.n_read_bps = 1,
		.write_bps = &one,
		.n_write_bps = 1,
		.read_iops = &one,
		.n_read_iops = 1,
		.write_iops = &one,
		.n_write_iops = 1 };
	struct cgroup_settings settings = { 0 };
	uint64_t bits = 0;

	if (cgroup_resources_translate(&l->engine->cgroups, &all, &settings, &bits, NULL) < 0)
		bits = 0; /* the launcher tells what is wrong */
	cgroup_settings_done(&settings);
	return bits;
}

static bool is_set(const struct limits *l, const char *key)
{
	const struct json *v = json_at(l->host, key);

	switch (json_kind(v)) {
	case JSON_NUMBER: return number(l, key) != 0;
	case JSON_BOOL: return flag(l, key);
	case JSON_STRING: return *text(l, key);
	default: return json_count(v) > 0;
	}
}

static void clear(const struct limits *l, const char *key)
{
	switch (json_kind(json_at(l->host, key))) {
	case JSON_NUMBER: /* 0 is a swappiness, too */
		if (strcmp(key, "MemorySwappiness") == 0)
			json_set_null(l->host, key);
		else
			json_set_int(l->host, key, 0);
		break;
	case JSON_BOOL: json_set_bool(l->host, key, false); break;
	case JSON_STRING: json_set_string(l->host, key, ""); break;
	default: json_set_array(l->host, key);
	}
}

static void discard(const struct limits *l)
{
	uint64_t bits = 0;
	bool looked = false;

	for (size_t i = 0; i < sizeof lacking / sizeof lacking[0]; i++) {
		bool told = false;
		for (size_t k = 0; k < 2 && lacking[i].keys[k]; k++) {
			if (!is_set(l, lacking[i].keys[k]))
				continue;
			if (!looked)
				bits = find_lacking(l);
			looked = true;
			if (!(bits >> lacking[i].resource & 1))
				continue;
			if (!told)
				json_add_string(l->warnings, lacking[i].warning);
			told = true;
			clear(l, lacking[i].keys[k]);
		}
	}
}

int limits_check(
	const struct engine *engine, struct json *host_config, struct json *warnings, struct error *err)
{
	struct limits l = { .engine = engine, .host = host_config, .warnings = warnings, .err = err };
	int64_t weight = number(&l, "BlkioWeight");
	int r = check_memory(&l);

	if (r == 0)
		r = check_cpu(&l);
	if (r == 0)
		r = check_set(&l, "CpusetCpus", "/sys/devices/system/cpu/online", "cpuset cpus", "CPUs");
	if (r == 0)
		r = check_set(
			&l, "CpusetMems", "/sys/devices/system/node/online", "cpuset mems", "memory nodes");
	if (r < 0)
		return r;
	discard(&l);
	if (number(&l, "BlkioWeight") && (weight < 10 || weight > 1000))
		return error_invalid(err, "Range of blkio weight is from 10 to 1000");
	if (number(&l, "CpuPercent") > 0) {
		json_add_string(warnings, "linux does not support CPU percent. Percent discarded.");
		json_set_int(host_config, "CpuPercent", 0);
	}
	return 0;
}
