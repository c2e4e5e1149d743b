/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/path.h"
#include "programs/gantry-dns/dns.h"
#include "tests/support/dns_message.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <errno.h>

/* Places of one sandbox, as told. */
static struct place *add(struct names *t, const union dns_message *m)
{
	const struct proto_dns_place *p;
	struct place *list = NULL;
	const char *texts;
	size_t at = 0;

	assert_int_equal(proto_dns_check(m, m->sandbox.head.size, 0), 0);
	while ((p = proto_dns_next(&m->sandbox, &at, &texts)))
		assert_int_equal(names_add(t, p, texts, &list), 0);
	return list;
}

static struct place *add_one(struct names *t, const char *network, const char *address, const char *texts,
	unsigned n_names, unsigned n_links)
{
	union dns_message m;

	message_begin(&m, "x", 0);
	message_place(&m, network, inet_addr(address), texts, n_names, n_links);
	return add(t, &m);
}

static uint32_t find(const struct names *t, const struct place *at, const char *name)
{
	uint32_t v[4] = { 0 };
	size_t n = names_find(t, at, name, v, 4);

	assert_in_range(n, 0, 1);
	return n ? v[0] : 0;
}

static void test_names_of_a_network(void **state)
{
	struct names *t = names_new();
	struct place *web = add_one(t, "1", "10.0.0.1", "blue Web WWW abcd", 3, 0);
	struct place *app = add_one(t, "1", "10.0.0.2", "blue app", 1, 0);
	struct place *far = add_one(t, "2", "10.1.0.1", "green web", 1, 0);
	char name[600];

	(void)state;
	assert_int_equal(find(t, app, "web"), inet_addr("10.0.0.1"));
	assert_int_equal(find(t, app, "www"), inet_addr("10.0.0.1"));
	assert_int_equal(find(t, app, "web.blue"), inet_addr("10.0.0.1"));
	assert_int_equal(find(t, app, "web.green"), 0);
	assert_int_equal(find(t, app, "web.blue.blue"), 0);
	assert_int_equal(find(t, app, ""), 0);
	assert_int_equal(find(t, app, "."), 0);
	assert_int_equal(find(t, far, "app"), 0);
	assert_int_equal(find(t, far, "web"), inet_addr("10.1.0.1"));
	assert_true(names_reverse(t, app, inet_addr("10.0.0.1"), name, sizeof name));
	assert_string_equal(name, "Web.blue");
	assert_false(names_reverse(t, far, inet_addr("10.0.0.1"), name, sizeof name));
	/* an address is no name of four letters */
	assert_false(names_reverse(t, app, htonl(0x61626364), name, sizeof name));
	names_drop(t, &web);
	assert_null(web);
	assert_int_equal(find(t, app, "web"), 0);
	assert_false(names_reverse(t, app, inet_addr("10.0.0.1"), name, sizeof name));
	names_drop(t, &app);
	names_drop(t, &far);
	names_free(t);
}

static void test_networks_with_dots_in_their_names(void **state)
{
	struct names *t = names_new();
	struct place *web = add_one(t, "1", "10.0.0.1", "my.net a.b", 1, 0);

	(void)state;
	assert_int_equal(find(t, web, "a.b"), inet_addr("10.0.0.1"));
	assert_int_equal(find(t, web, "a.b.my.net"), inet_addr("10.0.0.1"));
	assert_int_equal(find(t, web, "a.b.net"), 0);
	names_drop(t, &web);
	names_free(t);
}

static void test_a_name_of_several(void **state)
{
	struct names *t = names_new();
	struct place *one = add_one(t, "1", "10.0.0.1", "blue one all", 2, 0);
	struct place *two = add_one(t, "1", "10.0.0.2", "blue two all", 2, 0);
	uint32_t v[4];

	(void)state;
	assert_int_equal(names_find(t, one, "all", v, 4), 2);
	assert_int_equal(names_find(t, one, "all", v, 1), 2);
	names_drop(t, &two);
	assert_int_equal(names_find(t, one, "all", v, 4), 1);
	assert_int_equal(v[0], inet_addr("10.0.0.1"));
	names_drop(t, &one);
	names_free(t);
}

static void test_links_are_the_sandboxes_own(void **state)
{
	struct names *t = names_new();
	struct place *db = add_one(t, "1", "10.0.0.1", "blue db", 1, 0);
	struct place *other = add_one(t, "1", "10.0.0.2", "blue other store", 2, 0);
	struct place *app = add_one(t, "1", "10.0.0.3", "blue app Store DB", 1, 1);

	(void)state;
	assert_int_equal(find(t, app, "store"), inet_addr("10.0.0.1"));
	assert_int_equal(find(t, app, "store.blue"), inet_addr("10.0.0.1"));
	assert_int_equal(find(t, other, "store"), inet_addr("10.0.0.2"));
	names_drop(t, &db);
	assert_int_equal(find(t, app, "store"), 0); /* not another's of this name */
	names_drop(t, &other);
	names_drop(t, &app);
	names_free(t);
}

static void test_the_first_network_that_knows_it(void **state)
{
	struct names *t = names_new();
	struct place *here = add_one(t, "1", "10.0.0.1", "blue web", 1, 0);
	struct place *there = add_one(t, "2", "10.1.0.1", "green web", 1, 0);
	union dns_message m;

	(void)state;
	message_begin(&m, "x", 0);
	message_place(&m, "2", inet_addr("10.1.0.9"), "green app", 1, 0);
	message_place(&m, "1", inet_addr("10.0.0.9"), "blue app", 1, 0);
	struct place *app = add(t, &m);
	assert_int_equal(find(t, app, "web"), inet_addr("10.1.0.1"));
	assert_int_equal(find(t, app, "web.blue"), inet_addr("10.0.0.1"));
	names_drop(t, &app);
	names_drop(t, &here);
	names_drop(t, &there);
	names_free(t);
}

