/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of drivers: deadlines, what comes too late, breakers, order, invalid replies; in this process and in
 * another one. */
#include "core/volume/volume.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "tests/unit/plugin_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those above */
#include <cmocka.h>

static char scratch[64];
static struct registry *reg;
static atomic_uint logged, events;
static char last_log[256], last_event[256];
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

static void keep_log(void *arg, const char *driver, int level, const char *text)
{
	(void)arg;
	(void)level;
	pthread_mutex_lock(&log_lock);
	snprintf(last_log, sizeof last_log, "%s: %s", driver, text);
	pthread_mutex_unlock(&log_lock);
	atomic_fetch_add(&logged, 1);
}

static void keep_event(void *arg, const char *driver, const char *object, const char *what,
	const struct gty_kv *attrs, uint32_t n)
{
	(void)arg;
	snprintf(last_event, sizeof last_event, "%s %s %s %s=%s", driver, object, what, n ? attrs[0].key : "",
		n ? attrs[0].value : "");
	atomic_fetch_add(&events, 1);
}

static const struct plugin_sink sink = { keep_log, keep_event, NULL };

struct world {
	struct volumes *vd;
	char root[128], run[128];
};

static struct world open_calls(const char *name, bool remote, const struct gty_kv *opts, uint32_t n)
{
	struct world w = { 0 };
	struct error err = ERROR_INIT;

	snprintf(w.root, sizeof w.root, "%s/%s", scratch, name);
	snprintf(w.run, sizeof w.run, "%s/%s.run", scratch, name);
	const struct driver_config config = { .name = name,
		.root = w.root,
		.run_dir = w.run,
		.instance = "0123456789ab",
		.opts = opts,
		.opts_n = n,
		.sink = &sink,
		.remote = remote };
	if (volume_open(registry_find(reg, &volume_kind, "calls", &err), &config, &w.vd, &err) < 0)
		fail_msg("%s", err.text);
	return w;
}

/* The driver in another process, for all tests: it is forked before there are threads. */
static struct world elsewhere;

