/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's lists: what a container gets when nobody says otherwise (moby 28.5: profiles, oci/defaults.go,
 * oci/caps). */
#ifndef GANTRY_ENGINE_CONTAINER_DEFAULTS_H
#define GANTRY_ENGINE_CONTAINER_DEFAULTS_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct json;

extern const char *const defaults_masked_paths[], *const defaults_readonly_paths[]; /* NULL-ended */

#define DEFAULTS_PATH     "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define DEFAULTS_SHM_SIZE (INT64_C(64) << 20)

/* Number of a capability by its name, "CAP_" or not, any case: -1. */
int defaults_cap_number(const char *name);
/* "CAP_CHOWN"; NULL past the last. */
const char *defaults_cap_name(unsigned number);

/* The set that add and drop (arrays of names, "ALL" among them; may be NULL) make of the defaults;
 * privileged: all that this process may hand on. */
int defaults_caps(
	const struct json *add, const struct json *drop, bool privileged, uint64_t *ret, struct error *err);

/* Fills what a create request leaves open in HostConfig, as inspect will show it. */
int defaults_host_config(const struct engine *engine, struct json *host_config, struct error *err);

#endif
