/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to upstreams: servers of the test's own on loopback, in the same loop. */
#include "lib/base/clock.h"
#include "programs/gantry-dns/dns.h"
#include "tests/support/dns_message.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum mode { ANSWERS, FAILS, REFUSES, SILENT, LIES };

struct upstream {
	struct source udp; /* first */
	struct source tcp;
	enum mode mode;
	unsigned asked, ports;
	uint16_t seen[256];
};

struct world {
	struct dns d;
	struct sandbox s;
	struct upstream up[2];
	unsigned left, answered, failed;
	unsigned code;
};

static struct world *world; /* of the test */

/* ---- upstreams ------------------------------------------------------------------------------- */
static void note_port(struct upstream *u, uint16_t port)
{
	for (unsigned i = 0; i < u->ports; i++)
		if (u->seen[i] == port)
			return;
	if (u->ports < COUNT(u->seen))
		u->seen[u->ports++] = port;
}

static void upstream_udp(struct dns *d, struct source *s, uint32_t events)
{
	struct upstream *u = (struct upstream *)s;
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	uint8_t m[600];
	ssize_t n = recvfrom(s->fd, m, sizeof m, 0, (struct sockaddr *)&from, &len);

	(void)d;
	(void)events;
	assert_true(n > WIRE_HEADER);
	u->asked++;
	note_port(u, from.sin_port);
	if (u->mode == SILENT) {
		world->d.first->at_ns = 1; /* its time is over */
		return;
	}
	m[2] |= 0x80;
	m[3] = u->mode == FAILS ? WIRE_FAILURE : u->mode == REFUSES ? WIRE_REFUSED : 0;
	if (u->mode == LIES) {
		m[0] ^= 1; /* another id, another name: then the truth */
		sendto(s->fd, m, (size_t)n, 0, (struct sockaddr *)&from, len);
		m[0] ^= 1;
		m[13] ^= 1;
		sendto(s->fd, m, (size_t)n, 0, (struct sockaddr *)&from, len);
		m[13] ^= 1;
	}
	sendto(s->fd, m, (size_t)n, 0, (struct sockaddr *)&from, len);
}

struct connection {
	struct source source; /* first */
	struct upstream *upstream;
};

static void upstream_read(struct dns *d, struct source *s, uint32_t events)
{
	struct upstream *u = ((struct connection *)s)->upstream;
	uint8_t m[600];
	ssize_t n = recv(s->fd, m, sizeof m, 0);

	(void)events;
	if (n > 0) {
		assert_true(n > 2 + WIRE_HEADER);
		u->asked++;
		m[4] |= 0x80;
		m[5] = u->mode == FAILS ? WIRE_FAILURE : 0;
		send(s->fd, m, (size_t)n, MSG_NOSIGNAL);
	}
	source_close(d, s);
	source_free(d, s);
}

static void upstream_tcp(struct dns *d, struct source *s, uint32_t events)
{
	struct connection *c = calloc(1, sizeof *c);
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	assert_true(c && fd >= 0);
	c->source.ready = upstream_read;
	c->upstream = (struct upstream *)(void *)((char *)s - offsetof(struct upstream, tcp));
	assert_int_equal(source_add(d, &c->source, fd, EPOLLIN), 0);
}

static int bound(int type, uint16_t *port)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = *port
	};
	socklen_t n = sizeof at;
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0) {
		close(fd);
		return -1;
	}
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	*port = at.sin_port;
	return fd;
}

