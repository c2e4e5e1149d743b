/* SPDX-License-Identifier: Apache-2.0 */
/* Names of containers: Docker's rule, and made-up ones for those that get none. */
#ifndef GANTRY_ENGINE_CONTAINER_NAMES_H
#define GANTRY_ENGINE_CONTAINER_NAMES_H

#include "lib/base/error.h"

#define NAMES_SIZE 64

/* "/web" and "web" are one: *ret points into name.  INVALID in Docker's words. */
int names_check(const char *name, const char **ret, struct error *err);

/* "brave_crane"; from the second try on with a number behind. */
char *names_make(unsigned attempt, char buf[NAMES_SIZE]);

#endif
