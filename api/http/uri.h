/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Percent-encoding, path segments and query pairs of a request target (RFC 3986).
 * No I/O and no allocation: results go into buffers of the caller.  Escapes are decoded after the
 * text was split, so that "%2F" stays inside a segment and "%26" inside a value.
 * "%00" and incomplete escapes are refused everywhere.  Threads: nothing is shared.
 */
#ifndef GANTRY_HTTP_URI_H
#define GANTRY_HTTP_URI_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct uri_pair {
	const char *name, *value; /* value is "" where the query has no '=' */
};

/* True when each '%' is followed by two hexadecimal digits that are not "00". */
bool uri_escapes_valid(const char *text, size_t n);

/* Splits an absolute path at its slashes and decodes each segment into out (n + 1 bytes), NUL-ended, one
 * behind the other.  "/" and "" have no segments, "/a/" has two: "a" and "".  Returns the count; -E2BIG for
 * more than max, -EINVAL for a path that does not start with '/' or a bad escape. */
int uri_split_path(const char *path, size_t n, char *out, const char **segments, size_t max);

/* Decodes application/x-www-form-urlencoded pairs ('+' is a space) into out (n + 1 bytes).  Empty pairs are
 * skipped.  Returns the count; -E2BIG for more than max, -EINVAL for a bad escape. */
int uri_parse_query(const char *query, size_t n, char *out, struct uri_pair *pairs, size_t max);

#endif
