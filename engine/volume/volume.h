/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's volumes: folders that outlive containers, kept by volume drivers.  A volume is found or made by
 * name, held by the containers that name it, used by those that run.
 *
 * A volume's row says how far it has come: creating (removed at the next start), ready, filling (files of an
 * image are being copied into it: emptied at the next start), removing (finished then).
 * Threads: any.  The table's lock is never held while a driver, the database or a worker is waited for; who
 * wants a volume that is being made, filled or removed waits for the end of that.
 */
#ifndef GANTRY_ENGINE_VOLUME_H
#define GANTRY_ENGINE_VOLUME_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct engine;
struct filters;
struct gty_tree;
struct json;
struct volume;
struct volume_table;

#define VOLUME_NAME_SIZE 256

/* ---- all of them --------------------------------------------------------------- */
/* Reads the rows, opens the drivers that they name and the default one, finishes or undoes what was half
 * made. */
int volumes_open(struct engine *engine, struct volume_table **ret, struct error *err);
void volumes_close(struct volume_table *all); /* NULL is allowed */

/* The volume with this name; NOT_FOUND "get NAME: no such volume".  Released by volume_unref. */
int volumes_find(struct volume_table *all, const char *name, struct volume **ret, struct error *err);

struct volume_ask {
	const char *name;                    /* NULL or "": a random one; the volume is anonymous then */
	bool anonymous;                      /* name was made up by the caller (id_new) */
	const char *driver;                  /* NULL or "": the default */
	const struct json *options, *labels; /* objects of strings, or NULL; copied */
};
/* Finds it, or makes it.  holder: a container that holds it from then on, or NULL.  Errors: INVALID for a
 * name or an option; NOT_FOUND for a driver; CONFLICT when it is there with another driver. */
int volumes_make(struct volume_table *all, const struct volume_ask *ask, const char *holder,
	struct volume **ret, struct error *err);

/* DELETE: CONFLICT with the holders' ids while containers hold it; force: one that is not there is no error,
 * and a driver removes what is damaged. */
int volumes_remove(struct volume_table *all, const char *name, bool force, struct error *err);

/* GET /volumes, POST /volumes/prune: *ret is Docker's answer.  all: not only anonymous ones. */
int volumes_list(
	struct volume_table *all, const struct filters *filters, struct json **ret, struct error *err);
int volumes_prune(struct volume_table *all, const struct filters *filters, bool named, struct json **ret,
	struct error *err);

/* ---- one ------------------------------------------------------------------------ */
struct volume *volume_ref(struct volume *v);
void volume_unref(struct volume *v); /* NULL is allowed */
/* Valid as long as the reference. */
const char *volume_name(const struct volume *v);
const char *volume_driver(const struct volume *v); /* its name in Docker's API */
const char *volume_where(const struct volume *v);  /* Mountpoint; "" when the driver knows none */
int volume_show(const struct volume *v, struct json **ret, struct error *err);

/* A container that names it: it is not removed meanwhile.  Repeatable. */
int volume_hold(struct volume *v, const char *container, struct error *err);
void volume_release(struct volume *v, const char *container);

/* Copies the content of src (a directory, O_RDONLY) into the volume when that is empty, with src's owner and
 * mode.  holder: the container for which that happens.  *ret_skipped (may be NULL): the volume is mounted by
 * containers themselves, so that nothing can be copied into it here. */
int volume_fill(struct volume *v, const char *holder, int src, bool *ret_skipped, struct error *err);

/* The tree for a container; repeatable with an equal holder.  subpath: "" or a clean relative path.
 * reply_free(*ret) closes its descriptor. */
int volume_use(struct volume *v, const char *holder, const char *subpath, bool read_only,
	struct gty_tree **ret, struct error *err);
/* Repeatable. */
void volume_unuse(struct volume *v, const char *holder);
/* The event "mount": a container that starts has it at destination. */
void volume_event_mount(
	const struct volume *v, const char *container, const char *destination, bool read_only);
void volume_event_unmount(const struct volume *v, const char *container);

#endif
