/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/dns_message.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

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
	assert_int_equal(wire_read(query, n, &q), 0);
	assert_string_equal(q.name, ""); /* no container's */
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

static void test_what_a_client_takes(void **state)
{
	static const uint8_t opt[] = { 0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0 };
	uint8_t query[600], out[WIRE_UDP_MAX];
	struct wire_question q;
	struct wire_answer a;
	size_t n = make_query(query, "web", WIRE_A);

	(void)state;
	assert_int_equal(wire_read(query, n, &q), 0);
	assert_false(q.edns);
	assert_int_equal(q.udp_size, WIRE_UDP_MIN);
	memcpy(query + n, opt, sizeof opt);
	query[11] = 1; /* an additional record */
	assert_int_equal(wire_read(query, n + sizeof opt, &q), 0);
	assert_true(q.edns);
	assert_int_equal(q.udp_size, 1232);
	wire_begin(&a, out, sizeof out, query, &q, WIRE_OK);
	wire_end(&a);
	assert_int_equal(a.n, n + sizeof opt); /* who asks with it is answered with it */
	assert_int_equal(out[11], 1);
	assert_int_equal(out[n + 2], 41);
	for (size_t cut = 1; cut < sizeof opt; cut++) { /* a broken record says nothing */
		assert_int_equal(wire_read(query, n + cut, &q), 0);
		assert_int_equal(q.edns, cut == sizeof opt);
	}
}

static void test_an_upstreams_answer_is_cut(void **state)
{
	uint8_t answer[600] = { 0 };
	size_t n = make_query(answer, "web", WIRE_A);

	(void)state;
	answer[2] = 0x81;
	answer[7] = 20; /* answers */
	assert_int_equal(wire_cut(answer, 600, 600), 600);
	assert_false(answer[2] & 2);
	assert_int_equal(wire_cut(answer, 600, 512), n);
	assert_true(answer[2] & 2);
	assert_int_equal(answer[7], 0);
	answer[5] = 0;
	assert_int_equal(wire_cut(answer, 600, 512), WIRE_HEADER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_question),
		cmocka_unit_test(test_what_is_no_question),
		cmocka_unit_test(test_answers_of_upstreams),
		cmocka_unit_test(test_reverse_names),
		cmocka_unit_test(test_what_a_client_takes),
		cmocka_unit_test(test_an_upstreams_answer_is_cut),
	};

	return cmocka_run_group_tests_name("dns_wire", tests, NULL, NULL);
}
