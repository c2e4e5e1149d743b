/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `filters` of Docker's lists: {"label": {"a=b": true}} and {"label": ["a=b"]} both, keys checked
 * against what the list knows.  Sources: API 1.51; dockerd 28.5.2's words for what it refuses.
 */
#ifndef GANTRY_MODEL_FILTERS_H
#define GANTRY_MODEL_FILTERS_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct json;

enum filters_for {
	FILTERS_CONTAINERS,
	FILTERS_IMAGES,
	FILTERS_VOLUMES,
	FILTERS_NETWORKS,
	FILTERS_EVENTS,
	FILTERS_PRUNE_CONTAINERS,
	FILTERS_PRUNE_IMAGES,
	FILTERS_PRUNE_NETWORKS,
	FILTERS_PRUNE_VOLUMES,
};

struct filters;

#define FILTERS_VALUES_MAX 1000

/* text: the query's; empty: *ret is an empty one.  Errors: INVALID "invalid filter ..." in Docker's words. */
int filters_parse(const char *text, enum filters_for what, struct filters **ret, struct error *err);
struct filters *filters_copy(const struct filters *f); /* NULL: no memory, or of NULL */
void filters_free(struct filters *f);

/* All functions take NULL as an empty one. */
bool filters_has(const struct filters *f, const char *key);
size_t filters_count(const struct filters *f, const char *key);
/* The i-th value of a key, in the order given; NULL past the last. */
const char *filters_value(const struct filters *f, const char *key, size_t i);

/* True when the key is not asked, or one of its values is equal to / a prefix of / matches text. */
bool filters_match(const struct filters *f, const char *key, const char *text);
bool filters_match_prefix(
	const struct filters *f, const char *key, const char *text); /* value is text's prefix */
/* Docker's "name" of containers: each value a POSIX extended regular expression, or equal. */
bool filters_match_regex(const struct filters *f, const char *key, const char *text);
/* All of "label" (and none of "label!") are in the object of strings, as "k" or "k=v". labels may be NULL. */
bool filters_match_labels(const struct filters *f, const struct json *labels);

/* "true"/"1" -> 1, "false"/"0" -> 0; absent: otherwise.  INVALID "invalid filter 'KEY=[value]'". */
int filters_bool(const struct filters *f, const char *key, bool otherwise, bool *ret, struct error *err);

#endif
