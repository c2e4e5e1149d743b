/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/str.h"
#include "programs/gantry-dns/dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static size_t make_query(uint8_t *out, const char *name, uint16_t type)
{
	static const uint8_t head[WIRE_HEADER] = { 0x12, 0x34, 1, 0, 0, 1 };
	size_t n = WIRE_HEADER;

	memcpy(out, head, sizeof head);
	for (const char *p = name; *p; p += *p == '.') {
		size_t len = strcspn(p, ".");
		out[n++] = (uint8_t)len;
		memcpy(out + n, p, len);
		n += len;
		p += len;
	}
	out[n++] = 0;
	out[n++] = (uint8_t)(type >> 8);
	out[n++] = (uint8_t)type;
	out[n++] = 0;
	out[n++] = 1;
	return n;
}

static void test_question(void **state)
{
	uint8_t query[600];
	struct wire_question q;
	size_t n = make_query(query, "Web.Example", WIRE_AAAA);

	(void)state;
	assert_int_equal(wire_read(query, n, &q), 0);
	assert_string_equal(q.name, "web.example");
	assert_int_equal(q.id, 0x1234);
	assert_int_equal(q.type, WIRE_AAAA);
	assert_int_equal(q.end, n);
	for (size_t cut = WIRE_HEADER; cut < n; cut++)
		assert_int_equal(wire_read(query, cut, &q), WIRE_FORMAT);
	assert_int_equal(wire_read(query, WIRE_HEADER - 1, &q), -EBADMSG);
}

static void test_what_is_no_question(void **state)
{
	uint8_t query[600];
	struct wire_question q;
	size_t n = make_query(query, "a.b", WIRE_A);

	(void)state;
	query[WIRE_HEADER + 1] = '.'; /* a dot in a label */
	assert_int_equal(wire_read(query, n, &q), WIRE_FORMAT);
	n = make_query(query, "ab", WIRE_A);
	query[WIRE_HEADER] = 0xc0; /* a pointer */
	assert_int_equal(wire_read(query, n, &q), WIRE_FORMAT);
	n = make_query(query, "ab", WIRE_A);
	query[5] = 2; /* two questions */
	assert_int_equal(wire_read(query, n, &q), WIRE_FORMAT);
	query[5] = 1;
	query[2] = 0x28; /* an update */
	assert_int_equal(wire_read(query, n, &q), WIRE_NOT_IMPLEMENTED);
	query[2] = 0x81; /* an answer */
	assert_int_equal(wire_read(query, n, &q), -EBADMSG);
	char name[300] = "";
	for (int i = 0; i < 64; i++)
		memcpy(name + 4 * i, "abc.", i < 63 ? 4 : 3); /* 255 and more */
	n = make_query(query, name, WIRE_A);
	assert_int_equal(wire_read(query, n, &q), WIRE_FORMAT);
}

static void test_answers_of_upstreams(void **state)
{
	uint8_t query[600], answer[600];
	unsigned code;
	size_t n = make_query(query, "web", WIRE_A);

	(void)state;
	memcpy(answer, query, n);
	answer[2] = 0x81;
	answer[3] = 0x83;
	assert_true(wire_is_answer(answer, n, query, n, &code));
	assert_int_equal(code, WIRE_NONE);
	answer[0] ^= 1; /* another id */
	assert_false(wire_is_answer(answer, n, query, n, &code));
	answer[0] ^= 1;
	answer[13] ^= 1; /* another name */
	assert_false(wire_is_answer(answer, n, query, n, &code));
	answer[13] ^= 1;
	answer[2] = 1; /* a query */
	assert_false(wire_is_answer(answer, n, query, n, &code));
	answer[2] = 0x81;
	assert_false(wire_is_answer(answer, WIRE_HEADER, query, n, &code)); /* a question that is not there */
}

static void test_reverse_names(void **state)
{
	uint32_t address;

	(void)state;
	assert_true(wire_reverse("1.2.3.10.in-addr.arpa", &address));
	assert_int_equal(ntohl(address), 0x0a030201);
	assert_false(wire_reverse("1.2.3.256.in-addr.arpa", &address));
	assert_false(wire_reverse("1.2.3.in-addr.arpa", &address));
	assert_false(wire_reverse("1.2.3.4.in-addr.arpa.x", &address));
}

static const char table[] =
	"web 10.0.0.1\nWWW 10.0.0.1\nmany 10.0.0.2\nmany 10.0.0.3\nbroken\n x\nbad 1.2.3\n";

static void test_names(void **state)
{
	struct names *t = names_read(table, sizeof table - 1);
	uint32_t v[4];

	(void)state;
	assert_non_null(t);
	assert_int_equal(names_find(t, "web", v, 4), 1);
	assert_int_equal(v[0], inet_addr("10.0.0.1"));
	assert_int_equal(names_find(t, "www", v, 4), 1);
	assert_int_equal(names_find(t, "many", v, 1), 2);
	assert_int_equal(names_find(t, "broken", v, 4), 0);
	assert_int_equal(names_find(t, "bad", v, 4), 0);
	assert_string_equal(names_reverse(t, inet_addr("10.0.0.1")), "web"); /* the first one told */
	assert_null(names_reverse(t, inet_addr("10.0.0.9")));
	names_free(t);
}

static void test_an_answer_that_does_not_fit_is_cut(void **state)
{
	static struct network network = { .id = "n", .name = "blue" };
	struct sandbox s = { .what = { .n_networks = 1, .networks = { "n" } } };
	struct dns d = { .networks = &network };
	auto_str struct str text = STR_INIT(4000);
	uint8_t query[600], out[WIRE_UDP_MAX];

	(void)state;
	for (int i = 0; i < 100; i++) {
		str_addf(&text, "all 10.0.0.%d\n", i);
	}
	network.names = names_read(text.data, text.len);
	int n = answer_local(&d, &s, query, make_query(query, "all", WIRE_A), out, sizeof out);
	assert_in_range(n, WIRE_HEADER, sizeof out);
	assert_true(out[2] & 2); /* TC: the client comes again by TCP */
	uint8_t whole[4000];
	n = answer_local(&d, &s, query, make_query(query, "all.blue", WIRE_A), whole, sizeof whole);
	assert_int_equal(whole[7], 100);
	assert_false(whole[2] & 2);
	assert_int_equal(answer_local(&d, &s, query, make_query(query, "none", WIRE_A), out, sizeof out), 0);
	names_free(network.names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_question),
		cmocka_unit_test(test_what_is_no_question),
		cmocka_unit_test(test_answers_of_upstreams),
		cmocka_unit_test(test_reverse_names),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_an_answer_that_does_not_fit_is_cut),
	};

	return cmocka_run_group_tests_name("dns_wire", tests, NULL, NULL);
}
