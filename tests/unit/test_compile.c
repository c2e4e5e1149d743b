/* SPDX-License-Identifier: Apache-2.0 */
/* OCI configuration -> launch record: everything but process, mounts, limits and seccomp, which have tests of
 * their own. */
#include "tests/unit/compile_fixture.h"

#include "lib/cgroup/device.h"
#include "runtime/compile/spec.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#define N(array) (sizeof(array) / sizeof(array)[0])

static void test_compile_smallest_configuration(void **state)
{
	struct fixture fx;
	const struct launch_record *rec;

	(void)state;
	fixture_init(&fx);
	rec = fixture_compile(&fx, TOP, "");
	assert_int_equal(
		rec->ns_new, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET);
	assert_int_equal(rec->flags, LAUNCH_F_LOOPBACK);
	assert_string_equal(launch_text(rec, rec->root), "/bundle/rootfs");
	assert_int_equal(rec->root_fd, LAUNCH_NO_FD);
	assert_string_equal(launch_text(rec, rec->cgroup_path), "/c1");
	assert_null(launch_text(rec, rec->hostname));
	assert_int_equal(rec->process.umask, LAUNCH_UNSET);
	assert_string_equal(fx.warnings, "");
	fixture_done(&fx);
}

static void test_compile_top_members(void **state)
{
	struct fixture fx;
	const struct launch_record *rec;

	(void)state;
	fixture_init(&fx);
	fx.opts.no_pivot = fx.opts.no_new_keyring = true;
	fx.opts.cgroup_mark = "engine-1";
	rec = fixture_compile(&fx, TOP,
		"\"root\":{\"path\":\"/"
		"r\",\"readonly\":true},\"hostname\":\"h\",\"domainname\":\"d\",\"annotations\":{\"a\":\"b\"}"
		","
		"\"unknown\":{\"x\":1}");
	assert_string_equal(launch_text(rec, rec->root), "/r");
	assert_int_equal(rec->flags,
		LAUNCH_F_ROOT_RDONLY | LAUNCH_F_NO_PIVOT | LAUNCH_F_NO_NEW_KEYRING | LAUNCH_F_LOOPBACK);
	assert_string_equal(launch_text(rec, rec->hostname), "h");
	assert_string_equal(launch_text(rec, rec->domainname), "d");
	assert_string_equal(launch_text(rec, rec->cgroup_mark), "engine-1");
	rec = fixture_compile(&fx, LINUX,
		"\"rootfsPropagation\":\"rshared\",\"maskedPaths\":[\"/proc/kcore\"],\"readonlyPaths\":[\"/"
		"proc/sys\",\"/proc/bus\"],"
		"\"cgroupsPath\":\"docker/abc\",\"personality\":{\"domain\":\"LINUX32\"}");
	assert_int_equal(rec->root_propagation, MS_SHARED | MS_REC);
	assert_string_equal(fixture_str(rec, rec->masked, 0), "/proc/kcore");
	assert_string_equal(fixture_str(rec, rec->readonly, 1), "/proc/bus");
	assert_string_equal(launch_text(rec, rec->cgroup_path), "/docker/abc");
	assert_true(rec->process.flags & LAUNCH_PROC_PERSONALITY);
	assert_int_equal(rec->process.personality, 8);
	fixture_done(&fx);
}

