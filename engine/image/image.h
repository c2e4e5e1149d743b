/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's images: content-addressed blobs in data-root/blobs/sha256, configurations and names in the
 * database, layers unpacked by gantry-worker into the storage driver that needs them.  An image is found
 * by a reference and kept by a count: a kept one may be removed meanwhile, its memory stays.
 *
 * Order on disk: blobs are synced before the rows that name them; a blob, or a staged layer, that no row
 * names is removed at the next start.
 * Threads: every function may be called from any; import, load and layer wait for a worker.
 */
#ifndef GANTRY_ENGINE_IMAGE_H
#define GANTRY_ENGINE_IMAGE_H

#include "lib/base/digest.h"
#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct filters;
struct image;
struct images;
struct json;
struct storage;

/* Uses engine's config, data_dir, state, events, storages.  Reads the rows, removes what no row names. */
int images_open(struct engine *engine, struct images **ret, struct error *err);
void images_close(struct images *all);
size_t images_count(struct images *all);

/* By reference (name[:tag][@digest], familiar or whole), "sha256:<id>", id, or unique prefix of an id.
 * NOT_FOUND "No such image: X:tag" in Docker's words.  The caller releases *ret. */
int image_find(struct images *all, const char *ref, struct image **ret, struct error *err);
/* By its whole id, also one that was removed by force while a container holds it.  -ENOENT. */
int image_find_held(struct images *all, const char *id, struct image **ret);
struct image *image_ref(struct image *image);
void image_unref(struct image *image); /* NULL is allowed */

const char *image_id(const struct image *image); /* "sha256:<64 hex>" */
/* The image's configuration document ("config", "rootfs", "architecture", ...); the image's. */
const struct json *image_document(const struct image *image);

/* Containers hold images so that they are not removed under them; counted by container: `running` as the
 * container's state changes.  Both lists feed inspect's and remove's words. */
void image_hold(struct image *image, const char *container_id);
void image_hold_running(struct image *image, const char *container_id, bool running);
void image_release(struct image *image, const char *container_id);
/* Drops what was removed by force and is held no more: once at the start, when all holders are known. */
void images_settle(struct images *all);

/* Makes sure that all layers are in the storage, unpacking what is not (one at a time for each layer: a
 * second caller waits), and writes the topmost one's id ("" for an image without layers). */
int image_layers(struct image *image, struct storage *storage, char ret_top[DIGEST_SIZE], struct error *err);

/* Tells of progress, as jsonmessage objects: {"stream": ...}, {"status": ...}.  A negative answer (the client
 * went away) ends the telling, not the work. */
typedef int image_progress(void *ctx, const struct json *message);

/* An archive of images (docker-archive, OCI layout; plain or compressed) from fd, which need not be
 * seekable.  Tells "Loaded image: NAME" or "Loaded image ID: ..." for each. */
int image_load(struct images *all, int fd, const char *platform, image_progress *progress, void *ctx,
	struct error *err);

struct image_import {
	const char *repo, *tag;    /* NULL or "": no name */
	const char *message;       /* of the history; NULL: "Imported from -" */
	const char *source;        /* "-" */
	const char *platform;      /* "os/arch[/variant]"; NULL: this host's */
	const struct json *config; /* the image's Config, from `changes`; NULL: empty */
};
/* A root file system's tar from fd.  ret_id: the new image's. */
int image_import(struct images *all, int fd, const struct image_import *what, char ret_id[DIGEST_SIZE],
	struct error *err);

/* GET /images/{name}/json, GET /images/json. */
int image_inspect(struct image *image, struct json **ret, struct error *err);
struct image_list {
	bool all, digests, shared_size, count_containers;
	const struct filters *filters; /* or NULL */
};
int images_list(struct images *all, const struct image_list *what, struct json **ret, struct error *err);

int image_tag(struct images *all, const char *ref, const char *repo, const char *tag, struct error *err);
/* ret: [{"Untagged": ...}, {"Deleted": ...}]. */
int image_remove(
	struct images *all, const char *ref, bool force, bool noprune, struct json **ret, struct error *err);

#endif
