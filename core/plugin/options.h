/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options that drivers declare: the declarations are vetted at load, what users give is checked against them
 * and completed.  Types: string bool int size path cidr enum:a|b rate.
 */
#ifndef GANTRY_CORE_PLUGIN_OPTIONS_H
#define GANTRY_CORE_PLUGIN_OPTIONS_H

#include "lib/base/error.h"

#include <gantry/plugin.h>
#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_DECLARED_MAX 64
#define OPTIONS_TIMEOUT      "timeout" /* the core's own, of every driver: seconds */

/* NULL is an empty list.  Failing: ERROR_INVALID. */
int options_vet(const struct gty_option *declared, struct error *err);

/* A completed list; the strings are those given or declared, which must live as long. */
struct option_set {
	uint32_t n;
	struct gty_kv *v;
	int64_t timeout_ns; /* 0: not given */
};
void option_set_done(struct option_set *set);

/* Checks what was given for `where` (one of GTY_OPT_*): unknown keys are refused by name with those that
 * exist, values by their type; then the fallbacks of what was not given are added.  driver: for texts. */
int options_check(const struct gty_driver *driver, uint32_t where, const struct gty_kv *given, uint32_t n,
	struct option_set *ret, struct error *err);

/* One value against a declared type. */
bool options_is(const char *type, const char *value);

#endif
