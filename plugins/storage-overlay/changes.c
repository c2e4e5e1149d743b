/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a writable layer changes, read off its own files: a 0:0 device is a deletion, an opaque folder
 * hides what lies below.  Whether a file is new or another version is asked of the tree below, mounted
 * read-only; the layer itself may be in use meanwhile.
 */
#include "plugins/storage-overlay/mountapi.h"

#include "lib/base/cleanup.h"
#include "lib/base/sys.h"
#include "plugins/kit/call.h"
#include "plugins/kit/walk.h"
#include "plugins/storage-overlay/entries.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

enum { MODIFIED = 0, ADDED = 1, DELETED = 2 };
#define FLAG_OPAQUE 1

/* The walk keeps a path in one piece, so an ancestor is its first `len` bytes. */
struct level {
	uint16_t len;
	bool told;
	uint8_t flags;
};

struct diff {
	const struct gty_storage *st;
	struct gty_call *call;
	int out_fd, below_fd; /* below_fd -1: nothing is below */
	struct level levels[KIT_WALK_DEPTH];
	size_t used;
	char buf[8192];
};

static int flush(struct diff *d, struct error *err)
{
	int r = kit_write(d->call, d->out_fd, d->buf, d->used, err);

	d->used = 0;
	return r;
}

static int put(struct diff *d, const char *path, size_t len, uint8_t kind, uint8_t flags, struct error *err)
{
	struct gty_change change = { .path_len = (uint16_t)len, .kind = kind, .flags = flags };
	int r = 0;

	if (d->used + sizeof change + len > sizeof d->buf)
		r = flush(d, err);
	if (r < 0)
		return r;
	memcpy(d->buf + d->used, &change, sizeof change);
	d->used += sizeof change;
	if (len > sizeof d->buf - d->used) {
		r = flush(d, err);
		return r < 0 ? r : kit_write(d->call, d->out_fd, path, len, err);
	}
	memcpy(d->buf + d->used, path, len);
	d->used += len;
	return 0;
}

/* A folder in which something changed has changed, as Docker's diff says, and comes before what is in it. */
static int tell(struct diff *d, const struct kit_entry *e, uint8_t kind, uint8_t flags, struct error *err)
{
	for (unsigned i = 0; i < e->depth; i++) {
		struct level *above = &d->levels[i];
		if (!above->told) {
			int r = put(d, e->path, above->len, MODIFIED, above->flags, err);
			if (r < 0)
				return r;
			above->told = true;
		}
	}
	return put(d, e->path, strlen(e->path), kind, flags, err);
}

static bool is_opaque(const struct diff *d, const struct kit_entry *e)
{
	char value[2];
	auto_close int fd = kit_walk_open(e->dirfd, e->name);

	if (fd < 0)
		return false;
	const char *key = d->st->userxattr ? "user.overlay.opaque" : "trusted.overlay.opaque";
	return fgetxattr(fd, key, value, sizeof value) == 1 && value[0] == 'y';
}

static bool find_below(const struct diff *d, const char *path, struct stat *ret)
{
	struct sys_open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = SYS_RESOLVE_NO_SYMLINKS | SYS_RESOLVE_BENEATH };

	if (d->below_fd < 0)
		return false;
	auto_close int fd = sys_openat2(d->below_fd, path, &how);
	return fd >= 0 && fstat(fd, ret) == 0;
}

static bool same_folder(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int diff_entry(void *ctx, const struct kit_entry *e, struct error *err)
{
	struct diff *d = ctx;
	struct stat below;
	bool existed = find_below(d, e->path, &below);
	int r = 0;

	if (S_ISCHR(e->st.st_mode) && e->st.st_rdev == makedev(0, 0))
		return existed ? tell(d, e, DELETED, 0, err) : KIT_WALK_ON;
	if (!S_ISDIR(e->st.st_mode))
		return tell(d, e, existed ? MODIFIED : ADDED, 0, err);
	struct level *own = &d->levels[e->depth];
	bool was_folder = existed && S_ISDIR(below.st_mode);
	own->len = (uint16_t)strlen(e->path);
	own->flags = was_folder && is_opaque(d, e) ? FLAG_OPAQUE : 0;
	own->told = !was_folder || own->flags || !same_folder(&e->st, &below);
	if (own->told)
		r = tell(d, e, existed ? MODIFIED : ADDED, own->flags, err);
	return r;
}

static int mount_below(struct gty_storage *st, int dirfd, struct error *err)
{
	struct overlay_tree tree = { .userns_fd = -1 };
	char lower[OVERLAY_LOWER_MAX];
	int r = layout_lower(dirfd, lower, err);

	if (r < 0)
		return r;
	if (lower[0] == '\0')
		return -ENOENT;
	snprintf(tree.lowers, sizeof tree.lowers, "%s:empty", lower);
	return st->api == OVERLAY_API_FSOPEN ? mountapi_fsopen(st, &tree, err)
					     : mountapi_mount2(st, &tree, err);
}

static int write_changes(struct diff *d, int dirfd, struct error *err)
{
	struct kit_walk walk = { .entry = diff_entry, .ctx = d, .call = d->call };
	auto_close int upper = openat(dirfd, "diff", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (upper < 0)
		return error_sys(err, errno, "cannot open the layer's files");
	int r = kit_walk(upper, &walk, err);
	return r < 0 ? r : flush(d, err);
}

int overlay_changes(struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref)
{
	struct error err = ERROR_INIT;
	auto_close int dirfd = layout_layer(st, ref->id, &err);

	if (dirfd < 0)
		return kit_fail_error(call, &err);
	auto_close int below = mount_below(st, dirfd, &err);
	if (below < 0 && below != -ENOENT)
		return kit_fail_error(call, &err);
	auto_free struct diff *d = calloc(1, sizeof *d);
	if (!d)
		return kit_fail_sys(call, ENOMEM, "cannot compare the layer");
	d->st = st;
	d->call = call;
	d->out_fd = ref->fd;
	d->below_fd = below;
	return write_changes(d, dirfd, &err) < 0 ? kit_fail_error(call, &err) : 0;
}
