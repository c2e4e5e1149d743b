/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container/fields.h"

#include "lib/json/json.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

const struct body_field fields_config[] = {
	{ "Hostname", BODY_STRING, BODY_EFFECTIVE, BODY_ZERO },
	{ "Domainname", BODY_STRING, BODY_EFFECTIVE, BODY_ZERO },
	{ "User", BODY_STRING, BODY_EFFECTIVE, BODY_ZERO },
	{ "AttachStdin", BODY_BOOL, BODY_IGNORED, BODY_ZERO },
	{ "AttachStdout", BODY_BOOL, BODY_IGNORED, BODY_ZERO },
	{ "AttachStderr", BODY_BOOL, BODY_IGNORED, BODY_ZERO },
	{ "ExposedPorts", BODY_OBJECT, BODY_EFFECTIVE, BODY_OMITTED },
	{ "Tty", BODY_BOOL, BODY_EFFECTIVE, BODY_ZERO },
	{ "OpenStdin", BODY_BOOL, BODY_EFFECTIVE, BODY_ZERO },
	{ "StdinOnce", BODY_BOOL, BODY_EFFECTIVE, BODY_ZERO },
	{ "Env", BODY_STRINGS, BODY_EFFECTIVE, BODY_NULL },
	{ "Cmd", BODY_WORDS, BODY_EFFECTIVE, BODY_NULL },
	{ "Healthcheck", BODY_OBJECT, BODY_EFFECTIVE, BODY_OMITTED }, /* create.c warns */
	{ "ArgsEscaped", BODY_BOOL, BODY_IGNORED, BODY_OMITTED },
	{ "Image", BODY_STRING, BODY_EFFECTIVE, BODY_ZERO },
	{ "Volumes", BODY_OBJECT, BODY_EFFECTIVE, BODY_NULL },
	{ "WorkingDir", BODY_STRING, BODY_EFFECTIVE, BODY_ZERO },
	{ "Entrypoint", BODY_WORDS, BODY_EFFECTIVE, BODY_NULL },
	{ "NetworkDisabled", BODY_BOOL, BODY_REFUSED, BODY_OMITTED },
	{ "MacAddress", BODY_STRING, BODY_EFFECTIVE, BODY_OMITTED },
	{ "OnBuild", BODY_STRINGS, BODY_IGNORED, BODY_NULL },
	{ "Labels", BODY_MAP, BODY_EFFECTIVE, BODY_ZERO },
	{ "StopSignal", BODY_STRING, BODY_EFFECTIVE, BODY_OMITTED },
	{ "StopTimeout", BODY_INT, BODY_EFFECTIVE, BODY_OMITTED },
	{ "Shell", BODY_STRINGS, BODY_IGNORED, BODY_OMITTED },
	{ 0 },
};

