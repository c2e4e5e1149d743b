/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What gantryd asks of gantry-worker: one message with one job and its descriptors, one answer.  A worker is
 * a process of one job; gantryd and it are of one build, so that there is no version but the magic.  The end
 * of the socket is the end of the job on both sides.
 */
#ifndef GANTRY_PROTO_WORKER_H
#define GANTRY_PROTO_WORKER_H

#include "lib/base/digest.h"
#include "lib/base/error.h"

#include <stddef.h>
#include <stdint.h>

#define PROTO_WORKER_MAGIC UINT32_C(0x574b5447)
#define PROTO_WORKER_FD    3 /* where a worker finds its socket */
#define PROTO_WORKER_FDS   4

enum proto_worker_job {
	/* A layer's blob into a folder.  Descriptors: blob, folder. */
	PROTO_WORKER_UNPACK = 1,
	/* An archive of images into blobs.  Descriptors: archive, empty folder, folder of blobs, file for the
	 * list of images as JSON: [{"config", "manifest", "tags": [], "layers": [{"blob", "diffId",
	 * "mediaType", "size"}]}]. */
	PROTO_WORKER_LOAD = 2,
	/* A root file system's tar into a blob, plain.  Descriptors: archive, empty folder, folder of blobs.
	 */
	PROTO_WORKER_IMPORT = 3,
	/* The content of a folder into an empty one.  Descriptors: source, target. */
	PROTO_WORKER_COPY = 4,
};

struct proto_worker_request {
	uint32_t magic, size, job;
	uint32_t whiteouts;                                  /* UNPACK: GTY_WHITEOUT_* */
	char blob_digest[DIGEST_SIZE], diff_id[DIGEST_SIZE]; /* UNPACK: what must come out */
	char os[32], architecture[32], variant[32];          /* LOAD: "" is any */
};

struct proto_worker_reply {
	uint32_t magic, size;
	int32_t result; /* 0 or -errno, with err */
	uint32_t reserved;
	struct error err;
	char diff_id[DIGEST_SIZE]; /* UNPACK, IMPORT */
	uint64_t plain_size, file_bytes, entries;
};

#define PROTO_WORKER_LIST_MAX (16u << 20)

/* 0 or -errno; blocks. */
int proto_worker_send(int sock, const void *message, size_t n, const int *fds, size_t nfds);
/* Receives exactly n bytes of a message with the magic and size in front; descriptors as fd_recv.  0, -errno,
 * -ECONNRESET for the end. */
int proto_worker_recv(int sock, void *message, size_t n, int *fds, size_t *nfds);

#endif
