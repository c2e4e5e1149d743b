/* SPDX-License-Identifier: Apache-2.0 */
/* The manager that writes to the cgroup file systems itself. */
#include "lib/cgroup/cgroupfs.h"

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/cgroup/file.h"
#include "lib/cgroup/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define CPUS_MAX 8192 /* text of cpuset.cpus */

/* Controllers that v2 hands out through cgroup.subtree_control. */
static const enum cgroup_controller delegated[] = { CGROUP_CPUSET, CGROUP_CPU, CGROUP_BLKIO, CGROUP_MEMORY,
	CGROUP_HUGETLB, CGROUP_PIDS, CGROUP_RDMA, CGROUP_MISC };
#define DELEGATED (sizeof delegated / sizeof *delegated)

/* ---- v1 cpuset -------------------------------------------------------------- */
/* A cpuset without cpus or mems takes no process.  Fills what is empty from the parent. */
static int fill_cpuset(int parent, int dir)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
	char buf[CPUS_MAX];

	for (size_t i = 0; i < 2; i++) {
		ssize_t n = cgroup_file_read(dir, files[i], buf, sizeof buf);
		if (n > 0 || n == -EFBIG)
			continue;
		if (n == 0)
			n = cgroup_file_read(parent, files[i], buf, sizeof buf);
		if (n < 0)
			return (int)n;
		int r = n > 0 ? cgroup_file_write(dir, files[i], buf) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* Only the kernel's copy at mkdir (cgroup.clone_children) spares the writes; it needs a filled parent. */
static int prepare_cpuset_parent(int grandparent, int dir)
{
	int r = fill_cpuset(grandparent, dir);

	return r < 0 ? r : cgroup_file_write(dir, "cgroup.clone_children", "1");
}

/* For a leaf below parents that somebody made without clone_children, or is filling at this moment. */
static int fill_cpuset_path(int root, const char *rel)
{
	char name[CGROUP_PATH_MAX];
	auto_close int parent = cgroupfs_open_below(root, ".");

	if (parent < 0)
		return parent;
	for (const char *p = rel; *p;) {
		size_t n = strcspn(p, "/");
		memcpy(name, p, n);
		name[n] = '\0';
		int dir = cgroupfs_open_below(parent, name);
		if (dir < 0)
			return dir;
		int r = fill_cpuset(parent, dir);
		close(parent);
		parent = dir;
		if (r < 0)
			return r;
		p += n + (p[n] == '/');
	}
	return 0;
}

static bool cpuset_filled(int dir)
{
	char buf[CPUS_MAX];
	ssize_t cpus = cgroup_file_read(dir, "cpuset.cpus", buf, sizeof buf);
	ssize_t mems = cgroup_file_read(dir, "cpuset.mems", buf, sizeof buf);

	return (cpus > 0 || cpus == -EFBIG) && (mems > 0 || mems == -EFBIG);
}

/* ---- directories ------------------------------------------------------------ */
/* Makes each missing parent of rel below root. */
static int make_parents(int root, const char *rel, bool cpuset)
{
	char name[CGROUP_PATH_MAX];
	auto_close int cur = cgroupfs_open_below(root, ".");

	if (cur < 0)
		return cur;
	for (const char *p = rel, *slash; (slash = strchr(p, '/')); p = slash + 1) {
		memcpy(name, p, (size_t)(slash - p));
		name[slash - p] = '\0';
		bool made = mkdirat(cur, name, 0755) == 0;
		if (!made && errno != EEXIST)
			return -errno;
		int dir = cgroupfs_open_below(cur, name);
		if (dir < 0)
			return dir;
		int r = made && cpuset ? prepare_cpuset_parent(cur, dir) : 0;
		close(cur);
		cur = dir;
		if (r < 0)
			return r;
	}
	return 0;
}

/* 1: made, 0: was there.  A parent may be pruned between our two steps, so it is tried more than once. */
static int make_dir(int root, const char *rel, bool cpuset)
{
	for (int tries = 0;; tries++) {
		if (mkdirat(root, rel, 0755) == 0)
			return 1;
		if (errno == EEXIST)
			return 0;
		if (errno != ENOENT || tries == 8)
			return -errno;
		int r = make_parents(root, rel, cpuset);
		if (r < 0 && r != -ENOENT)
			return r;
	}
}

static int mark(int dir, const char *instance)
{
	if (!instance || fsetxattr(dir, "trusted.gantry.instance", instance, strlen(instance), 0) == 0)
		return 0;
	return errno == EPERM || errno == EOPNOTSUPP ? 0 : -errno;
}

static int make_one(struct cgroup *cg, size_t i, const struct cgroup_spec *spec, int *ret_root)
{
	const char *rel = spec->path + 1;
	bool cpuset = !cg->layout->hierarchies[i].v2 && cg->layout->owner[CGROUP_CPUSET] == (int)i;
	auto_close int root = cgroupfs_open_root(cg->layout, i);

	if (root < 0)
		return root;
	int r = make_dir(root, rel, cpuset);
	if (r < 0)
		return r;
	if (r == 1)
		cg->made |= UINT32_C(1) << i;
	cg->dir[i] = cgroupfs_open_below(root, rel);
	if (cg->dir[i] < 0) {
		/* Without the descriptor the ladder of create cannot find it again. */
		if (r == 1)
			unlinkat(root, rel, AT_REMOVEDIR);
		return cg->dir[i];
	}
	r = cpuset && !cpuset_filled(cg->dir[i]) ? fill_cpuset_path(root, rel) : 0;
	if (r == 0)
		r = mark(cg->dir[i], spec->instance);
	if (r == 0)
		r = cgroupfs_open_tasks(cg, i);
	*ret_root = take_fd(root);
	return r;
}

/* ---- v2 controllers --------------------------------------------------------- */
/* The controllers a v2 file lists. */
static int read_controllers(int dir, const char *file, uint32_t *ret)
{
	char buf[512];
	uint32_t bits = 0;

	ssize_t n = cgroup_file_read(dir, file, buf, sizeof buf);
	if (n < 0)
		return (int)n;
	for (const char *p = buf; *p;) {
		size_t len = strcspn(p, " \n");
		int controller = len ? cgroup_controller_find(p, len) : -1;
		if (controller >= 0)
			bits |= CGROUP_BIT(controller);
		p += len + (p[len] != '\0');
	}
	*ret = bits;
	return 0;
}

/* The hierarchy's own root may have both processes and controllers for its children; it alone has no
 * cgroup.type. */
static bool has_own_processes(int dir)
{
	char c;
	auto_close int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && faccessat(dir, "cgroup.type", F_OK, 0) == 0 && read(fd, &c, 1) > 0;
}

/* One write enables all or none, so after a refusal they are tried one by one.  The last refusal is returned.
 * Beside processes the kernel would take cpu and pids without the others, and make a threaded domain of the
 * cgroup, in whose children no container can live: so that is refused here. */
static int enable_controllers(int dir, uint32_t bits)
{
	char text[256];
	size_t n = 0;
	int r = 0;

	if (bits && has_own_processes(dir))
		return -EBUSY;
	for (size_t i = 0; i < DELEGATED; i++)
		if (bits & CGROUP_BIT(delegated[i]))
			n += (size_t)snprintf(text + n, sizeof text - n, "+%s ",
				cgroup_controller_name(delegated[i], true));
	if (n == 0 || cgroup_file_write(dir, "cgroup.subtree_control", text) == 0)
		return 0;
	for (size_t i = 0; i < DELEGATED; i++) {
		if (!(bits & CGROUP_BIT(delegated[i])))
			continue;
		snprintf(text, sizeof text, "+%s", cgroup_controller_name(delegated[i], true));
		int one = cgroup_file_write(dir, "cgroup.subtree_control", text);
		r = one < 0 ? one : r;
	}
	return r;
}

/* Enables in root and every parent of rel what is wanted and to be had there. */
static int enable_down(int root, const char *rel, uint32_t wanted)
{
	char name[CGROUP_PATH_MAX];
	int first = 0;
	auto_close int cur = cgroupfs_open_below(root, ".");

	for (const char *p = rel; cur >= 0;) {
		uint32_t has = 0, enabled = 0;
		int r = read_controllers(cur, "cgroup.controllers", &has);
		if (r == 0)
			r = read_controllers(cur, "cgroup.subtree_control", &enabled);
		if (r == 0)
			r = enable_controllers(cur, wanted & has & ~enabled);
		first = first ? first : r;
		const char *slash = strchr(p, '/');
		if (!slash)
			return first;
		memcpy(name, p, (size_t)(slash - p));
		name[slash - p] = '\0';
		int dir = cgroupfs_open_below(cur, name);
		close(cur);
		cur = dir;
		p = slash + 1;
	}
	return cur;
}

static int enable_v2(const struct cgroup *cg, int root, uint32_t required, struct error *err)
{
	int v2 = cgroup_layout_v2(cg->layout);
	uint32_t possible = 0, has = 0;

	for (size_t i = 0; i < DELEGATED; i++)
		possible |= CGROUP_BIT(delegated[i]) & cg->layout->hierarchies[v2].controllers;
	required &= possible;
	uint32_t wanted = cg->layout->pure_v2 ? possible : required;
	if (!wanted)
		return 0;
	int r = read_controllers(cg->dir[v2], "cgroup.controllers", &has);
	if (r == 0 && (has & wanted) != wanted) {
		r = enable_down(root, cg->path + 1, wanted);
		int again = read_controllers(cg->dir[v2], "cgroup.controllers", &has);
		r = again < 0 ? again : r;
	}
	for (size_t i = 0; i < DELEGATED; i++) {
		if (!(required & ~has & CGROUP_BIT(delegated[i])))
			continue;
		const char *name = cgroup_controller_name(delegated[i], true);
		if (r == -EBUSY)
			return error_set(err, ERROR_CONFLICT, EBUSY,
				"cannot enable controller '%s' for cgroup '%s': a cgroup above it has "
				"processes of its own; "
				"move them into a cgroup below",
				name, cg->path);
		return error_set(err, ERROR_UNSUPPORTED, r < 0 ? -r : ENOTSUP,
			"cannot enable controller '%s' for cgroup '%s': %s", name, cg->path,
			r < 0 ? strerror(-r) : "a cgroup above it does not have it");
	}
	return 0;
}

/* ---- manager ---------------------------------------------------------------- */
/* The directory in the parent's list is still the one that the descriptor holds. */
static bool is_same(int parent, const char *name, int dir)
{
	struct stat a, b;

	return fstatat(parent, name, &a, AT_SYMLINK_NOFOLLOW) == 0 && fstat(dir, &b) == 0 &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static int remove_one(const struct cgroup *cg, size_t i, int64_t deadline_ns)
{
	const char *name = path_base(cg->path);
	auto_close int parent = openat(cg->dir[i], "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (parent < 0)
		return errno == ENOENT || errno == ENODEV ? 0 : -errno;
	return is_same(parent, name, cg->dir[i]) ? cgroup_tree_remove(parent, name, deadline_ns) : 0;
}

/* Processes are looked for before anything goes: a child that has joined some hierarchies and not others
 * would lose the rest under its feet, and a refusal is to leave all as it was. */
static int remove_all(struct cgroup *cg, int64_t deadline_ns, struct error *err)
{
	int first = 0;

	if (cgroupfs_wait_empty(cg, deadline_ns) == -ETIMEDOUT)
		return error_set(err, ERROR_CONFLICT, EBUSY,
			"cannot remove cgroup '%s': it still has processes", cg->path);
	for (size_t i = 0; i < cg->layout->n; i++) {
		int r = cg->dir[i] < 0 ? 0 : remove_one(cg, i, deadline_ns);
		if (r >= 0 || first < 0)
			continue;
		first = r;
		const char *mount_point = cg->layout->hierarchies[i].mount_point;
		if (r == -EBUSY)
			error_set(err, ERROR_CONFLICT, EBUSY,
				"cannot remove cgroup '%s%s': it still has processes", mount_point, cg->path);
		else
			error_sys(err, -r, "cannot remove cgroup '%s%s'", mount_point, cg->path);
	}
	return first;
}

/* Only what this creation made, and at once: nothing of ours can have joined. */
static void undo(struct cgroup *cg)
{
	for (size_t i = 0; i < cg->layout->n; i++)
		if (cg->dir[i] >= 0 && (cg->made & (UINT32_C(1) << i)))
			remove_one(cg, i, 0);
	cgroup_close(cg);
}

static int check_existing(const struct cgroup *cg, const struct cgroup_spec *spec, struct error *err)
{
	if (cg->made == (UINT32_C(1) << cg->layout->n) - 1)
		return 0;
	int populated = spec->reuse_populated ? 0 : cgroup_populated(cg);
	if (populated < 0)
		return error_sys(err, -populated, "cannot look for processes in cgroup '%s'", spec->path);
	if (populated)
		return error_set(
			err, ERROR_CONFLICT, EEXIST, "cgroup '%s' is in use: it has processes", spec->path);
	if (cgroup_frozen(cg) == 1)
		return error_set(
			err, ERROR_CONFLICT, EEXIST, "cgroup '%s' is there already and frozen", spec->path);
	return 0;
}

static int create_all(const struct cgroup_layout *layout, const struct cgroup_spec *spec, struct cgroup *ret,
	struct error *err)
{
	struct cgroup cg;

	int r = cgroup_path_check(spec->path, err);
	if (r < 0)
		return r;
	cgroupfs_init(&cg, layout, spec->path);
	for (size_t i = 0; i < layout->n && r == 0; i++) {
		auto_close int root = -1;
		r = make_one(&cg, i, spec, &root);
		if (r < 0)
			error_sys(err, -r, "cannot make cgroup '%s%s'", layout->hierarchies[i].mount_point,
				spec->path);
		else if (layout->hierarchies[i].v2)
			r = enable_v2(&cg, root, spec->controllers, err);
	}
	if (r == 0)
		r = check_existing(&cg, spec, err);
	if (r < 0) {
		undo(&cg);
		return r;
	}
	*ret = cg;
	return 0;
}

const struct cgroup_manager cgroup_manager_cgroupfs = {
	.name = "cgroupfs",
	.create = create_all,
	.remove = remove_all,
};

int cgroup_remove_empty(const struct cgroup_layout *layout, const char *path, struct error *err)
{
	int first = cgroup_path_check(path, err);

	if (first < 0)
		return first;
	for (size_t i = 0; i < layout->n; i++) {
		auto_close int root = cgroupfs_open_root(layout, i);
		if (root < 0 || unlinkat(root, path + 1, AT_REMOVEDIR) == 0 || errno == ENOENT || first < 0)
			continue;
		first = error_sys(
			err, errno, "cannot remove cgroup '%s%s'", layout->hierarchies[i].mount_point, path);
	}
	return first;
}
