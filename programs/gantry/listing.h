/* SPDX-License-Identifier: Apache-2.0 */
/* Lists as Docker prints them: columns, templates, JSON lines. */
#ifndef GANTRY_PROGRAMS_GANTRY_LISTING_H
#define GANTRY_PROGRAMS_GANTRY_LISTING_H

#include "lib/base/error.h"
#include "lib/base/str.h"

struct json;

/* Appends lines of tab-separated cells as columns: at least narrowest wide, three blanks between. */
#define LISTING_NARROWEST 10
void listing_columns(const char *text, size_t narrowest, struct str *out);

/* Prints rows (an array of objects) to standard output.  format: NULL or "table": `columns` as a table;
 * "json": a line each; "table TEMPLATE"; TEMPLATE.  columns: "table {{.ID}}\t..."; heads: an object of the
 * columns' heads. */
int listing_print(const char *format, const char *columns, const struct json *heads, const struct json *rows,
	struct error *err);

/* "sha256:0123..." -> the first 12 digits, into buf. */
const char *listing_short_id(const char *id, char buf[16]);

/* "3 minutes ago" of seconds since the epoch; "N/A" for Go's zero time. */
void listing_ago(int64_t seconds, char *buf, size_t size);

/* "2026-11-25 11:24:35 +0000 UTC" */
void listing_time(int64_t seconds, char *buf, size_t size);

/* Writes to standard output; fails quietly only when nobody reads. */
int listing_write(const struct str *out, struct error *err);

/* Members of daemons' answers, "" and 0 when they are not there. */
const char *text_at(const struct json *object, const char *key);
int64_t number_at(const struct json *object, const char *key);
bool true_at(const struct json *object, const char *key);

#endif
