/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles: what a compiled one answers to calls, what is refused, and what the default profile comes to. */
#include "tests/unit/compile_fixture.h"

#include "runtime/compile/bpf.h"
#include "runtime/compile/field.h"
#include "runtime/compile/seccomp.h"
#include "runtime/compile/seccomp_profile.h"

#include <errno.h>
#include <linux/audit.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/capability.h>

#define N(array) (sizeof(array) / sizeof(array)[0])
#define BIT(cap) (UINT64_C(1) << (cap))
#define ALLOW    SECCOMP_RET_ALLOW
#define KILL     SECCOMP_RET_KILL_THREAD
#define EPERM_   (SECCOMP_RET_ERRNO | EPERM)
#define ENOSYS_  (SECCOMP_RET_ERRNO | ENOSYS)

#define DOCKER_CAPS                                                                                          \
	(BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) | BIT(CAP_FOWNER) | BIT(CAP_MKNOD) |       \
		BIT(CAP_NET_RAW) | BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETFCAP) | BIT(CAP_SETPCAP) | \
		BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SYS_CHROOT) | BIT(CAP_KILL) | BIT(CAP_AUDIT_WRITE))

static int compile_json(const struct json *profile, struct seccomp_filter *ret, struct error *err)
{
	struct field root = field_root(profile, "linux.seccomp", err);

	return seccomp_compile(&root, ret);
}

static struct seccomp_filter compile_text(const char *text)
{
	struct seccomp_filter filter = { 0 };
	struct json *profile = NULL;
	struct error err = ERROR_INIT;

	assert_int_equal(json_parse(text, strlen(text), 0, &profile, &err), 0);
	if (compile_json(profile, &filter, &err) < 0)
		fail_msg("%s", err.text);
	json_free(profile);
	return filter;
}

static struct seccomp_filter compile_default(uint64_t caps)
{
	struct seccomp_facts facts = { .caps = caps, .arch = "amd64", .kernel_major = 6, .kernel_minor = 1 };
	struct seccomp_filter filter = { 0 };
	struct json *profile = NULL;
	struct error err = ERROR_INIT;

	if (seccomp_profile_default(&facts, &profile, &err) < 0 || compile_json(profile, &filter, &err) < 0)
		fail_msg("%s", err.text);
	json_free(profile);
	return filter;
}

static uint32_t ask(const struct seccomp_filter *filter, uint32_t arch, long nr, uint64_t arg0, uint64_t arg1)
{
	struct seccomp_data call = { .nr = (int)nr, .arch = arch, .args = { arg0, arg1 } };
	uint32_t action = 0x1234;

	assert_int_equal(bpf_run(filter->insns, filter->n, &call, &action), 0);
	return action;
}

struct call {
	const char *name; /* or NULL and nr */
	uint32_t nr;
	uint64_t arg0, arg1;
	uint32_t action;
};

/* scmp: the table that the name is looked up in. */
static void ask_all(
	const struct seccomp_filter *filter, uint32_t scmp, uint32_t arch, const struct call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		long nr = calls[i].name ? seccomp_syscall_resolve_name_arch(scmp, calls[i].name)
					: (long)calls[i].nr;
		uint32_t action = ask(filter, arch, nr, calls[i].arg0, calls[i].arg1);

		if (action != calls[i].action)
			fail_msg("%s (%ld): %x, not %x", calls[i].name ? calls[i].name : "", nr, action,
				calls[i].action);
	}
}

