/* SPDX-License-Identifier: Apache-2.0 */
/* Layers and what their trees show. */
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "programs/gantry-plugin-check/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static const uint32_t no_style = UINT32_MAX;

/* Says "this name of the parent is gone" as the driver asked for. */
static bool put_whiteout(int dir, const char *name, uint32_t style)
{
	char marker[300];
	auto_close int fd = -1;

	switch (style) {
	case GTY_WHITEOUT_APPLY: return unlinkat(dir, name, 0) == 0;
	case GTY_WHITEOUT_OVERLAY: return mknodat(dir, name, S_IFCHR, makedev(0, 0)) == 0;
	case GTY_WHITEOUT_OVERLAY_USER:
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		return fd >= 0 && fsetxattr(fd, "user.overlay.whiteout", "", 0, 0) == 0;
	default:
		snprintf(marker, sizeof marker, ".wh.%s", name);
		fd = openat(dir, marker, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
		return fd >= 0;
	}
}

/* Makes `name` a folder that hides the parent's of that name. */
static bool put_opaque(int dir, const char *name, uint32_t style)
{
	if (style == GTY_WHITEOUT_APPLY) {
		auto_close int old = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return old >= 0 && unlinkat(old, "below", 0) == 0;
	}
	if (mkdirat(dir, name, 0755) < 0)
		return false;
	auto_close int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (style == GTY_WHITEOUT_AUFS) {
		auto_close int mark = openat(fd, ".wh..wh..opq", O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
		return mark >= 0;
	}
	return fsetxattr(fd, style == GTY_WHITEOUT_OVERLAY ? "trusted.overlay.opaque" : "user.overlay.opaque",
		       "y", 1, 0) == 0;
}

static bool fill_base(int dir)
{
	if (mkdirat(dir, "folder", 0755) < 0)
		return false;
	auto_close int sub = openat(dir, "folder", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return sub >= 0 && tree_write(sub, "below", "below\n") && tree_write(dir, "kept", "of the base\n") &&
	       tree_write(dir, "dropped", "dropped\n") && tree_write(dir, "changed", "old\n");
}

static bool stage_base(struct store *s)
{
	struct error err = ERROR_INIT;
	uint32_t style = no_style;
	auto_close int first = store_stage(s, LAYER_BASE, 0, &style);

	if (first < 0)
		return false;
	tree_write(first, "junk", "of a pull that was cut\n");
	auto_close int dir = store_stage(s, LAYER_BASE, 0, &style);
	if (dir < 0)
		return false;
	check(!tree_has(dir, "junk"), "a second stage drops the half-made layer");
	check(fill_base(dir), "the staged folder can be filled");
	check_call(store_commit(s, LAYER_BASE, &err), &err, "commit");
	return check_call(store_commit(s, LAYER_BASE, &err), &err, "commit is repeatable");
}

static bool stage_top(struct store *s)
{
	struct error err = ERROR_INIT;
	uint32_t style = no_style;
	auto_close int dir = store_stage(s, LAYER_TOP, LAYER_BASE, &style);

	if (dir < 0)
		return false;
	check(put_whiteout(dir, "dropped", style), "the staged folder takes a whiteout of style %u", style);
	check(put_opaque(dir, "folder", style), "the staged folder takes an opaque folder of style %u",
		style);
	check(tree_write(dir, "changed", "new\n") && tree_write(dir, "added", "added\n"),
		"the second layer can be filled");
	return check_call(store_commit(s, LAYER_TOP, &err), &err, "commit of the second layer");
}

static void check_tree(struct store *s)
{
	struct error err = ERROR_INIT;
	auto_close int dir = store_mount(s, LAYER_RW, "c1", 0, &err);

	if (!check_call(dir < 0 ? dir : 0, &err, "mount of the writable layer"))
		return;
	check(tree_reads(dir, "kept", "of the base\n"), "the tree shows the base layer's file");
	check(tree_reads(dir, "changed", "new\n"), "the tree shows the upper of two files of one name");
	check(tree_reads(dir, "added", "added\n"), "the tree shows the second layer's file");
	check(!tree_has(dir, "dropped"), "the tree honours the whiteout in the declared style");
	check(tree_has(dir, "folder") && !tree_has(dir, "folder/below"),
		"the tree honours the opaque folder in the declared style");
	check(tree_write(dir, "mine", "mine\n"), "the tree can be written");
	auto_close int again = store_mount(s, LAYER_RW, "c1", 0, &err);
	check_call(again < 0 ? again : 0, &err, "mount with an equal holder is repeatable");
}

void storage_check_layers(struct store *s)
{
	struct error err = ERROR_INIT;

	if (!stage_base(s) || !stage_top(s))
		return;
	check_call(store_create(s, LAYER_RW, LAYER_TOP, &err), &err, "create of a writable layer");
	check_tree(s);
	check_call(store_unmount(s, LAYER_RW, "c1", &err), &err, "unmount");
	check_call(store_create(s, LAYER_RW, LAYER_TOP, &err), &err, "create is repeatable");
	auto_close int dir = store_mount(s, LAYER_RW, "c2", 0, &err);
	check(dir >= 0 && tree_reads(dir, "mine", "mine\n"),
		"what was written outlives unmount and a second create");
	check(dir >= 0 && !tree_has(dir, "dropped"), "the whiteout outlives unmount");
	check_call(store_unmount(s, LAYER_RW, "c2", &err), &err, "unmount");
}

/* Holders are a set: two mounts by one and one unmount leave nothing. */
void storage_check_mounts(struct store *s)
{
	struct error err = ERROR_INIT;
	int a = store_mount(s, LAYER_TOP, "reader-1", GTY_MOUNT_RDONLY, &err);

	check_call(a < 0 ? a : 0, &err, "an image layer is mounted read-only");
	int b = store_mount(s, LAYER_TOP, "reader-2", GTY_MOUNT_RDONLY, &err);
	check_call(b < 0 ? b : 0, &err, "and by a second holder at once");
	check(a >= 0 && tree_reads(a, "added", "added\n") && !tree_has(a, "mine"),
		"its tree holds nothing of its children");
	if (a >= 0)
		close(a);
	if (b >= 0)
		close(b);
	check_call(store_unmount(s, LAYER_TOP, "reader-1", &err), &err, "unmount of the first holder");
	check_call(store_unmount(s, LAYER_TOP, "reader-2", &err), &err, "unmount of the second holder");

	a = store_mount(s, LAYER_RW, "writer-1", 0, &err);
	b = store_mount(s, LAYER_RW, "writer-1", 0, &err);
	if (a >= 0)
		close(a);
	if (b >= 0)
		close(b);
	check_call(store_unmount(s, LAYER_RW, "writer-1", &err), &err,
		"one unmount after two mounts by one holder");
	a = store_mount(s, LAYER_RW, "writer-2", 0, &err);
	check_call(a < 0 ? a : 0, &err, "holders are a set, not a count: another may write now");
	if (a >= 0)
		close(a);
	check_call(store_unmount(s, LAYER_RW, "writer-2", &err), &err, "unmount");
	check_call(store_unmount(s, LAYER_RW, "writer-2", &err), &err, "unmount is repeatable");
}

void storage_check_depth(struct store *s)
{
	const unsigned first = 100;
	unsigned n = storage_max_depth(s->st) && storage_max_depth(s->st) < 41 ? storage_max_depth(s->st) - 1
									       : 40,
		 made = 0;
	struct error err = ERROR_INIT;
	char name[32];
	bool all = true;

	for (; made < n; made++) {
		const struct gty_stage_req req = { .id = suite_id_tmp(first + made),
			.parent = made ? suite_id_tmp(first + made - 1) : NULL };
		auto_reply struct gty_stage_rep *rep = NULL;
		if (storage_stage(s->st, &req, NULL, &rep, &err) < 0 || rep->form != GTY_STAGE_DIR)
			break;
		snprintf(name, sizeof name, "file-%u", made);
		if (!tree_write(rep->fd, name, "x\n") || store_commit(s, first + made, &err) < 0)
			break;
	}
	check(made == n, "a chain of %u layers is made (%u were)", n, made);
	int r = store_create(s, first + n, first + n - 1, &err);
	check_call(r, &err, "a writable layer on top of it");
	int dir = r < 0 ? -1 : store_mount(s, first + n, "deep", 0, &err);
	for (unsigned i = 0; i < n && dir >= 0; i++) {
		snprintf(name, sizeof name, "file-%u", i);
		all &= tree_has(dir, name);
	}
	check(dir >= 0 && all, "its tree shows the files of all of them");
	if (dir >= 0)
		close(dir);
	store_unmount(s, first + n, "deep", &err);
	for (unsigned i = n + 1; i-- > 0;)
		all &= store_remove(s, first + i, &err) == 0;
	check(all, "the chain is removed from its top");
}

struct runner {
	struct store *s;
	unsigned n;
	int r;
	struct error err;
};

static void *live(void *arg)
{
	struct runner *run = arg;
	char text[32];

	snprintf(text, sizeof text, "number %u\n", run->n);
	for (int i = 0; i < 5 && run->r == 0; i++) {
		run->r = store_create(run->s, run->n, LAYER_TOP, &run->err);
		int dir = run->r < 0 ? run->r : store_mount(run->s, run->n, "p", 0, &run->err);
		if (dir < 0) {
			run->r = dir;
			break;
		}
		if (!tree_write(dir, "who", text) || !tree_reads(dir, "who", text))
			run->r = error_set(&run->err, ERROR_INTERNAL, EIO, "its file reads as another's");
		close(dir);
		int r = store_unmount(run->s, run->n, "p", &run->err);
		if (r == 0)
			r = store_remove(run->s, run->n, &run->err);
		run->r = run->r < 0 ? run->r : r;
	}
	return NULL;
}

void storage_check_parallel(struct store *s)
{
	struct runner runs[8];
	pthread_t threads[8];

	for (unsigned i = 0; i < 8; i++) {
		runs[i] = (struct runner){ .s = s, .n = 200 + i };
		pthread_create(&threads[i], NULL, live, &runs[i]);
	}
	for (unsigned i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < 8; i++)
		check_call(runs[i].r, &runs[i].err,
			"eight ids at once: number %u is created, mounted, written, removed five times", i);
}
