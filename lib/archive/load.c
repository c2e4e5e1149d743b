/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/archive/load.h"

#include "lib/archive/files.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_DEPTH_MAX 4

#define OCI_INDEX       "application/vnd.oci.image.index.v1+json"
#define OCI_MANIFEST    "application/vnd.oci.image.manifest.v1+json"
#define DOCKER_LIST     "application/vnd.docker.distribution.manifest.list.v2+json"
#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define OCI_LAYER       "application/vnd.oci.image.layer.v1.tar"

struct loading {
	struct files files;
	const struct archive_load_options *options;
	struct archive_images images;
	size_t room;
};

static int refuse_memory(struct error *err)
{
	return error_sys(err, ENOMEM, "cannot load the archive");
}

/* ---- images ------------------------------------------------------------------------------ */

static void image_done(struct archive_image *image)
{
	free(image->layers);
	str_list_free(image->tags);
}

void archive_images_done(struct archive_images *images)
{
	for (size_t i = 0; i < images->n; i++)
		image_done(&images->images[i]);
	free(images->images);
	*images = (struct archive_images){ 0 };
}

/* Takes the image over, also on failure. */
static int add_image(struct loading *l, struct archive_image *image, struct error *err)
{
	struct archive_images *all = &l->images;
	int r = 0;

	if (all->n == ARCHIVE_IMAGES_MAX)
		r = error_set(err, ERROR_EXHAUSTED, EFBIG, "archive refused: more than %d images",
			ARCHIVE_IMAGES_MAX);
	if (r == 0 && all->n == l->room) {
		size_t room = l->room ? l->room * 2 : 8;
		void *bigger = realloc(all->images, room * sizeof *all->images);
		if (bigger) {
			all->images = bigger;
			l->room = room;
		} else {
			r = refuse_memory(err);
		}
	}
	if (r < 0) {
		image_done(image);
		return r;
	}
	all->images[all->n++] = *image;
	return 0;
}

static int add_tag(struct archive_image *image, const char *tag, struct error *err)
{
	if (strlen(tag) >= ARCHIVE_TAG_SIZE || str_list_count(image->tags) == ARCHIVE_TAGS_MAX)
		return error_invalid(err, "archive refused: a tag is too long, or there are too many");
	return str_list_add(&image->tags, tag) < 0 ? refuse_memory(err) : 0;
}

static const char *layer_type(enum archive_compression c)
{
	switch (c) {
	case ARCHIVE_GZIP: return OCI_LAYER "+gzip";
	case ARCHIVE_ZSTD: return OCI_LAYER "+zstd";
	case ARCHIVE_XZ: return OCI_LAYER "+xz";
	case ARCHIVE_BZIP2: return OCI_LAYER "+bzip2";
	default: return OCI_LAYER;
	}
}

static void set_layer(struct archive_layer *layer, const struct file *file)
{
	memcpy(layer->blob, file->digest, DIGEST_SIZE);
	layer->media_type = layer_type(file->compression);
	layer->compression = file->compression;
	layer->size = file->size;
}

static int new_layers(struct archive_image *image, size_t n, struct error *err)
{
	if (n > ARCHIVE_LAYERS_MAX)
		return error_set(err, ERROR_EXHAUSTED, EFBIG,
			"archive refused: an image has more than %d layers", ARCHIVE_LAYERS_MAX);
	image->layers = calloc(n + 1, sizeof *image->layers);
	image->n_layers = n;
	return image->layers ? 0 : refuse_memory(err);
}

/* The diff ids are in the configuration; an uncompressed layer's digest is its diff id. */
static int take_diff_ids(
	struct archive_image *image, const struct json *config, const char *path, struct error *err)
{
	const struct json *rootfs, *ids;

	int r = json_get_object(config, "rootfs", &rootfs, err);
	if (r == 0)
		r = json_opt_array(rootfs, "diff_ids", &ids, err);
	if (r == 0 && json_count(ids) != image->n_layers)
		return error_invalid(err,
			"archive refused: image '%.200s' has %zu layers, its configuration names %zu", path,
			image->n_layers, json_count(ids));
	for (size_t i = 0; r == 0 && i < image->n_layers; i++) {
		struct archive_layer *layer = &image->layers[i];
		const char *id = NULL;
		r = json_item_string(ids, i, &id, err);
		if (r == 0)
			r = digest_parse(id, layer->diff_id, err);
		if (r == 0 && layer->compression == ARCHIVE_PLAIN && strcmp(layer->blob, layer->diff_id) != 0)
			return error_set(err, ERROR_INVALID, EBADMSG,
				"archive refused: layer %zu of image '%.200s' is %s, its configuration says "
				"%s",
				i, path, layer->blob, layer->diff_id);
	}
	return r < 0 ? error_prefix(err, r, "archive refused: configuration '%.200s'", path) : 0;
}

