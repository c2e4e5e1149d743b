/* SPDX-License-Identifier: Apache-2.0 */
/* mount and unmount: the same tree for every holder, in the form that the volume's kind asks for. */
#include "plugins/volume-local/layout.h"

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/sys.h"
#include "plugins/kit/call.h"
#include "plugins/kit/options.h"
#include "plugins/volume-local/entries.h"
#include "plugins/volume-local/spec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int check_subpath(const char *subpath, struct error *err)
{
	char clean[PATH_MAX], again[PATH_MAX];

	if (path_format(again, sizeof again, "/%s", subpath) < 0 ||
		path_clean(again, clean, sizeof clean) < 0 || strcmp(clean, again) != 0 || subpath[0] == '/')
		return error_invalid(err, "subpath '%.200s' is not a clean relative path", subpath);
	return 0;
}

/* Nothing in the volume, whoever put it there, leads out of it. */
static int open_below(int fd, const char *subpath, struct error *err)
{
	struct sys_open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = SYS_RESOLVE_BENEATH | SYS_RESOLVE_NO_MAGICLINKS };
	int below = sys_openat2(fd, subpath, &how);

	if (below >= 0)
		return below;
	if (errno == ENOENT || errno == ENOTDIR)
		return error_set(
			err, ERROR_NOT_FOUND, errno, "subpath '%.200s' is no folder of the volume", subpath);
	if (errno == EXDEV || errno == ELOOP)
		return error_set(
			err, ERROR_DENIED, errno, "subpath '%.200s' leads out of the volume", subpath);
	return error_sys(err, errno, "cannot open subpath '%.200s'", subpath);
}

/* Mounted in the host's table as long as somebody uses it: holders see one tree, a restarted engine finds it.
 */
static int mount_on_host(struct gty_volume *vd, const char *name, const struct spec *spec, struct error *err)
{
	char target[40];

	if (layout_is_mounted(vd, name))
		return 0;
	auto_close int data = layout_data(vd, name, O_PATH, err);
	if (data < 0)
		return data;
	snprintf(target, sizeof target, "/proc/self/fd/%d", data);
	if (mount(spec->device, target, spec->type, spec->flags.ms, spec->data) == 0)
		return 0;
	return error_set(err, errno == ENODEV || errno == EINVAL ? ERROR_INVALID : ERROR_INTERNAL, errno,
		"cannot mount '%.200s' as %s for volume '%s' (options '%.100s'): %s", spec->device,
		spec->type, name, spec->data, strerror(errno));
}

static int open_bind(const char *name, const struct spec *spec, struct error *err)
{
	int fd = open(spec->device, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENOTDIR)
		return error_set(err, ERROR_NOT_FOUND, errno,
			"the folder '%.200s' that volume '%s' binds is not there", spec->device, name);
	return error_sys(err, errno, "cannot open '%.200s', which volume '%s' binds", spec->device, name);
}

