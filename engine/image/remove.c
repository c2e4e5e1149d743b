/* SPDX-License-Identifier: Apache-2.0 */
/* Names that come and go, and images that go with their last one. */
#include "engine/image/store.h"

#include "lib/base/path.h"
#include "lib/json/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int image_tag(struct images *all, const char *ref, const char *repo, const char *tag, struct error *err)
{
	struct image *image;
	struct reference name;
	char familiar[REFERENCE_SIZE];
	int r = image_find(all, ref, &image, err);

	if (r < 0)
		return r;
	r = reference_parse(repo ? repo : "", &name, err);
	if (r == 0 && name.digest[0])
		r = error_invalid(err, "refusing to create a tag with a digest reference");
	if (r == 0 && tag && *tag) {
		char whole[REFERENCE_SIZE];
		name.tag[0] = '\0';
		/* The grammar of a tag is the parser's. */
		if (path_format(whole, sizeof whole, "%s:%s", name.name, tag) < 0 ||
			reference_parse(whole, &name, NULL) < 0)
			r = error_invalid(err, "invalid tag format");
	}
	if (r == 0) {
		reference_default_tag(&name);
		r = store_add(all, &image, &name, 1, err);
	}
	if (r == 0)
		store_event(all, image, "tag", reference_familiar(&name, familiar));
	image_unref(image);
	return r;
}

/* ---- removal ------------------------------------------------------------------------------ */
struct removing {
	struct images *all;
	struct image *image;
	struct json *out;
	bool force;
};

static const struct holder *any_holder(const struct image *image, bool running)
{
	for (const struct holder *h = image->holders; h; h = h->next)
		if (!running || h->running)
			return h;
	return NULL;
}

static void untagged(struct removing *r, const char *whole)
{
	char name[REFERENCE_SIZE];
	struct reference ref;

	if (reference_parse(whole, &ref, NULL) < 0)
		return;
	json_set_string(json_add_object(r->out), "Untagged", reference_familiar(&ref, name));
	store_event(r->all, r->image, "untag", r->image->id);
}

static int drop_tag(struct removing *r, struct tag *tag, struct error *err)
{
	char whole[REFERENCE_SIZE];

	memcpy(whole, tag->whole, sizeof whole);
	int rc = store_drop_tag(r->all, tag, err);
	if (rc == 0)
		untagged(r, whole);
	return rc;
}

/* The image itself; while containers hold it, it is only hidden. */
static int drop_image(struct removing *r, struct error *err)
{
	char id[DIGEST_SIZE];
	int rc;

	memcpy(id, r->image->id, sizeof id);
	if (r->image->holders) {
		r->image->hidden = true;
		rc = store_save(r->all, r->image, err);
		r->image->hidden = rc == 0;
	} else {
		rc = store_drop_image(r->all, r->image, err);
	}
	if (rc < 0)
		return rc;
	json_set_string(json_add_object(r->out), "Deleted", id);
	store_event(r->all, r->image, "delete", id);
	return 0;
}

static int by_tag(struct removing *r, struct tag *tag, const char *familiar, struct error *err)
{
	const struct holder *h = any_holder(r->image, false);
	bool last = store_count_tags(r->all, r->image) == 1;

	if (last && h && !r->force)
		return error_set(err, ERROR_CONFLICT, EBUSY,
			"conflict: unable to remove repository reference \"%s\" (must force) - container "
			"%.12s is using its referenced "
			"image %.12s",
			familiar, h->container, digest_hex(r->image->id));
	int rc = drop_tag(r, tag, err);
	/* One that a container runs from stays, without a name. */
	return rc < 0 || !last || any_holder(r->image, true) ? rc : drop_image(r, err);
}

static int by_id(struct removing *r, struct error *err)
{
	const char *hex = digest_hex(r->image->id);
	const struct holder *running = any_holder(r->image, true), *any = any_holder(r->image, false);

	if (running)
		return error_set(err, ERROR_CONFLICT, EBUSY,
			"conflict: unable to delete %.12s (cannot be forced) - image is being used by "
			"running container %.12s",
			hex, running->container);
	if (!r->force && store_count_tags(r->all, r->image) > 1)
		return error_set(err, ERROR_CONFLICT, EBUSY,
			"conflict: unable to delete %.12s (must be forced) - image is referenced in multiple "
			"repositories",
			hex);
	if (!r->force && any)
		return error_set(err, ERROR_CONFLICT, EBUSY,
			"conflict: unable to delete %.12s (must be forced) - image is being used by stopped "
			"container %.12s",
			hex, any->container);
	for (struct tag *t = r->all->tags, *next; t; t = next) {
		next = t->next;
		int rc = t->image == r->image ? drop_tag(r, t, err) : 0;
		if (rc < 0)
			return rc;
	}
	return drop_image(r, err);
}

int image_remove(
	struct images *all, const char *ref, bool force, bool noprune, struct json **ret, struct error *err)
{
	struct removing r = { .all = all, .force = force };
	struct reference name;
	struct tag *tag = NULL;
	char whole[REFERENCE_SIZE];
	int rc = image_find(all, ref, &r.image, err);

	(void)noprune; /* an image here has no parents that would go with it */
	if (rc < 0)
		return rc;
	r.out = json_new_array();
	pthread_mutex_lock(&all->lock);
	if (reference_parse(ref, &name, NULL) == 0) {
		reference_default_tag(&name);
		tag = store_tag(all, reference_whole(&name, whole));
	}
	rc = tag ? by_tag(&r, tag, ref, err) : by_id(&r, err);
	pthread_mutex_unlock(&all->lock);
	image_unref(r.image);
	if (rc < 0)
		json_free(r.out);
	else
		*ret = r.out;
	return rc;
}
