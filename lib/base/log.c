/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/log.h"

#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/base/timefmt.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static _Atomic int sink = STDERR_FILENO;
static _Atomic int form = LOG_TEXT;
static _Atomic int threshold = LOG_INFO;

static const char *const level_names[] = { "error", "warning", "info", "debug" };

void log_set_fd(int fd)
{
	sink = fd;
}

void log_set_format(enum log_format format)
{
	form = (int)format;
}

void log_set_level(enum log_level level)
{
	threshold = (int)level;
}

bool log_enabled(enum log_level level)
{
	return (int)level <= threshold;
}

int log_parse_level(const char *text, enum log_level *ret)
{
	static const struct {
		const char *name;
		enum log_level level;
	} names[] = {
		{ "error", LOG_ERROR },
		{ "fatal", LOG_ERROR },
		{ "panic", LOG_ERROR },
		{ "warning", LOG_WARNING },
		{ "warn", LOG_WARNING },
		{ "info", LOG_INFO },
		{ "debug", LOG_DEBUG },
		{ "trace", LOG_DEBUG },
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(names[i].name, text) == 0) {
			*ret = names[i].level;
			return 0;
		}
	}
	return -EINVAL;
}

int log_parse_format(const char *text, enum log_format *ret)
{
	bool json = strcmp(text, "json") == 0;

	if (!json && strcmp(text, "text") != 0)
		return -EINVAL;
	*ret = json ? LOG_JSON : LOG_TEXT;
	return 0;
}

/* A line on the stack.  Text that does not fit is dropped piece by piece, so that quotes stay whole. */
struct line {
	char text[LOG_LINE_MAX];
	size_t len, limit;
};

/* Appends all n bytes or nothing. */
static bool put(struct line *l, const char *text, size_t n)
{
	if (n > l->limit - l->len)
		return false;
	memcpy(l->text + l->len, text, n);
	l->len += n;
	return true;
}

static bool put_text(struct line *l, const char *text)
{
	return put(l, text, strlen(text));
}

static size_t escape(const char *text, size_t n, bool json, char buf[12], size_t *ret_used)
{
	static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt\aa\vv";
	unsigned char c = (unsigned char)text[0];
	size_t k = str_utf8_next(text, n, NULL);

	*ret_used = k ? k : 1;
	if (k == 0)
		return (size_t)snprintf(buf, 12, json ? "\xef\xbf\xbd" : "\\x%02x", c);
	if (k > 1 || (c >= 0x20 && c != 0x7f && c != '"' && c != '\\')) {
		memcpy(buf, text, k);
		return k;
	}
	for (const char *p = letters; *p; p += 2)
		if ((unsigned char)*p == c && (p[1] != 'a' || !json) && (p[1] != 'v' || !json))
			return (size_t)snprintf(buf, 12, "\\%c", p[1]);
	return (size_t)snprintf(buf, 12, json ? "\\u%04x" : "\\x%02x", c);
}

/* The text in quotes; what does not fit before the limit is replaced by "...". */
static void put_quoted(struct line *l, const char *text, bool json)
{
	size_t n = strlen(text), used, limit = l->limit;
	char buf[12];

	if (limit - l->len < sizeof "\"...\"")
		return;
	put(l, "\"", 1);
	l->limit = limit - (sizeof "...\"" - 1);
	while (n > 0) {
		size_t k = escape(text, n, json, buf, &used);
		if (!put(l, buf, k))
			break;
		text += used;
		n -= used;
	}
	l->limit = limit;
	if (n > 0)
		put(l, "...", 3);
	put(l, "\"", 1);
}

/* A value of the text form is bare when it is made of these alone (logrus' rule). */
static void put_value(struct line *l, const char *text)
{
	static const char bare[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/@^+";

	if (*text && text[strspn(text, bare)] == '\0' && strlen(text) < 128)
		put_text(l, text);
	else
		put_quoted(l, text, false);
}

static void put_fields(struct line *l, const struct log_field *fields, size_t n, bool json)
{
	for (size_t i = 0; i < n; i++) {
		size_t need = fields[i].value ? strlen(fields[i].key) + sizeof ",\"\":\"...\"" : SIZE_MAX;
		if (need > l->limit - l->len)
			continue;
		put_text(l, json ? ",\"" : " ");
		put_text(l, fields[i].key);
		put_text(l, json ? "\":" : "=");
		if (json)
			put_quoted(l, fields[i].value, true);
		else
			put_value(l, fields[i].value);
	}
}

static void compose(
	struct line *l, enum log_level level, const char *msg, const struct log_field *fields, size_t n)
{
	bool json = form == LOG_JSON;
	char stamp[TIMEFMT_SIZE];

	l->limit = sizeof l->text - sizeof "}\n";
	timefmt_rfc3339nano_padded(clock_real_ns(), stamp);
	if (json) {
		put_text(l, "{\"level\":\"");
		put_text(l, level_names[level]);
		put_text(l, "\",\"msg\":");
		l->limit -= 64; /* the time must have room */
		put_quoted(l, msg, true);
		l->limit += 64;
		put_text(l, ",\"time\":");
		put_quoted(l, stamp, true);
	} else {
		put_text(l, "time=");
		put_quoted(l, stamp, false);
		put_text(l, " level=");
		put_text(l, level_names[level]);
		put_text(l, " msg=");
		put_value(l, msg);
	}
	put_fields(l, fields, n, json);
	l->limit = sizeof l->text;
	put_text(l, json ? "}\n" : "\n");
}

void log_fields(enum log_level level, const struct log_field *fields, size_t n, const char *fmt, ...)
{
	struct line l;
	char msg[LOG_LINE_MAX - 512];
	int saved = errno;
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	int k = vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	if (k >= (int)sizeof msg)
		memcpy(msg + sizeof msg - sizeof "...", "...", sizeof "...");
	l.len = 0;
	compose(&l, level, k < 0 ? fmt : msg, fields, n);
	ssize_t w;
	do
		w = write(sink, l.text, l.len);
	while (w < 0 && errno == EINTR);
	errno = saved;
}