static void test_many(void **state)
{
	enum { N = 2000 };
	static struct place *v[N];
	struct names *t = names_new();
	char text[64];

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		struct in_addr a = { htonl(0x0a000000 + i) };
		path_format(text, sizeof text, "blue c%u", i);
		v[i] = add_one(t, "1", inet_ntoa(a), text, 1, 0);
	}
	for (unsigned i = 0; i < N; i += 2)
		names_drop(t, &v[i]);
	for (unsigned i = 0; i < N; i++) {
		path_format(text, sizeof text, "c%u", i);
		assert_int_equal(find(t, v[1], text), i % 2 ? htonl(0x0a000000 + i) : 0);
	}
	for (unsigned i = 1; i < N; i += 2)
		names_drop(t, &v[i]);
	names_free(t);
}

/* ---- messages ------------------------------------------------------------------------------- */
static void test_messages_that_do_not_fit(void **state)
{
	union dns_message m;

	(void)state;
	message_begin(&m, "x", 0);
	struct proto_dns_place *p = message_place(&m, "1", 1, "blue web www", 2, 0);
	uint32_t n = m.sandbox.head.size;
	assert_int_equal(proto_dns_check(&m, n, 0), 0);
	assert_int_equal(proto_dns_check(&m, n, PROTO_DNS_SANDBOX_FDS), 0);
	assert_int_equal(proto_dns_check(&m, n, 1), -EBADMSG);
	for (uint32_t cut = sizeof m.sandbox; cut < n; cut++)
		assert_int_equal(proto_dns_check(&m, cut, 0), -EBADMSG);
	p->n_names = 3; /* more than there are but for the zeros behind: an empty one */
	assert_int_equal(proto_dns_check(&m, n, 0), 0);
	p->n_names = 200;
	assert_int_equal(proto_dns_check(&m, n, 0), -EBADMSG);
	p->n_names = 2;
	p->size = 1 << 20;
	assert_int_equal(proto_dns_check(&m, n, 0), -EBADMSG);
	p->size = 16;
	memset(p->network, 'x', sizeof p->network);
	assert_int_equal(proto_dns_check(&m, n, 0), -EBADMSG);
	p->network[0] = '\0';
	m.sandbox.n_servers = PROTO_DNS_SERVERS_MAX + 1;
	assert_int_equal(proto_dns_check(&m, n, 0), -EBADMSG);
	m.sandbox.n_servers = 0;
	m.sandbox.n_places = 2;
	assert_int_equal(proto_dns_check(&m, n, 0), -EBADMSG);
	m.sandbox.head.type = 99;
	assert_int_equal(proto_dns_check(&m, n, 0), -ENOSYS);
	m.sandbox.head.type = PROTO_DNS_DROP;
	assert_int_equal(proto_dns_check(&m, n, 0), -EBADMSG);
}

/* ---- answers -------------------------------------------------------------------------------- */
static int ask(const struct dns *d, const struct sandbox *s, const char *name, uint16_t type, bool tcp,
	uint8_t *out, size_t max)
{
	uint8_t query[600];

	return answer_local(d, s, query, make_query(query, name, type), tcp, out, max);
}

static void test_answers(void **state)
{
	struct names *t = names_new();
	struct place *all[100];
	struct sandbox s = { .places = NULL };
	struct dns d = { .names = t };
	uint8_t out[WIRE_UDP_MAX];

	(void)state;
	for (unsigned i = 0; i < COUNT(all); i++) {
		struct in_addr a = { htonl(0x0a000001 + i) };
		all[i] = add_one(t, "1", inet_ntoa(a), i ? "blue x all" : "blue web all", 2, 0);
	}
	s.places = all[0];
	int n = ask(&d, &s, "all", WIRE_A, false, out, sizeof out);
	assert_in_range(n, WIRE_HEADER, WIRE_UDP_MIN);
	assert_true(out[2] & 2); /* TC: the client comes again by TCP */
	n = ask(&d, &s, "all.blue", WIRE_A, true, out, sizeof out);
	assert_int_equal(out[7], COUNT(all));
	assert_false(out[2] & 2);
	assert_in_range(ask(&d, &s, "web", WIRE_AAAA, false, out, sizeof out), WIRE_HEADER, 100);
	assert_int_equal(out[3] & 15, WIRE_OK); /* known, but nothing of this type */
	assert_int_equal(out[7], 0);
	assert_in_range(ask(&d, &s, "1.0.0.10.in-addr.arpa", WIRE_PTR, false, out, sizeof out), 1, 512);
	assert_int_equal(out[7], 1);
	assert_int_equal(ask(&d, &s, "9.9.9.9.in-addr.arpa", WIRE_PTR, false, out, sizeof out), 0);
	assert_int_equal(ask(&d, &s, "none", WIRE_A, false, out, sizeof out), 0);
	s.flags = PROTO_DNS_NDOTS; /* the client tries its domains */
	assert_in_range(ask(&d, &s, "none", WIRE_A, false, out, sizeof out), WIRE_HEADER, 100);
	assert_int_equal(ask(&d, &s, "none.test", WIRE_A, false, out, sizeof out), 0);
	for (unsigned i = 0; i < COUNT(all); i++)
		names_drop(t, &all[i]);
	names_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_of_a_network),
		cmocka_unit_test(test_networks_with_dots_in_their_names),
		cmocka_unit_test(test_a_name_of_several),
		cmocka_unit_test(test_links_are_the_sandboxes_own),
		cmocka_unit_test(test_the_first_network_that_knows_it),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_messages_that_do_not_fit),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests_name("dns_names", tests, NULL, NULL);
}
