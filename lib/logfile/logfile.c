/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/logfile/logfile.h"

#include "lib/base/clock.h"
#include "lib/base/path.h"
#include "lib/base/str.h"
#include "lib/base/timefmt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes that stand in a JSON string as they are, for Docker's encoder: ASCII without controls, '"', '\\',
 * and what is special in HTML. */
static const unsigned char plain[256] = {
	[' '] = 1,
	['!'] = 1,
	['#' ... '%'] = 1,
	['\'' ... ';'] = 1,
	['='] = 1,
	['?' ... '['] = 1,
	[']' ... 0x7f] = 1,
};

/* ---- files -------------------------------------------------------------------- */
static int open_file(struct logfile *log)
{
	struct stat st;
	char last;
	int fd = openat(
		log->dir, log->name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0640);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	log->fd = fd;
	log->size = (uint64_t)st.st_size;
	if (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n' &&
		write(fd, "\n", 1) == 1)
		log->size++;
	return 0;
}

int logfile_open(struct logfile *log, int dir, const struct logfile_options *o, struct error *err)
{
	log->dir = dir;
	log->fd = -1;
	log->generation = log->lost = 0;
	log->used = log->tail_n = 0;
	for (int i = 0; i < 2; i++) {
		log->lines[i].n = 0;
		log->lines[i].cut = false;
	}
	log->max_size = o->max_size;
	log->max_files = o->max_files;
	if (o->max_files < 1 || o->max_files > LOGFILE_FILES_MAX || o->attrs_n > LOGFILE_ATTRS_MAX ||
		path_format(log->name, sizeof log->name, "%s", o->name) < 0)
		return error_invalid(err, "cannot open log '%s': its options are out of range", o->name);
	if (o->attrs_n)
		memcpy(log->attrs, o->attrs, o->attrs_n);
	log->attrs[o->attrs_n] = '\0';
	int r = open_file(log);
	return r < 0 ? error_sys(err, -r, "cannot open log '%s'", o->name) : 0;
}

static void file_name(const struct logfile *log, unsigned index, char buf[LOGFILE_NAME_MAX + 16])
{
	if (index == 0)
		snprintf(buf, LOGFILE_NAME_MAX + 16, "%s", log->name);
	else
		snprintf(buf, LOGFILE_NAME_MAX + 16, "%s.%u", log->name, index);
}

/* A file that a reader holds stays whole, also the only one: it is unlinked, not cut. */
static int rotate(struct logfile *log)
{
	char from[LOGFILE_NAME_MAX + 16], to[LOGFILE_NAME_MAX + 16];
	int old = log->fd;

	for (unsigned i = log->max_files - 1; i > 0; i--) {
		file_name(log, i - 1, from);
		file_name(log, i, to);
		if (renameat(log->dir, from, log->dir, to) < 0 && errno != ENOENT)
			return -errno;
	}
	if (log->max_files == 1 && unlinkat(log->dir, log->name, 0) < 0 && errno != ENOENT)
		return -errno;
	int r = open_file(log);
	if (r < 0)
		return r; /* the old file goes on, under its new name */
	close(old);
	log->generation++;
	return 0;
}

/* ---- entries -------------------------------------------------------------------- */
static int flush(struct logfile *log)
{
	size_t done = 0;
	int r = 0;

	while (done < log->used) {
		ssize_t n = write(log->fd, log->out + done, log->used - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = -errno;
			break;
		}
		done += (size_t)n;
	}
	if (r == 0) {
		log->size += done;
	} else {
		log->lost += log->used;
		if (done > 0 && ftruncate(log->fd, (off_t)log->size) < 0)
			log->size += done;
	}
	log->used = 0;
	return r;
}

/* The end of every entry of this stream and time. */
static void set_tail(struct logfile *log, enum logfile_stream stream, int64_t now)
{
	char time[TIMEFMT_SIZE];
	int n = snprintf(log->tail, sizeof log->tail, "\",\"stream\":\"%s\"%s%s,\"time\":\"%s\"}\n",
		stream == LOGFILE_STDERR ? "stderr" : "stdout", log->attrs[0] ? ",\"attrs\":" : "",
		log->attrs, timefmt_rfc3339nano(now, time));

	log->tail_n = (size_t)n;
}

static char *put_hex(char *p, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";

	memcpy(p, "\\u00", 4);
	p[4] = digits[c >> 4];
	p[5] = digits[c & 15];
	return p + 6;
}

