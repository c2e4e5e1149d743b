/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole storage driver in two pages: a layer is a folder with a full copy of its parent.  Correct but for
 * what a BREAK_ macro spoils: each bad-storage-*.c defines one and must be found out by gantry-plugin-check.
 * Folders: root/<id> committed, root/<id>.new staged, root/<id>/.meta is outside: root/<id>.parent, <id>.rw
 * marks.
 */
#ifndef TINY_STORAGE_H
#define TINY_STORAGE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gantry/storage.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_ 300

struct gty_storage {
	int root_fd;
};

static int storage_probe(const struct gty_host *host, struct gty_call *call, const struct gty_open *req)
{
	(void)host;
	(void)call;
	(void)req;
	return 0;
}

static int storage_open(const struct gty_host *host, struct gty_call *call, const struct gty_open *req,
	struct gty_storage **ret, struct gty_storage_info *info)
{
	struct gty_storage *st = malloc(sizeof *st);

	(void)host;
	if (!st)
		return call->fail(call, GTY_E_INTERNAL, ENOMEM, "out of memory");
	st->root_fd = openat(req->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	info->backing = "anything";
	info->caps = GTY_STORAGE_CAP_SHARED_RW;
	*ret = st;
	return 0;
}

static void storage_close(struct gty_storage *st)
{
	close(st->root_fd);
	free(st);
}

static void remove_tree(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, e->d_name, 0) < 0)
			remove_tree(fd, e->d_name);
	}
	if (d)
		closedir(d);
	unlinkat(dirfd, name, AT_REMOVEDIR);
}

static void copy_file(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st->st_mode & 07777);

	while (from >= 0 && to >= 0 && sendfile(to, from, NULL, 1 << 20) > 0)
		;
	close(from);
	close(to);
}

