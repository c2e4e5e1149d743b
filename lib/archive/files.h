/* SPDX-License-Identifier: Apache-2.0 */
/* The files of an archive of images, kept by the digest of their bytes and found by their paths. */
#ifndef GANTRY_ARCHIVE_FILES_H
#define GANTRY_ARCHIVE_FILES_H

#include "lib/archive/load.h"
#include "lib/json/json.h"

#include <stdbool.h>

struct file {
	char *path; /* cleaned, owned */
	char *link; /* the path it stands for, cleaned, owned; NULL: it has bytes */
	char digest[DIGEST_SIZE];
	uint64_t size;
	enum archive_compression compression;
};

struct files {
	int tmp; /* where the bytes are, by their 64 digits */
	struct file *list;
	size_t n, room;
	struct file **by_path, **by_digest; /* sorted */
	size_t n_digests;
};

/* Reads the whole archive.  On failure too, files_done is due. */
int files_read(
	struct files *f, int fd, int tmp, const struct archive_load_options *options, struct error *err);

/* Frees the memory and deletes what is left in tmp. */
void files_done(struct files *f);

/* The file at path, through symlinks and hard links of the archive.  NULL: there is none. */
const struct file *files_find(const struct files *f, const char *path);
const struct file *files_find_digest(const struct files *f, const char *digest);

/* The document in a file; what names it in errors. */
int files_json(const struct files *f, const struct file *file, const char *what, struct json **ret,
	struct error *err);

/* Moves the bytes into the directory blobs, unless they are there. */
int files_publish(const struct files *f, const char *digest, int blobs, struct error *err);

#endif
