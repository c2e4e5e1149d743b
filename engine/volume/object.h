/* SPDX-License-Identifier: Apache-2.0 */
/* A volume and its table as the files of this folder see them. */
#ifndef GANTRY_ENGINE_VOLUME_OBJECT_H
#define GANTRY_ENGINE_VOLUME_OBJECT_H

#include "engine/volume/volume.h"

#include "core/volume/volume.h"

#include <pthread.h>
#include <stdatomic.h>

#define VOLUME_DRIVERS_MAX 16

/* As rows keep them. */
enum volume_phase { VOLUME_CREATING = 0, VOLUME_READY = 1, VOLUME_FILLING = 2, VOLUME_REMOVING = 3 };

struct volume_holder {
	struct volume_holder *next;
	char id[];
};

struct volume {
	struct volume_table *all;
	atomic_uint refs; /* the table has one */
	/* Fixed as soon as others see it. */
	char *name, *driver;
	struct volumes *by;            /* NULL: the driver is not there any more */
	struct json *options, *labels; /* objects or NULL */
	bool anonymous;
	char *state, *where, *created; /* of the driver; created: RFC 3339 */
	/* Under the table's lock. */
	struct volume *next;
	bool busy; /* somebody makes, fills or removes it */
	bool gone;
	struct volume_holder *holders;
};

struct volume_table {
	struct engine *engine;
	pthread_mutex_t lock;
	pthread_cond_t idle; /* a volume is not busy any more */
	struct volume *first;
	/* Drivers stay open. */
	pthread_mutex_t opening;
	struct volumes *drivers[VOLUME_DRIVERS_MAX];
	size_t n_drivers;
	char *standard; /* the default driver's name in Docker's API */
};

/* ---- drivers.c ---- */
int volume_drivers_open(struct volume_table *all, struct error *err);
/* By name; "": the default.  Opened at first use. */
int volume_drivers_get(struct volume_table *all, const char *name, struct volumes **ret, struct error *err);
void volume_drivers_close(struct volume_table *all);

/* ---- row.c ---- */
int volume_save(const struct volume *v, enum volume_phase phase, struct error *err);
int volume_forget(const struct volume *v, struct error *err);
/* Its files are half an image's: it was empty before the copying began, and is again. */
int volume_empty_again(struct volume *v, struct error *err);
/* All rows into the table, with their drivers; half-made ones are finished or undone. */
int volume_rows_load(struct volume_table *all, struct error *err);

/* ---- table.c ---- */
struct volume *volume_new(struct volume_table *all, const char *name, const char *driver);
void volume_free(struct volume *v);
/* With the lock: waits until it is not busy; NULL when it is not, or no longer, there. */
struct volume *volume_find_idle(struct volume_table *all, const char *name);
/* Out of the table, with the lock; the table's reference becomes the caller's. */
void volume_drop(struct volume *v);
int volume_hold_locked(struct volume *v, const char *container, struct error *err);
/* Busy, once nobody else is at it; NOT_FOUND when it was removed.  Then idle again. */
int volume_set_busy(struct volume *v, struct error *err);
void volume_set_idle(struct volume *v);
void volume_event(const struct volume *v, const char *action);

/* ---- create.c ---- */
int volume_ask_driver(struct volume *v, bool repeat, struct error *err);
int volume_ask_removal(struct volume *v, bool force, struct error *err);

#endif
