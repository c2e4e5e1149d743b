/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptions of requests and replies: complete, copied faithfully, the same on both sides of a message.
 */
#include "core/auth/entries.h"
#include "core/network/entries.h"
#include "core/plugin/message.h"
#include "core/plugin/options.h"
#include "core/storage/entries.h"
#include "core/volume/entries.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs those above */
#include <cmocka.h>

static const struct kind *const kinds[] = { &storage_kind, &network_kind, &volume_kind, &auth_kind };

/* Bytes that no field claims are reserved words or padding: never more than 24 in a row, and what they hold
 * is not sent.  A pointer or an id that was forgotten would show as an unclaimed eight bytes in the middle.
 */
static void check_coverage(const struct record *rec)
{
	unsigned char seen[512] = { 0 };

	assert_true(rec->size <= sizeof seen);
	if (rec->sized)
		memset(seen, 1, 4);
	for (uint16_t i = 0; i < rec->n; i++) {
		const struct field *f = &rec->fields[i];
		for (unsigned b = 0; b < f->size; b++) {
			if (seen[f->offset + b])
				fail_msg("%s.%s is described twice", rec->name, f->name);
			seen[f->offset + b] = 1;
		}
		if (f->type == FIELD_LIST)
			memset(seen + f->count, 1, 4);
		if (f->type == FIELD_STR || f->type == FIELD_LIST || f->type == FIELD_PTR)
			assert_int_equal(f->size, sizeof(void *));
		if (f->rec)
			check_coverage(f->rec);
	}
	for (unsigned b = 0, gap = 0; b < rec->size; b++) {
		gap = seen[b] ? 0 : gap + 1;
		if (gap > 24)
			fail_msg("%s: nothing describes byte %u", rec->name, b);
	}
}

static void test_records_cover_their_structs(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 4; k++)
		for (unsigned e = 0; e < kinds[k]->entries_n; e++) {
			if (kinds[k]->entries[e].req)
				check_coverage(kinds[k]->entries[e].req);
			if (kinds[k]->entries[e].rep)
				check_coverage(kinds[k]->entries[e].rep);
		}
}

/* Every entry of an ops table is described, by its own slot. */
static void test_kinds_cover_their_tables(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		unsigned slots = 0;
		for (unsigned e = 0; e < kinds[k]->entries_n; e++)
			slots += kinds[k]->entries[e].class != ENTRY_MADE;
		assert_int_equal(8 + slots * sizeof(void *), kinds[k]->ops_size);
		assert_string_equal(kinds[k]->entries[ENTRY_PROBE].name, "probe");
		assert_string_equal(kinds[k]->entries[ENTRY_CLOSE].name, "close");
	}
}

/* ---- filled with numbered values, sent, compared ---------------------------------------- */

static unsigned counter;

static void fill(const struct record *rec, void *obj, int depth);

static void fill_list(const struct field *f, void *obj, uint32_t n, int depth)
{
	char *v = n ? calloc(n, f->rec->size) : NULL;

	for (uint32_t i = 0; i < n; i++)
		fill(f->rec, v + (size_t)i * f->rec->size, depth + 1);
	memcpy(record_at(f, obj), &v, sizeof v);
	if (f->type == FIELD_LIST)
		memcpy((char *)obj + f->count, &n, 4);
}

static void fill(const struct record *rec, void *obj, int depth)
{
	char text[32];

	record_reset(rec, obj);
	for (uint16_t i = 0; i < rec->n; i++) {
		const struct field *f = &rec->fields[i];
		uint64_t v = ++counter * UINT64_C(0x0101010101010101);
		char *s;
		switch (f->type) {
		case FIELD_INT: memcpy(record_at(f, obj), &v, f->size); break;
		case FIELD_STR:
			snprintf(text, sizeof text, "text %u", counter);
			s = !(f->flags & FIELD_NEEDED) && counter % 3 == 0 ? NULL : strdup(text);
			memcpy(record_at(f, obj), &s, sizeof s);
			break;
		case FIELD_LIST: fill_list(f, obj, (uint32_t)(2 + depth) % 4, depth); break;
		case FIELD_PTR: fill_list(f, obj, 1, depth); break;
		case FIELD_SUB: fill(f->rec, record_at(f, obj), depth + 1); break;
		case FIELD_BLOB:
			*(struct gty_blob *)record_at(f, obj) = (struct gty_blob){ strdup("blob\1\2"), 6 };
			break;
		default: break;
		}
	}
}

static void drop(const struct record *rec, void *obj)
{
	for (uint16_t i = 0; i < rec->n; i++) {
		const struct field *f = &rec->fields[i];
		char *p = f->type == FIELD_STR || f->type == FIELD_LIST || f->type == FIELD_PTR ||
					  f->type == FIELD_BLOB
				  ? record_pointer(f, obj)
				  : NULL;
		uint32_t n = f->type == FIELD_PTR    ? p != NULL
			     : f->type == FIELD_LIST ? record_count(f, obj)
						     : 0;
		for (uint32_t k = 0; k < n; k++)
			drop(f->rec, p + (size_t)k * f->rec->size);
		if (f->type == FIELD_SUB)
			drop(f->rec, record_at(f, obj));
		free(p);
	}
}

