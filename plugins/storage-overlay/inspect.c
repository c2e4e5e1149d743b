/* SPDX-License-Identifier: Apache-2.0 */
/* What there is: status, lists, the folders of a layer as Docker's inspect names them, sizes. */
#include "plugins/storage-overlay/layout.h"

#include "lib/base/cleanup.h"
#include "plugins/kit/call.h"
#include "plugins/kit/list.h"
#include "plugins/storage-overlay/entries.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRING_MAX 65535

int overlay_status(struct gty_storage *st, struct gty_call *call, struct gty_kvs *rep)
{
	const struct gty_kv lines[] = { { "Backing Filesystem", st->backing }, { "Supports d_type", "true" },
		{ "Using metacopy", "false" }, { "Native Overlay Diff", "true" },
		{ "userxattr", st->userxattr ? "true" : "false" } };
	const uint32_t n = sizeof lines / sizeof lines[0];
	struct gty_kvs kvs = { 0 };

	for (uint32_t i = 0; i < n; i++) {
		if (!kit_kvs_put(call, &kvs, n, lines[i].key, lines[i].value))
			return kit_no_memory(call);
	}
	rep->v = kvs.v;
	rep->n = kvs.n;
	return 0;
}

static bool describe_staged(const struct gty_storage *st, const char *id, char ret_parent[ID_LEN + 1])
{
	auto_close int fd = openat(st->staging_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : readlinkat(fd, "parent", ret_parent, ID_LEN + 1);

	ret_parent[n == ID_LEN ? n : 0] = '\0';
	return fd >= 0;
}

static bool describe_layer(
	struct gty_storage *st, const char *id, bool staged, char parent[ID_LEN + 1], uint32_t *ret_flags)
{
	if (staged) {
		*ret_flags = GTY_LAYER_STAGED;
		return describe_staged(st, id, parent);
	}
	auto_close int fd = layout_layer(st, id, NULL);
	if (fd < 0)
		return false;
	layout_parent(st, fd, parent);
	*ret_flags = layout_is_writable(fd) ? GTY_LAYER_WRITABLE : 0;
	return true;
}

int overlay_list(
	struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref, struct gty_layers *rep)
{
	const struct kit_lister lister = { st->root_fd, st->staging_fd, describe_layer };

	return kit_list_layers(&lister, st, call, ref, rep);
}

/* "/root/<id>/diff:..." of the layers below, by their short names where that would be too long for a string.
 */
static char *lower_dirs(struct gty_storage *st, struct gty_call *call, const char *lower)
{
	size_t layers = 1, each = strlen(st->root) + ID_LEN + 8, len = 0;
	char id[ID_LEN + 1];

	for (const char *p = lower; *p; p++)
		layers += *p == ':';
	bool by_id = layers * each <= STRING_MAX;
	size_t size = layers * each + 1;
	auto_free char *text = malloc(size);
	if (!text)
		return NULL;
	text[0] = '\0';
	for (const char *p = lower; *p;) {
		size_t n = strcspn(p, ":");
		const char *colon = len > 0 ? ":" : "";
		if (by_id && layout_link_id(st, p, n, id))
			len += (size_t)snprintf(text + len, size - len, "%s%s/%s/diff", colon, st->root, id);
		else
			len += (size_t)snprintf(
				text + len, size - len, "%s%s/%.*s", colon, st->root, (int)n, p);
		p += n + (p[n] == ':');
	}
	return len <= STRING_MAX ? call->strdup(call, text) : call->strdup(call, "");
}

int overlay_describe(
	struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref, struct gty_kvs *rep)
{
	static const struct {
		const char *key, *folder;
	} folders[] = { { "MergedDir", "merged" }, { "UpperDir", "diff" }, { "WorkDir", "work" } };
	char lower[OVERLAY_LOWER_MAX];
	struct error err = ERROR_INIT;
	auto_close int dirfd = layout_layer(st, ref->id, &err);
	struct gty_kv *v = kit_alloc(call, 4, sizeof *v);
	uint32_t n = 0;

	if (dirfd < 0 || layout_lower(dirfd, lower, &err) < 0)
		return kit_fail_error(call, &err);
	if (!v)
		return kit_no_memory(call);
	if (lower[0])
		v[n++] = (struct gty_kv){ "LowerDir", lower_dirs(st, call, lower) };
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		v[n++] = (struct gty_kv){ folders[i].key,
			kit_format(call, "%s/%s/%s", st->root, ref->id, folders[i].folder) };
	for (uint32_t i = 0; i < n; i++) {
		if (!v[i].value)
			return kit_no_memory(call);
	}
	rep->v = v;
	rep->n = n;
	return 0;
}

int overlay_usage(
	struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref, struct gty_usage *rep)
{
	struct error err = ERROR_INIT;
	struct kit_usage usage = { 0 };
	uint64_t limit = 0;
	auto_close int dirfd = layout_layer(st, ref->id, &err);

	if (dirfd < 0)
		return kit_fail_error(call, &err);
	if (!kit_quota_usage(&st->quota, dirfd, &usage, &limit)) {
		auto_close int diff = openat(dirfd, "diff", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (diff < 0)
			return kit_fail_sys(call, errno, "cannot open the files of layer '%s'", ref->id);
		if (kit_usage_walk(diff, call, &usage, &err) < 0)
			return kit_fail_error(call, &err);
	}
	rep->bytes = usage.bytes;
	rep->inodes = usage.inodes;
	rep->limit = limit;
	return 0;
}
