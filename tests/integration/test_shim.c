/* SPDX-License-Identifier: Apache-2.0 */
/* A container under its shim, from the launch to the acknowledged end. */
#include "tests/integration/shim_fixture.h"

#include "lib/logfile/reader.h"

/* ---- running ------------------------------------------------------------------------ */
static void test_run_and_acknowledge(void **state)
{
	(void)state;
	struct job j;

	launch(&j, "true", (struct shape){ 0 });
	const struct shim_facts *f = shim_facts(j.shim);
	assert_string_equal(f->id, j.id);
	assert_int_equal(f->state, PROTO_STATE_PARKED);
	assert_true(f->pid > 0 && f->shim_pid > 0 && f->start_time > 0);
	assert_int_equal(strlen(f->boot_id), 36);
	assert_true(shim_netns(j.shim) >= 0 && f->netns_fd >= 0);
	assert_int_equal(kill(f->pid, 0), 0);
	commit(&j);
	struct proto_shim_event released = event_of(&j, PROTO_EVENT_RELEASED);
	struct proto_shim_event exit = event_of(&j, PROTO_EVENT_EXIT);
	assert_int_equal(released.seq, 1);
	assert_int_equal(exit.seq, 2);
	assert_true(exit.time_ns >= released.time_ns);
	assert_int_equal(exit.oom, 0);
	assert_int_equal(shim_acknowledge(j.shim, 1), 0);
	assert_exit_code(&j, 0);
	assert_int_equal(entries(SHIM_FOLDER), 0);
}

static void test_exit_codes(void **state)
{
	(void)state;
	static const struct {
		const char *script;
		int code;
	} cases[] = { { "exit 0", 0 }, { "exit 1", 1 }, { "exit 42", 42 }, { "exit 255", 255 },
		{ "false", 1 }, { "no-such-program", 127 } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct job j;
		run(&j, cases[i].script, (struct shape){ 0 });
		assert_exit_code(&j, cases[i].code);
	}
}

static void test_many_at_a_time(void **state)
{
	(void)state;
	struct job *jobs = calloc(8, sizeof *jobs);

	assert_non_null(jobs);
	for (int i = 0; i < 8; i++) {
		char script[32];
		snprintf(script, sizeof script, "read x; exit %d", i);
		launch(&jobs[i], script, (struct shape){ .open_stdin = true, .stdin_once = true });
	}
	for (int i = 0; i < 8; i++) {
		int sock = attach(&jobs[i], PROTO_STREAM_STDIN, "go\n", NULL);
		commit(&jobs[i]);
		assert_stream(sock, "HEAD\n");
	}
	for (int i = 0; i < 8; i++)
		assert_exit_code(&jobs[i], i);
	free(jobs);
}