static void copy_tree(int from_fd, int to_fd)
{
	DIR *d = fdopendir(openat(from_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *e;
	struct stat st;

	while (d && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
			fstatat(from_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && mkdirat(to_fd, e->d_name, st.st_mode & 07777) == 0) {
			int from = openat(from_fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			int to = openat(to_fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			copy_tree(from, to);
			close(from);
			close(to);
		} else if (S_ISREG(st.st_mode)) {
			copy_file(from_fd, to_fd, e->d_name, &st);
		}
	}
	if (d)
		closedir(d);
}

static const char *name_of(char buf[NAME_MAX_], const char *id, const char *suffix)
{
	snprintf(buf, NAME_MAX_, "%s%s", id, suffix);
	return buf;
}

static int exists(struct gty_storage *st, const char *id, const char *suffix)
{
	char name[NAME_MAX_];

	return faccessat(st->root_fd, name_of(name, id, suffix), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* <id>.new as a copy of the parent; its descriptor. */
static int begin(struct gty_storage *st, struct gty_call *call, const char *id, const char *parent)
{
	char name[NAME_MAX_];

	if (parent && !exists(st, parent, ""))
		return call->fail(call, GTY_E_NOT_FOUND, ENOENT, "there is no such parent");
	name_of(name, id, ".new");
	remove_tree(st->root_fd, name);
	if (mkdirat(st->root_fd, name, 0755) < 0)
		return call->fail(call, GTY_E_INTERNAL, errno, "cannot make a folder");
	int fd = openat(st->root_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
#ifdef BREAK_PARENT
	if (parent && parent[0] == '!') {
#else
	if (parent) {
#endif
		int from = openat(st->root_fd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		copy_tree(from, fd);
		close(from);
	}
	unlinkat(st->root_fd, name_of(name, id, ".parent"), 0);
	if (parent && symlinkat(parent, st->root_fd, name) < 0) {
		close(fd);
		return call->fail(call, GTY_E_INTERNAL, errno, "cannot note the parent");
	}
	return fd;
}

static int finish(struct gty_storage *st, struct gty_call *call, const char *id)
{
	char name[NAME_MAX_];

	if (renameat(st->root_fd, name_of(name, id, ".new"), st->root_fd, id) == 0)
		return 0;
#ifndef BREAK_COMMIT_TWICE
	if (errno == ENOENT && exists(st, id, ""))
		return 0;
#endif
	return call->fail(call, GTY_E_NOT_FOUND, errno, "nothing was staged");
}

static int stage(struct gty_storage *st, struct gty_call *call, const struct gty_stage_req *req,
	struct gty_stage_rep *rep)
{
	int fd = begin(st, call, req->id, req->parent);

	if (fd < 0)
		return fd;
	rep->form = GTY_STAGE_DIR;
	rep->fd = fd;
#ifdef BREAK_WHITEOUT
	rep->whiteout = GTY_WHITEOUT_OVERLAY;
#else
	rep->whiteout = GTY_WHITEOUT_APPLY;
#endif
	return 0;
}

static int commit(struct gty_storage *st, struct gty_call *call, const struct gty_commit_req *req,
	struct gty_usage *rep)
{
	rep->bytes = req->size;
	return finish(st, call, req->id);
}

static int create(
	struct gty_storage *st, struct gty_call *call, const struct gty_create_req *req, struct gty_kvs *rep)
{
	char name[NAME_MAX_];

	(void)rep;
#ifndef BREAK_CREATE_TWICE
	if (exists(st, req->id, ""))
		return 0;
#endif
	int fd = begin(st, call, req->id, req->parent);
	if (fd < 0)
		return fd;
	close(fd);
	if (mkdirat(st->root_fd, name_of(name, req->id, ".rw"), 0700) < 0 && errno != EEXIST)
		return call->fail(call, GTY_E_INTERNAL, errno, "cannot mark the layer");
	return finish(st, call, req->id);
}

static int storage_remove(struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref)
{
	char name[NAME_MAX_];

	(void)call;
#ifdef BREAK_REMOVE_UNKNOWN
	if (!exists(st, ref->id, "") && !exists(st, ref->id, ".new"))
		return call->fail(call, GTY_E_NOT_FOUND, ENOENT, "there is no such layer");
#endif
#ifndef BREAK_REMOVE_LEAVES
	remove_tree(st->root_fd, ref->id);
#endif
	remove_tree(st->root_fd, name_of(name, ref->id, ".new"));
	remove_tree(st->root_fd, name_of(name, ref->id, ".rw"));
	unlinkat(st->root_fd, name_of(name, ref->id, ".parent"), 0);
	return 0;
}

#ifdef BREAK_HOLDER_COUNT
static int holders;
#endif

static int storage_mount(
	struct gty_storage *st, struct gty_call *call, const struct gty_mount_req *req, struct gty_tree *rep)
{
	int fd = openat(st->root_fd, req->id, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return call->fail(call, GTY_E_NOT_FOUND, errno, "there is no such layer");
#ifdef BREAK_HOLDER_COUNT
	if (++holders > 1) {
		close(fd);
		return call->fail(call, GTY_E_CONFLICT, EBUSY, "mounted already");
	}
#endif
	rep->form = GTY_TREE_DIR;
	rep->fd = fd;
	rep->attrs = req->flags & GTY_MOUNT_RDONLY ? 1 : 0; /* MOUNT_ATTR_RDONLY */
	return 0;
}

static int storage_unmount(struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref)
{
	(void)st;
	(void)call;
	(void)ref;
#ifdef BREAK_UNMOUNT_UNKNOWN
	if (!exists(st, ref->id, ""))
		return call->fail(call, GTY_E_NOT_FOUND, ENOENT, "there is no such layer");
#endif
#ifdef BREAK_HOLDER_COUNT
	holders--;
#endif
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct gty_layer *)a)->id, ((const struct gty_layer *)b)->id);
}

static void fill_layer(struct gty_storage *st, struct gty_call *call, const char *id, struct gty_layer *l)
{
	char name[NAME_MAX_], parent[NAME_MAX_];
	ssize_t n = readlinkat(st->root_fd, name_of(name, id, ".parent"), parent, sizeof parent - 1);

	l->id = call->strdup(call, id);
	if (n > 0) {
		parent[n] = '\0';
		l->parent = call->strdup(call, parent);
	}
	l->flags = exists(st, id, ".rw") ? GTY_LAYER_WRITABLE : 0;
}

static int storage_list(
	struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref, struct gty_layers *rep)
{
	struct gty_layer *v = call->alloc(call, 4096 * sizeof *v);
	DIR *d = fdopendir(openat(st->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *e;
	uint32_t n = 0;

	while (v && d && n < 4096 && (e = readdir(d)))
		if (strlen(e->d_name) == 64 && !(ref->after && strcmp(e->d_name, ref->after) <= 0))
			fill_layer(st, call, e->d_name, &v[n++]);
	if (d)
		closedir(d);
	if (!v)
		return call->fail(call, GTY_E_INTERNAL, ENOMEM, "too many layers");
#ifndef BREAK_LIST_ORDER
	qsort(v, n, sizeof *v, compare_names);
#else
	(void)compare_names;
	for (uint32_t i = 0; i < n / 2; i++) {
		struct gty_layer l = v[i];
		v[i] = v[n - 1 - i];
		v[n - 1 - i] = l;
	}
#endif
	rep->v = v;
#ifndef BREAK_LIST_MAX
	rep->n = ref->max && n > ref->max ? ref->max : n;
#else
	rep->n = n;
#endif
	return 0;
}

static int storage_recover(struct gty_storage *st, struct gty_call *call, const struct gty_recover_req *req,
	struct gty_recover_rep *rep)
{
	struct gty_layers all = { .struct_size = sizeof all };
	const struct gty_ref everything = { .struct_size = sizeof everything, .fd = -1 };
	struct gty_lost *lost = call->alloc(call, (req->n + 1) * sizeof *lost);

	if (!lost)
		return call->fail(call, GTY_E_INTERNAL, ENOMEM, "too many layers");
	for (uint32_t i = 0; i < req->n; i++)
		if (req->v[i].what == GTY_KNOWN_LAYER && !exists(st, req->v[i].id, ""))
			lost[rep->n++] = (struct gty_lost){ req->v[i].id, "its folder is not there", 0 };
#ifdef BREAK_RECOVER_LOST
	rep->n = 0;
#endif
	rep->v = lost;
	storage_list(st, call, &everything, &all);
	for (uint32_t i = 0; i < all.n; i++) {
		uint32_t k = 0;
		while (k < req->n && strcmp(req->v[k].id, all.v[i].id) != 0)
			k++;
#ifndef BREAK_RECOVER_KEEPS
		const struct gty_ref gone = { .struct_size = sizeof gone, .id = all.v[i].id, .fd = -1 };
		if (k == req->n && !(req->flags & GTY_RECOVER_DRY))
			storage_remove(st, call, &gone);
#endif
	}
	return 0;
}

static int storage_status(struct gty_storage *st, struct gty_call *call, struct gty_kvs *rep)
{
	(void)st;
	(void)call;
	(void)rep;
	return 0;
}

static int storage_describe(
	struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref, struct gty_kvs *rep)
{
	(void)rep;
	return exists(st, ref->id, "") ? 0
				       : call->fail(call, GTY_E_NOT_FOUND, ENOENT, "there is no such layer");
}

static int storage_usage(
	struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref, struct gty_usage *rep)
{
	int fd = openat(st->root_fd, ref->id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	struct stat s;

	if (!d)
		return call->fail(call, GTY_E_NOT_FOUND, errno, "there is no such layer");
	while ((e = readdir(d)))
		if (fstatat(fd, e->d_name, &s, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(s.st_mode)) {
			rep->bytes += (uint64_t)s.st_size;
			rep->inodes++;
		}
	closedir(d);
#ifdef BREAK_USAGE
	rep->bytes = 0;
#endif
#ifdef BREAK_GUARD
	((char *)rep)[rep->struct_size] = 1;
#endif
	return 0;
}

static const struct gty_storage_ops storage_ops = { .struct_size = sizeof storage_ops,
	.probe = storage_probe,
	.open = storage_open,
	.close = storage_close,
	.recover = storage_recover,
	.status = storage_status,
	.stage = stage,
	.commit = commit,
	.create = create,
	.remove = storage_remove,
	.mount = storage_mount,
	.unmount = storage_unmount,
	.list = storage_list,
	.describe = storage_describe,
	.usage = storage_usage };

static const struct gty_option storage_options[] = {
	{ "size", "size", "0", "a size", GTY_OPT_DRIVER, 0, 0 },
	{ "mode", "enum:fast|safe", "safe", "a choice", GTY_OPT_DRIVER, 0, 0 },
	{ "sync", "bool", NULL, "a flag", GTY_OPT_DRIVER | GTY_OPT_OBJECT, 0, 0 },
	{ 0 },
};
static const char *const storage_aliases[] = { "tiny2", NULL };
static const struct gty_driver tiny_storage = { .struct_size = sizeof tiny_storage,
	.kind = GTY_KIND_STORAGE,
	.abi_major = GTY_STORAGE_ABI_MAJOR,
	.abi_minor = GTY_STORAGE_ABI_MINOR,
	.priority = 5,
	.name = "tiny",
	.aliases = storage_aliases,
	.options = storage_options,
	.help = "a fake",
	.ops = &storage_ops };

#endif