static int setup(void **state)
{
	static const char *const files[] = { "calls", "good", "cap-without-entry" };

	(void)state;
	scratch_make(scratch);
	reg = load_files(files, 3, scratch);
	elsewhere = open_calls("elsewhere", true, NULL, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	volume_close(elsewhere.vd);
	registry_free(reg);
	scratch_remove(scratch);
	return 0;
}

static struct world open_here_or_elsewhere(bool remote, const char *name)
{
	return remote ? elsewhere : open_calls(name, false, NULL, 0);
}

static void close_here(struct world *w)
{
	if (w->vd != elsewhere.vd)
		assert_int_equal(volume_close(w->vd), 0);
}

static char *journal(const struct world *w)
{
	char path[160], *text = NULL;

	snprintf(path, sizeof path, "%s/journal", w->root);
	return fd_read_file(AT_FDCWD, path, 65536, &text, NULL) < 0 ? strdup("") : text;
}

static bool journal_has(const struct world *w, const char *line)
{
	auto_free char *text = journal(w);

	return strstr(text, line) != NULL;
}

static void go(const struct world *w)
{
	char path[160];

	snprintf(path, sizeof path, "%s/go", w->root);
	close(open(path, O_CREAT | O_WRONLY, 0600));
}

/* Waits until the driver has nothing to do; 10 s at most. */
static void settle(struct world *w)
{
	const struct timespec tick = { 0, 1000000 };
	struct call_load load;
	int64_t end = clock_mono_ns() + 10 * CLOCK_S;

	do {
		volume_load(w->vd, &load);
		nanosleep(&tick, NULL);
	} while (load.running && clock_mono_ns() < end);
	assert_int_equal(load.running, 0);
	assert_int_equal(load.stuck, 0);
}

static int mount_it(struct world *w, const char *name, const char *how, int64_t timeout_ns,
	struct gty_tree **ret, struct error *err)
{
	const struct gty_kv opt = { "reply", how };
	const struct gty_volume_mount_req req = {
		.name = name, .holder = "c1", .opts = &opt, .opts_n = how ? 1 : 0
	};
	const struct call_by by = { .timeout_ns = timeout_ns };

	return volume_mount(w->vd, &req, &by, ret, err);
}

static void test_call_answers(void **state)
{
	for (int remote = 0; remote < 2; remote++) {
		struct world w = open_here_or_elsewhere(remote, "answers");
		struct gty_tree *tree = NULL;
		struct error err = ERROR_INIT;
		(void)state;
		assert_int_equal(mount_it(&w, "v1", NULL, 0, &tree, &err), 0);
		assert_int_equal(tree->form, GTY_TREE_DIR);
		assert_true(fcntl(tree->fd, F_GETFD) & FD_CLOEXEC);
		assert_string_equal(tree->state, "mounted");
		int kept = take_fd(tree->fd);
		reply_free(tree);
		assert_true(fcntl(kept, F_GETFD) >= 0);
		close(kept);
		assert_int_equal(volume_unmount(w.vd, "v1", "c1", NULL, NULL, &err), 0);
		assert_true(journal_has(&w, "unmount v1 c1"));
		close_here(&w);
	}
}

static void test_call_errors_of_the_driver(void **state)
{
	static const struct {
		const char *name, *text;
		int kind, ret;
	} cases[] = {
		{ "silent", "failed in create without saying why", ERROR_INTERNAL, -EIO },
		{ "positive", "returned 7", ERROR_INTERNAL, -EPROTO },
		{ "twice", "the first reason", ERROR_CONFLICT, -ENOENT },
		{ "greedy", "the arena has an end", ERROR_EXHAUSTED, -ENOSPC },
	};

	(void)state;
	for (int remote = 0; remote < 2; remote++) {
		struct world w = open_here_or_elsewhere(remote, "errors");
		for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
			const struct gty_volume_req req = { .name = cases[i].name };
			struct error err = ERROR_INIT;
			struct gty_volume_rep *rep = NULL;
			assert_int_equal(volume_create(w.vd, &req, NULL, &rep, &err), cases[i].ret);
			assert_int_equal(err.kind, cases[i].kind);
			if (!strstr(err.text, cases[i].text))
				fail_msg("%s: %s", cases[i].name, err.text);
			assert_null(rep);
		}
		close_here(&w);
	}
}

/* But for the eventfds by which the driver's threads are cancelled: those come and go with the threads. */
static unsigned open_fds(void)
{
	char path[64], what[64];
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t len = readlink(path, what, sizeof what - 1);
		if (len < 0)
			continue;
		what[len] = '\0';
		n += strcmp(what, "anon_inode:[eventfd]") != 0;
	}
	return n;
}

static void test_call_refuses_invalid_replies(void **state)
{
	static const char *const how[] = { "form", "size", "file", "closed", "stdin", "no-cloexec",
		"borrowed", "not-a-mount", "block", "attrs", "flags", "where", "subdir", "long", "steps-null",
		"steps-many", "step-fstype", "step-op", "step-flags", "base" };
	struct world w = open_calls("replies", false, NULL, 0);
	auto_close int userns = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	const struct gty_idmaps maps = { .userns_fd = userns };
	const unsigned before = open_fds();

	(void)state;
	for (size_t i = 0; i < sizeof how / sizeof how[0]; i++) {
		const struct gty_kv opt = { "reply", how[i] };
		const struct gty_volume_mount_req req = {
			.name = "v", .holder = how[i], .opts = &opt, .opts_n = 1, .maps = &maps
		};
		struct gty_tree *tree = NULL;
		struct error err = ERROR_INIT;
		char line[64];
		int r = volume_mount(w.vd, &req, NULL, &tree, &err);
		if (r != -EPROTO || err.kind != ERROR_INTERNAL)
			fail_msg("%s: %d %s", how[i], r, err.text);
		assert_non_null(strstr(err.text, "driver 'calls' answered mount wrongly: "));
		assert_null(tree);
		snprintf(line, sizeof line, "unmount v %s", how[i]); /* what was answered wrongly is undone */
		assert_true(journal_has(&w, line));
		/* the driver's thread lets go of the request after the caller has its answer */
		int64_t end = clock_mono_ns() + 10 * CLOCK_S;
		while (open_fds() != before && clock_mono_ns() < end)
			;
		if (open_fds() != before)
			fail_msg("%s: %u descriptors, %u before", how[i], open_fds(), before);
	}
	assert_true(fcntl(userns, F_GETFD) >= 0);
	assert_true(fcntl(0, F_GETFD) >= 0);
	assert_int_equal(volume_close(w.vd), 0);
}

