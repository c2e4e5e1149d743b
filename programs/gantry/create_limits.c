/* SPDX-License-Identifier: Apache-2.0 */
/* Memory, CPU, block I/O, ulimits and sysctls. */
#include "lib/base/cleanup.h"
#include "lib/base/size.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/create_body.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- CPU and memory -------------------------------------------------------------------------- */
/* "1.5", "1/2", "1e1" -> billionths. */
static int set_cpus(const struct create_input *in, struct json *host)
{
	const char *text = in->o->cpus;
	auto_free char *above = NULL;
	double v, divisor = 1;

	if (!text)
		return 0;
	above = strndup(text, strcspn(text, "/"));
	if (str_to_double(above, -9e8, 9e8, &v) < 0 ||
		(strchr(text, '/') && (str_to_double(strchr(text, '/') + 1, -9e9, 9e9, &divisor) < 0 ||
					      (divisor < 1e-6 && divisor > -1e-6))))
		return create_refuse(in, "cpus", text, "failed to parse %.100s as a rational number", text);
	double nano = v / divisor * 1e9;
	int64_t whole = (int64_t)(nano + (nano < 0 ? -0.5 : 0.5));
	if (nano - (double)whole > 1e-3 || (double)whole - nano > 1e-3)
		return create_refuse(in, "cpus", text, "value is too precise");
	json_set_int(host, "NanoCpus", whole);
	return 0;
}

static int set_memory(const struct create_input *in, struct json *host)
{
	const struct create_options *o = in->o;
	int64_t swap = 0;

	if (o->memory_swap && strcmp(o->memory_swap, "-1") == 0)
		swap = -1;
	else if (o->memory_swap && size_parse(o->memory_swap, &swap) < 0)
		return create_refuse(
			in, "memory-swap", o->memory_swap, "invalid size: '%.100s'", o->memory_swap);
	if (o->memory_swappiness < -1 || o->memory_swappiness > 100)
		return error_invalid(in->err, "invalid value: %lld. Valid memory swappiness range is 0-100",
			(long long)o->memory_swappiness);
	json_set_int(host, "Memory", o->memory);
	json_set_int(host, "MemoryReservation", o->memory_reservation);
	json_set_int(host, "MemorySwap", swap);
	json_set_int(host, "MemorySwappiness", o->memory_swappiness);
	json_set_int(host, "ShmSize", o->shm_size);
	return 0;
}

static void set_numbers(const struct create_input *in, struct json *host)
{
	const struct create_options *o = in->o;

	json_set_int(host, "CpuShares", o->cpu_shares);
	json_set_int(host, "CpuPeriod", o->cpu_period);
	json_set_int(host, "CpuQuota", o->cpu_quota);
	json_set_int(host, "CpuRealtimePeriod", o->cpu_rt_period);
	json_set_int(host, "CpuRealtimeRuntime", o->cpu_rt_runtime);
	json_set_string(host, "CpusetCpus", o->cpuset_cpus ? o->cpuset_cpus : "");
	json_set_string(host, "CpusetMems", o->cpuset_mems ? o->cpuset_mems : "");
	json_set_int(host, "PidsLimit", o->pids_limit);
	json_set_bool(host, "OomKillDisable", o->oom_kill_disable);
	json_set_int(host, "OomScoreAdj", o->oom_score_adj);
}

/* ---- block I/O ---------------------------------------------------------------------------------- */
/* "/dev/sda:value": path is set, the value returned; NULL and err filled. */
static const char *split_device(
	const struct create_input *in, const char *option, const char *text, char path[256])
{
	const char *colon = strchr(text, ':');

	if (!colon || strchr(colon + 1, ':')) {
		create_refuse(in, option, text, "bad format: %.100s", text);
		return NULL;
	}
	if (!str_after(text, "/dev/") || colon - text > 255) {
		create_refuse(in, option, text, "bad format for device path: %.100s", text);
		return NULL;
	}
	memcpy(path, text, (size_t)(colon - text));
	path[colon - text] = '\0';
	return colon + 1;
}

static int add_rate(
	const struct create_input *in, const char *option, const char *text, bool bytes, struct json *list)
{
	char path[256];
	const char *value = split_device(in, option, text, path);
	int64_t size;
	uint64_t count = 0;

	if (!value)
		return -EINVAL;
	int r = bytes ? size_parse(value, &size) : str_to_u64(value, 10, 0, INT64_MAX, &count);
	if (r < 0)
		return create_refuse(in, option, text,
			"invalid rate for device: %.60s. The correct format is <device-path>:<number>%s. "
			"Number must be a positive integer%s",
			text, bytes ? "[<unit>]" : "",
			bytes ? ". Unit is optional and can be kb, mb, or gb" : "");
	struct json *entry = json_add_object(list);
	json_set_string(entry, "Path", path);
	json_set_uint(entry, "Rate", bytes ? (uint64_t)size : count);
	return 0;
}

static int add_weight(const struct create_input *in, const char *text, struct json *list)
{
	const char *option = "blkio-weight-device";
	char path[256];
	const char *value = split_device(in, option, text, path);
	uint64_t weight;

	if (!value)
		return -EINVAL;
	if (str_to_u64(value, 10, 0, 1000, &weight) < 0 || (weight > 0 && weight < 10))
		return create_refuse(in, option, text, "invalid weight for device: %.100s", text);
	struct json *entry = json_add_object(list);
	json_set_string(entry, "Path", path);
	json_set_uint(entry, "Weight", weight);
	return 0;
}