static void test_compile_refusals_by_name(void **state)
{
	static const struct refusal cases[] = {
		{ TOP, "\"ociVersion\":null", "ociVersion: is needed", ERROR_INVALID },
		{ TOP, "\"ociVersion\":\"2.0.0\"", "ociVersion: version '2.0.0' is none of 1.x",
			ERROR_UNSUPPORTED },
		{ TOP, "\"process\":null", "process: is needed", ERROR_INVALID },
		{ TOP, "\"root\":null", "root: is needed", ERROR_INVALID },
		{ TOP, "\"root\":{}", "root.path: is needed", ERROR_INVALID },
		{ TOP, "\"root\":{\"path\":\"\"}", "root.path: a path is needed", ERROR_INVALID },
		{ TOP, "\"linux\":[]", "linux: expected object, got array", ERROR_INVALID },
		{ TOP, "\"hostname\":1", "hostname: expected string, got number", ERROR_INVALID },
		{ TOP, "\"annotations\":{\"a\":1}", "annotations.a: expected string, got number",
			ERROR_INVALID },
		{ TOP, "\"solaris\":{\"a\":1}", "solaris: for another operating system", ERROR_UNSUPPORTED },
		{ TOP, "\"windows\":{\"a\":1}", "windows: for another operating system", ERROR_UNSUPPORTED },
		{ TOP, "\"freebsd\":{\"a\":1}", "freebsd: for another operating system", ERROR_UNSUPPORTED },
		{ TOP, "\"zos\":{\"a\":1}", "zos: for another operating system", ERROR_UNSUPPORTED },
		{ TOP, "\"vm\":{\"a\":1}", "vm: virtual machines are not supported", ERROR_UNSUPPORTED },
		{ LINUX, "\"intelRdt\":{\"closID\":\"a\"}", "linux.intelRdt: Intel RDT is not supported",
			ERROR_UNSUPPORTED },
		{ LINUX, "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\"}",
			"linux.memoryPolicy: memory policies are not supported", ERROR_UNSUPPORTED },
		{ LINUX, "\"netDevices\":{\"eth0\":{}}",
			"linux.netDevices: moving network devices into a container is not supported",
			ERROR_UNSUPPORTED },
		{ LINUX, "\"mountLabel\":\"l\"",
			"linux.mountLabel: label 'l' is asked for, but SELinux is not enabled here",
			ERROR_UNSUPPORTED },
		{ LINUX, "\"maskedPaths\":[\"a\"]", "linux.maskedPaths[0]: 'a' is not an absolute path",
			ERROR_INVALID },
		{ LINUX, "\"rootfsPropagation\":\"odd\"",
			"linux.rootfsPropagation: unknown propagation 'odd'", ERROR_INVALID },
		{ LINUX, "\"personality\":{\"domain\":\"BSD\"}",
			"linux.personality.domain: unknown domain 'BSD'", ERROR_INVALID },
		{ LINUX, "\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"f\"]}",
			"linux.personality.flags: no flag is supported", ERROR_UNSUPPORTED },
		{ LINUX, "\"cgroupsPath\":\"/a/../../b\"",
			"linux.cgroupsPath: '/a/../../b' is no path of a cgroup", ERROR_INVALID },
	};
	struct fixture fx;

	(void)state;
	fixture_init(&fx);
	fixture_refuse(&fx, cases, N(cases));
	fixture_done(&fx);
}

/* ---- namespaces ------------------------------------------------------------------- */
static void test_namespaces_of_every_kind(void **state)
{
	struct fixture fx;
	const struct launch_record *rec;
	const struct launch_join *joins;

	(void)state;
	fixture_init(&fx);
	rec = fixture_compile(&fx, LINUX,
		"\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"user\"},{\"type\":\"cgroup\",\"path\":\"\"}"
		",{\"type\":\"time\"},"
		"{\"type\":\"network\",\"path\":\"/run/netns/a\"},{\"type\":\"pid\",\"path\":\"/proc/7/ns/"
		"pid\"}],"
		"\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":10},{\"containerID\":10,"
		"\"hostID\":5000,\"size\":4294962000}],"
		"\"gidMappings\":[{\"containerID\":0,\"hostID\":7,\"size\":1}],"
		"\"timeOffsets\":{\"boottime\":{\"secs\":-5,\"nanosecs\":6},\"monotonic\":{\"secs\":"
		"9223372036854775807}}");
	assert_int_equal(rec->ns_new, CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWCGROUP | CLONE_NEWTIME);
	assert_int_equal(rec->flags & LAUNCH_F_LOOPBACK, 0);
	assert_int_equal(rec->joins.n, 2);
	joins = launch_items(rec, rec->joins, struct launch_join);
	assert_int_equal(joins[0].type, CLONE_NEWNET);
	assert_string_equal(launch_text(rec, joins[0].path), "/run/netns/a");
	assert_int_equal(joins[1].type, CLONE_NEWPID);
	assert_int_equal(rec->uid_map.n, 2);
	assert_int_equal(launch_items(rec, rec->uid_map, struct launch_idmap)[1].outside, 5000);
	assert_int_equal(launch_items(rec, rec->uid_map, struct launch_idmap)[1].count, 4294962000);
	assert_int_equal(rec->gid_map.n, 1);
	assert_int_equal(rec->time_offsets.n, 2);
	assert_int_equal(
		launch_items(rec, rec->time_offsets, struct launch_time_offset)[0].clock, CLOCK_BOOTTIME);
	assert_int_equal(launch_items(rec, rec->time_offsets, struct launch_time_offset)[0].secs, -5);
	assert_int_equal(launch_items(rec, rec->time_offsets, struct launch_time_offset)[1].secs, INT64_MAX);
	fixture_done(&fx);
}

