/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/kit/call.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX 500

static int kind_of(int sys_errno)
{
	switch (sys_errno) {
	case ENOSPC:
	case EDQUOT: return GTY_E_EXHAUSTED;
	case ETIMEDOUT: return GTY_E_TIMEOUT;
	case ECANCELED: return GTY_E_CANCELLED;
	default: return GTY_E_INTERNAL;
	}
}

int kit_fail(struct gty_call *call, int kind, int sys_errno, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return call->fail(call, kind, sys_errno, text);
}

int kit_fail_sys(struct gty_call *call, int sys_errno, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return kit_fail(call, kind_of(sys_errno), sys_errno, "%s: %s", text, strerror(sys_errno));
}

int kit_fail_error(struct gty_call *call, const struct error *err)
{
	int kind = err->kind == ERROR_INTERNAL ? kind_of(err->sys_errno) : err->kind;

	return call->fail(call, kind, err->sys_errno, err->text);
}

void *kit_alloc(struct gty_call *call, size_t n, size_t size)
{
	if (size != 0 && n > SIZE_MAX / size)
		return NULL;
	return call->alloc(call, n * size);
}

char *kit_format(struct gty_call *call, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *text = n < 0 ? NULL : call->alloc(call, (size_t)n + 1);
	if (!text)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

int kit_no_memory(struct gty_call *call)
{
	return kit_fail(call, GTY_E_EXHAUSTED, ENOMEM, "the answer is too large for a call");
}

bool kit_kvs_put(struct gty_call *call, struct gty_kvs *kvs, uint32_t max, const char *key, const char *value)
{
	if (!kvs->v)
		kvs->v = kit_alloc(call, max, sizeof *kvs->v);
	char *copy = call->strdup(call, value);
	if (!kvs->v || !copy || kvs->n == max)
		return false;
	struct gty_kv *room = (struct gty_kv *)(uintptr_t)&kvs->v[kvs->n++];
	room->key = key;
	room->value = copy;
	return true;
}

static int gave_up(struct error *err)
{
	return error_set(err, ERROR_CANCELLED, ECANCELED, "the caller gave up");
}

static int too_late(struct error *err)
{
	return error_set(err, ERROR_TIMEOUT, ETIMEDOUT, "the time given to this call is over");
}

int kit_check_time(const struct gty_call *call, struct error *err)
{
	struct pollfd p = { .fd = call->cancel_fd, .events = POLLIN };

	if (p.fd >= 0 && poll(&p, 1, 0) > 0)
		return gave_up(err);
	return clock_mono_ns() > call->deadline_ns ? too_late(err) : 0;
}

/* A pipe that polls writable takes PIPE_BUF bytes without blocking, and no more is sure. */
int kit_write(const struct gty_call *call, int fd, const void *data, size_t n, struct error *err)
{
	const char *p = data;

	while (n > 0) {
		struct pollfd wait[2] = { { .fd = fd, .events = POLLOUT },
			{ .fd = call->cancel_fd, .events = POLLIN } };
		int r = poll(wait, 2, clock_poll_ms(call->deadline_ns));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return error_sys(err, errno, "cannot wait for the reader");
		if (r == 0)
			return too_late(err);
		if (wait[1].revents)
			return gave_up(err);
		ssize_t w = write(fd, p, n < PIPE_BUF ? n : PIPE_BUF);
		if (w < 0 && errno != EINTR && errno != EAGAIN)
			return error_sys(err, errno, "cannot write to the reader");
		if (w > 0) {
			p += w;
			n -= (size_t)w;
		}
	}
	return 0;
}

void kit_log(const struct gty_host *host, int level, const char *fmt, ...)
{
	char text[1000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	host->log(host, level, text);
}
