/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry/session.h"

#include "lib/base/cleanup.h"
#include "lib/base/signame.h"
#include "lib/json/json.h"
#include "programs/gantry/client.h"
#include "programs/gantry/http.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const int taken[SESSION_SIGNALS] = { SIGWINCH, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM,
	SIGTERM };

int session_check_tty(bool in, bool tty, struct error *err)
{
	if (in && tty && !isatty(STDIN_FILENO))
		return error_invalid(err, "the input device is not a TTY");
	return 0;
}

/* ---- begin and end -------------------------------------------------------------------------- */
static int caught_fd = -1; /* where the handler puts the numbers of signals */
static volatile sig_atomic_t unanswered;

/* Who asks for the third time while the daemon does not answer gets an end. */
static void catch_signal(int sig)
{
	static const char text[] = "\ngot 3 SIGTERM/SIGINTs, forcefully exiting\n";
	int saved = errno;
	char c = (char)sig;

	if ((sig == SIGINT || sig == SIGTERM) && ++unanswered == 3) {
		terminal_restore();
		(void)!write(STDERR_FILENO, text, sizeof text - 1);
		_exit(1);
	}
	(void)!write(caught_fd, &c, 1); /* when the pipe is full of signals one less is no loss */
	errno = saved;
}

static int take_signals(struct session *s, struct error *err)
{
	struct sigaction act = { .sa_handler = catch_signal, .sa_flags = SA_RESTART };
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return error_sys(err, errno, "cannot take signals");
	s->signals = fds[0];
	caught_fd = fds[1];
	unanswered = 0;
	s->begun = true;
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		sigaction(taken[i], &act, &s->before[i]);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

static int open_stream(struct session *s, const char *target, const struct json *body, struct error *err)
{
	auto_free char *text = body ? json_text(body) : NULL;
	struct http_request r = { .method = "POST", .target = target, .upgrade = true };

	r.type = body ? "application/json" : "text/plain";
	if (text) {
		r.body = text;
		r.body_n = strlen(text);
	}
	int n = client_send(s->client, &r, &s->stream, err);
	if (n < 0)
		return n;
	if (s->stream->head.status != 101)
		return error_set(err, ERROR_INTERNAL, EPROTO, "unable to upgrade to tcp, received %d",
			s->stream->head.status);
	return 0;
}

int session_begin(struct session *s, const char *target, const struct json *body, struct error *err)
{
	int r = keys_parse(s->detach_keys, &s->keys, err);

	s->frames.raw = s->tty;
	if (r == 0)
		r = take_signals(s, err);
	if (r == 0)
		r = open_stream(s, target, body, err);
	if (r < 0)
		session_end(s);
	return r;
}

void session_end(struct session *s)
{
	terminal_restore();
	http_close(take_ptr(s->stream));
	if (!s->begun)
		return;
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		sigaction(taken[i], &s->before[i], NULL);
	close(s->signals);
	close(take_fd(caught_fd));
	s->begun = false;
}

/* ---- signals ----------------------------------------------------------------------------------- */
/* What cannot be forwarded (the process ended) is of no interest. */
static void post(struct session *s, const char *target)
{
	struct http_request r = { .method = "POST", .target = target, .timeout_s = 5 };
	struct http *h;
	struct error ignored = ERROR_INIT;

	if (client_send(s->client, &r, &h, &ignored) == 0)
		client_end(s->client, h);
}

static void resize_to(struct session *s, unsigned rows, unsigned columns)
{
	auto_str struct str target = STR_INIT(4096);

	str_add(&target, s->resize);
	query_add_int(&target, "h", rows);
	query_add_int(&target, "w", columns);
	post(s, str_text(&target));
}

void session_resize(struct session *s, bool grow)
{
	unsigned rows, columns;

	if (!s->resize || !terminal_size(&rows, &columns))
		return;
	if (grow)
		resize_to(s, rows + 1, columns + 1);
	resize_to(s, rows, columns);
}

static void forward(struct session *s, int sig)
{
	auto_str struct str target = STR_INIT(4096);

	str_addf(&target, "/containers/%s/kill", s->id);
	query_add(&target, "signal", signame_text(sig));
	post(s, str_text(&target));
}

/* The program ends as the signal asks, with the terminal as it was. */
static void die_of(struct session *s, int sig)
{
	session_end(s);
	signal(sig, SIG_DFL);
	raise(sig);
	_exit(128 + sig);
}

static void take_signal(struct session *s)
{
	char c;

	while (read(s->signals, &c, 1) == 1) {
		if (c == SIGWINCH)
			session_resize(s, false);
		else if (s->sig_proxy)
			forward(s, c);
		else
			die_of(s, c);
		unanswered = 0;
	}
}

/* ---- streams ------------------------------------------------------------------------------------- */
static int take_output(struct session *s, struct error *err)
{
	char buf[8192];
	ssize_t n = http_read(s->stream, buf, sizeof buf, err);

	/* a daemon that is killed resets the connection: the exit code tells */
	if (n <= 0)
		return n < 0 && err->sys_errno != ECONNRESET ? (int)n : 1;
	int r = frames_feed(&s->frames, buf, (size_t)n, err);
	return r == -EPIPE ? error_sys(err, EPIPE, "cannot write the container's output") : r;
}

static void end_input(struct session *s)
{
	s->input_done = true;
	if (s->pending_n == 0)
		shutdown(s->stream->fd, SHUT_WR);
}

/* Without waiting: who does not read our input may wait for us to read its output. */
static void send_input(struct session *s)
{
	ssize_t n = send(
		s->stream->fd, s->pending + s->pending_at, s->pending_n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		s->input_done = true; /* it takes no more */
		s->pending_n = 0;
		return;
	}
	s->pending_at += (size_t)n;
	s->pending_n -= (size_t)n;
	if (s->pending_n == 0 && s->input_done)
		end_input(s);
}

/* 0, or SESSION_DETACHED. */
static int take_input(struct session *s)
{
	char buf[SESSION_PENDING];
	bool found = false;
	ssize_t n = read(STDIN_FILENO, buf, sizeof buf);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0) {
		end_input(s);
		return 0;
	}
	s->pending_at = 0;
	if (s->tty) {
		s->pending_n = keys_filter(&s->keys, buf, (size_t)n, s->pending, &found);
		/* what was typed before the keys still goes; the last bytes, so no one waits for us */
		if (found && s->pending_n > 0)
			send_input(s);
	} else {
		memcpy(s->pending, buf, (size_t)n);
		s->pending_n = (size_t)n;
	}
	return found ? SESSION_DETACHED : 0;
}