static void test_namespaces_of_the_caller_win(void **state)
{
	const struct compile_join joins[] = { { CLONE_NEWNET, 1, NULL },
		{ CLONE_NEWIPC, LAUNCH_NO_FD, "/proc/9/ns/ipc" } };
	struct fixture fx;
	const struct launch_record *rec;

	(void)state;
	fixture_init(&fx);
	fx.nfds = 2;
	fx.opts.joins = joins;
	fx.opts.n_joins = 2;
	fx.opts.root_fd = 0;
	rec = fixture_compile(&fx, LINUX, "\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}");
	assert_int_equal(rec->ns_new, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS);
	assert_int_equal(rec->joins.n, 2);
	assert_int_equal(launch_items(rec, rec->joins, struct launch_join)[0].fd, 1);
	assert_string_equal(launch_text(rec, launch_items(rec, rec->joins, struct launch_join)[1].path),
		"/proc/9/ns/ipc");
	assert_int_equal(rec->root_fd, 0);
	assert_null(launch_text(rec, rec->root));
	fixture_done(&fx);
}

static void test_namespaces_refusals(void **state)
{
	static const struct refusal cases[] = {
		{ LINUX, "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"pid\"},{\"type\":\"foo\"}]",
			"linux.namespaces[2].type: unknown namespace 'foo'", ERROR_INVALID },
		{ LINUX, "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"mount\"}]",
			"linux.namespaces[1].type: a second 'mount' namespace", ERROR_INVALID },
		{ LINUX, "\"namespaces\":[{}]", "linux.namespaces[0].type: is needed", ERROR_INVALID },
		{ LINUX, "\"namespaces\":[7]", "linux.namespaces[0]: expected object, got number",
			ERROR_INVALID },
		{ LINUX, "\"namespaces\":[]", "linux.namespaces: a container needs a new mount namespace",
			ERROR_INVALID },
		{ LINUX, "\"namespaces\":[{\"type\":\"mount\",\"path\":\"/proc/1/ns/mnt\"}]",
			"linux.namespaces[0].path: a container cannot be made in a mount namespace that "
			"exists",
			ERROR_UNSUPPORTED },
		{ LINUX, "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"uts\",\"path\":\"x\"}]",
			"linux.namespaces[1].path: 'x' is not an absolute path", ERROR_INVALID },
		{ LINUX, "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"user\"}]",
			"linux.uidMappings: a new user namespace needs mappings", ERROR_INVALID },
		{ LINUX, "\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]",
			"linux.uidMappings: mappings need a user namespace", ERROR_INVALID },
		{ LINUX, "\"uidMappings\":[{\"containerID\":0,\"hostID\":0}]",
			"linux.uidMappings[0]: containerID, hostID and size are needed", ERROR_INVALID },
		{ LINUX, "\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":0}]",
			"linux.uidMappings[0].size: a mapping holds at least one id", ERROR_INVALID },
		{ LINUX, "\"uidMappings\":[{\"containerID\":5,\"hostID\":0,\"size\":4294967295}]",
			"linux.uidMappings[0].containerID: 4294967295 ids from 5 reach past the largest id",
			ERROR_INVALID },
		{ LINUX, "\"uidMappings\":[{\"containerID\":0,\"hostID\":4294967296,\"size\":1}]",
			"linux.uidMappings[0].hostID: an integer from 0 to 4294967295 is needed",
			ERROR_INVALID },
		{ LINUX, "\"timeOffsets\":{\"monotonic\":{\"secs\":1}}",
			"linux.timeOffsets: offsets need a new time namespace", ERROR_INVALID },
		{ LINUX,
			"\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"time\"}],\"timeOffsets\":{\"tai\":{"
			"\"secs\":1}}",
			"linux.timeOffsets.tai: unknown clock 'tai'", ERROR_INVALID },
		{ LINUX,
			"\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"time\"}],\"timeOffsets\":{"
			"\"boottime\":{\"nanosecs\":1000000000}}",
			"linux.timeOffsets.boottime.nanosecs: 1000000000 is more than a second",
			ERROR_INVALID },
		{ TOP, "\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]},\"hostname\":\"h\"",
			"hostname: needs a uts namespace of the container's own", ERROR_INVALID },
	};
	struct fixture fx;

	(void)state;
	fixture_init(&fx);
	fixture_refuse(&fx, cases, N(cases));
	fixture_done(&fx);
}

