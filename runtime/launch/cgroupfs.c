/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroup mount of a container.  In a cgroup namespace of its own it is each hierarchy mounted
 * anew, whose root is then the container's cgroup; otherwise the container's cgroup directories are bound.
 * v2 is one mount; v1 is a tmpfs with one folder a hierarchy and a link for each joined controller.
 */
#include "runtime/launch/run.h"

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/sys.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int fail(struct run *run, int code, const char *what)
{
	return phase_fail(run->err, LAUNCH_PHASE_MOUNT, code, what);
}

int cgroupfs_open(struct run *run)
{
	const struct cgroup *cg = &run->cgroup;
	bool wanted = false;

	for (uint32_t i = 0; i < run->rec->mounts.n; i++)
		if (launch_items(run->rec, run->rec->mounts, struct launch_mount)[i].kind ==
			LAUNCH_MOUNT_CGROUP)
			wanted = true;
	if (!wanted || (run->rec->ns_new & CLONE_NEWCGROUP) || !cg->layout)
		return 0;
	run->cgroup_trees = malloc(CGROUP_HIERARCHIES_MAX * sizeof *run->cgroup_trees);
	if (!run->cgroup_trees)
		return fail(run, ENOMEM, "cgroup");
	for (size_t i = 0; i < CGROUP_HIERARCHIES_MAX; i++) {
		run->cgroup_trees[i] = -1;
		if (i >= cg->layout->n || cg->dir[i] < 0)
			continue;
		int tree = sys_open_tree(cg->dir[i], "", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH);
		if (tree < 0)
			return fail(run, errno, cg->layout->hierarchies[i].mount_point);
		run->cgroup_trees[i] = tree;
		int r = mounts_set(tree, 0, 0, MS_PRIVATE, false);
		if (r < 0)
			return fail(run, -r, cg->layout->hierarchies[i].mount_point);
	}
	return 0;
}

/* A v1 hierarchy is named by its controllers, each a flag, or by "name=". */
static int configure_v1(int fs, const struct cgroup_hierarchy *h)
{
	if (h->name[0] && (sys_fsconfig(fs, SYS_FSCONFIG_FLAG, "none", NULL, 0) < 0 ||
				  sys_fsconfig(fs, SYS_FSCONFIG_STRING, "name", h->name, 0) < 0))
		return -errno;
	for (int c = 0; c < CGROUP_UNIFIED; c++)
		if ((h->controllers & CGROUP_BIT(c)) &&
			sys_fsconfig(fs, SYS_FSCONFIG_FLAG,
				cgroup_controller_name((enum cgroup_controller)c, false), NULL, 0) < 0)
			return -errno;
	return 0;
}

