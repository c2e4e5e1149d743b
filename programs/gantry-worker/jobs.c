/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry-worker/jobs.h"

#include "lib/archive/load.h"
#include "lib/archive/unpack.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "lib/rootfs/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

size_t jobs_descriptors(uint32_t job)
{
	switch (job) {
	case PROTO_WORKER_UNPACK: return 2;
	case PROTO_WORKER_LOAD: return 4;
	case PROTO_WORKER_IMPORT: return 3;
	case PROTO_WORKER_COPY: return 2;
	default: return SIZE_MAX;
	}
}

static const char *text_or_null(const char *text)
{
	return text[0] ? text : NULL;
}

static int unpack(const struct proto_worker_request *q, const int *fds, struct proto_worker_reply *reply)
{
	struct archive_unpack_options o = { .whiteouts = (enum archive_whiteouts)q->whiteouts,
		.limits = ARCHIVE_LIMITS_INIT,
		.blob_digest = text_or_null(q->blob_digest),
		.plain_digest = text_or_null(q->diff_id) };
	struct archive_unpacked done;
	int r = archive_unpack(fds[0], fds[1], &o, &done, &reply->err);

	if (r < 0)
		return r;
	memcpy(reply->diff_id, done.input.plain_digest, sizeof reply->diff_id);
	reply->plain_size = done.input.plain_size;
	reply->file_bytes = done.file_bytes;
	reply->entries = done.entries;
	return 0;
}

static void describe(struct json *list, const struct archive_image *image)
{
	struct json *o = json_add_object(list);

	json_set_string(o, "config", image->config);
	json_set_string(o, "manifest", image->manifest);
	json_set_strings(o, "tags", image->tags);
	struct json *layers = json_set_array(o, "layers");
	for (size_t i = 0; i < image->n_layers; i++) {
		struct json *l = json_add_object(layers);
		json_set_string(l, "blob", image->layers[i].blob);
		json_set_string(l, "diffId", image->layers[i].diff_id);
		json_set_string(l, "mediaType", image->layers[i].media_type);
		json_set_uint(l, "size", image->layers[i].size);
	}
}

static int write_list(const struct archive_images *images, int fd, struct error *err)
{
	auto_json struct json *list = json_new_array();
	auto_str struct str text = STR_INIT(PROTO_WORKER_LIST_MAX);

	for (size_t i = 0; i < images->n; i++)
		describe(list, &images->images[i]);
	int r = json_print(list, NULL, &text);
	if (r == 0)
		r = fd_write_all(fd, text.data, text.len);
	return r < 0 ? error_sys(err, -r, "cannot write the list of images") : 0;
}

static int load(const struct proto_worker_request *q, const int *fds, struct proto_worker_reply *reply)
{
	struct archive_load_options o = { .limits = ARCHIVE_LIMITS_INIT,
		.os = text_or_null(q->os),
		.architecture = text_or_null(q->architecture),
		.variant = text_or_null(q->variant) };
	struct archive_images images;
	int r = archive_load(fds[0], fds[1], fds[2], &o, &images, &reply->err);

	if (r < 0)
		return r;
	r = write_list(&images, fds[3], &reply->err);
	archive_images_done(&images);
	return r;
}

/* The blob is kept plain: its digest is the layer's diff id. */
static int import(const int *fds, struct proto_worker_reply *reply)
{
	struct archive_unpack_options o = { .limits = ARCHIVE_LIMITS_INIT };
	struct archive_input_totals totals;
	auto_close int out = openat(
		fds[1], "layer", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (out < 0)
		return error_sys(&reply->err, errno, "cannot make a blob");
	int r = archive_expand(fds[0], out, &o, &totals, &reply->err);
	if (r == 0 && renameat(fds[1], "layer", fds[2], digest_hex(totals.plain_digest)) < 0)
		r = error_sys(&reply->err, errno, "cannot keep the blob");
	if (r < 0) {
		unlinkat(fds[1], "layer", 0);
		return r;
	}
	memcpy(reply->diff_id, totals.plain_digest, sizeof reply->diff_id);
	reply->plain_size = totals.plain_size;
	return 0;
}

static int copy(const int *fds, struct proto_worker_reply *reply)
{
	struct rootfs_copied done = { 0 };
	int r = rootfs_copy_tree(fds[0], fds[1], NULL, &done, &reply->err);

	reply->entries = done.entries;
	reply->file_bytes = done.bytes;
	return r;
}

int jobs_run(const struct proto_worker_request *q, const int *fds, struct proto_worker_reply *reply)
{
	switch (q->job) {
	case PROTO_WORKER_UNPACK: return unpack(q, fds, reply);
	case PROTO_WORKER_LOAD: return load(q, fds, reply);
	case PROTO_WORKER_COPY: return copy(fds, reply);
	default: return import(fds, reply);
	}
}
