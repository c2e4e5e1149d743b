/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images in memory, as the files of this folder see them.  One lock for all: nothing below is waited for
 * under it but the database's rows of a change, so that memory and rows agree.
 */
#ifndef GANTRY_ENGINE_IMAGE_STORE_H
#define GANTRY_ENGINE_IMAGE_STORE_H

#include "engine/image/image.h"
#include "lib/base/id.h"
#include "lib/model/reference.h"

#include <pthread.h>
#include <stdatomic.h>

struct image_layer {
	char blob[DIGEST_SIZE], diff_id[DIGEST_SIZE];
	char chain[DIGEST_SIZE]; /* of it and all below (OCI image spec, config.md, "Layer ChainID") */
	char media_type[80];
	uint64_t blob_size;
	uint64_t size; /* unpacked; 0: not known yet */
};

struct holder {
	struct holder *next;
	char container[ID_SIZE];
	bool running;
};

struct image {
	struct images *all;
	atomic_uint refs;
	char id[DIGEST_SIZE];
	struct json *document;
	struct image_layer *layers;
	size_t n_layers;
	/* Under the lock. */
	struct image *next;
	struct holder *holders;
	int64_t tagged_ns;
	bool hidden; /* removed by force while containers hold it: gone with the last of them */
};

struct tag {
	struct tag *next;
	char whole[REFERENCE_SIZE];
	struct image *image;
};

/* A layer that a storage has. */
struct unpacked {
	struct unpacked *next;
	struct storage *storage;
	char hex[ID_SIZE]; /* of its chain id */
	uint64_t size;
};

/* A layer that is being unpacked. */
struct busy_layer {
	struct busy_layer *next;
	const struct storage *storage;
	char chain[DIGEST_SIZE];
};

struct images {
	struct engine *engine;
	int blobs, tmp; /* O_DIRECTORY */
	pthread_mutex_t lock;
	pthread_cond_t unpacked;
	struct image *list; /* newest first */
	struct tag *tags;
	struct busy_layer *busy;
	struct unpacked *there; /* the latest first */
	unsigned jobs;          /* that add blobs */
	bool sweep_due;         /* when they have ended */
};

/* ---- store.c ---- */
/* From the document of a configuration and its layers' blobs; sizes 0.  The caller's. */
int image_new(struct images *all, const char *id, struct json *take_document, const struct json *layers,
	struct image **ret, struct error *err);
/* With the lock.  NULL: none. */
struct image *store_by_id(struct images *all, const char *id, bool hidden_too);
struct image *store_by_tag(struct images *all, const char *whole);
struct tag *store_tag(struct images *all, const char *whole);
size_t store_count_tags(struct images *all, const struct image *image);

/* Takes the lock: makes rows for the image (unless one of its id is there, which *inout then becomes) and its
 * tags, which leave other images.  Blobs are on disk. */
int store_add(struct images *all, struct image **inout, const struct reference *tags, size_t n_tags,
	struct error *err);

/* With the lock: rows, memory, and what they alone needed. */
int store_drop_tag(struct images *all, struct tag *tag, struct error *err);
int store_drop_image(struct images *all, struct image *image, struct error *err);
int store_save(struct images *all, struct image *image, struct error *err);

void store_event(struct images *all, const struct image *image, const char *action, const char *name);

/* Jobs that add blobs: what nobody names yet is left alone meanwhile. */
void store_begin_job(struct images *all);
void store_end_job(struct images *all);
/* With the lock: removes blobs that no image names, now or when the jobs have ended. */
void store_sweep(struct images *all);

/* ---- layers.c ---- */
int layers_load(struct images *all, struct error *err);
/* With the lock: removes layers, in all storages, that no image has. */
void layers_sweep(struct images *all);

/* ---- job.c ---- */
/* A folder of a job in data-root/tmp: its descriptor; removed with all in it. */
int job_folder_make(struct images *all, char name[ID_SHORT_SIZE], struct error *err);
void job_folder_remove(struct images *all, const char *name);

/* ---- sha.c ---- */
/* "sha256:..." of bytes. */
void sha_digest(const void *data, size_t n, char ret[DIGEST_SIZE]);
/* The chain id of a layer on a chain ("" for the first). */
void sha_chain(const char *below, const char *diff_id, char ret[DIGEST_SIZE]);

#endif