static void open_upstream(struct world *w, unsigned i, enum mode mode)
{
	struct upstream *u = &w->up[i];
	int udp, tcp;
	uint16_t port;

	do { /* one port for both */
		port = 0;
		udp = bound(SOCK_DGRAM, &port);
		tcp = bound(SOCK_STREAM, &port);
		if (tcp < 0)
			close(udp);
	} while (tcp < 0);
	assert_int_equal(listen(tcp, 16), 0);
	u->mode = mode;
	u->udp.ready = upstream_udp;
	u->tcp.ready = upstream_tcp;
	assert_int_equal(source_add(&w->d, &u->udp, udp, EPOLLIN), 0);
	assert_int_equal(source_add(&w->d, &u->tcp, tcp, EPOLLIN), 0);
	w->s.servers[i] = (struct proto_dns_server){ .address = htonl(INADDR_LOOPBACK), .port = port };
	w->s.n_servers++;
}

/* ---- the world ----------------------------------------------------------------------------- */
static struct world *open_world(void)
{
	struct world *w = calloc(1, sizeof *w);
	int fds[PROTO_DNS_HOST_FDS];

	assert_non_null(w);
	world = w;
	assert_int_equal(loop_open(&w->d), 0);
	for (int i = 0; i < PROTO_DNS_HOST_FDS; i++)
		fds[i] = socket(AF_INET,
			(i < PROTO_DNS_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ways_init(&w->s.ways, fds);
	ways_init(&w->d.host, NULL);
	w->s.flags = PROTO_DNS_FORWARD;
	return w;
}

static void close_world(struct world *w)
{
	assert_int_equal(w->d.n_queries, 0);
	assert_int_equal(w->s.n_queries, 0);
	assert_null(w->d.first);
	for (int i = 0; i < PROTO_DNS_UDP; i++)
		assert_int_equal(w->s.ways.udp[i].n, 0);
	for (int i = 0; i < PROTO_DNS_TCP; i++)
		assert_true(w->s.ways.tcp[i] >= 0);
	ways_close(&w->d, &w->s.ways);
	for (unsigned i = 0; i < w->s.n_servers; i++) {
		source_close(&w->d, &w->up[i].udp);
		source_close(&w->d, &w->up[i].tcp);
	}
	close(w->d.epoll);
	free(w);
}

static void done(struct dns *d, void *ctx, uint8_t *answer, size_t n)
{
	struct world *w = ctx;

	if (answer) {
		assert_true(n >= WIRE_HEADER);
		assert_int_equal(answer[0] << 8 | answer[1], 0x1234); /* the client's id */
		w->code = answer[3] & 15;
		w->answered++;
	} else {
		w->failed++;
	}
	d->ended = --w->left == 0;
}

static void ask(struct world *w, unsigned n, bool tcp)
{
	uint8_t query[600];
	size_t len = make_query(query, "Example.test", WIRE_A);
	struct query *q;

	w->answered = w->failed = 0;
	w->left = n;
	w->d.ended = false;
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(forward(&w->d, &w->s, query, len, tcp, done, w, &q), 0);
	assert_int_equal(loop_run(&w->d), 0);
}

static void test_the_first_one_answers(void **state)
{
	struct world *w = open_world();

	(void)state;
	open_upstream(w, 0, ANSWERS);
	open_upstream(w, 1, ANSWERS);
	ask(w, 1, false);
	ask(w, 1, true);
	assert_int_equal(w->answered, 1);
	assert_int_equal(w->up[0].asked, 2);
	assert_int_equal(w->up[1].asked, 0);
	close_world(w);
}

static void test_one_that_fails_is_followed(void **state)
{
	static const enum mode modes[] = { FAILS, REFUSES, SILENT };

	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		struct world *w = open_world();
		open_upstream(w, 0, modes[i]);
		open_upstream(w, 1, ANSWERS);
		ask(w, 1, false);
		assert_int_equal(w->answered, 1);
		assert_int_equal(w->code, WIRE_OK);
		assert_int_equal(w->up[0].asked, 1);
		assert_int_equal(w->up[1].asked, 1);
		close_world(w);
	}
}

static void test_one_that_is_not_there_is_followed(void **state)
{
	struct world *w = open_world();

	(void)state;
	open_upstream(w, 0, ANSWERS);
	open_upstream(w, 1, ANSWERS);
	source_close(&w->d, &w->up[0].udp);
	source_close(&w->d, &w->up[0].tcp);
	int64_t begin = clock_mono_ns();
	ask(w, 20, false);
	assert_int_equal(w->answered, 20);
	ask(w, 5, true);
	assert_int_equal(w->answered, 5);
	assert_true(clock_mono_ns() - begin < UPSTREAM_NS); /* the kernel says so: nothing is waited for */
	close_world(w);
}

static void test_nobody_answers(void **state)
{
	struct world *w = open_world();

	(void)state;
	open_upstream(w, 0, SILENT);
	open_upstream(w, 1, SILENT);
	ask(w, 1, false);
	assert_int_equal(w->failed, 1);
	w->up[0].mode = w->up[1].mode = FAILS; /* the last one's failure is passed on */
	ask(w, 1, false);
	assert_int_equal(w->answered, 1);
	assert_int_equal(w->code, WIRE_FAILURE);
	close_world(w);
}

static void test_lies_are_passed_over(void **state)
{
	struct world *w = open_world();

	(void)state;
	open_upstream(w, 0, LIES);
	ask(w, 10, false);
	assert_int_equal(w->answered, 10);
	close_world(w);
}

static void test_many_at_once(void **state)
{
	struct world *w = open_world();

	(void)state;
	open_upstream(w, 0, ANSWERS);
	ask(w, SANDBOX_QUERIES_MAX, false);
	assert_int_equal(w->answered, SANDBOX_QUERIES_MAX);
	assert_int_equal(w->up[0].ports, PROTO_DNS_UDP);
	ask(w, 30, true); /* they wait for each other */
	assert_int_equal(w->answered, 30);
	close_world(w);
}

static void test_each_question_has_a_port_of_its_own(void **state)
{
	struct world *w = open_world();

	(void)state;
	open_upstream(w, 0, ANSWERS);
	for (int i = 0; i < 50; i++)
		ask(w, 1, false);
	assert_in_range(w->up[0].ports, 45, 50); /* the kernel may choose one twice */
	close_world(w);
}

static void test_limits(void **state)
{
	struct world *w = open_world();
	uint8_t query[600];
	size_t n = make_query(query, "example.test", WIRE_A);
	struct query *q;

	(void)state;
	open_upstream(w, 0, SILENT);
	w->s.flags = 0; /* on internal networks alone */
	assert_int_equal(forward(&w->d, &w->s, query, n, false, done, w, &q), -EACCES);
	w->s.flags = PROTO_DNS_FORWARD;
	w->left = SANDBOX_QUERIES_MAX + 1;
	for (unsigned i = 0; i < SANDBOX_QUERIES_MAX; i++)
		assert_int_equal(forward(&w->d, &w->s, query, n, i % 2, done, w, &q), 0);
	assert_int_equal(forward(&w->d, &w->s, query, n, false, done, w, &q), -EAGAIN);
	query_cancel(&w->d, q); /* nobody is told */
	assert_int_equal(w->failed, 0);
	queries_drop(&w->d, &w->s);
	assert_int_equal(w->failed, SANDBOX_QUERIES_MAX - 1);
	w->s.n_servers = 0;
	assert_int_equal(forward(&w->d, &w->s, query, n, false, done, w, &q), -ENETUNREACH);
	w->s.n_servers = 1;
	w->up[0].mode = ANSWERS; /* also to what was asked before, which nobody waits for */
	ask(w, 1, false);
	assert_int_equal(w->answered, 1);
	close_world(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_one_answers),
		cmocka_unit_test(test_one_that_fails_is_followed),
		cmocka_unit_test(test_one_that_is_not_there_is_followed),
		cmocka_unit_test(test_nobody_answers),
		cmocka_unit_test(test_lies_are_passed_over),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_each_question_has_a_port_of_its_own),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("dns_forward", tests, NULL, NULL);
}
