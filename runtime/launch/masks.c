/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masked paths: a file is covered by /dev/null, a folder by an empty read-only tmpfs that all masked
 * folders share.  Read-only paths: a read-only clone over itself.  Paths that are not there are passed over.
 */
#include "runtime/launch/run.h"

#include "lib/base/cleanup.h"
#include "lib/base/sys.h"
#include "lib/rootfs/resolve.h"

#include <errno.h>
#include <sys/stat.h>

struct cover {
	int null;  /* /dev/null of our own mount namespace, checked to be the device */
	int empty; /* the shared tmpfs, once it is made */
	bool used; /* empty is attached somewhere: the next place gets a clone */
};

static int clone_tree(int fd, unsigned flags)
{
	int tree = sys_open_tree(fd, "", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH | flags);

	return tree < 0 ? -errno : tree;
}

static int attach(int tree, int target)
{
	return sys_move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0
		       ? -errno
		       : 0;
}

/* The image's /dev/null may be anything; this one is the launcher's, and it is looked at all the same. */
static int open_null(struct cover *c)
{
	if (c->null >= 0)
		return 0;
	c->null = open("/dev/null", O_PATH | O_CLOEXEC | O_NOFOLLOW);
	return c->null < 0 ? -errno : rootfs_check_device(c->null, 1, 3);
}

static int make_empty(struct cover *c)
{
	auto_close int fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);

	if (fs < 0 || sys_fsconfig(fs, SYS_FSCONFIG_STRING, "nr_inodes", "2", 0) < 0 ||
		sys_fsconfig(fs, SYS_FSCONFIG_STRING, "size", "4k", 0) < 0 ||
		sys_fsconfig(fs, SYS_FSCONFIG_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	c->empty = sys_fsmount(fs, FSMOUNT_CLOEXEC,
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return c->empty < 0 ? -errno : 0;
}

static int mask_folder(struct cover *c, int target)
{
	if (c->empty < 0) {
		int r = make_empty(c);
		if (r < 0)
			return r;
	}
	if (!c->used) {
		c->used = true;
		return attach(c->empty, target);
	}
	auto_close int tree = clone_tree(c->empty, 0);
	return tree < 0 ? tree : attach(tree, target);
}

static int mask_file(struct cover *c, int target)
{
	int r = open_null(c);

	if (r < 0)
		return r;
	auto_close int tree = clone_tree(c->null, 0);
	return tree < 0 ? tree : attach(tree, target);
}

static bool is_missing(int fd)
{
	return fd == -ENOENT || fd == -ENOTDIR;
}

static int mask(struct run *run, struct cover *c, const char *path)
{
	auto_close int target = rootfs_open(run->root, path, 0, 0);
	struct stat st;

	if (is_missing(target))
		return 0;
	if (target < 0)
		return target;
	if (fstat(target, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? mask_folder(c, target) : mask_file(c, target);
}

static int make_readonly(struct run *run, const char *path)
{
	auto_close int target = rootfs_open(run->root, path, 0, 0);

	if (is_missing(target))
		return 0;
	auto_close int tree = target < 0 ? target : clone_tree(target, AT_RECURSIVE);
	if (tree < 0)
		return tree;
	int r = mounts_set(tree, MOUNT_ATTR_RDONLY, 0, 0, true);
	return r < 0 ? r : attach(tree, target);
}

int masks_apply(struct run *run)
{
	const struct launch_record *rec = run->rec;
	const struct launch_str *ro = launch_items(rec, rec->readonly, struct launch_str);
	const struct launch_str *masked = launch_items(rec, rec->masked, struct launch_str);
	struct cover c = { .null = -1, .empty = -1 };
	const char *path = NULL;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < rec->readonly.n; i++)
		r = make_readonly(run, path = launch_text(rec, ro[i]));
	for (uint32_t i = 0; r == 0 && i < rec->masked.n; i++)
		r = mask(run, &c, path = launch_text(rec, masked[i]));
	if (c.null >= 0)
		close(c.null);
	if (c.empty >= 0)
		close(c.empty);
	return r < 0 ? phase_fail(run->err, LAUNCH_PHASE_MASK, -r, path) : 0;
}