static void test_log_has_what_both_streams_said(void **state)
{
	(void)state;
	struct job j;
	char name[ID_SIZE + 16];
	struct logfile_reader *reader;
	struct logfile_entry e;
	int out = 0, other = 0;

	run(&j, "for i in $(seq 500); do echo out$i; done; echo error >&2; printf end", (struct shape){ 0 });
	assert_exit_code(&j, 0);
	path_format(name, sizeof name, "%s-json.log", j.id);
	auto_close int folder = open(LOG_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct logfile_reader_options o = LOGFILE_READER_OPTIONS(name);
	assert_done(logfile_reader_open(folder, &o, &reader, &err));
	while (logfile_reader_next(reader, &e) == 1) {
		char wanted[16];
		snprintf(wanted, sizeof wanted,
			e.stream == LOGFILE_STDERR ? "error\n"
			: out < 500                ? "out%d\n"
						   : "end",
			out + 1);
		assert_int_equal(e.text_n, strlen(wanted));
		assert_memory_equal(e.text, wanted, e.text_n);
		(*(e.stream == LOGFILE_STDERR ? &other : &out))++;
	}
	logfile_reader_close(reader);
	assert_int_equal(out, 501);
	assert_int_equal(other, 1);
}

static void test_log_rotates(void **state)
{
	(void)state;
	struct job j;
	char path[256];
	struct stat st;

	run(&j, "for i in $(seq 1000); do echo line$i; done",
		(struct shape){ .log_file_size = 10000, .log_files = 3 });
	assert_exit_code(&j, 0);
	for (int i = 0; i < 4; i++) {
		path_format(path, sizeof path, "%s/%s-json.log%s", LOG_FOLDER, j.id,
			(const char *[]){ "", ".1", ".2", ".3" }[i]);
		assert_int_equal(stat(path, &st), i < 3 ? 0 : -1);
		assert_true(i == 3 || st.st_size < 10200);
	}
}

/* ---- failures -------------------------------------------------------------------------- */
static void write_program(const char *name, const char *text)
{
	char path[256];

	path_format(path, sizeof path, "%s/rootfs/bin/%s", BUNDLE, name);
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static void test_exec_failure_is_an_event(void **state)
{
	(void)state;
	static const struct {
		const char *program;
		uint32_t phase;
		int code;
	} cases[] = { { "/bin/broken", LAUNCH_PHASE_EXEC, ENOEXEC },
		{ "/bin/no-interpreter", LAUNCH_PHASE_EXEC, ENOENT } };

	write_program("broken", "no program");
	write_program("no-interpreter", "#!/no/such/interpreter\n");

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct job j;
		struct launch_error why;
		launch(&j, NULL, (struct shape){ .program = cases[i].program });
		assert_true(shim_commit(j.shim, NULL, &why, &err) < 0);
		assert_int_equal(why.phase, cases[i].phase);
		assert_int_equal(why.code, cases[i].code);
		struct proto_shim_event e = event_of(&j, PROTO_EVENT_EXEC_FAILED);
		assert_int_equal(e.failed.phase, cases[i].phase);
		assert_int_equal(e.failed.code, cases[i].code);
		assert_string_equal(e.failed.detail, cases[i].program);
		assert_true(proto_shim_is_last(&e));
		assert_int_equal(shim_signal(j.shim, SIGTERM, &err), -ESRCH);
		release(&j);
	}
}

static void test_launch_failure_leaves_nothing(void **state)
{
	(void)state;
	struct job j;
	struct launch_error why = { 0 };
	struct shape o = { .program = "/no/such/program" };

	assert_true(try_launch(&j, NULL, &o, &why) < 0);
	assert_int_equal(why.code, ENOENT);
	assert_true(why.phase == LAUNCH_PHASE_EXEC || why.phase == LAUNCH_PHASE_LOOKUP);
	o = (struct shape){ .members = "\"sysctl\":{\"net.ipv4.ip_forward\":\"no number\"}" };
	assert_true(try_launch(&j, "true", &o, &why) < 0);
	assert_int_equal(why.phase, LAUNCH_PHASE_SYSCTL);
	assert_int_equal(entries(SHIM_FOLDER), 0);
	assert_int_equal(cgroups_left(), 0);
}

static void test_abandon_leaves_nothing(void **state)
{
	(void)state;
	struct job j;

	launch(&j, "echo never", (struct shape){ 0 });
	int sock = attach(&j, PROTO_STREAM_STDOUT | PROTO_STREAM_RAW, NULL, NULL);
	pid_t pid = shim_facts(j.shim)->pid;
	shim_abandon(j.shim);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(entries(SHIM_FOLDER), 0);
	assert_int_equal(cgroups_left(), 0);
	shim_unref(j.shim);
	assert_stream(sock, "HEAD\n");
}

static void test_parked_process_that_is_killed_fails_the_commit(void **state)
{
	(void)state;
	struct job j;
	struct launch_error why;

	launch(&j, "true", (struct shape){ 0 });
	struct pollfd p = { .fd = shim_pidfd(j.shim), .events = POLLIN };
	assert_int_equal(kill(shim_facts(j.shim)->pid, SIGKILL), 0);
	assert_int_equal(poll(&p, 1, 30000), 1);
	assert_true(shim_commit(j.shim, NULL, &why, &err) < 0);
	assert_int_not_equal(why.phase, LAUNCH_PHASE_NONE);
	event_of(&j, PROTO_EVENT_EXEC_FAILED);
	release(&j);
}

/* ---- signals, stop, kill -------------------------------------------------------------------- */
/* Traps are set when the container says so. */
static void run_ready(struct job *j, const char *script, struct shape o)
{
	auto_str struct str said = STR_INIT(1 << 20);

	launch(j, script, o);
	auto_close int sock = attach(j, PROTO_STREAM_STDOUT | PROTO_STREAM_RAW, NULL, NULL);
	commit(j);
	read_until(sock, &said, "ready\n");
}

static void test_signal(void **state)
{
	(void)state;
	struct job j;

	run_ready(&j, "trap 'exit 9' USR1; echo ready; while :; do sleep 0.01; done", (struct shape){ 0 });
	assert_done(shim_signal(j.shim, SIGUSR1, &err));
	struct proto_shim_event e = event_of(&j, PROTO_EVENT_EXIT);
	assert_int_equal(e.forced, 0);
	err = ERROR_INIT;
	assert_int_equal(shim_signal(j.shim, SIGTERM, &err), -ESRCH);
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_exit_code(&j, 9);
}

static void test_stop_lets_a_program_end(void **state)
{
	(void)state;
	struct job j;

	run_ready(&j, "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done", (struct shape){ 0 });
	assert_done(shim_stop(j.shim, SIGTERM, 20 * CLOCK_S, &err));
	assert_int_equal(event_of(&j, PROTO_EVENT_EXIT).forced, 0);
	assert_int_equal(event_of(&j, PROTO_EVENT_STOP_DONE).forced, 0);
	assert_exit_code(&j, 7);
}

static void test_stop_kills_at_its_time(void **state)
{
	(void)state;
	struct job j;
	int64_t begin;

	run_ready(&j, "trap '' TERM; echo ready; while :; do sleep 0.01; done", (struct shape){ 0 });
	begin = clock_mono_ns();
	assert_done(shim_stop(j.shim, SIGTERM, CLOCK_S / 5, &err));
	struct proto_shim_event e = event_of(&j, PROTO_EVENT_EXIT);
	assert_true(clock_mono_ns() - begin >= CLOCK_S / 5);
	assert_int_equal(e.forced, 1);
	assert_true(WIFSIGNALED(e.status) && WTERMSIG(e.status) == SIGKILL);
	assert_int_equal(event_of(&j, PROTO_EVENT_STOP_DONE).forced, 1);
	release(&j);
}

static void test_stop_takes_the_place_of_an_earlier_one(void **state)
{
	(void)state;
	struct job j;

	run_ready(&j, "trap '' TERM; echo ready; while :; do sleep 0.01; done", (struct shape){ 0 });
	assert_done(shim_stop(j.shim, SIGTERM, -1, &err));
	assert_done(shim_stop(j.shim, SIGTERM, 0, &err));
	assert_true(WIFSIGNALED(finish(&j)));
}

static void test_kill_takes_all_processes(void **state)
{
	(void)state;
	struct job j;

	run_ready(&j, "sleep 1000 & sleep 1000 & echo ready; wait", (struct shape){ .host_pids = true });
	assert_done(shim_kill(j.shim, &err));
	int status = finish(&j);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(cgroups_left(), 0);
}

static void test_end_without_a_pid_namespace_takes_all_processes(void **state)
{
	(void)state;
	struct job j;

	run(&j, "sleep 1000 & exit 5", (struct shape){ .host_pids = true });
	assert_exit_code(&j, 5);
	assert_int_equal(cgroups_left(), 0);
}

#define SMALL_MEMORY "\"resources\":{\"memory\":{\"limit\":8388608,\"swap\":8388608}}"
#define EATS_MEMORY  "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done"

static void test_out_of_memory_is_told(void **state)
{
	(void)state;
	struct job j;

	run(&j, EATS_MEMORY, (struct shape){ .members = SMALL_MEMORY });
	struct proto_shim_event e = event_of(&j, PROTO_EVENT_EXIT);
	assert_int_equal(e.oom, 1);
	assert_true(WIFSIGNALED(e.status) && WTERMSIG(e.status) == SIGKILL);
	assert_true(event_of(&j, PROTO_EVENT_OOM).seq < e.seq);
	release(&j);
}

static void test_out_of_memory_of_a_child_is_told_while_the_container_runs(void **state)
{
	(void)state;
	struct job j;

	run(&j, "sh -c '" EATS_MEMORY "'; read x; exit 3",
		(struct shape){ .members = SMALL_MEMORY, .open_stdin = true });
	event_of(&j, PROTO_EVENT_OOM);
	close(attach(&j, PROTO_STREAM_STDIN, "go\n", NULL));
	assert_int_equal(event_of(&j, PROTO_EVENT_EXIT).oom, 1);
	assert_exit_code(&j, 3);
}

/* ---- what is kept, and a shim that is killed --------------------------------------------------- */
static void test_kept_descriptors_live_until_the_end_is_acknowledged(void **state)
{
	(void)state;
	struct job j;
	int ends[2];
	struct pollfd p = { .events = POLLIN };

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	launch(&j, "true", (struct shape){ 0 });
	assert_done(shim_keep(j.shim, &ends[1], 1, &err));
	close(ends[1]);
	p.fd = ends[0];
	commit(&j);
	event_of(&j, PROTO_EVENT_EXIT);
	assert_int_equal(poll(&p, 1, 0), 0);
	release(&j);
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_true(p.revents & POLLHUP);
	close(ends[0]);
}

static void kill_cgroup(struct job *j)
{
	struct cgroup cg;

	assert_done(cgroup_open(&layout, j->cgroup, &cg, &err));
	assert_done(cgroup_kill(&cg, clock_mono_ns() + PATIENCE, &err));
	while (waitpid(shim_facts(j->shim)->pid, NULL, WNOHANG) > 0) /* ours, as orphans are */
		;
	assert_done(cgroup_remove(&cg, clock_mono_ns() + PATIENCE, &err));
	cgroup_close(&cg);
}

static void test_killed_shim_is_told(void **state)
{
	(void)state;
	struct job j;

	run_ready(&j, "echo ready; sleep 1000", (struct shape){ 0 });
	assert_int_equal(kill(shim_facts(j.shim)->shim_pid, SIGKILL), 0);
	await_death(&j);
	err = ERROR_INIT;
	assert_true(shim_signal(j.shim, SIGTERM, &err) < 0);
	assert_int_equal(err.kind, ERROR_UNAVAILABLE);
	kill_cgroup(&j);
	release(&j);
}

static void test_shim_that_is_killed_before_the_commit(void **state)
{
	(void)state;
	struct job j;
	struct launch_error why;

	launch(&j, "echo never", (struct shape){ 0 });
	struct pollfd p = { .fd = shim_pidfd(j.shim), .events = POLLIN };
	assert_int_equal(kill(shim_facts(j.shim)->shim_pid, SIGKILL), 0);
	assert_int_equal(poll(&p, 1, 30000), 1); /* the parked process goes with it */
	err = ERROR_INIT;
	assert_true(shim_commit(j.shim, NULL, &why, &err) < 0);
	assert_int_equal(why.phase, LAUNCH_PHASE_NONE);
	assert_int_equal(err.kind, ERROR_UNAVAILABLE);
	kill_cgroup(&j);
	release(&j);
	assert_int_equal(j.told.n, 0);
	assert_false(j.told.died);
}

static void test_teardown_ends_a_running_container(void **state)
{
	(void)state;
	struct job j;

	run_ready(&j, "echo ready; sleep 1000", (struct shape){ 0 });
	shim_teardown(j.shim);
	shim_unref(j.shim);
	assert_int_equal(entries(SHIM_FOLDER), 0);
	assert_int_equal(cgroups_left(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_hub, teardown_hub)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_run_and_acknowledge),
		TEST(test_exit_codes),
		TEST(test_many_at_a_time),
		TEST(test_log_has_what_both_streams_said),
		TEST(test_log_rotates),
		TEST(test_exec_failure_is_an_event),
		TEST(test_launch_failure_leaves_nothing),
		TEST(test_abandon_leaves_nothing),
		TEST(test_parked_process_that_is_killed_fails_the_commit),
		TEST(test_signal),
		TEST(test_stop_lets_a_program_end),
		TEST(test_stop_kills_at_its_time),
		TEST(test_stop_takes_the_place_of_an_earlier_one),
		TEST(test_kill_takes_all_processes),
		TEST(test_end_without_a_pid_namespace_takes_all_processes),
		TEST(test_out_of_memory_is_told),
		TEST(test_out_of_memory_of_a_child_is_told_while_the_container_runs),
		TEST(test_kept_descriptors_live_until_the_end_is_acknowledged),
		TEST(test_killed_shim_is_told),
		TEST(test_shim_that_is_killed_before_the_commit),
		TEST(test_teardown_ends_a_running_container),
	};

	return cmocka_run_group_tests_name("shim", tests, group_setup, world_teardown);
}
