/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/body.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/http/exchange_state.h"
#include "lib/base/cleanup.h"

enum {
	DISCARD_MAX = 256 << 10, /* of a body that nobody wants, to keep the connection */
	COPY_SIZE = 64 << 10,
	SPLICE_SIZE = 1 << 20,
	SPLICE_LEAST = 16 << 10, /* less is copied */
};

static int broken(struct exchange *x, struct error *err, int status, int sys_errno, const char *text)
{
	x->keep_alive = false;
	x->body_status = status;
	if (status == 0)
		x->gone = true;
	return error_set(err, sys_errno == ETIMEDOUT ? ERROR_TIMEOUT : ERROR_INVALID, sys_errno, "%s", text);
}

/* Until the socket has input.  0, or -ETIMEDOUT. */
static int wait_for_input(struct exchange *x)
{
	struct pollfd p = { .fd = x->conn->source.fd, .events = POLLIN };
	int n;

	while ((n = poll(&p, 1, (int)x->server->config.limits.inactivity_ms)) < 0 && errno == EINTR)
		;
	return n > 0 ? 0 : -ETIMEDOUT;
}

/* As recv(2), but -errno; waits, unless told not to (-EAGAIN); 0 is an end that came too early. */
static ssize_t receive(struct exchange *x, void *buf, size_t n, bool may_wait)
{
	for (;;) {
		ssize_t got = recv(x->conn->source.fd, buf, n, MSG_DONTWAIT);
		if (got >= 0)
			return got;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || !may_wait)
			return -errno;
		int r = wait_for_input(x);
		if (r < 0)
			return r;
	}
}

static int report_receive(struct exchange *x, ssize_t got, struct error *err)
{
	if (got == -ETIMEDOUT)
		return broken(x, err, 408, ETIMEDOUT, "the request body did not come in time");
	return broken(x, err, 0, ECONNRESET, "the client has gone within its request body");
}

static int send_continue(struct exchange *x)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct iovec part = { .iov_base = (char *)text, .iov_len = sizeof text - 1 };

	if (!x->request->expect_continue || x->continue_sent || x->replied)
		return 0;
	x->continue_sent = true;
	return exchange_send(x, &part, 1);
}

/* Reads ahead behind the head. */
static ssize_t refill(struct exchange *x, bool may_wait)
{
	struct inbox *in = x->in;

	in->off = in->len = x->head_end;
	ssize_t got = receive(x, in->data + in->len, in->cap - in->len, may_wait);
	if (got > 0)
		in->len += (size_t)got;
	return got;
}

/* Passes chunk framing until data comes (1) or the body ends (0). */
static int next_chunk(struct exchange *x, bool may_wait, struct error *err)
{
	for (;;) {
		struct inbox *in = x->in;
		size_t used;
		int need = chunked_feed(&x->chunked, in->data + in->off, in->len - in->off, &used);
		in->off += used;
		if (need == CHUNKED_DATA)
			return 1;
		if (need == CHUNKED_END) {
			x->body_ended = true;
			return 0;
		}
		if (need < 0)
			return broken(x, err, 400, EBADMSG, "malformed chunked body");
		ssize_t got = refill(x, may_wait);
		if (got == -EAGAIN)
			return -EAGAIN;
		if (got <= 0)
			return report_receive(x, got, err);
	}
}

/* Bytes that belong to the body and come next; 0 at its end. */
static int64_t data_ahead(struct exchange *x, bool may_wait, struct error *err)
{
	if (x->body_ended)
		return 0;
	if (!x->request->chunked)
		return x->body_left;
	int r = next_chunk(x, may_wait, err);
	return r <= 0 ? r : x->chunked.left;
}

static void took(struct exchange *x, int64_t n)
{
	if (x->request->chunked) {
		chunked_take(&x->chunked, n);
		return;
	}
	x->body_left -= n;
	x->body_ended = x->body_left == 0;
}

