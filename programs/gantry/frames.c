/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry/frames.h"

#include "lib/base/fd.h"
#include "programs/gantry/client.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { INPUT = 0, OUTPUT = 1, ERRORS = 2, SYSTEM = 3 };

static int put(int fd, const char *data, size_t n, struct error *err)
{
	int r = fd_write_all(fd, data, n);

	if (r == -EPIPE)
		return r;
	return r < 0 ? error_sys(err, -r, "cannot write the container's output") : 0;
}

static void keep_said(struct frames *f, const char *data, size_t n)
{
	size_t room = sizeof f->said - 1 - f->said_n;

	n = n < room ? n : room;
	memcpy(f->said + f->said_n, data, n);
	f->said_n += n;
}

static int put_piece(struct frames *f, const char *data, size_t n, struct error *err)
{
	if (f->head[0] == SYSTEM) {
		keep_said(f, data, n);
		return 0;
	}
	return put(f->head[0] == ERRORS ? STDERR_FILENO : STDOUT_FILENO, data, n, err);
}

static int start_piece(struct frames *f, struct error *err)
{
	const unsigned char *h = f->head;

	f->have = 0;
	if (h[0] > SYSTEM || h[1] || h[2] || h[3])
		return error_set(err, ERROR_INTERNAL, EBADMSG, "unrecognized stream: %u", h[0]);
	f->left = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];
	return 0;
}

int frames_feed(struct frames *f, const char *data, size_t n, struct error *err)
{
	int r = 0;

	if (f->raw)
		return put(STDOUT_FILENO, data, n, err);
	while (n > 0 && r == 0) {
		size_t take;
		if (f->left == 0) {
			take = n < 8 - f->have ? n : 8 - f->have;
			memcpy(f->head + f->have, data, take);
			f->have += take;
			if (f->have == 8)
				r = start_piece(f, err);
		} else {
			take = n < f->left ? n : f->left;
			r = put_piece(f, data, take, err);
			f->left -= (uint32_t)take;
		}
		data += take;
		n -= take;
	}
	return r;
}

int frames_end(const struct frames *f, struct error *err)
{
	if (f->said_n > 0)
		return error_set(err, ERROR_INTERNAL, EIO, "error from daemon in stream: %s", f->said);
	if (f->left > 0 || f->have > 0)
		return error_set(err, ERROR_UNAVAILABLE, EPIPE, "unexpected EOF: the output is cut");
	return 0;
}

int frames_copy(struct http *h, bool raw, struct error *err)
{
	struct frames f = { .raw = raw };
	char buf[8192];
	ssize_t n;

	while ((n = http_read(h, buf, sizeof buf, err)) > 0) {
		int r = frames_feed(&f, buf, (size_t)n, err);
		if (r < 0)
			return r;
	}
	return n < 0 ? (int)n : frames_end(&f, err);
}
