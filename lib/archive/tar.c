/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/archive/tar.h"

#include "lib/archive/pax.h"
#include "lib/base/cleanup.h"

#include <errno.h>
#include <string.h>

/* One block as POSIX.1-1988 lays it out; GNU's and star's fields lie in the prefix. */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
	char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == TAR_BLOCK, "a tar header is one block");

#define GNU_SPARSE_AT    386 /* 4 maps of 24 bytes, the flag "extended", the real size */
#define GNU_SPARSE_IN    4
#define GNU_EXTENDED_AT  482
#define GNU_REALSIZE_AT  483
#define GNU_SPARSE_MORE  21 /* maps in an extension block */
#define GNU_MORE_FLAG_AT 504
#define STAR_TRAILER_AT  508
#define STAR_PREFIX_SIZE 131
#define SPECIAL_ROW_MAX  16 /* headers in a row that describe the next entry */

enum format { V7, USTAR, STAR, GNU };

struct tar_reader {
	tar_source_fn *source;
	void *arg;
	struct archive_limits limits;

	const char *chunk; /* of the stream, not yet looked at */
	size_t chunk_n;
	uint64_t data_left; /* stored bytes of the entry at hand */
	uint64_t pad_left;
	bool ended;
	uint64_t entries, file_bytes;

	struct header header; /* of the entry at hand */
	enum format format;
	struct pax pax;
	char *long_name, *long_link; /* GNU; owned */
	char name[PATH_MAX], link[PATH_MAX];
};

static int broken(const char *why, struct error *err)
{
	return error_invalid(err, "broken archive: %s", why);
}

/* ---- bytes -------------------------------------------------------------------------- */

/* 1: there are bytes in the chunk, 0: the stream has ended, or an error. */
static int need_chunk(struct tar_reader *r, struct error *err)
{
	const void *data;

	if (r->chunk_n > 0)
		return 1;
	ssize_t n = r->source(r->arg, &data, err);
	if (n <= 0)
		return (int)n;
	r->chunk = data;
	r->chunk_n = (size_t)n;
	return 1;
}

static void advance(struct tar_reader *r, size_t n)
{
	r->chunk += n;
	r->chunk_n -= n;
}

/* Reads exactly n bytes; 0 when the stream ended before the first one, 1 when all came. */
static int read_exactly(struct tar_reader *r, void *buf, size_t n, struct error *err)
{
	size_t at = 0;

	while (at < n) {
		int got = need_chunk(r, err);
		if (got < 0)
			return got;
		if (got == 0)
			return at == 0 ? 0 : broken("it ends too early", err);
		size_t take = r->chunk_n < n - at ? r->chunk_n : n - at;
		memcpy((char *)buf + at, r->chunk, take);
		advance(r, take);
		at += take;
	}
	return 1;
}

static int skip(struct tar_reader *r, uint64_t n, struct error *err)
{
	while (n > 0) {
		int got = need_chunk(r, err);
		if (got <= 0)
			return got < 0 ? got : broken("it ends too early", err);
		size_t take = r->chunk_n < n ? r->chunk_n : (size_t)n;
		advance(r, take);
		n -= take;
	}
	return 0;
}

/* ---- fields -------------------------------------------------------------------------- */

/* GNU's base 256: bit 7 marks it, bit 6 is the sign. */
static bool parse_base256(const unsigned char *f, size_t n, int64_t *ret)
{
	unsigned char invert = (f[0] & 0x40) ? 0xff : 0;
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = f[i] ^ invert;
		if (i == 0)
			c &= 0x7f;
		if (v >> 56)
			return false;
		v = v << 8 | c;
	}
	if (v >> 63)
		return false;
	*ret = invert ? (int64_t)~v : (int64_t)v;
	return true;
}

/* Octal digits, with blanks and NULs around them; empty is 0. */
static bool parse_number(const char *field, size_t n, int64_t *ret)
{
	uint64_t v = 0;
	size_t i = 0;

	if ((unsigned char)field[0] & 0x80)
		return parse_base256((const unsigned char *)field, n, ret);
	while (i < n && (field[i] == ' ' || field[i] == '\0'))
		i++;
	for (; i < n && field[i] >= '0' && field[i] <= '7'; i++) {
		if (v >> 60)
			return false;
		v = v << 3 | (uint64_t)(field[i] - '0');
	}
	for (; i < n; i++)
		if (field[i] != ' ' && field[i] != '\0')
			return false;
	*ret = (int64_t)v;
	return true;
}