/* ---- sysctls ------------------------------------------------------------------------ */
static void test_sysctl_keys(void **state)
{
	static const char *const good[] = {
		"net.ipv4.ip_forward",
		"net/ipv4/ip_forward",
		"kernel.shmmax",
		"kernel.msgmni",
		"kernel.sem",
		"kernel.shm_rmid_forced",
		"fs.mqueue.msg_max",
		"kernel.domainname",
		"net.ipv4.conf.eth0-1.rp_filter",
	};
	struct fixture fx;

	(void)state;
	fixture_init(&fx);
	for (size_t i = 0; i < N(good); i++) {
		const struct launch_record *rec;
		char members[200];

		snprintf(members, sizeof members, "\"sysctl\":{\"%s\":\"1 2\\t3\"}", good[i]);
		rec = fixture_compile(&fx, LINUX, members);
		assert_int_equal(rec->sysctls.n, 1);
		assert_null(strchr(
			launch_text(rec, launch_items(rec, rec->sysctls, struct launch_sysctl)[0].key), '/'));
		assert_string_equal(
			launch_text(rec, launch_items(rec, rec->sysctls, struct launch_sysctl)[0].value),
			"1 2\t3");
	}
	fixture_done(&fx);
}

static void test_sysctl_refusals(void **state)
{
	static const struct refusal cases[] = {
		{ LINUX, "\"sysctl\":{\"kernel.core_pattern\":\"|/x\"}",
			"linux.sysctl[\"kernel.core_pattern\"]: is not in a separate kernel namespace",
			ERROR_INVALID },
		{ LINUX, "\"sysctl\":{\"kernel.shm_rmid_forced+kernel.core_pattern\":\"1\"}",
			"linux.sysctl[\"kernel.shm_rmid_forced+kernel.core_pattern\"]: a key has letters, "
			"digits, '_', '-' and '.'",
			ERROR_INVALID },
		{ LINUX, "\"sysctl\":{\"kernel.shm_rmid_forced\\nkernel.core_pattern\":\"1\"}",
			"linux.sysctl[\"kernel.shm_rmid_forced\nkernel.core_pattern\"]: a key has letters, "
			"digits, '_', '-' and '.'",
			ERROR_INVALID },
		{ LINUX, "\"sysctl\":{\"net.ipv4 .x\":\"1\"}",
			"linux.sysctl[\"net.ipv4 .x\"]: a key has letters, digits, '_', '-' and '.'",
			ERROR_INVALID },
		{ LINUX, "\"sysctl\":{\"net.ipv4/../../kernel/x\":\"1\"}",
			"linux.sysctl[\"net.ipv4/../../kernel/x\"]: '.' and '/' together in a key are "
			"ambiguous",
			ERROR_INVALID },
		{ LINUX, "\"sysctl\":{\"net..x\":\"1\"}",
			"linux.sysctl[\"net..x\"]: an empty name in the key", ERROR_INVALID },
		{ LINUX, "\"sysctl\":{\"/net/x\":\"1\"}",
			"linux.sysctl[\"/net/x\"]: an empty name in the key", ERROR_INVALID },
		{ LINUX, "\"sysctl\":{\"net.\":\"1\"}", "linux.sysctl[\"net.\"]: an empty name in the key",
			ERROR_INVALID },
		{ LINUX, "\"sysctl\":{\"kernel.shmmaxx\":\"1\"}",
			"linux.sysctl[\"kernel.shmmaxx\"]: is not in a separate kernel namespace",
			ERROR_INVALID },
		{ LINUX, "\"sysctl\":{\"kernel.hostname\":\"x\"}",
			"linux.sysctl[\"kernel.hostname\"]: is set by the member 'hostname'", ERROR_INVALID },
		{ LINUX, "\"sysctl\":{\"net.x\":\"1\\n2\"}",
			"linux.sysctl[\"net.x\"]: control characters in the value", ERROR_INVALID },
		{ LINUX, "\"sysctl\":{\"net.x\":1}", "linux.sysctl[\"net.x\"]: expected string, got number",
			ERROR_INVALID },
		{ LINUX, "\"namespaces\":[{\"type\":\"mount\"}],\"sysctl\":{\"net.x\":\"1\"}",
			"linux.sysctl[\"net.x\"]: needs a network namespace of the container's own",
			ERROR_INVALID },
		{ LINUX, "\"namespaces\":[{\"type\":\"mount\"}],\"sysctl\":{\"kernel.sem\":\"1\"}",
			"linux.sysctl[\"kernel.sem\"]: needs a ipc namespace of the container's own",
			ERROR_INVALID },
		{ LINUX,
			"\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"network\",\"path\":\"/proc/self/ns/"
			"net\"}],\"sysctl\":{\"net.x\":\"1\"}",
			"linux.sysctl[\"net.x\"]: the network namespace is the host's", ERROR_INVALID },
	};
	struct fixture fx;

	(void)state;
	fixture_init(&fx);
	fixture_refuse(&fx, cases, N(cases));
	fixture_done(&fx);
}

