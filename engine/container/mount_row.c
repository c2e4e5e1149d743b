/* SPDX-License-Identifier: Apache-2.0 */
/* Mount points in the container's row, and in answers. */
#include "engine/container/mounts.h"

#include "engine/volume/volume.h"
#include "lib/json/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *key;
	size_t at;
} texts[] = {
	{ "destination", offsetof(struct mount_point, destination) },
	{ "source", offsetof(struct mount_point, source) },
	{ "name", offsetof(struct mount_point, name) },
	{ "driver", offsetof(struct mount_point, driver) },
	{ "mode", offsetof(struct mount_point, mode) },
	{ "propagation", offsetof(struct mount_point, propagation) },
	{ "subpath", offsetof(struct mount_point, subpath) },
	{ "tmpfs", offsetof(struct mount_point, tmpfs) },
};
static const struct {
	const char *key;
	size_t at;
} flags[] = {
	{ "readOnly", offsetof(struct mount_point, read_only) },
	{ "named", offsetof(struct mount_point, named) },
	{ "makeSource", offsetof(struct mount_point, make_source) },
	{ "defaulted", offsetof(struct mount_point, defaulted) },
	{ "nonRecursive", offsetof(struct mount_point, non_recursive) },
	{ "readOnlyTop", offsetof(struct mount_point, read_only_top) },
};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct json *mounts_save(const struct mount_points *all)
{
	struct json *list = json_new_array();

	for (size_t i = 0; i < all->n; i++) {
		const struct mount_point *m = &all->v[i];
		struct json *o = json_add_object(list);
		json_set_int(o, "type", m->type);
		for (size_t t = 0; t < COUNT(texts); t++) {
			const char *text = *(char *const *)(const void *)((const char *)m + texts[t].at);
			if (text && *text)
				json_set_string(o, texts[t].key, text);
		}
		for (size_t f = 0; f < COUNT(flags); f++)
			if (*(const bool *)((const char *)m + flags[f].at))
				json_set_bool(o, flags[f].key, true);
	}
	return list;
}

static int load_one(const struct json *o, struct mount_point *m, struct error *err)
{
	int64_t type = 0;
	int r = json_get_int(o, "type", MOUNT_BIND, MOUNT_TMPFS, &type, err);

	m->type = (enum mount_type)type;
	for (size_t t = 0; r == 0 && t < COUNT(texts); t++) {
		char **slot = (char **)(void *)((char *)m + texts[t].at);
		const char *text = "";
		r = json_opt_string(o, texts[t].key, "", &text, err);
		if (r == 0 && !(*slot = strdup(text)))
			r = error_sys(err, ENOMEM, "cannot keep mounts");
	}
	for (size_t f = 0; r == 0 && f < COUNT(flags); f++)
		r = json_opt_bool(o, flags[f].key, false, (bool *)((char *)m + flags[f].at), err);
	return r;
}

int mounts_load(const struct json *list, struct mount_points *ret, struct error *err)
{
	size_t n = json_count(list);
	const struct json *o;
	int r = 0;

	if (n == 0)
		return 0;
	ret->v = calloc(n, sizeof *ret->v);
	if (!ret->v)
		return error_sys(err, ENOMEM, "cannot keep mounts");
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = json_item_object(list, i, &o, err);
		ret->n++;
		if (r == 0)
			r = load_one(o, &ret->v[i], err);
	}
	return r;
}

static void show_volume(const struct mount_point *m, struct json *o)
{
	json_set_string(o, "Type", "volume");
	json_set_string(o, "Name", m->name);
	json_set_string(o, "Source", m->volume ? volume_where(m->volume) : "");
	json_set_string(o, "Destination", m->destination);
	json_set_string(o, "Driver", m->volume ? volume_driver(m->volume) : m->driver);
}

void mounts_show(const struct mount_points *all, struct json *list)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct mount_point *m = &all->v[i];
		struct json *o = json_add_object(list);
		if (m->type == MOUNT_VOLUME) {
			show_volume(m, o);
		} else {
			json_set_string(o, "Type", m->type == MOUNT_BIND ? "bind" : "tmpfs");
			json_set_string(o, "Source", m->type == MOUNT_BIND ? m->source : "");
			json_set_string(o, "Destination", m->destination);
		}
		json_set_string(o, "Mode", m->mode);
		json_set_bool(o, "RW", !m->read_only);
		json_set_string(o, "Propagation", m->type == MOUNT_BIND ? m->propagation : "");
	}
}
