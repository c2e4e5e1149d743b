/* SPDX-License-Identifier: Apache-2.0 */
/* Loads a vetted and checked file into this process, for good, through libltdl: by its absolute path, so that
 * neither .la files nor LTDL_LIBRARY_PATH have a say, with its symbols local. */
#ifndef GANTRY_CORE_LOADER_H
#define GANTRY_CORE_LOADER_H

#include "core/plugin/vet.h"

/* The exported object, vetted again, before its init(). */
enum plugin_reason loader_load(const char *path, const struct gty_plugin **ret, struct error *err);

#endif