static bool parse_unsigned(const char *field, size_t n, uint64_t max, uint64_t *ret)
{
	int64_t v;

	if (!parse_number(field, n, &v) || v < 0 || (uint64_t)v > max)
		return false;
	*ret = (uint64_t)v;
	return true;
}

/* Old writers summed signed bytes. */
static bool checksum_fits(const struct header *h)
{
	const unsigned char *bytes = (const unsigned char *)h;
	int64_t want, plain = 0, with_sign = 0;

	if (!parse_number(h->checksum, sizeof h->checksum, &want))
		return false;
	for (size_t i = 0; i < TAR_BLOCK; i++) {
		bool inside = i >= offsetof(struct header, checksum) && i < offsetof(struct header, type);
		unsigned char c = inside ? ' ' : bytes[i];
		plain += c;
		with_sign += (signed char)c;
	}
	return want == plain || want == with_sign;
}

static enum format format_of(const struct header *h)
{
	if (memcmp(h->magic, "ustar\0", 6) == 0)
		return memcmp((const char *)h + STAR_TRAILER_AT, "tar\0", 4) == 0 ? STAR : USTAR;
	if (memcmp(h->magic, "ustar ", 6) == 0 && memcmp(h->version, " \0", 2) == 0)
		return GNU;
	return V7;
}

static bool is_zero(const void *block)
{
	static const char zeros[TAR_BLOCK];

	return memcmp(block, zeros, TAR_BLOCK) == 0;
}

/* ---- special headers --------------------------------------------------------------------- */

/* The data of a header that describes the next entry, NUL-ended, on the heap. */
static int read_special(struct tar_reader *r, uint64_t size, char **ret, struct error *err)
{
	if (size > r->limits.header_bytes)
		return error_set(err, ERROR_EXHAUSTED, EFBIG,
			"the archive has a header of more than %u bytes", r->limits.header_bytes);
	auto_free char *data = malloc((size_t)size + 1);
	if (!data)
		return error_sys(err, ENOMEM, "cannot read the archive");
	int got = size > 0 ? read_exactly(r, data, (size_t)size, err) : 1;
	if (got <= 0)
		return got < 0 ? got : broken("it ends too early", err);
	data[size] = '\0';
	int s = skip(r, -size & (TAR_BLOCK - 1), err);
	if (s < 0)
		return s;
	*ret = take_ptr(data);
	return 0;
}

static void forget_special(struct tar_reader *r)
{
	pax_done(&r->pax);
	free(r->long_name);
	free(r->long_link);
	r->long_name = r->long_link = NULL;
}

static int take_special(struct tar_reader *r, uint64_t size, struct error *err)
{
	char *data = NULL;

	int e = read_special(r, size, &data, err);
	if (e < 0)
		return e;
	switch (r->header.type) {
	case 'x': pax_done(&r->pax); return pax_parse(&r->pax, data, (size_t)size, &r->limits, err);
	case 'L':
		free(r->long_name);
		r->long_name = data;
		return 0;
	case 'K':
		free(r->long_link);
		r->long_link = data;
		return 0;
	default: /* 'g': Docker does not apply global headers either */ free(data); return 0;
	}
}

/* ---- an entry ------------------------------------------------------------------------------ */

static int set_text(
	char to[PATH_MAX], const char *a, size_t a_n, const char *b, size_t b_n, struct error *err)
{
	size_t slash = a_n > 0;

	if (a_n + slash + b_n >= PATH_MAX)
		return error_set(err, ERROR_INVALID, ENAMETOOLONG, "an entry's name has more than %d bytes",
			PATH_MAX - 1);
	memcpy(to, a, a_n);
	if (slash)
		to[a_n] = '/';
	memcpy(to + a_n + slash, b, b_n);
	to[a_n + slash + b_n] = '\0';
	return 0;
}

static int set_name(struct tar_reader *r, struct error *err)
{
	const struct header *h = &r->header;
	const char *over = r->pax.sparse_name ? r->pax.sparse_name : r->pax.path;
	size_t prefix = 0;

	if (r->long_name)
		over = r->long_name;
	if (over)
		return set_text(r->name, "", 0, over, strlen(over), err);
	if (r->format == USTAR)
		prefix = strnlen(h->prefix, sizeof h->prefix);
	else if (r->format == STAR)
		prefix = strnlen(h->prefix, STAR_PREFIX_SIZE);
	return set_text(r->name, h->prefix, prefix, h->name, strnlen(h->name, sizeof h->name), err);
}

