/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/archive/unpack.h"

#include "lib/archive/name.h"
#include "lib/archive/places.h"
#include "lib/archive/tar.h"
#include "lib/archive/whiteout.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/rootfs/attrs.h"
#include "lib/rootfs/remove.h"
#include "lib/rootfs/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define CHECK_EVERY 64

struct unpack {
	int root;
	const struct archive_unpack_options *options;
	struct archive_input *input;
	struct tar_reader *tar;
	struct places places;
	struct whiteouts whiteouts;
	struct archive_unpacked done;
};

/* An entry on its way: where it goes. */
struct target {
	const struct tar_entry *entry;
	char path[PATH_MAX]; /* cleaned, without a leading '/'; "" is the directory itself */
	char dir[PATH_MAX];
	const char *name; /* in path */
	int dirfd;        /* of places */
	bool lifted;      /* a mark that the name is deleted stood here */
};

static int fail(int r, const struct target *t, struct error *err)
{
	int kind = r == -ENOSPC || r == -EDQUOT ? ERROR_EXHAUSTED : ERROR_INTERNAL;

	error_sys(err, -r, "cannot unpack '%.300s'", t->path[0] ? t->path : ".");
	if (err)
		err->kind = kind;
	return r;
}

static int refuse(const struct target *t, const char *why, struct error *err)
{
	return error_invalid(err, "archive refused: entry '%.300s' %s", t->entry->name, why);
}

/* ---- names ---------------------------------------------------------------------------- */

static int set_path(struct target *t, const struct tar_entry *e, struct error *err)
{
	t->entry = e;
	t->lifted = false;
	int r = name_clean(e->name, t->path);
	if (r == -EXDEV)
		return refuse(t, "leaves the directory", err);
	if (r < 0)
		return refuse(t, "has a name that is too long", err);
	t->name = path_base(t->path);
	size_t n = (size_t)(t->name - t->path);
	memcpy(t->dir, t->path, n);
	t->dir[n > 0 ? n - 1 : 0] = '\0';
	if (!t->path[0] && e->type != TAR_DIR)
		return refuse(t, "has no name", err);
	return 0;
}

