/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a method and decoded path segments to a route: a table of the caller's, compiled once.
 *
 * A pattern is "/containers/{id}/json": literal segments; {name} takes one segment; one {name...} per
 * pattern takes one or more (image names have slashes).  A capture never takes "", "." or "..".
 * The more literal pattern wins whatever the order of the table: /images/json before /images/{name...}.
 * A first segment "v1.41" is taken off and reported; which versions are served is not decided here.
 * Threads: a compiled router is read only.
 */
#ifndef GANTRY_HTTP_ROUTER_H
#define GANTRY_HTTP_ROUTER_H

#include <stddef.h>

#include "lib/base/error.h"

struct exchange;

enum { ROUTER_SEGMENTS_MAX = 32, ROUTER_CAPTURES_MAX = 4 };

/* Answers the exchange.  A negative return without an answer is answered from err by the server;
 * 0 without an answer is a fault of the handler (500).  user: of struct server_config. */
typedef int route_handler(struct exchange *x, void *user, struct error *err);

struct route {
	const char *method;  /* "GET"; HEAD is a method of its own */
	const char *pattern; /* without a version */
	route_handler *handle;
	unsigned flags;     /* the table's owner's */
	const char *action; /* the table's owner's: what authorisation is asked about */
};

struct router_match {
	const struct route *route;
	const char *version; /* "1.41", or NULL */
	size_t ncaptures;
	struct {
		const char *name, *value;
	} captures[ROUTER_CAPTURES_MAX];
};

struct router;

/* Compiles table[0..n), which must outlive the router.  Fails with EINVAL for a malformed pattern
 * and EEXIST for two routes that no request can tell apart. */
int router_new(const struct route *table, size_t n, struct router **ret, struct error *err);
void router_free(struct router *r);

/* Finds the route of a request.  The segments must lie one behind the other, as uri_split_path()
 * leaves them: what {name...} takes is joined in place.  Returns 0, or -ENOENT (unknown path or
 * method: Docker does not tell these apart). */
int router_find(const struct router *r, const char *method, const char **segments, size_t n,
	struct router_match *ret);

#endif