static int set_link(struct tar_reader *r, struct error *err)
{
	const struct header *h = &r->header;
	const char *over = r->long_link ? r->long_link : r->pax.link;

	if (over)
		return set_text(r->link, "", 0, over, strlen(over), err);
	return set_text(r->link, "", 0, h->link, strnlen(h->link, sizeof h->link), err);
}

static bool set_owner(const struct tar_reader *r, struct tar_entry *e)
{
	const struct header *h = &r->header;
	uint64_t uid = 0, gid = 0;

	if (!r->pax.has_uid && !parse_unsigned(h->uid, sizeof h->uid, UINT32_MAX - 1, &uid))
		return false;
	if (!r->pax.has_gid && !parse_unsigned(h->gid, sizeof h->gid, UINT32_MAX - 1, &gid))
		return false;
	e->uid = r->pax.has_uid ? r->pax.uid : (uint32_t)uid;
	e->gid = r->pax.has_gid ? r->pax.gid : (uint32_t)gid;
	return true;
}

static bool set_numbers(const struct tar_reader *r, struct tar_entry *e)
{
	const struct header *h = &r->header;
	uint64_t mode, major = 0, minor = 0;
	int64_t mtime = 0;

	if (!parse_unsigned(h->mode, sizeof h->mode, UINT32_MAX, &mode) ||
		!parse_number(h->mtime, sizeof h->mtime, &mtime))
		return false;
	if ((e->type == TAR_CHAR || e->type == TAR_BLOCK_DEVICE) &&
		(!parse_unsigned(h->major, sizeof h->major, UINT32_MAX, &major) ||
			!parse_unsigned(h->minor, sizeof h->minor, UINT32_MAX, &minor)))
		return false;
	e->mode = (mode_t)(mode & 07777);
	e->major = (uint32_t)major;
	e->minor = (uint32_t)minor;
	e->mtime = r->pax.has_mtime ? r->pax.mtime : (struct timespec){ .tv_sec = mtime };
	e->has_atime = r->pax.has_atime;
	e->atime = r->pax.atime;
	return set_owner(r, e);
}

/* What the type byte means, or 0. */
static int type_of(const struct tar_reader *r)
{
	size_t n = strlen(r->name);

	switch (r->header.type) {
	case '\0': return n > 0 && r->name[n - 1] == '/' ? TAR_DIR : TAR_FILE;
	case '7':
	case 'S': return TAR_FILE;
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6': return r->header.type;
	default: return 0;
	}
}

/* ---- sparse files ---------------------------------------------------------------------------- */

static int gnu_maps(struct tar_reader *r, const char *maps, int n, bool *ret_end, struct error *err)
{
	for (int i = 0; i < n; i++, maps += 24) {
		uint64_t offset, size;
		if (maps[0] == '\0') {
			*ret_end = true;
			return 0;
		}
		if (!parse_unsigned(maps, 12, INT64_MAX, &offset) ||
			!parse_unsigned(maps + 12, 12, INT64_MAX, &size))
			return broken("a sparse file's map is wrong", err);
		int e = pax_add_segment(&r->pax, offset, size, &r->limits, err);
		if (e < 0)
			return e;
	}
	return 0;
}

/* The old format: maps in the header and in blocks behind it. */
static int gnu_sparse(struct tar_reader *r, struct error *err)
{
	const char *h = (const char *)&r->header;
	char block[TAR_BLOCK];
	bool more = h[GNU_EXTENDED_AT] != 0, end = false;

	if (r->format != GNU || !parse_unsigned(h + GNU_REALSIZE_AT, 12, INT64_MAX, &r->pax.sparse_size))
		return broken("a sparse file's header is wrong", err);
	int e = gnu_maps(r, h + GNU_SPARSE_AT, GNU_SPARSE_IN, &end, err);
	while (e == 0 && more) {
		int got = read_exactly(r, block, sizeof block, err);
		if (got <= 0)
			return got < 0 ? got : broken("it ends too early", err);
		more = block[GNU_MORE_FLAG_AT] != 0;
		e = gnu_maps(r, block, GNU_SPARSE_MORE, &end, err);
	}
	return e;
}

