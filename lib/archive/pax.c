/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/archive/pax.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XATTR_PREFIX "SCHILY.xattr."

bool pax_parse_number(const char *text, uint64_t *ret)
{
	uint64_t v = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, (uint64_t)(*text - '0'), &v))
			return false;
	}
	*ret = v;
	return true;
}

static bool parse_id(const char *text, uint32_t *ret)
{
	uint64_t v;

	if (!pax_parse_number(text, &v) || v >= UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

/* "[-]SECONDS[.FRACTION]"; digits behind the ninth are dropped.  Before 1970, as Go has it: -1.5 is 1.5 s
 * earlier. */
static bool parse_time(const char *text, struct timespec *ret)
{
	bool negative = text[0] == '-';
	uint64_t seconds = 0;
	long nanos = 0, scale = 100000000;
	char whole[24];

	text += negative;
	size_t n = strcspn(text, ".");
	if (n == 0 || n >= sizeof whole)
		return false;
	memcpy(whole, text, n);
	whole[n] = '\0';
	if (!pax_parse_number(whole, &seconds) || seconds > INT64_MAX / 4)
		return false;
	for (text += n + (text[n] == '.'); *text; text++, scale /= 10) {
		if (*text < '0' || *text > '9')
			return false;
		nanos += (*text - '0') * scale;
	}
	*ret = (struct timespec){ (time_t)seconds, nanos };
	if (negative) {
		ret->tv_sec = -ret->tv_sec - (nanos > 0);
		ret->tv_nsec = nanos > 0 ? 1000000000 - nanos : 0;
	}
	return true;
}

int pax_add_segment(
	struct pax *p, uint64_t offset, uint64_t n, const struct archive_limits *limits, struct error *err)
{
	if (p->n_segments == limits->sparse_segments)
		return error_set(err, ERROR_EXHAUSTED, EFBIG, "a sparse file has more than %u segments",
			limits->sparse_segments);
	if (p->n_segments == p->segments_room) {
		size_t room = p->segments_room ? p->segments_room * 2 : 16;
		void *bigger = realloc(p->segments, room * sizeof *p->segments);
		if (!bigger)
			return error_sys(err, ENOMEM, "cannot read a sparse file's map");
		p->segments = bigger;
		p->segments_room = room;
	}
	p->segments[p->n_segments++] = (struct tar_segment){ offset, n };
	return 0;
}

static int add_xattr(struct pax *p, const char *name, const char *value, size_t n,
	const struct archive_limits *limits, struct error *err)
{
	if (p->n_xattrs == limits->xattrs)
		return error_set(err, ERROR_EXHAUSTED, EFBIG, "an entry has more than %u extended attributes",
			limits->xattrs);
	if (!p->xattrs)
		p->xattrs = calloc(limits->xattrs, sizeof *p->xattrs);
	if (!p->xattrs)
		return error_sys(err, ENOMEM, "cannot read extended attributes");
	p->xattrs[p->n_xattrs++] = (struct tar_xattr){ name, value, n };
	return 0;
}

static int bad(const char *key, struct error *err)
{
	return error_invalid(err, "broken archive: PAX record '%.64s' has a wrong value", key);
}

static int sparse_record(struct pax *p, const char *key, const char *value,
	const struct archive_limits *limits, struct error *err)
{
	uint64_t v = 0;

	p->sparse = true;
	if (strcmp(key, "name") == 0) {
		p->sparse_name = value;
		return 0;
	}
	if (strcmp(key, "map") == 0) {
		p->sparse_map = value;
		return 0;
	}
	if (!pax_parse_number(value, &v))
		return bad(key, err);
	if (strcmp(key, "major") == 0 || strcmp(key, "minor") == 0) {
		unsigned *part = strcmp(key, "major") == 0 ? &p->sparse_major : &p->sparse_minor;
		*part = v < 100 ? (unsigned)v : 100;
		p->has_sparse_version = true;
	} else if (strcmp(key, "size") == 0 || strcmp(key, "realsize") == 0) {
		p->sparse_size = v;
		p->has_sparse_size = true;
	} else if (strcmp(key, "offset") == 0) {
		if (p->segment_open)
			return bad(key, err);
		p->segment_open = true;
		return pax_add_segment(p, v, 0, limits, err);
	} else if (strcmp(key, "numbytes") == 0) {
		if (!p->segment_open)
			return bad(key, err);
		p->segment_open = false;
		p->segments[p->n_segments - 1].n = v;
	}
	return 0;
}

/* An empty value takes an earlier record back. */
static int record(struct pax *p, const char *key, const char *value, size_t n,
	const struct archive_limits *limits, struct error *err)
{
	bool text = strlen(value) == n, ok = true;

	if (strncmp(key, XATTR_PREFIX, strlen(XATTR_PREFIX)) == 0)
		return add_xattr(p, key + strlen(XATTR_PREFIX), value, n, limits, err);
	if (strcmp(key, "path") == 0)
		p->path = n > 0 ? value : NULL;
	else if (strcmp(key, "linkpath") == 0)
		p->link = n > 0 ? value : NULL;
	else if (strcmp(key, "size") == 0)
		ok = !(p->has_size = n > 0) || pax_parse_number(value, &p->size);
	else if (strcmp(key, "uid") == 0)
		ok = !(p->has_uid = n > 0) || parse_id(value, &p->uid);
	else if (strcmp(key, "gid") == 0)
		ok = !(p->has_gid = n > 0) || parse_id(value, &p->gid);
	else if (strcmp(key, "mtime") == 0)
		ok = !(p->has_mtime = n > 0) || parse_time(value, &p->mtime);
	else if (strcmp(key, "atime") == 0)
		ok = !(p->has_atime = n > 0) || parse_time(value, &p->atime);
	else if (strncmp(key, "GNU.sparse.", 11) == 0)
		return text ? sparse_record(p, key + 11, value, limits, err) : bad(key, err);
	else
		return 0;
	return ok && text ? 0 : bad(key, err);
}

/* "LENGTH KEY=VALUE\n", LENGTH counting all of it.  The newline becomes the value's NUL. */
static int next_record(
	struct pax *p, size_t at, size_t *ret_next, const struct archive_limits *limits, struct error *err)
{
	char *line = p->data + at;
	size_t left = p->data_n - at, digits = 0, n = 0;

	while (digits < left && digits < 9 && line[digits] >= '0' && line[digits] <= '9')
		n = n * 10 + (size_t)(line[digits++] - '0');
	if (digits == 0 || digits >= left || line[digits] != ' ' || n < digits + 4 || n > left ||
		line[n - 1] != '\n')
		return error_invalid(err, "broken archive: PAX header with a wrong record");
	char *key = line + digits + 1;
	char *equals = memchr(key, '=', n - digits - 2);
	line[n - 1] = '\0';
	if (!equals || equals == key || memchr(key, '\0', (size_t)(equals - key)))
		return error_invalid(err, "broken archive: PAX header with a wrong record");
	*equals = '\0';
	*ret_next = at + n;
	return record(p, key, equals + 1, (size_t)(line + n - 1 - (equals + 1)), limits, err);
}

int pax_parse(struct pax *p, char *data, size_t n, const struct archive_limits *limits, struct error *err)
{
	p->data = data;
	p->data_n = n;
	for (size_t at = 0; at < n;) {
		int r = next_record(p, at, &at, limits, err);
		if (r < 0)
			return r;
	}
	return p->segment_open ? bad("GNU.sparse.offset", err) : 0;
}

void pax_done(struct pax *p)
{
	free(p->data);
	free(p->xattrs);
	free(p->segments);
	memset(p, 0, sizeof *p);
}
