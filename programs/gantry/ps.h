/* SPDX-License-Identifier: Apache-2.0 */
/* What ps shows of containers. */
#ifndef GANTRY_PROGRAMS_GANTRY_PS_H
#define GANTRY_PROGRAMS_GANTRY_PS_H

#include <stdbool.h>

struct json;

/* Adds an object of texts for each container of GET /containers/json: what --format json prints.  whole:
 * nothing is shortened. */
void ps_add_rows(const struct json *list, bool whole, struct json *rows);

#endif
