/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/archive/decoder.h"

#include "lib/base/cleanup.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdbool.h>
#include <string.h>

struct archive_decoder {
	enum archive_compression compression;
	archive_source_fn *source;
	void *arg;
	struct error source_err; /* why the source failed, for the read that meets it */
	int source_ret;
	bool done;

	/* gzip */
	struct inflate_state inflate;
	bool between; /* members of the stream */

	/* the others */
	struct archive *a;
	const char *block;
	size_t block_n;
};

static const struct {
	const char *name, *magic;
	size_t n;
} formats[] = {
	[ARCHIVE_PLAIN] = { "plain", "", 0 },
	[ARCHIVE_GZIP] = { "gzip", "\x1f\x8b", 2 },
	[ARCHIVE_ZSTD] = { "zstd", "\x28\xb5\x2f\xfd", 4 },
	[ARCHIVE_XZ] = { "xz",
		"\xfd"
		"7zXZ",
		6 },
	[ARCHIVE_BZIP2] = { "bzip2", "BZh", 3 },
};

enum archive_compression archive_decoder_detect(const void *data, size_t n)
{
	for (int i = ARCHIVE_GZIP; i <= ARCHIVE_BZIP2; i++)
		if (n >= formats[i].n && memcmp(data, formats[i].magic, formats[i].n) == 0)
			return (enum archive_compression)i;
	return ARCHIVE_PLAIN;
}

const char *archive_decoder_name(enum archive_compression c)
{
	return formats[c].name;
}

static ssize_t pull(struct archive_decoder *d, const void **ret)
{
	ssize_t n = d->source(d->arg, ret, &d->source_err);

	if (n < 0)
		d->source_ret = (int)n;
	return n;
}

static int source_error(const struct archive_decoder *d, struct error *err)
{
	if (err)
		*err = d->source_err;
	return d->source_ret;
}

static int broken(const struct archive_decoder *d, const char *why, struct error *err)
{
	return error_invalid(err, "the %s stream is broken: %s", formats[d->compression].name, why);
}

/* ---- gzip --------------------------------------------------------------------------- */

static void start_member(struct archive_decoder *d)
{
	uint8_t *next = d->inflate.next_in;
	uint32_t avail = d->inflate.avail_in;

	isal_inflate_reset(&d->inflate);
	d->inflate.crc_flag = ISAL_GZIP;
	d->inflate.next_in = next;
	d->inflate.avail_in = avail;
}

/* 1: there is input, 0: the end, or an error. */
static int need_input(struct archive_decoder *d, struct error *err)
{
	const void *data;

	if (d->inflate.avail_in > 0)
		return 1;
	ssize_t n = pull(d, &data);
	if (n < 0)
		return source_error(d, err);
	d->inflate.next_in = (uint8_t *)(uintptr_t)data;
	d->inflate.avail_in = (uint32_t)n;
	return n > 0;
}

/* Behind a member: another one, zeros up to the end, or the end. */
static int between_members(struct archive_decoder *d, struct error *err)
{
	int r;

	while ((r = need_input(d, err)) > 0 && *d->inflate.next_in == 0) {
		d->inflate.next_in++;
		d->inflate.avail_in--;
	}
	if (r < 0)
		return r;
	if (r == 0) {
		d->done = true;
		return 0;
	}
	if (*d->inflate.next_in != 0x1f)
		return broken(d, "something else follows it", err);
	start_member(d);
	d->between = false;
	return 0;
}

static ssize_t read_gzip(struct archive_decoder *d, void *buf, size_t n, struct error *err)
{
	d->inflate.next_out = buf;
	d->inflate.avail_out = (uint32_t)n;
	while (d->inflate.avail_out > 0 && !d->done) {
		int r = d->between ? between_members(d, err) : need_input(d, err);
		if (r < 0)
			return r;
		if (d->between || d->done)
			continue;
		uint32_t in = d->inflate.avail_in, out = d->inflate.avail_out;
		r = isal_inflate(&d->inflate);
		if (r != ISAL_DECOMP_OK && r != ISAL_END_INPUT)
			return broken(
				d, r == ISAL_INCORRECT_CHECKSUM ? "wrong checksum" : "invalid data", err);
		if (d->inflate.block_state == ISAL_BLOCK_FINISH)
			d->between = true;
		else if (in == 0 && out == d->inflate.avail_out)
			return broken(d, "it ends too early", err);
	}
	return (ssize_t)(n - d->inflate.avail_out);
}

