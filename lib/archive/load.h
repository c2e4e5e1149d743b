/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading an archive of images: what `docker save` writes (manifest.json, with layers as <id>/layer.tar, as
 * symlinks to each other, or as blobs/sha256/...) and OCI image layouts (oci-layout, index.json;
 * image-spec 1.1).  Where both are there, manifest.json counts, as for Docker.  Archives of Docker
 * before 1.10, with `repositories` alone, are refused.
 *
 * One pass over a stream that need not be seekable: every file goes to a folder of the job under the digest
 * of its bytes; then the images are put together from what the archive says of itself, and only blobs that an
 * image uses reach the blobs folder.  Checked here: each file named by a digest has it, sizes, that documents
 * say one thing only (image-spec, "mediaType"), that an uncompressed layer is the one its configuration
 * names.  A compressed layer's diff id is checked when it is unpacked.
 */
#ifndef GANTRY_ARCHIVE_LOAD_H
#define GANTRY_ARCHIVE_LOAD_H

#include "lib/archive/decoder.h"
#include "lib/archive/limits.h"
#include "lib/base/digest.h"
#include "lib/base/error.h"
#include "lib/rootfs/cancel.h"

#include <stddef.h>
#include <stdint.h>

#define ARCHIVE_JSON_MAX   (4u << 20) /* bytes of a manifest, index or configuration */
#define ARCHIVE_FILES_MAX  20000
#define ARCHIVE_IMAGES_MAX 1000
#define ARCHIVE_LAYERS_MAX 512
#define ARCHIVE_TAGS_MAX   1000
#define ARCHIVE_TAG_SIZE   512 /* with the NUL */

struct archive_layer {
	char blob[DIGEST_SIZE], diff_id[DIGEST_SIZE];
	const char *media_type; /* OCI's, by what the bytes are; static */
	enum archive_compression compression;
	uint64_t size; /* of the blob */
};

struct archive_image {
	char config[DIGEST_SIZE];
	char manifest[DIGEST_SIZE]; /* "" when the archive has none */
	struct archive_layer *layers;
	size_t n_layers;
	char **tags; /* as written, NULL-ended; NULL: none.  Not judged as references. */
};

struct archive_images {
	struct archive_image *images;
	size_t n;
};

struct archive_load_options {
	struct archive_limits limits;
	const char *os, *architecture; /* which manifest of an index; NULL: the first one */
	const char *variant;           /* NULL: any */
	const struct rootfs_cancel *cancel;
};

/* Reads fd (a tar, plain or compressed).  tmp: an empty directory of the job, opened for reading, empty again
 * afterwards; blobs: the directory of blobs by their 64 digits, on the same file system.  Blobs that are
 * there already are kept.  Nothing is synced: that is one syncfs for the caller, before the images are
 * recorded. Errors: ERROR_INVALID with what is wrong in the archive; ERROR_NOT_FOUND: no image for the
 * platform. */
int archive_load(int fd, int tmp, int blobs, const struct archive_load_options *options,
	struct archive_images *ret, struct error *err);

void archive_images_done(struct archive_images *images);

#endif
