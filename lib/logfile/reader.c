/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/logfile/reader.h"

#include "lib/base/cleanup.h"
#include "lib/base/timefmt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#define READ_SIZE   32768u
#define DETAILS_MAX (3 * LOGFILE_ATTRS_MAX)
#define TIME_MAX    40u

struct file {
	int fd;
	off_t at, end; /* end: what there was at open; INT64_MAX for the last one that is followed */
};

struct logfile_reader {
	int dir;
	struct logfile_reader_options options;
	char name[LOGFILE_NAME_MAX];
	struct file *files; /* newest first; those behind `n` are read and closed */
	size_t n;
	uint64_t generation; /* the writer's, of files[0] */
	bool over;
	bool skipping;   /* the line is longer than the buffer: up to its newline it is passed over */
	size_t from, to; /* what is in buf */
	/* An entry that is being rendered. */
	struct logfile_entry entry;
	size_t prefix_n, done; /* bytes of prefix and text that are out */
	bool has_entry;
	char *prefix;
	char buf[LOGFILE_READER_BUFFER];
};

/* ---- opening -------------------------------------------------------------------- */
static int open_index(const struct logfile_reader *r, unsigned index)
{
	char name[LOGFILE_NAME_MAX + 16];

	if (index == 0)
		snprintf(name, sizeof name, "%s", r->name);
	else
		snprintf(name, sizeof name, "%s.%u", r->name, index);
	int fd = openat(r->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

/* Where the last *left lines of a file begin; *left becomes what older files have to give.  Bytes behind the
 * last newline are no line yet. */
static int find_tail(const struct file *f, int64_t *left, off_t *ret)
{
	static const size_t block = READ_SIZE;
	auto_free char *buf = malloc(block);
	off_t at = f->end;
	int64_t seen = 0; /* newlines; the line before the last one is the first */

	if (!buf)
		return -ENOMEM;
	while (at > 0) {
		size_t n = at < (off_t)block ? (size_t)at : block;
		at -= (off_t)n;
		ssize_t got = pread(f->fd, buf, n, at);
		if (got < 0)
			return -errno;
		for (ssize_t i = got; i > 0; i--) {
			if (buf[i - 1] != '\n')
				continue;
			if (seen++ == *left) {
				*left = 0;
				*ret = at + i;
				return 0;
			}
		}
	}
	*left -= seen;
	*ret = 0;
	return 0;
}

/* The same file under its new name, because the writer rotated while we were opening. */
static bool is_open(const struct logfile_reader *r, const ino_t *inodes, ino_t inode)
{
	for (size_t i = 0; i < r->n; i++)
		if (inodes[i] == inode)
			return true;
	return false;
}

static int open_files(struct logfile_reader *r)
{
	auto_free ino_t *inodes = calloc(LOGFILE_FILES_MAX, sizeof *inodes);
	int64_t left = r->options.tail;
	int ret = 0;

	if (!inodes)
		return -ENOMEM;
	for (unsigned i = 0; i < LOGFILE_FILES_MAX + 8 && r->n < LOGFILE_FILES_MAX; i++) {
		struct stat st;
		int fd = open_index(r, i);
		if (fd == -ENOENT && i == 0)
			continue; /* between a rotation's two steps */
		if (fd < 0)
			return fd == -ENOENT ? 0 : fd;
		if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || is_open(r, inodes, st.st_ino)) {
			close(fd);
			continue;
		}
		inodes[r->n] = st.st_ino;
		struct file *f = &r->files[r->n++];
		*f = (struct file){ .fd = fd, .end = st.st_size };
		if (r->options.tail >= 0)
			ret = find_tail(f, &left, &f->at);
		if (ret < 0 || (r->options.tail >= 0 && left == 0))
			return ret;
	}
	return 0;
}

int logfile_reader_open(
	int dir, const struct logfile_reader_options *o, struct logfile_reader **ret, struct error *err)
{
	struct logfile_reader *r = malloc(sizeof *r); /* the buffer's pages come when they are used */

	if (!r)
		return error_sys(err, ENOMEM, "cannot read log '%s'", o->name);
	memset(r, 0, offsetof(struct logfile_reader, buf));
	r->dir = dir;
	r->options = *o;
	snprintf(r->name, sizeof r->name, "%s", o->name);
	r->options.name = r->name;
	r->files = calloc(LOGFILE_FILES_MAX, sizeof *r->files);
	r->prefix = malloc(TIME_MAX + (o->flags & LOGFILE_READ_DETAILS ? DETAILS_MAX : 0) + 16);
	int e = r->files && r->prefix ? open_files(r) : -ENOMEM;
	if (e < 0) {
		logfile_reader_close(r);
		return error_sys(err, -e, "cannot read log '%s'", o->name);
	}
	if ((o->flags & LOGFILE_READ_FOLLOW) && r->n > 0)
		r->files[0].end = INT64_MAX;
	*ret = r;
	return 0;
}

void logfile_reader_close(struct logfile_reader *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		close(r->files[i].fd);
	free(r->files);
	free(r->prefix);
	free(r);
}

/* ---- lines ----------------------------------------------------------------------- */
/* More of the oldest file there is.  1, or 0 at its end. */
static int fill(struct logfile_reader *r)
{
	struct file *f = &r->files[r->n - 1];

	if (r->from > 0) {
		memmove(r->buf, r->buf + r->from, r->to - r->from);
		r->to -= r->from;
		r->from = 0;
	}
	size_t room = sizeof r->buf - r->to, n = room < READ_SIZE ? room : READ_SIZE;
	if (n == 0) { /* one line fills it */
		r->skipping = true;
		r->to = 0;
		n = READ_SIZE;
	}
	if (f->end - f->at < (off_t)n)
		n = f->end > f->at ? (size_t)(f->end - f->at) : 0;
	ssize_t got = n ? pread(f->fd, r->buf + r->to, n, f->at) : 0;
	if (got <= 0)
		return got < 0 ? -errno : 0;
	f->at += got;
	r->to += (size_t)got;
	return 1;
}

/* The next whole line, without its newline: 1, 0 at the end of what there is. */
static int next_line(struct logfile_reader *r, char **ret, size_t *ret_n)
{
	size_t looked = 0;

	while (r->n > 0) {
		char *start = r->buf + r->from;
		char *nl = memchr(start + looked, '\n', r->to - r->from - looked);
		if (nl) {
			bool whole = !r->skipping;
			r->from = (size_t)(nl + 1 - r->buf);
			r->skipping = false;
			looked = 0;
			if (!whole)
				continue;
			*ret = start;
			*ret_n = (size_t)(nl - start);
			return 1;
		}
		looked = r->to - r->from;
		int e = fill(r);
		if (e < 0)
			return e;
		if (r->skipping)
			looked = 0;
		if (e > 0)
			continue;
		if (r->n == 1)
			return 0;
		close(r->files[--r->n].fd);
		r->from = r->to = looked = 0;
		r->skipping = false;
	}
	return 0;
}

static bool is_wanted(struct logfile_reader *r, const struct logfile_entry *e)
{
	if (e->time_ns > r->options.until_ns) {
		r->over = true;
		return false;
	}
	if (e->time_ns < r->options.since_ns)
		return false;
	return r->options.flags & (e->stream == LOGFILE_STDERR ? LOGFILE_READ_STDERR : LOGFILE_READ_STDOUT);
}

int logfile_reader_next(struct logfile_reader *r, struct logfile_entry *ret)
{
	char *line;
	size_t n;

	while (!r->over) {
		int e = next_line(r, &line, &n);
		if (e <= 0)
			return e;
		if (logfile_scan(line, n, ret) == 0 && is_wanted(r, ret))
			return 1;
	}
	return 0;
}

bool logfile_reader_is_over(const struct logfile_reader *r)
{
	return r->over;
}

/* ---- rendering ------------------------------------------------------------------- */
static void put_frame(char *p, enum logfile_stream stream, size_t n)
{
	p[0] = (char)stream;
	p[1] = p[2] = p[3] = 0;
	p[4] = (char)(n >> 24);
	p[5] = (char)(n >> 16);
	p[6] = (char)(n >> 8);
	p[7] = (char)n;
}

static void begin_entry(struct logfile_reader *r)
{
	const bool frames = r->options.flags & LOGFILE_READ_FRAMES;
	char *start = r->prefix + (frames ? 8 : 0), *p = start, time[TIMEFMT_SIZE];

	if (r->options.flags & LOGFILE_READ_TIMES)
		p += snprintf(p, TIME_MAX, "%s ", timefmt_rfc3339nano_padded(r->entry.time_ns, time));
	if (r->options.flags & LOGFILE_READ_DETAILS) {
		p += logfile_details(&r->entry, p, DETAILS_MAX);
		*p++ = ' ';
	}
	if (frames)
		put_frame(r->prefix, r->entry.stream, (size_t)(p - start) + r->entry.text_n);
	r->prefix_n = (size_t)(p - r->prefix);
	r->done = 0;
	r->has_entry = true;
}

static size_t copy_part(struct logfile_reader *r, char *buf, size_t size)
{
	size_t out = 0, n;

	if (r->done < r->prefix_n) {
		n = r->prefix_n - r->done < size ? r->prefix_n - r->done : size;
		memcpy(buf, r->prefix + r->done, n);
		r->done += n;
		out = n;
	}
	if (r->done >= r->prefix_n) {
		size_t at = r->done - r->prefix_n, left = r->entry.text_n - at;
		n = left < size - out ? left : size - out;
		memcpy(buf + out, r->entry.text + at, n);
		r->done += n;
		out += n;
	}
	r->has_entry = r->done < r->prefix_n + r->entry.text_n;
	return out;
}

ssize_t logfile_reader_render(struct logfile_reader *r, char *buf, size_t size)
{
	size_t out = 0;

	while (out < size) {
		if (!r->has_entry) {
			int e = logfile_reader_next(r, &r->entry);
			if (e < 0 && out == 0)
				return e;
			if (e <= 0)
				break;
			begin_entry(r);
		}
		out += copy_part(r, buf + out, size - out);
	}
	return (ssize_t)out;
}

/* ---- following ------------------------------------------------------------------- */
void logfile_reader_start(struct logfile_reader *r, const struct logfile *log)
{
	r->generation = log->generation;
}

bool logfile_reader_follow(struct logfile_reader *r, const struct logfile *log)
{
	if (r->over || r->n > 1)
		return !r->over;
	if (r->n == 1 && r->generation == log->generation)
		return false;
	if (r->n == 1) {
		struct file *f = &r->files[0];
		struct stat st;
		if (fstat(f->fd, &st) == 0 && f->at < st.st_size)
			return true; /* the rest of the old one first */
		close(f->fd);
		r->n = 0;
		r->generation++;
	}
	uint64_t behind = log->generation - r->generation;
	if (behind >= log->max_files) {
		behind = log->max_files - 1;
		r->generation = log->generation - behind;
	}
	int fd = open_index(r, (unsigned)behind);
	if (fd < 0)
		return false;
	r->files[r->n++] = (struct file){ .fd = fd, .end = INT64_MAX };
	r->from = r->to = 0;
	r->skipping = false;
	return true;
}
