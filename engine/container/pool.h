/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A few threads for what nobody waits for: exits, removals.  They come when there is work and go when there
 * has been none for a while.
 */
#ifndef GANTRY_ENGINE_CONTAINER_POOL_H
#define GANTRY_ENGINE_CONTAINER_POOL_H

#include "lib/base/error.h"

#include <stdbool.h>

struct pool;

int pool_new(unsigned max_threads, struct pool **ret, struct error *err);
/* Finishes what was posted and takes no more. */
void pool_close(struct pool *p);
/* NULL is allowed; closes first. */
void pool_free(struct pool *p);

/* Runs run(arg) on one of the threads; without a thread to be had, here and now.  False: it is closed, and
 * nothing is run. */
bool pool_post(struct pool *p, void (*run)(void *arg), void *arg);

#endif
