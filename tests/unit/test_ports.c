/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/test.h"

#include "engine/net/ports.h"
#include "lib/json/json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint8_t proto;
		uint16_t low, high;
	} cases[] = {
		{ "80", 0, IPPROTO_TCP, 80, 80 },
		{ "80/tcp", 0, IPPROTO_TCP, 80, 80 },
		{ "53/udp", 0, IPPROTO_UDP, 53, 53 },
		{ "53/UDP", 0, IPPROTO_UDP, 53, 53 },
		{ "9/sctp", 0, IPPROTO_SCTP, 9, 9 },
		{ "8000-8010/udp", 0, IPPROTO_UDP, 8000, 8010 },
		{ "65535", 0, IPPROTO_TCP, 65535, 65535 },
		{ "", -EINVAL, 0, 0, 0 },
		{ "0", -EINVAL, 0, 0, 0 },
		{ "65536", -EINVAL, 0, 0, 0 },
		{ "-1", -EINVAL, 0, 0, 0 },
		{ "80-", -EINVAL, 0, 0, 0 },
		{ "80-79", -EINVAL, 0, 0, 0 },
		{ "80/", -EINVAL, 0, 0, 0 },
		{ "80/icmp", -EINVAL, 0, 0, 0 },
		{ "80/tcp/udp", -EINVAL, 0, 0, 0 },
		{ "1-2-3", -EINVAL, 0, 0, 0 },
		{ "000000000000000000000080", -EINVAL, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t proto = 0;
		uint16_t low = 0, high = 0;
		assert_int_equal(ports_parse(cases[i].text, &proto, &low, &high), cases[i].r);
		if (cases[i].r == 0) {
			assert_int_equal(proto, cases[i].proto);
			assert_int_equal(low, cases[i].low);
			assert_int_equal(high, cases[i].high);
		}
	}
}

static struct json *parse(const char *text)
{
	struct json *j = NULL;

	assert_int_equal(json_parse(text, strlen(text), 0, &j, NULL), 0);
	return j;
}

static int read_text(
	const char *bindings, const char *exposed, bool all, struct port_asks *ret, struct error *err)
{
	struct json *b = parse(bindings), *e = parse(exposed);
	int r = ports_read(b, e, all, NULL, ret, err);

	json_free(b);
	json_free(e);
	return r;
}

static void test_read_bindings(void **state)
{
	struct port_asks a = { 0 };
	struct error err;

	(void)state;
	assert_int_equal(read_text("{\"80/"
				   "tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"8080\"},{\"HostPort\":"
				   "\"9000-9010\"}],"
				   "\"53/udp\":null,\"90\":[]}",
				 "{\"80/tcp\":{},\"100-102\":{}}", false, &a, &err),
		0);
	assert_int_equal(a.n, 4);
	assert_int_equal(a.v[0].low, 8080);
	assert_int_equal(a.v[0].host_ip, 0x7f000001);
	assert_true(a.v[0].has_ip);
	assert_int_equal(a.v[1].low, 9000);
	assert_int_equal(a.v[1].high, 9010);
	assert_int_equal(a.v[2].proto, IPPROTO_UDP);
	assert_int_equal(a.v[2].low, 0);
	assert_int_equal(a.v[3].container, 90);
	assert_int_equal(a.exposed_n, 6);
	ports_done(&a);
}

static void test_read_publish_all(void **state)
{
	struct port_asks a = { 0 };
	struct error err;

	(void)state;
	assert_int_equal(read_text("{\"80/tcp\":[{\"HostPort\":\"8080\"}]}", "{\"80/tcp\":{},\"81/tcp\":{}}",
				 true, &a, &err),
		0);
	assert_int_equal(a.n, 2);
	assert_int_equal(a.v[1].container, 81);
	assert_int_equal(a.v[1].low, 0);
	ports_done(&a);
}

static void test_read_refuses(void **state)
{
	static const char *const bad[] = { "[]", "{\"x\":[]}", "{\"80/tcp\":{}}", "{\"80/tcp\":[1]}",
		"{\"80/tcp\":[{\"HostPort\":\"x\"}]}", "{\"80/tcp\":[{\"HostPort\":\"70000\"}]}",
		"{\"80/tcp\":[{\"HostPort\":80}]}", "{\"80/tcp\":[{\"HostIp\":\"300.1.1.1\"}]}",
		"{\"80-90/tcp\":[]}", "{\"80/tcp\":[{\"HostPort\":\"0-10\"}]}" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct port_asks a = { 0 };
		struct error err = ERROR_INIT;
		assert_true(read_text(bad[i], "{}", false, &a, &err) < 0);
		assert_int_equal(err.kind, ERROR_INVALID);
		assert_null(a.v);
	}
}

static void test_read_ipv6_is_a_warning(void **state)
{
	struct port_asks a = { 0 };
	struct error err;
	struct json *warnings = json_new_array(),
		    *b = parse("{\"80/tcp\":[{\"HostIp\":\"::\",\"HostPort\":\"8080\"}]}");

	(void)state;
	assert_int_equal(ports_read(b, NULL, false, warnings, &a, &err), 0);
	assert_int_equal(a.n, 0);
	assert_int_equal(json_count(warnings), 1);
	ports_done(&a);
	json_free(b);
	json_free(warnings);
}

static int try_bind(int type, uint16_t port, bool reuse)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

	if (reuse)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	int r = bind(fd, (struct sockaddr *)&a, sizeof a) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static void test_bind_keeps_others_away(void **state)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };

	(void)state;
	for (size_t i = 0; i < COUNT(protos); i++) {
		struct port_ask ask = { .proto = protos[i], .container = 80 };
		struct port_held held, second;
		uint16_t next = 0;
		int type = protos[i] == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
		assert_int_equal(ports_bind(&ask, 0, &next, &held), 0);
		assert_int_not_equal(held.host, 0);
		assert_int_equal(held.container, 80);
		assert_int_equal(try_bind(type, held.host, false), -EADDRINUSE);
		assert_int_equal(try_bind(type, held.host, true), -EADDRINUSE);
		ask.low = ask.high = held.host;
		assert_int_equal(ports_bind(&ask, INADDR_LOOPBACK, &next, &second), -EADDRINUSE);
		close(held.fd);
		assert_int_equal(ports_bind(&ask, INADDR_LOOPBACK, &next, &second), 0);
		close(second.fd);
	}
}

static void test_bind_takes_the_first_free_of_a_range(void **state)
{
	struct port_ask any = { .proto = IPPROTO_TCP, .container = 80 };
	struct port_held first, other;
	uint16_t next = 0;

	(void)state;
	assert_int_equal(ports_bind(&any, 0, &next, &first), 0);
	any.low = first.host;
	any.high = (uint16_t)(first.host + 20);
	assert_int_equal(ports_bind(&any, 0, &next, &other), 0);
	assert_true(other.host > first.host);
	close(first.fd);
	close(other.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_read_bindings),
		cmocka_unit_test(test_read_publish_all),
		cmocka_unit_test(test_read_refuses),
		cmocka_unit_test(test_read_ipv6_is_a_warning),
		cmocka_unit_test(test_bind_keeps_others_away),
		cmocka_unit_test(test_bind_takes_the_first_free_of_a_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
