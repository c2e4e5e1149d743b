/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/archive/files.h"

#include "lib/archive/hash.h"
#include "lib/archive/input.h"
#include "lib/archive/name.h"
#include "lib/archive/tar.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX   8
#define PART_NAME   "part"
#define BLOB_MODE   0600
#define CHECK_EVERY 64 /* chunks */

struct reading {
	struct files *files;
	struct tar_reader *tar;
	const struct archive_load_options *options;
};

/* ---- one file --------------------------------------------------------------------------- */

static int add(struct files *f, struct file file, struct error *err)
{
	if (f->n == ARCHIVE_FILES_MAX)
		return error_set(err, ERROR_EXHAUSTED, EFBIG,
			"the archive has more than %d files: is it an archive of images?", ARCHIVE_FILES_MAX);
	if (f->n == f->room) {
		size_t room = f->room ? f->room * 2 : 64;
		void *bigger = realloc(f->list, room * sizeof *f->list);
		if (!bigger)
			return error_sys(err, ENOMEM, "cannot read the archive");
		f->list = bigger;
		f->room = room;
	}
	f->list[f->n++] = file;
	return 0;
}

static int check_cancel(const struct reading *r, struct error *err)
{
	int c = rootfs_cancel_check(r->options->cancel);

	if (c == 0)
		return 0;
	return error_set(err, c == -ETIMEDOUT ? ERROR_TIMEOUT : ERROR_CANCELLED, -c, "loading was cancelled");
}

/* The entry's bytes to fd, digested; the first of them say how they are compressed. */
static int copy_data(
	struct reading *r, int fd, struct archive_hash *hash, struct file *file, struct error *err)
{
	char magic[ARCHIVE_MAGIC_SIZE];
	size_t magic_n = 0;
	const void *data;
	ssize_t n;

	for (unsigned i = 0; (n = tar_reader_data(r->tar, &data, err)) > 0; i++) {
		size_t missing = sizeof magic - magic_n, take = (size_t)n < missing ? (size_t)n : missing;
		memcpy(magic + magic_n, data, take);
		magic_n += take;
		archive_hash_add(hash, data, (size_t)n);
		int e = fd_write_all(fd, data, (size_t)n);
		if (e < 0)
			return error_set(err, e == -ENOSPC || e == -EDQUOT ? ERROR_EXHAUSTED : ERROR_INTERNAL,
				-e, "cannot keep '%.200s' of the archive: %s", file->path, strerror(-e));
		file->size += (size_t)n;
		e = i % CHECK_EVERY == 0 ? check_cancel(r, err) : 0;
		if (e < 0)
			return e;
	}
	file->compression = archive_decoder_detect(magic, magic_n);
	return (int)n;
}

/* A path like blobs/sha256/<digits> promises its bytes. */
static int check_promise(const struct file *file, struct error *err)
{
	static const char folder[] = "blobs/sha256/";

	if (strncmp(file->path, folder, sizeof folder - 1) != 0)
		return 0;
	if (strcmp(file->path + sizeof folder - 1, digest_hex(file->digest)) == 0)
		return 0;
	return error_set(err, ERROR_INVALID, EBADMSG, "archive refused: '%.200s' has the digest %s",
		file->path, file->digest);
}

static int keep_file(struct reading *r, struct file *file, struct error *err)
{
	int tmp = r->files->tmp;

	auto_close int fd = openat(
		tmp, PART_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, BLOB_MODE);
	if (fd < 0)
		return error_sys(err, errno, "cannot keep a file of the archive");
	struct archive_hash *hash = archive_hash_new();
	if (!hash)
		return error_sys(err, ENOMEM, "cannot read the archive");
	int e = copy_data(r, fd, hash, file, err);
	archive_hash_end(hash, file->digest);
	archive_hash_free(hash);
	if (e == 0)
		e = check_promise(file, err);
	if (e == 0 && renameat(tmp, PART_NAME, tmp, digest_hex(file->digest)) < 0)
		e = error_sys(err, errno, "cannot keep a file of the archive");
	if (e < 0)
		unlinkat(tmp, PART_NAME, 0);
	return e;
}

/* The path that a link of the archive stands for; a symlink's is seen from its own directory. */
static int set_link(struct file *file, const struct tar_entry *entry, struct error *err)
{
	char joined[PATH_MAX], target[PATH_MAX];
	int n = (int)(path_base(file->path) - file->path);
	int e;

	if (entry->type == TAR_SYMLINK && entry->link[0] != '/')
		e = path_format(joined, sizeof joined, "%.*s%s", n, file->path, entry->link);
	else
		e = path_format(joined, sizeof joined, "%s", entry->link);
	if (e == 0)
		e = name_clean(joined, target);
	if (e < 0)
		return error_invalid(
			err, "archive refused: '%.200s' is a link to something outside", file->path);
	file->link = strdup(target);
	return file->link ? 0 : error_sys(err, ENOMEM, "cannot read the archive");
}

static int take_entry(struct reading *r, const struct tar_entry *entry, struct error *err)
{
	char path[PATH_MAX];
	int e;

	if (entry->type == TAR_DIR)
		return 0;
	if (name_clean(entry->name, path) < 0 || !path[0])
		return error_invalid(
			err, "archive refused: '%.200s' is no path in an archive of images", entry->name);
	struct file file = { .path = strdup(path) };
	if (!file.path)
		return error_sys(err, ENOMEM, "cannot read the archive");
	if (entry->type == TAR_SYMLINK || entry->type == TAR_HARDLINK)
		e = set_link(&file, entry, err);
	else if (entry->type == TAR_FILE && !entry->segments)
		e = keep_file(r, &file, err);
	else
		e = error_invalid(err, "archive refused: '%.200s' is not a file", path);
	if (e == 0)
		e = add(r->files, file, err);
	if (e < 0) {
		free(file.path);
		free(file.link);
	}
	return e;
}

