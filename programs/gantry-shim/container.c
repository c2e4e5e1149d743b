/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry-shim/container.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#define KILL_NS (10 * CLOCK_S)

/* ---- creation --------------------------------------------------------------------------- */
static int open_log(struct container *c, struct launch_error *err)
{
	const struct proto_shim_settings *s = &c->request->settings;
	char name[LOGFILE_NAME_MAX];
	struct error why = ERROR_INIT;

	c->log.fd = -1;
	if (s->log == PROTO_LOG_NONE)
		return 0;
	path_format(name, sizeof name, "%s-json.log", s->id);
	struct logfile_options o = { .name = name,
		.max_size = s->log_file_size,
		.max_files = s->log_files ? s->log_files : 1,
		.attrs = s->attrs_size ? c->request->attrs : NULL,
		.attrs_n = s->attrs_size };
	int r = logfile_open(&c->log, c->request->fds[c->request->head.record_fds + 1], &o, &why);
	if (r < 0) {
		c->log.fd = -1;
		*err = (struct launch_error){ .phase = LAUNCH_PHASE_PROTOCOL, .code = -r };
		path_format(err->detail, sizeof err->detail, "%.240s", why.text);
	}
	return r;
}

/* Field 22 of /proc/PID/stat, behind the last ')' of the name. */
static uint64_t read_start_time(pid_t pid)
{
	char path[64], buf[1024];
	uint64_t n = 0;

	path_format(path, sizeof path, "/proc/%d/stat", (int)pid);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : fd_read_full(fd, buf, sizeof buf - 1);
	if (len <= 0)
		return 0;
	buf[len] = '\0';
	char *p = strrchr(buf, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return 0;
	char *end = strchr(p + 1, ' ');
	if (end)
		*end = '\0';
	str_to_u64(p + 1, 10, 0, UINT64_MAX, &n);
	return n;
}

static int open_netns(const struct container *c)
{
	char path[64];

	if (!(c->request->rec->ns_new & CLONE_NEWNET))
		return -1;
	path_format(path, sizeof path, "/proc/%d/ns/net", (int)c->init.pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int launch(struct container *c, const int stdio[3], int park, struct launch_error *err)
{
	const struct request *q = c->request;
	struct launch_args args = { .rec = q->rec,
		.fds = q->fds,
		.nfds = q->head.record_fds,
		.cgroups = &q->layout,
		.park = park,
		.target = -1 };
	struct launch_result made;

	memcpy(args.stdio, stdio, sizeof args.stdio);
	int r = launch_create(&args, &made, err);
	if (r < 0)
		return r;
	c->init.pid = made.pid;
	c->init.pidfd = made.pidfd;
	c->cgroup = made.cgroup;
	process_take_console(&c->init, made.console);
	return 0;
}

static int prepare(struct container *c, int stdio[3], int park[2], struct launch_error *err)
{
	const struct request *q = c->request;
	int r = open_log(c, err);

	if (r < 0)
		return r;
	r = process_make_pipes(&c->init, q->rec->process.flags & LAUNCH_PROC_TTY,
		q->settings.flags & PROTO_SETTINGS_STDIN, stdio);
	if (r == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, park) < 0)
		r = -errno;
	if (r < 0)
		*err = (struct launch_error){ .phase = LAUNCH_PHASE_PROTOCOL, .code = -r };
	return r;
}

int container_create(struct container *c, struct request *request, struct launch_error *err)
{
	int stdio[3] = { -1, -1, -1 }, park[2] = { -1, -1 };

	c->request = request;
	c->park = c->netns = -1;
	c->init = PROCESS_NONE;
	c->init.log = &c->log;
	c->init.ends_with_client = request->settings.flags & PROTO_SETTINGS_STDIN_ONCE;
	c->cgroup = CGROUP_NONE;
	int r = prepare(c, stdio, park, err);
	if (r == 0)
		r = launch(c, stdio, park[1], err);
	process_close_stdio(stdio);
	if (park[1] >= 0)
		close(park[1]);
	c->park = park[0];
	if (r < 0)
		return r;
	/* The record's descriptors are in the container now; a kept one would pin its mounts. */
	for (uint32_t i = 0; i < request->head.record_fds; i++)
		close(request->fds[i]);
	c->netns = open_netns(c);
	c->start_time = read_start_time(c->init.pid);
	return 0;
}

int container_release(struct container *c, struct launch_error *err)
{
	int r = launch_start(c->park, err);

	close(take_fd(c->park));
	return r;
}

/* ---- further processes ------------------------------------------------------------------------ */
int container_exec(const struct container *c, struct launch_record *rec, const int *fds, uint32_t nfds,
	bool with_stdin, bool with_output, struct process *ret, struct launch_error *err)
{
	struct launch_args args = { .rec = rec,
		.fds = fds,
		.nfds = nfds,
		.cgroups = &c->request->layout,
		.park = -1,
		.target = c->init.pidfd,
		.target_pid = c->init.pid };
	struct launch_result made = { .pidfd = -1, .console = -1, .cgroup = CGROUP_NONE };
	struct process p = PROCESS_NONE;
	int stdio[3] = { -1, -1, -1 };
	bool tty = rec->process.flags & LAUNCH_PROC_TTY;
	/* Our child, and not reaped: the number is its own. */
	int r = launch_namespaces_of(c->init.pid, &rec->ns_new);

	if (r == 0 && (with_output || with_stdin))
		r = process_make_pipes(&p, tty, with_stdin, stdio);

	if (r < 0)
		*err = (struct launch_error){ .phase = LAUNCH_PHASE_PROTOCOL, .code = -r };
	memcpy(args.stdio, stdio, sizeof args.stdio);
	if (r == 0)
		r = launch_exec(&args, &made, err);
	process_close_stdio(stdio);
	if (r < 0) {
		process_close(&p);
		return r;
	}
	cgroup_close(&made.cgroup);
	p.pid = made.pid;
	p.pidfd = made.pidfd;
	p.ends_with_client = true;
	process_take_console(&p, made.console);
	*ret = p;
	return 0;
}

/* ---- the end --------------------------------------------------------------------------------- */
void container_kill(struct container *c)
{
	if (c->cgroup.layout)
		cgroup_kill(&c->cgroup, clock_mono_ns() + KILL_NS, NULL);
	process_signal(&c->init, SIGKILL);
}

bool container_oom(struct container *c)
{
	uint64_t kills = 0;

	if (c->cgroup.layout)
		cgroup_oom_kills(&c->cgroup, &kills);
	return kills > 0;
}

void container_close_streams(struct container *c)
{
	if (c->log.fd >= 0)
		logfile_close(&c->log);
	c->log.fd = -1;
	process_close(&c->init);
}

void container_release_all(struct container *c)
{
	if (c->cgroup.layout) {
		cgroup_remove(&c->cgroup, clock_mono_ns() + KILL_NS, NULL);
		cgroup_close(&c->cgroup);
		c->cgroup = CGROUP_NONE;
	}
	if (c->netns >= 0)
		close(take_fd(c->netns));
	if (c->park >= 0)
		close(take_fd(c->park));
}
