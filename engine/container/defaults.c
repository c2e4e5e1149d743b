/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container/defaults.h"

#include "engine/engine.h"
#include "lib/base/str.h"
#include "lib/json/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>

const char *const defaults_masked_paths[] = { "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore",
	"/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
	"/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap", NULL };
const char *const defaults_readonly_paths[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
	"/proc/sysrq-trigger", NULL };

/* By number: linux/capability.h. */
static const char *const caps[] = { "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER",
	"CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK",
	"CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE",
	"CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP",
	"CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE" };
#define CAPS        (sizeof caps / sizeof caps[0])
#define DOCKER_CAPS UINT64_C(0xa80425fb)

int defaults_cap_number(const char *name)
{
	for (size_t i = 0; i < CAPS; i++)
		if (strcasecmp(name, caps[i]) == 0 || strcasecmp(name, caps[i] + 4) == 0)
			return (int)i;
	return -1;
}

const char *defaults_cap_name(unsigned number)
{
	return number < CAPS ? caps[number] : NULL;
}

static uint64_t available(void)
{
	uint64_t set = 0;

	for (unsigned c = 0; c < CAPS; c++)
		if (prctl(PR_CAPBSET_READ, (unsigned long)c, 0, 0, 0) == 1)
			set |= UINT64_C(1) << c;
	return set;
}

static int change(const struct json *list, bool add, uint64_t all, uint64_t *set, struct error *err)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const char *name;
		int r = json_item_string(list, i, &name, err);
		if (r < 0)
			return r;
		if (strcasecmp(name, "ALL") == 0) {
			*set = add ? all : 0;
			continue;
		}
		int n = defaults_cap_number(name);
		if (n < 0)
			return error_invalid(err, "invalid Cap%s: unknown capability: \"CAP_%s\"",
				add ? "Add" : "Drop", strncasecmp(name, "CAP_", 4) == 0 ? name + 4 : name);
		*set = add ? *set | UINT64_C(1) << n : *set & ~(UINT64_C(1) << n);
	}
	return 0;
}

static bool has_all(const struct json *list)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const char *name = json_string(json_item(list, i));
		if (name && strcasecmp(name, "ALL") == 0)
			return true;
	}
	return false;
}

/* As Docker: "drop ALL, add X" is X alone, "add ALL, drop X" is all but X. */
int defaults_caps(
	const struct json *add, const struct json *drop, bool privileged, uint64_t *ret, struct error *err)
{
	uint64_t all = available(), set = privileged ? all : DOCKER_CAPS & all;
	int r = 0;

	if (!privileged && has_all(add)) {
		r = change(add, true, all, &set, err);
		if (r == 0)
			r = change(drop, false, all, &set, err);
	} else if (!privileged) {
		r = change(drop, false, all, &set, err);
		if (r == 0)
			r = change(add, true, all, &set, err);
	}
	if (r == 0)
		*ret = set & all;
	return r;
}

/* ---- HostConfig ------------------------------------------------------------------------ */
static void default_string(struct json *o, const char *key, const char *value)
{
	const char *have = json_string(json_at(o, key));

	if (!have || !*have)
		json_set_string(o, key, value);
}

static void default_list(struct json *o, const char *key, const char *const *list)
{
	if (json_has(o, key) && json_at(o, key))
		return;
	struct json *array = json_set_array(o, key);
	for (; *list; list++)
		json_add_string(array, *list);
}

static void default_objects(struct json *o)
{
	if (json_count(json_at(o, "RestartPolicy")) == 0) {
		struct json *policy = json_set_object(o, "RestartPolicy");
		json_set_string(policy, "Name", "no");
		json_set_int(policy, "MaximumRetryCount", 0);
	}
	if (json_count(json_at(o, "LogConfig")) == 0) {
		struct json *log = json_set_object(o, "LogConfig");
		json_set_string(log, "Type", "json-file");
		json_set_object(log, "Config");
	}
	if (json_count(json_at(o, "ConsoleSize")) == 0) {
		struct json *size = json_set_array(o, "ConsoleSize");
		json_add_int(size, 0);
		json_add_int(size, 0);
	}
}

int defaults_host_config(const struct engine *engine, struct json *o, struct error *err)
{
	const struct json *shm = json_at(o, "ShmSize");
	bool privileged = false;
	int64_t bytes = 0;
	int r = json_opt_bool(o, "Privileged", false, &privileged, err);

	if (r == 0 && shm)
		r = json_opt_int(o, "ShmSize", 0, INT64_MIN, INT64_MAX, &bytes, err);
	if (r < 0)
		return r;
	if (bytes == 0)
		json_set_int(o, "ShmSize", DEFAULTS_SHM_SIZE);
	default_string(o, "IpcMode", "private");
	default_string(o, "CgroupnsMode", engine->cgroups.pure_v2 ? "private" : "host");
	default_string(o, "Runtime", "runc");
	default_string(o, "NetworkMode", "bridge");
	if (strcmp(json_string(json_at(o, "NetworkMode")), "default") == 0)
		json_set_string(o, "NetworkMode", "bridge");
	default_objects(o);
	if (privileged) {
		json_set_null(o, "MaskedPaths");
		json_set_null(o, "ReadonlyPaths");
	} else {
		default_list(o, "MaskedPaths", defaults_masked_paths);
		default_list(o, "ReadonlyPaths", defaults_readonly_paths);
	}
	return 0;
}