static int set_blkio(const struct create_input *in, struct json *host)
{
	const struct create_options *o = in->o;
	const struct {
		const char *option, *key;
		const struct option_list *list;
		bool bytes;
	} rates[] = {
		{ "device-read-bps", "BlkioDeviceReadBps", &o->device_read_bps, true },
		{ "device-write-bps", "BlkioDeviceWriteBps", &o->device_write_bps, true },
		{ "device-read-iops", "BlkioDeviceReadIOps", &o->device_read_iops, false },
		{ "device-write-iops", "BlkioDeviceWriteIOps", &o->device_write_iops, false },
	};
	int r = 0;

	if (o->blkio_weight > UINT16_MAX)
		return error_invalid(in->err, "--blkio-weight %" PRIu64 " is out of range", o->blkio_weight);
	json_set_uint(host, "BlkioWeight", o->blkio_weight);
	struct json *list = json_set_array(host, "BlkioWeightDevice");
	for (size_t i = 0; i < o->blkio_weight_device.n && r == 0; i++)
		r = add_weight(in, o->blkio_weight_device.v[i], list);
	for (size_t k = 0; k < sizeof rates / sizeof *rates; k++) {
		list = json_set_array(host, rates[k].key);
		for (size_t i = 0; i < rates[k].list->n && r == 0; i++)
			r = add_rate(in, rates[k].option, rates[k].list->v[i], rates[k].bytes, list);
	}
	return r;
}

/* ---- ulimits -------------------------------------------------------------------------------------- */
static const char *const ulimits[] = { "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice",
	"nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack" };

struct ulimit {
	int64_t soft, hard;
	bool given;
};

static int parse_ulimit(const struct create_input *in, const char *text, struct ulimit all[])
{
	const char *equals = strchr(text, '='), *colon;
	struct ulimit u = { .given = true };
	size_t i, count = sizeof ulimits / sizeof *ulimits;

	if (!equals)
		return create_refuse(in, "ulimit", text, "invalid ulimit argument: %.100s", text);
	for (i = 0; i < count; i++)
		if (strlen(ulimits[i]) == (size_t)(equals - text) && str_after(text, ulimits[i]))
			break;
	if (i == count)
		return create_refuse(
			in, "ulimit", text, "invalid ulimit type: %.*s", (int)strcspn(text, "="), text);
	colon = strchr(equals, ':');
	if (colon && strchr(colon + 1, ':'))
		return create_refuse(in, "ulimit", text,
			"too many limit value arguments - %.60s, can only have up to two, `soft[:hard]`",
			equals + 1);
	auto_free char *soft = strndup(equals + 1, strcspn(equals + 1, ":"));
	const char *hard = colon ? colon + 1 : soft;
	if (str_to_i64(soft, INT64_MIN, INT64_MAX, &u.soft) < 0 ||
		str_to_i64(hard, INT64_MIN, INT64_MAX, &u.hard) < 0)
		return create_refuse(in, "ulimit", text, "the limits must be whole numbers");
	if (u.hard != -1 && (u.soft == -1 || u.soft > u.hard))
		return create_refuse(in, "ulimit", text,
			"ulimit soft limit must be less than or equal to hard limit: %lld > %lld",
			(long long)u.soft, (long long)u.hard);
	all[i] = u;
	return 0;
}

static int set_ulimits(const struct create_input *in, struct json *host)
{
	struct ulimit all[sizeof ulimits / sizeof *ulimits] = { 0 };
	struct json *list = json_set_array(host, "Ulimits");

	for (size_t i = 0; i < in->o->ulimit.n; i++) {
		int r = parse_ulimit(in, in->o->ulimit.v[i], all);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < sizeof ulimits / sizeof *ulimits; i++) {
		if (!all[i].given)
			continue;
		struct json *entry = json_add_object(list);
		json_set_string(entry, "Name", ulimits[i]);
		json_set_int(entry, "Hard", all[i].hard);
		json_set_int(entry, "Soft", all[i].soft);
	}
	return 0;
}

/* ---- sysctls ------------------------------------------------------------------------------------- */
/* Those of namespaces, as Docker's CLI checks them. */
static bool is_sysctl(const char *text)
{
	static const char *const names[] = { "kernel.msgmax=", "kernel.msgmnb=", "kernel.msgmni=",
		"kernel.sem=", "kernel.shmall=", "kernel.shmmax=", "kernel.shmmni=",
		"kernel.shm_rmid_forced=" };

	if (!strchr(text, '='))
		return false;
	if (str_after(text, "net.") || str_after(text, "fs.mqueue."))
		return true;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (str_after(text, names[i]))
			return true;
	return false;
}

static int set_sysctls(const struct create_input *in, struct json *host)
{
	const struct option_list *list = &in->o->sysctl;

	if (list->n == 0)
		return 0;
	struct json *all = json_set_object(host, "Sysctls");
	for (size_t i = 0; i < list->n; i++) {
		if (!is_sysctl(list->v[i]))
			return create_refuse(
				in, "sysctl", list->v[i], "sysctl '%.100s' is not allowed", list->v[i]);
		create_pair(all, list->v[i]);
	}
	return 0;
}

int create_limits(const struct create_input *in, struct json *host)
{
	int r = set_cpus(in, host);

	set_numbers(in, host);
	r = r < 0 ? r : set_memory(in, host);
	r = r < 0 ? r : set_blkio(in, host);
	r = r < 0 ? r : set_ulimits(in, host);
	return r < 0 ? r : set_sysctls(in, host);
}
