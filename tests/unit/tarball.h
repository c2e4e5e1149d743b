/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tar archives for tests, block by block, so that wrong ones can be made, too.  The archive grows in memory;
 * tarball_fd gives it as a file to read.
 */
#ifndef GANTRY_TESTS_TARBALL_H
#define GANTRY_TESTS_TARBALL_H

#include "tests/unit/tree.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/mman.h>

#define TARBALL_TIME 1700000000

struct tarball {
	char *data;
	size_t n, room;
};

struct tarball_entry {
	char type;
	const char *name, *link, *data;
	size_t data_n; /* 0: strlen(data) */
	unsigned mode, uid, gid, major, minor;
	const char *size_field; /* instead of the right one */
	long mtime;             /* 0: TARBALL_TIME */
};

static inline void tarball_bytes(struct tarball *t, const void *data, size_t n)
{
	if (t->n + n > t->room) {
		t->room = (t->n + n) * 2 + 65536;
		t->data = realloc(t->data, t->room);
		assert_non_null(t->data);
	}
	if (data && n > 0)
		memcpy(t->data + t->n, data, n);
	else if (n > 0)
		memset(t->data + t->n, 0, n);
	t->n += n;
}

static inline void tarball_pad(struct tarball *t)
{
	tarball_bytes(t, NULL, -t->n & 511);
}

static inline void tarball_checksum(char h[512])
{
	unsigned sum = 0;

	memset(h + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
}

static inline void tarball_header(char h[512], const struct tarball_entry *e, size_t n)
{
	memset(h, 0, 512);
	memcpy(h, e->name, strnlen(e->name, 100));
	snprintf(h + 100, 8, "%07o", e->mode);
	snprintf(h + 108, 8, "%07o", e->uid);
	snprintf(h + 116, 8, "%07o", e->gid);
	snprintf(h + 124, 12, "%011zo", n);
	if (e->size_field)
		memcpy(h + 124, e->size_field, strnlen(e->size_field, 12));
	snprintf(h + 136, 12, "%011lo", e->mtime ? e->mtime : TARBALL_TIME);
	h[156] = e->type;
	if (e->link)
		memcpy(h + 157, e->link, strnlen(e->link, 100));
	memcpy(h + 257, "ustar\00000", 8);
	snprintf(h + 329, 8, "%07o", e->major);
	snprintf(h + 337, 8, "%07o", e->minor);
	tarball_checksum(h);
}

static inline void tarball_add(struct tarball *t, struct tarball_entry e)
{
	size_t n = e.data ? e.data_n ? e.data_n : strlen(e.data) : 0;
	char h[512];

	tarball_header(h, &e, n);
	tarball_bytes(t, h, sizeof h);
	tarball_bytes(t, e.data ? e.data : "", n);
	tarball_pad(t);
}

#define TARBALL_FILE(t, path, text) \
	tarball_add(t, (struct tarball_entry){ .type = '0', .name = path, .data = text, .mode = 0644 })
#define TARBALL_DIR(t, path) tarball_add(t, (struct tarball_entry){ .type = '5', .name = path, .mode = 0755 })
#define TARBALL_LINK(t, path, to) \
	tarball_add(t, (struct tarball_entry){ .type = '2', .name = path, .link = to, .mode = 0777 })
#define TARBALL_HARD(t, path, to) \
	tarball_add(t, (struct tarball_entry){ .type = '1', .name = path, .link = to, .mode = 0644 })

/* "LEN key=value\n" with the length that counts itself. */
static inline size_t tarball_record(char *buf, const char *key, const char *value, size_t value_n)
{
	size_t n = strlen(key) + value_n + 3, len = n + 1;
	char digits[24];

	while (len != n + (size_t)snprintf(digits, sizeof digits, "%zu", len))
		len = n + strlen(digits);
	size_t at = (size_t)snprintf(buf, len + 1, "%zu %s=", len, key);
	memcpy(buf + at, value, value_n);
	buf[at + value_n] = '\n';
	return len;
}

/* A PAX header with these records: key, value, ..., NULL. */
static inline void tarball_pax(struct tarball *t, const char *key, ...)
{
	char *buf = malloc(1 << 20);
	size_t n = 0;
	va_list ap;

	va_start(ap, key);
	for (; key; key = va_arg(ap, const char *)) {
		const char *value = va_arg(ap, const char *);
		n += tarball_record(buf + n, key, value, strlen(value));
	}
	va_end(ap);
	tarball_add(t, (struct tarball_entry){ .type = 'x', .name = "PaxHeader", .data = buf, .data_n = n });
	free(buf);
}

static inline void tarball_end(struct tarball *t)
{
	tarball_bytes(t, NULL, 1024);
}

static inline void tarball_done(struct tarball *t)
{
	free(t->data);
	*t = (struct tarball){ 0 };
}

static inline int tarball_bytes_fd(const void *data, size_t n)
{
	int fd = memfd_create("tarball", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), n);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* Ends the archive, gives it as a file and forgets it. */
static inline int tarball_fd(struct tarball *t)
{
	tarball_end(t);
	int fd = tarball_bytes_fd(t->data, t->n);
	tarball_done(t);
	return fd;
}

/* Appends the compressed form of data to out: filter is ARCHIVE_FILTER_GZIP, ... of libarchive. */
static inline void tarball_compress(struct tarball *out, int filter, const void *data, size_t n)
{
	size_t room = n + 65536, used = 0;
	char *buf = malloc(room);
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();

	assert_non_null(buf);
	archive_write_set_format_raw(a);
	archive_write_add_filter(a, filter);
	archive_write_set_bytes_in_last_block(a, 1);
	assert_int_equal(archive_write_open_memory(a, buf, room, &used), ARCHIVE_OK);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_pathname(e, "x");
	assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
	assert_int_equal(archive_write_data(a, data, n), n);
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_entry_free(e);
	archive_write_free(a);
	tarball_bytes(out, buf, used);
	free(buf);
}

#endif
