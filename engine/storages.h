/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The storage drivers in use.  One is the default; others are opened when a container, an image's layer or a
 * request names them.  A driver's folder is data-root/<its name in Docker's API>. Threads: any.  A storage
 * that was opened stays open until storages_free.
 */
#ifndef GANTRY_ENGINE_STORAGES_H
#define GANTRY_ENGINE_STORAGES_H

#include "core/storage/storage.h"
#include "lib/base/error.h"

struct engine;
struct storages;

/* Opens the default one: the configuration's, else the one that data-root was begun with, else by priority
 * and probe. */
int storages_new(struct engine *engine, struct storages **ret, struct error *err);
void storages_free(struct storages *s);

struct storage *storages_default(struct storages *s);

/* By name or alias; NULL: the default.  Opened at first use. */
int storages_get(struct storages *s, const char *name, struct storage **ret, struct error *err);

/* Calls visit with each open storage, in the order of opening. */
void storages_each(struct storages *s, void (*visit)(struct storage *st, void *ctx), void *ctx);

#endif