#ifdef __x86_64__
static void test_seccomp_default_profile_native(void **state)
{
	static const struct call calls[] = {
		{ "read", 0, 0, 0, ALLOW },
		{ "execve", 0, 0, 0, ALLOW },
		{ "clone", 0, 0x11, 0, ALLOW },
		{ "clone", 0, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_THREAD, 0, ALLOW },
		{ "clone", 0, CLONE_NEWUSER, 0, EPERM_ },
		{ "clone", 0, CLONE_NEWUSER | 0x11, 0, EPERM_ },
		{ "clone", 0, CLONE_NEWNS, 0, EPERM_ },
		{ "clone", 0, CLONE_NEWNET, 0, EPERM_ },
		{ "clone", 0, CLONE_NEWCGROUP, 0, EPERM_ },
		{ "clone3", 0, 0, 0, ENOSYS_ },
		{ "unshare", 0, CLONE_NEWUSER, 0, EPERM_ },
		{ "setns", 0, 0, 0, EPERM_ },
		{ "mount", 0, 0, 0, EPERM_ },
		{ "socket", 0, 2, 0, ALLOW },
		{ "socket", 0, 16, 0, ALLOW },
		{ "socket", 0, 37, 0, ALLOW },
		{ "socket", 0, 38, 0, EPERM_ }, /* AF_ALG */
		{ "socket", 0, 39, 0, ALLOW },
		{ "socket", 0, 40, 0, EPERM_ }, /* AF_VSOCK */
		{ "socket", 0, 41, 0, ALLOW },
		{ "personality", 0, 0, 0, ALLOW },
		{ "personality", 0, 8, 0, ALLOW },
		{ "personality", 0, 0x20000, 0, ALLOW },
		{ "personality", 0, 0xffffffff, 0, ALLOW },
		{ "personality", 0, 0x0040000, 0, EPERM_ },
		{ "keyctl", 0, 0, 0, EPERM_ },
		{ "add_key", 0, 0, 0, EPERM_ },
		{ "request_key", 0, 0, 0, EPERM_ },
		{ "bpf", 0, 0, 0, EPERM_ },
		{ "perf_event_open", 0, 0, 0, EPERM_ },
		{ "userfaultfd", 0, 0, 0, EPERM_ },
		{ "io_uring_setup", 0, 0, 0, EPERM_ },
		{ "io_uring_enter", 0, 0, 0, EPERM_ },
		{ "io_uring_register", 0, 0, 0, EPERM_ },
		{ "open_by_handle_at", 0, 0, 0, EPERM_ },
		{ "kexec_load", 0, 0, 0, EPERM_ },
		{ "init_module", 0, 0, 0, EPERM_ },
		{ "ptrace", 0, 0, 0, ALLOW },
		{ "chroot", 0, 0, 0, ALLOW },
		{ "reboot", 0, 0, 0, EPERM_ },
		{ NULL, 999, 0, 0, ENOSYS_ },
		{ NULL, 0x3fffffff, 0, 0, ENOSYS_ },
	};
	struct seccomp_filter filter = compile_default(DOCKER_CAPS);

	(void)state;
	ask_all(&filter, SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, calls, N(calls));
	assert_in_range(filter.n, 1, 800);
	seccomp_filter_done(&filter);
}

static void test_seccomp_default_profile_other_abis(void **state)
{
	static const struct call calls[] = {
		{ "read", 0, 0, 0, ALLOW },
		{ "clone", 0, 0x11, 0, ALLOW },
		{ "clone", 0, CLONE_NEWUSER, 0, EPERM_ },
		{ "clone3", 0, 0, 0, ENOSYS_ },
		{ "unshare", 0, CLONE_NEWUSER, 0, EPERM_ },
		{ "mount", 0, 0, 0, EPERM_ },
		{ "keyctl", 0, 0, 0, EPERM_ },
		{ "bpf", 0, 0, 0, EPERM_ },
		{ "userfaultfd", 0, 0, 0, EPERM_ },
		{ "io_uring_setup", 0, 0, 0, EPERM_ },
	};
	static const struct call i386[] = {
		{ NULL, 359, 2, 0, ALLOW },   /* socket, by its own number */
		{ NULL, 359, 38, 0, EPERM_ }, /* AF_ALG */
		{ NULL, 359, 40, 0, EPERM_ },
		/* socketcall: its arguments are in memory; Docker's profile allows it whole and leaves AF_ALG
		   to the LSM. */
		{ NULL, 102, 1, 0, ALLOW },
		{ NULL, 9999, 0, 0, ENOSYS_ },
	};
	static const struct call x32[] = {
		{ "socket", 0, 38, 0, EPERM_ }, { NULL, 0x40000000 + 9999, 0, 0, ENOSYS_ },
		{ NULL, 0x40000000 + 250, 0, 0, EPERM_ }, /* keyctl */
	};
	struct seccomp_filter filter = compile_default(DOCKER_CAPS);

	(void)state;
	ask_all(&filter, SCMP_ARCH_X86, AUDIT_ARCH_I386, calls, N(calls));
	ask_all(&filter, SCMP_ARCH_X86, AUDIT_ARCH_I386, i386, N(i386));
	ask_all(&filter, SCMP_ARCH_X32, AUDIT_ARCH_X86_64, calls, N(calls));
	ask_all(&filter, SCMP_ARCH_X32, AUDIT_ARCH_X86_64, x32, N(x32));
	assert_int_equal(ask(&filter, AUDIT_ARCH_AARCH64, 0, 0, 0), KILL);
	assert_int_equal(ask(&filter, 0, 0, 0, 0), KILL);
	seccomp_filter_done(&filter);
}