/* ---- devices ------------------------------------------------------------------------- */
static const struct launch_device *find_device(const struct launch_record *rec, const char *path)
{
	const struct launch_device *devices = launch_items(rec, rec->devices, struct launch_device);
	const struct launch_device *found = NULL;

	for (size_t i = 0; i < rec->devices.n; i++)
		if (strcmp(launch_text(rec, devices[i].path), path) == 0) {
			assert_null(found);
			found = &devices[i];
		}
	return found;
}

static void test_devices_default_and_own(void **state)
{
	struct fixture fx;
	const struct launch_record *rec;
	const struct launch_device *dev;

	(void)state;
	fixture_init(&fx);
	rec = fixture_compile(&fx, LINUX,
		"\"devices\":[{\"path\":\"/dev/"
		"fuse\",\"type\":\"c\",\"major\":10,\"minor\":229,\"fileMode\":384,\"uid\":1,\"gid\":2},"
		"{\"path\":\"/dev//./"
		"null\",\"type\":\"u\",\"major\":1,\"minor\":3,\"fileMode\":8630},{\"path\":\"/"
		"pipe\",\"type\":\"p\"},"
		"{\"path\":\"/dev/sda\",\"type\":\"b\",\"major\":8,\"minor\":0}]");
	assert_int_equal(rec->devices.n, 9);
	dev = find_device(rec, "/dev/fuse");
	assert_int_equal(dev->type, S_IFCHR);
	assert_int_equal(dev->major, 10);
	assert_int_equal(dev->minor, 229);
	assert_int_equal(dev->mode, 0600);
	assert_int_equal(dev->uid, 1);
	assert_int_equal(dev->gid, 2);
	assert_int_equal(find_device(rec, "/dev/null")->mode, 0666);
	assert_int_equal(find_device(rec, "/dev/urandom")->minor, 9);
	assert_int_equal(find_device(rec, "/pipe")->type, S_IFIFO);
	assert_int_equal(find_device(rec, "/dev/sda")->type, S_IFBLK);
	rec = fixture_compile(&fx, TOP,
		"\"mounts\":[{\"destination\":\"/dev\",\"source\":\"/dev\",\"options\":[\"rbind\"]}]");
	assert_int_equal(rec->devices.n, 0);
	fixture_done(&fx);
}

static void test_devices_rules_in_order(void **state)
{
	struct fixture fx;
	const struct launch_record *rec;
	const struct launch_cgroup_device *rules;

	(void)state;
	fixture_init(&fx);
	rec = fixture_compile(&fx, LINUX,
		"\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},"
		"{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":-1,\"access\":\"rw\"}]}");
	rules = launch_items(rec, rec->cgroup_devices, struct launch_cgroup_device);
	assert_int_equal(rec->cgroup_devices.n, 2 + 11);
	assert_int_equal(rules[0].type, 'a');
	assert_int_equal(rules[0].allow, 0);
	assert_int_equal(rules[0].access, CGROUP_DEVICE_ALL);
	assert_int_equal(rules[0].major, -1);
	assert_int_equal(rules[1].type, 'c');
	assert_int_equal(rules[1].allow, 1);
	assert_int_equal(rules[1].access, CGROUP_DEVICE_READ | CGROUP_DEVICE_WRITE);
	assert_int_equal(rules[1].major, 10);
	assert_int_equal(rules[1].minor, -1);
	fixture_done(&fx);
}