const struct body_field fields_host_config[] = {
	{ "Binds", BODY_STRINGS, BODY_EFFECTIVE, BODY_NULL },
	{ "ContainerIDFile", BODY_STRING, BODY_IGNORED, BODY_ZERO },
	{ "LogConfig", BODY_OBJECT, BODY_EFFECTIVE, BODY_ZERO },
	{ "NetworkMode", BODY_STRING, BODY_EFFECTIVE, BODY_ZERO },
	{ "PortBindings", BODY_OBJECT, BODY_EFFECTIVE, BODY_NULL },
	{ "RestartPolicy", BODY_OBJECT, BODY_EFFECTIVE, BODY_ZERO },
	{ "AutoRemove", BODY_BOOL, BODY_EFFECTIVE, BODY_ZERO },
	{ "VolumeDriver", BODY_STRING, BODY_EFFECTIVE, BODY_ZERO },
	{ "VolumesFrom", BODY_STRINGS, BODY_EFFECTIVE, BODY_NULL },
	{ "ConsoleSize", BODY_ARRAY, BODY_IGNORED, BODY_ZERO },
	{ "Annotations", BODY_MAP, BODY_IGNORED, BODY_OMITTED },
	{ "CapAdd", BODY_STRINGS, BODY_EFFECTIVE, BODY_NULL },
	{ "CapDrop", BODY_STRINGS, BODY_EFFECTIVE, BODY_NULL },
	{ "CgroupnsMode", BODY_STRING, BODY_EFFECTIVE, BODY_ZERO },
	{ "Dns", BODY_STRINGS, BODY_EFFECTIVE, BODY_NULL },
	{ "DnsOptions", BODY_STRINGS, BODY_EFFECTIVE, BODY_NULL },
	{ "DnsSearch", BODY_STRINGS, BODY_EFFECTIVE, BODY_NULL },
	{ "ExtraHosts", BODY_STRINGS, BODY_EFFECTIVE, BODY_NULL },
	{ "GroupAdd", BODY_STRINGS, BODY_EFFECTIVE, BODY_NULL },
	{ "IpcMode", BODY_STRING, BODY_EFFECTIVE, BODY_ZERO },
	{ "Cgroup", BODY_STRING, BODY_IGNORED, BODY_ZERO },
	{ "Links", BODY_STRINGS, BODY_EFFECTIVE, BODY_NULL },
	{ "OomScoreAdj", BODY_INT, BODY_EFFECTIVE, BODY_ZERO },
	{ "PidMode", BODY_STRING, BODY_EFFECTIVE, BODY_ZERO },
	{ "Privileged", BODY_BOOL, BODY_EFFECTIVE, BODY_ZERO },
	{ "PublishAllPorts", BODY_BOOL, BODY_EFFECTIVE, BODY_ZERO },
	{ "ReadonlyRootfs", BODY_BOOL, BODY_EFFECTIVE, BODY_ZERO },
	{ "SecurityOpt", BODY_STRINGS, BODY_EFFECTIVE, BODY_NULL },
	{ "StorageOpt", BODY_MAP, BODY_EFFECTIVE, BODY_OMITTED },
	{ "Tmpfs", BODY_MAP, BODY_EFFECTIVE, BODY_OMITTED },
	{ "UTSMode", BODY_STRING, BODY_EFFECTIVE, BODY_ZERO },
	{ "UsernsMode", BODY_STRING, BODY_EFFECTIVE, BODY_ZERO },
	{ "ShmSize", BODY_INT, BODY_EFFECTIVE, BODY_ZERO },
	{ "Sysctls", BODY_MAP, BODY_EFFECTIVE, BODY_OMITTED },
	{ "Runtime", BODY_STRING, BODY_EFFECTIVE, BODY_ZERO },
	{ "Isolation", BODY_STRING, BODY_EFFECTIVE, BODY_ZERO },
	{ "CpuShares", BODY_INT, BODY_EFFECTIVE, BODY_ZERO },
	{ "Memory", BODY_INT, BODY_EFFECTIVE, BODY_ZERO },
	{ "NanoCpus", BODY_INT, BODY_EFFECTIVE, BODY_ZERO },
	{ "CgroupParent", BODY_STRING, BODY_EFFECTIVE, BODY_ZERO },
	{ "BlkioWeight", BODY_INT, BODY_EFFECTIVE, BODY_ZERO },
	{ "BlkioWeightDevice", BODY_ARRAY, BODY_EFFECTIVE, BODY_NULL },
	{ "BlkioDeviceReadBps", BODY_ARRAY, BODY_EFFECTIVE, BODY_NULL },
	{ "BlkioDeviceWriteBps", BODY_ARRAY, BODY_EFFECTIVE, BODY_NULL },
	{ "BlkioDeviceReadIOps", BODY_ARRAY, BODY_EFFECTIVE, BODY_NULL },
	{ "BlkioDeviceWriteIOps", BODY_ARRAY, BODY_EFFECTIVE, BODY_NULL },
	{ "CpuPeriod", BODY_INT, BODY_EFFECTIVE, BODY_ZERO },
	{ "CpuQuota", BODY_INT, BODY_EFFECTIVE, BODY_ZERO },
	{ "CpuRealtimePeriod", BODY_INT, BODY_EFFECTIVE, BODY_ZERO },
	{ "CpuRealtimeRuntime", BODY_INT, BODY_EFFECTIVE, BODY_ZERO },
	{ "CpusetCpus", BODY_STRING, BODY_EFFECTIVE, BODY_ZERO },
	{ "CpusetMems", BODY_STRING, BODY_EFFECTIVE, BODY_ZERO },
	{ "Devices", BODY_ARRAY, BODY_EFFECTIVE, BODY_NULL },
	{ "DeviceCgroupRules", BODY_STRINGS, BODY_EFFECTIVE, BODY_NULL },
	{ "DeviceRequests", BODY_ARRAY, BODY_REFUSED, BODY_NULL },
	{ "MemoryReservation", BODY_INT, BODY_EFFECTIVE, BODY_ZERO },
	{ "MemorySwap", BODY_INT, BODY_EFFECTIVE, BODY_ZERO },
	{ "MemorySwappiness", BODY_INT, BODY_EFFECTIVE, BODY_NULL },
	{ "OomKillDisable", BODY_BOOL, BODY_EFFECTIVE, BODY_ZERO },
	{ "PidsLimit", BODY_INT, BODY_EFFECTIVE, BODY_NULL },
	{ "Ulimits", BODY_ARRAY, BODY_EFFECTIVE, BODY_NULL },
	{ "CpuCount", BODY_INT, BODY_IGNORED, BODY_ZERO },
	{ "CpuPercent", BODY_INT, BODY_IGNORED, BODY_ZERO },
	{ "IOMaximumIOps", BODY_INT, BODY_IGNORED, BODY_ZERO },
	{ "IOMaximumBandwidth", BODY_INT, BODY_IGNORED, BODY_ZERO },
	{ "Mounts", BODY_ARRAY, BODY_EFFECTIVE, BODY_OMITTED },
	{ "MaskedPaths", BODY_STRINGS, BODY_EFFECTIVE, BODY_NULL },
	{ "ReadonlyPaths", BODY_STRINGS, BODY_EFFECTIVE, BODY_NULL },
	{ "Init", BODY_BOOL, BODY_EFFECTIVE, BODY_OMITTED },
	{ 0 },
};