static int mount_anew(const struct cgroup_hierarchy *h, unsigned attrs)
{
	auto_close int fs = sys_fsopen(h->v2 ? "cgroup2" : "cgroup", FSOPEN_CLOEXEC);

	if (fs < 0)
		return -errno;
	if (sys_fsconfig(fs, SYS_FSCONFIG_STRING, "source", "cgroup", 0) < 0)
		return -errno;
	int r = h->v2 ? 0 : configure_v1(fs, h);
	if (r < 0)
		return r;
	if (sys_fsconfig(fs, SYS_FSCONFIG_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	int tree = sys_fsmount(fs, FSMOUNT_CLOEXEC, attrs);
	return tree < 0 ? -errno : tree;
}

static int hierarchy_tree(struct run *run, size_t i, unsigned attrs)
{
	if (run->cgroup_trees) {
		int tree = take_fd(run->cgroup_trees[i]);
		int r = tree < 0 ? -ENOENT : mounts_set(tree, attrs, 0, 0, false);
		if (r < 0 && tree >= 0)
			close(tree);
		return r < 0 ? r : tree;
	}
	return mount_anew(&run->cgroup.layout->hierarchies[i], attrs);
}

static int attach(int tree, int target)
{
	return sys_move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0
		       ? -errno
		       : 0;
}

/* "cpu,cpuacct", or the name of a named hierarchy. */
static int folder_name(const struct cgroup_hierarchy *h, char *buf, size_t size)
{
	size_t n = 0;

	if (h->v2)
		return path_format(buf, size, "unified");
	if (h->name[0])
		return path_format(buf, size, "%s", h->name);
	buf[0] = '\0';
	for (int c = 0; c < CGROUP_UNIFIED; c++) {
		if (!(h->controllers & CGROUP_BIT(c)))
			continue;
		int w = snprintf(buf + n, size - n, "%s%s", n ? "," : "",
			cgroup_controller_name((enum cgroup_controller)c, false));
		if (w < 0 || (size_t)w >= size - n)
			return -ENAMETOOLONG;
		n += (size_t)w;
	}
	return n ? 0 : -ENOENT;
}

static int link_controllers(const struct cgroup_hierarchy *h, int dir, const char *folder)
{
	if (!strchr(folder, ','))
		return 0;
	for (int c = 0; c < CGROUP_UNIFIED; c++)
		if ((h->controllers & CGROUP_BIT(c)) &&
			symlinkat(folder, dir, cgroup_controller_name((enum cgroup_controller)c, false)) < 0)
			return -errno;
	return 0;
}

/* A hierarchy that the container has no cgroup in (another engine's, a controller switched off) is left out.
 */
static int mount_hierarchy(struct run *run, size_t i, int dir, unsigned attrs)
{
	const struct cgroup_hierarchy *h = &run->cgroup.layout->hierarchies[i];
	char folder[256];
	int r = folder_name(h, folder, sizeof folder);

	if (r < 0 || run->cgroup.dir[i] < 0)
		return 0;
	auto_close int tree = hierarchy_tree(run, i, attrs);
	if (tree < 0)
		return tree;
	if (mkdirat(dir, folder, 0755) < 0)
		return -errno;
	auto_close int at = openat(dir, folder, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (at < 0)
		return -errno;
	r = attach(tree, at);
	return r < 0 ? r : link_controllers(h, dir, folder);
}

static int mount_tmpfs(int target, unsigned attrs)
{
	auto_close int fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);

	if (fs < 0 || sys_fsconfig(fs, SYS_FSCONFIG_STRING, "mode", "755", 0) < 0 ||
		sys_fsconfig(fs, SYS_FSCONFIG_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	auto_close int tree = sys_fsmount(fs, FSMOUNT_CLOEXEC, attrs);
	if (tree < 0)
		return -errno;
	int r = attach(tree, target);
	return r < 0 ? r : take_fd(tree);
}

static int mount_v1(struct run *run, int target, unsigned attrs)
{
	auto_close int dir = mount_tmpfs(target, attrs & ~(unsigned)MOUNT_ATTR_RDONLY);
	int r = dir < 0 ? dir : 0;

	for (size_t i = 0; r == 0 && i < run->cgroup.layout->n; i++)
		r = mount_hierarchy(run, i, dir, attrs);
	return r < 0 ? r : mounts_set(dir, attrs & MOUNT_ATTR_RDONLY, 0, 0, false);
}

static int mount_v2(struct run *run, int target, unsigned attrs)
{
	int v2 = cgroup_layout_v2(run->cgroup.layout);
	auto_close int tree = v2 < 0 ? -ENOENT : hierarchy_tree(run, (size_t)v2, attrs);

	return tree < 0 ? tree : attach(tree, target);
}

int cgroupfs_mount(struct run *run, const struct launch_mount *m, int target)
{
	const char *name = launch_text(run->rec, m->target);
	unsigned attrs = (unsigned)m->attr_set & (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
							 MOUNT_ATTR_NOEXEC | MOUNT_ATTR__ATIME);

	if (!run->cgroup.layout)
		return fail(run, ENOENT, name);
	int r = run->cgroup.layout->pure_v2 ? mount_v2(run, target, attrs) : mount_v1(run, target, attrs);
	return r < 0 ? fail(run, -r, name) : 0;
}
