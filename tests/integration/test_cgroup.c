/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a cgroup in the hierarchies of the running kernel: making, joining, freezing, killing, removing. */
#include "tests/integration/cgroup_fixture.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>

static bool on_v1(enum cgroup_controller controller)
{
	return cgroup_layout_has(&layout, controller) && !cgroup_layout_on_v2(&layout, controller);
}

/* ---- making ----------------------------------------------------------------- */
static void test_create_makes_a_directory_in_every_hierarchy(void **state)
{
	(void)state;
	struct cgroup cg;
	char instance[16];

	make("every", 0, &cg);
	assert_int_equal(cg.made, (UINT32_C(1) << layout.n) - 1);
	for (size_t i = 0; i < layout.n; i++) {
		assert_true(cg.dir[i] >= 0);
		assert_int_equal(cg.tasks[i] >= 0, !layout.hierarchies[i].v2);
	}
	assert_int_equal(cgroup_populated(&cg), 0);
	assert_int_equal(cgroup_instance(&cg, instance, sizeof instance), 0);
	assert_string_equal(instance, "test");
	finish(&cg);
}

static void test_create_fills_cpuset_and_lets_the_kernel_fill_the_next(void **state)
{
	(void)state;
	struct cgroup first, second;
	char parent[CGROUP_PATH_MAX];
	char cpus[8192];

	skip_without(on_v1(CGROUP_CPUSET), "no v1 cpuset controller");
	make("cpuset/first", 0, &first);
	snprintf(cpus, sizeof cpus, "%s", text_of(&first, CGROUP_CPUSET, "cpuset.cpus"));
	assert_true(cpus[0]);
	assert_true(text_of(&first, CGROUP_CPUSET, "cpuset.mems")[0]);
	assert_string_equal(text_of(&first, CGROUP_CPUSET, "cgroup.clone_children"), "1");
	/* Somebody else's parent, without clone_children. */
	snprintf(parent, sizeof parent, "%s%s", layout.hierarchies[layout.owner[CGROUP_CPUSET]].mount_point,
		path_of("foreign"));
	assert_int_equal(mkdir(parent, 0755), 0);
	auto_close int dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(cgroup_file_write(dir, "cgroup.clone_children", "0"), 0);
	assert_int_equal(cgroup_file_write(dir, "cpuset.cpus", "\n"), 0);
	make("foreign/second", 0, &second);
	assert_string_equal(text_of(&second, CGROUP_CPUSET, "cpuset.cpus"), cpus);
	char left[8];
	assert_true(cgroup_file_read(dir, "cgroup.clone_children", left, sizeof left) > 0);
	assert_string_equal(left, "0");
	finish(&first);
	finish(&second);
	assert_done(cgroup_remove_empty(&layout, path_of("foreign"), &err));
	assert_done(cgroup_remove_empty(&layout, path_of("cpuset"), &err));
}

static void test_create_takes_an_empty_one_and_refuses_a_used_one(void **state)
{
	(void)state;
	struct cgroup cg, again;
	struct cgroup_spec spec = { .path = path_of("used") };

	make("used", 0, &cg);
	assert_done(cgroup_create(&layout, &spec, &again, &err));
	assert_int_equal(again.made, 0);
	cgroup_close(&again);
	start(&cg, run_forever, NULL);
	assert_int_equal(cgroup_create(&layout, &spec, &again, &err), -EEXIST);
	assert_int_equal(err.kind, ERROR_CONFLICT);
	spec.reuse_populated = true;
	assert_done(cgroup_create(&layout, &spec, &again, &err));
	cgroup_close(&again);
	finish(&cg);
}

static void test_create_refuses_a_frozen_one(void **state)
{
	(void)state;
	struct cgroup cg, again;
	struct cgroup_spec spec = { .path = path_of("cold") };

	skip_without(cgroup_layout_has(&layout, CGROUP_FREEZER), "no freezer");
	make("cold", 0, &cg);
	assert_done(cgroup_freeze(&cg, patience(), &err));
	assert_int_equal(cgroup_create(&layout, &spec, &again, &err), -EEXIST);
	assert_done(cgroup_thaw(&cg, patience(), &err));
	finish(&cg);
}

