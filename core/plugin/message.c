/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin/message.h"

#include <errno.h>
#include <string.h>

static void put_number(struct message *m, uint64_t v, unsigned size)
{
	unsigned char b[8];

	for (unsigned i = 0; i < size; i++)
		b[i] = (unsigned char)(v >> 8 * i);
	str_add_n(&m->bytes, b, size);
}

static uint64_t load(const void *p, unsigned size)
{
	uint64_t v = 0;

	memcpy(&v, p, size); /* little endian: checked below */
	return v;
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "load and store are for little-endian machines");

static void store(void *p, uint64_t v, unsigned size)
{
	memcpy(p, &v, size);
}

void message_put_text(struct message *m, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	put_number(m, text ? n + 1 : 0, 4);
	str_add_n(&m->bytes, text ? text : "", n);
}

static void put_fd(struct message *m, int32_t fd)
{
	if (fd >= 0 && m->fds_n == MESSAGE_FDS_MAX) {
		m->bytes.failed = -E2BIG;
		return;
	}
	if (fd >= 0)
		m->fds[m->fds_n++] = fd;
	put_number(m, fd >= 0 ? m->fds_n : 0, 4);
}

static void put_list(struct message *m, const struct field *f, const void *obj)
{
	const char *v = record_pointer(f, obj);
	uint32_t n = record_count(f, obj);

	put_number(m, n, 4);
	for (uint32_t i = 0; i < n && !m->bytes.failed; i++)
		message_put(m, f->rec, v + (size_t)i * f->rec->size);
}

static void put_field(struct message *m, const struct field *f, const void *obj)
{
	const struct gty_blob *blob;
	const void *p;
	int32_t fd;

	switch (f->type) {
	case FIELD_INT: put_number(m, load(record_at(f, obj), f->size), f->size); break;
	case FIELD_FD:
		memcpy(&fd, record_at(f, obj), sizeof fd);
		put_fd(m, fd);
		break;
	case FIELD_STR: message_put_text(m, record_pointer(f, obj)); break;
	case FIELD_LIST: put_list(m, f, obj); break;
	case FIELD_PTR:
		p = record_pointer(f, obj);
		put_number(m, p != NULL, 1);
		if (p)
			message_put(m, f->rec, p);
		break;
	case FIELD_SUB: message_put(m, f->rec, record_at(f, obj)); break;
	case FIELD_BLOB:
		blob = record_at(f, obj);
		put_number(m, blob->len, 8);
		str_add_n(&m->bytes, blob->len ? blob->data : "", blob->len);
		break;
	}
}

int message_put(struct message *m, const struct record *rec, const void *obj)
{
	size_t start = m->bytes.len;

	if (rec->sized)
		put_number(m, 0, 4);
	for (uint16_t i = 0; i < rec->n; i++)
		put_field(m, &rec->fields[i], obj);
	if (rec->sized && !m->bytes.failed)
		store(m->bytes.data + start, m->bytes.len - start - 4, 4);
	return m->bytes.failed;
}

void message_done(struct message *m)
{
	str_done(&m->bytes);
}

/* ---- reading ------------------------------------------------------------------------ */

static int cut(struct error *err)
{
	return error_invalid(err, "the message ends too early");
}

static int get_number(struct message_reader *rd, unsigned size, uint64_t *ret, struct error *err)
{
	if (rd->n - rd->at < size)
		return cut(err);
	*ret = load(rd->data + rd->at, size);
	rd->at += size;
	return 0;
}

static int get_bytes(struct message_reader *rd, uint64_t n, size_t extra, void **ret, struct error *err)
{
	if (n > rd->n - rd->at)
		return cut(err);
	char *p = rd->alloc(rd->arg, (size_t)n + extra);
	if (!p)
		return error_invalid(err, "the message does not fit into the call's memory");
	memcpy(p, rd->data + rd->at, (size_t)n);
	rd->at += (size_t)n;
	*ret = p;
	return 0;
}

int message_get_text(struct message_reader *rd, size_t max, const char **ret, struct error *err)
{
	uint64_t n = 0;
	void *p = NULL;
	int r = get_number(rd, 4, &n, err);

	if (r < 0)
		return r;
	if (n > 0) {
		if (n - 1 > max)
			return error_invalid(err, "a string is longer than %zu bytes", max);
		r = get_bytes(rd, n - 1, 1, &p, err);
		if (r == 0 && memchr(p, '\0', (size_t)n - 1))
			r = error_invalid(err, "a string holds NUL");
	}
	if (r == 0)
		*ret = p;
	return r;
}

