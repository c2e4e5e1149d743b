/* SPDX-License-Identifier: Apache-2.0 */
/* The process of a container, and of an exec. */
#include "tests/unit/compile_fixture.h"

#include <errno.h>
#include <sched.h>
#include <sys/capability.h>
#include <sys/resource.h>

#define N(array) (sizeof(array) / sizeof(array)[0])
#define BIT(cap) (UINT64_C(1) << (cap))

static void test_process_every_member(void **state)
{
	struct fixture fx;
	const struct launch_record *rec;
	const struct launch_process *p;
	const uint32_t *groups;

	(void)state;
	fixture_init(&fx);
	fx.opts.apparmor = fx.opts.selinux = true;
	fx.opts.preserve_fds = 2;
	fx.nfds = 2;
	rec = fixture_compile(&fx, PROCESS,
		"\"args\":[\"/bin/a\",\"\",\"b "
		"c\"],\"cwd\":\"/w\",\"env\":[\"A=1\",\"B=\",\"A=2\"],\"terminal\":true,"
		"\"consoleSize\":{\"height\":24,\"width\":65535},\"noNewPrivileges\":true,\"oomScoreAdj\":-"
		"999,"
		"\"apparmorProfile\":\"p\",\"selinuxLabel\":\"l\","
		"\"user\":{\"uid\":1000,\"gid\":100,\"umask\":18,\"additionalGids\":[5,100,6]},"
		"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":10,\"hard\":18446744073709551615}],"
		"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_IDLE\",\"priority\":4},"
		"\"scheduler\":{\"policy\":\"SCHED_DEADLINE\",\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\","
		"\"SCHED_FLAG_RECLAIM\"],"
		"\"nice\":-5,\"priority\":7,\"runtime\":1,\"deadline\":2,\"period\":3}");
	p = &rec->process;
	assert_int_equal(p->flags, LAUNCH_PROC_TTY | LAUNCH_PROC_NO_NEW_PRIVS | LAUNCH_PROC_OOM_SCORE |
					   LAUNCH_PROC_IOPRIO | LAUNCH_PROC_SCHEDULER | LAUNCH_PROC_CAPS);
	assert_int_equal(p->args.n, 3);
	assert_string_equal(fixture_str(rec, p->args, 0), "/bin/a");
	assert_string_equal(fixture_str(rec, p->args, 1), "");
	assert_string_equal(launch_text(rec, p->cwd), "/w");
	assert_int_equal(p->env.n, 2);
	assert_string_equal(fixture_str(rec, p->env, 0), "B=");
	assert_string_equal(fixture_str(rec, p->env, 1), "A=2");
	assert_int_equal(p->console_height, 24);
	assert_int_equal(p->console_width, 65535);
	assert_int_equal(p->oom_score_adj, -999);
	assert_string_equal(launch_text(rec, p->apparmor), "p");
	assert_string_equal(launch_text(rec, p->selinux), "l");
	assert_int_equal(p->uid, 1000);
	assert_int_equal(p->gid, 100);
	assert_int_equal(p->umask, 022);
	assert_int_equal(p->groups.n, 3);
	groups = launch_items(rec, p->groups, uint32_t);
	assert_int_equal(groups[0], 100);
	assert_int_equal(groups[1], 5);
	assert_int_equal(groups[2], 6);
	assert_int_equal(p->rlimits.n, 1);
	assert_int_equal(launch_items(rec, p->rlimits, struct launch_rlimit)->resource, RLIMIT_NOFILE);
	assert_int_equal(launch_items(rec, p->rlimits, struct launch_rlimit)->soft, 10);
	assert_true(launch_items(rec, p->rlimits, struct launch_rlimit)->hard == UINT64_MAX);
	assert_int_equal(p->ioprio, 3 << 13 | 4);
	assert_int_equal(p->sched_policy, 6);
	assert_int_equal(p->sched_flags, 3);
	assert_int_equal(p->sched_nice, -5);
	assert_int_equal(p->sched_priority, 7);
	assert_int_equal(p->sched_runtime, 1);
	assert_int_equal(p->sched_deadline, 2);
	assert_int_equal(p->sched_period, 3);
	assert_int_equal(p->preserve_fds, 2);
	fixture_done(&fx);
}

static void test_process_primary_group_is_supplementary(void **state)
{
	struct fixture fx;
	const struct launch_record *rec;

	(void)state;
	fixture_init(&fx);
	rec = fixture_compile(&fx, PROCESS, "\"user\":{\"uid\":5,\"gid\":7}");
	assert_int_equal(rec->process.groups.n, 1);
	assert_int_equal(launch_items(rec, rec->process.groups, uint32_t)[0], 7);
	fixture_done(&fx);
}

