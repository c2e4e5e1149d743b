/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/kit/quota.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BLOCK 512 /* of the limits in struct fs_disk_quota */
#define TYPE  2   /* PRJQUOTA of the kernel */

/* Each engine draws from 65,535 ids; 32,768 engines are told apart. */
#define IDS_PER_ENGINE 65535

#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif

static int quota_call(int fd, unsigned cmd, uint32_t id, void *data)
{
	return syscall(SYS_quotactl_fd, fd, QCMD(cmd, TYPE), id, data) < 0 ? -errno : 0;
}

static bool enforced(int fd)
{
	struct fs_quota_statv stat = { .qs_version = FS_QSTATV_VERSION1 };

	if (quota_call(fd, Q_XGETQSTATV, 0, &stat) < 0)
		return false;
	return (stat.qs_flags & FS_QUOTA_PDQ_ENFD) != 0;
}

int kit_quota_init(struct kit_quota *q, int fd, const char *instance)
{
	uint32_t hash = 2166136261u;

	for (const char *p = instance; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	q->fd = fd;
	q->base = ((hash % 32767) + 1) << 16;
	q->next = 0;
	q->on = enforced(fd);
	return -pthread_mutex_init(&q->lock, NULL);
}

void kit_quota_done(struct kit_quota *q)
{
	pthread_mutex_destroy(&q->lock);
}

int kit_quota_missing(const char *what, struct error *err)
{
	return error_set(err, ERROR_UNSUPPORTED, EOPNOTSUPP,
		"%s cannot be limited: mount the file system below with project quotas "
		"(pquota for xfs, prjquota for ext4)",
		what);
}

static bool project_free(struct kit_quota *q, uint32_t id)
{
	struct fs_disk_quota d = { 0 };
	int r = quota_call(q->fd, Q_XGETQUOTA, id, &d);

	if (r < 0)
		return r == -ENOENT;
	return d.d_bcount == 0 && d.d_icount == 0;
}

static int set_limit(struct kit_quota *q, uint32_t id, uint64_t limit, struct error *err)
{
	uint64_t blocks = limit / BLOCK + (limit % BLOCK != 0);
	struct fs_disk_quota d = { .d_version = FS_DQUOT_VERSION,
		.d_flags = FS_PROJ_QUOTA,
		.d_fieldmask = FS_DQ_BHARD | FS_DQ_BSOFT,
		.d_id = id,
		.d_blk_hardlimit = blocks,
		.d_blk_softlimit = blocks };
	int r = quota_call(q->fd, Q_XSETQLIM, id, &d);

	return r < 0 ? error_sys(err, -r, "cannot set the quota of project %u", id) : 0;
}

static int set_project(int dirfd, uint32_t id, struct error *err)
{
	struct fsxattr x;

	if (ioctl(dirfd, FS_IOC_FSGETXATTR, &x) < 0)
		return error_sys(err, errno, "cannot read the project of a folder");
	x.fsx_projid = id;
	x.fsx_xflags |= FS_XFLAG_PROJINHERIT;
	if (ioctl(dirfd, FS_IOC_FSSETXATTR, &x) < 0)
		return error_sys(err, errno, "cannot set the project of a folder");
	return 0;
}

static uint32_t project_of(int dirfd)
{
	struct fsxattr x;

	if (ioctl(dirfd, FS_IOC_FSGETXATTR, &x) < 0 || !(x.fsx_xflags & FS_XFLAG_PROJINHERIT))
		return 0;
	return x.fsx_projid;
}

/* The folder itself is the usage that keeps its id from being drawn again. */
static int assign_locked(struct kit_quota *q, int dirfd, uint64_t limit, struct error *err)
{
	for (uint32_t i = 0; i < IDS_PER_ENGINE; i++) {
		uint32_t id = q->base + 1 + q->next;
		q->next = (q->next + 1) % IDS_PER_ENGINE;
		if (!project_free(q, id))
			continue;
		int r = set_limit(q, id, limit, err);
		return r < 0 ? r : set_project(dirfd, id, err);
	}
	return error_set(err, ERROR_EXHAUSTED, ENOSPC, "no project id is left for a quota");
}

int kit_quota_assign(struct kit_quota *q, int dirfd, uint64_t limit, struct error *err)
{
	if (!q->on)
		return kit_quota_missing("the size", err);
	pthread_mutex_lock(&q->lock);
	int r = assign_locked(q, dirfd, limit, err);
	pthread_mutex_unlock(&q->lock);
	return r;
}

int kit_quota_change(struct kit_quota *q, int dirfd, uint64_t limit, struct error *err)
{
	uint32_t id = project_of(dirfd);

	if (!q->on)
		return kit_quota_missing("the size", err);
	if (id == 0)
		return error_set(err, ERROR_CONFLICT, EINVAL,
			"the size was not limited at creation and cannot be changed now");
	return set_limit(q, id, limit, err);
}

bool kit_quota_usage(struct kit_quota *q, int dirfd, struct kit_usage *ret, uint64_t *ret_limit)
{
	struct fs_disk_quota d = { 0 };
	uint32_t id = q->on ? project_of(dirfd) : 0;

	if (id == 0 || quota_call(q->fd, Q_XGETQUOTA, id, &d) < 0)
		return false;
	ret->bytes = d.d_bcount * BLOCK;
	ret->inodes = d.d_icount;
	*ret_limit = d.d_blk_hardlimit * BLOCK;
	return true;
}
