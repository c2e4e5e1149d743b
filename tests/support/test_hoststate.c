/* SPDX-License-Identifier: Apache-2.0 */
/* hoststate must see one leftover of each kind: each is planted, found, taken away, and not found any more.
 */
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "tests/support/command.h"
#include "tests/support/hoststate.h"
#include "tests/support/world.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

static struct hoststate_scope scope = { .roots = (const char *const[]){ WORLD_SCRATCH "/root", NULL } };

struct planted {
	struct hoststate *before;
	const struct world *world;
	pid_t pid;
};

/* The differences that the state shows now, as text; the caller frees. */
static char *differences_of(const struct planted *p)
{
	struct error err = ERROR_INIT;
	struct hoststate *after;
	char *text = NULL;
	size_t n;

	if (hoststate_take(&scope, &after, &err) < 0)
		fail_msg("%s", err.text);
	FILE *out = open_memstream(&text, &n);
	assert_non_null(out);
	hoststate_compare(p->before, after, out);
	fclose(out);
	hoststate_free(after);
	return text;
}

static void assert_found(const struct planted *p, const char *line)
{
	auto_free char *text = differences_of(p);

	if (!strstr(text, line))
		fail_msg("'%s' is not in the differences:\n%s", line, text);
}

static void run(const char *const argv[])
{
	struct command_result result;
	struct error err = ERROR_INIT;

	if (command_run(argv, &result, &err) < 0)
		fail_msg("%s", err.text);
	if (result.code != 0)
		fail_msg("%s: exit %d: %s", argv[0], result.code, result.out);
	command_done(&result);
}
#define RUN(...) run((const char *[]){ __VA_ARGS__, NULL })

static bool succeeds(const char *command)
{
	struct command_result result;

	if (command_run((const char *[]){ "sh", "-c", command, NULL }, &result, NULL) < 0)
		return false;
	command_done(&result);
	return result.code == 0;
}