/* ---- types ------------------------------------------------------------------- */
static const char *go_type(enum body_type type)
{
	switch (type) {
	case BODY_STRING: return "string";
	case BODY_BOOL: return "bool";
	case BODY_INT: return "int64";
	case BODY_STRINGS:
	case BODY_WORDS: return "[]string";
	case BODY_MAP: return "map[string]string";
	case BODY_ARRAY: return "[]interface {}";
	default: return "struct";
	}
}

static int wrong(const struct body_field *f, const struct json *value, enum body_type type, struct error *err)
{
	const char *kind = json_kind_name(json_kind(value));

	return error_invalid(err,
		"invalid JSON: json: cannot unmarshal %s into Go struct field .%s of type %s", kind, f->name,
		go_type(type));
}

static int copy_strings(
	const struct body_field *f, const struct json *value, struct json *out, struct error *err)
{
	struct json *list = json_set_array(out, f->name);

	if (f->type == BODY_WORDS && json_kind(value) == JSON_STRING)
		return json_add_string(list, json_string(value));
	if (json_kind(value) != JSON_ARRAY)
		return wrong(f, value, f->type, err);
	for (size_t i = 0; i < json_count(value); i++) {
		const struct json *item = json_item(value, i);
		if (item && json_kind(item) != JSON_STRING)
			return wrong(f, item, BODY_STRING, err);
		json_add_string(list, item ? json_string(item) : ""); /* null is "", as in Go */
	}
	return 0;
}

static int copy_map(const struct body_field *f, const struct json *value, struct json *out, struct error *err)
{
	struct json *map = json_set_object(out, f->name);

	if (json_kind(value) != JSON_OBJECT)
		return wrong(f, value, f->type, err);
	json_each (value, it) {
		if (it.value && json_kind(it.value) != JSON_STRING)
			return wrong(f, it.value, BODY_STRING, err);
		json_set_string(map, it.key, it.value ? json_string(it.value) : "");
	}
	return 0;
}

