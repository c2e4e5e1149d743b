/* SPDX-License-Identifier: Apache-2.0 */
/* A template being run, for template.c (text and control), template_value.c (pipelines) and
 * template_functions.c. */
#ifndef GANTRY_PROGRAMS_GANTRY_TEMPLATE_STATE_H
#define GANTRY_PROGRAMS_GANTRY_TEMPLATE_STATE_H

#include "lib/base/error.h"
#include "lib/base/str.h"

#include <stdbool.h>

struct json;

#define TEMPLATE_DEPTH_MAX 32
#define TEMPLATE_VARS_MAX  32
#define TEMPLATE_ARGS_MAX  16

struct template_var {
	const char *name; /* in the text, n bytes */
	size_t n;
	const struct json *value;
};

struct templating {
	const char *start, *p;
	const struct json *root;
	struct json *pool; /* values made on the way */
	struct template_var vars[TEMPLATE_VARS_MAX];
	unsigned nvars, depth;
	struct str *out;
	struct error *err;
};

/* The value of the pipeline at p, which is moved behind it. */
int template_pipeline(struct templating *t, const struct json *dot, const struct json **ret);
/* What counts as true: not null, false, 0, "" or empty. */
bool template_truth(const struct json *value);
void template_skip_blanks(struct templating *t);
/* A name of letters and digits at p; false: none there. */
bool template_word(struct templating *t, const char **ret, size_t *ret_n);
int template_fail(struct templating *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* New values, the template's. */
const struct json *template_number(struct templating *t, long long n);
const struct json *template_string(struct templating *t, const char *text);
const struct json *template_bool(struct templating *t, bool v);

struct template_args {
	const struct json *v[TEMPLATE_ARGS_MAX];
	size_t n;
};

/* Calls a function by its name (n bytes). */
int template_call(struct templating *t, const char *name, size_t n, const struct template_args *a,
	const struct json **ret);

#endif
