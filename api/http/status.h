/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP status codes: their words, and the one table from an error's kind to a status. */
#ifndef GANTRY_HTTP_STATUS_H
#define GANTRY_HTTP_STATUS_H

#include <stdbool.h>

/* The reason phrase; "Status" for a code that is not listed.  101 is "UPGRADED", as Docker writes it. */
const char *status_reason(int status);

/* The status that answers an error of this kind (enum error_kind). */
int status_of_error(int kind);

/* False for 1xx, 204 and 304, whose responses have neither body nor framing headers. */
bool status_has_body(int status);

#endif
