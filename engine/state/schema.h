/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of engine/state alone: the tables, and how an older file becomes one of today. */
#ifndef GANTRY_ENGINE_STATE_SCHEMA_H
#define GANTRY_ENGINE_STATE_SCHEMA_H

#include "lib/base/error.h"

#include <sqlite3.h>
#include <stddef.h>

/* steps[i] turns version i into version i + 1; version 0 is an empty file.  A step that was released is
 * never changed. */
extern const char *const schema_steps[];
extern const size_t schema_version;

/* Checks the file's structure (ERROR_INTERNAL, -EUCLEAN) and version (ERROR_UNSUPPORTED when it is above n),
 * and takes the steps that are missing, all in one transaction. */
int schema_migrate(sqlite3 *db, const char *const *steps, size_t n, struct error *err);

#endif
