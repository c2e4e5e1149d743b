/* SPDX-License-Identifier: Apache-2.0 */
/* The volume suite. */
#include "core/volume/volume.h"

#include "lib/base/cleanup.h"
#include "programs/gantry-plugin-check/check.h"
#include "programs/gantry-plugin-check/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int create(struct volumes *vd, const char *name, struct error *err)
{
	const struct gty_volume_req req = { .name = name };
	auto_reply struct gty_volume_rep *rep = NULL;

	return volume_create(vd, &req, NULL, &rep, err);
}

/* The tree as a folder; -EXDEV: steps, which are the runtime's to take. */
static int mount_folder(struct volumes *vd, const char *name, const char *holder, struct error *err)
{
	const struct gty_volume_mount_req req = { .name = name, .holder = holder };
	auto_reply struct gty_tree *tree = NULL;
	int r = volume_mount(vd, &req, NULL, &tree, err);

	if (r < 0)
		return r;
	if (tree->form == GTY_TREE_STEPS)
		return -EXDEV;
	r = openat(tree->fd, tree->subdir ? tree->subdir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return r < 0 ? error_sys(err, errno, "the tree cannot be opened") : r;
}

static void check_data(struct volumes *vd)
{
	struct error err = ERROR_INIT;
	auto_close int a = mount_folder(vd, "data", "c1", &err);

	if (a == -EXDEV) {
		check_skip("mounted by steps, in a container", "what a volume holds");
		return;
	}
	if (!check_call(a < 0 ? a : 0, &err, "mount"))
		return;
	check(tree_write(a, "file", "kept\n"), "the volume can be written");
	auto_close int again = mount_folder(vd, "data", "c1", &err);
	check_call(again < 0 ? again : 0, &err, "mount with an equal holder is repeatable");
	auto_close int b = mount_folder(vd, "data", "c2", &err);
	if (volume_caps(vd) & GTY_VOLUME_CAP_BUSY)
		check(b < 0, "CAP_BUSY: a second holder is refused");
	else
		check(b >= 0 && tree_reads(b, "file", "kept\n"), "a second holder sees the same files");
	check_call(create(vd, "data", &err), &err, "create is repeatable");
	check(tree_reads(a, "file", "kept\n"), "a second create keeps the data");
	check_call(volume_unmount(vd, "data", "c2", NULL, NULL, &err), &err, "unmount of the second holder");
}

static void check_unknown(struct volumes *vd)
{
	struct error err = ERROR_INIT;
	auto_reply struct gty_volume_rep *rep = NULL;

	check_call(
		volume_remove(vd, "never", NULL, false, NULL, &err), &err, "remove of the unknown succeeds");
	check_call(
		volume_unmount(vd, "never", "c1", NULL, NULL, &err), &err, "unmount of the unknown succeeds");
	check_call(volume_unmount(vd, "data", "nobody", NULL, NULL, &err), &err,
		"unmount by an unknown holder succeeds");
	check_refused(volume_describe(vd, "never", NULL, NULL, &rep, &err), &err, ERROR_NOT_FOUND,
		"describe of the unknown is refused");
}

static void check_recover(struct volumes *vd)
{
	const struct gty_known known[] = { { .what = GTY_KNOWN_VOLUME, .id = "data" },
		{ .what = GTY_KNOWN_VOLUME, .id = "never" } };
	const struct gty_recover_req req = { .n = 2, .v = known };
	auto_reply struct gty_recover_rep *rep = NULL;
	struct error err = ERROR_INIT;
	bool lost = false, kept = true;

	if (!check_call(volume_recover(vd, &req, &rep, &err), &err, "recover"))
		return;
	for (uint32_t i = 0; i < rep->n; i++) {
		lost |= strcmp(rep->v[i].id, "never") == 0;
		kept &= strcmp(rep->v[i].id, "data") != 0;
	}
	check(lost, "it says that a known volume is lost");
	check(kept, "it says so of no other");
}

static void check_answers(struct volumes *vd)
{
	struct error err = ERROR_INIT;
	auto_reply struct gty_kvs *kvs = NULL;
	auto_reply struct gty_volume_rep *rep = NULL;
	auto_reply struct gty_volume_items *items = NULL;
	struct gty_volume_usage usage;

	check_call(volume_status(vd, NULL, &kvs, &err), &err, "status");
	check_call(volume_describe(vd, "data", NULL, NULL, &rep, &err), &err, "describe");
	int r = volume_usage(vd, "data", NULL, NULL, &usage, &err);
	if (r < 0 && err.kind == ERROR_UNSUPPORTED)
		check_skip("not offered", "usage");
	else
		check_call(r, &err, "usage");
	r = volume_list(vd, NULL, 100, NULL, &items, &err);
	if (r < 0 && err.kind == ERROR_UNSUPPORTED)
		check_skip("not offered", "list");
	else
		check_call(r, &err, "list");
}

void suite_volume(struct suite *s)
{
	struct driver_config config = suite_config(s, s->instances++);
	struct error err = ERROR_INIT;
	struct volumes *vd = NULL;
	unsigned fds = suite_fds();

	if (!check_call(volume_open(s->driver, &config, &vd, &err), &err, "opens"))
		return;
	if (check_call(create(vd, "data", &err), &err, "create")) {
		check_data(vd);
		check_unknown(vd);
		check_answers(vd);
		check_recover(vd);
		check_call(volume_unmount(vd, "data", "c1", NULL, NULL, &err), &err, "unmount");
		check_call(volume_unmount(vd, "data", "c1", NULL, NULL, &err), &err, "unmount is repeatable");
		check_call(volume_remove(vd, "data", NULL, false, NULL, &err), &err,
			"remove, with its state lost");
		check_call(volume_remove(vd, "data", NULL, false, NULL, &err), &err, "remove is repeatable");
		int dir = mount_folder(vd, "data", "c1", &err);
		check(dir < 0 && dir != -EXDEV, "what was removed cannot be mounted");
		if (dir >= 0)
			close(dir);
	}
	check(volume_close(vd) == 0, "closes with no call stuck");
	check(suite_fds() == fds, "no descriptor is left open (%u, %u before)", suite_fds(), fds);
}