static void test_seccomp_default_profile_with_capabilities(void **state)
{
	static const struct {
		uint64_t caps;
		const char *name;
		uint64_t arg0;
	} cases[] = {
		{ BIT(CAP_SYS_ADMIN), "clone", CLONE_NEWUSER },
		{ BIT(CAP_SYS_ADMIN), "clone3", 0 },
		{ BIT(CAP_SYS_ADMIN), "mount", 0 },
		{ BIT(CAP_SYS_ADMIN), "unshare", CLONE_NEWUSER },
		{ BIT(CAP_DAC_READ_SEARCH), "open_by_handle_at", 0 },
		{ BIT(CAP_SYS_BOOT), "reboot", 0 },
		{ BIT(CAP_SYS_MODULE), "init_module", 0 },
		{ BIT(CAP_SYS_PTRACE), "kcmp", 0 },
		{ BIT(CAP_SYS_TIME), "settimeofday", 0 },
		{ BIT(CAP_BPF), "bpf", 0 },
		{ BIT(CAP_PERFMON), "perf_event_open", 0 },
		{ BIT(CAP_SYSLOG), "syslog", 0 },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		long nr = seccomp_syscall_resolve_name(cases[i].name);
		struct seccomp_filter with = compile_default(cases[i].caps), without = compile_default(0);

		assert_int_equal(ask(&with, AUDIT_ARCH_X86_64, nr, cases[i].arg0, 0), ALLOW);
		assert_int_not_equal(ask(&without, AUDIT_ARCH_X86_64, nr, cases[i].arg0, 0), ALLOW);
		seccomp_filter_done(&with);
		seccomp_filter_done(&without);
	}
}

static void test_seccomp_rules(void **state)
{
	struct seccomp_filter filter = compile_text(
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
		"{\"names\":[\"getpid\",\"no_such_call\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":5},"
		"{\"names\":[\"getppid\"],\"action\":\"SCMP_ACT_ERRNO\"},"
		"{\"names\":[\"getuid\"],\"action\":\"SCMP_ACT_KILL_PROCESS\"},{\"names\":[\"getgid\"],"
		"\"action\":\"SCMP_ACT_KILL\"},"
		"{\"names\":[\"geteuid\"],\"action\":\"SCMP_ACT_TRAP\"},{\"names\":[\"getegid\"],\"action\":"
		"\"SCMP_ACT_TRACE\",\"errnoRet\":9},"
		"{\"names\":[\"gettid\"],\"action\":\"SCMP_ACT_LOG\"},{\"names\":[\"sync\"],\"action\":"
		"\"SCMP_ACT_ALLOW\"},"
		"{\"names\":[\"dup2\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,\"value\":3,"
		"\"op\":\"SCMP_CMP_GE\"},"
		"{\"index\":1,\"value\":18446744073709551615,\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"close\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,\"value\":3,"
		"\"op\":\"SCMP_CMP_EQ\"},"
		"{\"index\":0,\"value\":5,\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"fcntl\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":1,\"value\":240,"
		"\"valueTwo\":16,"
		"\"op\":\"SCMP_CMP_MASKED_EQ\"}]}]}");
	static const struct call calls[] = {
		{ "getpid", 0, 0, 0, SECCOMP_RET_ERRNO | 5 }, { "getppid", 0, 0, 0, EPERM_ },
		{ "getuid", 0, 0, 0, SECCOMP_RET_KILL_PROCESS }, { "getgid", 0, 0, 0, KILL },
		{ "geteuid", 0, 0, 0, SECCOMP_RET_TRAP }, { "getegid", 0, 0, 0, SECCOMP_RET_TRACE | 9 },
		{ "gettid", 0, 0, 0, SECCOMP_RET_LOG }, { "sync", 0, 0, 0, ALLOW },
		{ "dup2", 0, 3, UINT64_MAX, EPERM_ }, /* both must fit */
		{ "dup2", 0, 2, UINT64_MAX, ALLOW }, { "dup2", 0, 3, 0xffffffff, ALLOW },
		{ "close", 0, 3, 0, EPERM_ }, /* either fits */
		{ "close", 0, 5, 0, EPERM_ }, { "close", 0, 4, 0, ALLOW }, { "fcntl", 0, 0, 0xf1f, EPERM_ },
		{ "fcntl", 0, 0, 0xf2f, ALLOW }, { NULL, 9999, 0, 0, ALLOW }, /* an allowing default stays */
	};

	(void)state;
	ask_all(&filter, SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, calls, N(calls));
	assert_int_equal(ask(&filter, AUDIT_ARCH_I386, 4, 0, 0), KILL);
	seccomp_filter_done(&filter);
}

