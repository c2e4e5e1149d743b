/* SPDX-License-Identifier: Apache-2.0 */
/* One thread that reads what all shims say, and the start of new ones. */
#include "engine/container/shim_handle.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/path.h"
#include "lib/base/spawn.h"
#include "lib/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PROGRAM    "gantry-shim"
#define STACK_SIZE (256u << 10)
#define BATCH      64

/* What epoll gives back: the kind stands first. */
enum watched { WATCHED_STOP, WATCHED_CHILD, WATCHED_SHIM };
struct watch {
	enum watched kind;
	struct shim *shim;
	struct spawn_child child;
	struct watch *next, **link; /* under the hub's lock */
};

/* ---- the program ---------------------------------------------------------------------- */
static int own_folder(char dir[PATH_MAX], struct error *err)
{
	ssize_t n = readlink("/proc/self/exe", dir, PATH_MAX - 1);

	if (n <= 0)
		return error_sys(err, errno, "cannot find this program's folder by /proc/self/exe");
	dir[n] = '\0';
	*strrchr(dir, '/') = '\0';
	return 0;
}

/* A write through /proc/PID/exe of a process in a container ends at this mount: EROFS (CVE-2019-5736). */
static int open_program(const char *path, int *ret, struct error *err)
{
	struct sys_mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	char dir[PATH_MAX];
	const char *name = PROGRAM;
	int r = 0;

	if (path) {
		r = path_format(dir, sizeof dir, "%s", path);
		char *slash = r == 0 ? strrchr(dir, '/') : NULL;
		if (!slash)
			return error_invalid(err, "'%s' is no absolute path", path);
		*slash = '\0';
		name = path_base(path);
	} else {
		r = own_folder(dir, err);
	}
	if (r < 0)
		return r;
	auto_close int tree = sys_open_tree(AT_FDCWD, dir, OPEN_TREE_CLONE | O_CLOEXEC);
	if (tree < 0 || sys_mount_setattr(tree, "", AT_EMPTY_PATH, &ro) < 0)
		return error_sys(err, errno, "cannot make a read-only clone of '%s'", dir);
	*ret = openat(tree, name, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	return *ret < 0 ? error_sys(err, errno, "cannot open '%s/%s'", dir, name) : 0;
}

/* ---- what is watched ------------------------------------------------------------------- */
static int add_watch(struct shim_hub *hub, int fd, const struct watch *what)
{
	struct watch *w = malloc(sizeof *w);
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = w };

	if (!w)
		return -ENOMEM;
	*w = *what;
	pthread_mutex_lock(&hub->lock);
	int r = epoll_ctl(hub->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
	if (r == 0) {
		w->next = hub->watches;
		w->link = &hub->watches;
		if (w->next)
			w->next->link = &w->next;
		hub->watches = w;
	}
	pthread_mutex_unlock(&hub->lock);
	if (r < 0)
		free(w);
	return r;
}

static void drop_watch(struct shim_hub *hub, int fd, struct watch *w)
{
	epoll_ctl(hub->epoll, EPOLL_CTL_DEL, fd, NULL);
	pthread_mutex_lock(&hub->lock);
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	pthread_mutex_unlock(&hub->lock);
	free(w);
}

/* A shim's environment: empty, but for the tests' word on where it is to be killed. */
static const char *const *environment(char text[128], const char *env[2])
{
	env[0] = env[1] = NULL;
#ifdef GANTRY_FAULT_POINTS
	const char *fault = getenv("GANTRY_FAULT");
	if (fault && path_format(text, 128, "GANTRY_FAULT=%s", fault) == 0)
		env[0] = text;
#else
	(void)text;
#endif
	return env;
}

int hub_spawn(struct shim_hub *hub, int *ret_sock, struct error *err)
{
	const char *env[2];
	char fault[128];
	static const char *const argv[] = { PROGRAM, NULL };
	struct watch w = { .kind = WATCHED_CHILD };
	struct spawn what = SPAWN_INIT;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, errno, "cannot make a socket pair");
	const int fds[4] = { -1, -1, -1, pair[1] };
	what.exec_fd = hub->program;
	what.argv = argv;
	what.env = environment(fault, env);
	what.fds = fds;
	what.nfds = 4;
	what.flags = SPAWN_SESSION;
	what.cgroup_fd = hub->cgroup_fd;
	what.procs_fds = hub->procs_fds;
	what.nprocs = hub->nprocs;
	int r = spawn_run(&what, &w.child, err);
	close(pair[1]);
	if (r < 0) {
		close(pair[0]);
		return error_prefix(err, r, "cannot start " PROGRAM);
	}
	*ret_sock = pair[0];
	r = add_watch(hub, w.child.pidfd, &w);
	if (r < 0)
		log_warning("shim %d stays a zombie when it ends: %s", (int)w.child.pid, strerror(-r));
	return 0;
}

static void link_shim(struct shim *s)
{
	struct shim_hub *hub = s->hub;

	pthread_mutex_lock(&hub->lock);
	s->next = hub->shims;
	s->link = &hub->shims;
	if (s->next)
		s->next->link = &s->next;
	hub->shims = s;
	pthread_mutex_unlock(&hub->lock);
}

static void unlink_shim(struct shim *s)
{
	pthread_mutex_lock(&s->hub->lock);
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	pthread_mutex_unlock(&s->hub->lock);
}

void hub_register(struct shim *s)
{
	struct watch w = { .kind = WATCHED_SHIM, .shim = s };

	for (size_t i = 0; i < s->n_early; i++)
		hub_tell(s, &s->early[i]);
	s->n_early = 0;
	shim_ref(s);
	s->registered = true;
	link_shim(s);
	int r = add_watch(s->hub, s->sock, &w);
	if (r < 0)
		log_error("shim %s cannot be watched: %s: restart gantryd", s->short_id, strerror(-r));
}