static int step(struct session *s, struct error *err)
{
	bool reads = s->in && !s->input_done && s->pending_n == 0;
	struct pollfd p[] = {
		{ .fd = s->stream->fd, .events = (short)(POLLIN | (s->pending_n ? POLLOUT : 0)) },
		{ .fd = s->signals, .events = POLLIN },
		{ .fd = reads ? STDIN_FILENO : -1, .events = POLLIN },
	};
	int r = 0;

	if (poll(p, 3, http_buffered(s->stream) ? 0 : -1) < 0)
		return errno == EINTR ? 0 : error_sys(err, errno, "cannot wait for the container's output");
	if (p[1].revents)
		take_signal(s);
	if (p[2].revents)
		r = take_input(s);
	if (r == 0 && (p[0].revents & POLLOUT))
		send_input(s);
	if (r == 0 && ((p[0].revents & (POLLIN | POLLHUP | POLLERR)) || http_buffered(s->stream))) {
		r = take_output(s, err);
		return r == 1 ? SESSION_DETACHED + 1 : r;
	}
	return r;
}

int session_run(struct session *s, struct error *err)
{
	int r = 0;

	if (s->tty && s->in)
		r = terminal_make_raw(err);
	session_resize(s, false);
	if (!s->in)
		end_input(s);
	while (r == 0)
		r = step(s, err);
	terminal_restore();
	if (r <= SESSION_DETACHED)
		return r;
	return frames_end(&s->frames, err);
}

/* ---- waiting --------------------------------------------------------------------------------------- */
int session_wait_begin(
	struct client *c, const char *id, const char *condition, struct http **ret, struct error *err)
{
	auto_str struct str target = STR_INIT(4096);
	struct http_request r = { .method = "POST" };

	str_addf(&target, "/containers/%s/wait", id);
	if (condition)
		query_add(&target, "condition", condition);
	r.target = str_text(&target);
	return client_send(c, &r, ret, err);
}

int session_wait_end(struct client *c, struct http *h, int *ret_status, struct error *err)
{
	auto_json struct json *answer = NULL;
	int64_t status = 125;
	int r = client_read_json(h, &answer, err);

	if (r < 0)
		http_close(h);
	else
		client_end(c, h);
	if (r < 0)
		return error_prefix(err, r, "error waiting for container");
	const char *message = json_string(json_at(json_at(answer, "Error"), "Message"));
	if (message && message[0])
		return error_set(err, ERROR_INTERNAL, EIO, "error waiting for container: %s", message);
	r = json_get_int(answer, "StatusCode", INT32_MIN, INT32_MAX, &status, err);
	*ret_status = (int)status;
	return r;
}