static int take_before(void **state)
{
	static struct planted planted;
	struct error err = ERROR_INIT;

	planted = (struct planted){ .world = *state };
	scope.world = planted.world->cgroup;
	mkdir(WORLD_SCRATCH "/root", 0755);
	if (hoststate_take(&scope, &planted.before, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	*state = &planted;
	return 0;
}

/* Everything that the test planted is gone again: no difference may remain. */
static int check_after(void **state)
{
	struct planted *p = *state;
	struct error err = ERROR_INIT;
	size_t differences = 1;

	int r = hoststate_check(p->before, &scope, 10, stdout, &differences, &err);
	hoststate_free(p->before);
	*state = (void *)p->world;
	return r == 0 && differences == 0 ? 0 : -1;
}

static void test_mount(void **state)
{
	mkdir(WORLD_SCRATCH "/mnt", 0755);
	assert_int_equal(mount("left", WORLD_SCRATCH "/mnt", "tmpfs", 0, NULL), 0);
	assert_found(*state, "left: mount / " WORLD_SCRATCH "/mnt rw");
	assert_int_equal(umount(WORLD_SCRATCH "/mnt"), 0);
}

static void test_link(void **state)
{
	RUN("ip", "link", "add", "left0", "type", "veth", "peer", "name", "left1");
	assert_found(*state, "left: link left0\n");
	assert_found(*state, "left: link left1\n");
	RUN("ip", "link", "del", "left0");
}

static void test_cgroup(void **state)
{
	struct planted *p = *state;
	char path[PATH_MAX], line[PATH_MAX + 20];

	if (world_cgroup_path(p->world, "pids", path, sizeof path) < 0)
		assert_int_equal(world_cgroup_path(p->world, "", path, sizeof path), 0);
	strncat(path, "/left", sizeof path - strlen(path) - 1);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(line, sizeof line, "left: cgroup %s\n", path);
	assert_found(p, line);
	assert_int_equal(rmdir(path), 0);
}

static void test_nft(void **state)
{
	if (!succeeds("nft add table ip left")) {
		print_message("nft cannot make a table of family ip under this kernel\n");
		skip();
	}
	RUN("nft", "add", "chain", "ip", "left", "here", "{ type filter hook input priority 0; }");
	RUN("nft", "add", "rule", "ip", "left", "here", "tcp", "dport", "81", "accept");
	assert_found(*state, "left: nft table ip left {");
	assert_found(*state, "left: nft table ip left {chain here {tcp dport 81 accept");
	RUN("nft", "delete", "table", "ip", "left");
}

static void test_route_and_rule(void **state)
{
	RUN("ip", "route", "add", "blackhole", "192.0.2.0/24", "table", "77");
	RUN("ip", "rule", "add", "from", "192.0.2.1", "table", "77");
	assert_found(*state, "left: route blackhole 192.0.2.0/24 table 77");
	assert_found(*state, "from 192.0.2.1 lookup 77");
	RUN("ip", "rule", "del", "from", "192.0.2.1", "table", "77");
	RUN("ip", "route", "del", "blackhole", "192.0.2.0/24", "table", "77");
}

static void test_loop_device(void **state)
{
	struct command_result result;
	auto_close int fd = open(WORLD_SCRATCH "/image", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	assert_int_equal(
		command_run((const char *[]){ "losetup", "--find", "--show", WORLD_SCRATCH "/image", NULL },
			&result, NULL),
		0);
	if (result.code != 0) {
		print_message("no loop device here: %s\n", result.out);
		command_done(&result);
		skip();
	}
	result.out[strcspn(result.out, "\n")] = '\0';
	assert_found(*state, "left: loop loop");
	assert_found(*state, WORLD_SCRATCH "/image\n");
	RUN("losetup", "-d", result.out);
	command_done(&result);
	assert_int_equal(unlink(WORLD_SCRATCH "/image"), 0);
}

static void test_dm_device(void **state)
{
	setenv("DM_DISABLE_UDEV", "1", 1);
	if (!succeeds("dmsetup create left --notable")) {
		print_message("no Device Mapper in this kernel\n");
		skip();
	}
	assert_found(*state, "left: dm left\n");
	RUN("dmsetup", "remove", "left");
}

static void test_file(void **state)
{
	mkdir(WORLD_SCRATCH "/root/folder", 0755);
	auto_close int fd = open(WORLD_SCRATCH "/root/folder/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_found(*state, "left: file " WORLD_SCRATCH "/root/folder/\n");
	assert_found(*state, "left: file " WORLD_SCRATCH "/root/folder/file\n");
	assert_int_equal(unlink(WORLD_SCRATCH "/root/folder/file"), 0);
	assert_int_equal(rmdir(WORLD_SCRATCH "/root/folder"), 0);
}

/* A process with a name of ours, a network namespace of its own and a descriptor that it should not have. */
static void start_leftover(struct planted *p)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	p->pid = fork();
	if (p->pid == 0) {
		int fd = open(WORLD_SCRATCH, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0 || prctl(PR_SET_NAME, "gantry-left") < 0 || unshare(CLONE_NEWNET) < 0)
			_exit(1);
		(void)!write(ready[1], "x", 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
}

static void test_process_descriptor_and_netns(void **state)
{
	struct planted *p = *state;
	char line[100];

	start_leftover(p);
	snprintf(line, sizeof line, "left: process gantry-left %d\n", (int)p->pid);
	assert_found(p, line);
	snprintf(line, sizeof line, "left: descriptor gantry-left %d " WORLD_SCRATCH "\n", (int)p->pid);
	assert_found(p, line);
	assert_found(p, "left: netns net:[");
	kill(p->pid, SIGKILL);
	assert_int_equal(waitpid(p->pid, NULL, 0), p->pid);
}

static void test_compare_sees_what_is_gone(void **state)
{
	struct planted *p = *state;
	struct error err = ERROR_INIT;
	struct hoststate *with;
	char *text = NULL;
	size_t n;

	assert_int_equal(mkdir(WORLD_SCRATCH "/root/gone", 0755), 0);
	assert_int_equal(hoststate_take(&scope, &with, &err), 0);
	assert_int_equal(rmdir(WORLD_SCRATCH "/root/gone"), 0);
	FILE *out = open_memstream(&text, &n);
	assert_int_equal(hoststate_compare(with, p->before, out), 1);
	fclose(out);
	assert_string_equal(text, "gone: file " WORLD_SCRATCH "/root/gone/\n");
	free(text);
	hoststate_free(with);
}

static void test_save_and_load_keep_all(void **state)
{
	struct planted *p = *state;
	struct error err = ERROR_INIT;
	struct hoststate *loaded;

	assert_int_equal(hoststate_save(p->before, WORLD_SCRATCH "/saved", &err), 0);
	assert_int_equal(hoststate_load(WORLD_SCRATCH "/saved", &loaded, &err), 0);
	assert_true(loaded->n > 0);
	assert_int_equal(hoststate_compare(p->before, loaded, stdout), 0);
	hoststate_free(loaded);
}

#define PLANTED(test) cmocka_unit_test_setup_teardown(test, take_before, check_after)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLANTED(test_mount),
		PLANTED(test_link),
		PLANTED(test_cgroup),
		PLANTED(test_nft),
		PLANTED(test_route_and_rule),
		PLANTED(test_loop_device),
		PLANTED(test_dm_device),
		PLANTED(test_file),
		PLANTED(test_process_descriptor_and_netns),
		PLANTED(test_compare_sees_what_is_gone),
		PLANTED(test_save_and_load_keep_all),
	};

	return cmocka_run_group_tests_name("hoststate", tests, world_setup, world_teardown);
}
