/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A failed launch in the words that Docker's clients know, with the exit code that the container gets: 127
 * for a program that is not there, 126 for one that cannot be run, 128 for the rest (docker/cli reads the
 * words to choose its own).
 */
#ifndef GANTRY_ENGINE_CONTAINER_START_ERROR_H
#define GANTRY_ENGINE_CONTAINER_START_ERROR_H

#include "lib/base/error.h"
#include "runtime/launch/launch.h"

/* Fills err (kind INVALID for what the user's command line did, INTERNAL otherwise); returns -errno. */
int start_error(const struct launch_error *why, int *ret_exit_code, struct error *err);
/* The same for one more process in a container. */
int exec_error(const struct launch_error *why, int *ret_exit_code, struct error *err);

#endif