/* What can be said about an object by its message alone. */
static void bytes_of(const struct record *rec, const void *obj, struct message *m)
{
	*m = MESSAGE_INIT;
	assert_int_equal(message_put(m, rec, obj), 0);
}

static void *heap[4096];
static unsigned heap_n;
static void *heap_alloc(void *arg, size_t size)
{
	(void)arg;
	return heap_n < 4096 ? (heap[heap_n++] = calloc(1, size)) : NULL;
}
static void heap_free(void)
{
	while (heap_n)
		free(heap[--heap_n]);
}

static void check_round_trip(const struct record *rec)
{
	_Alignas(16) char a[512], b[512], c[512];
	struct message ma, mb, mc;
	struct error err = ERROR_INIT;
	size_t size = 0;

	fill(rec, a, 0);
	assert_int_equal(record_measure(rec, a, &size, &err), 0);
	char *pool = calloc(1, size + 1), *at = pool;
	memset(b, 0, sizeof b);
	record_copy(rec, b, a, &at);
	assert_int_equal((size_t)(at - pool), size);
	bytes_of(rec, a, &ma);
	bytes_of(rec, b, &mb);
	assert_int_equal(ma.bytes.len, mb.bytes.len);
	assert_memory_equal(ma.bytes.data, mb.bytes.data, ma.bytes.len);
	drop(rec, a); /* the copy needs nothing of it */

	struct message_reader rd = {
		.data = (unsigned char *)mb.bytes.data, .n = mb.bytes.len, .alloc = heap_alloc
	};
	record_reset(rec, c);
	if (message_get(&rd, rec, c, &err) < 0)
		fail_msg("%s: %s", rec->name, err.text);
	assert_int_equal(rd.at, rd.n);
	bytes_of(rec, c, &mc);
	assert_int_equal(mc.bytes.len, mb.bytes.len);
	assert_memory_equal(mc.bytes.data, mb.bytes.data, mb.bytes.len);
	/* every cut of it is refused or, at the end of a sized struct, leaves zeroes; never read beyond */
	for (size_t n = 0; n < mb.bytes.len; n += 1 + mb.bytes.len / 97) {
		char *cut = malloc(n + 1);
		memcpy(cut, mb.bytes.data, n);
		struct message_reader part = { .data = (unsigned char *)cut, .n = n, .alloc = heap_alloc };
		record_reset(rec, c);
		if (rec->sized)
			assert_true(message_get(&part, rec, c, &err) < 0);
		free(cut);
	}
	heap_free();
	message_done(&ma);
	message_done(&mb);
	message_done(&mc);
	free(pool);
}

static void test_messages_of_every_entry(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 4; k++)
		for (unsigned e = 0; e < kinds[k]->entries_n; e++) {
			if (kinds[k]->entries[e].req)
				check_round_trip(kinds[k]->entries[e].req);
			if (kinds[k]->entries[e].rep)
				check_round_trip(kinds[k]->entries[e].rep);
		}
}

/* A newer side sends more, an older one less. */
static void test_message_of_another_length(void **state)
{
	const struct gty_ref ref = { .struct_size = sizeof ref, .id = "abc", .fd = -1 };
	struct gty_ref got;
	struct message m = MESSAGE_INIT;
	uint32_t size;

	(void)state;
	assert_int_equal(message_put(&m, &record_ref, &ref), 0);
	assert_int_equal(str_add(&m.bytes, "more"), 0);
	size = (uint32_t)m.bytes.len - 4;
	memcpy(m.bytes.data, &size, 4);
	struct message_reader rd = {
		.data = (unsigned char *)m.bytes.data, .n = m.bytes.len, .alloc = heap_alloc
	};
	record_reset(&record_ref, &got);
	assert_int_equal(message_get(&rd, &record_ref, &got, NULL), 0);
	assert_string_equal(got.id, "abc");
	assert_int_equal(rd.at, rd.n);
	size = 12; /* flags and the string: nothing behind */
	memcpy(m.bytes.data, &size, 4);
	rd = (struct message_reader){ .data = (unsigned char *)m.bytes.data, .n = 16, .alloc = heap_alloc };
	record_reset(&record_ref, &got);
	if (message_get(&rd, &record_ref, &got, NULL) == 0)
		assert_null(got.state);
	heap_free();
	message_done(&m);
}

