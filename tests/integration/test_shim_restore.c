/* SPDX-License-Identifier: Apache-2.0 */
/* Shims whose gantryd was killed, and the next one that takes them over. */
#include "tests/integration/shim_fixture.h"

/* ---- an earlier gantryd ------------------------------------------------------------- */
static int client[2]; /* a client's socket, made before the fork */

struct plan {
	const char *script;
	bool parked, until_exit, attached;
	int64_t stop_after; /* 0: no stop */
};

/* In a child; cmocka's jumps must not be left by it. */
static int be_earlier(const struct plan *p, struct job *j)
{
	struct launch_error why;
	struct shape o = { .open_stdin = true };
	struct shim_attach what = { .flags = PROTO_STREAM_STDOUT | PROTO_STREAM_RAW };

	if (new_hub() < 0 || try_launch(j, p->script, &o, &why) < 0)
		return 1;
	if (p->attached && shim_attach(j->shim, &what, client[1], &err) < 0)
		return 2;
	if (p->parked)
		return 0;
	if (shim_commit(j->shim, NULL, &why, &err) < 0)
		return 3;
	if (p->until_exit)
		event_of(j, PROTO_EVENT_EXIT);
	return p->stop_after && shim_stop(j->shim, SIGTERM, p->stop_after, &err) < 0 ? 4 : 0;
}

/* Runs a container under a gantryd that is killed when it has come so far. */
static void run_earlier(const struct plan *p, struct job *j, struct shim_facts *ret_facts)
{
	struct {
		int code;
		char id[ID_SIZE], cgroup[CGROUP_PATH_MAX];
		struct shim_facts facts;
	} told = { .code = -1 };
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		static struct job mine;
		told.code = be_earlier(p, &mine);
		memcpy(told.id, mine.id, sizeof told.id);
		memcpy(told.cgroup, mine.cgroup, sizeof told.cgroup);
		if (mine.shim)
			told.facts = *shim_facts(mine.shim);
		if (write(ends[1], &told, sizeof told) == (ssize_t)sizeof told)
			pause();
		_exit(1);
	}
	close(ends[1]);
	assert_int_equal(fd_read_full(ends[0], &told, sizeof told), sizeof told);
	close(ends[0]);
	assert_int_equal(told.code, 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	*j = (struct job){ .shim = NULL };
	told_init(&j->told);
	memcpy(j->id, told.id, sizeof j->id);
	memcpy(j->cgroup, told.cgroup, sizeof j->cgroup);
	*ret_facts = told.facts;
}

/* ---- restoring ------------------------------------------------------------------------- */
struct restoring {
	struct job *job;
	uint64_t acked;
	bool tear_down, kill;
	int found, remains;
	struct proto_shim_event events[4];
	size_t n;
};

static uint64_t say_acked(void *arg, const char *short_id)
{
	struct restoring *r = arg;

	assert_int_equal(strncmp(r->job->id, short_id, ID_SHORT_LEN), 0);
	return r->acked;
}

static void on_found(void *arg, const struct shim_found *f)
{
	struct restoring *r = arg;

	assert_int_equal(strncmp(r->job->id, f->short_id, ID_SHORT_LEN), 0);
	r->found++;
	if (!f->shim) {
		r->remains++;
		r->n = f->n;
		assert_true(f->n <= COUNT(r->events));
		if (f->n)
			memcpy(r->events, f->events, f->n * sizeof *f->events);
		return;
	}
	if (r->tear_down) {
		shim_teardown(f->shim);
		shim_unref(f->shim);
		return;
	}
	r->job->shim = f->shim;
	shim_set_data(f->shim, &r->job->told);
	if (r->kill)
		assert_done(shim_kill(f->shim, &err));
}

static void restore(struct restoring *r)
{
	struct shim_restore what = { say_acked, on_found, r };

	assert_done(shim_restore(hub, &what, &err));
}

static int setup(void **state)
{
	(void)state;
	before = look();
	return 0;
}

/* Orphaned shims are this process's children. */
static int teardown(void **state)
{
	(void)state;
	int64_t end = clock_mono_ns() + PATIENCE;

	free_hub();
	while (children() > before.children && clock_mono_ns() < end) {
		waitpid(-1, NULL, WNOHANG);
		usleep(1000);
	}
	return assert_nothing_left();
}