static void test_devices_refusals(void **state)
{
	static const struct refusal cases[] = {
		{ LINUX, "\"devices\":[{\"path\":\"/dev/a\",\"type\":\"x\"}]",
			"linux.devices[0].type: unknown device type 'x'", ERROR_INVALID },
		{ LINUX, "\"devices\":[{\"path\":\"dev\",\"type\":\"p\"}]",
			"linux.devices[0].path: 'dev' is not an absolute path", ERROR_INVALID },
		{ LINUX, "\"devices\":[{\"path\":\"/a/..\",\"type\":\"p\"}]",
			"linux.devices[0].path: the root is no device", ERROR_INVALID },
		{ LINUX, "\"devices\":[{\"path\":\"/a\",\"type\":\"c\",\"major\":1}]",
			"linux.devices[0]: major and minor are needed", ERROR_INVALID },
		{ LINUX, "\"devices\":[{\"path\":\"/a\",\"type\":\"c\",\"major\":4096,\"minor\":1}]",
			"linux.devices[0].major: an integer from 0 to 4095 is needed", ERROR_INVALID },
		{ LINUX, "\"resources\":{\"devices\":[{}]}", "linux.resources.devices[0].allow: is needed",
			ERROR_INVALID },
		{ LINUX, "\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"rx\"}]}",
			"linux.resources.devices[0].access: 'rx' is not of r, w and m", ERROR_INVALID },
		{ LINUX, "\"resources\":{\"devices\":[{\"allow\":true,\"type\":\"p\"}]}",
			"linux.resources.devices[0].type: unknown device type 'p'", ERROR_INVALID },
	};
	struct fixture fx;

	(void)state;
	fixture_init(&fx);
	fixture_refuse(&fx, cases, N(cases));
	fixture_done(&fx);
}

/* ---- hooks ----------------------------------------------------------------------------- */
#define HOOKS                                                                               \
	"\"hooks\":{\"prestart\":[{\"path\":\"/p\"}],\"createRuntime\":[{\"path\":\"/"      \
	"r\",\"args\":[\"r\",\"x\"],\"env\":[\"A=1\"],"                                     \
	"\"timeout\":5}],\"createContainer\":[{\"path\":\"/"                                \
	"c\",\"timeout\":7}],\"startContainer\":[{\"path\":\"/s\",\"args\":[\"s\"],"        \
	"\"env\":[\"B=2\"]}],\"poststart\":[{\"path\":\"/t\"}],\"poststop\":[{\"path\":\"/" \
	"u\"},{\"path\":\"/v\"}]}"

static void test_hooks_of_the_record(void **state)
{
	struct fixture fx;
	const struct launch_record *rec;
	const struct launch_hook *hook;

	(void)state;
	fixture_init(&fx);
	rec = fixture_compile(&fx, TOP, HOOKS);
	assert_true(rec->flags & LAUNCH_F_RUNTIME_HOOKS);
	assert_int_equal(rec->create_hooks.n, 1);
	hook = launch_items(rec, rec->create_hooks, struct launch_hook);
	assert_string_equal(launch_text(rec, hook->path), "/c");
	assert_string_equal(fixture_str(rec, hook->args, 0), "/c");
	assert_int_equal(hook->timeout, 7);
	hook = launch_items(rec, rec->start_hooks, struct launch_hook);
	assert_string_equal(fixture_str(rec, hook->args, 0), "s");
	assert_string_equal(fixture_str(rec, hook->env, 0), "B=2");
	fixture_done(&fx);
}

