/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin/record.h"

#include <string.h>
#include <unistd.h>

static size_t align8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

uint32_t record_count(const struct field *f, const void *obj)
{
	uint32_t n;

	memcpy(&n, (const char *)obj + f->count, sizeof n);
	return n;
}

static int measure_str(const struct field *f, const void *src, size_t *ret, struct error *err)
{
	const char *s = record_pointer(f, src);

	if (!s) {
		if (f->flags & FIELD_NEEDED)
			return error_invalid(err, "%s is missing", f->name);
		return 0;
	}
	size_t n = strnlen(s, (size_t)f->max + 1);
	if (n > f->max)
		return error_invalid(err, "%s is longer than %u bytes", f->name, f->max);
	*ret += align8(n + 1);
	return 0;
}

static int measure_list(const struct field *f, const void *src, size_t *ret, struct error *err)
{
	const char *v = record_pointer(f, src);
	uint32_t n = record_count(f, src);

	if (n == 0)
		return 0;
	if (f->max && n > f->max)
		return error_invalid(err, "%s has %u elements, %u are allowed", f->name, n, f->max);
	if (!v)
		return error_invalid(err, "%s is NULL but counts %u elements", f->name, n);
	*ret += align8((size_t)n * f->rec->size);
	for (uint32_t i = 0; i < n; i++) {
		int r = record_measure(f->rec, v + (size_t)i * f->rec->size, ret, err);
		if (r < 0)
			return error_prefix(err, r, "%s[%u]", f->name, i);
	}
	return 0;
}

static int measure_blob(const struct field *f, const void *src, size_t *ret, struct error *err)
{
	const struct gty_blob *b = record_at(f, src);

	if (b->len > f->max)
		return error_invalid(err, "%s has more than %u bytes", f->name, f->max);
	if (b->len && !b->data)
		return error_invalid(err, "%s is NULL but counts bytes", f->name);
	*ret += align8(b->len);
	return 0;
}

static int measure_field(const struct field *f, const void *src, size_t *ret, struct error *err)
{
	void *p;
	int r;

	switch (f->type) {
	case FIELD_STR: return measure_str(f, src, ret, err);
	case FIELD_LIST: return measure_list(f, src, ret, err);
	case FIELD_BLOB: return measure_blob(f, src, ret, err);
	case FIELD_SUB: r = record_measure(f->rec, record_at(f, src), ret, err); break;
	case FIELD_PTR:
		p = record_pointer(f, src);
		if (!p)
			return 0;
		*ret += align8(f->rec->size);
		r = record_measure(f->rec, p, ret, err);
		break;
	default: return 0;
	}
	return r < 0 ? error_prefix(err, r, "%s", f->name) : 0;
}

int record_measure(const struct record *rec, const void *src, size_t *ret, struct error *err)
{
	for (uint16_t i = 0; i < rec->n; i++) {
		int r = measure_field(&rec->fields[i], src, ret, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void *take(char **pool, size_t n)
{
	char *p = *pool;

	*pool += align8(n);
	return p;
}

static void put_pointer(const struct field *f, void *dst, const void *p)
{
	memcpy(record_at(f, dst), &p, sizeof p);
}

static void copy_bytes(const struct field *f, void *dst, const void *from, size_t n, char **pool)
{
	void *to = NULL;

	if (from && n > 0) {
		to = take(pool, n);
		memcpy(to, from, n);
	}
	put_pointer(f, dst, to);
}

static void copy_list(const struct field *f, void *dst, const void *src, char **pool)
{
	const char *from = record_pointer(f, src);
	uint32_t n = record_count(f, src);
	char *to = NULL;

	if (n > 0) {
		to = take(pool, (size_t)n * f->rec->size);
		for (uint32_t i = 0; i < n; i++)
			record_copy(
				f->rec, to + (size_t)i * f->rec->size, from + (size_t)i * f->rec->size, pool);
	}
	put_pointer(f, dst, to);
}

static void copy_field(const struct field *f, void *dst, const void *src, char **pool)
{
	const struct gty_blob *blob;
	const char *from;
	void *to;

	switch (f->type) {
	case FIELD_STR:
		from = record_pointer(f, src);
		copy_bytes(f, dst, from, from ? strlen(from) + 1 : 0, pool);
		break;
	case FIELD_LIST: copy_list(f, dst, src, pool); break;
	case FIELD_BLOB:
		blob = record_at(f, src);
		copy_bytes(f, dst, blob->data, blob->len, pool);
		break;
	case FIELD_SUB: record_copy(f->rec, record_at(f, dst), record_at(f, src), pool); break;
	case FIELD_PTR:
		from = record_pointer(f, src);
		to = NULL;
		if (from) {
			to = take(pool, f->rec->size);
			record_copy(f->rec, to, from, pool);
		}
		put_pointer(f, dst, to);
		break;
	default: break;
	}
}

void record_copy(const struct record *rec, void *dst, const void *src, char **pool)
{
	memcpy(dst, src, rec->size);
	if (rec->sized)
		memcpy(dst, &rec->size, sizeof rec->size);
	for (uint16_t i = 0; i < rec->n; i++)
		copy_field(&rec->fields[i], dst, src, pool);
}

static int each_fd_list(const struct field *f, void *obj, int (*fn)(int32_t *fd, void *arg), void *arg)
{
	char *v = record_pointer(f, obj);
	uint32_t n = v ? record_count(f, obj) : 0;
	int r = 0;

	for (uint32_t i = 0; i < n && r == 0; i++)
		r = record_each_fd(f->rec, v + (size_t)i * f->rec->size, fn, arg);
	return r;
}

int record_each_fd(const struct record *rec, void *obj, int (*fn)(int32_t *fd, void *arg), void *arg)
{
	int r = 0;

	for (uint16_t i = 0; i < rec->n && r == 0; i++) {
		const struct field *f = &rec->fields[i];
		void *p;
		switch (f->type) {
		case FIELD_FD: r = fn(record_at(f, obj), arg); break;
		case FIELD_SUB: r = record_each_fd(f->rec, record_at(f, obj), fn, arg); break;
		case FIELD_PTR:
			p = record_pointer(f, obj);
			r = p ? record_each_fd(f->rec, p, fn, arg) : 0;
			break;
		case FIELD_LIST: r = each_fd_list(f, obj, fn, arg); break;
		default: break;
		}
	}
	return r;
}

static int fd_none(int32_t *fd, void *arg)
{
	(void)arg;
	*fd = -1;
	return 0;
}

static void set_sizes(const struct record *rec, void *obj)
{
	if (rec->sized)
		memcpy(obj, &rec->size, sizeof rec->size);
	for (uint16_t i = 0; i < rec->n; i++)
		if (rec->fields[i].type == FIELD_SUB)
			set_sizes(rec->fields[i].rec, record_at(&rec->fields[i], obj));
}

void record_reset(const struct record *rec, void *obj)
{
	memset(obj, 0, rec->size);
	set_sizes(rec, obj);
	record_each_fd(rec, obj, fd_none, NULL);
}

static int fd_close(int32_t *fd, void *arg)
{
	(void)arg;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return 0;
}

void record_close_fds(const struct record *rec, void *obj)
{
	record_each_fd(rec, obj, fd_close, NULL);
}
