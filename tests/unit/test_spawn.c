/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/spawn.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/sys.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SH(script) ((const char *const[]){ "sh", "-c", script, NULL })

static const char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "MARK=set", NULL };

static struct spawn shell(const char *const *argv)
{
	struct spawn w = SPAWN_INIT;

	w.path = "/bin/sh";
	w.argv = argv;
	w.env = env;
	return w;
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 512; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Runs it and compares what it wrote. */
static void expect(const struct spawn *w, const char *out)
{
	struct spawn_capture io = {
		.out_max = 4096, .err_max = 4096, .deadline_ns = clock_mono_ns() + 60 * CLOCK_S
	};
	struct error err = ERROR_INIT;

	if (spawn_capture(w, &io, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(io.err, "");
	assert_string_equal(io.out, out);
	assert_int_equal(io.status, 0);
	assert_false(io.timed_out);
	spawn_capture_done(&io);
}

static void test_spawn_run_reports_status(void **state)
{
	static const struct {
		const char *script;
		int status;
		const char *text;
	} cases[] = {
		{ "exit 0", 0, "exited with status 0" },
		{ "exit 3", 3 << 8, "exited with status 3" },
		{ "kill -TERM $$", SIGTERM, "was killed by signal 15 (Terminated)" },
	};
	struct error err = ERROR_INIT;
	char text[SPAWN_STATUS_SIZE];
	int before = count_fds();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *const argv[] = { "sh", "-c", cases[i].script, NULL };
		struct spawn w = shell(argv);
		struct spawn_child child;
		int status = -1;
		assert_int_equal(spawn_run(&w, &child, &err), 0);
		assert_true(fcntl(child.pidfd, F_GETFD) & FD_CLOEXEC);
		assert_int_equal(spawn_wait(&child, INT64_MAX, &status), 0);
		assert_int_equal(status, cases[i].status);
		assert_string_equal(spawn_status_text(status, text), cases[i].text);
		assert_int_equal(spawn_kill(&child, SIGTERM), -ESRCH);
		close(child.pidfd);
	}
	assert_int_equal(count_fds(), before);
}

static void test_spawn_run_failures_are_the_callers(void **state)
{
	struct spawn_child child = { -7, -7 };
	struct error err = ERROR_INIT;
	struct spawn w = shell(SH("exit 0"));
	int before = count_fds();

	(void)state;
	w.path = "/nonexistent/program";
	assert_int_equal(spawn_run(&w, &child, &err), -ENOENT);
	assert_string_equal(err.text, "cannot run '/nonexistent/program': No such file or directory");
	w.path = "/etc/passwd";
	assert_int_equal(spawn_run(&w, &child, &err), -EACCES);
	w.path = "sh";
	assert_int_equal(spawn_run(&w, &child, &err), -EINVAL);
	w.path = "/bin/sh";
	w.cwd = "/nonexistent";
	assert_int_equal(spawn_run(&w, &child, &err), -ENOENT);
	assert_string_equal(
		err.text, "cannot run '/bin/sh': change to folder '/nonexistent': No such file or directory");
	w.cwd = NULL;
	int fds[] = { 500 };
	w.fds = fds;
	w.nfds = 1;
	assert_int_equal(spawn_run(&w, &child, &err), -EBADF);
	/* Untouched, nothing open, no child left. */
	assert_int_equal(child.pid, -7);
	assert_int_equal(count_fds(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_spawn_run_environment_and_folder(void **state)
{
	struct spawn w = shell(SH("pwd; echo $MARK; echo $0 $#"));

	(void)state;
	w.cwd = "/usr";
	expect(&w, "/usr\nset\nsh 0\n");
	struct spawn bare = shell((const char *const[]){ "env", NULL });
	bare.path = "/usr/bin/env";
	bare.env = NULL;
	expect(&bare, "");
}

/* Targets that are each other's sources, and descriptors that must not be there: 6 is the shell's own, of the
 * folder it reads. */
static void test_spawn_run_arranges_descriptors(void **state)
{
	int extra[4], fds[6] = { -1, -1, -1, -1, -1, -1 };
	struct spawn w = shell(SH("cd /proc/$$/fd; for i in *; do echo $i; done; "
				  "cat <&3; cat <&4; readlink 5"));

	(void)state;
	for (int i = 0; i < 4; i++) {
		char text[] = "file 0\n";
		text[5] = (char)('0' + i);
		extra[i] = memfd_create("x", 0); /* without close-on-exec, on purpose */
		assert_true(extra[i] >= 0);
		assert_int_equal(fd_write_all(extra[i], text, 7), 0);
		assert_int_equal(lseek(extra[i], 0, SEEK_SET), 0);
	}
	/* Make descriptor 3 the second and 4 the first, each the other's target. */
	int three = fcntl(3, F_DUPFD, 100), four = fcntl(4, F_DUPFD, 100);
	dup2(extra[0], 104);
	dup2(extra[1], 105);
	dup2(104, 4);
	dup2(105, 3);
	fds[3] = 4;
	fds[4] = 3;
	w.fds = fds;
	w.nfds = 6;
	struct spawn_capture io = { .out_max = 4096, .err_max = 4096, .deadline_ns = INT64_MAX };
	struct error err = ERROR_INIT;
	assert_int_equal(spawn_capture(&w, &io, &err), 0);
	assert_string_equal(io.out, "0\n1\n2\n3\n4\n5\n6\nfile 0\nfile 1\n/dev/null\n");
	spawn_capture_done(&io);
	close(3);
	close(4);
	if (three >= 0)
		dup2(three, 3);
	if (four >= 0)
		dup2(four, 4);
	for (int fd = 100; fd < 110; fd++)
		close(fd);
	for (int i = 0; i < 4; i++)
		close(extra[i]);
}

static void test_spawn_run_on_descriptor(void **state)
{
	auto_close int exe = open("/bin/sh", O_PATH | O_CLOEXEC);
	struct spawn w = shell(SH("ls /proc/self/fd | wc -l; echo run"));

	(void)state;
	w.path = NULL;
	w.exec_fd = exe;
	expect(&w, "4\nrun\n"); /* one is ls' own */
}

static void ignore(int sig)
{
	(void)sig;
}

static void test_spawn_run_resets_signals(void **state)
{
	struct sigaction handler = { .sa_handler = ignore }, ign = { .sa_handler = SIG_IGN }, old[2];
	sigset_t all, mask, now;
	struct spawn w = shell(
		(const char *const[]){ "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status", NULL });

	(void)state;
	w.path = "/bin/grep";
	sigaction(SIGUSR1, &handler, &old[0]);
	sigaction(SIGPIPE, &ign, &old[1]);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mask);
	expect(&w, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	/* The caller's own are as they were. */
	pthread_sigmask(SIG_SETMASK, &mask, &now);
	assert_int_equal(sigismember(&now, SIGTERM), 1);
	struct sigaction after;
	sigaction(SIGUSR1, &old[0], &after);
	assert_ptr_equal(after.sa_handler, ignore);
	sigaction(SIGPIPE, &old[1], &after);
	assert_ptr_equal(after.sa_handler, SIG_IGN);
}

static void test_spawn_run_sessions_and_groups(void **state)
{
	static const char script[] =
		"set -- $(cat /proc/$$/stat); [ $5 = $$ ] && echo group; [ $6 = $$ ] && echo session; :";
	struct spawn w = shell(SH(script));
	struct spawn_child child;
	struct error err = ERROR_INIT;
	int status;

	(void)state;
	expect(&w, "group\n"); /* spawn_capture's own */
	w.flags = SPAWN_SESSION;
	expect(&w, "group\nsession\n");
	w.flags = SPAWN_SESSION | SPAWN_GROUP;
	assert_int_equal(spawn_run(&w, &child, &err), 0);
	assert_int_equal(spawn_wait(&child, INT64_MAX, &status), 0);
	close(child.pidfd);
}

static void test_spawn_run_user(void **state)
{
	const gid_t groups[] = { 5, 7 };
	struct spawn w = shell(SH("id -u; id -g; id -G; grep CapEff /proc/self/status"));

	(void)state;
	if (geteuid() != 0) {
		print_message("needs root\n");
		skip();
	}
	w.uid = 1234;
	w.gid = 2345;
	w.groups = groups;
	w.ngroups = COUNT(groups);
	expect(&w, "1234\n2345\n2345 5 7\nCapEff:\t0000000000000000\n");
	/* This process is as it was. */
	assert_int_equal(geteuid(), 0);
}

/* A namespace of a thread that left ours. */
static void *open_new_netns(void *arg)
{
	if (unshare(CLONE_NEWNET) == 0)
		*(int *)arg = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return NULL;
}

static void *open_new_mntns(void *arg)
{
	if (unshare(CLONE_NEWNS) == 0)
		*(int *)arg = open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
	return NULL;
}

static void test_spawn_run_namespaces(void **state)
{
	auto_close int net = -1, mnt = -1;
	pthread_t t;
	char expected[128];
	struct stat s, m;
	struct spawn w = shell(SH("readlink /proc/self/ns/net /proc/self/ns/mnt"));

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, open_new_netns, &net), 0);
	pthread_join(t, NULL);
	assert_int_equal(pthread_create(&t, NULL, open_new_mntns, &mnt), 0);
	pthread_join(t, NULL);
	if (net < 0 || mnt < 0) {
		print_message("needs the right to make namespaces\n");
		skip();
	}
	assert_int_equal(fstat(net, &s), 0);
	assert_int_equal(fstat(mnt, &m), 0);
	snprintf(expected, sizeof expected, "net:[%lu]\nmnt:[%lu]\n", (unsigned long)s.st_ino,
		(unsigned long)m.st_ino);
	w.netns_fd = net;
	w.mntns_fd = mnt;
	expect(&w, expected);
	/* A descriptor that is no namespace. */
	struct error err = ERROR_INIT;
	struct spawn_child child;
	auto_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	w.netns_fd = null;
	assert_int_equal(spawn_run(&w, &child, &err), -EINVAL);
	assert_string_equal(err.text, "cannot run '/bin/sh': enter the network namespace: Invalid argument");
}

/* The first cgroup v2 file system there is, or -1. */
static int open_cgroup2(void)
{
	static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

	for (size_t i = 0; i < COUNT(roots); i++) {
		int fd = open(roots[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && faccessat(fd, "cgroup.controllers", F_OK, 0) == 0)
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

static void test_spawn_run_in_cgroup(void **state)
{
	auto_close int top = open_cgroup2();
	char name[32];
	struct spawn w = shell(SH("sed -n 's/^0:://p' /proc/self/cgroup"));

	(void)state;
	snprintf(name, sizeof name, "gantry-test-%d", (int)getpid());
	if (top < 0 || mkdirat(top, name, 0755) < 0) {
		print_message("needs a cgroup v2 tree that can be written\n");
		skip();
	}
	auto_close int group = openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w.cgroup_fd = group;
	struct spawn_capture io = { .out_max = 4096, .err_max = 4096, .deadline_ns = INT64_MAX };
	struct error err = ERROR_INIT;
	int r = spawn_capture(&w, &io, &err);
	int removed = unlinkat(top, name, AT_REMOVEDIR);
	if (r < 0)
		fail_msg("%s", err.text);
	assert_non_null(strstr(io.out, name));
	spawn_capture_done(&io);
	assert_int_equal(removed, 0);
}

static void test_spawn_run_enters_procs_files(void **state)
{
	auto_close int top = open_cgroup2();
	char name[64];
	struct spawn w = shell(SH("sed -n 's/^0:://p' /proc/self/cgroup"));

	(void)state;
	snprintf(name, sizeof name, "gantry-test-%d", (int)getpid());
	if (top < 0 || mkdirat(top, name, 0755) < 0) {
		print_message("needs a cgroup v2 tree that can be written\n");
		skip();
	}
	snprintf(name, sizeof name, "gantry-test-%d/cgroup.procs", (int)getpid());
	auto_close int procs = openat(top, name, O_WRONLY | O_CLOEXEC);
	*strchr(name, '/') = '\0';
	w.procs_fds = &procs;
	w.nprocs = 1;
	struct spawn_capture io = { .out_max = 4096, .err_max = 4096, .deadline_ns = INT64_MAX };
	int r = spawn_capture(&w, &io, NULL);
	assert_int_equal(unlinkat(top, name, AT_REMOVEDIR), 0);
	assert_int_equal(r, 0);
	assert_non_null(strstr(io.out, name));
	spawn_capture_done(&io);
}

static int hide_clone3(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 435, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { COUNT(code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

/* In a process of its own.  group: a cgroup of that name to start in, -1: none. */
static _Noreturn void run_without_clone3(int group, const char *name)
{
	struct spawn w = shell(SH("sed -n 's/^0:://p' /proc/self/cgroup"));
	struct spawn_capture io = { .out_max = 4096, .err_max = 4096, .deadline_ns = INT64_MAX };

	if (hide_clone3() < 0)
		_exit(2);
	w.cgroup_fd = group;
	if (spawn_capture(&w, &io, NULL) < 0 || io.status != 0)
		_exit(3);
	if (group >= 0 && !strstr(io.out, name))
		_exit(4);
	w.path = "/nonexistent";
	_exit(spawn_capture(&w, &io, NULL) == -ENOENT ? 0 : 5);
}

/* Where clone3 is hidden, as some container engines' filters do. */
static void test_spawn_run_without_clone3(void **state)
{
	auto_close int top = open_cgroup2(), group = -1;
	char name[32];
	int status;

	(void)state;
	snprintf(name, sizeof name, "gantry-test-%d", (int)getpid());
	if (top >= 0 && mkdirat(top, name, 0755) == 0)
		group = openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t pid = fork();
	if (pid == 0)
		run_without_clone3(group, name);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (group >= 0)
		assert_int_equal(unlinkat(top, name, AT_REMOVEDIR), 0);
	if (status == 2 << 8) {
		print_message("needs seccomp filters\n");
		skip();
	}
	assert_int_equal(status, 0);
}

static void *run_many(void *arg)
{
	for (int i = 0; i < 50; i++) {
		struct spawn w = shell(SH("exit 5"));
		struct spawn_child child;
		int status = 0;
		if (spawn_run(&w, &child, NULL) < 0)
			return arg;
		spawn_wait(&child, INT64_MAX, &status);
		close(child.pidfd);
		if (status != 5 << 8)
			return arg;
	}
	return NULL;
}

static void test_spawn_run_from_threads(void **state)
{
	pthread_t t[4];
	void *bad;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, run_many, t), 0);
	for (size_t i = 0; i < COUNT(t); i++) {
		pthread_join(t[i], &bad);
		assert_null(bad);
	}
}

/* ---- spawn_wait, spawn_capture --------------------------------------------------------- */
static void test_spawn_wait_deadline(void **state)
{
	struct spawn w = shell(SH("exec sleep 1000"));
	struct spawn_child child;
	int status = -1;

	(void)state;
	assert_int_equal(spawn_run(&w, &child, NULL), 0);
	assert_int_equal(spawn_wait(&child, 0, &status), -ETIMEDOUT);
	assert_int_equal(spawn_wait(&child, clock_mono_ns() + 20 * CLOCK_MS, &status), -ETIMEDOUT);
	assert_int_equal(status, -1);
	assert_int_equal(spawn_kill(&child, SIGKILL), 0);
	assert_int_equal(spawn_wait(&child, INT64_MAX, &status), 0);
	assert_int_equal(status, SIGKILL);
	close(child.pidfd);
}

static void test_spawn_capture_feeds_input(void **state)
{
	struct spawn w = shell(SH("cat | wc -c; echo oops >&2; exit 4"));
	size_t n = 300000;
	char *data = malloc(n);
	struct spawn_capture io = {
		.in = data, .in_n = n, .out_max = 100, .err_max = 100, .deadline_ns = INT64_MAX
	};

	(void)state;
	assert_non_null(data);
	memset(data, 'x', n);
	assert_int_equal(spawn_capture(&w, &io, NULL), 0);
	assert_string_equal(io.out, "300000\n");
	assert_string_equal(io.err, "oops\n");
	assert_int_equal(io.status, 4 << 8);
	spawn_capture_done(&io);
	spawn_capture_done(&io);
	free(data);
}

static void test_spawn_capture_bounds_output(void **state)
{
	struct spawn w = shell(
		SH("i=0; while [ $i -lt 10000 ]; do echo line$i; echo err$i >&2; i=$((i+1)); done"));
	struct spawn_capture io = { .out_max = 11, .err_max = 8, .deadline_ns = INT64_MAX };

	(void)state;
	assert_int_equal(spawn_capture(&w, &io, NULL), 0);
	assert_int_equal(io.status, 0);
	assert_string_equal(io.out, "line0\nline1");
	assert_string_equal(io.err, "err9999\n");
	assert_true(io.out_cut && io.err_cut);
	assert_int_equal(io.out_n, 11);
	spawn_capture_done(&io);
	io = (struct spawn_capture){ .deadline_ns = INT64_MAX };
	assert_int_equal(spawn_capture(&w, &io, NULL), 0);
	assert_string_equal(io.out, "");
	assert_string_equal(io.err, "");
	spawn_capture_done(&io);
}

/* True when it is gone, or a zombie that nobody has reaped yet. */
static bool has_ended(pid_t pid)
{
	auto_free char *stat = NULL;
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (fd_read_file(AT_FDCWD, path, 4096, &stat, NULL) < 0)
		return true;
	const char *state = strrchr(stat, ')');
	return state && (state[2] == 'Z' || state[2] == 'X');
}

static void test_spawn_capture_kills_at_deadline(void **state)
{
	/* The grandchild is in the same group: it must go too. */
	struct spawn w = shell(SH("sleep 1000 & echo $!; sleep 1000"));
	struct spawn_capture io = {
		.out_max = 100, .err_max = 100, .deadline_ns = clock_mono_ns() + 300 * CLOCK_MS
	};

	(void)state;
	assert_int_equal(spawn_capture(&w, &io, NULL), 0);
	assert_true(io.timed_out);
	assert_int_equal(io.status, SIGKILL);
	pid_t grandchild = (pid_t)strtol(io.out, NULL, 10);
	assert_true(grandchild > 1);
	int64_t give_up = clock_mono_ns() + 30 * CLOCK_S;
	while (!has_ended(grandchild) && clock_mono_ns() < give_up)
		poll(NULL, 0, 5);
	assert_true(has_ended(grandchild));
	spawn_capture_done(&io);
}

static void test_spawn_capture_does_not_wait_for_grandchildren(void **state)
{
	struct spawn w = shell(SH("setsid sleep 1000 & echo $!"));
	struct spawn_capture io = {
		.out_max = 100, .err_max = 100, .deadline_ns = clock_mono_ns() + 60 * CLOCK_S
	};

	(void)state;
	assert_int_equal(spawn_capture(&w, &io, NULL), 0);
	assert_false(io.timed_out);
	pid_t grandchild = (pid_t)strtol(io.out, NULL, 10);
	assert_true(grandchild > 1);
	kill(grandchild, SIGKILL);
	spawn_capture_done(&io);
}

static void test_spawn_capture_failure_leaves_nothing(void **state)
{
	struct spawn w = shell(SH("exit 0"));
	struct spawn_capture io = { .out_max = 10, .err_max = 10, .deadline_ns = INT64_MAX };
	int before = count_fds();

	(void)state;
	w.path = "/nonexistent";
	for (int i = 0; i < 10; i++)
		assert_int_equal(spawn_capture(&w, &io, NULL), -ENOENT);
	assert_null(io.out);
	assert_int_equal(count_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spawn_run_reports_status),
		cmocka_unit_test(test_spawn_run_failures_are_the_callers),
		cmocka_unit_test(test_spawn_run_environment_and_folder),
		cmocka_unit_test(test_spawn_run_arranges_descriptors),
		cmocka_unit_test(test_spawn_run_on_descriptor),
		cmocka_unit_test(test_spawn_run_resets_signals),
		cmocka_unit_test(test_spawn_run_sessions_and_groups),
		cmocka_unit_test(test_spawn_run_user),
		cmocka_unit_test(test_spawn_run_namespaces),
		cmocka_unit_test(test_spawn_run_in_cgroup),
		cmocka_unit_test(test_spawn_run_enters_procs_files),
		cmocka_unit_test(test_spawn_run_without_clone3),
		cmocka_unit_test(test_spawn_run_from_threads),
		cmocka_unit_test(test_spawn_wait_deadline),
		cmocka_unit_test(test_spawn_capture_feeds_input),
		cmocka_unit_test(test_spawn_capture_bounds_output),
		cmocka_unit_test(test_spawn_capture_kills_at_deadline),
		cmocka_unit_test(test_spawn_capture_does_not_wait_for_grandchildren),
		cmocka_unit_test(test_spawn_capture_failure_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