/* GNU.sparse 0.1: numbers with commas between. */
static int comma_map(struct tar_reader *r, const char *map, struct error *err)
{
	uint64_t pair[2];
	char number[24];
	int have = 0;

	for (const char *p = map; *p;) {
		size_t n = strcspn(p, ",");
		if (n >= sizeof number)
			return broken("a sparse file's map is wrong", err);
		memcpy(number, p, n);
		number[n] = '\0';
		if (!pax_parse_number(number, &pair[have++]))
			return broken("a sparse file's map is wrong", err);
		if (have == 2) {
			int e = pax_add_segment(&r->pax, pair[0], pair[1], &r->limits, err);
			if (e < 0)
				return e;
			have = 0;
		}
		p += n + (p[n] == ',');
	}
	return have == 0 ? 0 : broken("a sparse file's map is wrong", err);
}

/* A line of GNU.sparse 1.0's map, which stands before the data. */
static int map_line(struct tar_reader *r, char block[TAR_BLOCK], size_t *at, uint64_t *ret, struct error *err)
{
	char number[24];

	for (size_t n = 0; n < sizeof number; n++, (*at)++) {
		if (*at == TAR_BLOCK) {
			if (r->data_left < TAR_BLOCK)
				return broken("a sparse file's map is wrong", err);
			int got = read_exactly(r, block, TAR_BLOCK, err);
			if (got <= 0)
				return got < 0 ? got : broken("it ends too early", err);
			r->data_left -= TAR_BLOCK;
			*at = 0;
		}
		number[n] = block[*at];
		if (number[n] == '\n') {
			number[n] = '\0';
			(*at)++;
			return pax_parse_number(number, ret) ? 0
							     : broken("a sparse file's map is wrong", err);
		}
	}
	return broken("a sparse file's map is wrong", err);
}

static int map_before_data(struct tar_reader *r, struct error *err)
{
	char block[TAR_BLOCK];
	size_t at = TAR_BLOCK;
	uint64_t count = 0, offset = 0, size = 0;

	int e = map_line(r, block, &at, &count, err);
	for (uint64_t i = 0; e == 0 && i < count; i++) {
		e = map_line(r, block, &at, &offset, err);
		if (e == 0)
			e = map_line(r, block, &at, &size, err);
		if (e == 0)
			e = pax_add_segment(&r->pax, offset, size, &r->limits, err);
	}
	return e;
}

/* Segments ascend, lie in the file, and are as long as the data that is stored. */
static int check_segments(const struct tar_reader *r, struct error *err)
{
	uint64_t end = 0, sum = 0;

	for (size_t i = 0; i < r->pax.n_segments; i++) {
		const struct tar_segment *s = &r->pax.segments[i];
		if (s->offset < end || s->offset > r->pax.sparse_size ||
			s->n > r->pax.sparse_size - s->offset)
			return broken("a sparse file's map is wrong", err);
		end = s->offset + s->n;
		sum += s->n;
	}
	return sum == r->data_left ? 0 : broken("a sparse file's map does not fit its data", err);
}

static int set_sparse(struct tar_reader *r, struct tar_entry *e, struct error *err)
{
	int s = 0;

	if (r->header.type == 'S')
		s = gnu_sparse(r, err);
	else if (!r->pax.sparse)
		return 0;
	else if (r->pax.has_sparse_version && r->pax.sparse_major == 1 && r->pax.sparse_minor == 0)
		s = map_before_data(r, err);
	else if (r->pax.has_sparse_version && r->pax.sparse_major != 0)
		return broken("a sparse file of an unknown version", err);
	else if (r->pax.sparse_map)
		s = comma_map(r, r->pax.sparse_map, err);
	if (s == 0 && r->header.type != 'S' && !r->pax.has_sparse_size)
		s = broken("a sparse file without its size", err);
	if (s == 0)
		s = check_segments(r, err);
	if (s < 0)
		return s;
	static const struct tar_segment none;
	e->segments = r->pax.n_segments > 0 ? r->pax.segments : &none;
	e->n_segments = r->pax.n_segments;
	e->size = r->pax.sparse_size;
	return 0;
}

/* ---- the archive ------------------------------------------------------------------------------- */

