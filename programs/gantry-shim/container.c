/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry-shim/container.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/str.h"
#include "lib/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define READ_SIZE 65536
#define KILL_NS   (10 * CLOCK_S)

/* ---- creation --------------------------------------------------------------------------- */
/* Our end does not block; the container's is another description of the same pipe. */
static int make_pipe(int *ret_ours, int *ret_theirs, bool we_read)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	*ret_ours = ends[we_read ? 0 : 1];
	*ret_theirs = ends[we_read ? 1 : 0];
	return fcntl(*ret_ours, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int make_pipes(struct container *c, int stdio[3])
{
	int r = 0;

	stdio[0] = stdio[1] = stdio[2] = -1;
	if (c->request->rec->process.flags & LAUNCH_PROC_TTY)
		return 0;
	if (c->request->settings.flags & PROTO_SETTINGS_STDIN)
		r = make_pipe(&c->in, &stdio[0], false);
	if (r == 0)
		r = make_pipe(&c->out[0], &stdio[1], true);
	return r == 0 ? make_pipe(&c->out[1], &stdio[2], true) : r;
}

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
	path_format(path, sizeof path, "/proc/%d/ns/net", (int)c->made.pid);
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

	memcpy(args.stdio, stdio, sizeof args.stdio);
	return launch_create(&args, &c->made, err);
}

static void close_stdio(int stdio[3])
{
	for (unsigned i = 0; i < 3; i++)
		if (stdio[i] >= 0)
			close(stdio[i]);
}

static void take_console(struct container *c)
{
	if (c->made.console < 0)
		return;
	int is = fcntl(c->made.console, F_GETFL);
	fcntl(c->made.console, F_SETFL, is | O_NONBLOCK);
	c->out[0] = c->in = c->made.console;
}

int container_create(struct container *c, struct request *request, struct launch_error *err)
{
	int stdio[3], park[2];

	c->request = request;
	c->park = c->netns = c->in = c->out[0] = c->out[1] = -1;
	c->made = (struct launch_result){ .pidfd = -1, .console = -1, .cgroup = CGROUP_NONE };
	int r = open_log(c, err);
	if (r < 0)
		return r;
	r = make_pipes(c, stdio);
	if (r == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, park) < 0)
		r = -errno;
	if (r < 0) {
		*err = (struct launch_error){ .phase = LAUNCH_PHASE_PROTOCOL, .code = -r };
		close_stdio(stdio);
		return r;
	}
	r = launch(c, stdio, park[1], err);
	close_stdio(stdio);
	close(park[1]);
	c->park = park[0];
	if (r < 0)
		return r;
	/* The record's descriptors are in the container now; a kept one would pin its mounts. */
	for (uint32_t i = 0; i < request->head.record_fds; i++)
		close(request->fds[i]);
	take_console(c);
	c->netns = open_netns(c);
	c->start_time = read_start_time(c->made.pid);
	return 0;
}

int container_release(struct container *c, struct launch_error *err)
{
	int r = launch_start(c->park, err);

	close(take_fd(c->park));
	return r;
}

/* ---- streams ------------------------------------------------------------------------------- */
bool container_read(struct container *c, unsigned stream, struct clients *clients)
{
	static char buf[READ_SIZE];
	enum logfile_stream name = stream == 0 ? LOGFILE_STDOUT : LOGFILE_STDERR;
	ssize_t n = c->out[stream] < 0 ? 0 : read(c->out[stream], buf, sizeof buf);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	if (n <= 0) { /* the end; of a terminal EIO */
		if (c->out[stream] >= 0 && c->out[stream] != c->made.console)
			close(c->out[stream]);
		c->out[stream] = -1;
		return false;
	}
	if (c->log.fd >= 0)
		logfile_write(&c->log, name, buf, (size_t)n);
	for (struct client *cl = clients->first; cl; cl = cl->next) {
		client_say(cl, name, buf, (size_t)n);
		cl->wakes = cl->reader != NULL;
	}
	return true;
}