static void test_process_user_of_the_engine(void **state)
{
	static const char *const groups[] = { "audio", "12" };
	struct fixture fx;
	const struct launch_record *rec;

	(void)state;
	fixture_init(&fx);
	fx.opts.user = "web:www";
	fx.opts.user_groups = groups;
	fx.opts.n_user_groups = 2;
	fx.opts.make_cwd = true;
	rec = fixture_compile(&fx, PROCESS, "");
	assert_string_equal(launch_text(rec, rec->process.user), "web:www");
	assert_string_equal(fixture_str(rec, rec->process.user_groups, 1), "12");
	assert_true(rec->process.flags & LAUNCH_PROC_OWN_CWD);
	fixture_done(&fx);
}

static void test_caps_five_sets(void **state)
{
	struct fixture fx;
	const struct launch_process *p;

	(void)state;
	fixture_init(&fx);
	p = &fixture_compile(&fx, PROCESS,
		"\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_KILL\"],\"permitted\":[\"CAP_KILL\","
		"\"CAP_NET_RAW\"],"
		"\"effective\":[\"CAP_KILL\"],\"inheritable\":[\"CAP_KILL\"],\"ambient\":[\"CAP_KILL\"]}")
		     ->process;
	assert_true(p->flags & LAUNCH_PROC_CAPS);
	assert_true(p->cap_bounding == (BIT(CAP_CHOWN) | BIT(CAP_KILL)));
	assert_true(p->cap_permitted == (BIT(CAP_NET_RAW) | BIT(CAP_KILL)));
	assert_true(p->cap_effective == BIT(CAP_KILL));
	assert_true(p->cap_inheritable == BIT(CAP_KILL));
	assert_true(p->cap_ambient == BIT(CAP_KILL));
	p = &fixture_compile(&fx, PROCESS, "")->process;
	assert_true(p->flags & LAUNCH_PROC_CAPS);
	assert_true(p->cap_bounding == 0 && p->cap_permitted == 0);
	fixture_done(&fx);
}

static void test_caps_unknown_ones_are_left_out_with_a_warning(void **state)
{
	static const char *const names[] = { "CAP_FUTURE", "chown", "CAP_", "CAP_63", "CAP_1", "cap_chown",
		"" };
	struct fixture fx;
	const struct launch_process *p;

	(void)state;
	fixture_init(&fx);
	for (size_t i = 0; i < N(names); i++) {
		char members[100], warning[200];

		snprintf(members, sizeof members, "\"capabilities\":{\"bounding\":[\"%s\",\"CAP_KILL\"]}",
			names[i]);
		p = &fixture_compile(&fx, PROCESS, members)->process;
		assert_true(p->cap_bounding == BIT(CAP_KILL));
		snprintf(warning, sizeof warning,
			"capability '%s' (bounding) is unknown to this kernel: left out\n", names[i]);
		assert_string_equal(fx.warnings, warning);
	}
	p = &fixture_compile(
		&fx, PROCESS, "\"capabilities\":{\"permitted\":[\"CAP_KILL\"],\"ambient\":[\"CAP_KILL\"]}")
		     ->process;
	assert_true(p->cap_ambient == 0);
	assert_string_equal(
		fx.warnings, "ambient capabilities that are not permitted and inheritable are left out\n");
	fixture_done(&fx);
}