static int get_fd(struct message_reader *rd, int32_t *ret, struct error *err)
{
	uint64_t i = 0;
	int r = get_number(rd, 4, &i, err);

	if (r < 0 || i == 0)
		return r;
	if (i > rd->fds_n || rd->fds[i - 1] < 0)
		return error_invalid(err, "descriptor %llu is not in the message", (unsigned long long)i);
	*ret = rd->fds[i - 1];
	rd->fds[i - 1] = -1;
	return 0;
}

/* The fewest bytes that a record takes in a message, so that the message's size bounds the memory. */
static size_t least_size(const struct record *rec)
{
	size_t n = 0;

	if (rec->sized)
		return 4;
	for (uint16_t i = 0; i < rec->n; i++) {
		const struct field *f = &rec->fields[i];
		switch (f->type) {
		case FIELD_INT: n += f->size; break;
		case FIELD_PTR: n += 1; break;
		case FIELD_SUB: n += least_size(f->rec); break;
		case FIELD_BLOB: n += 8; break;
		default: n += 4;
		}
	}
	return n;
}

static int get_records(
	struct message_reader *rd, const struct field *f, uint32_t n, void **ret, struct error *err)
{
	char *v = NULL;
	int r = 0;

	if ((f->type == FIELD_LIST && f->max && n > f->max) || n > (rd->n - rd->at) / least_size(f->rec))
		return error_invalid(err, "a list of %u elements", n);
	if (n > 0) {
		v = rd->alloc(rd->arg, (size_t)n * f->rec->size);
		if (!v)
			return error_invalid(err, "the message does not fit into the call's memory");
	}
	for (uint32_t i = 0; i < n && r == 0; i++) {
		record_reset(f->rec, v + (size_t)i * f->rec->size);
		r = message_get(rd, f->rec, v + (size_t)i * f->rec->size, err);
	}
	*ret = v;
	return r;
}

static int get_many(struct message_reader *rd, const struct field *f, void *obj, struct error *err)
{
	uint64_t n = 0;
	void *v = NULL;
	int r = get_number(rd, f->type == FIELD_LIST ? 4 : 1, &n, err);

	if (r == 0 && f->type == FIELD_PTR && n > 1)
		r = error_invalid(err, "a pointer that is neither there nor not");
	if (r == 0)
		r = get_records(rd, f, (uint32_t)n, &v, err);
	if (r < 0)
		return r;
	memcpy(record_at(f, obj), &v, sizeof v);
	if (f->type == FIELD_LIST)
		store((char *)obj + f->count, n, 4);
	return 0;
}

static int get_blob(
	struct message_reader *rd, const struct field *f, struct gty_blob *blob, struct error *err)
{
	uint64_t n = 0;
	void *p = NULL;
	int r = get_number(rd, 8, &n, err);

	if (r == 0 && n > f->max)
		r = error_invalid(err, "%llu bytes in a blob", (unsigned long long)n);
	if (r == 0 && n > 0)
		r = get_bytes(rd, n, 0, &p, err);
	if (r == 0)
		*blob = (struct gty_blob){ p, n };
	return r;
}

static int get_field(struct message_reader *rd, const struct field *f, void *obj, struct error *err)
{
	const char *text = NULL;
	uint64_t v = 0;
	int r;

	switch (f->type) {
	case FIELD_INT:
		r = get_number(rd, f->size, &v, err);
		if (r == 0)
			store(record_at(f, obj), v, f->size);
		return r;
	case FIELD_FD: return get_fd(rd, record_at(f, obj), err);
	case FIELD_STR:
		r = message_get_text(rd, f->max, &text, err);
		if (r == 0)
			memcpy(record_at(f, obj), &text, sizeof text);
		return r;
	case FIELD_LIST:
	case FIELD_PTR: return get_many(rd, f, obj, err);
	case FIELD_SUB: return message_get(rd, f->rec, record_at(f, obj), err);
	default: return get_blob(rd, f, record_at(f, obj), err);
	}
}

int message_get(struct message_reader *rd, const struct record *rec, void *obj, struct error *err)
{
	size_t whole = rd->n;
	uint64_t size = 0;
	int r = 0;

	if (rec->sized) {
		r = get_number(rd, 4, &size, err);
		if (r == 0 && size > rd->n - rd->at)
			r = cut(err);
		if (r < 0)
			return r;
		rd->n = rd->at + (size_t)size;
	}
	for (uint16_t i = 0; i < rec->n && r == 0 && !(rec->sized && rd->at == rd->n); i++) {
		r = get_field(rd, &rec->fields[i], obj, err);
		if (r < 0)
			error_prefix(err, r, "%s.%s", rec->name, rec->fields[i].name);
	}
	if (rec->sized) {
		rd->at = rd->n;
		rd->n = whole;
	}
	return r;
}
