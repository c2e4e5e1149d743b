/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts and their options. */
#include "tests/unit/compile_fixture.h"

#include "lib/base/sys.h"

#include <errno.h>

#define N(array) (sizeof(array) / sizeof(array)[0])

static const struct launch_mount *compile_mount(struct fixture *fx, const char *mount)
{
	const struct launch_record *rec;
	char *members = NULL;

	assert_true(asprintf(&members, "\"mounts\":[%s]", mount) > 0);
	rec = fixture_compile(fx, TOP, members);
	free(members);
	assert_int_equal(rec->mounts.n, 1);
	return launch_items(rec, rec->mounts, struct launch_mount);
}

static const struct launch_mount *compile_bind(struct fixture *fx, const char *options)
{
	char *mount = NULL;
	const struct launch_mount *m;

	assert_true(asprintf(&mount, "{\"destination\":\"/a\",\"source\":\"s\",\"options\":[\"bind\"%s%s]}",
			    *options ? "," : "", options) > 0);
	m = compile_mount(fx, mount);
	free(mount);
	return m;
}

static void test_mounts_attributes(void **state)
{
	static const struct {
		const char *options;
		uint64_t set, clr, rec_set, rec_clr;
		uint32_t propagation, prop_rec;
	} cases[] = {
		{ "", 0, 0, 0, 0, 0, 0 },
		{ "\"ro\"", MOUNT_ATTR_RDONLY, 0, 0, 0, 0, 0 },
		{ "\"rw\"", 0, MOUNT_ATTR_RDONLY, 0, 0, 0, 0 },
		{ "\"ro\",\"rw\"", 0, MOUNT_ATTR_RDONLY, 0, 0, 0, 0 },
		{ "\"rw\",\"ro\"", MOUNT_ATTR_RDONLY, 0, 0, 0, 0, 0 },
		{ "\"nosuid\",\"nodev\",\"noexec\"", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
			0, 0, 0, 0, 0 },
		{ "\"suid\",\"dev\",\"exec\"", 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0,
			0, 0, 0 },
		{ "\"nosymfollow\",\"nodiratime\"", MOUNT_ATTR_NOSYMFOLLOW | MOUNT_ATTR_NODIRATIME, 0, 0, 0,
			0, 0 },
		{ "\"symfollow\",\"diratime\"", 0, MOUNT_ATTR_NOSYMFOLLOW | MOUNT_ATTR_NODIRATIME, 0, 0, 0,
			0 },
		{ "\"noatime\"", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, 0, 0, 0, 0 },
		{ "\"strictatime\"", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, 0, 0, 0, 0 },
		{ "\"relatime\"", 0, MOUNT_ATTR__ATIME, 0, 0, 0, 0 },
		{ "\"noatime\",\"strictatime\"", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, 0, 0, 0, 0 },
		{ "\"noatime\",\"atime\"", 0, MOUNT_ATTR__ATIME, 0, 0, 0, 0 },
		{ "\"strictatime\",\"atime\"", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, 0, 0, 0, 0 },
		{ "\"strictatime\",\"nostrictatime\"", 0, MOUNT_ATTR__ATIME, 0, 0, 0, 0 },
		{ "\"rro\",\"rnosuid\",\"rnoatime\"", 0, 0,
			MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, 0, 0 },
		{ "\"rrw\",\"rdev\",\"rexec\",\"rrelatime\"", 0, 0, 0,
			MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR__ATIME, 0, 0 },
		{ "\"rnodiratime\",\"rsymfollow\"", 0, 0, MOUNT_ATTR_NODIRATIME, MOUNT_ATTR_NOSYMFOLLOW, 0,
			0 },
		{ "\"private\",\"rshared\"", 0, 0, 0, 0, MS_PRIVATE, MS_SHARED | MS_REC },
		{ "\"slave\",\"runbindable\"", 0, 0, 0, 0, MS_SLAVE, MS_UNBINDABLE | MS_REC },
		{ "\"defaults\",\"loud\",\"silent\",\"noiversion\"", 0, 0, 0, 0, 0, 0 },
	};
	struct fixture fx;

	(void)state;
	fixture_init(&fx);
	for (size_t i = 0; i < N(cases); i++) {
		const struct launch_mount *m = compile_bind(&fx, cases[i].options);

		if (m->attr_set != cases[i].set || m->attr_clr != cases[i].clr ||
			m->rec_set != cases[i].rec_set || m->rec_clr != cases[i].rec_clr ||
			m->propagation != cases[i].propagation || m->prop_rec != cases[i].prop_rec)
			fail_msg("%s: set %llx clr %llx rec_set %llx rec_clr %llx prop %x rec %x",
				cases[i].options, (unsigned long long)m->attr_set,
				(unsigned long long)m->attr_clr, (unsigned long long)m->rec_set,
				(unsigned long long)m->rec_clr, m->propagation, m->prop_rec);
	}
	fixture_done(&fx);
}

