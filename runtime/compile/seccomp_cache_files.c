/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache in a folder.  A file is named by a hash of its key and holds: header, key, instructions.  It
 * appears whole by rename(2), and what is read is judged on the descriptor.
 */
#include "runtime/compile/seccomp_cache.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAGIC UINT64_C(0x31706d6363657347)
#define FILE_MAX   (sizeof(struct header) + SECCOMP_CACHE_KEY_MAX + BPF_MAXINSNS * sizeof(struct sock_filter))
#define NAME_LEN   16

struct header {
	uint64_t magic;
	uint32_t key_len, n, flags, reserved;
	uint64_t sum; /* of key and instructions: a file that a crash left half on disk */
};

struct file_cache {
	struct seccomp_cache cache; /* first */
	int dir;
	size_t max;
};

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t n)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
	return hash;
}

#define HASH_START UINT64_C(14695981039346656037)

static void name_of(const char *key, char name[NAME_LEN + 1])
{
	snprintf(name, NAME_LEN + 1, "%016llx", (unsigned long long)hash_bytes(HASH_START, key, strlen(key)));
}

/* ---- reading ------------------------------------------------------------------------ */
static bool is_ours(int fd, size_t *ret_size)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		(st.st_mode & 07777) != 0600 || st.st_nlink != 1)
		return false;
	if (st.st_size < (off_t)sizeof(struct header) || st.st_size > (off_t)FILE_MAX)
		return false;
	*ret_size = (size_t)st.st_size;
	return true;
}

static bool is_whole(const char *data, size_t size, const char *key)
{
	const struct header *h = (const struct header *)(const void *)data;
	size_t key_len = strlen(key);

	return h->magic == FILE_MAGIC && h->key_len == key_len && h->n > 0 && h->n <= BPF_MAXINSNS &&
	       size == sizeof *h + key_len + h->n * sizeof(struct sock_filter) &&
	       memcmp(data + sizeof *h, key, key_len) == 0 &&
	       h->sum == hash_bytes(HASH_START, data + sizeof *h, size - sizeof *h);
}

static int get_file(struct seccomp_cache *cache, const char *key, struct seccomp_filter *ret)
{
	struct file_cache *f = (struct file_cache *)cache;
	auto_free char *data = NULL;
	auto_close int fd = -1;
	char name[NAME_LEN + 1];
	const struct header *h;
	struct sock_filter *insns;
	size_t size = 0;

	name_of(key, name);
	fd = openat(f->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || !is_ours(fd, &size))
		return -ENOENT;
	data = malloc(size);
	if (!data || fd_read_full(fd, data, size) != (ssize_t)size || !is_whole(data, size, key))
		return -ENOENT;
	h = (const struct header *)(const void *)data;
	insns = calloc(h->n, sizeof *insns);
	if (!insns)
		return -ENOENT;
	memcpy(insns, data + sizeof *h + h->key_len, h->n * sizeof *insns);
	*ret = (struct seccomp_filter){ insns, h->n, h->flags };
	return 0;
}

/* ---- writing --------------------------------------------------------------------------- */
static bool is_older(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec != b->st_mtim.tv_sec ? a->st_mtim.tv_sec < b->st_mtim.tv_sec
						      : a->st_mtim.tv_nsec < b->st_mtim.tv_nsec;
}

/* Removes the oldest file when there are more than max; a folder that was overfull shrinks by one a call.
 * What a killed writer left counts as a file. */
static void evict(const struct file_cache *f)
{
	char oldest[NAME_MAX + 1] = "";
	struct stat st, oldest_st = { 0 };
	struct dirent *entry;
	size_t n = 0;
	DIR *dir;
	int fd;

	fd = openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	while ((entry = readdir(dir))) {
		if (fstatat(f->dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode))
			continue;
		n++;
		if (oldest[0] && !is_older(&st, &oldest_st))
			continue;
		oldest_st = st;
		snprintf(oldest, sizeof oldest, "%s", entry->d_name);
	}
	closedir(dir);
	if (n > f->max)
		unlinkat(f->dir, oldest, 0);
}

static int write_file(
	int dir, const char *name, const struct header *h, const char *key, const struct sock_filter *insns)
{
	auto_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = fchmod(fd, 0600) < 0 ? -errno : 0; /* whatever the umask */
	if (r == 0)
		r = fd_write_all(fd, h, sizeof *h);
	if (r == 0)
		r = fd_write_all(fd, key, h->key_len);
	if (r == 0)
		r = fd_write_all(fd, insns, h->n * sizeof *insns);
	return r;
}

static void put_file(struct seccomp_cache *cache, const char *key, const struct seccomp_filter *filter)
{
	struct file_cache *f = (struct file_cache *)cache;
	struct header h = { .magic = FILE_MAGIC,
		.key_len = (uint32_t)strlen(key),
		.n = (uint32_t)filter->n,
		.flags = filter->flags };
	char name[NAME_LEN + 1], draft[NAME_LEN + 16];

	h.sum = hash_bytes(HASH_START, key, h.key_len);
	h.sum = hash_bytes(h.sum, filter->insns, filter->n * sizeof filter->insns[0]);
	name_of(key, name);
	snprintf(draft, sizeof draft, ".%s.%d", name, (int)gettid());
	unlinkat(f->dir, draft, 0); /* of a process of the same number that was killed */
	if (write_file(f->dir, draft, &h, key, filter->insns) < 0 ||
		renameat(f->dir, draft, f->dir, name) < 0)
		unlinkat(f->dir, draft, 0);
	else
		evict(f);
}

static void free_files(struct seccomp_cache *cache)
{
	struct file_cache *f = (struct file_cache *)cache;

	close(f->dir);
	free(f);
}

int seccomp_cache_open(const char *dir, size_t max, struct seccomp_cache **ret, struct error *err)
{
	auto_close int fd = -1;
	struct file_cache *f;
	struct stat st;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return error_sys(err, errno, "cannot make '%s'", dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(err, errno, "cannot open '%s'", dir);
	if (st.st_uid != geteuid() || st.st_mode & 077)
		return error_set(err, ERROR_DENIED, EPERM,
			"'%s' must belong to user %u and be closed to others (mode 0700)", dir,
			(unsigned)geteuid());
	f = calloc(1, sizeof *f);
	if (!f)
		return error_sys(err, ENOMEM, "cannot open '%s'", dir);
	f->cache = (struct seccomp_cache){ get_file, put_file, free_files };
	f->dir = take_fd(fd);
	f->max = max ? max : 1;
	*ret = &f->cache;
	return 0;
}
