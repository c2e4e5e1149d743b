/* SPDX-License-Identifier: Apache-2.0 */
/* What a storage driver says about itself: lists, usage, the unknown, recovery. */
#include "lib/base/cleanup.h"
#include "programs/gantry-plugin-check/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void storage_check_unknown(struct store *s)
{
	struct error err = ERROR_INIT;
	auto_reply struct gty_kvs *kvs = NULL;
	struct gty_usage usage;

	check_call(store_remove(s, LAYER_NEVER, &err), &err, "remove of the unknown succeeds");
	check_call(store_unmount(s, LAYER_NEVER, "nobody", &err), &err, "unmount of the unknown succeeds");
	check_call(store_unmount(s, LAYER_RW, "nobody", &err), &err, "unmount by an unknown holder succeeds");
	int dir = store_mount(s, LAYER_NEVER, "c1", 0, &err);
	check_refused(dir, &err, ERROR_NOT_FOUND, "mount of the unknown is refused");
	if (dir >= 0)
		close(dir);
	check_refused(store_create(s, LAYER_NEVER, LAYER_NEVER + 1, &err), &err, ERROR_NOT_FOUND,
		"create on an unknown parent is refused");
	check_refused(store_commit(s, LAYER_NEVER, &err), &err, ERROR_NOT_FOUND,
		"commit of what was never staged is refused");
	check_refused(storage_usage(s->st, suite_id_tmp(LAYER_NEVER), NULL, &usage, &err), &err,
		ERROR_NOT_FOUND, "usage of the unknown is refused");
	check_call(storage_status(s->st, NULL, &kvs, &err), &err, "status");
}

/* Walks the pages; how often each of the three layers was met, and all. */
static unsigned walk(struct store *s, uint32_t max, unsigned met[4], struct gty_layer *ret_rw)
{
	char after[65] = "";
	struct error err = ERROR_INIT;
	unsigned all = 0;

	for (unsigned pages = 0; pages < 100; pages++) {
		auto_reply struct gty_layers *page = NULL;
		int r = storage_list(s->st, after[0] ? after : NULL, max, NULL, &page, &err);
		if (!(r == 0 || check_call(r, &err, "list")))
			return all;
		for (uint32_t i = 0; i < page->n; i++) {
			all++;
			for (unsigned n = LAYER_BASE; n <= LAYER_RW; n++)
				met[n] += strcmp(page->v[i].id, suite_id_tmp(n)) == 0;
			if (strcmp(page->v[i].id, suite_id_tmp(LAYER_RW)) == 0)
				*ret_rw = (struct gty_layer){ .flags = page->v[i].flags,
					.parent = page->v[i].parent && strcmp(page->v[i].parent,
									       suite_id_tmp(LAYER_TOP)) == 0
							  ? "top"
							  : NULL };
		}
		if (page->n < max)
			return all;
		memcpy(after, page->v[page->n - 1].id, sizeof after);
	}
	check(false, "the pages of a list have an end");
	return all;
}

static void check_changes(struct store *s)
{
	struct error err = ERROR_INIT;
	char path[] = "/tmp/gantry-changes-XXXXXX", buf[4096];
	auto_close int fd = mkostemp(path, O_CLOEXEC);
	struct gty_change head;
	bool found = false;

	unlink(path);
	int r = storage_changes(s->st, suite_id_tmp(LAYER_RW), fd, NULL, &err);
	if (r < 0 && err.kind == ERROR_UNSUPPORTED) {
		check_skip("not offered: the core compares trees", "changes");
		return;
	}
	check_call(r, &err, "changes");
	ssize_t n = pread(fd, buf, sizeof buf, 0);
	for (ssize_t at = 0; at + (ssize_t)sizeof head <= n; at += (ssize_t)sizeof head + head.path_len) {
		memcpy(&head, buf + at, sizeof head);
		found |= head.kind == 1 && head.path_len == 4 && at + 8 <= n &&
			 memcmp(buf + at + sizeof head, "mine", 4) == 0;
	}
	check(found, "changes tells of the file that was added");
}

