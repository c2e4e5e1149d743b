/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/rootfs/data.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SMALL 16384 /* one read and one write are cheaper than asking for more */

static bool is_refusal(int e)
{
	return e == EXDEV || e == EINVAL || e == EOPNOTSUPP || e == ENOTTY || e == ENOSYS || e == EPERM ||
	       e == ETXTBSY;
}

static int copy_by_hand(int src, int dst, off_t at, off_t end, char *buf, uint64_t *bytes)
{
	while (at < end) {
		size_t want = end - at < ROOTFS_DATA_BUFFER ? (size_t)(end - at) : ROOTFS_DATA_BUFFER;
		ssize_t n = pread(src, buf, want, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (ssize_t done = 0; done < n;) {
			ssize_t w = pwrite(dst, buf + done, (size_t)(n - done), at + done);
			if (w < 0 && errno != EINTR)
				return -errno;
			done += w > 0 ? w : 0;
		}
		at += n;
		*bytes += (uint64_t)n;
	}
	return 0;
}

static int copy_extent(
	int src, int dst, off_t at, off_t end, struct rootfs_data_ways *ways, char *buf, uint64_t *bytes)
{
	off_t in = at, out = at;

	while (!ways->no_range && in < end) {
		/* musl 1.2 has no wrapper that both C libraries share */
		long n = syscall(SYS_copy_file_range, src, &in, dst, &out, (size_t)(end - in), 0U);
		if (n > 0) {
			*bytes += (uint64_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && !is_refusal(errno))
			return -errno;
		if (n < 0)
			ways->no_range = true;
		break; /* 0: the end, or a file system that only pretends */
	}
	return copy_by_hand(src, dst, in, end, buf, bytes);
}

static int copy_extents(
	int src, int dst, off_t size, struct rootfs_data_ways *ways, char *buf, uint64_t *bytes)
{
	off_t at = 0;

	while (at < size) {
		off_t data = lseek(src, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			return 0;
		if (data < 0)
			return copy_extent(src, dst, at, size, ways, buf, bytes);
		off_t hole = lseek(src, data, SEEK_HOLE);
		if (hole < 0 || hole > size)
			hole = size;
		if (data >= size || hole <= data)
			return 0;
		int r = copy_extent(src, dst, data, hole, ways, buf, bytes);
		if (r < 0)
			return r;
		at = hole;
	}
	return 0;
}

static bool try_clone(int src, int dst, struct rootfs_data_ways *ways)
{
	if (ways->no_clone)
		return false;
	if (ioctl(dst, FICLONE, src) == 0)
		return true;
	ways->no_clone = is_refusal(errno);
	return false;
}

int rootfs_copy_data(int src, int dst, const struct stat *st, struct rootfs_data_ways *ways,
	char buf[ROOTFS_DATA_BUFFER], uint64_t *ret_bytes)
{
	uint64_t bytes = 0;
	int r;

	if (st->st_size == 0) {
		*ret_bytes = 0;
		return 0;
	}
	if (try_clone(src, dst, ways)) {
		*ret_bytes = (uint64_t)st->st_size;
		return 0;
	}
	bool holes = st->st_blocks * 512 < st->st_size;
	if (holes)
		r = copy_extents(src, dst, st->st_size, ways, buf, &bytes);
	else if (st->st_size <= SMALL)
		r = copy_by_hand(src, dst, 0, st->st_size, buf, &bytes);
	else
		r = copy_extent(src, dst, 0, st->st_size, ways, buf, &bytes);
	if (r == 0 && bytes < (uint64_t)st->st_size && ftruncate(dst, st->st_size) < 0)
		r = -errno;
	if (r == 0)
		*ret_bytes = bytes;
	return r;
}