static void test_measure_refuses(void **state)
{
	static char big[RECORD_TEXT_MAX + 2];
	struct error err = ERROR_INIT;
	size_t size = 0;
	struct gty_kv kv = { "key", big };
	struct gty_kvs kvs = { .struct_size = sizeof kvs, .n = 1, .v = &kv };

	(void)state;
	memset(big, 'x', sizeof big - 1);
	assert_true(record_measure(&record_kvs, &kvs, &size, &err) < 0);
	assert_string_equal(err.text, "v[0]: value is longer than 65535 bytes");
	kv.value = NULL;
	kv.key = NULL;
	assert_true(record_measure(&record_kvs, &kvs, &size, &err) < 0);
	assert_string_equal(err.text, "v[0]: key is missing");
	kvs.v = NULL;
	assert_true(record_measure(&record_kvs, &kvs, &size, &err) < 0);
	kvs.n = RECORD_LIST_MAX + 1;
	assert_true(record_measure(&record_kvs, &kvs, &size, &err) < 0);
	assert_string_equal(err.text, "v has 4097 elements, 4096 are allowed");
}

static void test_options_types(void **state)
{
	static const struct {
		const char *type, *value;
		bool good;
	} cases[] = {
		{ "string", "", true },
		{ "bool", "true", true },
		{ "bool", "maybe", false },
		{ "int", "-12", true },
		{ "int", "12x", false },
		{ "size", "10m", true },
		{ "size", "-1", false },
		{ "path", "/a", true },
		{ "path", "a", false },
		{ "cidr", "10.0.0.0/8", true },
		{ "cidr", "10.0.0.0", false },
		{ "cidr", "fd00::/64", true },
		{ "cidr", "1.2.3.4/33", false },
		{ "enum:a|bc", "bc", true },
		{ "enum:a|bc", "b", false },
		{ "rate", "10mbit", true },
		{ "rate", "mbit", false },
		{ "rate", "10miles", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (options_is(cases[i].type, cases[i].value) != cases[i].good)
			fail_msg("%s %s", cases[i].type, cases[i].value);
}

static void test_options_check_completes(void **state)
{
	static const struct gty_option declared[] = {
		{ "size", "size", "1g", "", GTY_OPT_OBJECT, 0, 0 },
		{ "mode", "enum:a|b", NULL, "", GTY_OPT_DRIVER, 0, 0 },
		{ 0 },
	};
	const struct gty_driver d = { .name = "fake", .options = declared };
	const struct gty_kv mode = { "mode", "b" }, timeout = { "timeout", "7" };
	struct option_set set = { 0 };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(options_check(&d, GTY_OPT_OBJECT, NULL, 0, &set, &err), 0);
	assert_int_equal(set.n, 1);
	assert_string_equal(set.v[0].value, "1g");
	option_set_done(&set);
	assert_true(options_check(&d, GTY_OPT_OBJECT, &mode, 1, &set, &err) < 0);
	assert_string_equal(err.text, "driver 'fake' has no option 'mode' here; it has: size");
	assert_int_equal(options_check(&d, GTY_OPT_DRIVER, &timeout, 1, &set, &err), 0);
	assert_int_equal(set.n, 0);
	assert_int_equal(set.timeout_ns, 7000000000);
	option_set_done(&set);
}

/* ---- order -------------------------------------------------------------------------------- */

static struct order_user *readied[8];
static unsigned readied_n;
static void ready(struct order_user *u, void *arg)
{
	(void)arg;
	readied[readied_n++] = u;
}

static void test_order_shared_and_alone(void **state)
{
	struct order o;
	struct order_user child1, child2, parent, other;
	struct order_wants w;

	(void)state;
	order_init(&o);
	w = (struct order_wants){ 0 };
	order_add(&w, 'l', "child1", true);
	order_add(&w, 'l', "parent", false);
	assert_int_equal(order_enter(&o, &child1, &w), 1);
	w = (struct order_wants){ 0 };
	order_add(&w, 'l', "child2", true);
	order_add(&w, 'l', "parent", false);
	assert_int_equal(order_enter(&o, &child2, &w), 1); /* both share the parent */
	w = (struct order_wants){ 0 };
	order_add(&w, 'l', "parent", true);
	assert_int_equal(order_enter(&o, &parent, &w), 0);
	w = (struct order_wants){ 0 };
	order_add(&w, 'l', "parent", false);
	assert_int_equal(order_enter(&o, &other, &w), 0); /* not past the one that waits alone */
	order_leave(&o, &child1, ready, NULL);
	assert_int_equal(readied_n, 0);
	order_leave(&o, &child2, ready, NULL);
	assert_int_equal(readied_n, 1);
	assert_ptr_equal(readied[0], &parent);
	order_leave(&o, &parent, ready, NULL);
	assert_int_equal(readied_n, 2);
	assert_ptr_equal(readied[1], &other);
	order_leave(&o, &other, ready, NULL);
	for (unsigned i = 0; i < ORDER_BUCKETS; i++)
		assert_null(o.buckets[i]);
	order_done(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_cover_their_structs),
		cmocka_unit_test(test_kinds_cover_their_tables),
		cmocka_unit_test(test_messages_of_every_entry),
		cmocka_unit_test(test_message_of_another_length),
		cmocka_unit_test(test_measure_refuses),
		cmocka_unit_test(test_options_types),
		cmocka_unit_test(test_options_check_completes),
		cmocka_unit_test(test_order_shared_and_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
