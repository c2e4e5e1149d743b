/* SPDX-License-Identifier: Apache-2.0 */
/* New images: from an archive of images, and from a root file system's tar. */
#include "engine/image/store.h"

#include "engine/engine.h"
#include "engine/storages.h"
#include "engine/worker.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/str.h"
#include "lib/base/timefmt.h"
#include "lib/json/json.h"
#include "lib/proto/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#define DOCUMENT_MAX (4u << 20)
#define TAGS_MAX     1000

/* ---- platforms --------------------------------------------------------------------------- */
struct platform {
	char os[32], architecture[32], variant[32];
};

static const char *host_architecture(void)
{
	static const char *const names[][2] = { { "x86_64", "amd64" }, { "aarch64", "arm64" },
		{ "armv7l", "arm" }, { "i686", "386" }, { "riscv64", "riscv64" }, { "ppc64le", "ppc64le" },
		{ "s390x", "s390x" } };
	static struct utsname u;

	uname(&u);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(u.machine, names[i][0]) == 0)
			return names[i][1];
	return u.machine;
}

/* "linux", "linux/arm64", "linux/arm/v7"; NULL is the host's. */
static int read_platform(const char *text, struct platform *ret, struct error *err)
{
	auto_str_list char **parts = NULL;
	int r = 0;

	memset(ret, 0, sizeof *ret);
	path_format(ret->os, sizeof ret->os, "linux");
	path_format(ret->architecture, sizeof ret->architecture, "%s", host_architecture());
	if (!text || !*text)
		return 0;
	if (str_split(text, '/', 3, &parts) < 0 || str_list_count(parts) == 0)
		return error_invalid(
			err, "invalid platform: '%s': use os/architecture or os/architecture/variant", text);
	size_t n = str_list_count(parts);
	r = path_format(ret->os, sizeof ret->os, "%s", parts[0]);
	if (r == 0 && n > 1)
		r = path_format(ret->architecture, sizeof ret->architecture, "%s", parts[1]);
	if (r == 0 && n > 2)
		r = path_format(ret->variant, sizeof ret->variant, "%s", parts[2]);
	if (r < 0 || strcmp(ret->os, "linux") != 0)
		return error_invalid(err, "invalid platform: '%s': images of Linux run here", text);
	return 0;
}

/* ---- what a worker has made ---------------------------------------------------------------- */
static int sync_blobs(struct images *all, struct error *err)
{
	return syncfs(all->blobs) < 0 ? error_sys(err, errno, "cannot sync the blobs") : 0;
}

static int read_document(struct images *all, const char *config, struct json **ret, struct error *err)
{
	if (!digest_is_valid(config))
		return error_invalid(err, "'%s' is no digest", config);
	return json_load(all->blobs, digest_hex(config), DOCUMENT_MAX, 0, ret, err);
}

static int read_tags(const struct json *list, struct reference **ret, size_t *ret_n, struct error *err)
{
	size_t n = json_count(list);
	struct reference *tags = calloc(n + 1, sizeof *tags);
	int r = n > TAGS_MAX ? error_invalid(err, "more than %d names of one image", TAGS_MAX) : 0;

	if (!tags)
		return error_sys(err, ENOMEM, "cannot keep an image's names");
	for (size_t i = 0; r == 0 && i < n; i++) {
		const char *text;
		r = json_item_string(list, i, &text, err);
		if (r == 0)
			r = reference_parse(text, &tags[i], err);
		if (r == 0) {
			tags[i].digest[0] = '\0';
			reference_default_tag(&tags[i]);
		}
	}
	if (r < 0) {
		free(tags);
		return r;
	}
	*ret = tags;
	*ret_n = n;
	return 0;
}

/* ---- load --------------------------------------------------------------------------------------- */
struct loading {
	struct images *all;
	image_progress *progress;
	void *ctx;
};

static void tell(struct loading *l, const char *words, const char *what)
{
	auto_json struct json *message = json_new_object();
	auto_str struct str text = STR_INIT(4096);

	if (!l->progress)
		return;
	str_addf(&text, "%s%s\n", words, what);
	json_set_string(message, "stream", str_text(&text));
	if (l->progress(l->ctx, message) < 0)
		l->progress = NULL;
}