static void test_mounts_bind(void **state)
{
	struct fixture fx;
	const struct launch_mount *m;

	(void)state;
	fixture_init(&fx);
	m = compile_mount(&fx, "{\"destination\":\"/a/../b//c/\",\"source\":\"../s/./t\",\"type\":\"bind\"}");
	assert_int_equal(m->kind, LAUNCH_MOUNT_BIND);
	assert_int_equal(m->flags, 0);
	assert_int_equal(m->fd, LAUNCH_NO_FD);
	assert_string_equal(launch_text(fx.block.data, m->source), "/s/t");
	assert_string_equal(launch_text(fx.block.data, m->target), "/b/c");
	m = compile_mount(&fx, "{\"destination\":\"a\",\"source\":\"/"
			       "s\",\"type\":\"none\",\"options\":[\"rbind\",\"src-nofollow\"]}");
	assert_int_equal(m->flags, LAUNCH_MOUNT_RECURSIVE | LAUNCH_MOUNT_NO_FOLLOW);
	assert_string_equal(launch_text(fx.block.data, m->target), "/a");
	assert_string_equal(fx.warnings, "mount destination 'a' is not absolute: taken from the root\n");
	fixture_done(&fx);
}

static void test_mounts_file_systems(void **state)
{
	struct fixture fx;
	const struct launch_record *rec;
	const struct launch_mount *m;

	(void)state;
	fixture_init(&fx);
	m = compile_mount(&fx, "{\"destination\":\"/"
			       "tmp\",\"source\":\"tmpfs\",\"type\":\"tmpfs\",\"options\":[\"ro\",\"size=64k,"
			       "mode=755\",\"tmpcopyup\"]}");
	rec = fx.block.data;
	assert_int_equal(m->kind, LAUNCH_MOUNT_FS);
	assert_int_equal(m->flags, LAUNCH_MOUNT_COPY_UP);
	assert_string_equal(launch_text(rec, m->fstype), "tmpfs");
	assert_string_equal(launch_text(rec, m->source), "tmpfs");
	assert_int_equal(m->options.n, 2);
	assert_string_equal(fixture_str(rec, m->options, 0), "size=64k");
	assert_string_equal(fixture_str(rec, m->options, 1), "mode=755");
	assert_int_equal(m->attr_set, MOUNT_ATTR_RDONLY);
	m = compile_mount(&fx, "{\"destination\":\"/d\",\"source\":\"/dev/"
			       "sda\",\"type\":\"ext4\",\"options\":[\"ro\",\"sync\",\"a=b\\\\,c,d\"]}");
	rec = fx.block.data;
	assert_int_equal(m->options.n, 4);
	assert_string_equal(fixture_str(rec, m->options, 0), "sync");
	assert_string_equal(fixture_str(rec, m->options, 1), "a=b\\,c");
	assert_string_equal(fixture_str(rec, m->options, 2), "d");
	assert_string_equal(fixture_str(rec, m->options, 3), "ro");
	m = compile_mount(&fx, "{\"destination\":\"/sys/fs/"
			       "cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\",\"options\":[\"ro\"]}");
	assert_int_equal(m->kind, LAUNCH_MOUNT_CGROUP);
	assert_int_equal(m->attr_set, MOUNT_ATTR_RDONLY);
	m = compile_mount(&fx, "{\"destination\":\"/x\",\"options\":[\"remount\",\"bind\",\"ro\"]}");
	assert_int_equal(m->kind, LAUNCH_MOUNT_REMOUNT);
	fixture_done(&fx);
}

