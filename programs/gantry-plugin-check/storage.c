/* SPDX-License-Identifier: Apache-2.0 */
/* The storage suite: calls, and the order of its parts. */
#include "programs/gantry-plugin-check/storage.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool store_open(struct store *s)
{
	struct driver_config config = suite_config(s->suite, s->folder);
	struct error err = ERROR_INIT;

	return check_call(storage_open(s->suite->driver, &config, &s->st, &err), &err, "opens");
}

void store_close(struct store *s)
{
	check(storage_close(s->st) == 0, "closes with no call stuck");
	s->st = NULL;
}

int store_stage(struct store *s, unsigned n, unsigned parent, uint32_t *ret_whiteout)
{
	const struct gty_stage_req req = { .id = suite_id_tmp(n),
		.parent = parent ? suite_id_tmp(parent) : NULL,
		.diff_id = "sha256:0",
		.media_type = "application/vnd.oci.image.layer.v1.tar" };
	auto_reply struct gty_stage_rep *rep = NULL;
	struct error err = ERROR_INIT;

	if (!check_call(storage_stage(s->st, &req, NULL, &rep, &err), &err, "stage of layer %u", n))
		return -1;
	if (rep->form != GTY_STAGE_DIR) {
		check_skip("the suite fills folders only", "layer %u is staged as form %u", n, rep->form);
		return -1;
	}
	*ret_whiteout = rep->whiteout;
	return take_fd(rep->fd);
}

int store_commit(struct store *s, unsigned n, struct error *err)
{
	const struct gty_commit_req req = { .id = suite_id_tmp(n), .size = 4096, .files = 3 };

	return storage_commit(s->st, &req, NULL, NULL, err);
}

int store_create(struct store *s, unsigned n, unsigned parent, struct error *err)
{
	const struct gty_create_req req = { .id = suite_id_tmp(n),
		.parent = parent ? suite_id_tmp(parent) : NULL };

	return storage_create(s->st, &req, NULL, err);
}

int store_remove(struct store *s, unsigned n, struct error *err)
{
	return storage_remove(s->st, suite_id_tmp(n), NULL, err);
}

int store_unmount(struct store *s, unsigned n, const char *holder, struct error *err)
{
	return storage_unmount(s->st, suite_id_tmp(n), holder, NULL, NULL, err);
}

int store_mount(struct store *s, unsigned n, const char *holder, uint32_t flags, struct error *err)
{
	const struct gty_mount_req req = {
		.id = suite_id_tmp(n), .holder = holder, .flags = flags | GTY_MOUNT_NO_STEPS
	};
	auto_reply struct gty_tree *tree = NULL;
	int r = storage_mount(s->st, &req, NULL, &tree, err);

	if (r < 0)
		return r;
	r = openat(tree->fd, tree->subdir ? tree->subdir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return r < 0 ? error_sys(err, errno, "the tree cannot be opened") : r;
}

bool tree_write(int dir, const char *name, const char *text)
{
	auto_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	return fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0;
}

bool tree_reads(int dir, const char *name, const char *text)
{
	auto_free char *got = NULL;

	return fd_read_file(dir, name, 65536, &got, NULL) == 0 && strcmp(got, text) == 0;
}

bool tree_has(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void check_twin(struct store *s)
{
	struct store twin = { .suite = s->suite, .folder = s->suite->instances++ };
	struct error err = ERROR_INIT;

	check_note("a second instance of the driver");
	if (!store_open(&twin))
		return;
	check_call(store_create(&twin, LAYER_RW, 0, &err), &err,
		"its layers are its own: an id of the first can be created");
	check_call(store_remove(&twin, LAYER_RW, &err), &err, "and removed");
	store_close(&twin);
	int dir = store_mount(s, LAYER_RW, "twin", 0, &err);
	check_call(dir < 0 ? dir : 0, &err, "the first instance's layer is untouched");
	if (dir >= 0)
		close(dir);
	check_call(store_unmount(s, LAYER_RW, "twin", &err), &err, "unmount");
}

void suite_storage(struct suite *suite)
{
	struct store s = { .suite = suite, .folder = suite->instances++ };
	unsigned fds = suite_fds();

	if (!store_open(&s))
		return;
	storage_check_layers(&s);
	storage_check_mounts(&s);
	storage_check_unknown(&s);
	storage_check_list(&s);
	storage_check_depth(&s);
	storage_check_parallel(&s);
	if (!suite->remote) /* a second process is made before there are threads only */
		check_twin(&s);
	if (!suite->remote) {
		store_close(&s);
		check_note("opened again, as after a restart");
		if (!store_open(&s))
			return;
	}
	storage_check_recover(&s);
	store_close(&s);
	check(suite_fds() == fds, "no descriptor is left open (%u, %u before)", suite_fds(), fds);
}