static void test_seccomp_newer_calls_answer_enosys(void **state)
{
	static const struct {
		const char *text;
		uint32_t gap, newer;
	} cases[] = {
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"getpid\"],\"action\":"
		  "\"SCMP_ACT_ALLOW\"}]}",
			EPERM_, ENOSYS_ },
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"syscalls\":[{\"names\":["
		  "\"getpid\"],"
		  "\"action\":\"SCMP_ACT_ALLOW\"}]}",
			ENOSYS_, ENOSYS_ },
		{ "{\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\",\"syscalls\":[{\"names\":[\"getpid\"],"
		  "\"action\":\"SCMP_ACT_ALLOW\"}]}",
			SECCOMP_RET_KILL_PROCESS, ENOSYS_ },
		{ "{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[{\"names\":[\"getpid\"],\"action\":"
		  "\"SCMP_ACT_ALLOW\"}]}",
			SECCOMP_RET_LOG, SECCOMP_RET_LOG },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct seccomp_filter filter = compile_text(cases[i].text);

		assert_int_equal(ask(&filter, AUDIT_ARCH_X86_64, 39, 0, 0), ALLOW);
		assert_int_equal(ask(&filter, AUDIT_ARCH_X86_64, 38, 0, 0), cases[i].gap);
		assert_int_equal(ask(&filter, AUDIT_ARCH_X86_64, 40, 0, 0), cases[i].newer);
		seccomp_filter_done(&filter);
	}
}
#endif