static int read_header(struct tar_reader *r, struct error *err)
{
	int got = read_exactly(r, &r->header, TAR_BLOCK, err);

	if (got <= 0)
		return got;
	if (is_zero(&r->header)) {
		got = read_exactly(r, &r->header, TAR_BLOCK, err);
		if (got > 0 && !is_zero(&r->header))
			return broken("data behind its end", err);
		return got < 0 ? got : 0;
	}
	if (!checksum_fits(&r->header))
		return broken("a header with a wrong checksum (is it a tar archive?)", err);
	r->format = format_of(&r->header);
	return 1;
}

static int count(struct tar_reader *r, const struct tar_entry *e, struct error *err)
{
	if (++r->entries > r->limits.entries)
		return error_set(err, ERROR_EXHAUSTED, EFBIG, "the archive has more than %llu entries",
			(unsigned long long)r->limits.entries);
	if (e->size > r->limits.file_bytes - r->file_bytes)
		return error_set(err, ERROR_EXHAUSTED, EFBIG,
			"the archive's files are larger than %llu bytes",
			(unsigned long long)r->limits.file_bytes);
	r->file_bytes += e->size;
	return 0;
}

/* The entry that header, PAX records and long names describe together. */
static int make_entry(struct tar_reader *r, uint64_t size, struct tar_entry *ret, struct error *err)
{
	struct tar_entry e = { .name = r->name, .link = "" };

	int s = set_name(r, err);
	if (s < 0)
		return s;
	int type = type_of(r);
	if (type == 0)
		return error_set(err, ERROR_UNSUPPORTED, EINVAL, "entry '%.200s' has the unknown type '%c'",
			r->name, r->header.type >= ' ' && r->header.type < 127 ? r->header.type : '?');
	e.type = (enum tar_type)type;
	if (e.type == TAR_HARDLINK || e.type == TAR_SYMLINK) {
		s = set_link(r, err);
		e.link = r->link;
	}
	if (s == 0 && !set_numbers(r, &e))
		s = error_invalid(err, "broken archive: entry '%.200s' has a number that is wrong", r->name);
	if (s < 0)
		return s;
	if (e.type == TAR_FILE) {
		r->data_left = e.size = r->pax.has_size ? r->pax.size : size;
		if (r->data_left > INT64_MAX - TAR_BLOCK)
			return broken("an entry is too large", err);
		r->pad_left = -r->data_left & (TAR_BLOCK - 1);
		s = set_sparse(r, &e, err);
	}
	e.xattrs = r->pax.xattrs;
	e.n_xattrs = r->pax.n_xattrs;
	if (s == 0)
		s = count(r, &e, err);
	if (s == 0)
		*ret = e;
	return s < 0 ? s : 1;
}

int tar_reader_next(struct tar_reader *r, struct tar_entry *ret, struct error *err)
{
	if (r->ended)
		return 0;
	int e = skip(r, r->data_left + r->pad_left, err);
	r->data_left = r->pad_left = 0;
	forget_special(r);
	for (int row = 0; e == 0; row++) {
		uint64_t size;
		int got = read_header(r, err);
		if (got < 0)
			return got;
		if (got == 0) {
			r->ended = true;
			return 0;
		}
		if (!parse_unsigned(r->header.size, sizeof r->header.size, INT64_MAX - TAR_BLOCK, &size))
			return broken("an entry's size is wrong", err);
		if (r->header.type == '\0' || !strchr("xgLK", r->header.type))
			return make_entry(r, size, ret, err);
		if (row == SPECIAL_ROW_MAX)
			return broken("too many headers for one entry", err);
		e = take_special(r, size, err);
	}
	return e;
}

ssize_t tar_reader_data(struct tar_reader *r, const void **ret, struct error *err)
{
	if (r->data_left == 0)
		return 0;
	int got = need_chunk(r, err);
	if (got <= 0)
		return got < 0 ? got : broken("it ends too early", err);
	size_t n = r->chunk_n < r->data_left ? r->chunk_n : (size_t)r->data_left;
	*ret = r->chunk;
	advance(r, n);
	r->data_left -= n;
	return (ssize_t)n;
}

int tar_reader_new(tar_source_fn *source, void *arg, const struct archive_limits *limits,
	struct tar_reader **ret, struct error *err)
{
	struct tar_reader *r = calloc(1, sizeof *r);

	if (!r)
		return error_sys(err, ENOMEM, "cannot read the archive");
	r->source = source;
	r->arg = arg;
	r->limits = *limits;
	*ret = r;
	return 0;
}

void tar_reader_free(struct tar_reader *r)
{
	if (!r)
		return;
	forget_special(r);
	free(r);
}
