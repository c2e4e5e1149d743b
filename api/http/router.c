/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/router.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"

/* In the order of preference. */
enum segment_kind { SEGMENT_LITERAL, SEGMENT_CAPTURE, SEGMENT_MULTI };

struct segment {
	enum segment_kind kind;
	char *text; /* the literal, or the name of the capture */
};

struct compiled {
	const struct route *route;
	size_t n;
	struct segment *segments;
};

struct router {
	size_t n;
	struct compiled *patterns; /* sorted: best first */
};

static int compile_segment(const char *text, size_t len, struct segment *ret)
{
	ret->kind = SEGMENT_LITERAL;
	if (len > 0 && text[0] == '{') {
		if (text[len - 1] != '}')
			return -EINVAL;
		ret->kind = SEGMENT_CAPTURE;
		text++;
		len -= 2;
		if (len > 3 && !memcmp(text + len - 3, "...", 3)) {
			ret->kind = SEGMENT_MULTI;
			len -= 3;
		}
		if (len == 0)
			return -EINVAL;
	}
	ret->text = strndup(text, len);
	return ret->text ? 0 : -ENOMEM;
}

static int check_pattern(const struct compiled *c)
{
	size_t kinds[3] = { 0 };

	for (size_t i = 0; i < c->n; i++)
		kinds[c->segments[i].kind]++;
	if (kinds[SEGMENT_MULTI] > 1 || kinds[SEGMENT_CAPTURE] + kinds[SEGMENT_MULTI] > ROUTER_CAPTURES_MAX)
		return -EINVAL;
	return 0;
}

static int compile_pattern(const struct route *route, struct compiled *c)
{
	const char *p = route->pattern;

	c->route = route;
	if (!route->method || !route->handle || !p || *p != '/')
		return -EINVAL;
	c->segments = calloc(ROUTER_SEGMENTS_MAX, sizeof *c->segments);
	if (!c->segments)
		return -ENOMEM;
	if (p[1] == '\0')
		return 0;
	while (*p == '/') {
		const char *start = p + 1;
		p = strchrnul(start, '/');
		if (c->n == ROUTER_SEGMENTS_MAX)
			return -EINVAL;
		int r = compile_segment(start, (size_t)(p - start), &c->segments[c->n++]);
		if (r < 0)
			return r;
	}
	return check_pattern(c);
}

/* Literal before {name} before {name...}, from the left; then the longer pattern. */
static int compare_shape(const struct compiled *a, const struct compiled *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		const struct segment *s = &a->segments[i], *t = &b->segments[i];
		if (s->kind != t->kind)
			return s->kind < t->kind ? -1 : 1;
		int order = s->kind == SEGMENT_LITERAL ? strcmp(s->text, t->text) : 0;
		if (order != 0)
			return order;
	}
	return (a->n < b->n) - (a->n > b->n);
}

static int compare(const void *a, const void *b)
{
	const struct compiled *p = a, *q = b;
	int order = compare_shape(p, q);
	return order != 0 ? order : strcmp(p->route->method, q->route->method);
}

int router_new(const struct route *table, size_t n, struct router **ret, struct error *err)
{
	struct router *router = calloc(1, sizeof *router);
	int r = -ENOMEM;

	if (!router)
		goto no_memory;
	router->patterns = calloc(n ? n : 1, sizeof *router->patterns);
	if (!router->patterns)
		goto no_memory;
	for (router->n = 0; router->n < n;) {
		const struct route *route = &table[router->n];
		r = compile_pattern(route, &router->patterns[router->n++]);
		if (r == -ENOMEM)
			goto no_memory;
		if (r < 0) {
			error_set(err, ERROR_INTERNAL, EINVAL, "malformed route pattern '%s'",
				route->pattern ? route->pattern : "");
			goto fail;
		}
	}
	qsort(router->patterns, n, sizeof *router->patterns, compare);
	for (size_t i = 1; i < n; i++) {
		if (compare(&router->patterns[i - 1], &router->patterns[i]) != 0)
			continue;
		r = error_set(err, ERROR_INTERNAL, EEXIST, "two routes for '%s %s'",
			router->patterns[i].route->method, router->patterns[i].route->pattern);
		goto fail;
	}
	*ret = router;
	return 0;

no_memory:
	r = error_sys(err, ENOMEM, "cannot compile the routes");
fail:
	router_free(router);
	return r;
}

void router_free(struct router *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++) {
		struct segment *segments = r->patterns[i].segments;
		for (size_t k = 0; segments && k < ROUTER_SEGMENTS_MAX; k++)
			free(segments[k].text);
		free(segments);
	}
	free(r->patterns);
	free(r);
}

static bool capturable(const char *text)
{
	return *text != '\0' && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

/* True when the pattern fits.  *ret_width: how many segments its {name...} takes. */
static bool fits(const struct compiled *c, const char *const *segments, size_t n, size_t *ret_width)
{
	size_t at = 0, width = 1;

	if (n < c->n)
		return false;
	for (size_t i = 0; i < c->n; i++) {
		const struct segment *s = &c->segments[i];
		size_t take = 1;
		if (s->kind == SEGMENT_MULTI)
			take = width = n - c->n + 1;
		if (s->kind == SEGMENT_LITERAL && strcmp(s->text, segments[at]) != 0)
			return false;
		for (size_t k = 0; s->kind != SEGMENT_LITERAL && k < take; k++)
			if (!capturable(segments[at + k]))
				return false;
		at += take;
	}
	*ret_width = width;
	return at == n;
}

static void capture(const struct compiled *c, const char **segments, size_t width, struct router_match *m)
{
	size_t at = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct segment *s = &c->segments[i];
		size_t take = s->kind == SEGMENT_MULTI ? width : 1;
		for (size_t k = 1; k < take; k++)
			((char *)segments[at + k])[-1] = '/';
		if (s->kind != SEGMENT_LITERAL) {
			m->captures[m->ncaptures].name = s->text;
			m->captures[m->ncaptures++].value = segments[at];
		}
		at += take;
	}
}

/* "1.41" of "v1.41", or NULL. */
static const char *version_of(const char *segment)
{
	if (segment[0] != 'v' || segment[1] < '0' || segment[1] > '9')
		return NULL;
	return segment[1 + strspn(segment + 1, "0123456789.")] == '\0' ? segment + 1 : NULL;
}

int router_find(
	const struct router *r, const char *method, const char **segments, size_t n, struct router_match *ret)
{
	struct router_match m = { .version = n > 0 ? version_of(segments[0]) : NULL };

	if (m.version) {
		segments++;
		n--;
	}
	for (size_t i = 0; i < r->n; i++) {
		const struct compiled *c = &r->patterns[i];
		size_t width;
		if (strcmp(c->route->method, method) != 0 || !fits(c, segments, n, &width))
			continue;
		m.route = c->route;
		capture(c, segments, width, &m);
		*ret = m;
		return 0;
	}
	return -ENOENT;
}