static void test_mounts_label(void **state)
{
	struct fixture fx;
	const struct launch_record *rec;
	const struct launch_mount *m;

	(void)state;
	fixture_init(&fx);
	fx.opts.selinux = true;
	rec = fixture_compile(&fx, TOP,
		"\"linux\":{\"namespaces\":[{\"type\":\"mount\"}],\"mountLabel\":\"u:r:t:s0:c1,c2\"},"
		"\"mounts\":[{\"destination\":\"/t\",\"type\":\"tmpfs\"},{\"destination\":\"/"
		"proc\",\"type\":\"proc\"}]");
	m = launch_items(rec, rec->mounts, struct launch_mount);
	assert_string_equal(fixture_str(rec, m[0].options, 0), "context=u:r:t:s0:c1,c2");
	assert_int_equal(m[1].options.n, 0);
	fixture_done(&fx);
}

static void test_mounts_idmapped(void **state)
{
	struct fixture fx;
	const struct launch_mount *m;
	const struct launch_record *rec;

	(void)state;
	fixture_init(&fx);
	m = compile_mount(&fx, "{\"destination\":\"/a\",\"source\":\"/s\",\"options\":[\"bind\"],"
			       "\"uidMappings\":[{\"containerID\":0,\"hostID\":7,\"size\":3}],"
			       "\"gidMappings\":[{\"containerID\":0,\"hostID\":8,\"size\":3}]}");
	assert_int_equal(m->uid_map.n, 1);
	assert_int_equal(
		launch_items((const struct launch_record *)fx.block.data, m->gid_map, struct launch_idmap)
			->outside,
		8);
	rec = fixture_compile(&fx, TOP,
		"\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"user\"}],"
		"\"uidMappings\":[{\"containerID\":0,\"hostID\":9,\"size\":3}],\"gidMappings\":[{"
		"\"containerID\":0,\"hostID\":9,\"size\":3}]},"
		"\"mounts\":[{\"destination\":\"/a\",\"source\":\"/s\",\"options\":[\"rbind\",\"ridmap\"]}]");
	m = launch_items(rec, rec->mounts, struct launch_mount);
	assert_int_equal(launch_items(rec, m->uid_map, struct launch_idmap)->outside, 9);
	assert_int_equal(m->flags, LAUNCH_MOUNT_RECURSIVE);
	fixture_done(&fx);
}

static void test_mounts_handed_over(void **state)
{
	const struct compile_mount_fd fds[] = { { "/data", 3 } };
	struct fixture fx;
	const struct launch_mount *m;

	(void)state;
	fixture_init(&fx);
	fx.nfds = 4;
	fx.opts.mount_fds = fds;
	fx.opts.n_mount_fds = 1;
	m = compile_mount(&fx, "{\"destination\":\"/data/"
			       "\",\"source\":\"volume\",\"options\":[\"rbind\",\"ro\",\"rslave\"]}");
	assert_int_equal(m->kind, LAUNCH_MOUNT_FD);
	assert_int_equal(m->fd, 3);
	assert_int_equal(m->attr_set, MOUNT_ATTR_RDONLY);
	assert_int_equal(m->prop_rec, MS_SLAVE | MS_REC);
	fixture_done(&fx);
}

static void test_mounts_over_proc(void **state)
{
	static const char *const good[] = { "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat",
		"/proc/swaps", "/proc/uptime", "/proc/loadavg", "/proc/slabinfo", "/proc/net/dev",
		"/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled", "/procfs", "/pro" };
	static const char *const bad[] = { "/proc/self", "/proc/sys", "/proc/sys/kernel/core_pattern",
		"/proc/1/attr", "/a/../proc/x", "//proc//self/attr/", "/proc/cpuinfo/x",
		"/proc/./sysrq-trigger" };
	struct fixture fx;
	char members[200];

	(void)state;
	fixture_init(&fx);
	for (size_t i = 0; i < N(good); i++) {
		snprintf(members, sizeof members,
			"{\"destination\":\"%s\",\"source\":\"/s\",\"options\":[\"bind\"]}", good[i]);
		compile_mount(&fx, members);
	}
	for (size_t i = 0; i < N(bad); i++) {
		snprintf(members, sizeof members,
			"\"mounts\":[{\"destination\":\"%s\",\"source\":\"/s\",\"options\":[\"bind\"]}]",
			bad[i]);
		assert_int_equal(fixture_try(&fx, TOP, members), -EINVAL);
		assert_non_null(strstr(fx.err.text, "is inside /proc and cannot be mounted over"));
	}
	compile_mount(&fx, "{\"destination\":\"/proc\",\"source\":\"proc\",\"type\":\"proc\"}");
	compile_mount(&fx, "{\"destination\":\"/proc\",\"source\":\"/proc\",\"options\":[\"rbind\"]}");
	fixture_done(&fx);
}