static void tell_loaded(struct loading *l, const struct image *image, const struct reference *tags, size_t n)
{
	char name[REFERENCE_SIZE];

	for (size_t i = 0; i < n; i++)
		tell(l, "Loaded image: ", reference_familiar(&tags[i], name));
	if (n == 0)
		tell(l, "Loaded image ID: ", image->id);
	store_event(l->all, image, "load", image->id);
}

static int add_image(struct loading *l, const struct json *item, struct error *err)
{
	struct images *all = l->all;
	auto_free struct reference *tags = NULL;
	struct json *document = NULL;
	struct image *image;
	const char *config;
	char top[DIGEST_SIZE];
	size_t n_tags = 0;
	int r = json_get_string(item, "config", &config, err);

	if (r == 0)
		r = read_tags(json_at(item, "tags"), &tags, &n_tags, err);
	if (r == 0)
		r = read_document(all, config, &document, err);
	if (r == 0)
		r = image_new(all, config, document, json_at(item, "layers"), &image, err);
	if (r < 0)
		return r;
	r = image_layers(image, storages_default(all->engine->storages), top, err);
	if (r == 0)
		r = sync_blobs(all, err);
	fault_point("image.unpacked");
	if (r == 0)
		r = store_add(all, &image, tags, n_tags, err);
	if (r == 0)
		tell_loaded(l, image, tags, n_tags);
	image_unref(image);
	return r;
}

static int read_list(int fd, struct json **ret, struct error *err)
{
	off_t size = lseek(fd, 0, SEEK_END);

	if (size <= 0 || (uint64_t)size > PROTO_WORKER_LIST_MAX || lseek(fd, 0, SEEK_SET) < 0)
		return error_set(err, ERROR_INTERNAL, EBADMSG, "gantry-worker gave no list of images");
	auto_free char *text = malloc((size_t)size);
	if (!text || fd_read_full(fd, text, (size_t)size) != size)
		return error_sys(err, ENOMEM, "cannot read the list of images");
	return json_parse(text, (size_t)size, 0, ret, err);
}

static int run_load(
	struct images *all, int fd, const struct platform *p, struct json **ret, struct error *err)
{
	struct proto_worker_request q = { .job = PROTO_WORKER_LOAD };
	struct proto_worker_reply reply;
	char name[ID_SHORT_SIZE];
	auto_close int list = memfd_create("images", MFD_CLOEXEC);
	auto_close int folder = list < 0 ? -1 : job_folder_make(all, name, err);

	if (list < 0)
		return error_sys(err, errno, "cannot make a file in memory");
	if (folder < 0)
		return folder;
	memcpy(q.os, p->os, sizeof q.os);
	memcpy(q.architecture, p->architecture, sizeof q.architecture);
	memcpy(q.variant, p->variant, sizeof q.variant);
	int fds[4] = { fd, folder, all->blobs, list };
	int r = worker_run(all->engine, &q, fds, 4, &reply, err);
	job_folder_remove(all, name);
	return r < 0 ? r : read_list(list, ret, err);
}

/* What a failed job has put there is nobody's. */
static void end_job(struct images *all, bool failed)
{
	pthread_mutex_lock(&all->lock);
	all->sweep_due |= failed;
	pthread_mutex_unlock(&all->lock);
	store_end_job(all);
}

int image_load(struct images *all, int fd, const char *platform, image_progress *progress, void *ctx,
	struct error *err)
{
	struct loading l = { .all = all, .progress = progress, .ctx = ctx };
	auto_json struct json *list = NULL;
	struct platform p;
	int r = read_platform(platform, &p, err);

	if (r < 0)
		return r;
	store_begin_job(all);
	r = run_load(all, fd, &p, &list, err);
	for (size_t i = 0; r == 0 && i < json_count(list); i++)
		r = add_image(&l, json_item(list, i), err);
	end_job(all, r < 0);
	return r;
}

/* ---- import -------------------------------------------------------------------------------------- */
static int name_of(const struct image_import *what, struct reference *ret, size_t *ret_n, struct error *err)
{
	*ret_n = 0;
	if (!what->repo || !*what->repo)
		return 0;
	int r = reference_parse(what->repo, ret, err);
	if (r == 0 && ret->digest[0])
		r = error_invalid(err, "cannot import digest reference");
	if (r == 0 && what->tag && *what->tag && path_format(ret->tag, sizeof ret->tag, "%s", what->tag) < 0)
		r = error_invalid(err, "invalid tag format");
	if (r < 0)
		return r;
	reference_default_tag(ret);
	*ret_n = 1;
	return 0;
}

