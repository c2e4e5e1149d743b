/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/archive/tar_write.h"

#include "lib/base/fd.h"
#include "lib/base/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define BUF_SIZE    (256 * 1024)
#define DIRECT_MIN  (64 * 1024) /* from here on the kernel moves the data */
#define PAX_MAX     (1u << 20)
#define OCTAL7_MAX  UINT64_C(07777777)
#define OCTAL11_MAX UINT64_C(077777777777)
#define NAME_SIZE   100
#define PREFIX_SIZE 155
#define NAME_AT     0
#define MODE_AT     100
#define UID_AT      108
#define GID_AT      116
#define SIZE_AT     124
#define MTIME_AT    136
#define CHECKSUM_AT 148
#define TYPE_AT     156
#define LINK_AT     157
#define MAGIC_AT    257
#define MAJOR_AT    329
#define MINOR_AT    337
#define PREFIX_AT   345

struct tar_writer {
	int out;
	size_t n;
	uint64_t total;
	char buf[BUF_SIZE];
};

static int fail(int r, struct error *err)
{
	return error_sys(err, -r, "cannot write the archive");
}

static int flush(struct tar_writer *w, struct error *err)
{
	int r = fd_write_all(w->out, w->buf, w->n);

	w->n = 0;
	return r < 0 ? fail(r, err) : 0;
}

/* NULL: zeros. */
static int put(struct tar_writer *w, const void *data, size_t n, struct error *err)
{
	w->total += n;
	while (n > 0) {
		size_t take = sizeof w->buf - w->n < n ? sizeof w->buf - w->n : n;
		if (data)
			memcpy(w->buf + w->n, data, take);
		else
			memset(w->buf + w->n, 0, take);
		data = data ? (const char *)data + take : NULL;
		w->n += take;
		n -= take;
		int r = w->n == sizeof w->buf ? flush(w, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int pad(struct tar_writer *w, struct error *err)
{
	return put(w, NULL, -w->total & (TAR_BLOCK - 1), err);
}

/* ---- headers ---------------------------------------------------------------------------- */

static void put_octal(char *field, size_t size, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof text, "%0*llo", (int)size - 1, (unsigned long long)v);
	memcpy(field, text, size);
}

static void put_text(char *field, size_t size, const char *text)
{
	memcpy(field, text, strnlen(text, size));
}

/* Where a long name can be cut at a '/' into prefix and name; 0: nowhere. */
static size_t split(const char *name, size_t n)
{
	size_t least = n - NAME_SIZE - 1; /* the cut may not come before */

	for (size_t i = least > 0 ? least : 1; i <= PREFIX_SIZE && i + 1 < n; i++)
		if (name[i] == '/')
			return i;
	return 0;
}

static bool put_name(char *h, const char *name)
{
	size_t n = strlen(name);

	if (n <= NAME_SIZE) {
		put_text(h + NAME_AT, NAME_SIZE, name);
		return true;
	}
	size_t cut = split(name, n);
	if (cut == 0) {
		put_text(h + NAME_AT, NAME_SIZE, name);
		return false;
	}
	memcpy(h + PREFIX_AT, name, cut);
	put_text(h + NAME_AT, NAME_SIZE, name + cut + 1);
	return true;
}

static void put_checksum(char *h)
{
	unsigned sum = 0;
	char text[8];

	memset(h + CHECKSUM_AT, ' ', 8);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)h[i];
	snprintf(text, sizeof text, "%06o", sum);
	memcpy(h + CHECKSUM_AT, text, 7);
}

static int put_header(struct tar_writer *w, char *h, char type, struct error *err)
{
	h[TYPE_AT] = type;
	memcpy(h + MAGIC_AT, "ustar\00000", 8);
	put_checksum(h);
	return put(w, h, TAR_BLOCK, err);
}

/* The length counts itself. */
static void add_record(struct str *pax, const char *prefix, const char *key, const void *value, size_t n)
{
	size_t rest = strlen(prefix) + strlen(key) + n + 3, len = rest + 1;
	char digits[24];

	while (len != rest + (size_t)snprintf(digits, sizeof digits, "%zu", len))
		len = rest + strlen(digits);
	str_addf(pax, "%zu %s%s=", len, prefix, key);
	str_add_n(pax, value, n);
	str_add_char(pax, '\n');
}

static void add_text(struct str *pax, const char *key, const char *text)
{
	add_record(pax, "", key, text, strlen(text));
}

static void add_number(struct str *pax, const char *key, long long v)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", v);
	add_text(pax, key, text);
}

/* A field, or a record where it does not fit. */
static void put_number(char *field, size_t size, uint64_t max, uint64_t v, struct str *pax, const char *key)
{
	if (v > max)
		add_number(pax, key, (long long)v);
	put_octal(field, size, v > max ? 0 : v);
}

