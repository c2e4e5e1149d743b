/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/driver_harness.h"

#include <gantry/network.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct harness *h;
	const struct gty_network_ops *ops;
	struct gty_network *nw;
	uint64_t caps;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	f->h = harness_new("net-hostnone", *state);
	if (!f->h)
		return -1;
	f->ops = f->h->driver->ops;
	struct gty_call *call = harness_call(f->h);
	struct gty_network_info *info = harness_struct(f->h, sizeof *info);
	struct gty_open req = harness_open(f->h, NULL, 0);
	req.name = "a-configured-twin";
	if (f->ops->probe(&f->h->host, call, &req) < 0 ||
		f->ops->open(&f->h->host, call, &req, &f->nw, info) < 0)
		return -1;
	f->caps = info->caps;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	f->ops->close(f->nw);
	harness_free(f->h);
	free(f);
	return 0;
}

static int create(struct fixture *f, const char *id)
{
	struct gty_call *call = harness_call(f->h);
	struct gty_network_req *req = harness_struct(f->h, sizeof *req);
	struct gty_network_rep *rep = harness_struct(f->h, sizeof *rep);

	req->id = id;
	return f->ops->network_create(f->nw, call, req, rep);
}

static int network_remove(struct fixture *f, const char *id)
{
	struct gty_call *call = harness_call(f->h);
	struct gty_ref *ref = harness_struct(f->h, sizeof *ref);

	ref->id = id;
	return f->ops->network_remove(f->nw, call, ref);
}

static void test_caps(void **state)
{
	struct fixture *f = *state;
	bool host = strcmp(f->h->driver->name, "host") == 0;

	assert_int_equal(!!(f->caps & GTY_NETWORK_CAP_HOST), host);
	assert_int_equal(!!(f->caps & GTY_NETWORK_CAP_NONE), !host);
	assert_true(f->caps & GTY_NETWORK_CAP_SINGLE);
	assert_true(f->caps & GTY_NETWORK_CAP_NO_GATEWAY);
	assert_string_equal(host ? f->h->driver->name : f->h->driver->aliases[0], host ? "host" : "null");
}

static void test_one_network(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(network_remove(f, "a"), 0);
	assert_int_equal(create(f, ""), -EINVAL);
	assert_int_equal(create(f, "a"), 0);
	assert_int_equal(create(f, "a"), 0);
	assert_int_equal(create(f, "b"), -EEXIST);
	assert_int_equal(f->h->kind, GTY_E_CONFLICT);
	assert_int_equal(network_remove(f, "b"), 0);
	assert_int_equal(create(f, "b"), -EEXIST);
	assert_int_equal(network_remove(f, "a"), 0);
	assert_int_equal(create(f, "b"), 0);
}

static void test_recover_notes_the_network(void **state)
{
	const struct gty_known known[] = { { .what = GTY_KNOWN_NETWORK, .id = "a" },
		{ .what = GTY_KNOWN_NETWORK, .id = "p", .flags = GTY_KNOWN_F_PENDING },
		{ .what = GTY_KNOWN_ENDPOINT, .id = "e", .parent = "a" } };
	struct fixture *f = *state;
	struct gty_call *call = harness_call(f->h);
	struct gty_recover_req *req = harness_struct(f->h, sizeof *req);
	struct gty_recover_rep *rep = harness_struct(f->h, sizeof *rep);

	req->v = known;
	req->n = 3;
	assert_int_equal(f->ops->recover(f->nw, call, req, rep), 0);
	assert_int_equal(rep->n, 0);
	assert_int_equal(create(f, "b"), -EEXIST);
	assert_int_equal(create(f, "a"), 0);
}

static void test_endpoints_make_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(create(f, "a"), 0);
	for (int i = 0; i < 2; i++) {
		struct gty_call *call = harness_call(f->h);
		struct gty_endpoint *ep = harness_struct(f->h, sizeof *ep);
		struct gty_endpoint_rep *made = harness_struct(f->h, sizeof *made);
		struct gty_join_req *req = harness_struct(f->h, sizeof *req);
		struct gty_join_rep *rep = harness_struct(f->h, sizeof *rep);
		ep->net = "a";
		ep->id = "e";
		req->ep = ep;
		req->netns_fd = -1;
		assert_int_equal(f->ops->endpoint_create(f->nw, call, ep, made), 0);
		assert_int_equal(f->ops->join(f->nw, call, req, rep), 0);
		assert_int_equal(rep->links_n, 0);
		assert_int_equal(rep->flags, GTY_JOIN_NO_GATEWAY);
		assert_int_equal(f->ops->leave(f->nw, call, req), 0);
		assert_int_equal(f->ops->leave(f->nw, call, req), 0);
		assert_int_equal(f->ops->endpoint_remove(f->nw, call, ep), 0);
		assert_int_equal(f->ops->endpoint_remove(f->nw, call, ep), 0);
	}
}

#define BOTH(test)                                                                       \
	cmocka_unit_test_prestate_setup_teardown(test, setup, teardown, (void *)"host"), \
		cmocka_unit_test_prestate_setup_teardown(test, setup, teardown, (void *)"none")

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_caps),
		BOTH(test_one_network),
		BOTH(test_recover_notes_the_network),
		BOTH(test_endpoints_make_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