static void test_mounts_refusals(void **state)
{
	static const struct refusal cases[] = {
		{ TOP, "\"mounts\":{}", "mounts: expected array, got object", ERROR_INVALID },
		{ TOP, "\"mounts\":[{}]", "mounts[0].destination: is needed", ERROR_INVALID },
		{ TOP, "\"mounts\":[{\"destination\":\"/a/..\",\"type\":\"tmpfs\"}]",
			"mounts[0].destination: the root itself cannot be mounted over", ERROR_INVALID },
		{ TOP, "\"mounts\":[{\"destination\":\"/a\"}]",
			"mounts[0].type: a type is needed where neither bind nor rbind is an option",
			ERROR_INVALID },
		{ TOP, "\"mounts\":[{\"destination\":\"/a\",\"type\":\"../x\"}]",
			"mounts[0].type: '../x' is not the name of a file system", ERROR_INVALID },
		{ TOP, "\"mounts\":[{\"destination\":\"/a\",\"options\":[\"bind\"]}]",
			"mounts[0].source: a bind mount needs a source", ERROR_INVALID },
		{ TOP,
			"\"mounts\":[{\"destination\":\"/a\",\"source\":\"/"
			"s\",\"options\":[\"bind\",\"foo\"]}]",
			"mounts[0].options[1]: option 'foo' is not one of a bind mount", ERROR_INVALID },
		{ TOP,
			"\"mounts\":[{\"destination\":\"/a\",\"source\":\"/"
			"s\",\"options\":[\"bind\",\"copy-symlink\"]}]",
			"mounts[0].options[1]: mount option 'copy-symlink' is not supported",
			ERROR_UNSUPPORTED },
		{ TOP, "\"mounts\":[{\"destination\":\"/a\",\"type\":\"tmpfs\",\"options\":[7]}]",
			"mounts[0].options[0]: expected string, got number", ERROR_INVALID },
		{ TOP, "\"mounts\":[{\"destination\":\"/a\",\"type\":\"sysfs\",\"options\":[\"tmpcopyup\"]}]",
			"mounts[0]: tmpcopyup is for a tmpfs", ERROR_INVALID },
		{ TOP, "\"mounts\":[{\"destination\":\"/a\",\"type\":\"tmpfs\",\"options\":[\"idmap\"]}]",
			"mounts[0]: an idmapped mount needs mappings, its own or the container's",
			ERROR_INVALID },
		{ TOP,
			"\"mounts\":[{\"destination\":\"/"
			"a\",\"type\":\"tmpfs\",\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]"
			"}]",
			"mounts[0]: uidMappings and gidMappings are given together", ERROR_INVALID },
		{ TOP,
			"\"mounts\":[{\"destination\":\"/"
			"a\",\"type\":\"tmpfs\",\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]"
			","
			"\"gidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]}]",
			"mounts[0]: only bind mounts can be idmapped", ERROR_UNSUPPORTED },
		{ TOP, "\"mounts\":[{\"destination\":\"/a\",\"options\":[\"remount\",\"size=1\"]}]",
			"mounts[0].options[1]: option 'size=1' is not one of those that a remount can change",
			ERROR_INVALID },
		{ TOP, "\"mounts\":[{\"destination\":\"/proc\",\"type\":\"tmpfs\"}]",
			"mounts[0].destination: only a proc file system can be mounted at /proc, not 'tmpfs'",
			ERROR_INVALID },
		{ TOP, "\"mounts\":[{\"destination\":\"/proc\",\"source\":\"/tmp\",\"options\":[\"bind\"]}]",
			"mounts[0].destination: only a proc file system can be mounted at /proc, and '/tmp' "
			"is none",
			ERROR_INVALID },
	};
	struct fixture fx;

	(void)state;
	fixture_init(&fx);
	fixture_refuse(&fx, cases, N(cases));
	fixture_done(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mounts_attributes),
		cmocka_unit_test(test_mounts_bind),
		cmocka_unit_test(test_mounts_file_systems),
		cmocka_unit_test(test_mounts_label),
		cmocka_unit_test(test_mounts_idmapped),
		cmocka_unit_test(test_mounts_handed_over),
		cmocka_unit_test(test_mounts_over_proc),
		cmocka_unit_test(test_mounts_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