static ssize_t read_some(struct exchange *x, void *buf, size_t n, bool may_wait, struct error *err)
{
	int64_t ahead = data_ahead(x, may_wait, err);
	if (ahead <= 0)
		return (ssize_t)ahead;
	if ((int64_t)n > ahead)
		n = (size_t)ahead;
	size_t kept = x->in->len - x->in->off;
	ssize_t got;
	if (kept > 0) {
		got = (ssize_t)(kept < n ? kept : n);
		memcpy(buf, x->in->data + x->in->off, (size_t)got);
		x->in->off += (size_t)got;
	} else {
		got = receive(x, buf, n, may_wait);
		if (got == -EAGAIN)
			return -EAGAIN;
		if (got <= 0)
			return report_receive(x, got, err);
	}
	took(x, got);
	return got;
}

ssize_t body_read(struct exchange *x, void *buf, size_t n, struct error *err)
{
	if (x->body_ended)
		return 0;
	if (x->gone || x->body_status)
		return error_set(err, ERROR_INVALID, ECONNRESET, "the request body cannot be read any more");
	if (send_continue(x) < 0)
		return report_receive(x, 0, err);
	return read_some(x, buf, n, true, err);
}

bool body_discard(struct exchange *x)
{
	char waste[2048];
	ssize_t got = 1;

	/* Who waits for "100 Continue" and got an answer instead may send the body or not: nobody can tell.
	 */
	if (x->gone || x->body_status || (x->request->expect_continue && !x->continue_sent))
		return false;
	for (size_t total = 0; total < DISCARD_MAX && got > 0; total += (size_t)got)
		got = read_some(x, waste, sizeof waste, false, NULL);
	return x->body_ended;
}

static int too_large(struct exchange *x, int64_t max, struct error *err)
{
	x->body_status = 413;
	x->keep_alive = false;
	return error_set(
		err, ERROR_INVALID, EFBIG, "the request body is larger than %lld bytes", (long long)max);
}

/* Doubles the buffer up to max + 1 bytes. */
static int grow(char **buf, size_t *cap, size_t max, struct error *err)
{
	size_t want = *cap ? *cap * 2 : 4096;
	if (want > max + 1)
		want = max + 1;
	char *bigger = realloc(*buf, want + 1);
	if (!bigger)
		return error_sys(err, ENOMEM, "cannot keep the request body");
	*buf = bigger;
	*cap = want;
	return 0;
}

int body_whole(struct exchange *x, size_t max, const char **ret, size_t *ret_len, struct error *err)
{
	auto_free char *buf = NULL;
	size_t cap = 0, len = 0;

	if (x->whole) {
		if (x->whole_len > max)
			return too_large(x, (int64_t)max, err);
		*ret = x->whole;
		*ret_len = x->whole_len;
		return 0;
	}
	if (!x->request->chunked && x->request->content_length > (int64_t)max)
		return too_large(x, (int64_t)max, err);
	for (;;) {
		if (len == cap) {
			int r = grow(&buf, &cap, max, err);
			if (r < 0)
				return r;
		}
		ssize_t got = body_read(x, buf + len, cap - len, err);
		if (got < 0)
			return (int)got;
		len += (size_t)got;
		if (len > max)
			return too_large(x, (int64_t)max, err);
		if (got == 0)
			break;
	}
	buf[len] = '\0';
	x->whole = take_ptr(buf);
	x->whole_len = len;
	*ret = x->whole;
	*ret_len = len;
	return 0;
}

/* ---- to a descriptor -------------------------------------------------------- */

/* Until fd takes more, as long as that may be: who reads the pipe is ours. */
static int wait_for_target(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	while (poll(&p, 1, -1) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int write_target(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, data, n);
		if (done >= 0) {
			data += done;
			n -= (size_t)done;
			continue;
		}
		int r = errno == EAGAIN ? wait_for_target(fd) : errno == EINTR ? 0 : -errno;
		if (r < 0)
			return r;
	}
	return 0;
}

struct mover {
	int target;
	int pipe[2]; /* between socket and a target that is no pipe; -1 */
	bool no_splice;
	char *buf;
};

