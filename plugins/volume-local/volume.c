/* SPDX-License-Identifier: Apache-2.0 */
/* How volumes come and go: made whole in .new, there from one rename on, gone by another. */
#include "plugins/volume-local/layout.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/timefmt.h"
#include "plugins/kit/call.h"
#include "plugins/kit/folder.h"
#include "plugins/kit/trash.h"
#include "plugins/volume-local/entries.h"
#include "plugins/volume-local/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int fill(
	struct gty_volume *vd, int dirfd, const struct spec *spec, const char *text, struct error *err)
{
	int r = 0;

	/* Before anything is made in the folder: the project is inherited, not set again. */
	if (spec->size > 0)
		r = kit_quota_assign(&vd->quota, dirfd, spec->size, err);
	if (r < 0)
		return r;
	if (mkdirat(dirfd, "_data", 0755) < 0)
		return error_sys(err, errno, "cannot make a volume's folder");
	auto_close int data = openat(dirfd, "_data", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (data < 0 || fchmod(data, 0755) < 0)
		return error_sys(err, errno, "cannot open a volume's folder");
	r = text[0] ? fd_replace_file(dirfd, "options", text, strlen(text), 0600, true) : 0;
	return r < 0 ? error_sys(err, -r, "cannot write a volume's options") : 0;
}

static int make(
	struct gty_volume *vd, const char *name, const struct spec *spec, const char *text, struct error *err)
{
	int r = kit_trash_put(vd->trash_fd, vd->new_fd, name, err);
	auto_close int dirfd = r < 0 ? r : kit_folder_open(vd->new_fd, name, err);

	if (dirfd < 0)
		return dirfd;
	r = fill(vd, dirfd, spec, text, err);
	if (r == 0) {
		r = kit_rename_new(vd->new_fd, name, vd->root_fd, name);
		if (r < 0)
			error_sys(err, -r, "cannot make volume '%s' visible", name);
	}
	if (r < 0) {
		kit_trash_put(vd->trash_fd, vd->new_fd, name, NULL);
		return r;
	}
	if (fsync(vd->root_fd) < 0)
		return error_sys(err, errno, "cannot write volume '%s' to disk", name);
	return 0;
}

static int same_options(int dirfd, const char *name, const char *text, struct error *err)
{
	auto_free char *there = NULL;
	int r = fd_read_file(dirfd, "options", SPEC_TEXT_MAX, &there, NULL);

	if (r < 0 && r != -ENOENT)
		return error_sys(err, -r, "cannot read the options of volume '%s'", name);
	if (strcmp(there ? there : "", text) != 0)
		return error_set(
			err, ERROR_CONFLICT, EEXIST, "volume '%s' is there with other options", name);
	return 0;
}

/* The time the volume's folder was made, or last changed where the file system does not tell. */
static char *created_text(struct gty_call *call, int dirfd)
{
	char text[TIMEFMT_SIZE];
	struct statx stx;

	if (statx(dirfd, "", AT_EMPTY_PATH, STATX_BTIME | STATX_MTIME, &stx) < 0)
		return call->strdup(call, "");
	int64_t s = stx.stx_mask & STATX_BTIME ? stx.stx_btime.tv_sec : stx.stx_mtime.tv_sec;
	return call->strdup(call, timefmt_rfc3339nano(s * INT64_C(1000000000), text));
}

static int answer(
	struct gty_volume *vd, struct gty_call *call, const char *name, int dirfd, struct gty_volume_rep *rep)
{
	char where[PATH_MAX];

	if (layout_where(vd, name, where) < 0)
		return kit_fail(
			call, GTY_E_INVALID, ENAMETOOLONG, "the path of volume '%s' is too long", name);
	char *where_copy = call->strdup(call, where), *created = created_text(call, dirfd);
	if (!where_copy || !created)
		return kit_no_memory(call);
	rep->where = where_copy;
	rep->created = created;
	return 0;
}

static int create(struct gty_volume *vd, const struct gty_volume_req *req, struct error *err)
{
	char text[SPEC_TEXT_MAX];
	struct spec spec;
	int r = layout_check_name(req->name, err);

	if (r == 0)
		r = spec_read(&spec, req->opts, req->opts_n, req->size_limit, err);
	if (r == 0)
		r = spec_text(req->opts, req->opts_n, text, err);
	if (r == 0 && spec.size > 0 && !vd->quota.on)
		r = kit_quota_missing("the volume", err);
	if (r < 0)
		return r;
	auto_close int there = layout_volume(vd, req->name, err);
	if (there >= 0)
		return same_options(there, req->name, text, err);
	return there == -ENOENT ? make(vd, req->name, &spec, text, err) : there;
}

int local_create(struct gty_volume *vd, struct gty_call *call, const struct gty_volume_req *req,
	struct gty_volume_rep *rep)
{
	struct error err = ERROR_INIT;

	if (create(vd, req, &err) < 0)
		return kit_fail_error(call, &err);
	auto_close int dirfd = layout_volume(vd, req->name, &err);
	return dirfd < 0 ? kit_fail_error(call, &err) : answer(vd, call, req->name, dirfd, rep);
}

int local_remove(struct gty_volume *vd, struct gty_call *call, const struct gty_ref *ref)
{
	struct error err = ERROR_INIT;
	char holder[256];

	if (layout_check_name(ref->id, &err) < 0)
		return kit_fail_error(call, &err);
	if (!(ref->flags & GTY_REF_FORCE) && kit_holders_any(&vd->holders, ref->id, holder, sizeof holder))
		return kit_fail(
			call, GTY_E_CONFLICT, EBUSY, "volume '%s' is mounted by '%s'", ref->id, holder);
	layout_unmount(vd, ref->id);
	if (kit_trash_put(vd->trash_fd, vd->root_fd, ref->id, &err) < 0 ||
		kit_trash_put(vd->trash_fd, vd->new_fd, ref->id, &err) < 0)
		return kit_fail_error(call, &err);
	reaper_wake(&vd->reaper);
	return 0;
}

int local_describe(
	struct gty_volume *vd, struct gty_call *call, const struct gty_ref *ref, struct gty_volume_rep *rep)
{
	struct error err = ERROR_INIT;
	auto_close int dirfd = layout_volume(vd, ref->id, &err);

	return dirfd < 0 ? kit_fail_error(call, &err) : answer(vd, call, ref->id, dirfd, rep);
}

int local_usage(
	struct gty_volume *vd, struct gty_call *call, const struct gty_ref *ref, struct gty_volume_usage *rep)
{
	struct error err = ERROR_INIT;
	struct kit_usage usage = { 0 };
	uint64_t limit = 0;
	auto_close int dirfd = layout_volume(vd, ref->id, &err);

	if (dirfd < 0)
		return kit_fail_error(call, &err);
	if (!kit_quota_usage(&vd->quota, dirfd, &usage, &limit)) {
		auto_close int data = layout_data(vd, ref->id, O_RDONLY, &err);
		if (data < 0 || kit_usage_walk(data, call, &usage, &err) < 0)
			return kit_fail_error(call, &err);
	}
	rep->bytes = usage.bytes;
	rep->inodes = usage.inodes;
	rep->limit = limit;
	return 0;
}

int local_resize(struct gty_volume *vd, struct gty_call *call, const struct gty_ref *ref)
{
	struct error err = ERROR_INIT;
	auto_close int dirfd = layout_volume(vd, ref->id, &err);

	if (dirfd < 0 || kit_quota_change(&vd->quota, dirfd, ref->size, &err) < 0)
		return kit_fail_error(call, &err);
	return 0;
}