static void test_call_late_success_is_undone(void **state)
{
	for (int remote = 0; remote < 2; remote++) {
		struct world w = open_here_or_elsewhere(remote, "late");
		struct gty_tree *tree = NULL;
		struct error err = ERROR_INIT;
		(void)state;
		assert_int_equal(mount_it(&w, "hang-1", NULL, 100 * CLOCK_MS, &tree, &err), -ETIMEDOUT);
		assert_int_equal(err.kind, ERROR_UNAVAILABLE);
		assert_non_null(strstr(err.text, "did not answer mount of 'hang-1' within 0."));
		/* the object stays busy, others do not */
		assert_int_equal(mount_it(&w, "other", NULL, 0, &tree, &err), 0);
		reply_free(tree);
		tree = NULL;
		assert_int_equal(mount_it(&w, "hang-1", NULL, 100 * CLOCK_MS, &tree, &err), -ETIMEDOUT);
		assert_non_null(strstr(err.text, "busy with earlier calls"));
		assert_false(journal_has(&w, "unmount hang-1"));
		go(&w);
		settle(&w);
		assert_true(journal_has(&w, "unmount hang-1 c1"));
		assert_int_equal(mount_it(&w, "hang-1", NULL, 0, &tree, &err), 0);
		reply_free(tree);
		close_here(&w);
	}
}

static void test_call_repeat_is_not_undone(void **state)
{
	struct world w = open_calls("repeat", false, NULL, 0);
	const struct gty_volume_mount_req req = { .name = "hang-1", .holder = "c1" };
	const struct call_by by = { .timeout_ns = 50 * CLOCK_MS, .repeat = true };
	struct gty_tree *tree = NULL;

	(void)state;
	assert_int_equal(volume_mount(w.vd, &req, &by, &tree, NULL), -ETIMEDOUT);
	go(&w);
	settle(&w);
	assert_false(journal_has(&w, "unmount"));
	assert_int_equal(volume_close(w.vd), 0);
}

static void test_call_cancel_reaches_the_driver(void **state)
{
	for (int remote = 0; remote < 2; remote++) {
		struct world w = open_here_or_elsewhere(remote, "cancel");
		struct gty_tree *tree = NULL;
		struct error err = ERROR_INIT;
		(void)state;
		for (int i = 0; i < 3; i++) {
			assert_int_equal(
				mount_it(&w, "polite-1", NULL, 50 * CLOCK_MS, &tree, &err), -ETIMEDOUT);
			settle(&w);
		}
		assert_true(journal_has(&w, "cancelled polite-1"));
		/* a thread's cancel descriptor is quiet again for its next call */
		assert_int_equal(mount_it(&w, "fine", NULL, 0, &tree, &err), 0);
		reply_free(tree);
		close_here(&w);
	}
}

