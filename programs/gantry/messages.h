/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that are one JSON object after another: progress of load and import, events. */
#ifndef GANTRY_PROGRAMS_GANTRY_MESSAGES_H
#define GANTRY_PROGRAMS_GANTRY_MESSAGES_H

#include "lib/base/error.h"
#include "lib/base/str.h"

#include <stdbool.h>

struct http;
struct json;

#define MESSAGE_SIZE_MAX ((size_t)16 << 20)

/* Where objects end in a stream of them. Starts as zeros. */
struct messages {
	unsigned depth;
	bool in_string, escaped;
};

/* Looks at n more bytes; returns the count up to and with the end of an object, *ret_whole true, or n. */
size_t messages_scan(struct messages *m, const char *text, size_t n, bool *ret_whole);

/* Gives each object to take, which returns 0 to go on. */
int messages_read(struct http *h, int (*take)(void *ctx, const struct json *message, struct error *err),
	void *ctx, struct error *err);

#endif