/* A directory on the way is marked deleted by this layer: it comes back, without what was in it below. */
static int revive_way(struct unpack *u, const char *path, struct error *err)
{
	char prefix[PATH_MAX];

	for (size_t n = 0; path[n]; n += path[n] == '/') {
		size_t start = n;
		n += strcspn(path + n, "/");
		memcpy(prefix, path, n);
		prefix[n] = '\0';
		char *name = prefix + start;
		if (start > 0)
			prefix[start - 1] = '\0';
		auto_close int above = rootfs_open(u->root, start > 0 ? prefix : "", O_PATH | O_DIRECTORY, 0);
		if (above == -ENOENT)
			return 0;
		if (above < 0)
			return above;
		int r = whiteout_lift(&u->whiteouts, above, name);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		if (mkdirat(above, name, 0755) < 0)
			return -errno;
		auto_close int dir = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (dir < 0 || fchmod(dir, 0755) < 0)
			return -errno;
		r = whiteout_opaque(&u->whiteouts, dir, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int open_parent(struct unpack *u, struct target *t, struct error *err)
{
	/* overlay's mark stands in the directory's place, aufs's beside it */
	bool aufs = u->options->whiteouts == ARCHIVE_WHITEOUT_AUFS;
	int fd = aufs && u->whiteouts.made && !places_has(&u->places, t->dir)
			 ? -ENOTDIR
			 : places_get(&u->places, t->dir);

	if (fd == -ENOTDIR && u->whiteouts.made) {
		int r = revive_way(u, t->dir, err);
		fd = r < 0 ? r : places_get(&u->places, t->dir);
	}
	if (fd < 0)
		return fail(fd, t, err);
	t->dirfd = fd;
	return 0;
}

/* ---- making way ------------------------------------------------------------------------ */

/* Removes what stands where the entry goes; a directory stays for a directory. */
static int clear_way(struct unpack *u, struct target *t, struct error *err)
{
	struct stat st;

	if (fstatat(t->dirfd, t->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail(-errno, t, err);
	bool is_dir = S_ISDIR(st.st_mode), wants_dir = t->entry->type == TAR_DIR;
	if (is_dir && wants_dir)
		return 0;
	if (u->options->keep_kinds && is_dir != wants_dir)
		return error_set(err, ERROR_CONFLICT, EEXIST, "cannot overwrite %s '%.300s' with %s",
			is_dir ? "directory" : "non-directory", t->path,
			wants_dir ? "a directory" : "a non-directory");
	if (!is_dir)
		return unlinkat(t->dirfd, t->name, 0) < 0 ? fail(-errno, t, err) : 0;
	int r = rootfs_remove_tree(t->dirfd, t->name, u->options->cancel, err);
	if (r < 0)
		return r;
	/* open directories may have been in it */
	r = places_flush(&u->places);
	return r < 0 ? fail(r, t, err) : open_parent(u, t, err);
}

/* What this layer brings is not deleted by its own whiteouts. */
static int note(struct unpack *u, const struct target *t, struct error *err)
{
	struct stat st;

	if (u->options->whiteouts != ARCHIVE_WHITEOUT_APPLY)
		return 0;
	if (fstatat(t->dirfd, t->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(-errno, t, err);
	int r = inodes_add(&u->whiteouts.ours, st.st_ino);
	return r < 0 ? fail(r, t, err) : 0;
}

/* ---- attributes -------------------------------------------------------------------------- */

static struct stat stat_of(const struct tar_entry *e)
{
	return (struct stat){ .st_mode = e->mode, .st_uid = e->uid, .st_gid = e->gid };
}

static void times_of(const struct tar_entry *e, struct timespec times[2])
{
	times[1] = e->mtime;
	times[0] = e->has_atime ? e->atime : e->mtime;
}

static int set_xattrs(struct unpack *u, int fd, const struct tar_entry *e)
{
	for (size_t i = 0; i < e->n_xattrs; i++) {
		const struct tar_xattr *x = &e->xattrs[i];
		if (!rootfs_xattr_allowed(x->name)) {
			u->done.dropped_xattrs++;
			continue;
		}
		if (fsetxattr(fd, x->name, x->value, x->n, 0) == 0)
			continue;
		if (errno != EOPNOTSUPP)
			return -errno;
		u->done.dropped_xattrs++;
	}
	return 0;
}

/* Owner before attributes (chown drops security.capability), mode again after them (an ACL changes it), times
 * last. */
static int set_attributes(struct unpack *u, int fd, const struct tar_entry *e)
{
	struct stat st = stat_of(e);
	struct timespec times[2];

	int r = rootfs_set_owner_mode(fd, &st);
	if (r == 0 && e->n_xattrs > 0) {
		r = set_xattrs(u, fd, e);
		if (r == 0)
			r = rootfs_set_owner_mode(fd, &st);
	}
	times_of(e, times);
	if (r == 0 && futimens(fd, times) < 0)
		r = -errno;
	return r;
}

static int set_attributes_at(struct unpack *u, const struct target *t)
{
	struct stat st = stat_of(t->entry);
	struct timespec times[2];

	u->done.dropped_xattrs += t->entry->n_xattrs;
	times_of(t->entry, times);
	int r = rootfs_set_owner_mode_at(t->dirfd, t->name, &st);
	if (r == 0 && utimensat(t->dirfd, t->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	return r;
}

/* ---- kinds of entries ---------------------------------------------------------------------- */

static int write_plain(struct unpack *u, int fd, const struct target *t, struct error *err)
{
	const void *data;
	ssize_t n;

	while ((n = tar_reader_data(u->tar, &data, err)) > 0) {
		int r = fd_write_all(fd, data, (size_t)n);
		if (r < 0)
			return fail(r, t, err);
	}
	return (int)n;
}

static int write_at(int fd, const char *data, size_t n, uint64_t at)
{
	while (n > 0) {
		ssize_t w = pwrite(fd, data, n, (off_t)at);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		data += w;
		n -= (size_t)w;
		at += (uint64_t)w;
	}
	return 0;
}

/* The stored bytes are the segments' one after the other. */
static int write_sparse(struct unpack *u, int fd, const struct target *t, struct error *err)
{
	const struct tar_entry *e = t->entry;
	const void *data;
	size_t segment = 0;
	uint64_t in = 0;
	ssize_t n;

	while ((n = tar_reader_data(u->tar, &data, err)) > 0) {
		const char *p = data;
		while (n > 0) {
			while (in == e->segments[segment].n) {
				segment++;
				in = 0;
			}
			const struct tar_segment *s = &e->segments[segment];
			size_t take = s->n - in < (uint64_t)n ? (size_t)(s->n - in) : (size_t)n;
			int r = write_at(fd, p, take, s->offset + in);
			if (r < 0)
				return fail(r, t, err);
			p += take;
			n -= (ssize_t)take;
			in += take;
		}
	}
	if (n == 0 && ftruncate(fd, (off_t)e->size) < 0)
		return fail(-errno, t, err);
	return (int)n;
}

static int make_file(struct unpack *u, struct target *t, struct error *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int made = openat(t->dirfd, t->name, flags, 0600);

	if (made < 0 && errno == EEXIST) {
		int r = clear_way(u, t, err);
		if (r < 0)
			return r;
		made = openat(t->dirfd, t->name, flags, 0600);
	}
	if (made < 0)
		return fail(-errno, t, err);
	auto_close int fd = made;
	int r = t->entry->segments ? write_sparse(u, fd, t, err) : write_plain(u, fd, t, err);
	if (r < 0)
		return r;
	r = set_attributes(u, fd, t->entry);
	if (r < 0)
		return fail(r, t, err);
	u->done.file_bytes += t->entry->size;
	return 0;
}

static int open_dir(struct unpack *u, struct target *t, struct error *err)
{
	if (mkdirat(t->dirfd, t->name, 0700) < 0) {
		if (errno != EEXIST)
			return fail(-errno, t, err);
		int r = clear_way(u, t, err);
		if (r < 0)
			return r;
		if (mkdirat(t->dirfd, t->name, 0700) < 0 && errno != EEXIST)
			return fail(-errno, t, err);
	}
	int fd = openat(t->dirfd, t->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? fail(-errno, t, err) : fd;
}

static int make_dir(struct unpack *u, struct target *t, struct error *err)
{
	struct stat st;

	auto_close int fd = t->path[0] ? open_dir(u, t, err) : fcntl(t->dirfd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return t->path[0] ? fd : fail(-errno, t, err);
	if (t->lifted) {
		int r = whiteout_opaque(&u->whiteouts, fd, err);
		if (r < 0)
			return r;
	}
	int r = set_attributes(u, fd, t->entry);
	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r < 0)
		return fail(r, t, err);
	places_set_mtime(&u->places, &st, t->entry->mtime);
	return 0;
}

static int create_special(const struct target *t)
{
	const struct tar_entry *e = t->entry;
	mode_t kind = e->type == TAR_FIFO ? S_IFIFO : e->type == TAR_CHAR ? S_IFCHR : S_IFBLK;

	if (e->type == TAR_SYMLINK)
		return symlinkat(e->link, t->dirfd, t->name) < 0 ? -errno : 0;
	dev_t dev = e->type == TAR_FIFO ? 0 : makedev(e->major, e->minor);
	return mknodat(t->dirfd, t->name, kind | e->mode, dev) < 0 ? -errno : 0;
}

static int make_special(struct unpack *u, struct target *t, struct error *err)
{
	const struct tar_entry *e = t->entry;

	if ((e->type == TAR_CHAR || e->type == TAR_BLOCK_DEVICE) && e->major == 0 && e->minor == 0)
		return refuse(t, "is a device 0:0, which marks deleted files", err);
	if (e->type == TAR_SYMLINK && !e->link[0])
		return refuse(t, "is a symlink to nothing", err);
	int r = create_special(t);
	if (r == -EEXIST) {
		r = clear_way(u, t, err);
		if (r < 0)
			return r;
		r = create_special(t);
	}
	if (r == 0)
		r = set_attributes_at(u, t);
	return r < 0 ? fail(r, t, err) : 0;
}

static int link_or_replace(struct unpack *u, struct target *t, int from, const char *name, struct error *err)
{
	struct stat a, b;

	if (linkat(from, name, t->dirfd, t->name, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return fail(-errno, t, err);
	if (fstatat(from, name, &a, AT_SYMLINK_NOFOLLOW) < 0 ||
		fstatat(t->dirfd, t->name, &b, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(-errno, t, err);
	if (a.st_ino == b.st_ino && a.st_dev == b.st_dev)
		return 0;
	int r = clear_way(u, t, err);
	if (r < 0)
		return r;
	return linkat(from, name, t->dirfd, t->name, 0) < 0 ? fail(-errno, t, err) : 0;
}

static int make_hardlink(struct unpack *u, struct target *t, struct error *err)
{
	char link[PATH_MAX], name[NAME_MAX + 1];
	const char *deleted;
	struct stat st;
	int parent = -1;

	if (name_clean(t->entry->link, link) < 0 || !link[0])
		return refuse(t, "is a hard link to something outside", err);
	if (u->options->whiteouts != ARCHIVE_WHITEOUT_NONE &&
		whiteout_classify(link, &deleted) != WHITEOUT_NOT)
		return refuse(t, "is a hard link to a whiteout", err);
	int r = rootfs_parent(u->root, link, &parent, name);
	auto_close int from = r < 0 ? -1 : parent;
	if (r == 0 && fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r == -ENOENT || r == -ENOTDIR || (r == 0 && whiteout_is_mark(&st)))
		return refuse(t, "is a hard link to a file that is not in the archive", err);
	if (r < 0)
		return fail(r, t, err);
	if (S_ISDIR(st.st_mode))
		return refuse(t, "is a hard link to a directory", err);
	return link_or_replace(u, t, from, name, err);
}

static int make(struct unpack *u, struct target *t, struct error *err)
{
	int r = whiteout_lift(&u->whiteouts, t->dirfd, t->name);

	if (r < 0)
		return fail(r, t, err);
	t->lifted = r > 0;
	switch (t->entry->type) {
	case TAR_FILE: r = make_file(u, t, err); break;
	case TAR_DIR: r = make_dir(u, t, err); break;
	case TAR_HARDLINK: r = make_hardlink(u, t, err); break;
	default: r = make_special(u, t, err); break;
	}
	return r < 0 || !t->path[0] ? r : note(u, t, err);
}

/* ---- the archive --------------------------------------------------------------------------- */

static int take_entry(struct unpack *u, const struct tar_entry *e, struct target *t, struct error *err)
{
	enum whiteout_kind kind = WHITEOUT_NOT;
	const char *deleted = NULL;

	int r = set_path(t, e, err);
	if (r < 0)
		return r;
	if (u->options->whiteouts != ARCHIVE_WHITEOUT_NONE)
		kind = whiteout_classify(t->path, &deleted);
	if (kind == WHITEOUT_IGNORE)
		return 0;
	if (kind == WHITEOUT_WRONG)
		return refuse(t, "is a whiteout of nothing", err);
	r = open_parent(u, t, err);
	if (r < 0)
		return r;
	if (kind == WHITEOUT_NOT)
		return make(u, t, err);
	if (kind == WHITEOUT_OPAQUE)
		r = whiteout_opaque(&u->whiteouts, t->dirfd, err);
	else
		r = whiteout_delete(&u->whiteouts, t->dirfd, deleted, err);
	/* what is deleted may be open */
	if (r == 0 && u->options->whiteouts == ARCHIVE_WHITEOUT_APPLY) {
		r = places_flush(&u->places);
		if (r < 0)
			return fail(r, t, err);
	}
	return r;
}

static int unpack_entries(struct unpack *u, struct error *err)
{
	struct target t;
	struct tar_entry e;
	int r;

	while ((r = tar_reader_next(u->tar, &e, err)) > 0) {
		if (u->done.entries++ % CHECK_EVERY == 0 && (r = rootfs_cancel_check(u->options->cancel)) < 0)
			return error_set(err, r == -ETIMEDOUT ? ERROR_TIMEOUT : ERROR_CANCELLED, -r,
				"unpacking was cancelled");
		r = take_entry(u, &e, &t, err);
		if (r < 0)
			return r;
	}
	return r;
}

static int check_digest(const char *what, const char *want, const char *got, struct error *err)
{
	if (!want || strcmp(want, got) == 0)
		return 0;
	return error_set(err, ERROR_INVALID, EBADMSG, "the %s has digest %s, not %s", what, got, want);
}

static int check_digests(
	const struct archive_unpack_options *o, const struct archive_input_totals *t, struct error *err)
{
	int r = check_digest("archive", o->blob_digest, t->blob_digest, err);

	return r < 0 ? r : check_digest("decompressed archive", o->plain_digest, t->plain_digest, err);
}

static int open_input(
	int fd, const struct archive_unpack_options *o, struct archive_input **ret, struct error *err)
{
	struct archive_input_options options = { .limits = o->limits,
		.digests = !o->no_digests || o->blob_digest || o->plain_digest };

	return archive_input_new(fd, &options, ret, err);
}

/* tar_source_fn */
static ssize_t source(void *arg, const void **ret, struct error *err)
{
	return archive_input_next(arg, ret, err);
}

static int run(struct unpack *u, struct error *err)
{
	int r = unpack_entries(u, err);
	int closed = places_done(&u->places);

	if (r == 0 && closed < 0)
		r = error_sys(err, -closed, "cannot set the time of a directory");
	if (r == 0)
		r = archive_input_finish(u->input, &u->done.input, err);
	return r < 0 ? r : check_digests(u->options, &u->done.input, err);
}

int archive_unpack(int fd, int dirfd, const struct archive_unpack_options *options,
	struct archive_unpacked *ret, struct error *err)
{
	struct unpack u = { .root = dirfd,
		.options = options,
		.whiteouts = { .style = options->whiteouts, .cancel = options->cancel } };
	bool apply = options->whiteouts == ARCHIVE_WHITEOUT_APPLY;

	int r = open_input(fd, options, &u.input, err);
	if (r < 0)
		return r;
	places_init(&u.places, dirfd, apply ? &u.whiteouts.ours : NULL);
	r = tar_reader_new(source, u.input, &options->limits, &u.tar, err);
	if (r == 0)
		r = run(&u, err);
	tar_reader_free(u.tar);
	archive_input_free(u.input);
	inodes_done(&u.whiteouts.ours);
	if (r == 0)
		*ret = u.done;
	return r;
}

int archive_expand(int fd, int out, const struct archive_unpack_options *options,
	struct archive_input_totals *ret, struct error *err)
{
	struct archive_input_totals totals = { 0 };
	struct archive_input *in = NULL;
	const void *data;
	ssize_t n;

	int r = open_input(fd, options, &in, err);
	if (r < 0)
		return r;
	while ((n = archive_input_next(in, &data, err)) > 0) {
		r = fd_write_all(out, data, (size_t)n);
		if (r < 0)
			break;
	}
	if (r < 0)
		error_sys(err, -r, "cannot write the decompressed archive");
	else
		r = n < 0 ? (int)n : archive_input_finish(in, &totals, err);
	if (r == 0)
		r = check_digests(options, &totals, err);
	archive_input_free(in);
	if (r == 0)
		*ret = totals;
	return r;
}