static void test_call_breaker_opens_and_closes(void **state)
{
	struct world w = open_calls("breaker", false, NULL, 0);
	struct gty_tree *tree = NULL;
	struct error err = ERROR_INIT;
	char name[16];

	(void)state;
	for (int i = 0; i < CALL_STUCK_MAX; i++) {
		snprintf(name, sizeof name, "hang-%d", i);
		assert_int_equal(mount_it(&w, name, NULL, 20 * CLOCK_MS, &tree, &err), -ETIMEDOUT);
	}
	int64_t start = clock_mono_ns();
	assert_int_equal(mount_it(&w, "other", NULL, 0, &tree, &err), -EBUSY);
	assert_true(clock_mono_ns() - start < CLOCK_S);
	assert_int_equal(err.kind, ERROR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "4 earlier calls are stuck"));
	go(&w);
	settle(&w);
	assert_int_equal(mount_it(&w, "other", NULL, 0, &tree, &err), 0);
	reply_free(tree);
	assert_int_equal(volume_close(w.vd), 0);
}

struct runner {
	struct world *w;
	char name[16];
	int r;
};

static void *run_mount(void *arg)
{
	struct runner *run = arg;
	struct gty_tree *tree = NULL;

	run->r = mount_it(run->w, run->name, NULL, 20 * CLOCK_S, &tree, NULL);
	reply_free(tree);
	return NULL;
}

static int most_at_once(struct world *w, bool same)
{
	struct runner runs[24];
	pthread_t threads[24];
	struct gty_volume_rep *rep = NULL;

	for (int i = 0; i < 24; i++) {
		runs[i] = (struct runner){ .w = w };
		snprintf(runs[i].name, sizeof runs[i].name, "many-%d", same ? 0 : i);
		pthread_create(&threads[i], NULL, run_mount, &runs[i]);
	}
	for (int i = 0; i < 24; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(runs[i].r, 0);
	}
	assert_int_equal(volume_describe(w->vd, "x", NULL, NULL, &rep, NULL), 0);
	int most = (int)strtol(rep->status[0].value, NULL, 10);
	reply_free(rep);
	return most;
}

static void test_call_one_object_one_call(void **state)
{
	struct world w = open_calls("one", false, NULL, 0);

	(void)state;
	assert_int_equal(most_at_once(&w, true), 1);
	int most = most_at_once(&w, false);
	assert_true(most > 1 && most <= CALL_THREADS);
	assert_int_equal(volume_close(w.vd), 0);
}

static void test_call_recover_is_alone(void **state)
{
	struct world w = open_calls("alone", false, NULL, 0);
	struct runner run = { .w = &w, .name = "hang-1" };
	const struct gty_known known = { .what = GTY_KNOWN_VOLUME, .id = "hang-1" };
	const struct gty_recover_req req = { .n = 1, .v = &known };
	struct gty_recover_rep *rep = NULL;
	pthread_t thread;
	struct call_load load = { 0 };

	(void)state;
	pthread_create(&thread, NULL, run_mount, &run);
	while (load.running == 0)
		volume_load(w.vd, &load);
	while (!journal_has(&w, "mount hang-1"))
		;
	go(&w);
	assert_int_equal(volume_recover(w.vd, &req, &rep, NULL), 0);
	volume_load(w.vd, &load);
	assert_true(journal_has(&w, "recover hang-1"));
	pthread_join(thread, NULL);
	assert_int_equal(run.r, 0);
	reply_free(rep);
	assert_int_equal(volume_close(w.vd), 0);
}

