/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/info.h"

#include "core/plugin/call.h"
#include "core/plugin/kind.h"
#include "engine/container/container.h"
#include "engine/engine.h"
#include "engine/image/image.h"
#include "engine/storages.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/timefmt.h"
#include "lib/json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#define OS_RELEASE_MAX 16384

static const char *go_arch(const char *machine)
{
	static const char *const names[][2] = { { "x86_64", "amd64" }, { "aarch64", "arm64" },
		{ "armv7l", "arm" }, { "i686", "386" }, { "riscv64", "riscv64" }, { "ppc64le", "ppc64le" },
		{ "s390x", "s390x" } };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(machine, names[i][0]) == 0)
			return names[i][1];
	return "unknown";
}

/* NAME="value" or NAME=value of os-release(5). */
static void os_field(const char *text, const char *name, char *buf, size_t size)
{
	size_t n = strlen(name);

	buf[0] = '\0';
	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (strncmp(line, name, n) != 0 || line[n] != '=')
			continue;
		const char *value = line + n + 1;
		int quoted = *value == '"';
		int len = (int)strcspn(value + quoted, quoted ? "\"\n" : "\n");
		snprintf(buf, size, "%.*s", len, value + quoted);
		return;
	}
}

void info_host(struct host_facts *ret)
{
	struct utsname u;
	struct sysinfo s;
	auto_free char *os = NULL;

	memset(ret, 0, sizeof *ret);
	uname(&u);
	snprintf(ret->kernel, sizeof ret->kernel, "%s", u.release);
	snprintf(ret->machine, sizeof ret->machine, "%s", u.machine);
	snprintf(ret->name, sizeof ret->name, "%s", u.nodename);
	ret->go_arch = go_arch(u.machine);
	if (fd_read_file(AT_FDCWD, "/etc/os-release", OS_RELEASE_MAX, &os, NULL) == 0) {
		os_field(os, "PRETTY_NAME", ret->os_name, sizeof ret->os_name);
		os_field(os, "VERSION_ID", ret->os_version, sizeof ret->os_version);
	}
	ret->ncpu = get_nprocs();
	if (sysinfo(&s) == 0)
		ret->memory = (int64_t)s.totalram * s.mem_unit;
}

static void add_storage(struct json *doc, struct engine *e)
{
	struct storage *st = storages_default(e->storages);
	struct gty_kvs *status = NULL;
	struct json *rows;

	json_set_string(doc, "Driver", storage_name(st));
	rows = json_set_array(doc, "DriverStatus");
	if (storage_status(st, NULL, &status, NULL) < 0)
		return;
	for (uint32_t i = 0; i < status->n; i++) {
		struct json *row = json_add_array(rows);
		json_add_string(row, status->v[i].key);
		json_add_string(row, status->v[i].value);
	}
	reply_free(status);
}

static void add_drivers(struct json *list, struct engine *e, uint32_t kind)
{
	for (size_t i = 0; i < registry_count(e->registry); i++) {
		const struct plugin *p = registry_plugin(e->registry, i);
		for (unsigned d = 0; d < p->drivers_n; d++)
			if (p->drivers[d].decl->kind == kind && p->drivers[d].usable)
				json_add_string(list, driver_api_name(&p->drivers[d]));
	}
}

static void add_plugins(struct json *doc, struct engine *e)
{
	struct json *plugins = json_set_object(doc, "Plugins");

	add_drivers(json_set_array(plugins, "Volume"), e, GTY_KIND_VOLUME);
	add_drivers(json_set_array(plugins, "Network"), e, GTY_KIND_NETWORK);
	if (e->auth_none)
		json_set_null(plugins, "Authorization");
	else
		add_drivers(json_set_array(plugins, "Authorization"), e, GTY_KIND_AUTH);
	json_add_string(json_set_array(plugins, "Log"), "json-file");
}

static void add_limits(struct json *doc, const struct engine *e)
{
	struct cgroup_features f;

	cgroup_layout_features(&e->cgroups, &f);
	json_set_bool(doc, "MemoryLimit", f.memory_limit);
	json_set_bool(doc, "SwapLimit", f.swap_limit);
	json_set_bool(doc, "CpuCfsPeriod", f.cpu_cfs_quota);
	json_set_bool(doc, "CpuCfsQuota", f.cpu_cfs_quota);
	json_set_bool(doc, "CPUShares", f.cpu_shares);
	json_set_bool(doc, "CPUSet", f.cpuset);
	json_set_bool(doc, "PidsLimit", f.pids_limit);
	json_set_bool(doc, "OomKillDisable", f.oom_kill_disable);
	json_set_string(doc, "CgroupDriver", "cgroupfs");
	json_set_string(doc, "CgroupVersion", e->cgroups.pure_v2 ? "2" : "1");
}

