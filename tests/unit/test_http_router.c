/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/router.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/http/uri.h"

static int handle_nothing(struct exchange *x, void *user, struct error *err)
{
	(void)x;
	(void)user;
	(void)err;
	return 0;
}

#define ROUTE(m, p)                                                     \
	{                                                               \
		.method = (m), .pattern = (p), .handle = handle_nothing \
	}

static const struct route table[] = {
	ROUTE("GET", "/images/{name...}"),
	ROUTE("GET", "/images/{name...}/json"),
	ROUTE("GET", "/images/json"),
	ROUTE("DELETE", "/images/{name...}"),
	ROUTE("GET", "/containers/{id}/json"),
	ROUTE("GET", "/containers/json"),
	ROUTE("GET", "/containers/{id}/{what}"),
	ROUTE("POST", "/plugins/{name...}/set/{key}"),
	ROUTE("GET", "/networks"),
	ROUTE("GET", "/networks/"),
	ROUTE("GET", "/"),
	ROUTE("OPTIONS", "/{any...}"),
};

/* "pattern name=value name=value @version", or "none". */
static void find(const struct router *r, const char *method, const char *path, char *text, size_t size)
{
	const char *segments[ROUTER_SEGMENTS_MAX];
	char decoded[256];
	struct router_match m;
	int n = uri_split_path(path, strlen(path), decoded, segments, ROUTER_SEGMENTS_MAX);

	assert_true(n >= 0);
	if (router_find(r, method, segments, (size_t)n, &m) < 0) {
		snprintf(text, size, "none");
		return;
	}
	int at = snprintf(text, size, "%s", m.route->pattern);
	for (size_t i = 0; i < m.ncaptures; i++)
		at += snprintf(
			text + at, size - (size_t)at, " %s=%s", m.captures[i].name, m.captures[i].value);
	if (m.version)
		snprintf(text + at, size - (size_t)at, " @%s", m.version);
}

static void test_router_find_prefers_the_literal(void **state)
{
	static const struct {
		const char *method, *path, *wanted;
	} cases[] = {
		{ "GET", "/images/json", "/images/json" },
		{ "GET", "/v1.41/images/json", "/images/json @1.41" },
		{ "GET", "/v1/images/json", "/images/json @1" },
		{ "GET", "/vx/images/json", "none" },
		{ "GET", "/v1.41", "/ @1.41" },
		{ "GET", "/images/a/json", "/images/{name...}/json name=a" },
		{ "GET", "/images/a/b/json", "/images/{name...}/json name=a/b" },
		{ "GET", "/images/a%2Fb/json", "/images/{name...}/json name=a/b" },
		{ "GET", "/v1.41/images/r:5000/a/b/json", "/images/{name...}/json name=r:5000/a/b @1.41" },
		{ "GET", "/images/json/json", "/images/{name...}/json name=json" },
		{ "GET", "/images/a/b", "/images/{name...} name=a/b" },
		{ "DELETE", "/images/json", "/images/{name...} name=json" },
		{ "GET", "/images", "none" },
		{ "GET", "/images/", "none" },
		{ "GET", "/images//json", "none" },
		{ "GET", "/images/../json", "none" },
		{ "GET", "/images/a/%2e%2e/json", "none" },
		{ "GET", "/containers/json", "/containers/json" },
		{ "GET", "/containers/x/json", "/containers/{id}/json id=x" },
		{ "GET", "/containers/x/logs", "/containers/{id}/{what} id=x what=logs" },
		{ "GET", "/containers/x/y/z", "none" },
		{ "GET", "/containers/./json", "none" },
		{ "POST", "/plugins/a/b/set/c", "/plugins/{name...}/set/{key} name=a/b key=c" },
		{ "POST", "/containers/json", "none" },
		{ "get", "/containers/json", "none" },
		{ "GET", "/networks", "/networks" },
		{ "GET", "/networks/", "/networks/" },
		{ "GET", "/", "/" },
		{ "OPTIONS", "/a/b", "/{any...} any=a/b" },
	};
	struct router *r = NULL;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(router_new(table, sizeof table / sizeof *table, &r, &err), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char got[300];
		find(r, cases[i].method, cases[i].path, got, sizeof got);
		if (strcmp(got, cases[i].wanted) != 0)
			fail_msg("%s %s: got '%s', wanted '%s'", cases[i].method, cases[i].path, got,
				cases[i].wanted);
	}
	router_free(r);
}

static void test_router_new_refuses_what_is_malformed_or_doubled(void **state)
{
	static const struct {
		struct route routes[2];
		size_t n;
		int wanted;
	} cases[] = {
		{ { ROUTE("GET", "a") }, 1, -EINVAL },
		{ { ROUTE("GET", "/{") }, 1, -EINVAL },
		{ { ROUTE("GET", "/{}") }, 1, -EINVAL },
		{ { ROUTE("GET", "/{a") }, 1, -EINVAL },
		{ { ROUTE("GET", "/{a...}/{b...}") }, 1, -EINVAL },
		{ { ROUTE("GET", "/{a}/{b}/{c}/{d}/{e}") }, 1, -EINVAL },
		{ { { .method = "GET", .pattern = "/a" } }, 1, -EINVAL },
		{ { ROUTE("GET", "/a/{b}"), ROUTE("GET", "/a/{c}") }, 2, -EEXIST },
		{ { ROUTE("GET", "/a/{b}"), ROUTE("POST", "/a/{b}") }, 2, 0 },
		{ { ROUTE("GET", "/a") }, 0, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct router *r = NULL;
		struct error err = ERROR_INIT;
		assert_int_equal(router_new(cases[i].routes, cases[i].n, &r, &err), cases[i].wanted);
		if (cases[i].wanted < 0)
			assert_true(err.text[0] != '\0');
		router_free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_router_find_prefers_the_literal),
		cmocka_unit_test(test_router_new_refuses_what_is_malformed_or_doubled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