static void test_call_unsupported_and_caps(void **state)
{
	static const struct gty_kv lists = { "caps", "1" }, unknown = { "caps", "0x100000" },
				   wrong = { "colour", "red" };
	struct world w = open_calls("caps", false, NULL, 0);
	struct error err = ERROR_INIT;
	struct volumes *vd = NULL;
	struct driver_config config = { .name = "caps2",
		.root = w.root,
		.run_dir = w.run,
		.instance = "0123456789ab",
		.opts = &lists,
		.opts_n = 1,
		.sink = &sink };
	const struct driver *d = registry_find(reg, &volume_kind, "calls", &err);

	(void)state;
	assert_int_equal(volume_resize(w.vd, "v", NULL, 1, NULL, &err), -ENOTSUP);
	assert_int_equal(err.kind, ERROR_UNSUPPORTED);
	assert_int_equal(volume_create(w.vd, &(struct gty_volume_req){ .name = "v", .size_limit = 1 }, NULL,
				 NULL, &err),
		-ENOTSUP);
	assert_int_equal(volume_remove(w.vd, "../x", NULL, false, NULL, &err), -EINVAL);
	assert_true(volume_open(d, &config, &vd, &err) < 0);
	assert_non_null(strstr(err.text, "CAP_LISTS but the entry list is NULL"));
	config.opts = &unknown;
	assert_true(volume_open(d, &config, &vd, &err) < 0);
	assert_non_null(strstr(err.text, "0x100000"));
	config.opts = &wrong;
	assert_true(volume_open(d, &config, &vd, &err) < 0);
	assert_non_null(strstr(err.text, "it has: caps, timeout"));
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_int_equal(volume_close(w.vd), 0);
}

static void test_call_option_timeout(void **state)
{
	static const struct gty_kv one = { "timeout", "1" };
	struct world w = open_calls("timeout", false, &one, 1);
	struct gty_tree *tree = NULL;
	struct error err = ERROR_INIT;
	int64_t start = clock_mono_ns();

	(void)state;
	assert_int_equal(mount_it(&w, "hang-1", NULL, 0, &tree, &err), -ETIMEDOUT);
	assert_true(clock_mono_ns() - start >= CLOCK_S && clock_mono_ns() - start < 10 * CLOCK_S);
	go(&w);
	settle(&w);
	assert_int_equal(volume_close(w.vd), 0);
}

static void test_host_log_event_trace(void **state)
{
	struct world w = open_calls("host", false, NULL, 0);
	const struct call_by by = { .trace = "req-7" };
	struct gty_kvs *kvs = NULL;
	unsigned before = atomic_load(&events);

	(void)state;
	assert_int_equal(volume_status(w.vd, &by, &kvs, NULL), 0);
	assert_string_equal(kvs->v[0].value, "req-7");
	reply_free(kvs);
	assert_string_equal(last_log, "host: status was asked for");
	assert_int_equal(volume_close(w.vd), 0);
	assert_int_equal(atomic_load(&events), before + 1);
	assert_string_equal(last_event, "host thing changed why=asked");
}

static void test_close_with_a_stuck_call(void **state)
{
	static const struct gty_kv one = { "timeout", "1" };
	struct world w = open_calls("stuck", false, &one, 1);
	struct gty_tree *tree = NULL;

	(void)state;
	assert_int_equal(mount_it(&w, "hang-1", NULL, 20 * CLOCK_MS, &tree, NULL), -ETIMEDOUT);
	assert_int_equal(volume_close(w.vd), -EBUSY);
	assert_int_equal(instances_abandoned(), 1);
	go(&w);
	while (!journal_has(&w, "unmount hang-1"))
		;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call_answers),
		cmocka_unit_test(test_call_errors_of_the_driver),
		cmocka_unit_test(test_call_late_success_is_undone),
		cmocka_unit_test(test_call_cancel_reaches_the_driver),
		cmocka_unit_test(test_call_refuses_invalid_replies),
		cmocka_unit_test(test_call_repeat_is_not_undone),
		cmocka_unit_test(test_call_breaker_opens_and_closes),
		cmocka_unit_test(test_call_one_object_one_call),
		cmocka_unit_test(test_call_recover_is_alone),
		cmocka_unit_test(test_call_unsupported_and_caps),
		cmocka_unit_test(test_call_option_timeout),
		cmocka_unit_test(test_host_log_event_trace),
		cmocka_unit_test(test_close_with_a_stuck_call),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