/* ---- the archive -------------------------------------------------------------------------- */

/* tar_source_fn */
static ssize_t source(void *arg, const void **ret, struct error *err)
{
	return archive_input_next(arg, ret, err);
}

static int read_entries(struct reading *r, struct archive_input *in, struct error *err)
{
	struct archive_input_totals totals;
	struct tar_entry entry;
	int e;

	while ((e = tar_reader_next(r->tar, &entry, err)) > 0) {
		e = take_entry(r, &entry, err);
		if (e < 0)
			return e;
	}
	return e < 0 ? e : archive_input_finish(in, &totals, err);
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp((*(struct file *const *)a)->path, (*(struct file *const *)b)->path);
}

static int compare_digests(const void *a, const void *b)
{
	return strcmp((*(struct file *const *)a)->digest, (*(struct file *const *)b)->digest);
}

/* Two files of one path could be read as two different images. */
static int check_doubles(const struct files *f, struct error *err)
{
	for (size_t i = 1; i < f->n; i++) {
		const struct file *a = f->by_path[i - 1], *b = f->by_path[i];
		bool same = (!a->link && !b->link) ? strcmp(a->digest, b->digest) == 0
						   : a->link && b->link && strcmp(a->link, b->link) == 0;
		if (strcmp(a->path, b->path) == 0 && !same)
			return error_invalid(
				err, "archive refused: it has two different files '%.200s'", a->path);
	}
	return 0;
}

static int sort(struct files *f, struct error *err)
{
	f->by_path = calloc(f->n + 1, sizeof *f->by_path);
	f->by_digest = calloc(f->n + 1, sizeof *f->by_digest);
	if (!f->by_path || !f->by_digest)
		return error_sys(err, ENOMEM, "cannot read the archive");
	for (size_t i = 0; i < f->n; i++) {
		f->by_path[i] = &f->list[i];
		if (!f->list[i].link)
			f->by_digest[f->n_digests++] = &f->list[i];
	}
	qsort(f->by_path, f->n, sizeof *f->by_path, compare_paths);
	qsort(f->by_digest, f->n_digests, sizeof *f->by_digest, compare_digests);
	return check_doubles(f, err);
}

int files_read(
	struct files *f, int fd, int tmp, const struct archive_load_options *options, struct error *err)
{
	struct archive_input_options input = { .limits = options->limits };
	struct reading r = { .files = f, .options = options };
	struct archive_input *in = NULL;

	*f = (struct files){ .tmp = tmp };
	int e = archive_input_new(fd, &input, &in, err);
	if (e < 0)
		return e;
	e = tar_reader_new(source, in, &options->limits, &r.tar, err);
	if (e == 0)
		e = read_entries(&r, in, err);
	tar_reader_free(r.tar);
	archive_input_free(in);
	return e < 0 ? e : sort(f, err);
}

void files_done(struct files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		if (!f->list[i].link)
			unlinkat(f->tmp, digest_hex(f->list[i].digest), 0);
		free(f->list[i].path);
		free(f->list[i].link);
	}
	free(f->list);
	free(f->by_path);
	free(f->by_digest);
	*f = (struct files){ .tmp = -1 };
}

/* ---- finding ---------------------------------------------------------------------------------- */

const struct file *files_find(const struct files *f, const char *path)
{
	char clean[PATH_MAX];

	if (name_clean(path, clean) < 0)
		return NULL;
	struct file key = { .path = clean }, *wanted = &key;
	for (int i = 0; i <= LINKS_MAX && f->n > 0; i++) {
		struct file **found = bsearch(&wanted, f->by_path, f->n, sizeof *f->by_path, compare_paths);
		if (!found)
			return NULL;
		if (!(*found)->link)
			return *found;
		key.path = (*found)->link;
	}
	return NULL;
}

const struct file *files_find_digest(const struct files *f, const char *digest)
{
	struct file key = { 0 }, *wanted = &key;

	if (!digest_is_valid(digest) || f->n_digests == 0)
		return NULL;
	memcpy(key.digest, digest, DIGEST_SIZE);
	struct file **found = bsearch(
		&wanted, f->by_digest, f->n_digests, sizeof *f->by_digest, compare_digests);
	return found ? *found : NULL;
}

int files_json(const struct files *f, const struct file *file, const char *what, struct json **ret,
	struct error *err)
{
	auto_free char *text = NULL;
	size_t n = 0;

	if (file->size > ARCHIVE_JSON_MAX)
		return error_set(err, ERROR_EXHAUSTED, EFBIG,
			"archive refused: %s '%.200s' has more than %u bytes", what, file->path,
			ARCHIVE_JSON_MAX);
	int r = fd_read_file(f->tmp, digest_hex(file->digest), ARCHIVE_JSON_MAX, &text, &n);
	if (r < 0)
		return error_sys(err, -r, "cannot read %s '%.200s'", what, file->path);
	r = json_parse(text, n, JSON_UNIQUE_KEYS, ret, err);
	return r < 0 ? error_prefix(err, r, "archive refused: %s '%.200s'", what, file->path) : 0;
}

int files_publish(const struct files *f, const char *digest, int blobs, struct error *err)
{
	const char *name = digest_hex(digest);

	if (faccessat(blobs, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (renameat2(f->tmp, name, blobs, name, RENAME_NOREPLACE) == 0 || errno == EEXIST)
		return 0;
	return error_sys(err, errno, "cannot keep blob '%s'", digest);
}
