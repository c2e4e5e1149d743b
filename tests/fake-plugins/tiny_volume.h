/* SPDX-License-Identifier: Apache-2.0 */
/* A whole volume driver in a page: a folder for each volume. */
#ifndef TINY_VOLUME_H
#define TINY_VOLUME_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gantry/volume.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef TINY_VOLUME_REMOVED
#define TINY_VOLUME_REMOVED 0 /* what removing the unknown answers */
#endif
#ifndef TINY_VOLUME_FLAGS
#define TINY_VOLUME_FLAGS O_CLOEXEC
#endif

struct gty_volume {
	int root_fd;
};

static int volume_probe(const struct gty_host *host, struct gty_call *call, const struct gty_open *req)
{
	(void)host;
	(void)call;
	(void)req;
	return 0;
}

static int volume_open(const struct gty_host *host, struct gty_call *call, const struct gty_open *req,
	struct gty_volume **ret, struct gty_volume_info *info)
{
	struct gty_volume *vd = malloc(sizeof *vd);

	(void)host;
	if (!vd)
		return call->fail(call, GTY_E_INTERNAL, ENOMEM, "out of memory");
	vd->root_fd = openat(req->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	info->caps = 0;
	*ret = vd;
	return 0;
}

static void volume_close(struct gty_volume *vd)
{
	close(vd->root_fd);
	free(vd);
}

static int volume_recover(struct gty_volume *vd, struct gty_call *call, const struct gty_recover_req *req,
	struct gty_recover_rep *rep)
{
	struct gty_lost *lost = call->alloc(call, (req->n + 1) * sizeof *lost);
	uint32_t n = 0;

	if (!lost)
		return call->fail(call, GTY_E_INTERNAL, ENOMEM, "too many volumes");
	for (uint32_t i = 0; i < req->n; i++)
		if (req->v[i].what == GTY_KNOWN_VOLUME && faccessat(vd->root_fd, req->v[i].id, F_OK, 0) < 0)
			lost[n++] = (struct gty_lost){ req->v[i].id, "its folder is not there", 0 };
	rep->v = lost;
	rep->n = n;
	return 0;
}

static int volume_status(struct gty_volume *vd, struct gty_call *call, struct gty_kvs *rep)
{
	(void)vd;
	(void)call;
	(void)rep;
	return 0;
}

static int volume_create(struct gty_volume *vd, struct gty_call *call, const struct gty_volume_req *req,
	struct gty_volume_rep *rep)
{
	(void)rep;
	if (mkdirat(vd->root_fd, req->name, 0755) < 0 && errno != EEXIST)
		return call->fail(call, GTY_E_INTERNAL, errno, "cannot make the volume's folder");
	return 0;
}

/* Volumes of these tests hold flat files. */
static void empty_folder(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d && (e = readdir(d)))
		unlinkat(fd, e->d_name, 0);
	if (d)
		closedir(d);
}

static int volume_remove(struct gty_volume *vd, struct gty_call *call, const struct gty_ref *ref)
{
	empty_folder(vd->root_fd, ref->id);
	if (unlinkat(vd->root_fd, ref->id, AT_REMOVEDIR) == 0)
		return 0;
	if (errno == ENOENT && TINY_VOLUME_REMOVED == 0)
		return 0;
	return call->fail(call, GTY_E_NOT_FOUND, errno, "cannot remove the volume's folder");
}

static int volume_mount(struct gty_volume *vd, struct gty_call *call, const struct gty_volume_mount_req *req,
	struct gty_tree *rep)
{
	int fd = openat(vd->root_fd, req->name, O_PATH | O_DIRECTORY | TINY_VOLUME_FLAGS);

	if (fd < 0)
		return call->fail(call, GTY_E_NOT_FOUND, errno, "there is no such volume");
	rep->form = GTY_TREE_DIR;
	rep->fd = fd;
	return 0;
}

static int volume_unmount(struct gty_volume *vd, struct gty_call *call, const struct gty_ref *ref)
{
	(void)vd;
	(void)call;
	(void)ref;
	return 0;
}

static int volume_describe(
	struct gty_volume *vd, struct gty_call *call, const struct gty_ref *ref, struct gty_volume_rep *rep)
{
	(void)rep;
	if (faccessat(vd->root_fd, ref->id, F_OK, 0) < 0)
		return call->fail(call, GTY_E_NOT_FOUND, errno, "there is no such volume");
	return 0;
}

static const struct gty_volume_ops volume_ops = { .struct_size = sizeof volume_ops,
	.probe = volume_probe,
	.open = volume_open,
	.close = volume_close,
	.recover = volume_recover,
	.status = volume_status,
	.create = volume_create,
	.remove = volume_remove,
	.mount = volume_mount,
	.unmount = volume_unmount,
	.describe = volume_describe };

static const struct gty_driver tiny_volume = { .struct_size = sizeof tiny_volume,
	.kind = GTY_KIND_VOLUME,
	.abi_major = GTY_VOLUME_ABI_MAJOR,
	.abi_minor = GTY_VOLUME_ABI_MINOR,
	.name = "tiny",
	.help = "a fake",
	.ops = &volume_ops };

#endif