static void test_seccomp_flags(void **state)
{
	static const struct {
		const char *flags;
		uint32_t value;
	} cases[] = {
		{ "", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
		{ ",\"flags\":[]", 0 },
		{ ",\"flags\":[\"SECCOMP_FILTER_FLAG_TSYNC\"]", 0 },
		{ ",\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\"]",
			SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		char text[300];
		struct seccomp_filter filter;

		snprintf(text, sizeof text, "{\"defaultAction\":\"SCMP_ACT_ALLOW\"%s}", cases[i].flags);
		filter = compile_text(text);
		assert_int_equal(filter.flags, cases[i].value);
		seccomp_filter_done(&filter);
	}
}

#define SECCOMP(members) "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\"," members "}"

static void test_seccomp_refusals(void **state)
{
	static const struct refusal cases[] = {
		{ LINUX, "\"seccomp\":{}", "linux.seccomp.defaultAction: is needed", ERROR_INVALID },
		{ LINUX, "\"seccomp\":{\"defaultAction\":\"X\"}",
			"linux.seccomp.defaultAction: unknown action 'X'", ERROR_INVALID },
		{ LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}",
			"linux.seccomp.defaultAction: a user-space listener (SCMP_ACT_NOTIFY) is not "
			"supported",
			ERROR_UNSUPPORTED },
		{ LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultErrnoRet\":1}",
			"linux.seccomp.defaultErrnoRet: action 'SCMP_ACT_ALLOW' returns no errno",
			ERROR_INVALID },
		{ LINUX, SECCOMP("\"listenerPath\":\"/s\""),
			"linux.seccomp.listenerPath: a user-space listener is not supported",
			ERROR_UNSUPPORTED },
		{ LINUX, SECCOMP("\"listenerMetadata\":\"m\""),
			"linux.seccomp.listenerMetadata: a user-space listener is not supported",
			ERROR_UNSUPPORTED },
		{ LINUX, SECCOMP("\"flags\":[\"F\"]"), "linux.seccomp.flags[0]: unknown flag 'F'",
			ERROR_INVALID },
		{ LINUX, SECCOMP("\"flags\":[\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]"),
			"linux.seccomp.flags[0]: 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV' goes with a "
			"user-space listener, which is not supported",
			ERROR_UNSUPPORTED },
		{ LINUX, SECCOMP("\"architectures\":[\"SCMP_ARCH_VAX\"]"),
			"linux.seccomp.architectures[0]: unknown architecture 'SCMP_ARCH_VAX'",
			ERROR_INVALID },
		{ LINUX, SECCOMP("\"syscalls\":[{\"names\":[],\"action\":\"SCMP_ACT_ALLOW\"}]"),
			"linux.seccomp.syscalls[0].names: 1 to 4096 names are needed", ERROR_INVALID },
		{ LINUX, SECCOMP("\"syscalls\":[{\"names\":[\"read\"]}]"),
			"linux.seccomp.syscalls[0].action: is needed", ERROR_INVALID },
		{ LINUX,
			SECCOMP("\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ERRNO\","
				"\"errnoRet\":4096}]"),
			"linux.seccomp.syscalls[0].errnoRet: the largest errno is 4095", ERROR_INVALID },
		{ LINUX,
			SECCOMP("\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
				"{\"index\":6,\"value\":0,"
				"\"op\":\"SCMP_CMP_EQ\"}]}]"),
			"linux.seccomp.syscalls[0].args[0].index: an integer from 0 to 5 is needed",
			ERROR_INVALID },
		{ LINUX,
			SECCOMP("\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
				"{\"index\":1,\"value\":0,"
				"\"op\":\"EQ\"}]}]"),
			"linux.seccomp.syscalls[0].args[0].op: unknown operator 'EQ'", ERROR_INVALID },
		{ LINUX,
			SECCOMP("\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
				"{\"op\":\"SCMP_CMP_EQ\"}]}]"),
			"linux.seccomp.syscalls[0].args[0]: index, value and op are needed", ERROR_INVALID },
	};
	struct fixture fx;

	(void)state;
	fixture_init(&fx);
	fixture_refuse(&fx, cases, N(cases));
	fixture_done(&fx);
}

static void test_seccomp_in_the_record(void **state)
{
	struct fixture fx;
	const struct launch_record *rec;

	(void)state;
	fixture_init(&fx);
	rec = fixture_compile(&fx, LINUX, SECCOMP("\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"]"));
	assert_true(rec->process.seccomp.n > 0);
	assert_int_equal(rec->process.seccomp_flags, SECCOMP_FILTER_FLAG_LOG);
	rec = fixture_compile(&fx, LINUX, "\"seccomp\":null");
	assert_int_equal(rec->process.seccomp.n, 0);
	fixture_done(&fx);
}

/* ---- profiles in Docker's form -------------------------------------------------------- */
static char *resolve(const char *text, struct seccomp_facts facts, struct error *err)
{
	struct json *profile = NULL, *out = NULL;
	char *result = NULL;

	assert_int_equal(json_parse(text, strlen(text), 0, &profile, err), 0);
	if (seccomp_profile_resolve(profile, &facts, &out, err) == 0)
		result = json_text(out);
	json_free(profile);
	json_free(out);
	return result;
}

static void test_seccomp_profile_includes_and_excludes(void **state)
{
	static const struct {
		const char *rule;
		bool wanted;
	} cases[] = {
		{ "", true },
		{ ",\"includes\":{},\"excludes\":{}", true },
		{ ",\"includes\":{\"caps\":[\"CAP_KILL\"]}", true },
		{ ",\"includes\":{\"caps\":[\"CAP_KILL\",\"CAP_CHOWN\"]}", false },
		{ ",\"includes\":{\"caps\":[\"CAP_NEVER_HEARD_OF\"]}", false },
		{ ",\"excludes\":{\"caps\":[\"CAP_CHOWN\",\"CAP_KILL\"]}", false },
		{ ",\"excludes\":{\"caps\":[\"CAP_CHOWN\"]}", true },
		{ ",\"includes\":{\"arches\":[\"arm64\",\"amd64\"]}", true },
		{ ",\"includes\":{\"arches\":[\"arm64\"]}", false },
		{ ",\"excludes\":{\"arches\":[\"amd64\"]}", false },
		{ ",\"includes\":{\"minKernel\":\"5.10\"}", true },
		{ ",\"includes\":{\"minKernel\":\"5.11\"}", false },
		{ ",\"includes\":{\"minKernel\":\"4.99\"}", true },
		{ ",\"includes\":{\"minKernel\":\"6.0\"}", false },
		{ ",\"excludes\":{\"minKernel\":\"4.8\"}", false },
		{ ",\"includes\":{\"caps\":[\"CAP_KILL\"]},\"excludes\":{\"arches\":[\"amd64\"]}", false },
	};
	const struct seccomp_facts facts = {
		.caps = BIT(CAP_KILL), .arch = "amd64", .kernel_major = 5, .kernel_minor = 10
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		char text[400], *out;

		snprintf(text, sizeof text,
			"{\"defaultAction\":\"A\",\"syscalls\":[{\"names\":[\"x\"],\"action\":\"B\"%s}]}",
			cases[i].rule);
		out = resolve(text, facts, NULL);
		assert_string_equal(out, cases[i].wanted ? "{\"defaultAction\":\"A\",\"syscalls\":[{"
							   "\"names\":[\"x\"],\"action\":\"B\"}]}"
							 : "{\"defaultAction\":\"A\",\"syscalls\":[]}");
		free(out);
	}
}

static void test_seccomp_profile_architectures(void **state)
{
	const struct seccomp_facts facts = { .arch = "arm64", .kernel_major = 5 };
	struct error err = ERROR_INIT;
	char *out;

	(void)state;
	out = resolve("{\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_"
		      "ARCH_X86\"]},"
		      "{\"architecture\":\"SCMP_ARCH_AARCH64\",\"subArchitectures\":[\"SCMP_ARCH_ARM\"]}],"
		      "\"syscalls\":[{\"name\":\"old\",\"action\":\"B\",\"comment\":\"c\"}]}",
		facts, &err);
	assert_string_equal(out, "{\"architectures\":[\"SCMP_ARCH_AARCH64\",\"SCMP_ARCH_ARM\"],"
				 "\"syscalls\":[{\"names\":[\"old\"],\"action\":\"B\"}]}");
	free(out);
	assert_null(
		resolve("{\"architectures\":[\"a\"],\"archMap\":[{\"architecture\":\"b\"}]}", facts, &err));
	assert_string_equal(err.text, "architectures: 'architectures' and 'archMap' exclude each other");
	assert_null(
		resolve("{\"syscalls\":[{\"name\":\"a\",\"names\":[\"b\"],\"action\":\"B\"}]}", facts, &err));
	assert_string_equal(err.text, "syscalls[0].name: 'name' and 'names' exclude each other");
	assert_null(resolve(
		"{\"syscalls\":[{\"names\":[\"b\"],\"includes\":{\"minKernel\":\"x\"}}]}", facts, &err));
	assert_string_equal(err.text, "syscalls[0].includes.minKernel: 'x' is not a kernel version");
	assert_null(resolve("[]", facts, &err));
	assert_string_equal(err.text, "expected object, got array");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef __x86_64__
		cmocka_unit_test(test_seccomp_default_profile_native),
		cmocka_unit_test(test_seccomp_default_profile_other_abis),
		cmocka_unit_test(test_seccomp_default_profile_with_capabilities),
		cmocka_unit_test(test_seccomp_rules),
		cmocka_unit_test(test_seccomp_newer_calls_answer_enosys),
#endif
		cmocka_unit_test(test_seccomp_flags),
		cmocka_unit_test(test_seccomp_refusals),
		cmocka_unit_test(test_seccomp_in_the_record),
		cmocka_unit_test(test_seccomp_profile_includes_and_excludes),
		cmocka_unit_test(test_seccomp_profile_architectures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