static void test_create_that_fails_leaves_nothing(void **state)
{
	(void)state;
	struct cgroup_layout broken = layout;
	struct cgroup cg;
	struct cgroup_spec spec = { .path = path_of("half") };

	assert_true(broken.n < CGROUP_HIERARCHIES_MAX);
	broken.hierarchies[broken.n++] = (struct cgroup_hierarchy){ .mount_point = "/proc/none",
		.name = "none" };
	assert_int_equal(cgroup_create(&broken, &spec, &cg, &err), -ENOENT);
	assert_int_equal(cgroup_open(&layout, spec.path, &cg, &err), -ENOENT);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

static void test_open_finds_what_another_made(void **state)
{
	(void)state;
	struct cgroup cg, other;

	make("adopted", 0, &cg);
	start(&cg, run_forever, NULL);
	assert_done(cgroup_open(&layout, cg.path, &other, &err));
	assert_int_equal(cgroup_populated(&other), 1);
	cgroup_close(&other);
	finish(&cg);
}

static void test_create_tells_of_processes_above(void **state)
{
	(void)state;
	struct cgroup cg, below;
	char path[CGROUP_PATH_MAX];

	skip_without(cgroup_layout_on_v2(&layout, CGROUP_PIDS), "the pids controller is not on v2");
	make("above", 0, &cg);
	start(&cg, run_forever, NULL);
	snprintf(path, sizeof path, "%s", path_of("above/below"));
	struct cgroup_spec spec = { .path = path, .controllers = CGROUP_BIT(CGROUP_PIDS) };
	assert_int_equal(cgroup_create(&layout, &spec, &below, &err), -EBUSY);
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_non_null(strstr(err.text, "'pids'"));
	assert_int_equal(cgroup_open(&layout, path, &below, &err), -ENOENT);
	finish(&cg);
}

/* ---- joining ---------------------------------------------------------------- */
/* Every line of /proc/self/cgroup ends in the cgroup's path. */
static int check_inside(void *arg)
{
	auto_free char *text = NULL;
	const struct cgroup *cg = arg;
	size_t lines = 0;

	if (fd_read_file(AT_FDCWD, "/proc/self/cgroup", 65536, &text, NULL) < 0)
		return 1;
	for (char *line = text; *line; lines++) {
		char *end = line + strcspn(line, "\n");
		size_t path = strlen(cg->path);
		if ((size_t)(end - line) < path || memcmp(end - path, cg->path, path) != 0)
			return 2;
		line = *end ? end + 1 : end;
	}
	return lines < cg->layout->n ? 3 : 0;
}

static void test_join_self_reaches_every_hierarchy(void **state)
{
	(void)state;
	struct cgroup cg;

	make("joined", 0, &cg);
	assert_int_equal(run_in(&cg, check_inside, &cg), 0);
	finish(&cg);
}

static void test_join_pid_moves_a_running_process(void **state)
{
	(void)state;
	struct cgroup cg;
	int go[2];
	char byte = 0;

	make("moved", 0, &cg);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(read(go[0], &byte, 1) == 1 ? check_inside(&cg) : 4);
	assert_done(cgroup_join_pid(&cg, pid, &err));
	assert_int_equal(write(go[1], &byte, 1), 1);
	int status = wait_status(pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(go[0]);
	close(go[1]);
	finish(&cg);
}

static void test_v2_fd_of_finds_where_a_container_moved_its_process(void **state)
{
	(void)state;
	struct cgroup cg;
	char pid_text[16];
	struct stat found, wanted;
	int v2 = cgroup_layout_v2(&layout);

	skip_without(v2 >= 0, "no v2 hierarchy");
	make("scope", 0, &cg);
	pid_t pid = start(&cg, run_forever, NULL);
	assert_int_equal(mkdirat(cg.dir[v2], "init.scope", 0755), 0);
	snprintf(pid_text, sizeof pid_text, "%d", pid);
	assert_int_equal(cgroup_file_write(cg.dir[v2], "init.scope/cgroup.procs", pid_text), 0);
	auto_close int fd = cgroup_v2_fd_of(&cg, pid);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &found), 0);
	assert_int_equal(fstatat(cg.dir[v2], "init.scope", &wanted, 0), 0);
	assert_int_equal(found.st_ino, wanted.st_ino);
	assert_int_equal(cgroup_v2_fd_of(&cg, getpid()), -EXDEV);
	finish(&cg);
}

