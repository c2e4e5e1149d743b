/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, marking and joining.  Making and removing: cgroupfs.c; settings: apply.c; processes: process.c. */
#include "lib/cgroup/cgroup.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/sys.h"
#include "lib/cgroup/cgroupfs.h"
#include "lib/cgroup/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

void cgroupfs_init(struct cgroup *cg, const struct cgroup_layout *layout, const char *path)
{
	memset(cg, 0, sizeof *cg);
	cg->layout = layout;
	cg->manager = &cgroup_manager_cgroupfs;
	snprintf(cg->path, sizeof cg->path, "%s", path);
	for (size_t i = 0; i < CGROUP_HIERARCHIES_MAX; i++)
		cg->dir[i] = cg->tasks[i] = -1;
}

int cgroupfs_open_root(const struct cgroup_layout *layout, size_t hierarchy)
{
	int fd = open(layout->hierarchies[hierarchy].mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int cgroupfs_open_below(int dir, const char *path)
{
	const struct sys_open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = SYS_RESOLVE_BENEATH | SYS_RESOLVE_NO_SYMLINKS | SYS_RESOLVE_NO_XDEV };
	int fd = sys_openat2(dir, path, &how);

	return fd < 0 ? -errno : fd;
}

int cgroupfs_open_tasks(struct cgroup *cg, size_t hierarchy)
{
	if (cg->layout->hierarchies[hierarchy].v2)
		return 0;
	int fd = openat(cg->dir[hierarchy], "tasks", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	cg->tasks[hierarchy] = fd;
	return 0;
}

int cgroup_create(const struct cgroup_layout *layout, const struct cgroup_spec *spec, struct cgroup *ret,
	struct error *err)
{
	const struct cgroup_manager *manager = spec->manager ? spec->manager : &cgroup_manager_cgroupfs;

	return manager->create(layout, spec, ret, err);
}

int cgroup_remove(struct cgroup *cg, int64_t deadline_ns, struct error *err)
{
	return cg->manager->remove(cg, deadline_ns, err);
}

static int open_one(struct cgroup *cg, size_t i, struct error *err)
{
	const char *mount_point = cg->layout->hierarchies[i].mount_point;
	auto_close int root = cgroupfs_open_root(cg->layout, i);

	if (root < 0)
		return error_sys(err, -root, "cannot open '%s'", mount_point);
	int fd = cgroupfs_open_below(root, cg->path + 1);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return error_sys(err, -fd, "cannot open cgroup '%s%s'", mount_point, cg->path);
	cg->dir[i] = fd;
	int r = cgroupfs_open_tasks(cg, i);
	/* Removed between the two steps: as if it had not been there. */
	if (r == -ENOENT || r == -ENODEV) {
		close(take_fd(cg->dir[i]));
		return 0;
	}
	return r < 0 ? error_sys(err, -r, "cannot open '%s%s/tasks'", mount_point, cg->path) : 0;
}

int cgroup_open(const struct cgroup_layout *layout, const char *path, struct cgroup *ret, struct error *err)
{
	struct cgroup cg;
	bool any = false;

	int r = cgroup_path_check(path, err);
	if (r < 0)
		return r;
	cgroupfs_init(&cg, layout, path);
	for (size_t i = 0; i < layout->n && r == 0; i++) {
		r = open_one(&cg, i, err);
		any = any || cg.dir[i] >= 0;
	}
	if (r == 0 && !any)
		r = error_set(err, ERROR_NOT_FOUND, ENOENT, "no such cgroup: '%s'", path);
	if (r < 0) {
		cgroup_close(&cg);
		return r;
	}
	*ret = cg;
	return 0;
}

void cgroup_close(struct cgroup *cg)
{
	if (!cg || !cg->layout)
		return;
	for (size_t i = 0; i < CGROUP_HIERARCHIES_MAX; i++) {
		if (cg->dir[i] >= 0)
			close(cg->dir[i]);
		if (cg->tasks[i] >= 0)
			close(cg->tasks[i]);
	}
	*cg = CGROUP_NONE;
}

int cgroup_instance(const struct cgroup *cg, char *buf, size_t size)
{
	if (size == 0)
		return -ERANGE;
	for (size_t i = 0; i < cg->layout->n; i++) {
		if (cg->dir[i] < 0)
			continue;
		ssize_t n = fgetxattr(cg->dir[i], "trusted.gantry.instance", buf, size - 1);
		if (n >= 0) {
			buf[n] = '\0';
			return 0;
		}
		if (errno != ENODATA && errno != EOPNOTSUPP)
			return -errno;
	}
	return -ENODATA;
}

int cgroup_v2_fd(const struct cgroup *cg)
{
	int v2 = cgroup_layout_v2(cg->layout);

	return v2 < 0 ? -1 : cg->dir[v2];
}

int cgroup_v2_fd_of(const struct cgroup *cg, pid_t pid)
{
	auto_free char *text = NULL;
	char path[64];
	int dir = cgroup_v2_fd(cg);

	if (dir < 0)
		return -ENODEV;
	snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
	int r = fd_read_file(AT_FDCWD, path, CGROUP_FILE_MAX, &text, NULL);
	if (r < 0)
		return r;
	const char *line = text;
	while (strncmp(line, "0::", 3) != 0) {
		line = strchr(line, '\n');
		if (!line)
			return -ENOENT;
		line++;
	}
	char *found = (char *)line + 3;
	found[strcspn(found, "\n")] = '\0';
	if (!path_is_below(found, cg->path))
		return -EXDEV;
	const char *rest = found + strlen(cg->path);
	return cgroupfs_open_below(dir, *rest ? rest + 1 : ".");
}

int cgroup_join_self(const struct cgroup *cg)
{
	for (size_t i = 0; i < CGROUP_HIERARCHIES_MAX; i++) {
		ssize_t w;
		if (cg->tasks[i] < 0)
			continue;
		do
			w = write(cg->tasks[i], "0", 1);
		while (w < 0 && errno == EINTR);
		if (w < 0)
			return -errno;
	}
	return 0;
}

int cgroup_join_pid(const struct cgroup *cg, pid_t pid, struct error *err)
{
	char text[16];

	snprintf(text, sizeof text, "%d", (int)pid);
	for (size_t i = 0; i < cg->layout->n; i++) {
		int r = cg->dir[i] < 0 ? 0 : cgroup_file_write(cg->dir[i], "cgroup.procs", text);
		if (r < 0)
			return error_sys(err, -r, "cannot move process %d into cgroup '%s%s'", (int)pid,
				cg->layout->hierarchies[i].mount_point, cg->path);
	}
	return 0;
}