/* Writes the one character at s that is not plain; *s moves behind it. */
static char *put_special(char *p, const char **s, const char *end)
{
	unsigned char c = (unsigned char)**s;
	uint32_t rune;

	if (c < 0x80) {
		(*s)++;
		switch (c) {
		case '\n': return memcpy(p, "\\n", 2), p + 2;
		case '\r': return memcpy(p, "\\r", 2), p + 2;
		case '"':
		case '\\': p[0] = '\\', p[1] = (char)c; return p + 2;
		default: return put_hex(p, c);
		}
	}
	size_t n = str_utf8_next(*s, (size_t)(end - *s), &rune);
	if (n == 0) {
		(*s)++;
		return memcpy(p, "\\ufffd", 6), p + 6;
	}
	if (rune == 0x2028 || rune == 0x2029) {
		memcpy(p, rune == 0x2028 ? "\\u2028" : "\\u2029", 6);
		p += 6;
	} else {
		memcpy(p, *s, n);
		p += n;
	}
	*s += n;
	return p;
}

static char *put_text(char *p, const char *s, size_t n)
{
	const char *end = s + n;

	while (s < end) {
		while (s < end && plain[(unsigned char)*s])
			*p++ = *s++;
		if (s < end)
			p = put_special(p, &s, end);
	}
	return p;
}

static int add_entry(struct logfile *log, const char *text, size_t n, bool newline)
{
	int r = 0;

	if (log->max_size && log->size + log->used >= log->max_size) {
		r = flush(log);
		int rotated = rotate(log);
		r = r < 0 ? r : rotated;
	}
	char *p = log->out + log->used;
	memcpy(p, "{\"log\":\"", 8);
	p = put_text(p + 8, text, n);
	if (newline) {
		memcpy(p, "\\n", 2);
		p += 2;
	}
	memcpy(p, log->tail, log->tail_n);
	log->used = (size_t)(p - log->out) + log->tail_n;
	if (log->used >= LOGFILE_FLUSH_AT) {
		int flushed = flush(log);
		r = r < 0 ? r : flushed;
	}
	return r;
}

/* ---- lines ---------------------------------------------------------------------- */
/* Ends the line that is kept: whole, or as a part. */
static int emit_kept(struct logfile *log, enum logfile_stream stream, int64_t now, bool newline)
{
	struct logfile_line *line = &log->lines[stream - 1];

	if (!line->cut)
		line->time_ns = now;
	if (line->time_ns != now)
		set_tail(log, stream, line->time_ns);
	int r = add_entry(log, line->text, line->n, newline);
	if (line->time_ns != now)
		set_tail(log, stream, now);
	line->n = 0;
	line->cut = !newline;
	return r;
}

/* Bytes without newline: kept, and cut off as often as the line is full. */
static int keep(struct logfile *log, enum logfile_stream stream, int64_t now, const char *s, size_t n)
{
	struct logfile_line *line = &log->lines[stream - 1];
	int r = 0;

	while (n > 0) {
		if (line->n == LOGFILE_LINE_MAX) {
			int e = emit_kept(log, stream, now, false);
			r = r < 0 ? r : e;
		}
		size_t room = LOGFILE_LINE_MAX - line->n, part = n < room ? n : room;
		memcpy(line->text + line->n, s, part);
		line->n += part;
		s += part;
		n -= part;
	}
	return r;
}

int logfile_write(struct logfile *log, enum logfile_stream stream, const void *data, size_t n)
{
	struct logfile_line *line = &log->lines[stream - 1];
	const char *s = data, *end = s + n, *nl;
	int64_t now = clock_real_ns();
	int r = 0, e;

	set_tail(log, stream, now);
	while (s < end && (nl = memchr(s, '\n', (size_t)(end - s)))) {
		size_t len = (size_t)(nl - s);
		if (line->n == 0 && !line->cut && len <= LOGFILE_LINE_MAX) {
			e = add_entry(log, s, len, true);
		} else {
			e = keep(log, stream, now, s, len);
			r = r < 0 ? r : e;
			e = emit_kept(log, stream, now, true);
		}
		r = r < 0 ? r : e;
		s = nl + 1;
	}
	e = keep(log, stream, now, s, (size_t)(end - s));
	r = r < 0 ? r : e;
	e = flush(log);
	return r < 0 ? r : e;
}

int logfile_end(struct logfile *log, enum logfile_stream stream)
{
	int64_t now = clock_real_ns();
	int r = 0, e;

	if (log->lines[stream - 1].n > 0) {
		set_tail(log, stream, now);
		r = emit_kept(log, stream, now, false);
	}
	log->lines[stream - 1].cut = false;
	e = flush(log);
	return r < 0 ? r : e;
}

void logfile_close(struct logfile *log)
{
	if (log->fd < 0)
		return;
	logfile_end(log, LOGFILE_STDOUT);
	logfile_end(log, LOGFILE_STDERR);
	close(log->fd);
	log->fd = -1;
}