static int take_config(
	struct loading *l, struct archive_image *image, const struct file *file, struct error *err)
{
	auto_json struct json *config = NULL;

	int r = files_json(&l->files, file, "configuration", &config, err);
	if (r < 0)
		return r;
	memcpy(image->config, file->digest, DIGEST_SIZE);
	if (json_kind(config) != JSON_OBJECT)
		return error_invalid(err, "archive refused: configuration '%.200s' is no object", file->path);
	return take_diff_ids(image, config, file->path, err);
}

/* ---- docker's manifest.json ------------------------------------------------------------------ */

static const struct file *find(struct loading *l, const char *path, const char *what, struct error *err)
{
	const struct file *file = files_find(&l->files, path);

	if (!file)
		error_set(
			err, ERROR_INVALID, ENOENT, "archive refused: %s '%.200s' is not in it", what, path);
	return file;
}

static int docker_layers(
	struct loading *l, struct archive_image *image, const struct json *paths, struct error *err)
{
	int r = new_layers(image, json_count(paths), err);

	for (size_t i = 0; r == 0 && i < image->n_layers; i++) {
		const char *path = NULL;
		r = json_item_string(paths, i, &path, err);
		if (r < 0)
			return r;
		const struct file *file = find(l, path, "layer", err);
		if (!file)
			return -ENOENT;
		set_layer(&image->layers[i], file);
	}
	return r;
}

static int docker_tags(struct archive_image *image, const struct json *tags, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_count(tags); i++) {
		const char *tag = NULL;
		r = json_item_string(tags, i, &tag, err);
		if (r == 0)
			r = add_tag(image, tag, err);
	}
	return r;
}

static int docker_image(
	struct loading *l, struct archive_image *image, const struct json *item, struct error *err)
{
	const struct json *tags = NULL, *layers = NULL;
	const char *path = NULL;

	int r = json_get_string(item, "Config", &path, err);
	if (r == 0)
		r = json_opt_array(item, "RepoTags", &tags, err);
	if (r == 0)
		r = json_opt_array(item, "Layers", &layers, err);
	if (r == 0)
		r = docker_tags(image, tags, err);
	if (r == 0)
		r = docker_layers(l, image, layers, err);
	if (r < 0)
		return r;
	const struct file *config = find(l, path, "configuration", err);
	return config ? take_config(l, image, config, err) : -ENOENT;
}

static int load_docker(struct loading *l, const struct file *manifest, struct error *err)
{
	auto_json struct json *list = NULL;

	int r = files_json(&l->files, manifest, "manifest", &list, err);
	if (r == 0 && json_kind(list) != JSON_ARRAY)
		r = error_invalid(err, "archive refused: manifest.json is no array");
	for (size_t i = 0; r == 0 && i < json_count(list); i++) {
		struct archive_image image = { 0 };
		const struct json *item = NULL;
		r = json_item_object(list, i, &item, err);
		if (r == 0)
			r = docker_image(l, &image, item, err);
		if (r == 0)
			r = add_image(l, &image, err);
		else
			image_done(&image);
	}
	return r;
}

/* ---- OCI layout --------------------------------------------------------------------------------- */

/* A descriptor's file, of the size that it says.  NULL with err filled. */
static const struct file *described(
	struct loading *l, const struct json *descriptor, const char *what, struct error *err)
{
	const char *digest = NULL;
	uint64_t size = 0;

	if (json_get_string(descriptor, "digest", &digest, err) < 0 ||
		json_get_uint(descriptor, "size", INT64_MAX, &size, err) < 0)
		return NULL;
	const struct file *file = files_find_digest(&l->files, digest);
	if (!file)
		error_set(err, ERROR_INVALID, ENOENT, "archive refused: %s '%.100s' is not in it", what,
			digest);
	else if (file->size != size)
		error_invalid(err, "archive refused: %s '%s' has %llu bytes, not %llu", what, digest,
			(unsigned long long)file->size, (unsigned long long)size);
	else
		return file;
	return NULL;
}

static bool is_index(const char *type)
{
	return strcmp(type, OCI_INDEX) == 0 || strcmp(type, DOCKER_LIST) == 0;
}

static bool is_manifest(const char *type)
{
	return strcmp(type, OCI_MANIFEST) == 0 || strcmp(type, DOCKER_MANIFEST) == 0;
}

