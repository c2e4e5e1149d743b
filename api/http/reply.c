/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/reply.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/http/exchange_state.h"
#include "api/http/status.h"
#include "lib/base/cleanup.h"

enum {
	HEADERS_MAX = 64 << 10, /* that a handler adds */
	MESSAGE_MAX = 1024,
	FIXED_MAX = 256, /* status line, date, framing */
	COPY_SIZE = 64 << 10,
	STEP_SIZE = 1 << 20,
};

/* ---- the head --------------------------------------------------------------- */

/* RFC 9110 5.6.7, without the locale of strftime(3); made once a second. */
static const char *date_text(void)
{
	static _Thread_local struct {
		time_t second;
		char text[32];
	} date;
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t now = time(NULL);
	struct tm tm;

	if (date.second != now && gmtime_r(&now, &tm)) {
		snprintf(date.text, sizeof date.text, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
			days + tm.tm_wday * 3, (unsigned)tm.tm_mday % 100, months + tm.tm_mon * 3,
			(unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100,
			(unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
		date.second = now;
	}
	return date.text;
}

static char *append(char *to, const char *text, size_t n)
{
	return n ? (char *)mempcpy(to, text, n) : to;
}

int reply_format_head(
	struct exchange *x, int status, const char *type, const char *framing, char **ret, size_t *ret_len)
{
	size_t size = FIXED_MAX + x->server->headers_len + x->headers_len + strlen(framing) +
		      (type ? strlen(type) : 0);
	char *head = malloc(size), *to = head;

	if (!head)
		return -ENOMEM;
	to += snprintf(to, FIXED_MAX, "HTTP/1.1 %d %s\r\n", status, status_reason(status));
	to = append(to, x->server->headers, x->server->headers_len);
	if (x->headers_len > 0)
		to = append(to, x->headers, x->headers_len);
	to += snprintf(to, size - (size_t)(to - head), "Date: %s\r\n", date_text());
	if (type)
		to += snprintf(to, size - (size_t)(to - head), "Content-Type: %s\r\n", type);
	to += snprintf(to, size - (size_t)(to - head), "%s\r\n", framing);
	*ret = head;
	*ret_len = (size_t)(to - head);
	return 0;
}

static const char *connection_header(const struct exchange *x)
{
	if (!x->keep_alive)
		return "Connection: close\r\n";
	return x->request->minor == 0 ? "Connection: keep-alive\r\n" : "";
}

int reply_header(struct exchange *x, const char *name, const char *value)
{
	size_t name_len = strlen(name), value_len = strlen(value), add = name_len + value_len + 4;

	for (size_t i = 0; i < name_len; i++)
		if (!parser_is_token_byte((unsigned char)name[i]))
			return -EINVAL;
	for (size_t i = 0; i < value_len; i++)
		if (!parser_is_field_byte((unsigned char)value[i]))
			return -EINVAL;
	if (name_len == 0)
		return -EINVAL;
	if (x->headers_len + add > HEADERS_MAX)
		return -E2BIG;
	char *bigger = realloc(x->headers, x->headers_len + add + 1);
	if (!bigger)
		return -ENOMEM;
	x->headers = bigger;
	x->headers_len += (size_t)snprintf(bigger + x->headers_len, add + 1, "%s: %s\r\n", name, value);
	return 0;
}

static bool is_head(const struct exchange *x)
{
	return !strcmp(x->method, "HEAD");
}

bool reply_begun(const struct exchange *x)
{
	return x->replied;
}

/* ---- whole ------------------------------------------------------------------ */

int reply_send(struct exchange *x, int status, const char *type, const void *data, size_t n)
{
	char framing[100];
	auto_free char *head = NULL;
	size_t head_len;
	bool has_body = status_has_body(status);

	if (x->replied)
		return -EALREADY;
	if ((!x->body_ended && !body_discard(x)) || atomic_load(&x->server->closing))
		x->keep_alive = false;
	if (has_body)
		snprintf(framing, sizeof framing, "Content-Length: %zu\r\n%s", n, connection_header(x));
	else
		snprintf(framing, sizeof framing, "%s", connection_header(x));
	if (reply_format_head(x, status, has_body ? type : NULL, framing, &head, &head_len) < 0) {
		x->gone = true;
		return -ENOMEM;
	}
	struct iovec parts[2] = { { .iov_base = head, .iov_len = head_len },
		{ .iov_base = (void *)data, .iov_len = has_body && !is_head(x) ? n : 0 } };
	x->replied = x->ended = true;
	return exchange_send(x, parts, 2);
}

int reply_json(struct exchange *x, int status, const char *json, size_t n)
{
	return reply_send(x, status, "application/json", json, n);
}

int reply_empty(struct exchange *x, int status)
{
	return reply_send(x, status, NULL, "", 0);
}

/* By the first byte; 0 for one that starts no sequence. */
static size_t utf8_announced(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Bytes of the UTF-8 sequence at s, or 0 where there is none. */
static size_t utf8_length(const unsigned char *s, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = utf8_announced(s[0]);

	if (len <= 1)
		return len;
	if (len > n)
		return 0;
	uint32_t c = s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : len;
}

static char *append_text(char *to, const char *text)
{
	return append(to, text, strlen(text));
}

/* Appends text as the inside of a JSON string; at most six bytes for one. */
static char *escape_json(char *to, const char *text, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *s = (const unsigned char *)text;

	while (n > 0) {
		size_t len = utf8_length(s, n);
		char escape[] = { '\\', (char)*s, '0', '0', digits[*s >> 4], digits[*s & 15] };
		if (len == 0) {
			to = append_text(to, "\\ufffd");
		} else if (*s == '"' || *s == '\\') {
			to = append(to, escape, 2);
		} else if (*s < 0x20 || *s == 0x7f) {
			escape[1] = 'u';
			to = append(to, escape, sizeof escape);
		} else {
			to = append(to, (const char *)s, len);
		}
		s += len ? len : 1;
		n -= len ? len : 1;
	}
	return to;
}

static int send_message(struct exchange *x, int status, const char *text)
{
	size_t n = strnlen(text, MESSAGE_MAX);
	char *json = malloc(n * 6 + 32);

	if (!json) {
		x->gone = true;
		return -ENOMEM;
	}
	char *to = append_text(json, "{\"message\":\"");
	to = escape_json(to, text, n);
	to = append_text(to, "\"}\n");
	int r = reply_json(x, status, json, (size_t)(to - json));
	free(json);
	return r;
}

int reply_error(struct exchange *x, int status, const char *fmt, ...)
{
	char text[MESSAGE_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	return send_message(x, status, text);
}

int reply_failure(struct exchange *x, const struct error *err)
{
	return send_message(x, x->body_status ? x->body_status : status_of_error(err->kind), err->text);
}

/* ---- in pieces -------------------------------------------------------------- */

int reply_begin(struct exchange *x, int status, const char *type)
{
	char framing[100];
	auto_free char *head = NULL;
	size_t head_len;

	if (x->replied)
		return -EALREADY;
	if (x->request->minor == 0 || atomic_load(&x->server->closing))
		x->keep_alive = false;
	x->mute = is_head(x) || !status_has_body(status);
	x->chunk_out = status_has_body(status) && x->request->minor == 1;
	snprintf(framing, sizeof framing, "%s%s", x->chunk_out ? "Transfer-Encoding: chunked\r\n" : "",
		connection_header(x));
	if (reply_format_head(x, status, type, framing, &head, &head_len) < 0) {
		x->gone = true;
		return -ENOMEM;
	}
	struct iovec part = { .iov_base = head, .iov_len = head_len };
	x->replied = true;
	return exchange_send(x, &part, 1);
}

int reply_write(struct exchange *x, const void *data, size_t n)
{
	char size[20];

	if (n == 0 || x->mute)
		return x->gone ? -EPIPE : 0;
	int len = snprintf(size, sizeof size, "%zx\r\n", n);
	struct iovec parts[3] = { { .iov_base = size, .iov_len = (size_t)len },
		{ .iov_base = (void *)data, .iov_len = n }, { .iov_base = (char *)"\r\n", .iov_len = 2 } };
	return x->chunk_out ? exchange_send(x, parts, 3) : exchange_send(x, &parts[1], 1);
}

int reply_end(struct exchange *x)
{
	struct iovec part = { .iov_base = (char *)"0\r\n\r\n", .iov_len = 5 };

	if (!x->replied || x->ended)
		return -EALREADY;
	x->ended = true;
	if (!x->chunk_out || x->mute)
		return x->gone ? -EPIPE : 0;
	return exchange_send(x, &part, 1);
}

/* ---- from a descriptor ------------------------------------------------------ */

static int send_text(struct exchange *x, const char *text, size_t n)
{
	struct iovec part = { .iov_base = (char *)text, .iov_len = n };
	return n ? exchange_send(x, &part, 1) : 0;
}

/* What can be moved at once: > 0, 0 at the end of fd, -EOPNOTSUPP for what has to be copied. */
static ssize_t available(int fd, const struct stat *st)
{
	int n = 0;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (S_ISREG(st->st_mode)) {
		off_t at = lseek(fd, 0, SEEK_CUR);
		if (at < 0)
			return -errno;
		off_t left = st->st_size > at ? st->st_size - at : 0;
		return left < STEP_SIZE ? (ssize_t)left : STEP_SIZE;
	}
	if (!S_ISFIFO(st->st_mode))
		return -EOPNOTSUPP;
	while (poll(&p, 1, -1) < 0)
		if (errno != EINTR)
			return -errno;
	return ioctl(fd, FIONREAD, &n) < 0 ? -errno : n;
}

static int move_error(ssize_t got)
{
	if (got == 0)
		return -EIO; /* fd has less than it said */
	if (errno == EAGAIN)
		return -ETIMEDOUT;
	return errno == ECONNRESET ? -EPIPE : -errno;
}

/* Exactly n bytes that are there, as one chunk.  Within it there is no way back: a failure ends the
 * connection. */
static int move_chunk(struct exchange *x, int fd, bool is_pipe, size_t n)
{
	char size[20];
	int sock = x->conn->source.fd;
	int len = x->chunk_out ? snprintf(size, sizeof size, "%zx\r\n", n) : 0;

	int r = send_text(x, size, (size_t)len);
	while (r == 0 && n > 0) {
		ssize_t got = is_pipe ? splice(fd, NULL, sock, NULL, n, SPLICE_F_MOVE)
				      : sendfile(sock, fd, NULL, n);
		if (got > 0) {
			n -= (size_t)got;
		} else if (got == 0 || errno != EINTR) {
			r = move_error(got);
			x->gone = true;
		}
	}
	return r == 0 && x->chunk_out ? send_text(x, "\r\n", 2) : r;
}

static int copy_all(struct exchange *x, int fd)
{
	auto_free char *buf = malloc(COPY_SIZE);

	if (!buf)
		return -ENOMEM;
	for (;;) {
		ssize_t n = read(fd, buf, COPY_SIZE);
		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		int r = reply_write(x, buf, (size_t)n);
		if (r < 0)
			return r;
	}
}

int reply_from_fd(struct exchange *x, int fd)
{
	struct stat st;
	unsigned ms = x->server->config.limits.inactivity_ms;
	struct timeval limit = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	if (x->mute || x->gone)
		return x->gone ? -EPIPE : 0;
	if (fstat(fd, &st) < 0)
		return -errno;
	/* splice and sendfile wait by themselves, as long as the socket says. */
	setsockopt(x->conn->source.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	for (;;) {
		ssize_t n = available(fd, &st);
		if (n == -EOPNOTSUPP)
			return copy_all(x, fd);
		if (n <= 0)
			return (int)n;
		int r = move_chunk(x, fd, S_ISFIFO(st.st_mode), (size_t)n);
		if (r < 0)
			return r;
	}
}
