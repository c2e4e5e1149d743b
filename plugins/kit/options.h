/* SPDX-License-Identifier: Apache-2.0 */
/* Values of declared options.  The core has checked and completed them; what is not there is the fallback,
 * what cannot be read is refused all the same, since a driver may be loaded by others than gantryd. */
#ifndef GANTRY_KIT_OPTIONS_H
#define GANTRY_KIT_OPTIONS_H

#include "lib/base/error.h"

#include <gantry/plugin.h>
#include <stdbool.h>

/* The last value given for key, or NULL. */
const char *kit_option(const struct gty_kv *v, uint32_t n, const char *key);

/* "true", "1", "yes", "on" and their opposites; an empty value is true, as in Docker. */
int kit_option_bool(
	const struct gty_kv *v, uint32_t n, const char *key, bool fallback, bool *ret, struct error *err);

/* Bytes, as size_parse of lib/base reads them: 10G, 512m. */
int kit_option_size(const struct gty_kv *v, uint32_t n, const char *key, uint64_t fallback, uint64_t *ret,
	struct error *err);

#endif