/* ---- libarchive ----------------------------------------------------------------------- */

static la_ssize_t read_callback(struct archive *a, void *arg, const void **ret)
{
	struct archive_decoder *d = arg;
	ssize_t n = pull(d, ret);

	if (n < 0)
		archive_set_error(a, -(int)n, "source");
	return n < 0 ? -1 : n;
}

static int library_error(struct archive_decoder *d, struct error *err)
{
	if (d->source_ret < 0)
		return source_error(d, err);
	const char *why = archive_error_string(d->a);
	return broken(d, why ? why : "invalid data", err);
}

static int open_library(struct archive_decoder *d, struct error *err)
{
	struct archive_entry *entry;

	d->a = archive_read_new();
	if (!d->a)
		return error_sys(err, ENOMEM, "cannot decompress");
	archive_read_support_format_raw(d->a);
	if (d->compression == ARCHIVE_ZSTD)
		archive_read_support_filter_zstd(d->a);
	else if (d->compression == ARCHIVE_XZ)
		archive_read_support_filter_xz(d->a);
	else
		archive_read_support_filter_bzip2(d->a);
	if (archive_read_open(d->a, d, NULL, read_callback, NULL) != ARCHIVE_OK)
		return library_error(d, err);
	int r = archive_read_next_header(d->a, &entry);
	if (r == ARCHIVE_EOF)
		d->done = true;
	else if (r != ARCHIVE_OK)
		return library_error(d, err);
	return 0;
}

static ssize_t read_library(struct archive_decoder *d, void *buf, size_t n, struct error *err)
{
	size_t at = 0;

	while (at < n && !d->done) {
		if (d->block_n == 0) {
			const void *block;
			la_int64_t offset;
			int r = archive_read_data_block(d->a, &block, &d->block_n, &offset);
			d->block = block;
			if (r == ARCHIVE_EOF) {
				d->done = true;
				d->block_n = 0;
			} else if (r != ARCHIVE_OK) {
				return library_error(d, err);
			}
		}
		size_t take = d->block_n < n - at ? d->block_n : n - at;
		if (take == 0)
			continue; /* the end, or an empty block */
		memcpy((char *)buf + at, d->block, take);
		d->block += take;
		d->block_n -= take;
		at += take;
	}
	return (ssize_t)at;
}

/* ---- both ------------------------------------------------------------------------------- */

int archive_decoder_new(enum archive_compression compression, archive_source_fn *source, void *arg,
	struct archive_decoder **ret, struct error *err)
{
	struct archive_decoder *d = calloc(1, sizeof *d);

	if (!d)
		return error_sys(err, ENOMEM, "cannot decompress");
	d->compression = compression;
	d->source = source;
	d->arg = arg;
	d->source_err = ERROR_INIT;
	if (compression == ARCHIVE_GZIP) {
		isal_inflate_init(&d->inflate);
		d->inflate.crc_flag = ISAL_GZIP;
	} else {
		int r = open_library(d, err);
		if (r < 0) {
			archive_decoder_free(d);
			return r;
		}
	}
	*ret = d;
	return 0;
}

void archive_decoder_free(struct archive_decoder *d)
{
	if (!d)
		return;
	if (d->a)
		archive_read_free(d->a);
	free(d);
}

ssize_t archive_decoder_read(struct archive_decoder *d, void *buf, size_t n, struct error *err)
{
	return d->compression == ARCHIVE_GZIP ? read_gzip(d, buf, n, err) : read_library(d, buf, n, err);
}
