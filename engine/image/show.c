/* SPDX-License-Identifier: Apache-2.0 */
/* GET /images/{name}/json, GET /images/json. */
#include "engine/image/store.h"

#include "core/plugin/call.h"
#include "core/storage/storage.h"
#include "engine/engine.h"
#include "engine/storages.h"
#include "lib/base/clock.h"
#include "lib/base/timefmt.h"
#include "lib/json/json.h"
#include "lib/model/filters.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static const char *text(const struct json *o, const char *key)
{
	const char *t = json_string(json_at(o, key));

	return t ? t : "";
}

/* With the lock. */
/* The image's next tag in the order of their texts; NULL: no more. */
static const struct tag *next_tag(const struct images *all, const struct image *image, const struct tag *last)
{
	const struct tag *next = NULL;

	for (const struct tag *t = all->tags; t; t = t->next)
		if (t->image == image && (!last || strcmp(t->whole, last->whole) > 0) &&
			(!next || strcmp(t->whole, next->whole) < 0))
			next = t;
	return next;
}

static void add_tags(struct images *all, struct json *list, const struct image *image)
{
	char name[REFERENCE_SIZE];
	struct reference ref;

	for (const struct tag *t = NULL; (t = next_tag(all, image, t));)
		if (reference_parse(t->whole, &ref, NULL) == 0)
			json_add_string(list, reference_familiar(&ref, name));
}

static uint64_t total_size(const struct image *image)
{
	uint64_t n = 0;

	for (size_t i = 0; i < image->n_layers; i++)
		n += image->layers[i].size;
	return n;
}

static int64_t created_ns(const struct image *image)
{
	int64_t ns = 0;

	return timefmt_parse_rfc3339(text(image->document, "created"), &ns) < 0 ? 0 : ns;
}

/* ---- inspect -------------------------------------------------------------------------- */
static void copy_or_null(struct json *out, const struct json *in, const char *key)
{
	if (json_at(in, key))
		json_set(out, key, json_copy(json_at(in, key)));
	else
		json_set_null(out, key);
}

static void copy_if(struct json *out, const struct json *in, const char *key)
{
	if (json_at(in, key))
		json_set(out, key, json_copy(json_at(in, key)));
}

/* The members that dockerd shows, in its order. */
static void add_config(struct json *doc, const struct image *image)
{
	const struct json *in = json_at(image->document, "config");
	struct json *out = json_set_object(doc, "Config");

	copy_if(out, in, "ArgsEscaped");
	copy_or_null(out, in, "Cmd");
	copy_or_null(out, in, "Entrypoint");
	copy_or_null(out, in, "Env");
	copy_if(out, in, "ExposedPorts");
	copy_if(out, in, "Healthcheck");
	copy_or_null(out, in, "Labels");
	copy_or_null(out, in, "OnBuild");
	copy_if(out, in, "Shell");
	copy_if(out, in, "StopSignal");
	json_set_string(out, "User", text(in, "User"));
	copy_or_null(out, in, "Volumes");
	json_set_string(out, "WorkingDir", text(in, "WorkingDir"));
}

static void add_graph(struct json *doc, struct image *image)
{
	struct storage *st = storages_default(image->all->engine->storages);
	struct json *graph = json_set_object(doc, "GraphDriver");
	struct json *data = json_set_object(graph, "Data");
	struct gty_kvs *facts = NULL;

	json_set_string(graph, "Name", storage_name(st));
	if (image->n_layers == 0 || storage_describe(st, digest_hex(image->layers[image->n_layers - 1].chain),
					    NULL, &facts, NULL) < 0) {
		json_set_null(graph, "Data");
		return;
	}
	for (uint32_t i = 0; i < facts->n; i++)
		json_set_string(data, facts->v[i].key, facts->v[i].value);
	reply_free(facts);
}

static void add_rootfs(struct json *doc, const struct image *image)
{
	struct json *rootfs = json_set_object(doc, "RootFS");

	json_set_string(rootfs, "Type", "layers");
	if (image->n_layers == 0)
		return;
	struct json *layers = json_set_array(rootfs, "Layers");
	for (size_t i = 0; i < image->n_layers; i++)
		json_add_string(layers, image->layers[i].diff_id);
}

int image_inspect(struct image *image, struct json **ret, struct error *err)
{
	struct images *all = image->all;
	struct json *doc = json_new_object();
	char time[TIMEFMT_SIZE];

	json_set_string(doc, "Id", image->id);
	pthread_mutex_lock(&all->lock);
	add_tags(all, json_set_array(doc, "RepoTags"), image);
	int64_t tagged = image->tagged_ns;
	pthread_mutex_unlock(&all->lock);
	json_set_array(doc, "RepoDigests");
	json_set_string(doc, "Parent", "");
	json_set_string(doc, "Comment", text(image->document, "comment"));
	copy_if(doc, image->document, "created");
	if (json_at(doc, "created")) {
		json_remove(doc, "created");
		json_set_string(doc, "Created", text(image->document, "created"));
	}
	json_set_string(doc, "DockerVersion", text(image->document, "docker_version"));
	json_set_string(doc, "Author", text(image->document, "author"));
	json_set_string(doc, "Architecture", text(image->document, "architecture"));
	if (*text(image->document, "variant"))
		json_set_string(doc, "Variant", text(image->document, "variant"));
	json_set_string(doc, "Os", text(image->document, "os"));
	json_set_uint(doc, "Size", total_size(image));
	add_graph(doc, image);
	add_rootfs(doc, image);
	json_set_string(json_set_object(doc, "Metadata"), "LastTagTime",
		timefmt_rfc3339nano(tagged ? tagged : TIMEFMT_ZERO, time));
	add_config(doc, image);
	if (json_kind(doc) != JSON_OBJECT)
		return error_sys(err, ENOMEM, "cannot write the answer");
	*ret = doc;
	return 0;
}

