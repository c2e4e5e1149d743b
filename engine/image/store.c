/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/image/store.h"

#include "engine/engine.h"
#include "engine/events/events.h"
#include "engine/state/state.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "lib/base/path.h"
#include "lib/json/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DOCUMENT_MAX (4u << 20)

/* ---- one image -------------------------------------------------------------------------- */
static int read_layer(const struct json *o, const char *diff_id, const char *below, struct image_layer *ret,
	struct error *err)
{
	const char *blob, *type;
	int r = json_get_string(o, "blob", &blob, err);

	if (r == 0)
		r = digest_parse(blob, ret->blob, err);
	if (r == 0)
		r = json_opt_string(o, "mediaType", "", &type, err);
	if (r == 0)
		r = json_opt_uint(o, "size", 0, INT64_MAX, &ret->blob_size, err);
	if (r == 0)
		r = json_opt_uint(o, "unpacked", 0, INT64_MAX, &ret->size, err);
	if (r == 0)
		r = digest_parse(diff_id, ret->diff_id, err);
	if (r < 0)
		return r;
	strncpy(ret->media_type, type, sizeof ret->media_type - 1);
	sha_chain(below, ret->diff_id, ret->chain);
	return 0;
}

static int read_layers(struct image *image, const struct json *blobs, struct error *err)
{
	const struct json *rootfs, *diff_ids;
	int r = json_get_object(image->document, "rootfs", &rootfs, err);

	if (r == 0)
		r = json_opt_array(rootfs, "diff_ids", &diff_ids, err);
	if (r < 0)
		return r;
	size_t n = json_count(diff_ids);
	if (n != json_count(blobs))
		return error_invalid(err, "the image's configuration names %zu layers, its manifest %zu", n,
			json_count(blobs));
	image->layers = calloc(n + 1, sizeof *image->layers);
	if (!image->layers)
		return error_sys(err, ENOMEM, "cannot keep an image");
	for (size_t i = 0; r == 0 && i < n; i++) {
		const char *diff_id;
		r = json_item_string(diff_ids, i, &diff_id, err);
		if (r == 0)
			r = read_layer(json_item(blobs, i), diff_id, i ? image->layers[i - 1].chain : "",
				&image->layers[i], err);
		image->n_layers += r == 0;
	}
	return r;
}

int image_new(struct images *all, const char *id, struct json *take_document, const struct json *layers,
	struct image **ret, struct error *err)
{
	struct image *image = calloc(1, sizeof *image);

	if (!image) {
		json_free(take_document);
		return error_sys(err, ENOMEM, "cannot keep an image");
	}
	atomic_init(&image->refs, 1);
	image->all = all;
	image->document = take_document;
	int r = digest_parse(id, image->id, err);
	if (r == 0)
		r = read_layers(image, layers, err);
	if (r < 0) {
		image_unref(image);
		return r;
	}
	*ret = image;
	return 0;
}

struct image *image_ref(struct image *image)
{
	atomic_fetch_add_explicit(&image->refs, 1, memory_order_relaxed);
	return image;
}