static struct json *make_document(
	const struct image_import *what, const struct platform *p, const char *diff_id)
{
	struct json *doc = json_new_object();
	char now[TIMEFMT_SIZE];
	auto_str struct str comment = STR_INIT(4096);

	timefmt_rfc3339nano(clock_real_ns(), now);
	if (what->message && *what->message)
		str_add(&comment, what->message);
	else
		str_addf(&comment, "Imported from %s", what->source ? what->source : "-");
	json_set_string(doc, "architecture", p->architecture);
	if (p->variant[0])
		json_set_string(doc, "variant", p->variant);
	json_set_string(doc, "comment", str_text(&comment));
	if (what->config)
		json_set(doc, "config", json_copy(what->config));
	else
		json_set_object(doc, "config");
	json_set_string(doc, "created", now);
	struct json *history = json_add_object(json_set_array(doc, "history"));
	json_set_string(history, "created", now);
	json_set_string(history, "comment", str_text(&comment));
	json_set_string(doc, "os", p->os);
	struct json *rootfs = json_set_object(doc, "rootfs");
	json_set_string(rootfs, "type", "layers");
	json_add_string(json_set_array(rootfs, "diff_ids"), diff_id);
	return doc;
}

static int write_document(
	struct images *all, const struct json *doc, char ret_id[DIGEST_SIZE], struct error *err)
{
	auto_str struct str text = STR_INIT(DOCUMENT_MAX);
	int r = json_print(doc, NULL, &text);

	if (r == 0) {
		sha_digest(text.data, text.len, ret_id);
		r = fd_replace_file(all->blobs, digest_hex(ret_id), text.data, text.len, 0600, false);
	}
	return r < 0 ? error_sys(err, -r, "cannot write an image's configuration") : 0;
}

static int run_import(struct images *all, int fd, struct proto_worker_reply *reply, struct error *err)
{
	struct proto_worker_request q = { .job = PROTO_WORKER_IMPORT };
	char name[ID_SHORT_SIZE];
	auto_close int folder = job_folder_make(all, name, err);

	if (folder < 0)
		return folder;
	int fds[3] = { fd, folder, all->blobs };
	int r = worker_run(all->engine, &q, fds, 3, reply, err);
	job_folder_remove(all, name);
	return r;
}

static int import(struct images *all, int fd, const struct image_import *what, char ret_id[DIGEST_SIZE],
	struct error *err)
{
	struct proto_worker_reply reply;
	struct reference name = { 0 };
	struct platform p;
	char id[DIGEST_SIZE], top[DIGEST_SIZE], familiar[REFERENCE_SIZE];
	struct image *image;
	size_t n_names = 0;
	int r = read_platform(what->platform, &p, err);

	if (r == 0)
		r = name_of(what, &name, &n_names, err);
	if (r == 0)
		r = run_import(all, fd, &reply, err);
	if (r < 0)
		return r;
	struct json *doc = make_document(what, &p, reply.diff_id);
	auto_json struct json *layers = json_new_array();
	struct json *layer = json_add_object(layers);
	json_set_string(layer, "blob", reply.diff_id);
	json_set_string(layer, "mediaType", "application/vnd.oci.image.layer.v1.tar");
	json_set_uint(layer, "size", reply.plain_size);
	r = write_document(all, doc, id, err);
	if (r < 0) {
		json_free(doc);
		return r;
	}
	r = image_new(all, id, doc, layers, &image, err);
	if (r < 0)
		return r;
	r = image_layers(image, storages_default(all->engine->storages), top, err);
	if (r == 0)
		r = sync_blobs(all, err);
	if (r == 0)
		r = store_add(all, &image, &name, n_names, err);
	if (r == 0) {
		if (n_names)
			store_event(all, image, "tag", reference_familiar(&name, familiar));
		store_event(all, image, "import", image->id);
		memcpy(ret_id, image->id, DIGEST_SIZE);
	}
	image_unref(image);
	return r;
}

int image_import(struct images *all, int fd, const struct image_import *what, char ret_id[DIGEST_SIZE],
	struct error *err)
{
	store_begin_job(all);
	int r = import(all, fd, what, ret_id, err);
	end_job(all, r < 0);
	return r;
}