static void test_process_refusals(void **state)
{
	static const struct refusal cases[] = {
		{ PROCESS, "\"args\":[]", "process.args: a program is needed", ERROR_INVALID },
		{ PROCESS, "\"args\":null", "process.args: a program is needed", ERROR_INVALID },
		{ PROCESS, "\"args\":[\"a\",2]", "process.args[1]: expected string, got number",
			ERROR_INVALID },
		{ PROCESS, "\"cwd\":\"a\"", "process.cwd: 'a' is not an absolute path", ERROR_INVALID },
		{ PROCESS, "\"cwd\":null", "process.cwd: is needed", ERROR_INVALID },
		{ PROCESS, "\"env\":[\"A=1\",\"B\"]", "process.env[1]: 'B' is not of the form NAME=value",
			ERROR_INVALID },
		{ PROCESS, "\"env\":[\"=1\"]", "process.env[0]: '=1' is not of the form NAME=value",
			ERROR_INVALID },
		{ PROCESS, "\"terminal\":1", "process.terminal: expected bool, got number", ERROR_INVALID },
		{ PROCESS, "\"consoleSize\":{\"height\":65536}",
			"process.consoleSize.height: an integer from 0 to 65535 is needed", ERROR_INVALID },
		{ PROCESS, "\"user\":{\"uid\":-1}",
			"process.user.uid: an integer from 0 to 4294967295 is needed", ERROR_INVALID },
		{ PROCESS, "\"user\":{\"uid\":4294967296}",
			"process.user.uid: an integer from 0 to 4294967295 is needed", ERROR_INVALID },
		{ PROCESS, "\"user\":{\"gid\":4294967295}", "process.user.gid: 4294967295 is no id",
			ERROR_INVALID },
		{ PROCESS, "\"user\":{\"uid\":1.5}",
			"process.user.uid: an integer from 0 to 4294967295 is needed", ERROR_INVALID },
		{ PROCESS, "\"user\":{\"umask\":512}",
			"process.user.umask: an integer from 0 to 511 is needed", ERROR_INVALID },
		{ PROCESS, "\"user\":{\"username\":\"x\"}",
			"process.user.username: user names are for Windows; uid and gid are used here",
			ERROR_UNSUPPORTED },
		{ PROCESS, "\"user\":{\"additionalGids\":[1,\"a\"]}",
			"process.user.additionalGids[1]: expected number, got string", ERROR_INVALID },
		{ PROCESS, "\"commandLine\":\"x\"",
			"process.commandLine: command lines are for Windows; args are used here",
			ERROR_UNSUPPORTED },
		{ PROCESS, "\"execCPUAffinity\":{\"initial\":\"0\"}",
			"process.execCPUAffinity: CPU affinity of exec is not supported", ERROR_UNSUPPORTED },
		{ PROCESS, "\"rlimits\":[{\"type\":\"RLIMIT_FOO\",\"soft\":1,\"hard\":1}]",
			"process.rlimits[0].type: unknown limit 'RLIMIT_FOO'", ERROR_INVALID },
		{ PROCESS, "\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":2,\"hard\":1}]",
			"process.rlimits[0]: the soft limit is above the hard one", ERROR_INVALID },
		{ PROCESS, "\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":2}]",
			"process.rlimits[0]: soft and hard are needed", ERROR_INVALID },
		{ PROCESS,
			"\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1},{\"type\":\"RLIMIT_"
			"CPU\",\"soft\":1,\"hard\":1}]",
			"process.rlimits[1].type: a second 'RLIMIT_CPU'", ERROR_INVALID },
		{ PROCESS, "\"oomScoreAdj\":1001",
			"process.oomScoreAdj: an integer from -1000 to 1000 is needed", ERROR_INVALID },
		{ PROCESS, "\"ioPriority\":{\"class\":\"X\"}", "process.ioPriority.class: unknown class 'X'",
			ERROR_INVALID },
		{ PROCESS, "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT\",\"priority\":8}",
			"process.ioPriority.priority: an integer from 0 to 7 is needed", ERROR_INVALID },
		{ PROCESS, "\"scheduler\":{}", "process.scheduler.policy: is needed", ERROR_INVALID },
		{ PROCESS, "\"scheduler\":{\"policy\":\"SCHED_X\"}",
			"process.scheduler.policy: unknown policy 'SCHED_X'", ERROR_INVALID },
		{ PROCESS, "\"scheduler\":{\"policy\":\"SCHED_RR\",\"flags\":[\"F\"]}",
			"process.scheduler.flags[0]: unknown flag 'F'", ERROR_INVALID },
		{ PROCESS, "\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":20}",
			"process.scheduler.nice: an integer from -20 to 19 is needed", ERROR_INVALID },
		{ PROCESS, "\"apparmorProfile\":\"p\"",
			"process.apparmorProfile: profile 'p' is asked for, but AppArmor is not enabled here",
			ERROR_UNSUPPORTED },
		{ PROCESS, "\"selinuxLabel\":\"l\"",
			"process.selinuxLabel: label 'l' is asked for, but SELinux is not enabled here",
			ERROR_UNSUPPORTED },
		{ PROCESS, "\"capabilities\":{\"effective\":[\"CAP_KILL\"]}",
			"process.capabilities.effective: 'cap_kill' is not among the permitted ones",
			ERROR_INVALID },
	};
	struct fixture fx;

	(void)state;
	fixture_init(&fx);
	fixture_refuse(&fx, cases, N(cases));
	fixture_done(&fx);
}