void container_drain(struct container *c, struct clients *clients)
{
	for (unsigned stream = 0; stream < 2; stream++)
		while (container_read(c, stream, clients))
			;
}

void container_write(struct container *c)
{
	while (c->in >= 0 && c->input_at < c->input_n) {
		ssize_t n = write(c->in, c->input + c->input_at, c->input_n - c->input_at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) /* nobody reads any more: the rest is for nobody */
			c->input_ends = true;
		c->input_at = n < 0 ? c->input_n : c->input_at + (size_t)n;
	}
	c->input_at = c->input_n = 0;
	if (c->input_ends && c->in >= 0 && c->in != c->made.console)
		close(take_fd(c->in));
}

/* The end of a client's input is the container's when it was asked to be. */
static void end_input(struct container *c, struct client *client, bool failed)
{
	client_end_input(client, failed);
	if (!(client->flags & PROTO_STREAM_STDIN) || c->made.console >= 0)
		return;
	if (c->request->settings.flags & PROTO_SETTINGS_STDIN_ONCE) {
		c->input_ends = true;
		container_write(c);
	}
}

void container_take_input(struct container *c, struct client *client, bool *ret_detached)
{
	const size_t piece = 4096, room = sizeof c->input - c->input_n;

	if (c->input_at > 0 || room < piece + PROTO_KEYS_MAX)
		return; /* when that is taken */
	ssize_t n = recv(client->sock, c->input + c->input_n, piece, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end_input(c, client, n < 0);
		return;
	}
	if (!(client->flags & PROTO_STREAM_STDIN) || c->in < 0)
		return; /* for nobody */
	long kept = client_filter(client, c->input + c->input_n, (size_t)n, room);
	if (kept < 0) {
		client->ending = true;
		client->input = false;
		*ret_detached = true;
		return;
	}
	c->input_n += (size_t)kept;
	container_write(c);
}

void container_close_streams(struct container *c)
{
	if (c->in >= 0 && c->in != c->made.console)
		close(c->in);
	for (unsigned i = 0; i < 2; i++)
		if (c->out[i] >= 0 && c->out[i] != c->made.console)
			close(c->out[i]);
	c->in = c->out[0] = c->out[1] = -1;
	if (c->log.fd >= 0)
		logfile_close(&c->log);
	c->log.fd = -1;
}

/* ---- the process -------------------------------------------------------------------------------- */
int container_signal(struct container *c, int sig)
{
	if (c->made.pidfd < 0)
		return -ESRCH;
	return sys_pidfd_send_signal(c->made.pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

int container_resize(struct container *c, unsigned rows, unsigned cols)
{
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };

	if (c->made.console < 0)
		return -ENOTTY;
	return ioctl(c->made.console, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

void container_kill(struct container *c)
{
	if (c->made.cgroup.layout)
		cgroup_kill(&c->made.cgroup, clock_mono_ns() + KILL_NS, NULL);
	container_signal(c, SIGKILL);
}

int container_reap(struct container *c, bool *ret_oom)
{
	uint64_t kills = 0;
	int status = 0;

	while (waitpid(c->made.pid, &status, __WALL) < 0 && errno == EINTR)
		;
	close(take_fd(c->made.pidfd));
	if (c->made.cgroup.layout)
		cgroup_oom_kills(&c->made.cgroup, &kills);
	*ret_oom = kills > 0;
	return status;
}

void container_release_all(struct container *c)
{
	if (c->made.cgroup.layout) {
		cgroup_remove(&c->made.cgroup, clock_mono_ns() + KILL_NS, NULL);
		cgroup_close(&c->made.cgroup);
		c->made.cgroup = CGROUP_NONE;
	}
	if (c->made.console >= 0)
		close(take_fd(c->made.console));
	if (c->netns >= 0)
		close(take_fd(c->netns));
	if (c->park >= 0)
		close(take_fd(c->park));
}