/* ---- tests --------------------------------------------------------------------------------- */
static void test_running_container_is_taken_over(void **state)
{
	(void)state;
	struct job j;
	struct shim_facts was;
	struct restoring r = { .job = &j };
	auto_str struct str said = STR_INIT(1 << 20);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, client), 0);
	run_earlier(&(struct plan){ .script = "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done",
			    .attached = true },
		&j, &was);
	close(client[1]);
	read_until(client[0], &said, "ready\n");
	close(client[0]);
	assert_int_equal(new_hub(), 0);
	restore(&r);
	assert_int_equal(r.found, 1);
	assert_int_equal(r.remains, 0);
	const struct shim_facts *f = shim_facts(j.shim);
	assert_string_equal(f->id, j.id);
	assert_int_equal(f->pid, was.pid);
	assert_int_equal(f->shim_pid, was.shim_pid);
	assert_int_equal(f->start_time, was.start_time);
	assert_string_equal(f->boot_id, was.boot_id);
	assert_int_equal(f->state, PROTO_STATE_RELEASED);
	assert_true(shim_pidfd(j.shim) >= 0 && shim_netns(j.shim) >= 0);
	assert_int_equal(event_of(&j, PROTO_EVENT_RELEASED).seq, 1);
	assert_done(shim_signal(j.shim, SIGTERM, &err));
	assert_int_equal(event_of(&j, PROTO_EVENT_EXIT).seq, 2);
	assert_exit_code(&j, 5);
}

static void test_exit_that_nobody_acknowledged_is_told_again(void **state)
{
	(void)state;
	struct job j;
	struct shim_facts was;
	struct restoring r = { .job = &j, .acked = 1 };

	run_earlier(&(struct plan){ .script = "echo last words; exit 6", .until_exit = true }, &j, &was);
	assert_int_equal(new_hub(), 0);
	restore(&r);
	assert_int_equal(shim_facts(j.shim)->state, PROTO_STATE_ENDED);
	assert_int_equal(shim_facts(j.shim)->last_seq, 2);
	event_of(&j, PROTO_EVENT_EXIT);
	assert_int_equal(j.told.events[0].kind, PROTO_EVENT_EXIT); /* the first was acknowledged */
	assert_exit_code(&j, 6);
}

static void test_stop_goes_on_without_gantryd(void **state)
{
	(void)state;
	struct job j;
	struct shim_facts was;
	struct restoring r = { .job = &j };

	run_earlier(&(struct plan){ .script = "trap '' TERM; while :; do sleep 0.01; done",
			    .stop_after = CLOCK_S / 5 },
		&j, &was);
	assert_int_equal(new_hub(), 0);
	restore(&r);
	struct proto_shim_event e = event_of(&j, PROTO_EVENT_EXIT);
	assert_true(e.forced && WIFSIGNALED(e.status));
	release(&j);
}

static void test_clients_go_on_without_gantryd(void **state)
{
	(void)state;
	struct job j;
	struct shim_facts was;
	struct restoring r = { .job = &j };
	auto_str struct str said = STR_INIT(1 << 20);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, client), 0);
	run_earlier(
		&(struct plan){ .script = "echo early; read x; echo got $x", .attached = true }, &j, &was);
	close(client[1]);
	read_until(client[0], &said, "early\n");
	assert_int_equal(new_hub(), 0);
	restore(&r);
	close(attach(&j, PROTO_STREAM_STDIN, "late\n", NULL));
	read_until(client[0], &said, NULL);
	assert_string_equal(str_text(&said), "early\ngot late\n");
	close(client[0]);
	assert_exit_code(&j, 0);
}

static void test_a_second_restart(void **state)
{
	(void)state;
	struct job j;
	struct shim_facts was;
	struct restoring r = { .job = &j };

	run_earlier(&(struct plan){ .script = "read x; exit 7" }, &j, &was);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(new_hub(), 0);
		restore(&r);
		if (i == 2)
			break;
		shim_unref(j.shim);
		free_hub();
	}
	close(attach(&j, PROTO_STREAM_STDIN, "go\n", NULL));
	assert_exit_code(&j, 7);
}

static bool is_gone(pid_t pid)
{
	int64_t end = clock_mono_ns() + PATIENCE;

	while (kill(pid, 0) == 0 && clock_mono_ns() < end) {
		waitpid(pid, NULL, WNOHANG);
		usleep(1000);
	}
	return kill(pid, 0) < 0;
}

