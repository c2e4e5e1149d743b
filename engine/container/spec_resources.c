/* SPDX-License-Identifier: Apache-2.0 */
/* linux.resources and linux.devices of a spec. */
#include "engine/container/spec_state.h"

#include "engine/container/host_devices.h"
#include "lib/base/str.h"

#include <errno.h>
#include <string.h>

static void set_nonzero(struct json *o, const char *key, int64_t n)
{
	if (n != 0)
		json_set_int(o, key, n);
}

static void add_memory(struct spec *s, struct json *resources)
{
	struct json *m = json_set_object(resources, "memory");
	int64_t limit = spec_host_int(s, "Memory", 0), swap = spec_host_int(s, "MemorySwap", 0);

	set_nonzero(m, "limit", limit);
	set_nonzero(m, "reservation", spec_host_int(s, "MemoryReservation", 0));
	set_nonzero(m, "swap", swap ? swap : limit * 2); /* as Docker: as much swap as memory */
	if (json_at(s->f->host_config, "MemorySwappiness") && spec_host_int(s, "MemorySwappiness", -1) >= 0)
		json_set_int(m, "swappiness", spec_host_int(s, "MemorySwappiness", 0));
	if (spec_host_bool(s, "OomKillDisable"))
		json_set_bool(m, "disableOOMKiller", true);
}

/* --cpus is a quota of a period of 100 ms. */
static void add_cpu(struct spec *s, struct json *resources)
{
	struct json *cpu = json_set_object(resources, "cpu");
	int64_t nano = spec_host_int(s, "NanoCpus", 0);

	set_nonzero(cpu, "shares", spec_host_int(s, "CpuShares", 0));
	set_nonzero(cpu, "period", nano ? 100000 : spec_host_int(s, "CpuPeriod", 0));
	set_nonzero(cpu, "quota", nano ? nano / 10000 : spec_host_int(s, "CpuQuota", 0));
	set_nonzero(cpu, "realtimePeriod", spec_host_int(s, "CpuRealtimePeriod", 0));
	set_nonzero(cpu, "realtimeRuntime", spec_host_int(s, "CpuRealtimeRuntime", 0));
	if (*spec_host_text(s, "CpusetCpus"))
		json_set_string(cpu, "cpus", spec_host_text(s, "CpusetCpus"));
	if (*spec_host_text(s, "CpusetMems"))
		json_set_string(cpu, "mems", spec_host_text(s, "CpusetMems"));
}

/* ---- devices -------------------------------------------------------------------------------- */
/* Making any node is allowed (a node is no access), as in Docker. */
static struct json *add_default_rules(struct spec *s, struct json *resources)
{
	static const char *const mknods[] = { "c", "b" };
	struct json *list = json_set_array(resources, "devices");
	struct json *rule = json_add_object(list);

	json_set_bool(rule, "allow", s->privileged);
	json_set_string(rule, "access", "rwm");
	for (size_t i = 0; !s->privileged && i < 2; i++) {
		rule = json_add_object(list);
		json_set_bool(rule, "allow", true);
		json_set_string(rule, "type", mknods[i]);
		json_set_string(rule, "access", "m");
	}
	return list;
}

/* The host is looked at when the container starts. */
static int add_device(struct spec *s, const struct json *o, struct json *devices, struct json *rules)
{
	const char *host = "", *path = "", *access = "";
	int r = json_opt_string(o, "PathOnHost", "", &host, s->err);

	if (r == 0)
		r = json_opt_string(o, "PathInContainer", "", &path, s->err);
	if (r == 0)
		r = json_opt_string(o, "CgroupPermissions", "", &access, s->err);
	if (r < 0)
		return r;
	if (strspn(access, "rwm") != strlen(access) || strlen(access) > 3)
		return error_invalid(s->err,
			"invalid cgroup permissions '%s' of device '%s': use letters of \"rwm\"", access,
			host);
	if (!s->f->starting)
		return 0;
	return host_devices_add(devices, rules, host, *path ? path : host, *access ? access : "rwm", s->err);
}

static int add_devices(struct spec *s, struct json *resources)
{
	const struct json *list = json_at(s->f->host_config, "Devices"),
			  *texts = json_at(s->f->host_config, "DeviceCgroupRules"), *o;
	struct json *rules = add_default_rules(s, resources), *devices = json_set_array(s->linux_, "devices");
	int r = 0;

	if (s->privileged)
		return s->f->starting ? host_devices_add_all(devices, s->err) : 0;
	for (size_t i = 0; r == 0 && i < json_count(list); i++) {
		r = json_item_object(list, i, &o, s->err);
		if (r == 0)
			r = add_device(s, o, devices, rules);
	}
	for (size_t i = 0; r == 0 && i < json_count(texts); i++)
		r = host_devices_add_rule(rules, json_string(json_item(texts, i)), s->err);
	return r;
}

/* ---- block devices ---------------------------------------------------------------------------- */
static int add_numbers(
	struct spec *s, struct json *block, const char *from, const char *to, const char *value)
{
	const struct json *list = json_at(s->f->host_config, from), *o;
	struct json *out = NULL;

	for (size_t i = 0; i < json_count(list); i++) {
		const char *path = "", *key = strcmp(value, "weight") == 0 ? "Weight" : "Rate";
		unsigned major = 0, minor = 0;
		uint64_t n = 0;
		int r = json_item_object(list, i, &o, s->err);
		if (r == 0)
			r = json_get_string(o, "Path", &path, s->err);
		if (r == 0)
			r = json_get_uint(o, key, INT64_MAX, &n, s->err);
		if (r == 0 && s->f->starting)
			r = host_devices_numbers(path, &major, &minor, s->err);
		if (r < 0)
			return r;
		if (!s->f->starting)
			continue;
		struct json *d = json_add_object(out ? out : (out = json_set_array(block, to)));
		json_set_uint(d, "major", major);
		json_set_uint(d, "minor", minor);
		json_set_uint(d, value, n);
	}
	return 0;
}

static int add_block(struct spec *s, struct json *resources)
{
	static const char *const lists[][3] = { { "BlkioWeightDevice", "weightDevice", "weight" },
		{ "BlkioDeviceReadBps", "throttleReadBpsDevice", "rate" },
		{ "BlkioDeviceWriteBps", "throttleWriteBpsDevice", "rate" },
		{ "BlkioDeviceReadIOps", "throttleReadIOPSDevice", "rate" },
		{ "BlkioDeviceWriteIOps", "throttleWriteIOPSDevice", "rate" } };
	struct json *block = json_set_object(resources, "blockIO");
	int r = 0;

	set_nonzero(block, "weight", spec_host_int(s, "BlkioWeight", 0));
	for (size_t i = 0; r == 0 && i < sizeof lists / sizeof lists[0]; i++)
		r = add_numbers(s, block, lists[i][0], lists[i][1], lists[i][2]);
	return r;
}

int spec_add_resources(struct spec *s)
{
	struct json *resources = json_set_object(s->linux_, "resources");
	int64_t pids = spec_host_int(s, "PidsLimit", 0);

	add_memory(s, resources);
	add_cpu(s, resources);
	if (pids != 0)
		json_set_int(json_set_object(resources, "pids"), "limit", pids < 0 ? -1 : pids);
	int r = add_block(s, resources);
	return r == 0 ? add_devices(s, resources) : r;
}
