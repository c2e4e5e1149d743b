/* SPDX-License-Identifier: Apache-2.0 */
/* A template being run, for template.c (text and control) and template_value.c (pipelines). */
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

struct template
{
	const char *start, *p;
	const struct json *root;
	struct json *pool; /* values made on the way */
	struct template_var vars[TEMPLATE_VARS_MAX];
	unsigned nvars, depth;
	struct str *out;
	struct error *err;
};

/* The value of the pipeline at p, which is moved behind it. */
int template_pipeline(struct template *t, const struct json *dot, const struct json **ret);
/* What counts as true: not null, false, 0, "" or empty. */
bool template_truth(const struct json *value);
void template_skip_blanks(struct template *t);
/* A name of letters and digits at p; false: none there. */
bool template_word(struct template *t, const char **ret, size_t *ret_n);
int template_fail(struct template *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A number as a value. */
const struct json *template_number(struct template *t, long long n);

#endif
