/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/kit/folder.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

const char *kit_fs_name(long magic)
{
	static const struct {
		uint32_t magic;
		const char *name;
	} known[] = {
		{ 0xef53, "extfs" },
		{ 0x58465342, "xfs" },
		{ 0x9123683e, "btrfs" },
		{ 0x01021994, "tmpfs" },
		{ 0x794c7630, "overlayfs" },
		{ 0x6969, "nfs" },
		{ 0x65735546, "fuse" },
		{ 0x2fc12fc1, "zfs" },
		{ 0xf2f52010, "f2fs" },
		{ 0xca451a4e, "bcachefs" },
		{ 0x61756673, "aufs" },
		{ 0xf15f, "ecryptfs" },
		{ 0x01021997, "9p" },
		{ 0x00c36400, "ceph" },
		{ 0xff534d42, "cifs" },
		{ 0xfe534d42, "smb2" },
		{ 0x858458f6, "ramfs" },
		{ 0x73717368, "squashfs" },
		{ 0xe0f5e1e2, "erofs" },
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (known[i].magic == (uint32_t)magic)
			return known[i].name;
	}
	return "<unknown>";
}

int kit_fs_magic(int fd, long *ret, struct error *err)
{
	struct statfs s;

	if (fstatfs(fd, &s) < 0)
		return error_sys(err, errno, "cannot ask for the file system of the driver's folder");
	*ret = (long)s.f_type;
	return 0;
}

int kit_folder_open(int dirfd, const char *name, struct error *err)
{
	if (mkdirat(dirfd, name, 0700) < 0 && errno != EEXIST)
		return error_sys(err, errno, "cannot make folder '%s'", name);
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_sys(err, errno, "cannot open folder '%s'", name) : fd;
}

int kit_rename_new(int from_fd, const char *from, int to_fd, const char *to)
{
	struct stat st;

	if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* The file system has no NOREPLACE.  Callers rename one id at a time, so a look before is enough. */
	if (fstatat(to_fd, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	return renameat(from_fd, from, to_fd, to) < 0 ? -errno : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int names_add(struct kit_names *names, size_t *room, const char *name)
{
	if (names->n == *room) {
		size_t more = *room ? *room * 2 : 64;
		char **v = realloc(names->v, more * sizeof *v);
		if (!v)
			return -ENOMEM;
		names->v = v;
		*room = more;
	}
	names->v[names->n] = strdup(name);
	if (!names->v[names->n])
		return -ENOMEM;
	names->n++;
	return 0;
}

int kit_names_read(int dirfd, bool (*wanted)(const char *name), struct kit_names *ret, struct error *err)
{
	struct kit_names names = { 0 };
	size_t room = 0;
	int r = 0;
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		r = error_sys(err, errno, "cannot list the driver's folder");
		if (fd >= 0)
			close(fd);
		return r;
	}
	for (;;) {
		errno = 0;
		struct dirent *e = readdir(dir);
		if (!e) {
			r = -errno;
			break;
		}
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || !wanted(e->d_name))
			continue;
		r = names_add(&names, &room, e->d_name);
		if (r < 0)
			break;
	}
	closedir(dir);
	if (r < 0) {
		kit_names_free(&names);
		return error_sys(err, -r, "cannot list the driver's folder");
	}
	if (names.n > 0)
		qsort(names.v, names.n, sizeof *names.v, by_name);
	*ret = names;
	return 0;
}

void kit_names_free(struct kit_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
	*names = (struct kit_names){ 0 };
}

bool kit_names_has(const struct kit_names *names, const char *name)
{
	return names->n > 0 && bsearch(&name, names->v, names->n, sizeof *names->v, by_name) != NULL;
}

int kit_file_write(int dirfd, const char *name, const void *data, size_t n)
{
	auto_close int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	return fd_write_all(fd, data, n);
}
