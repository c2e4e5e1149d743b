/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of gantry-shim and gantryd's side of it: a world with a busybox root, a hub, containers by
 * the script they run, and what must not be there any more when a test is over.
 */
#ifndef GANTRY_TESTS_SHIM_FIXTURE_H
#define GANTRY_TESTS_SHIM_FIXTURE_H

#include "engine/container/shim_client.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/str.h"
#include "lib/cgroup/cgroup.h"
#include "lib/json/json.h"
#include "runtime/compile/compile.h"
#include "tests/support/rootfs.h"
#include "tests/support/world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define PATIENCE    (30 * CLOCK_S)
#define BUNDLE      WORLD_SCRATCH "/bundle"
#define SHIM_FOLDER WORLD_SCRATCH "/shim"
#define LOG_FOLDER  WORLD_SCRATCH "/log"
#define PROGRAM     GANTRY_BUILD_DIR "/bin/gantry-shim"
#define EVENTS_MAX  16
#define COUNT(a)    (sizeof(a) / sizeof *(a))

static struct world *world;
static struct cgroup_layout layout;
static struct shim_hub *hub;
static struct error err;

#define assert_done(call)                                            \
	do {                                                         \
		int r_ = (call);                                     \
		if (r_ < 0)                                          \
			fail_msg("%s: %d: %s", #call, r_, err.text); \
	} while (0)

/* What the hub has told about one container. */
struct told {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct proto_shim_event events[EVENTS_MAX];
	size_t n;
	bool died;
};

struct job {
	char id[ID_SIZE], cgroup[CGROUP_PATH_MAX];
	struct launch_block record;
	struct shim *shim;
	struct told told;
};

/* ---- what the hub tells ---------------------------------------------------------- */
static inline void on_event(void *arg, struct shim *shim, const struct proto_shim_event *event)
{
	struct told *t = shim_data(shim);

	(void)arg;
	pthread_mutex_lock(&t->lock);
	if (t->n < EVENTS_MAX)
		t->events[t->n++] = *event;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

static inline void on_died(void *arg, struct shim *shim)
{
	struct told *t = shim_data(shim);

	(void)arg;
	pthread_mutex_lock(&t->lock);
	t->died = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

static inline void told_init(struct told *t)
{
	*t = (struct told){ .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
}

static inline bool told_wait(struct told *t)
{
	struct timespec end = { .tv_sec = (clock_real_ns() + PATIENCE) / CLOCK_S };

	return pthread_cond_timedwait(&t->changed, &t->lock, &end) == 0;
}

/* Waits for the first event of the kind. */
static inline struct proto_shim_event event_of(struct job *j, uint32_t kind)
{
	struct told *t = &j->told;
	struct proto_shim_event found = { .kind = 0 };
	size_t looked = 0;

	pthread_mutex_lock(&t->lock);
	do
		for (; looked < t->n && found.kind == 0; looked++)
			if (t->events[looked].kind == kind)
				found = t->events[looked];
	while (found.kind == 0 && !t->died && told_wait(t));
	pthread_mutex_unlock(&t->lock);
	if (found.kind == 0)
		fail_msg("no event %u came", kind);
	return found;
}

static inline void await_death(struct job *j)
{
	pthread_mutex_lock(&j->told.lock);
	while (!j->told.died && told_wait(&j->told))
		;
	bool died = j->told.died;
	pthread_mutex_unlock(&j->told.lock);
	assert_true(died);
}

/* ---- containers ------------------------------------------------------------------- */
struct shape {
	const char *members; /* of "linux", or NULL */
	const char *program; /* instead of a shell with the script */
	bool terminal, host_pids, open_stdin, stdin_once, no_log;
	uint64_t log_file_size;
	unsigned log_files;
};

static inline void add_configuration(struct str *s, const char *script, const struct shape *o)
{
	str_addf(s,
		"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"%s/rootfs\",\"readonly\":true},"
		"\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
		"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"},"
		"{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\",\"options\":["
		"\"newinstance\",\"ptmxmode=0666\",\"mode=0620\"]}],"
		"\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"network\"}%s]%s%s},"
		"\"process\":{\"terminal\":%s,\"cwd\":\"/\",\"env\":[\"PATH=/bin\"],\"args\":[",
		BUNDLE, o->host_pids ? "" : ",{\"type\":\"pid\"}", o->members ? "," : "",
		o->members ? o->members : "", o->terminal ? "true" : "false");
	if (o->program) {
		str_add_json(s, o->program, strlen(o->program));
	} else {
		str_add(s, "\"sh\",\"-c\",");
		str_add_json(s, script, strlen(script));
	}
	str_add(s, "]}}");
}

static inline void compile_job(struct job *j, const char *script, const struct shape *o)
{
	auto_str struct str text = STR_INIT(1 << 20);
	auto_json struct json *config = NULL;
	struct compile_options options = COMPILE_OPTIONS_INIT;

	add_configuration(&text, script, o);
	assert_done(json_parse(text.data, text.len, 0, &config, &err));
	options.bundle = BUNDLE;
	options.id = j->id;
	options.cgroups = &layout;
	options.cgroup_path = j->cgroup;
	assert_done(compile_container(config, &options, &j->record, &err));
}

static inline void describe(struct job *j)
{
	*j = (struct job){ .shim = NULL };
	told_init(&j->told);
	id_new(j->id);
	path_format(j->cgroup, sizeof j->cgroup, "/%s/%s", world->cgroup, j->id);
}

/* Parked.  The answer of shim_launch. */
static inline int try_launch(
	struct job *j, const char *script, const struct shape *o, struct launch_error *ret_why)
{
	auto_close int folder = open(LOG_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	describe(j);
	compile_job(j, script, o);
	struct shim_launch what = { .id = j->id,
		.record = &j->record,
		.cgroups = &layout,
		.open_stdin = o->open_stdin,
		.stdin_once = o->stdin_once,
		.log = { o->no_log ? PROTO_LOG_NONE : PROTO_LOG_JSON_FILE, folder, o->log_file_size,
			o->log_files ? o->log_files : 1, NULL },
		.data = &j->told };
	int r = shim_launch(hub, &what, &j->shim, ret_why, &err);
	launch_block_done(&j->record);
	return r;
}

static inline void launch(struct job *j, const char *script, struct shape o)
{
	struct launch_error why;

	assert_done(try_launch(j, script, &o, &why));
}

static inline void commit(struct job *j)
{
	struct launch_error why;
	int64_t time = 0;

	assert_done(shim_commit(j->shim, &time, &why, &err));
	assert_true(time > 0 && time <= clock_real_ns());
}

static inline void run(struct job *j, const char *script, struct shape o)
{
	launch(j, script, o);
	commit(j);
}

static inline void release(struct job *j)
{
	assert_done(shim_finish(j->shim, &err));
	shim_unref(j->shim);
	j->shim = NULL;
}

/* Waits for the end and lets go: the status as waitpid's. */
static inline int finish(struct job *j)
{
	struct proto_shim_event e = event_of(j, PROTO_EVENT_EXIT);

	release(j);
	return e.status;
}

static inline void assert_exit_code(struct job *j, int code)
{
	int status = finish(j);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
		fail_msg("status is 0x%x, wanted exit code %d", status, code);
}

/* ---- clients ------------------------------------------------------------------------ */
/* Attaches one end of a new socket pair; the other is answered. */
static inline int attach(struct job *j, uint32_t flags, const char *pending, const char *keys)
{
	struct shim_attach what = { .flags = flags,
		.head = "HEAD\n",
		.head_n = 5,
		.pending = pending,
		.pending_n = pending ? strlen(pending) : 0,
		.keys = keys,
		.keys_n = keys ? strlen(keys) : 0 };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_done(shim_attach(j->shim, &what, pair[1], &err));
	close(pair[1]);
	return pair[0];
}

/* Appends what comes until the text is in it (NULL: the end). */
static inline void read_until(int sock, struct str *all, const char *text)
{
	int64_t end = clock_mono_ns() + PATIENCE;
	char buf[4096];

	while (!text || !all->data || !memmem(all->data, all->len, text, strlen(text))) {
		struct pollfd p = { .fd = sock, .events = POLLIN };
		if (poll(&p, 1, clock_poll_ms(end)) == 0)
			fail_msg("nothing comes behind '%s'", str_text(all));
		ssize_t n = read(sock, buf, sizeof buf);
		if (n <= 0 && !text)
			return;
		if (n <= 0)
			fail_msg("the stream ended behind '%s'", str_text(all));
		str_add_n(all, buf, (size_t)n);
	}
}

static inline void assert_stream(int sock, const char *wanted)
{
	auto_str struct str all = STR_INIT(16 << 20);

	read_until(sock, &all, NULL);
	assert_string_equal(str_text(&all), wanted);
	close(sock);
}

/* ---- nothing is left -------------------------------------------------------------------- */
static inline int entries(const char *path)
{
	int n = 0;
	DIR *d = opendir(path);

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

static inline int lines(const char *path)
{
	auto_free char *text = NULL;
	int n = 0;

	if (fd_read_file(AT_FDCWD, path, 1 << 20, &text, NULL) == 0)
		for (const char *p = text; (p = strchr(p, '\n')); p++)
			n++;
	return n;
}

/* Folders in the world's folder of each hierarchy. */
static inline int cgroups_left(void)
{
	int n = 0;

	for (size_t i = 0; i < layout.n; i++) {
		char path[CGROUP_PATH_MAX + CGROUP_MOUNT_POINT_MAX];
		path_format(path, sizeof path, "%s/%s", layout.hierarchies[i].mount_point, world->cgroup);
		DIR *d = opendir(path);
		for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
			n += e->d_type == DT_DIR && e->d_name[0] != '.';
		if (d)
			closedir(d);
	}
	return n;
}

/* Orphans of containers without a pid namespace are ours, as the world makes us their reaper; shims are the
 * hub's. */
static inline void reap_orphans(const char *list)
{
	char *end, path[64];

	for (long pid = strtol(list, &end, 10); end != list; pid = strtol(list, &end, 10)) {
		auto_free char *name = NULL;
		list = end;
		path_format(path, sizeof path, "/proc/%ld/comm", pid);
		if (fd_read_file(AT_FDCWD, path, 64, &name, NULL) == 0 && strcmp(name, "gantry-shim\n") != 0)
			waitpid((pid_t)pid, NULL, WNOHANG);
	}
}

static inline int children(void)
{
	char path[64];
	auto_free char *text = NULL;
	int n = 0;

	path_format(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	if (fd_read_file(AT_FDCWD, path, 1 << 20, &text, NULL) == 0)
		for (const char *p = text; *p; p++)
			n += *p == ' ';
	if (text)
		reap_orphans(text);
	return n;
}

struct left {
	int folders, cgroups, children, mounts, descriptors;
};

static struct left before;

static inline struct left look(void)
{
	return (struct left){ entries(SHIM_FOLDER), cgroups_left(), children(), lines("/proc/self/mountinfo"),
		entries("/proc/self/fd") };
}

/* Shims end by themselves, and the hub reaps them. */
static inline int assert_nothing_left(void)
{
	int64_t end = clock_mono_ns() + PATIENCE;
	struct left now;

	do {
		now = look();
		if (memcmp(&now, &before, sizeof now) == 0)
			return 0;
		usleep(2000);
	} while (clock_mono_ns() < end);
	print_error("left (before): folders %d (%d), cgroups %d (%d), processes %d (%d), mounts %d (%d), "
		    "descriptors %d (%d)\n",
		now.folders, before.folders, now.cgroups, before.cgroups, now.children, before.children,
		now.mounts, before.mounts, now.descriptors, before.descriptors);
	return -1;
}

/* ---- fixtures ------------------------------------------------------------------------------ */
static inline int new_hub(void)
{
	struct shim_hub_options o = { .folder = SHIM_FOLDER,
		.program = PROGRAM,
		.cgroup_fd = -1,
		.callbacks = { on_event, on_died, NULL } };

	return shim_hub_new(&o, &hub, &err);
}

static inline void free_hub(void)
{
	shim_hub_free(hub);
	hub = NULL;
}

static inline int group_setup(void **state)
{
	if (world_setup(state) < 0)
		return -1;
	world = *state;
	if (cgroup_layout_discover(&layout, &err) < 0 || bundle_make(BUNDLE, "busybox", NULL, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	signal(SIGPIPE, SIG_IGN);
	mkdir(SHIM_FOLDER, 0700);
	return mkdir(LOG_FOLDER, 0700);
}

static inline int setup_hub(void **state)
{
	(void)state;
	err = ERROR_INIT;
	before = look();
	int r = new_hub();
	if (r < 0)
		print_error("%s\n", err.text);
	return r;
}

/* With the hub, which reaps; then without. */
static inline int teardown_hub(void **state)
{
	(void)state;
	int64_t end = clock_mono_ns() + PATIENCE;

	while (children() > before.children && clock_mono_ns() < end)
		usleep(1000);
	free_hub();
	return assert_nothing_left();
}

#endif