static int copy_scalar(const struct body_field *f, const struct json *in, struct json *out, struct error *err)
{
	int64_t n = 0;
	bool on = false;

	switch (f->type) {
	case BODY_STRING: return json_set_string(out, f->name, json_string(json_at(in, f->name)));
	case BODY_BOOL: json_opt_bool(in, f->name, false, &on, NULL); return json_set_bool(out, f->name, on);
	default:
		if (json_opt_int(in, f->name, 0, INT64_MIN, INT64_MAX, &n, NULL) < 0)
			return error_invalid(err,
				"invalid JSON: json: cannot unmarshal number into Go struct field .%s "
				"of type int64",
				f->name);
		return json_set_int(out, f->name, n);
	}
}

static enum json_kind kind_of(enum body_type type)
{
	switch (type) {
	case BODY_STRING: return JSON_STRING;
	case BODY_BOOL: return JSON_BOOL;
	case BODY_INT: return JSON_NUMBER;
	case BODY_ARRAY: return JSON_ARRAY;
	default: return JSON_OBJECT;
	}
}

static int copy(const struct body_field *f, const struct json *in, struct json *out, struct error *err)
{
	const struct json *value = json_at(in, f->name);

	if (f->type == BODY_STRINGS || f->type == BODY_WORDS)
		return copy_strings(f, value, out, err);
	if (f->type == BODY_MAP)
		return copy_map(f, value, out, err);
	if (json_kind(value) != kind_of(f->type))
		return wrong(f, value, f->type, err);
	if (f->type == BODY_OBJECT || f->type == BODY_ARRAY)
		return json_set(out, f->name, json_copy(value));
	return copy_scalar(f, in, out, err);
}

/* ---- absence ------------------------------------------------------------------- */
static void fill_zero(const struct body_field *f, struct json *out)
{
	switch (f->type) {
	case BODY_STRING: json_set_string(out, f->name, ""); break;
	case BODY_BOOL: json_set_bool(out, f->name, false); break;
	case BODY_INT: json_set_int(out, f->name, 0); break;
	case BODY_MAP:
	case BODY_OBJECT: json_set_object(out, f->name); break;
	default: json_set_array(out, f->name);
	}
}

static void fill_absent(const struct body_field *f, struct json *out)
{
	if (f->absent == BODY_ZERO)
		fill_zero(f, out);
	else if (f->absent == BODY_NULL)
		json_set_null(out, f->name);
}

/* Says no more than its absence would. */
static bool is_empty(const struct body_field *f, const struct json *object)
{
	const struct json *value = json_at(object, f->name);
	int64_t n = 1;
	bool on = true;

	if (!value)
		return true;
	switch (json_kind(value)) {
	case JSON_STRING: return json_string(value)[0] == '\0';
	case JSON_BOOL: return json_opt_bool(object, f->name, false, &on, NULL) == 0 && !on;
	case JSON_NUMBER:
		return json_opt_int(object, f->name, 0, INT64_MIN, INT64_MAX, &n, NULL) == 0 && n == 0;
	default: return json_count(value) == 0;
	}
}

int fields_normalize(
	const struct body_field *table, const struct json *in, struct json **ret, struct error *err)
{
	struct json *out = json_new_object();
	int r = 0;

	for (const struct body_field *f = table; r >= 0 && f->name; f++) {
		/* A pointer to a zero is not nothing: StopTimeout 0, Init false. */
		bool said = json_at(in, f->name) &&
			    !(f->absent == BODY_OMITTED && f->type != BODY_INT && is_empty(f, in));
		if (said)
			r = copy(f, in, out, err);
		else
			fill_absent(f, out);
	}
	if (r < 0)
		json_free(out);
	else
		*ret = out;
	return r < 0 ? r : 0;
}

int fields_refuse(const struct body_field *table, const struct json *object, struct error *err)
{
	for (const struct body_field *f = table; f->name; f++)
		if (f->class == BODY_REFUSED && !is_empty(f, object))
			return error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
				"%s is not built into gantry " GANTRY_VERSION, f->name);
	return 0;
}