/* A document that can be read as two kinds is refused (CVE-2021-41190). */
static int check_kind(const struct json *doc, const char *type, struct error *err)
{
	const char *own = NULL;

	int r = json_opt_string(doc, "mediaType", "", &own, err);
	if (r < 0)
		return r;
	if (own[0] && type[0] && strcmp(own, type) != 0)
		return error_invalid(err,
			"archive refused: a document of type '%.100s' is described as '%.100s'", own, type);
	bool index = json_has(doc, "manifests"),
	     manifest = json_has(doc, "layers") || json_has(doc, "config");
	if ((index && manifest) || (is_index(type) && manifest) || (is_manifest(type) && index))
		return error_invalid(err, "archive refused: a document is an index and a manifest at once");
	return 0;
}

static int open_document(struct loading *l, const struct file *file, const char *type, const char *what,
	struct json **ret, struct error *err)
{
	auto_json struct json *doc = NULL;

	int r = files_json(&l->files, file, what, &doc, err);
	if (r == 0 && json_kind(doc) != JSON_OBJECT)
		r = error_invalid(err, "archive refused: %s '%.200s' is no object", what, file->path);
	if (r == 0)
		r = check_kind(doc, type, err);
	if (r == 0)
		*ret = take_ptr(doc);
	return r;
}

/* A name that says its repository; a bare tag ("latest") names nothing. */
static int oci_tag(struct archive_image *image, const struct json *descriptor, struct error *err)
{
	const struct json *notes = json_at(descriptor, "annotations");
	const char *name = json_string(json_at(notes, "io.containerd.image.name"));

	if (!name)
		name = json_string(json_at(notes, "org.opencontainers.image.ref.name"));
	if (!name || !strpbrk(name, ":/"))
		return 0;
	return add_tag(image, name, err);
}

static int oci_layers(
	struct loading *l, struct archive_image *image, const struct json *list, struct error *err)
{
	int r = new_layers(image, json_count(list), err);

	for (size_t i = 0; r == 0 && i < image->n_layers; i++) {
		const struct json *descriptor = NULL;
		const char *type = NULL;
		r = json_item_object(list, i, &descriptor, err);
		if (r == 0)
			r = json_get_string(descriptor, "mediaType", &type, err);
		if (r < 0)
			return r;
		if (!strstr(type, ".image.layer.") && !strstr(type, ".image.rootfs."))
			return error_set(err, ERROR_UNSUPPORTED, EINVAL,
				"a layer of type '%.100s' is not one of an image", type);
		const struct file *file = described(l, descriptor, "layer", err);
		if (!file)
			return -EINVAL;
		set_layer(&image->layers[i], file);
	}
	return r;
}

static int oci_fill(struct loading *l, struct archive_image *image, const struct file *file, const char *type,
	struct error *err)
{
	auto_json struct json *doc = NULL;
	const struct json *config = NULL, *layers = NULL;

	int r = open_document(l, file, type, "manifest", &doc, err);
	if (r == 0)
		r = json_get_object(doc, "config", &config, err);
	if (r == 0)
		r = json_get_array(doc, "layers", &layers, err);
	if (r == 0)
		r = oci_layers(l, image, layers, err);
	if (r < 0)
		return r;
	const struct file *config_file = described(l, config, "configuration", err);
	if (!config_file)
		return -EINVAL;
	memcpy(image->manifest, file->digest, DIGEST_SIZE);
	return take_config(l, image, config_file, err);
}

/* top: the descriptor of the outermost index, which has the name. */
static int oci_image(struct loading *l, const struct json *descriptor, const struct json *top,
	const char *type, struct error *err)
{
	struct archive_image image = { 0 };
	const struct file *file = described(l, descriptor, "manifest", err);

	int r = file ? oci_tag(&image, top, err) : -EINVAL;
	if (r == 0)
		r = oci_fill(l, &image, file, type, err);
	if (r == 0)
		return add_image(l, &image, err);
	image_done(&image);
	return r;
}

static bool equals(const struct json *platform, const char *key, const char *want)
{
	const char *have = json_string(json_at(platform, key));

	return !want || !have || strcmp(have, want) == 0;
}

/* A descriptor without platform fits; attestations ("unknown/unknown") never do. */
static bool fits_platform(const struct loading *l, const struct json *descriptor)
{
	const struct archive_load_options *o = l->options;
	const struct json *p = json_at(descriptor, "platform");
	const char *os = json_string(json_at(p, "os"));

	if (os && strcmp(os, "unknown") == 0)
		return false;
	return equals(p, "os", o->os) && equals(p, "architecture", o->architecture) &&
	       equals(p, "variant", o->variant);
}

static int oci_index(
	struct loading *l, const struct json *index, const struct json *top, int depth, struct error *err);