/* Empties the pipe between into the target. */
static int flush_pipe(struct mover *m, ssize_t n)
{
	while (n > 0) {
		ssize_t done = splice(m->pipe[0], NULL, m->target, NULL, (size_t)n, SPLICE_F_MOVE);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && errno == EAGAIN) {
			int r = wait_for_target(m->target);
			if (r < 0)
				return r;
			continue;
		}
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		n -= done;
	}
	return 0;
}

static ssize_t copy_some(struct exchange *x, struct mover *m, struct error *err)
{
	if (!m->buf && !(m->buf = malloc(COPY_SIZE)))
		return error_sys(err, ENOMEM, "cannot move the request body");
	ssize_t got = read_some(x, m->buf, COPY_SIZE, true, err);
	if (got <= 0)
		return got;
	int r = write_target(m->target, m->buf, (size_t)got);
	return r < 0 ? error_sys(err, -r, "cannot write the request body") : got;
}

/* At most n bytes that are still in the socket.  -EOPNOTSUPP: this pair cannot be spliced. */
static ssize_t splice_some(struct exchange *x, struct mover *m, size_t n, struct error *err)
{
	int out = m->pipe[1] >= 0 ? m->pipe[1] : m->target;

	for (;;) {
		int r = wait_for_input(x);
		if (r < 0)
			return report_receive(x, r, err);
		ssize_t got = splice(
			x->conn->source.fd, NULL, out, NULL, n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (got > 0) {
			took(x, got);
			r = out == m->target ? 0 : flush_pipe(m, got);
			return r < 0 ? error_sys(err, -r, "cannot write the request body") : got;
		}
		if (got == 0)
			return report_receive(x, 0, err);
		if (errno == EAGAIN)
			r = wait_for_target(out); /* there is input, so the pipe is full */
		else if (errno == EINVAL)
			return -EOPNOTSUPP;
		else if (errno == EPIPE)
			return error_sys(err, EPIPE, "cannot write the request body");
		else if (errno != EINTR)
			return report_receive(x, 0, err);
		if (r < 0)
			return error_sys(err, -r, "cannot write the request body");
	}
}

static ssize_t move_some(struct exchange *x, struct mover *m, struct error *err)
{
	int64_t ahead = data_ahead(x, true, err);

	if (ahead <= 0)
		return (ssize_t)ahead;
	if (m->no_splice || x->in->off < x->in->len || ahead < SPLICE_LEAST)
		return copy_some(x, m, err);
	ssize_t got = splice_some(x, m, ahead < SPLICE_SIZE ? (size_t)ahead : SPLICE_SIZE, err);
	if (got != -EOPNOTSUPP)
		return got;
	m->no_splice = true;
	return copy_some(x, m, err);
}

static void mover_init(struct mover *m, int target)
{
	struct stat st;
	int flags = fcntl(target, F_GETFL);

	*m = (struct mover){ .target = target, .pipe = { -1, -1 } };
	if (fstat(target, &st) < 0 || (flags >= 0 && (flags & O_APPEND)))
		m->no_splice = true;
	else if (!S_ISFIFO(st.st_mode) && pipe2(m->pipe, O_CLOEXEC) < 0)
		m->no_splice = true;
	if (m->pipe[1] >= 0)
		fcntl(m->pipe[1], F_SETPIPE_SZ,
			SPLICE_SIZE); /* refused where the user's share is spent: smaller steps */
}

static void mover_done(struct mover *m)
{
	if (m->pipe[0] >= 0)
		close(m->pipe[0]);
	if (m->pipe[1] >= 0)
		close(m->pipe[1]);
	free(m->buf);
}

int body_to_fd(struct exchange *x, int fd, int64_t max, int64_t *ret_count, struct error *err)
{
	struct mover m;
	int64_t count = 0;
	ssize_t got = 1;

	if (!x->request->chunked && x->body_left > max)
		return too_large(x, max, err);
	if (send_continue(x) < 0)
		return report_receive(x, 0, err);
	mover_init(&m, fd);
	while (got > 0) {
		got = move_some(x, &m, err);
		count += got > 0 ? got : 0;
		if (count > max)
			got = too_large(x, max, err);
	}
	mover_done(&m);
	if (ret_count)
		*ret_count = count;
	return (int)got;
}
