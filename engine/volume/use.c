/* SPDX-License-Identifier: Apache-2.0 */
/* A volume in a container: its tree, and the files of an image that it is given at first. */
#include "engine/volume/object.h"

#include "core/plugin/call.h"
#include "engine/engine.h"
#include "engine/worker.h"
#include "lib/base/cleanup.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "lib/base/sys.h"
#include "lib/json/json.h"
#include "lib/proto/worker.h"
#include "lib/rootfs/copy.h"
#include "lib/rootfs/resolve.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define OPTIONS_MAX 256

/* ---- the tree ----------------------------------------------------------------------------- */
int volume_use(struct volume *v, const char *holder, const char *subpath, bool read_only,
	struct gty_tree **ret, struct error *err)
{
	struct gty_kv opts[OPTIONS_MAX], sub = { "subpath", subpath };
	struct gty_volume_mount_req req = { .flags = read_only ? GTY_VOLUME_RDONLY : 0,
		.name = v->name,
		.state = v->state,
		.holder = holder,
		.opts = opts,
		.mount_opts = &sub,
		.mount_opts_n = *subpath ? 1 : 0 };

	if (!v->by)
		return error_set(err, ERROR_UNAVAILABLE, ENODEV,
			"volume '%s' cannot be mounted: its driver '%s' is not there", v->name, v->driver);
	json_each (v->options, it) {
		if (req.opts_n == OPTIONS_MAX)
			break; /* create has refused more */
		opts[req.opts_n++] = (struct gty_kv){ it.key, json_string(it.value) };
	}
	int r = volume_mount(v->by, &req, NULL, ret, err);
	return r < 0 ? error_prefix(err, r, "volume '%s'", v->name) : 0;
}

void volume_unuse(struct volume *v, const char *holder)
{
	struct error err = ERROR_INIT;

	if (v->by && volume_unmount(v->by, v->name, holder, v->state, NULL, &err) < 0)
		log_warning("volume '%s': %s", v->name, err.text);
}

/* ---- the first files ------------------------------------------------------------------------ */
/* 1: nothing in it; 0: something; -errno. */
static int is_empty(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int r = 1;

	if (!d) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	errno = 0;
	while (r == 1 && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = 0;
	if (r == 1 && errno)
		r = -errno;
	closedir(d);
	return r;
}

/* Files of an image are walked by a worker; an empty folder has only its own owner and mode. */
static int copy(struct volume *v, int src, int dst, bool nothing, struct error *err)
{
	struct proto_worker_request q = { .job = PROTO_WORKER_COPY };
	struct proto_worker_reply reply;
	int fds[2] = { src, dst };

	return nothing ? rootfs_copy_tree(src, dst, NULL, NULL, err)
		       : worker_run(v->all->engine, &q, fds, 2, &reply, err);
}

static int fill_tree(struct volume *v, int src, int tree, bool *ret_half, struct error *err)
{
	auto_close int dst = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int empty = dst < 0 ? -errno : is_empty(dst), nothing = is_empty(src);

	if (empty < 0 || nothing < 0)
		return error_sys(err, empty < 0 ? -empty : -nothing, "cannot look into volume '%s'", v->name);
	if (!empty)
		return 0;
	int r = nothing ? 0 : volume_save(v, VOLUME_FILLING, err);
	if (r < 0)
		return r;
	*ret_half = !nothing;
	r = copy(v, src, dst, nothing, err);
	fault_point("volume.filled");
	if (r < 0)
		return error_prefix(err, r, "cannot copy the image's files into volume '%s'", v->name);
	*ret_half = false;
	return nothing ? 0 : volume_save(v, VOLUME_READY, err);
}

int volume_fill(struct volume *v, const char *holder, int src, bool *ret_skipped, struct error *err)
{
	auto_reply struct gty_tree *tree = NULL;
	bool half = false;
	int r = volume_set_busy(v, err);

	if (r < 0)
		return r;
	if (ret_skipped)
		*ret_skipped = false;
	r = volume_use(v, holder, "", false, &tree, err);
	if (r == 0) {
		if (tree->form == GTY_TREE_DIR || tree->form == GTY_TREE_MOUNT)
			r = fill_tree(v, src, tree->fd, &half, err);
		else if (ret_skipped)
			*ret_skipped = true;
		volume_unuse(v, holder);
	}
	if (half && volume_empty_again(v, NULL) < 0)
		log_warning("volume '%s' has half an image's files: the next start empties it", v->name);
	volume_set_idle(v);
	return r;
}