void storage_check_list(struct store *s)
{
	struct error err = ERROR_INIT;
	unsigned met[4] = { 0 };
	struct gty_layer rw = { 0 };
	struct gty_usage usage = { 0 };
	auto_reply struct gty_kvs *kvs = NULL;

	check(walk(s, 1, met, &rw) == 3 && met[1] == 1 && met[2] == 1 && met[3] == 1,
		"pages of one layer show each layer once");
	memset(met, 0, sizeof met);
	check(walk(s, 2, met, &rw) == 3, "pages of two layers show as many");
	check(rw.parent != NULL, "list names the parent of the writable layer");
	check(rw.flags & GTY_LAYER_WRITABLE, "list marks it as writable");

	auto_close int dir = store_mount(s, LAYER_RW, "usage", 0, &err);
	auto_free char *text = calloc(1, 60001);
	memset(text, 'x', 60000);
	check(dir >= 0 && tree_write(dir, "large", text), "a file of 60000 bytes is written");
	check_call(storage_usage(s->st, suite_id_tmp(LAYER_RW), NULL, &usage, &err), &err, "usage");
	check(usage.bytes >= 60000, "usage counts what was written (%llu bytes)",
		(unsigned long long)usage.bytes);
	check_call(store_unmount(s, LAYER_RW, "usage", &err), &err, "unmount");
	check_call(storage_describe(s->st, suite_id_tmp(LAYER_RW), NULL, &kvs, &err), &err, "describe");
	check_changes(s);
}

static bool is_lost(const struct gty_recover_rep *rep, unsigned n)
{
	for (uint32_t i = 0; rep && i < rep->n; i++)
		if (strcmp(rep->v[i].id, suite_id_tmp(n)) == 0)
			return true;
	return false;
}

static void check_removal(struct store *s)
{
	struct error err = ERROR_INIT;
	unsigned met[4] = { 0 };
	struct gty_layer rw;

	check_call(store_remove(s, LAYER_TOP, &err), &err, "remove");
	check_call(store_remove(s, LAYER_TOP, &err), &err, "remove is repeatable");
	check_call(store_remove(s, LAYER_BASE, &err), &err, "remove of the base");
	check(walk(s, 100, met, &rw) == 0, "nothing is listed after the last remove");
	int r = storage_sweep(s->st, NULL, NULL, &err);
	if (r < 0 && err.kind == ERROR_UNSUPPORTED)
		check_skip("not offered", "sweep");
	else
		check_call(r, &err, "sweep");
}

/* The engine knows base, top and one that is nowhere; the writable layer is not in its list. */
void storage_check_recover(struct store *s)
{
	char base[65], top[65], never[65];
	const struct gty_known known[] = {
		{ .what = GTY_KNOWN_LAYER, .id = suite_id(LAYER_BASE, base) },
		{ .what = GTY_KNOWN_LAYER, .id = suite_id(LAYER_TOP, top), .parent = base },
		{ .what = GTY_KNOWN_LAYER, .id = suite_id(LAYER_NEVER, never) },
	};
	struct gty_recover_req req = { .n = 3, .v = known, .flags = GTY_RECOVER_DRY };
	struct error err = ERROR_INIT;
	unsigned met[4] = { 0 };
	struct gty_layer rw;
	auto_reply struct gty_recover_rep *dry = NULL, *rep = NULL;

	check_call(storage_recover(s->st, &req, &dry, &err), &err, "recover that only reports");
	check(walk(s, 100, met, &rw) == 3, "it changes nothing");
	req.flags = 0;
	check_call(storage_recover(s->st, &req, &rep, &err), &err, "recover");
	check(is_lost(rep, LAYER_NEVER), "it says that a known layer is lost");
	check(!is_lost(rep, LAYER_BASE) && !is_lost(rep, LAYER_TOP), "it says so of no other");
	memset(met, 0, sizeof met);
	walk(s, 100, met, &rw);
	check(met[LAYER_RW] == 0, "what the engine does not know is removed");
	check(met[LAYER_BASE] == 1 && met[LAYER_TOP] == 1, "what it knows is kept");
	check_removal(s);
}