static int answer_folder(struct gty_volume *vd, const char *name, const struct spec *spec,
	const char *subpath, struct gty_tree *rep, struct error *err)
{
	int r = spec->form == SPEC_HOST ? mount_on_host(vd, name, spec, err) : 0;

	if (r < 0)
		return r;
	auto_close int fd = spec->form == SPEC_BIND ? open_bind(name, spec, err)
						    : layout_data(vd, name, O_PATH, err);
	if (fd < 0)
		return fd;
	auto_close int below = subpath ? open_below(fd, subpath, err) : take_fd(fd);
	if (below < 0)
		return below;
	rep->form = GTY_TREE_DIR;
	if (spec->flags.recursive) {
		/* The core clones a folder without what is mounted below it. */
		int tree = sys_open_tree(
			below, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
		if (tree < 0)
			return error_sys(err, errno, "cannot clone '%.200s'", spec->device);
		rep->form = GTY_TREE_MOUNT;
		rep->fd = tree;
		return 0;
	}
	rep->fd = take_fd(below);
	return 0;
}

/* What may wait for a server waits in the container. */
static int answer_steps(struct gty_volume *vd, struct gty_call *call, const char *name,
	const struct spec *spec, const char *subpath, struct gty_tree *rep, struct error *err)
{
	struct gty_step *step = kit_alloc(call, 1, sizeof *step);
	char *fstype = call->strdup(call, spec->type), *source = call->strdup(call, spec->device);
	char *data = call->strdup(call, spec->data), *base = kit_format(call, "%s/%s", vd->root, name);
	char *subdir = subpath ? call->strdup(call, subpath) : NULL;

	if (!step || !fstype || !source || !data || !base || (subpath && !subdir))
		return error_set(err, ERROR_EXHAUSTED, ENOMEM, "the answer is too large for a call");
	step->op = GTY_STEP_MOUNT2;
	step->flags = spec->flags.ms;
	step->fstype = fstype;
	step->source = source;
	step->data = data;
	rep->form = GTY_TREE_STEPS;
	rep->steps = step;
	rep->steps_n = 1;
	rep->base = base;
	rep->subdir = subdir;
	return 0;
}

static int answer(struct gty_volume *vd, struct gty_call *call, const struct gty_volume_mount_req *req,
	const struct spec *spec, struct gty_tree *rep, struct error *err)
{
	const char *subpath = kit_option(req->mount_opts, req->mount_opts_n, "subpath");
	char *where = kit_format(call, "%s/%s/_data", vd->root, req->name);
	int r = subpath && *subpath ? check_subpath(subpath, err) : 0;

	if (subpath && !*subpath)
		subpath = NULL;
	if (!where)
		return error_set(err, ERROR_EXHAUSTED, ENOMEM, "the answer is too large for a call");
	if (r == 0 && spec->form == SPEC_STEPS)
		r = answer_steps(vd, call, req->name, spec, subpath, rep, err);
	else if (r == 0)
		r = answer_folder(vd, req->name, spec, subpath, rep, err);
	if (r < 0)
		return r;
	rep->attrs = flags_attrs(&spec->flags) | (req->flags & GTY_VOLUME_RDONLY ? MOUNT_ATTR_RDONLY : 0);
	rep->where = where;
	return 0;
}

/* What nobody holds any more is taken off _data. */
static void let_go(struct gty_volume *vd, const char *name, const char *holder)
{
	if (kit_holders_remove(&vd->holders, name, holder))
		layout_unmount(vd, name);
}

int local_mount(struct gty_volume *vd, struct gty_call *call, const struct gty_volume_mount_req *req,
	struct gty_tree *rep)
{
	struct error err = ERROR_INIT;
	char other[2];
	struct spec spec;
	auto_close int dirfd = layout_volume(vd, req->name, &err);

	if (dirfd < 0 || spec_read(&spec, req->opts, req->opts_n, 0, &err) < 0)
		return kit_fail_error(call, &err);
	if (!req->holder || !*req->holder)
		return kit_fail(call, GTY_E_INVALID, EINVAL, "a mount needs a holder");
	int fresh = kit_holders_add(
		&vd->holders, req->name, req->holder, KIT_HOLD_WRITE, false, other, sizeof other);
	if (fresh < 0)
		return kit_fail_sys(call, -fresh, "cannot note who mounts volume '%s'", req->name);
	if (answer(vd, call, req, &spec, rep, &err) == 0)
		return 0;
	if (fresh)
		let_go(vd, req->name, req->holder);
	return kit_fail_error(call, &err);
}

int local_unmount(struct gty_volume *vd, struct gty_call *call, const struct gty_ref *ref)
{
	struct error err = ERROR_INIT;

	if (layout_check_name(ref->id, &err) < 0)
		return kit_fail_error(call, &err);
	if (ref->holder)
		let_go(vd, ref->id, ref->holder);
	return 0;
}