static int oci_nested(struct loading *l, const struct json *descriptor, const struct json *top,
	const char *type, int depth, struct error *err)
{
	auto_json struct json *doc = NULL;

	const struct file *file = described(l, descriptor, "index", err);
	if (!file)
		return -EINVAL;
	int r = open_document(l, file, type, "index", &doc, err);
	return r < 0 ? r : oci_index(l, doc, top, depth + 1, err);
}

/* One descriptor of an index: 1 when it became an image, 0 when it is for others. */
static int oci_entry(struct loading *l, const struct json *descriptor, const struct json *top, int depth,
	struct error *err)
{
	const char *type = NULL;
	size_t before = l->images.n;

	int r = json_get_string(descriptor, "mediaType", &type, err);
	if (r < 0)
		return r;
	if (!fits_platform(l, descriptor))
		return 0;
	if (is_index(type))
		r = oci_nested(l, descriptor, top, type, depth, err);
	else if (is_manifest(type))
		r = oci_image(l, descriptor, top, type, err);
	return r < 0 ? r : l->images.n > before;
}

/* At the top every descriptor is an image of its own; below, an index offers one image for several platforms.
 */
static int oci_index(
	struct loading *l, const struct json *index, const struct json *top, int depth, struct error *err)
{
	const struct json *list = NULL;
	int r = json_get_array(index, "manifests", &list, err);

	if (r == 0 && depth > INDEX_DEPTH_MAX)
		return error_invalid(
			err, "archive refused: indexes in indexes, more than %d deep", INDEX_DEPTH_MAX);
	for (size_t i = 0; r == 0 && i < json_count(list); i++) {
		const struct json *descriptor = NULL;
		r = json_item_object(list, i, &descriptor, err);
		if (r == 0)
			r = oci_entry(l, descriptor, top ? top : descriptor, depth, err);
		if (r > 0 && depth > 0)
			return 0;
		r = r > 0 ? 0 : r;
	}
	return r;
}

static int load_oci(struct loading *l, const struct file *index, struct error *err)
{
	auto_json struct json *doc = NULL, *layout = NULL;
	const char *version = NULL;

	const struct file *mark = find(l, "oci-layout", "file", err);
	if (!mark)
		return -ENOENT;
	int r = open_document(l, mark, "", "file", &layout, err);
	if (r == 0)
		r = json_get_string(layout, "imageLayoutVersion", &version, err);
	if (r == 0 && strncmp(version, "1.", 2) != 0)
		r = error_set(err, ERROR_UNSUPPORTED, EINVAL,
			"an OCI layout of version '%.20s' is not supported", version);
	if (r == 0)
		r = open_document(l, index, OCI_INDEX, "index", &doc, err);
	if (r == 0)
		r = oci_index(l, doc, NULL, 0, err);
	return r;
}

/* ---- the archive ------------------------------------------------------------------------------------ */

static int load(struct loading *l, struct error *err)
{
	const struct file *manifest = files_find(&l->files, "manifest.json");
	const struct file *index = files_find(&l->files, "index.json");

	if (manifest)
		return load_docker(l, manifest, err);
	if (index)
		return load_oci(l, index, err);
	if (files_find(&l->files, "repositories"))
		return error_set(err, ERROR_UNSUPPORTED, EINVAL,
			"the archive has no manifest.json: it was saved by Docker before 1.10, save the "
			"image again");
	return error_invalid(err,
		"this is no archive of images: it has neither manifest.json nor index.json (a file system "
		"is imported, not loaded)");
}

static int publish(const struct loading *l, int blobs, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->images.n; i++) {
		const struct archive_image *image = &l->images.images[i];
		r = files_publish(&l->files, image->config, blobs, err);
		if (r == 0 && image->manifest[0])
			r = files_publish(&l->files, image->manifest, blobs, err);
		for (size_t j = 0; r == 0 && j < image->n_layers; j++)
			r = files_publish(&l->files, image->layers[j].blob, blobs, err);
	}
	return r;
}

static int run(struct loading *l, int blobs, struct error *err)
{
	int r = load(l, err);

	if (r == 0 && l->images.n == 0)
		return error_set(err, ERROR_NOT_FOUND, ENOENT, "the archive has no image%s",
			l->options->os || l->options->architecture ? " for this platform" : "");
	return r < 0 ? r : publish(l, blobs, err);
}

int archive_load(int fd, int tmp, int blobs, const struct archive_load_options *options,
	struct archive_images *ret, struct error *err)
{
	struct loading l = { .options = options };

	int r = files_read(&l.files, fd, tmp, options, err);
	if (r == 0)
		r = run(&l, blobs, err);
	files_done(&l.files);
	if (r < 0) {
		archive_images_done(&l.images);
		return r;
	}
	*ret = l.images;
	return 0;
}