/* ---- list --------------------------------------------------------------------------------- */
struct listing {
	const struct image_list *what;
	bool dangling_asked, dangling;
	int64_t before_ns, since_ns, until_ns;
};

/* A pattern without a tag stands for all tags. */
static bool matches_reference(const struct filters *f, const char *name)
{
	char bare[REFERENCE_SIZE];

	for (size_t i = 0; i < filters_count(f, "reference"); i++) {
		const char *pattern = filters_value(f, "reference", i);
		strncpy(bare, name, sizeof bare - 1);
		bare[sizeof bare - 1] = '\0';
		char *colon = strrchr(bare, ':');
		if (colon)
			*colon = '\0';
		if (fnmatch(pattern, name, FNM_PATHNAME) == 0 || fnmatch(pattern, bare, FNM_PATHNAME) == 0)
			return true;
	}
	return !filters_has(f, "reference");
}

/* With the lock: tags that the filter wants. */
static void add_wanted_tags(
	struct images *all, const struct listing *l, struct json *list, const struct image *image)
{
	char name[REFERENCE_SIZE];
	struct reference ref;

	for (const struct tag *t = NULL; (t = next_tag(all, image, t));)
		if (t->image == image && reference_parse(t->whole, &ref, NULL) == 0 &&
			matches_reference(l->what->filters, reference_familiar(&ref, name)))
			json_add_string(list, name);
}

static bool matches(struct images *all, const struct listing *l, const struct image *image)
{
	int64_t created = created_ns(image);
	bool tagged = store_count_tags(all, image) > 0;

	if (image->hidden || (l->dangling_asked && l->dangling == tagged))
		return false;
	if ((l->before_ns && created >= l->before_ns) || (l->since_ns && created <= l->since_ns) ||
		(l->until_ns && created >= l->until_ns))
		return false;
	return filters_match_labels(l->what->filters, json_at(json_at(image->document, "config"), "Labels"));
}

static void add_line(struct images *all, const struct listing *l, struct json *out, const struct image *image)
{
	struct json *tags = json_new_array();
	int64_t containers = 0;

	add_wanted_tags(all, l, tags, image);
	if (filters_has(l->what->filters, "reference") && json_count(tags) == 0) {
		json_free(tags);
		return;
	}
	for (const struct holder *h = image->holders; h; h = h->next)
		containers++;
	struct json *o = json_add_object(out);
	json_set_int(o, "Containers", l->what->count_containers ? containers : -1);
	json_set_int(o, "Created", created_ns(image) / CLOCK_S);
	json_set_string(o, "Id", image->id);
	copy_or_null(o, json_at(image->document, "config"), "Labels");
	json_set_string(o, "ParentId", "");
	json_set_array(o, "RepoDigests");
	json_set(o, "RepoTags", tags);
	json_set_int(o, "SharedSize", -1);
	json_set_uint(o, "Size", total_size(image));
}

static int time_of(
	struct images *all, const struct filters *f, const char *key, int64_t *ret, struct error *err)
{
	struct image *image;

	if (filters_count(f, key) == 0)
		return 0;
	int r = image_find(all, filters_value(f, key, 0), &image, err);
	if (r < 0)
		return r;
	*ret = created_ns(image);
	image_unref(image);
	return 0;
}

static int read_filters(struct images *all, struct listing *l, struct error *err)
{
	const struct filters *f = l->what->filters;
	int r = time_of(all, f, "before", &l->before_ns, err);

	if (r == 0)
		r = time_of(all, f, "since", &l->since_ns, err);
	l->dangling_asked = filters_has(f, "dangling");
	if (r == 0)
		r = filters_bool(f, "dangling", false, &l->dangling, err);
	if (r == 0 && filters_count(f, "until") > 0 &&
		timefmt_parse_when(filters_value(f, "until", 0), clock_real_ns(), &l->until_ns) < 0)
		r = error_invalid(err, "invalid filter 'until=%s': give a time or a duration",
			filters_value(f, "until", 0));
	return r;
}

static int newest_first(const void *a, const void *b)
{
	int64_t x = created_ns(*(struct image *const *)a), y = created_ns(*(struct image *const *)b);

	return x < y ? 1 : x > y ? -1 : 0;
}

int images_list(struct images *all, const struct image_list *what, struct json **ret, struct error *err)
{
	struct listing l = { .what = what };
	int r = read_filters(all, &l, err);
	size_t n = 0;

	if (r < 0)
		return r;
	struct json *out = json_new_array();
	pthread_mutex_lock(&all->lock);
	for (struct image *i = all->list; i; i = i->next)
		n++;
	struct image **sorted = calloc(n + 1, sizeof *sorted);
	n = 0;
	for (struct image *i = all->list; sorted && i; i = i->next)
		sorted[n++] = i;
	if (sorted)
		qsort(sorted, n, sizeof *sorted, newest_first);
	for (size_t i = 0; i < n; i++)
		if (matches(all, &l, sorted[i]))
			add_line(all, &l, out, sorted[i]);
	pthread_mutex_unlock(&all->lock);
	bool whole = sorted && json_kind(out) == JSON_ARRAY;
	free(sorted);
	if (!whole) {
		json_free(out);
		return error_sys(err, ENOMEM, "cannot write the answer");
	}
	*ret = out;
	return 0;
}
