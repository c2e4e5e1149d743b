/* SPDX-License-Identifier: Apache-2.0 */
/* run: create, start, and stand in for the container until it ends: its signals, its terminal, its status. */
#include "programs/gantry-runtime/runtime.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/sys.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>

/* One direction of the terminal. */
struct flow {
	int from, to;
	char data[4096];
	size_t n, at;
};

struct session {
	int pidfd, signals, console;
	struct termios before;
	bool raw; /* our own terminal was made raw */
	struct flow in, out;
};

static void resize(const struct session *s)
{
	struct winsize size;

	if (s->console >= 0 && ioctl(0, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
		ioctl(s->console, TIOCSWINSZ, &size);
}

static void make_raw(struct session *s)
{
	struct termios t;

	if (s->console < 0 || tcgetattr(0, &s->before) < 0)
		return;
	t = s->before;
	cfmakeraw(&t);
	s->raw = tcsetattr(0, TCSANOW, &t) == 0;
	resize(s);
}

static void forward(const struct session *s)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof info) != sizeof info)
		return;
	if (info.ssi_signo == SIGWINCH)
		resize(s);
	else if (info.ssi_signo != SIGCHLD)
		sys_pidfd_send_signal(s->pidfd, (int)info.ssi_signo, NULL, 0);
}

/* Reads when empty, else writes; at the end of a side the flow stops.  A pty says EIO when its last slave is
 * closed. */
static void pump(struct flow *f, short revents)
{
	ssize_t r;

	if (f->n == 0) {
		if (!(revents & (POLLIN | POLLHUP | POLLERR)))
			return;
		r = read(f->from, f->data, sizeof f->data);
		if (r > 0) {
			f->n = (size_t)r;
			f->at = 0;
		} else if (r == 0 || (errno != EINTR && errno != EAGAIN)) {
			f->from = -1;
		}
	} else if (revents & (POLLOUT | POLLHUP | POLLERR)) {
		r = write(f->to, f->data + f->at, f->n);
		if (r > 0) {
			f->n -= (size_t)r;
			f->at += (size_t)r;
		} else if (r < 0 && errno != EINTR && errno != EAGAIN) {
			f->from = -1;
			f->n = 0;
		}
	}
}

static struct pollfd poll_flow(const struct flow *f)
{
	return f->n ? (struct pollfd){ .fd = f->to, .events = POLLOUT }
		    : (struct pollfd){ .fd = f->from, .events = POLLIN };
}

static void attend(struct session *s)
{
	for (;;) {
		struct pollfd p[4] = { { .fd = s->pidfd, .events = POLLIN },
			{ .fd = s->signals, .events = POLLIN }, poll_flow(&s->in), poll_flow(&s->out) };
		if (poll(p, 4, -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents)
			forward(s);
		if (p[2].revents)
			pump(&s->in, p[2].revents);
		if (p[3].revents)
			pump(&s->out, p[3].revents);
		if (p[0].revents)
			return;
	}
}

/* What the container wrote last is still in the terminal. */
static void drain(struct session *s)
{
	while (s->out.from >= 0) {
		struct pollfd p = poll_flow(&s->out);
		int r = poll(&p, 1, s->out.n ? 1000 : 0);
		if (r <= 0)
			return;
		pump(&s->out, p.revents);
	}
}

static void block_signals(struct session *s, sigset_t *old)
{
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGTTOU);
	sigprocmask(SIG_BLOCK, &all, old);
	s->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

int run_wait(pid_t pid, int pidfd, int console)
{
	struct session s = { .pidfd = pidfd,
		.signals = -1,
		.console = console,
		.in = { .from = -1, .to = console },
		.out = { .from = console, .to = 1 } };
	sigset_t old;
	int status = 0;

	block_signals(&s, &old);
	if (console >= 0)
		s.in.from = 0;
	make_raw(&s);
	attend(&s);
	drain(&s);
	if (s.raw)
		tcsetattr(0, TCSADRAIN, &s.before);
	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	if (s.signals >= 0)
		close(s.signals);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int finish(
	const struct globals *globals, struct created *c, const struct run_options *o, struct error *err)
{
	state_unlock(&c->state);
	int status = run_wait(c->state.pid, c->pidfd, c->console);

	if (!o->keep && container_delete(globals, &c->state, true, err) < 0)
		report(err);
	return status;
}

int run_run(const struct command_call *call)
{
	const struct run_options *o = call->options.into;
	const struct globals *globals = globals_of(call);
	struct created c = CREATED_INIT;
	struct error err = ERROR_INIT;
	int status = 0;
	int r = container_create(globals, call->options.args[0], &o->create,
		!o->detach && !o->create.console_socket, &c, &err);

	if (r < 0)
		return report(&err);
	r = container_start(&c.state, &c.hooks, &err);
	if (r < 0) {
		container_delete(globals, &c.state, true, NULL);
		status = report(&err);
	} else if (!o->detach) {
		status = finish(globals, &c, o, &err);
	}
	created_done(&c);
	return status;
}