static void test_process_size_is_bounded(void **state)
{
	struct fixture fx;
	char *text = NULL, *arg = malloc(2 << 20);

	(void)state;
	fixture_init(&fx);
	memset(arg, 'x', (2 << 20) - 1);
	arg[(2 << 20) - 1] = '\0';
	assert_true(asprintf(&text, "\"args\":[\"%s\"]", arg) > 0);
	assert_int_equal(fixture_try(&fx, PROCESS, text), -E2BIG);
	assert_string_equal(fx.err.text, "the configuration needs more than 1048576 bytes");
	free(text);
	free(arg);
	fixture_done(&fx);
}

/* ---- exec ------------------------------------------------------------------------- */
static const struct launch_record *compile_exec(
	struct fixture *fx, const char *process_text, const char *config_text)
{
	struct json *process = NULL, *config = NULL;
	const char *why = NULL;

	launch_block_done(&fx->block);
	assert_int_equal(json_parse(process_text, strlen(process_text), 0, &process, &fx->err), 0);
	assert_int_equal(json_parse(config_text, strlen(config_text), 0, &config, &fx->err), 0);
	if (compile_process(process, config, &fx->opts, &fx->block, &fx->err) == 0) {
		if (launch_record_check(fx->block.data, fx->block.size, fx->nfds, &why) < 0)
			fail_msg("the record is refused for '%s'", why);
	}
	json_free(process);
	json_free(config);
	return fx->block.data;
}

static void test_process_exec_inherits(void **state)
{
	const struct compile_join joins[] = { { CLONE_NEWPID, LAUNCH_NO_FD, "/proc/7/ns/pid" } };
	char *config = fixture_text(PROCESS,
		"\"env\":[\"HOME=/"
		"\"],\"capabilities\":{\"bounding\":[\"CAP_CHOWN\"]},\"noNewPrivileges\":true,"
		"\"oomScoreAdj\":3,"
		"\"apparmorProfile\":\"p\",\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1}]");
	struct fixture fx;
	const struct launch_record *rec;

	(void)state;
	fixture_init(&fx);
	fx.opts.apparmor = true;
	fx.opts.joins = joins;
	fx.opts.n_joins = 1;
	rec = compile_exec(&fx, "{\"args\":[\"ls\"],\"cwd\":\"/tmp\"}", config);
	assert_non_null(rec);
	assert_int_equal(rec->flags, LAUNCH_F_EXEC);
	assert_int_equal(rec->joins.n, 1);
	assert_string_equal(launch_text(rec, rec->cgroup_path), "/c1");
	assert_int_equal(rec->process.env.n, 0);
	assert_true(rec->process.cap_bounding == BIT(CAP_CHOWN));
	assert_int_equal(
		rec->process.flags, LAUNCH_PROC_CAPS | LAUNCH_PROC_NO_NEW_PRIVS | LAUNCH_PROC_OOM_SCORE);
	assert_string_equal(launch_text(rec, rec->process.apparmor), "p");
	assert_int_equal(rec->process.rlimits.n, 1);
	rec = compile_exec(&fx,
		"{\"args\":[\"ls\"],\"cwd\":\"/"
		"\",\"capabilities\":{},\"noNewPrivileges\":false,\"apparmorProfile\":\"q\",\"oomScoreAdj\":"
		"0,"
		"\"rlimits\":[]}",
		config);
	assert_true(rec->process.cap_bounding == 0);
	assert_int_equal(rec->process.flags, LAUNCH_PROC_CAPS | LAUNCH_PROC_OOM_SCORE);
	assert_string_equal(launch_text(rec, rec->process.apparmor), "q");
	assert_int_equal(rec->process.rlimits.n, 0);
	free(config);
	fixture_done(&fx);
}

static void test_process_exec_names_its_places(void **state)
{
	char *config = fixture_text(TOP, "");
	struct fixture fx;

	(void)state;
	fixture_init(&fx);
	assert_null(compile_exec(&fx, "{\"args\":[\"ls\"],\"cwd\":\"/\",\"user\":{\"uid\":\"0\"}}", config));
	assert_string_equal(fx.err.text, "process.user.uid: expected number, got string");
	assert_null(compile_exec(&fx, "[]", config));
	assert_string_equal(fx.err.text, "process: expected object, got array");
	free(config);
	fixture_done(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_process_every_member),
		cmocka_unit_test(test_process_primary_group_is_supplementary),
		cmocka_unit_test(test_process_user_of_the_engine),
		cmocka_unit_test(test_caps_five_sets),
		cmocka_unit_test(test_caps_unknown_ones_are_left_out_with_a_warning),
		cmocka_unit_test(test_process_refusals),
		cmocka_unit_test(test_process_size_is_bounded),
		cmocka_unit_test(test_process_exec_inherits),
		cmocka_unit_test(test_process_exec_names_its_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