/* ---- freezing --------------------------------------------------------------- */
static int count_up(void *arg)
{
	volatile uint64_t *counter = arg;

	while (++*counter)
		;
	return 0;
}

static void wait_for_change(const volatile uint64_t *counter, uint64_t from)
{
	int64_t deadline = patience();

	while (*counter == from && clock_mono_ns() < deadline)
		sched_yield();
	assert_true(*counter != from);
}

static void test_freeze_stops_and_thaw_continues(void **state)
{
	(void)state;
	struct cgroup cg;
	volatile uint64_t *counter = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	skip_without(cgroup_layout_has(&layout, CGROUP_FREEZER), "no freezer");
	make("paused", 0, &cg);
	start(&cg, count_up, (void *)counter);
	wait_for_change(counter, 0);
	assert_int_equal(cgroup_frozen(&cg), 0);
	assert_done(cgroup_freeze(&cg, patience(), &err));
	assert_int_equal(cgroup_frozen(&cg), 1);
	uint64_t still = *counter;
	for (int i = 0; i < 1000; i++)
		sched_yield();
	assert_int_equal(*counter, still);
	assert_done(cgroup_thaw(&cg, patience(), &err));
	assert_int_equal(cgroup_frozen(&cg), 0);
	wait_for_change(counter, still);
	finish(&cg);
	munmap((void *)counter, 4096);
}