static void fill_header(char *h, const struct tar_entry *e, struct str *pax)
{
	uint64_t mtime = e->mtime.tv_sec < 0 ? 0 : (uint64_t)e->mtime.tv_sec;

	if (!put_name(h, e->name))
		add_text(pax, "path", e->name);
	put_text(h + LINK_AT, NAME_SIZE, e->link);
	if (strlen(e->link) > NAME_SIZE)
		add_text(pax, "linkpath", e->link);
	put_octal(h + MODE_AT, 8, e->mode);
	put_number(h + UID_AT, 8, OCTAL7_MAX, e->uid, pax, "uid");
	put_number(h + GID_AT, 8, OCTAL7_MAX, e->gid, pax, "gid");
	put_number(h + SIZE_AT, 12, OCTAL11_MAX, e->size, pax, "size");
	put_number(h + MTIME_AT, 12, OCTAL11_MAX, mtime, pax, "mtime");
	if (e->mtime.tv_sec < 0)
		add_number(pax, "mtime", e->mtime.tv_sec);
	for (size_t i = 0; i < e->n_xattrs; i++)
		add_record(pax, "SCHILY.xattr.", e->xattrs[i].name, e->xattrs[i].value, e->xattrs[i].n);
}

static int put_pax(struct tar_writer *w, const struct str *pax, struct error *err)
{
	char h[TAR_BLOCK] = "PaxHeaders.0/x";

	put_octal(h + MODE_AT, 8, 0644);
	put_octal(h + UID_AT, 8, 0);
	put_octal(h + GID_AT, 8, 0);
	put_octal(h + SIZE_AT, 12, pax->len);
	put_octal(h + MTIME_AT, 12, 0);
	int r = put_header(w, h, 'x', err);
	if (r == 0)
		r = put(w, pax->data, pax->len, err);
	return r == 0 ? pad(w, err) : r;
}

int tar_writer_entry(struct tar_writer *w, const struct tar_entry *e, struct error *err)
{
	auto_str struct str pax = STR_INIT(PAX_MAX);
	char h[TAR_BLOCK] = { 0 };
	int r = 0;

	fill_header(h, e, &pax);
	if (e->type == TAR_CHAR || e->type == TAR_BLOCK_DEVICE) {
		if (e->major > OCTAL7_MAX || e->minor > OCTAL7_MAX)
			return error_invalid(
				err, "device '%.200s' has a number that no archive can hold", e->name);
		put_octal(h + MAJOR_AT, 8, e->major);
		put_octal(h + MINOR_AT, 8, e->minor);
	}
	if (pax.failed)
		return fail(pax.failed, err);
	if (pax.len > 0)
		r = put_pax(w, &pax, err);
	return r == 0 ? put_header(w, h, (char)e->type, err) : r;
}

/* ---- data -------------------------------------------------------------------------------- */

/* Lets the kernel move what it can: 0, with *at moved on; what is left goes by hand. */
static int send_direct(struct tar_writer *w, int fd, uint64_t n, uint64_t *at, struct error *err)
{
	int r = flush(w, err);

	while (r == 0 && *at < n) {
		off_t from = (off_t)*at;
		uint64_t left = n - *at;
		ssize_t sent = sendfile(w->out, fd, &from, left > INT32_MAX ? INT32_MAX : (size_t)left);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && (errno == EPIPE || errno == ECONNRESET || errno == ENOSPC || errno == EIO))
			return fail(-errno, err);
		if (sent <= 0)
			return 0;
		*at += (uint64_t)sent;
		w->total += (uint64_t)sent;
	}
	return r;
}

static int send_by_hand(struct tar_writer *w, int fd, uint64_t n, uint64_t *at, struct error *err)
{
	while (*at < n) {
		size_t room = sizeof w->buf - w->n;
		size_t want = n - *at < room ? (size_t)(n - *at) : room;
		ssize_t got = pread(fd, w->buf + w->n, want, (off_t)*at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(err, errno, "cannot read a file for the archive");
		if (got == 0)
			return 0;
		w->n += (size_t)got;
		w->total += (uint64_t)got;
		*at += (uint64_t)got;
		int r = w->n == sizeof w->buf ? flush(w, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

int tar_writer_file(struct tar_writer *w, int fd, uint64_t n, struct error *err)
{
	uint64_t at = 0;
	int r = n >= DIRECT_MIN ? send_direct(w, fd, n, &at, err) : 0;

	if (r == 0)
		r = send_by_hand(w, fd, n, &at, err);
	while (r == 0 && at < n) {
		size_t take = n - at < BUF_SIZE ? (size_t)(n - at) : BUF_SIZE;
		r = put(w, NULL, take, err);
		at += take;
	}
	return r == 0 ? pad(w, err) : r;
}

int tar_writer_data(struct tar_writer *w, const void *data, size_t n, struct error *err)
{
	int r = n > 0 ? put(w, data, n, err) : 0;

	return r == 0 ? pad(w, err) : r;
}

int tar_writer_end(struct tar_writer *w, uint64_t *ret_bytes, struct error *err)
{
	int r = put(w, NULL, 2 * TAR_BLOCK, err);

	if (r == 0)
		r = flush(w, err);
	if (r == 0 && ret_bytes)
		*ret_bytes = w->total;
	return r;
}

int tar_writer_new(int out, struct tar_writer **ret, struct error *err)
{
	struct tar_writer *w = malloc(sizeof *w);

	if (!w)
		return error_sys(err, ENOMEM, "cannot write the archive");
	w->out = out;
	w->n = 0;
	w->total = 0;
	*ret = w;
	return 0;
}

void tar_writer_free(struct tar_writer *w)
{
	free(w);
}