void image_unref(struct image *image)
{
	if (!image || atomic_fetch_sub_explicit(&image->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (struct holder *h = image->holders, *next; h; h = next) {
		next = h->next;
		free(h);
	}
	json_free(image->document);
	free(image->layers);
	free(image);
}

const char *image_id(const struct image *image)
{
	return image->id;
}

const struct json *image_document(const struct image *image)
{
	return image->document;
}

/* ---- rows --------------------------------------------------------------------------------- */
static char *row_of(const struct image *image)
{
	auto_json struct json *doc = json_new_object();
	struct json *layers = json_set_array(doc, "layers");

	for (size_t i = 0; i < image->n_layers; i++) {
		struct json *l = json_add_object(layers);
		json_set_string(l, "blob", image->layers[i].blob);
		json_set_string(l, "mediaType", image->layers[i].media_type);
		json_set_uint(l, "size", image->layers[i].blob_size);
		json_set_uint(l, "unpacked", image->layers[i].size);
	}
	json_set_int(doc, "tagged", image->tagged_ns);
	json_set_bool(doc, "hidden", image->hidden);
	return json_text(doc);
}

static int put_image(struct state_txn *txn, const struct image *image)
{
	auto_free char *row = row_of(image);

	return row ? state_put(txn, STATE_IMAGE, image->id, NULL, row) : -ENOMEM;
}

int store_save(struct images *all, struct image *image, struct error *err)
{
	struct state_txn *txn = state_begin(all->engine->state);
	int r = put_image(txn, image);

	if (r == 0)
		return state_commit(txn, STATE_NOW, err);
	state_abort(txn);
	return error_sys(err, -r, "cannot keep an image");
}

/* ---- looking ---------------------------------------------------------------------------------- */
struct image *store_by_id(struct images *all, const char *id, bool hidden_too)
{
	for (struct image *i = all->list; i; i = i->next)
		if (strcmp(i->id, id) == 0)
			return i->hidden && !hidden_too ? NULL : i;
	return NULL;
}

struct tag *store_tag(struct images *all, const char *whole)
{
	for (struct tag *t = all->tags; t; t = t->next)
		if (strcmp(t->whole, whole) == 0)
			return t;
	return NULL;
}

struct image *store_by_tag(struct images *all, const char *whole)
{
	struct tag *t = store_tag(all, whole);

	return t ? t->image : NULL;
}

size_t store_count_tags(struct images *all, const struct image *image)
{
	size_t n = 0;

	for (struct tag *t = all->tags; t; t = t->next)
		n += t->image == image;
	return n;
}

size_t images_count(struct images *all)
{
	size_t n = 0;

	pthread_mutex_lock(&all->lock);
	for (struct image *i = all->list; i; i = i->next)
		n += !i->hidden;
	pthread_mutex_unlock(&all->lock);
	return n;
}

/* With the lock: a unique one that begins so; *ret_several says that there are more. */
static struct image *by_prefix(struct images *all, const char *prefix, bool *ret_several)
{
	struct image *found = NULL;

	for (struct image *i = all->list; i; i = i->next)
		if (!i->hidden && strncmp(digest_hex(i->id), prefix, strlen(prefix)) == 0) {
			*ret_several = found != NULL;
			if (found)
				return NULL;
			found = i;
		}
	return found;
}

static const char *without_algorithm(const char *ref)
{
	return strncmp(ref, DIGEST_PREFIX, sizeof DIGEST_PREFIX - 1) == 0 ? ref + sizeof DIGEST_PREFIX - 1
									  : ref;
}

static int not_found(const char *name, struct error *err)
{
	return error_set(err, ERROR_NOT_FOUND, ENOENT, "No such image: %s", name);
}

/* With the lock.  A name goes before a beginning of an id. */
static int find(struct images *all, const char *ref, struct image **ret, struct error *err)
{
	const char *hex = without_algorithm(ref);
	struct reference name;
	char whole[REFERENCE_SIZE];
	bool several = false;
	struct image *image = NULL;

	if (id_is_valid(hex)) {
		image = by_prefix(all, hex, &several);
		return image ? (*ret = image, 0) : not_found(ref, err);
	}
	int r = reference_parse(ref, &name, err);
	if (r == 0) {
		reference_default_tag(&name);
		image = store_by_tag(all, reference_whole(&name, whole));
	}
	if (!image && id_is_prefix(hex))
		image = by_prefix(all, hex, &several);
	if (several)
		return error_invalid(err, "No such image: %s: several ids begin so", ref);
	if (image) {
		*ret = image;
		return 0;
	}
	return r < 0 ? r : not_found(reference_familiar(&name, whole), err);
}

int image_find(struct images *all, const char *ref, struct image **ret, struct error *err)
{
	struct image *image = NULL;

	pthread_mutex_lock(&all->lock);
	int r = find(all, ref, &image, err);
	if (r == 0)
		*ret = image_ref(image);
	pthread_mutex_unlock(&all->lock);
	return r;
}

int image_find_held(struct images *all, const char *id, struct image **ret)
{
	pthread_mutex_lock(&all->lock);
	struct image *image = store_by_id(all, id, true);
	if (image)
		*ret = image_ref(image);
	pthread_mutex_unlock(&all->lock);
	return image ? 0 : -ENOENT;
}

/* ---- events --------------------------------------------------------------------------------------- */
void store_event(struct images *all, const struct image *image, const char *action, const char *name)
{
	auto_json struct json *attrs = json_copy(json_at(json_at(image->document, "config"), "Labels"));

	if (!attrs)
		attrs = json_new_object();
	json_set_string(attrs, "name", name);
	struct event event = { .type = "image", .action = action, .id = image->id, .attributes = attrs };
	events_publish(all->engine->events, &event);
}

/* ---- adding --------------------------------------------------------------------------------------- */
static void set_tag(struct images *all, struct tag *fresh, struct image *image)
{
	struct tag *there = store_tag(all, fresh->whole);

	if (there) {
		there->image = image;
		free(fresh);
		return;
	}
	fresh->image = image;
	fresh->next = all->tags;
	all->tags = fresh;
}

static void free_tags(struct tag *list)
{
	for (struct tag *t = list, *next; t; t = next) {
		next = t->next;
		free(t);
	}
}

static int make_tags(const struct reference *tags, size_t n, struct tag **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < n; i++) {
		struct tag *t = calloc(1, sizeof *t);
		if (!t) {
			free_tags(*ret);
			return -ENOMEM;
		}
		reference_whole(&tags[i], t->whole);
		t->next = *ret;
		*ret = t;
	}
	return 0;
}

/* With the lock. */
static int commit_rows(struct images *all, struct image *image, const struct tag *tags, struct error *err)
{
	struct state_txn *txn = state_begin(all->engine->state);
	int r = put_image(txn, image);

	for (const struct tag *t = tags; r == 0 && t; t = t->next)
		r = state_put(txn, STATE_TAG, t->whole, NULL, image->id);
	if (r == 0)
		return state_commit(txn, STATE_NOW, err);
	state_abort(txn);
	return error_sys(err, -r, "cannot keep an image");
}

int store_add(struct images *all, struct image **inout, const struct reference *tags, size_t n_tags,
	struct error *err)
{
	struct tag *fresh;

	if (make_tags(tags, n_tags, &fresh) < 0)
		return error_sys(err, ENOMEM, "cannot keep an image's names");
	pthread_mutex_lock(&all->lock);
	struct image *there = store_by_id(all, (*inout)->id, true), *image = there ? there : *inout;
	bool was_hidden = image->hidden;
	image->hidden = false;
	if (n_tags)
		image->tagged_ns = clock_real_ns();
	int r = commit_rows(all, image, fresh, err);
	if (r < 0) {
		image->hidden = was_hidden;
		pthread_mutex_unlock(&all->lock);
		free_tags(fresh);
		return r;
	}
	fault_point("image.rows");
	if (there) {
		image_unref(*inout);
		*inout = image_ref(there);
	} else {
		image->next = all->list;
		all->list = image_ref(image);
	}
	for (struct tag *t = fresh, *next; t; t = next) {
		next = t->next;
		set_tag(all, t, image);
	}
	pthread_mutex_unlock(&all->lock);
	return 0;
}

/* ---- dropping --------------------------------------------------------------------------------------- */
int store_drop_tag(struct images *all, struct tag *tag, struct error *err)
{
	struct state_txn *txn = state_begin(all->engine->state);

	state_delete(txn, STATE_TAG, tag->whole);
	int r = state_commit(txn, STATE_NOW, err);
	if (r < 0)
		return r;
	for (struct tag **p = &all->tags; *p; p = &(*p)->next)
		if (*p == tag) {
			*p = tag->next;
			free(tag);
			return 0;
		}
	return 0;
}

int store_drop_image(struct images *all, struct image *image, struct error *err)
{
	struct state_txn *txn = state_begin(all->engine->state);

	state_delete(txn, STATE_IMAGE, image->id);
	int r = state_commit(txn, STATE_NOW, err);
	if (r < 0)
		return r;
	for (struct image **p = &all->list; *p; p = &(*p)->next)
		if (*p == image) {
			*p = image->next;
			image_unref(image);
			break;
		}
	layers_sweep(all);
	store_sweep(all);
	return 0;
}

/* ---- holders ---------------------------------------------------------------------------------------- */
void image_hold(struct image *image, const char *container_id)
{
	struct holder *h = calloc(1, sizeof *h);

	if (!h)
		return; /* then it may be removed under its container, whose layer the driver keeps */
	memcpy(h->container, container_id, ID_LEN);
	pthread_mutex_lock(&image->all->lock);
	h->next = image->holders;
	image->holders = h;
	pthread_mutex_unlock(&image->all->lock);
}

void image_hold_running(struct image *image, const char *container_id, bool running)
{
	pthread_mutex_lock(&image->all->lock);
	for (struct holder *h = image->holders; h; h = h->next)
		if (strcmp(h->container, container_id) == 0)
			h->running = running;
	pthread_mutex_unlock(&image->all->lock);
}

void image_release(struct image *image, const char *container_id)
{
	struct images *all = image->all;

	pthread_mutex_lock(&all->lock);
	for (struct holder **p = &image->holders; *p; p = &(*p)->next)
		if (strcmp((*p)->container, container_id) == 0) {
			struct holder *h = *p;
			*p = h->next;
			free(h);
			break;
		}
	pthread_mutex_unlock(&all->lock);
	images_settle(all);
}

void images_settle(struct images *all)
{
	struct error err = ERROR_INIT;

	pthread_mutex_lock(&all->lock);
	for (struct image *i = all->list, *next; i; i = next) {
		next = i->next;
		if (i->hidden && !i->holders && store_drop_image(all, i, &err) < 0)
			log_warning("image %s: %s", i->id, err.text);
	}
	pthread_mutex_unlock(&all->lock);
}

/* ---- blobs ------------------------------------------------------------------------------------------- */
static bool is_named(struct images *all, const char *hex)
{
	for (struct image *i = all->list; i; i = i->next) {
		if (strcmp(digest_hex(i->id), hex) == 0)
			return true;
		for (size_t l = 0; l < i->n_layers; l++)
			if (strcmp(digest_hex(i->layers[l].blob), hex) == 0)
				return true;
	}
	return false;
}

void store_sweep(struct images *all)
{
	int fd = all->jobs ? -1 : openat(all->blobs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	all->sweep_due = all->jobs > 0;
	if (!dir && fd >= 0)
		close(fd);
	for (struct dirent *d; dir && (d = readdir(dir));)
		if (id_is_valid(d->d_name) && !is_named(all, d->d_name))
			unlinkat(all->blobs, d->d_name, 0);
	if (dir)
		closedir(dir);
}

void store_begin_job(struct images *all)
{
	pthread_mutex_lock(&all->lock);
	all->jobs++;
	pthread_mutex_unlock(&all->lock);
}

void store_end_job(struct images *all)
{
	pthread_mutex_lock(&all->lock);
	if (--all->jobs == 0 && all->sweep_due) {
		layers_sweep(all);
		store_sweep(all);
	}
	pthread_mutex_unlock(&all->lock);
}

/* ---- opening ------------------------------------------------------------------------------------------- */
static int load_image(void *ctx, const struct state_row *row, struct error *err)
{
	struct images *all = ctx;
	auto_json struct json *doc = NULL;
	struct json *document = NULL;
	struct image *image;
	const struct json *layers = NULL;
	int r = json_parse(row->body, row->body_len, 0, &doc, err);

	if (r == 0 && digest_is_valid(row->id))
		r = json_load(all->blobs, digest_hex(row->id), DOCUMENT_MAX, 0, &document, err);
	if (r == 0)
		r = json_get_array(doc, "layers", &layers, err);
	if (r == 0)
		r = image_new(all, row->id, document, layers, &image, err);
	else
		json_free(document);
	if (r < 0) { /* one damaged image does not take the others away */
		log_error("image %s cannot be read: %s: remove it, or restore its blob", row->id, err->text);
		return 0;
	}
	json_opt_int(doc, "tagged", 0, 0, INT64_MAX, &image->tagged_ns, NULL);
	json_opt_bool(doc, "hidden", false, &image->hidden, NULL);
	image->next = all->list;
	all->list = image;
	return 0;
}

static int load_tag(void *ctx, const struct state_row *row, struct error *err)
{
	struct images *all = ctx;
	struct image *image = store_by_id(all, row->body, true);
	struct tag *t = calloc(1, sizeof *t);

	if (!t)
		return error_sys(err, ENOMEM, "cannot keep an image's name");
	if (!image || strlen(row->id) >= sizeof t->whole) {
		log_warning("image name %s: its image is not there", row->id);
		free(t);
		return 0;
	}
	path_format(t->whole, sizeof t->whole, "%s", row->id);
	t->image = image;
	t->next = all->tags;
	all->tags = t;
	return 0;
}

static int open_folders(struct images *all, struct error *err)
{
	int data = all->engine->data_dir;

	if ((mkdirat(data, "blobs", 0700) < 0 && errno != EEXIST) ||
		(mkdirat(data, "blobs/sha256", 0700) < 0 && errno != EEXIST))
		return error_sys(err, errno, "cannot make the folder of blobs");
	all->blobs = openat(data, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	all->tmp = openat(data, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return all->blobs < 0 || all->tmp < 0 ? error_sys(err, errno, "cannot open the folders of images")
					      : 0;
}

int images_open(struct engine *engine, struct images **ret, struct error *err)
{
	struct images *all = calloc(1, sizeof *all);

	if (!all)
		return error_sys(err, ENOMEM, "cannot keep images");
	all->engine = engine;
	all->blobs = all->tmp = -1;
	pthread_mutex_init(&all->lock, NULL);
	pthread_cond_init(&all->unpacked, NULL);
	int r = open_folders(all, err);
	if (r == 0)
		r = state_each(engine->state, STATE_IMAGE, load_image, all, err);
	if (r == 0)
		r = state_each(engine->state, STATE_TAG, load_tag, all, err);
	if (r == 0)
		r = layers_load(all, err);
	if (r < 0) {
		images_close(all);
		return r;
	}
	store_sweep(all);
	*ret = all;
	return 0;
}

void images_close(struct images *all)
{
	if (!all)
		return;
	free_tags(all->tags);
	for (struct unpacked *u = all->there, *next; u; u = next) {
		next = u->next;
		free(u);
	}
	for (struct image *i = all->list, *next; i; i = next) {
		next = i->next;
		image_unref(i);
	}
	if (all->blobs >= 0)
		close(all->blobs);
	if (all->tmp >= 0)
		close(all->tmp);
	pthread_cond_destroy(&all->unpacked);
	pthread_mutex_destroy(&all->lock);
	free(all);
}