static void test_hooks_of_the_caller(void **state)
{
	char *text = fixture_text(TOP, HOOKS);
	struct compile_hooks hooks;
	struct json *config;

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), 0, &config, NULL), 0);
	assert_int_equal(compile_hooks_load(config, &hooks, NULL), 0);
	assert_int_equal(hooks.n[COMPILE_HOOK_PRESTART], 1);
	assert_int_equal(hooks.n[COMPILE_HOOK_CREATE_RUNTIME], 1);
	assert_int_equal(hooks.n[COMPILE_HOOK_POSTSTART], 1);
	assert_int_equal(hooks.n[COMPILE_HOOK_POSTSTOP], 2);
	assert_string_equal(hooks.items[COMPILE_HOOK_PRESTART][0].args[0], "/p");
	assert_null(hooks.items[COMPILE_HOOK_PRESTART][0].args[1]);
	assert_null(hooks.items[COMPILE_HOOK_PRESTART][0].env[0]);
	assert_string_equal(hooks.items[COMPILE_HOOK_CREATE_RUNTIME][0].args[1], "x");
	assert_string_equal(hooks.items[COMPILE_HOOK_CREATE_RUNTIME][0].env[0], "A=1");
	assert_int_equal(hooks.items[COMPILE_HOOK_CREATE_RUNTIME][0].timeout, 5);
	assert_string_equal(hooks.items[COMPILE_HOOK_POSTSTOP][1].path, "/v");
	compile_hooks_done(&hooks);
	json_free(config);
	free(text);
}

static void test_hooks_refusals(void **state)
{
	static const struct refusal cases[] = {
		{ TOP, "\"hooks\":{\"createContainer\":[{}]}", "hooks.createContainer[0].path: is needed",
			ERROR_INVALID },
		{ TOP, "\"hooks\":{\"startContainer\":[{\"path\":\"x\"}]}",
			"hooks.startContainer[0].path: 'x' is not an absolute path", ERROR_INVALID },
		{ TOP, "\"hooks\":{\"startContainer\":[{\"path\":\"/x\",\"timeout\":0}]}",
			"hooks.startContainer[0].timeout: an integer from 1 to 2147483647 is needed",
			ERROR_INVALID },
	};
	struct compile_hooks hooks;
	struct error err;
	struct json *config;
	struct fixture fx;
	const char *text = "{\"hooks\":{\"poststop\":[{\"path\":\"/a\"},{\"path\":\"b\",\"args\":[1]}]}}";

	(void)state;
	fixture_init(&fx);
	fixture_refuse(&fx, cases, N(cases));
	fixture_done(&fx);
	assert_int_equal(json_parse(text, strlen(text), 0, &config, NULL), 0);
	assert_int_equal(compile_hooks_load(config, &hooks, &err), -EINVAL);
	assert_string_equal(err.text, "hooks.poststop[1].path: 'b' is not an absolute path");
	json_free(config);
}

/* ---- the printed configuration ------------------------------------------------------------ */
static void test_spec_print_compiles(void **state)
{
	struct fixture fx;
	const struct launch_record *rec;
	char *text = NULL;

	(void)state;
	fixture_init(&fx);
	assert_int_equal(spec_print(false, 0, 0, &text, NULL), 0);
	assert_int_equal(fixture_compile_text(&fx, text), 0);
	rec = fx.block.data;
	assert_int_equal(rec->mounts.n, 7);
	assert_int_equal(rec->ns_new & CLONE_NEWUSER, 0);
	free(text);
	assert_int_equal(spec_print(true, 1000, 2000, &text, NULL), 0);
	if (fixture_compile_text(&fx, text) < 0)
		fail_msg("%s", fx.err.text);
	rec = fx.block.data;
	assert_int_equal(rec->mounts.n, 6);
	assert_int_equal(rec->ns_new & (CLONE_NEWUSER | CLONE_NEWNET), CLONE_NEWUSER);
	assert_int_equal(launch_items(rec, rec->uid_map, struct launch_idmap)->outside, 1000);
	assert_int_equal(launch_items(rec, rec->gid_map, struct launch_idmap)->outside, 2000);
	assert_null(strstr(text, "gid=5"));
	free(text);
	fixture_done(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compile_smallest_configuration),
		cmocka_unit_test(test_compile_top_members),
		cmocka_unit_test(test_compile_refusals_by_name),
		cmocka_unit_test(test_namespaces_of_every_kind),
		cmocka_unit_test(test_namespaces_of_the_caller_win),
		cmocka_unit_test(test_namespaces_refusals),
		cmocka_unit_test(test_sysctl_keys),
		cmocka_unit_test(test_sysctl_refusals),
		cmocka_unit_test(test_devices_default_and_own),
		cmocka_unit_test(test_devices_rules_in_order),
		cmocka_unit_test(test_devices_refusals),
		cmocka_unit_test(test_hooks_of_the_record),
		cmocka_unit_test(test_hooks_of_the_caller),
		cmocka_unit_test(test_hooks_refusals),
		cmocka_unit_test(test_spec_print_compiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