static void test_kill_ends_a_frozen_cgroup(void **state)
{
	(void)state;
	struct cgroup cg;

	skip_without(cgroup_layout_has(&layout, CGROUP_FREEZER), "no freezer");
	make("frozen", 0, &cg);
	pid_t pid = start(&cg, run_forever, NULL);
	assert_done(cgroup_freeze(&cg, patience(), &err));
	assert_done(cgroup_kill(&cg, patience(), &err));
	assert_int_equal(cgroup_populated(&cg), 0);
	int status = wait_status(pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	finish(&cg);
}

/* ---- processes -------------------------------------------------------------- */
static void test_pids_names_processes_below_as_well(void **state)
{
	(void)state;
	struct cgroup cg, below;
	size_t n = 0;

	/* In this order: v2 takes no process into a cgroup that passes controllers on. */
	make("tree", 0, &cg);
	pid_t a = start(&cg, run_forever, NULL);
	make("tree/branch/leaf", 0, &below);
	pid_t b = start(&below, run_forever, NULL);
	auto_free pid_t *pids = NULL;
	assert_int_equal(cgroup_pids(&cg, 10, &pids, &n), 0);
	assert_int_equal(n, 2);
	assert_true((pids[0] == a && pids[1] == b) || (pids[0] == b && pids[1] == a));
	assert_int_equal(cgroup_pids(&cg, 1, &pids, &n), -E2BIG);
	assert_int_equal(cgroup_signal(&below, SIGTERM, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(WTERMSIG(wait_status(b)), SIGTERM);
	cgroup_close(&below);
	finish(&cg);
}

/* Forks without end; each process forks until it may not, and goes on when another died. */
static int fork_bomb(void *arg)
{
	(void)arg;
	signal(SIGCHLD, SIG_IGN);
	while (fork() >= 0 || sched_yield() == 0)
		;
	return 0;
}

static void test_kill_ends_a_fork_bomb(void **state)
{
	(void)state;
	struct cgroup cg;
	const struct cgroup_setting limit = { .controller = CGROUP_PIDS, .file = "pids.max", .value = "64" };
	int64_t deadline = patience();
	uint64_t now = 0;

	skip_without(cgroup_layout_has(&layout, CGROUP_PIDS), "no pids controller");
	make("bomb", CGROUP_BIT(CGROUP_PIDS), &cg);
	assert_done(cgroup_apply(&cg, &limit, 1, &err));
	start(&cg, fork_bomb, NULL);
	while (now < 32 && clock_mono_ns() < deadline)
		assert_int_equal(
			cgroup_file_number(cg.dir[layout.owner[CGROUP_PIDS]], "pids.current", &now), 0);
	assert_true(now >= 32);
	assert_done(cgroup_kill(&cg, patience(), &err));
	assert_int_equal(cgroup_populated(&cg), 0);
	finish(&cg);
}

/* ---- removing --------------------------------------------------------------- */
static void test_remove_refuses_a_used_one(void **state)
{
	(void)state;
	struct cgroup cg;

	make("busy", 0, &cg);
	start(&cg, run_forever, NULL);
	assert_int_equal(cgroup_remove(&cg, clock_mono_ns() + 5 * CLOCK_MS, &err), -EBUSY);
	assert_int_equal(err.kind, ERROR_CONFLICT);
	finish(&cg);
}

static void test_remove_takes_what_a_container_made_below(void **state)
{
	(void)state;
	struct cgroup cg;

	make("nested", 0, &cg);
	for (size_t i = 0; i < layout.n; i++) {
		assert_int_equal(mkdirat(cg.dir[i], "system.slice", 0755), 0);
		assert_int_equal(mkdirat(cg.dir[i], "system.slice/a.service", 0755), 0);
		assert_int_equal(mkdirat(cg.dir[i], "system.slice/b.service", 0755), 0);
		assert_int_equal(mkdirat(cg.dir[i], "init.scope", 0755), 0);
	}
	finish(&cg);
}

static void test_remove_descends_further_than_descriptors_reach(void **state)
{
	(void)state;
	struct cgroup cg;
	int i = layout.main;

	make("deep", 0, &cg);
	int cur = dup(cg.dir[i]);
	for (int depth = 0; depth < 300; depth++) {
		assert_int_equal(mkdirat(cur, "d", 0755), 0);
		int next = openat(cur, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(cur);
		cur = next;
	}
	close(cur);
	assert_int_equal(cgroup_populated(&cg), 0);
	finish(&cg);
}

static void test_remove_leaves_a_successor_of_the_same_name(void **state)
{
	(void)state;
	struct cgroup old, new;

	make("reborn", 0, &old);
	assert_done(cgroup_remove(&old, patience(), &err));
	make("reborn", 0, &new);
	assert_done(cgroup_remove(&old, patience(), &err));
	assert_int_equal(faccessat(new.dir[layout.main], "cgroup.procs", F_OK, 0), 0);
	cgroup_close(&old);
	finish(&new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_makes_a_directory_in_every_hierarchy),
		cmocka_unit_test(test_create_fills_cpuset_and_lets_the_kernel_fill_the_next),
		cmocka_unit_test(test_create_takes_an_empty_one_and_refuses_a_used_one),
		cmocka_unit_test(test_create_refuses_a_frozen_one),
		cmocka_unit_test(test_create_that_fails_leaves_nothing),
		cmocka_unit_test(test_create_tells_of_processes_above),
		cmocka_unit_test(test_open_finds_what_another_made),
		cmocka_unit_test(test_join_self_reaches_every_hierarchy),
		cmocka_unit_test(test_join_pid_moves_a_running_process),
		cmocka_unit_test(test_v2_fd_of_finds_where_a_container_moved_its_process),
		cmocka_unit_test(test_freeze_stops_and_thaw_continues),
		cmocka_unit_test(test_kill_ends_a_frozen_cgroup),
		cmocka_unit_test(test_pids_names_processes_below_as_well),
		cmocka_unit_test(test_kill_ends_a_fork_bomb),
		cmocka_unit_test(test_remove_refuses_a_used_one),
		cmocka_unit_test(test_remove_takes_what_a_container_made_below),
		cmocka_unit_test(test_remove_descends_further_than_descriptors_reach),
		cmocka_unit_test(test_remove_leaves_a_successor_of_the_same_name),
	};

	return cmocka_run_group_tests_name("cgroup", tests, cgroup_fixture_setup, cgroup_fixture_teardown);
}