void hub_tell(struct shim *s, const struct proto_shim_event *event)
{
	s->hub->callbacks.event(s->hub->callbacks.arg, s, event);
}

/* ---- the thread --------------------------------------------------------------------------- */
static void take_result(struct shim *s, const struct proto_shim_result *m)
{
	pthread_mutex_lock(&s->lock);
	s->answer_serial = m->serial;
	s->answer_code = m->code;
	pthread_cond_broadcast(&s->answered);
	pthread_mutex_unlock(&s->lock);
}

static void take_exec_result(struct shim *s, const struct proto_shim_exec_result *m)
{
	struct proto_shim_result plain = { .serial = m->serial, .code = m->code };

	pthread_mutex_lock(&s->lock);
	s->exec_result = *m;
	pthread_mutex_unlock(&s->lock);
	take_result(s, &plain);
}

static void on_end(struct shim *s, struct watch *w)
{
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	bool finished = s->finished;
	pthread_cond_broadcast(&s->answered);
	pthread_mutex_unlock(&s->lock);
	drop_watch(s->hub, s->sock, w);
	unlink_shim(s);
	if (!finished)
		s->hub->callbacks.died(s->hub->callbacks.arg, s);
	shim_unref(s);
}

static void on_shim(struct watch *w)
{
	struct shim *s = w->shim;
	union shim_message m;
	struct error err = ERROR_INIT;
	int type = shim_read(s->sock, 0, &m, sizeof m, NULL, NULL, &err);

	if (type == PROTO_SHIM_RESULT)
		take_result(s, &m.result);
	else if (type == PROTO_SHIM_EXEC_RESULT)
		take_exec_result(s, &m.exec_result);
	else if (type == PROTO_SHIM_EVENT)
		hub_tell(s, &m.event);
	else if (type < 0 && type != -ETIMEDOUT)
		on_end(s, w);
}

static void on_child(struct shim_hub *hub, struct watch *w)
{
	int status;

	if (spawn_wait(&w->child, clock_mono_ns() + CLOCK_S, &status) < 0)
		return;
	int pidfd = w->child.pidfd;
	drop_watch(hub, pidfd, w);
	close(pidfd);
}

static void *serve(void *arg)
{
	struct shim_hub *hub = arg;
	struct epoll_event evs[BATCH];

	for (;;) {
		int n = epoll_wait(hub->epoll, evs, BATCH, -1);
		bool stop = false;
		for (int i = 0; i < n; i++) {
			struct watch *w = evs[i].data.ptr;
			if (!w)
				stop = true;
			else if (w->kind == WATCHED_SHIM)
				on_shim(w);
			else
				on_child(hub, w);
		}
		if (stop)
			return NULL;
	}
}

/* ---- life ------------------------------------------------------------------------------------ */
static int open_folder(const char *path, int *ret, struct error *err)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_sys(err, errno, "cannot make '%s'", path);
	*ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *ret < 0 ? error_sys(err, errno, "cannot open '%s'", path) : 0;
}

static int start_thread(struct shim_hub *hub, struct error *err)
{
	struct epoll_event ev = { .events = EPOLLIN };
	pthread_attr_t attr;

	hub->epoll = epoll_create1(EPOLL_CLOEXEC);
	hub->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (hub->epoll < 0 || hub->stop < 0 || epoll_ctl(hub->epoll, EPOLL_CTL_ADD, hub->stop, &ev) < 0)
		return error_sys(err, errno, "cannot watch the containers' supervisors");
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	int r = pthread_create(&hub->thread, &attr, serve, hub);
	pthread_attr_destroy(&attr);
	hub->running = r == 0;
	return r ? error_sys(err, r, "cannot start a thread for the containers' supervisors") : 0;
}

int shim_hub_new(const struct shim_hub_options *options, struct shim_hub **ret, struct error *err)
{
	struct shim_hub *hub = calloc(1, sizeof *hub);

	if (!hub)
		return error_sys(err, ENOMEM, "cannot keep the containers' supervisors");
	hub->folder = hub->program = hub->epoll = hub->stop = -1;
	hub->cgroup_fd = options->cgroup_fd;
	hub->procs_fds = options->procs_fds;
	hub->nprocs = options->nprocs;
	hub->callbacks = options->callbacks;
	pthread_mutex_init(&hub->lock, NULL);
	int r = open_folder(options->folder, &hub->folder, err);
	if (r == 0)
		r = open_program(options->program, &hub->program, err);
	if (r == 0)
		r = start_thread(hub, err);
	if (r < 0)
		shim_hub_free(hub);
	else
		*ret = hub;
	return r;
}

void shim_hub_free(struct shim_hub *hub)
{
	uint64_t one = 1;

	if (!hub)
		return;
	if (hub->running && write(hub->stop, &one, sizeof one) == sizeof one)
		pthread_join(hub->thread, NULL);
	while (hub->shims) {
		struct shim *s = hub->shims;
		unlink_shim(s);
		shim_unref(s);
	}
	for (struct watch *w = hub->watches, *next; w; w = next) {
		next = w->next;
		if (w->kind == WATCHED_CHILD) /* lives on, or stays a zombie as long as this process */
			close(w->child.pidfd);
		free(w);
	}
	int fds[] = { hub->stop, hub->epoll, hub->program, hub->folder };
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	pthread_mutex_destroy(&hub->lock);
	free(hub);
}
