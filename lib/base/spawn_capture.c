/* SPDX-License-Identifier: Apache-2.0 */
/* spawn_capture: a program run to completion, its output read. */
#include "lib/base/spawn.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* One stream being read: keeps the first or the last max bytes. */
struct stream {
	int fd; /* -1: ended */
	bool tail;
	bool cut;
	char *data; /* room for max + 1 bytes at most */
	size_t n, size, max;
};

static int grow(struct stream *s, size_t n)
{
	size_t size = s->size ? s->size : 1024;

	if (n < s->size)
		return 0;
	while (size <= n)
		size *= 2;
	char *bigger = realloc(s->data, size);
	if (!bigger)
		return -ENOMEM;
	s->data = bigger;
	s->size = size;
	return 0;
}

static int keep(struct stream *s, const char *bytes, size_t n)
{
	size_t room = s->max - s->n;

	s->cut |= n > room;
	if (n > room && s->tail) {
		if (n > s->max) {
			bytes += n - s->max;
			n = s->max;
		}
		size_t drop = s->n + n - s->max;
		memmove(s->data, s->data + drop, s->n - drop);
		s->n -= drop;
	} else if (n > room) {
		n = room;
	}
	int r = grow(s, s->n + n);
	if (r < 0)
		return r;
	memcpy(s->data + s->n, bytes, n);
	s->n += n;
	return 0;
}

static void end(struct stream *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* Reads what is there, at most a pipe's worth, so that a flood cannot hold off the deadline. */
static int drain(struct stream *s)
{
	char buf[4096];

	for (int i = 0; i < 16 && s->fd >= 0; i++) {
		ssize_t n = read(s->fd, buf, sizeof buf);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0) {
			int error = n < 0 ? errno : 0;
			end(s);
			return -error;
		}
		int r = keep(s, buf, (size_t)n);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Input as a file: nothing to pump, no SIGPIPE, no dead lock with output. */
static int input_file(const void *data, size_t n)
{
	auto_close int fd = memfd_create("stdin", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	int r = fd_write_all(fd, data, n);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return take_fd(fd);
}

/* A pipe whose reading end alone does not block: that is a property of each end's open file. */
static int open_stream(struct stream *s, int *ret_write)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) {
		int error = errno;
		close(ends[0]);
		close(ends[1]);
		return -error;
	}
	s->fd = ends[0];
	*ret_write = ends[1];
	return grow(s, 0);
}

static int start(const struct spawn *what, const struct spawn_capture *io, struct stream *out,
	struct stream *err_out, struct spawn_child *ret, struct error *err)
{
	auto_close int in = -1, out_fd = -1, err_fd = -1;
	int fds[SPAWN_FDS_MAX];
	struct spawn with_fds = *what;
	int r = 0;

	if (what->nfds > SPAWN_FDS_MAX)
		return error_set(
			err, ERROR_INTERNAL, E2BIG, "cannot run '%s': too many descriptors", what->argv[0]);
	if (io->in) {
		in = input_file(io->in, io->in_n);
		r = in < 0 ? in : 0;
	}
	if (r == 0)
		r = open_stream(out, &out_fd);
	if (r == 0)
		r = open_stream(err_out, &err_fd);
	if (r < 0)
		return error_sys(err, -r, "cannot run '%s': make its standard streams", what->argv[0]);
	fds[0] = io->in ? in : what->nfds > 0 ? what->fds[0] : -1;
	fds[1] = out_fd;
	fds[2] = err_fd;
	for (size_t i = 3; i < what->nfds; i++)
		fds[i] = what->fds[i];
	with_fds.fds = fds;
	with_fds.nfds = what->nfds < 3 ? 3 : what->nfds;
	if (!(what->flags & SPAWN_SESSION))
		with_fds.flags |= SPAWN_GROUP;
	return spawn_run(&with_fds, ret, err);
}

/* Until the process is reaped its number, and so its group's, cannot be another's. */
static void kill_group(const struct spawn_child *child)
{
	kill(-child->pid, SIGKILL);
	spawn_kill(child, SIGKILL);
}

/* Reads until the process has ended; what was written before that is read to the end. */
static int pump(const struct spawn_child *child, struct stream *out, struct stream *err_out,
	int64_t deadline_ns, bool *ret_timed_out)
{
	bool ended = false;

	while (!ended) {
		struct pollfd p[3] = { { .fd = child->pidfd, .events = POLLIN },
			{ .fd = out->fd, .events = POLLIN }, { .fd = err_out->fd, .events = POLLIN } };
		int ms = deadline_ns == INT64_MAX || *ret_timed_out ? -1 : clock_poll_ms(deadline_ns);
		int n = poll(p, 3, ms);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (!*ret_timed_out && deadline_ns != INT64_MAX && clock_mono_ns() >= deadline_ns &&
			!(n > 0 && p[0].revents)) {
			kill_group(child);
			*ret_timed_out = true;
		}
		ended = n > 0 && p[0].revents;
		int r = drain(out), r2 = drain(err_out);
		if (r < 0 || r2 < 0)
			return r < 0 ? r : r2;
	}
	return 0;
}

int spawn_capture(const struct spawn *what, struct spawn_capture *io, struct error *err)
{
	struct stream out = { .fd = -1, .max = io->out_max },
		      err_out = { .fd = -1, .tail = true, .max = io->err_max };
	struct spawn_child child = { .pid = -1, .pidfd = -1 };
	bool timed_out = false;
	int status = 0;

	int r = start(what, io, &out, &err_out, &child, err);
	if (r == 0) {
		r = pump(&child, &out, &err_out, io->deadline_ns, &timed_out);
		if (r < 0)
			kill_group(&child);
		int w = spawn_wait(&child, INT64_MAX, &status);
		if (r == 0)
			r = w;
		if (r < 0)
			error_sys(err, -r, "cannot read what '%s' writes", what->argv[0]);
		close(child.pidfd);
	}
	end(&out);
	end(&err_out);
	if (r < 0) {
		free(out.data);
		free(err_out.data);
		return r;
	}
	out.data[out.n] = err_out.data[err_out.n] = '\0';
	io->status = status;
	io->timed_out = timed_out;
	io->out = out.data;
	io->out_n = out.n;
	io->out_cut = out.cut;
	io->err = err_out.data;
	io->err_n = err_out.n;
	io->err_cut = err_out.cut;
	return 0;
}

void spawn_capture_done(struct spawn_capture *io)
{
	free(io->out);
	free(io->err);
	io->out = io->err = NULL;
	io->out_n = io->err_n = 0;
}
