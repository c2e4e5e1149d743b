/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers of several resources do alike: JSON bodies in and out, filters. */
#ifndef GANTRY_ROUTES_ANSWER_H
#define GANTRY_ROUTES_ANSWER_H

#include "api/http/exchange.h"
#include "lib/base/error.h"
#include "lib/model/filters.h"

#include <stdbool.h>

struct json;

/* Sends doc and frees it, in every case. */
int answer_json(struct exchange *x, int status, struct json *doc, struct error *err);

/* The request's body.  needed: an empty one is an error; else *ret is NULL then.  A body that is there must
 * say that it is JSON. */
int answer_body(struct exchange *x, bool needed, struct json **ret, struct error *err);

/* ?filters=...; NULL when there are none. */
int answer_filters(struct exchange *x, enum filters_for what, struct filters **ret, struct error *err);

/* ?h=...&w=... of a terminal. */
int answer_size(struct exchange *x, unsigned *ret_rows, unsigned *ret_cols, struct error *err);

#endif