static void add_host(struct json *doc)
{
	struct host_facts host;
	char time[TIMEFMT_SIZE];

	info_host(&host);
	json_set_string(doc, "SystemTime", timefmt_rfc3339nano(clock_real_ns(), time));
	json_set_string(doc, "KernelVersion", host.kernel);
	json_set_string(doc, "OperatingSystem", host.os_name[0] ? host.os_name : "Linux");
	json_set_string(doc, "OSVersion", host.os_version);
	json_set_string(doc, "OSType", "linux");
	json_set_string(doc, "Architecture", host.machine);
	json_set_int(doc, "NCPU", host.ncpu);
	json_set_int(doc, "MemTotal", host.memory);
	json_set_string(doc, "Name", host.name);
}

static void add_registry(struct json *doc)
{
	struct json *config = json_set_object(doc, "RegistryConfig");
	struct json *cidrs = json_set_array(config, "InsecureRegistryCIDRs");

	json_set_string(doc, "IndexServerAddress", "https://index.docker.io/v1/");
	json_set_object(config, "IndexConfigs");
	json_add_string(cidrs, "::1/128");
	json_add_string(cidrs, "127.0.0.0/8");
	json_set_null(config, "Mirrors");
}

static void add_fixed(struct json *doc)
{
	struct json *runtimes = json_set_object(doc, "Runtimes");

	json_set_string(json_set_object(runtimes, "runc"), "path", "gantry-shim");
	json_set_string(doc, "DefaultRuntime", "runc");
	json_set_string(json_set_object(doc, "Swarm"), "LocalNodeState", "inactive");
	json_set_bool(doc, "LiveRestoreEnabled", true);
	json_set_string(doc, "InitBinary", "");
	json_set_string(doc, "LoggingDriver", "json-file");
	json_set_bool(doc, "ExperimentalBuild", false);
	json_set_string(doc, "HttpProxy", "");
	json_set_string(doc, "HttpsProxy", "");
	json_set_string(doc, "NoProxy", "");
	json_set_null(doc, "GenericResources");
	json_set_bool(doc, "IPv4Forwarding", false);
}

static void add_security(struct json *doc)
{
	struct json *list = json_set_array(doc, "SecurityOptions");
	auto_free char *text = NULL;

	if (fd_read_file(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", 16, &text, NULL) == 0 &&
		text[0] == 'Y')
		json_add_string(list, "name=apparmor");
	json_add_string(list, "name=seccomp,profile=builtin");
	json_add_string(list, "name=cgroupns");
}

int info_json(struct engine *e, const char *version, struct json **ret, struct error *err)
{
	struct json *doc = json_new_object();
	struct container_counts counts;

	containers_count(e->containers, &counts);
	json_set_string(doc, "ID", e->id);
	json_set_uint(doc, "Containers", counts.all);
	json_set_uint(doc, "ContainersRunning", counts.running);
	json_set_uint(doc, "ContainersPaused", counts.paused);
	json_set_uint(doc, "ContainersStopped", counts.all - counts.running - counts.paused);
	json_set_uint(doc, "Images", images_count(e->images));
	add_storage(doc, e);
	add_plugins(doc, e);
	add_limits(doc, e);
	add_host(doc);
	add_registry(doc);
	add_fixed(doc);
	add_security(doc);
	json_set_bool(doc, "Debug", e->config.debug);
	json_set_string(doc, "DockerRootDir", e->config.data_root);
	json_set_string(doc, "ServerVersion", version);
	struct json *labels = json_set_array(doc, "Labels");
	for (size_t i = 0; i < e->config.n_labels; i++)
		json_add_string(labels, e->config.labels[i]);
	json_set_array(doc, "Warnings");
	if (json_kind(doc) != JSON_OBJECT)
		return error_sys(err, ENOMEM, "cannot write the answer");
	*ret = doc;
	return 0;
}
