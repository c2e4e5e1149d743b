/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/driver_harness.h"

#include <gantry/auth.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct harness *h;
	const struct gty_auth_ops *ops;
	struct gty_auth *au;
	char file[200];
};

static int open_with(struct fixture *f, const char *group, const char *gids)
{
	const struct gty_kv opts[] = { { "group", group }, { "gids", gids }, { "group-file", f->file } };
	struct gty_open req = harness_open(f->h, opts, 3);
	struct gty_call *call = harness_call(f->h);
	struct gty_auth_info *info = harness_struct(f->h, sizeof *info);

	if (f->au)
		f->ops->close(f->au);
	f->au = NULL;
	int r = f->ops->open(&f->h->host, call, &req, &f->au, info);
	if (r == 0)
		assert_int_equal(
			info->caps, GTY_AUTH_CAP_AUTHN | GTY_AUTH_CAP_AUTHZ | GTY_AUTH_CAP_CACHEABLE);
	return r;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	f->h = harness_new("auth-peercred", "peercred");
	if (!f->h)
		return -1;
	f->ops = f->h->driver->ops;
	snprintf(f->file, sizeof f->file, "%s/group", f->h->root);
	harness_write(AT_FDCWD, f->file,
		"root:x:0:\ngantryx:x:11:\nodd\n:::\ngantry:x:990:alice,bob\nbad:x:12x:\n");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->au)
		f->ops->close(f->au);
	harness_free(f->h);
	free(f);
	return 0;
}

static struct gty_principal *ask(
	struct fixture *f, uint32_t transport, uint32_t uid, uint32_t gid, const uint32_t *groups, uint32_t n)
{
	struct gty_call *call = harness_call(f->h);
	struct gty_peer_cred *req = harness_struct(f->h, sizeof *req);
	struct gty_principal *rep = harness_struct(f->h, sizeof *rep);

	req->transport = transport;
	req->uid = uid;
	req->gid = gid;
	req->groups = groups;
	req->groups_n = n;
	req->pidfd = -1;
	assert_int_equal(f->ops->authenticate(f->au, call, req, rep), 0);
	return rep;
}

static void test_authenticate_cases(void **state)
{
	static const uint32_t member[] = { 5, 990 }, numbered[] = { 27 }, others[] = { 5, 6 };
	static const struct {
		uint32_t transport, uid, gid, verdict, groups_n;
		const uint32_t *groups;
	} cases[] = {
		{ GTY_TRANSPORT_UNIX, 0, 0, GTY_YES, 0, NULL },
		{ GTY_TRANSPORT_UNIX, 1000, 1000, GTY_NO, 0, NULL },
		{ GTY_TRANSPORT_UNIX, 1000, 990, GTY_YES, 0, NULL },
		{ GTY_TRANSPORT_UNIX, 1000, 1000, GTY_YES, 2, member },
		{ GTY_TRANSPORT_UNIX, 1000, 1000, GTY_YES, 1, numbered },
		{ GTY_TRANSPORT_UNIX, 1000, 0, GTY_NO, 2, others },
		{ GTY_TRANSPORT_UNIX, 1000, 11, GTY_NO, 0, NULL },
		{ GTY_TRANSPORT_TCP, 0, 0, GTY_PASS, 0, NULL },
		{ GTY_TRANSPORT_TLS, 0, 990, GTY_PASS, 0, NULL },
		{ 99, 0, 0, GTY_PASS, 0, NULL },
	};
	struct fixture *f = *state;

	assert_int_equal(open_with(f, "gantry", "27,28"), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct gty_principal *rep = ask(f, cases[i].transport, cases[i].uid, cases[i].gid,
			cases[i].groups, cases[i].groups_n);
		assert_int_equal(rep->verdict, cases[i].verdict);
		if (rep->verdict == GTY_NO)
			assert_non_null(strstr(rep->reason, "'gantry'"));
	}
	struct gty_principal *rep = ask(f, GTY_TRANSPORT_UNIX, 1000, 1000, member, 2);
	assert_string_equal(rep->name, "uid:1000");
	assert_string_equal(rep->method, "peercred");
	assert_int_equal(rep->groups_n, 3);
	assert_string_equal(rep->groups[2], "990");
	assert_string_equal(rep->attrs[0].value, "1000");
}

static void test_open_without_group(void **state)
{
	static const uint32_t member[] = { 990 };
	struct fixture *f = *state;

	assert_int_equal(open_with(f, "nobodys", ""), 0);
	assert_int_equal(f->h->logged, 1);
	assert_int_equal(ask(f, GTY_TRANSPORT_UNIX, 0, 0, NULL, 0)->verdict, GTY_YES);
	struct gty_principal *rep = ask(f, GTY_TRANSPORT_UNIX, 1, 1, member, 1);
	assert_int_equal(rep->verdict, GTY_NO);
	assert_non_null(strstr(rep->reason, "no group"));
	assert_int_equal(open_with(f, "", ""), 0);
	/* A name that is the beginning of another, a number that is none. */
	assert_int_equal(open_with(f, "gantr", ""), 0);
	assert_int_equal(ask(f, GTY_TRANSPORT_UNIX, 1, 990, NULL, 0)->verdict, GTY_NO);
	assert_int_equal(open_with(f, "bad", ""), 0);
	assert_int_equal(ask(f, GTY_TRANSPORT_UNIX, 1, 12, NULL, 0)->verdict, GTY_NO);
}

static void test_open_refuses(void **state)
{
	static const struct {
		const char *group, *gids;
	} cases[] = { { "", "x" }, { "", "1,,2" }, { "", "-1" }, { "", "4294967295" }, { "a:b", "" },
		{ "a\nb", "" } };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(open_with(f, cases[i].group, cases[i].gids), -EINVAL);
		assert_int_equal(f->h->kind, GTY_E_INVALID);
	}
}

static void test_authorize_own_principals(void **state)
{
	static const struct {
		const char *method;
		uint32_t verdict;
	} cases[] = { { "peercred", GTY_YES }, { "TLS", GTY_PASS }, { NULL, GTY_PASS } };
	struct fixture *f = *state;

	assert_int_equal(open_with(f, "gantry", ""), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct gty_call *call = harness_call(f->h);
		struct gty_principal *who = harness_struct(f->h, sizeof *who);
		struct gty_authorize_req *req = harness_struct(f->h, sizeof *req);
		struct gty_verdict *rep = harness_struct(f->h, sizeof *rep);
		who->method = cases[i].method;
		req->who = who;
		req->action = "container.create";
		assert_int_equal(f->ops->authorize(f->au, call, req, rep), 0);
		assert_int_equal(rep->verdict, cases[i].verdict);
	}
}

#define ONCE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONCE(test_authenticate_cases),
		ONCE(test_open_without_group),
		ONCE(test_open_refuses),
		ONCE(test_authorize_own_principals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