static void test_gantryd_killed_before_the_commit_leaves_nothing_running(void **state)
{
	(void)state;
	struct job j;
	struct shim_facts was;
	struct restoring r = { .job = &j };

	run_earlier(&(struct plan){ .script = "echo never", .parked = true }, &j, &was);
	assert_true(is_gone(was.shim_pid));
	assert_true(is_gone(was.pid));
	assert_int_equal(cgroups_left(), 0);
	assert_int_equal(new_hub(), 0);
	restore(&r);
	assert_int_equal(r.remains, 1);
	assert_int_equal(r.n, 0);
	char short_id[ID_SHORT_SIZE];
	id_short(j.id, short_id);
	assert_done(shim_remove_folder(hub, short_id, &err));
	assert_done(shim_remove_folder(hub, short_id, &err));
}

static void test_remains_of_a_killed_shim(void **state)
{
	(void)state;
	struct job j;
	struct shim_facts was;
	struct restoring r = { .job = &j };
	struct cgroup cg;
	char short_id[ID_SHORT_SIZE];

	run_earlier(&(struct plan){ .script = "sleep 1000" }, &j, &was);
	kill(was.shim_pid, SIGKILL);
	assert_true(is_gone(was.shim_pid));
	assert_int_equal(new_hub(), 0);
	restore(&r);
	assert_int_equal(r.remains, 1);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.events[0].kind, PROTO_EVENT_RELEASED);
	assert_done(cgroup_open(&layout, j.cgroup, &cg, &err));
	assert_done(cgroup_kill(&cg, clock_mono_ns() + PATIENCE, &err));
	assert_true(is_gone(was.pid));
	assert_done(cgroup_remove(&cg, clock_mono_ns() + PATIENCE, &err));
	cgroup_close(&cg);
	id_short(j.id, short_id);
	assert_done(shim_remove_folder(hub, short_id, &err));
}

static void test_container_that_nobody_knows_is_torn_down(void **state)
{
	(void)state;
	struct job j;
	struct shim_facts was;
	struct restoring r = { .job = &j, .tear_down = true };

	run_earlier(&(struct plan){ .script = "sleep 1000" }, &j, &was);
	assert_int_equal(new_hub(), 0);
	restore(&r);
	assert_int_equal(r.found, 1);
	assert_int_equal(entries(SHIM_FOLDER), 0);
	assert_int_equal(cgroups_left(), 0);
	assert_true(is_gone(was.pid));
	assert_true(is_gone(was.shim_pid));
}

static void test_requests_while_restoring_do_not_lose_events(void **state)
{
	(void)state;
	struct job j;
	struct shim_facts was;
	struct restoring r = { .job = &j, .kill = true };

	run_earlier(&(struct plan){ .script = "sleep 1000" }, &j, &was);
	assert_int_equal(new_hub(), 0);
	restore(&r);
	assert_int_equal(event_of(&j, PROTO_EVENT_RELEASED).seq, 1);
	assert_int_equal(event_of(&j, PROTO_EVENT_EXIT).seq, 2);
	assert_true(WIFSIGNALED(finish(&j)));
}

static void test_half_an_event_in_the_journal_is_passed_over(void **state)
{
	(void)state;
	struct job j;
	char path[256], short_id[ID_SHORT_SIZE];
	struct restoring r = { .job = &j };
	struct proto_shim_event e = {
		.head = proto_shim_head(PROTO_SHIM_EVENT, sizeof e), .seq = 1, .kind = PROTO_EVENT_RELEASED
	};

	describe(&j);
	id_short(j.id, short_id);
	path_format(path, sizeof path, "%s/%s", SHIM_FOLDER, short_id);
	assert_int_equal(mkdir(path, 0700), 0);
	path_format(path, sizeof path, "%s/%s/journal", SHIM_FOLDER, short_id);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(fd_write_all(fd, &e, sizeof e), 0);
	assert_int_equal(fd_write_all(fd, &e, sizeof e / 2), 0);
	close(fd);
	assert_int_equal(new_hub(), 0);
	restore(&r);
	assert_int_equal(r.remains, 1);
	assert_int_equal(r.n, 1);
	assert_done(shim_remove_folder(hub, short_id, &err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_running_container_is_taken_over),
		TEST(test_exit_that_nobody_acknowledged_is_told_again),
		TEST(test_stop_goes_on_without_gantryd),
		TEST(test_clients_go_on_without_gantryd),
		TEST(test_a_second_restart),
		TEST(test_gantryd_killed_before_the_commit_leaves_nothing_running),
		TEST(test_remains_of_a_killed_shim),
		TEST(test_container_that_nobody_knows_is_torn_down),
		TEST(test_requests_while_restoring_do_not_lose_events),
		TEST(test_half_an_event_in_the_journal_is_passed_over),
	};

	return cmocka_run_group_tests_name("shim_restore", tests, group_setup, world_teardown);
}
