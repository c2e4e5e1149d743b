/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/storage-overlay/mountapi.h"

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/sys.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define VALUE_MAX 255 /* of one fsconfig value, its end included: 256 */

/* Pinned, whatever the kernel's defaults are: layers must mean the same on every machine, a redirect planted
 * in an image must not be followed, and an index would tie an upper to the first lower it met. */
static const struct {
	const char *key, *value;
} pinned[] = { { "index", "off" }, { "metacopy", "off" }, { "redirect_dir", "nofollow" } };

/* The kernel says more on the context's descriptor than by errno: "e overlay: ...". */
static int fail_create(int fs, int sys_errno, struct error *err)
{
	char text[256];
	ssize_t n = read(fs, text, sizeof text - 1);

	if (n <= 0)
		return error_sys(err, sys_errno, "cannot make the overlay");
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return error_sys(err, sys_errno, "cannot make the overlay: %s", n > 2 ? text + 2 : text);
}

static int set_string(int fs, const char *key, const char *value, struct error *err)
{
	if (sys_fsconfig(fs, SYS_FSCONFIG_STRING, key, value, 0) < 0)
		return error_sys(err, errno, "overlay refuses %s='%.200s'", key, value);
	return 0;
}

/* Absolute names, as people read them in mountinfo; behind a long root, through the descriptor. */
static int set_path(
	const struct gty_storage *st, int fs, const char *key, const char *name, int len, struct error *err)
{
	char path[4096];

	if (path_format(path, sizeof path, "%s/%.*s", st->root, len, name) < 0 || strlen(path) > VALUE_MAX)
		snprintf(path, sizeof path, "/proc/self/fd/%d/%.*s", st->root_fd, len, name);
	return set_string(fs, key, path, err);
}

static int set_layer_fd(int fs, int layers_fd, const char *name, int len, struct error *err)
{
	char path[ID_LEN + 16];

	snprintf(path, sizeof path, "%.*s", len, name);
	auto_close int fd = openat(layers_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "cannot open layer '%s'", path);
	if (sys_fsconfig(fs, SYS_FSCONFIG_FD, "lowerdir+", NULL, fd) < 0)
		return error_sys(err, errno, "overlay refuses the descriptor of layer '%s'", path);
	return 0;
}

/* One clone of the driver's folder with the map carries all layers.  It dissolves with its descriptor, which
 * must stay open until the overlay is made. */
static int clone_mapped(const struct gty_storage *st, int userns_fd, struct error *err)
{
	struct sys_mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns_fd };
	auto_close int fd = sys_open_tree(
		st->root_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	if (fd < 0)
		return error_sys(err, errno, "cannot clone the mount of '%s'", st->root);
	if (sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr) < 0)
		return error_sys(err, errno, "cannot map the ids of the layers on %s", st->backing);
	return take_fd(fd);
}

/* mapped: the folder's clone, or -1. */
static int set_lowers(
	const struct gty_storage *st, int fs, const struct overlay_tree *tree, int mapped, struct error *err)
{
	int r = 0;

	for (const char *p = tree->lowers; r == 0 && *p;) {
		int len = (int)strcspn(p, ":");
		if (mapped >= 0)
			r = set_layer_fd(fs, mapped, p, len, err);
		else
			r = set_path(st, fs, "lowerdir+", p, len, err);
		p += len + (p[len] == ':');
	}
	return r;
}

static int set_upper(const struct gty_storage *st, int fs, const struct overlay_tree *tree, struct error *err)
{
	char name[ID_LEN + 8];

	snprintf(name, sizeof name, "%s/diff", tree->upper);
	int r = set_path(st, fs, "upperdir", name, (int)strlen(name), err);
	if (r < 0)
		return r;
	snprintf(name, sizeof name, "%s/work", tree->upper);
	r = set_path(st, fs, "workdir", name, (int)strlen(name), err);
	if (r == 0 && tree->is_volatile && sys_fsconfig(fs, SYS_FSCONFIG_FLAG, "volatile", NULL, 0) < 0)
		r = error_sys(err, errno, "overlay refuses 'volatile'");
	return r;
}

static int set_options(
	const struct gty_storage *st, int fs, const struct overlay_tree *tree, struct error *err)
{
	int r = set_string(fs, "source", "overlay", err);

	for (size_t i = 0; r == 0 && i < sizeof pinned / sizeof pinned[0]; i++)
		r = set_string(fs, pinned[i].key, pinned[i].value, err);
	if (r == 0 && st->userxattr && sys_fsconfig(fs, SYS_FSCONFIG_FLAG, "userxattr", NULL, 0) < 0)
		r = error_sys(err, errno, "overlay refuses 'userxattr'");
	if (r == 0 && tree->label)
		r = set_string(fs, "context", tree->label, err);
	return r;
}

int mountapi_fsopen(const struct gty_storage *st, const struct overlay_tree *tree, struct error *err)
{
	auto_close int fs = sys_fsopen("overlay", FSOPEN_CLOEXEC), mapped = -1;

	if (fs < 0)
		return error_sys(err, errno, "cannot make an overlay");
	if (tree->userns_fd >= 0) {
		mapped = clone_mapped(st, tree->userns_fd, err);
		if (mapped < 0)
			return mapped;
	}
	int r = set_options(st, fs, tree, err);
	if (r == 0)
		r = set_lowers(st, fs, tree, mapped, err);
	if (r == 0 && tree->upper)
		r = set_upper(st, fs, tree, err);
	if (r < 0)
		return r;
	if (sys_fsconfig(fs, SYS_FSCONFIG_CREATE, NULL, NULL, 0) < 0)
		return fail_create(fs, errno, err);
	int fd = sys_fsmount(fs, FSMOUNT_CLOEXEC, tree->upper ? 0 : MOUNT_ATTR_RDONLY);
	return fd < 0 ? error_sys(err, errno, "cannot mount the overlay") : fd;
}

int mountapi_data(const struct gty_storage *st, const struct overlay_tree *tree,
	char buf[OVERLAY_DATA_MAX + 1], struct error *err)
{
	char upper[3 * ID_LEN] = "", label[VALUE_MAX + 16] = "";
	int r = 0;

	if (tree->upper)
		r = path_format(upper, sizeof upper, ",upperdir=%s/diff,workdir=%s/work%s", tree->upper,
			tree->upper, tree->is_volatile ? ",volatile" : "");
	/* A context has commas of its own, so it stands in quotes. */
	if (r == 0 && tree->label)
		r = path_format(label, sizeof label, ",context=\"%s\"", tree->label);
	if (r == 0)
		r = path_format(buf, OVERLAY_DATA_MAX + 1,
			"lowerdir=%s%s,index=off,metacopy=off,redirect_dir=nofollow%s%s", tree->lowers, upper,
			st->userxattr ? ",userxattr" : "", label);
	if (r < 0)
		return error_set(err, ERROR_EXHAUSTED, E2BIG,
			"the options of the overlay do not fit into the page that mount(2) takes");
	return 0;
}

struct legacy {
	const struct gty_storage *st;
	const char *data;
	unsigned long flags;
	int fd;
	struct error err;
};

/* The namespace's root may lie elsewhere than the daemon's; overlay wants paths of the namespace it is
 * mounted in. */
static int enter_root(struct legacy *l)
{
	struct stat here, there;

	if (unshare(CLONE_NEWNS) < 0)
		return error_sys(&l->err, errno, "cannot make a mount namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_sys(&l->err, errno, "cannot make a mount namespace private");
	if (chdir(l->st->root) < 0)
		return error_sys(&l->err, errno, "cannot enter '%s'", l->st->root);
	if (stat(".", &here) < 0 || fstat(l->st->root_fd, &there) < 0 || here.st_dev != there.st_dev ||
		here.st_ino != there.st_ino)
		return error_set(&l->err, ERROR_UNAVAILABLE, ESTALE,
			"'%s' is another folder than at the start", l->st->root);
	return 0;
}

static void *mount_in_own_namespace(void *arg)
{
	struct legacy *l = arg;

	if (enter_root(l) < 0)
		return NULL;
	if (mount("overlay", "empty", "overlay", l->flags, l->data) < 0) {
		error_sys(&l->err, errno, "cannot mount the overlay");
		return NULL;
	}
	l->fd = sys_open_tree(AT_FDCWD, "empty", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (l->fd < 0)
		error_sys(&l->err, errno, "cannot detach the overlay");
	umount2("empty", MNT_DETACH);
	return NULL;
}

int mountapi_mount2(const struct gty_storage *st, const struct overlay_tree *tree, struct error *err)
{
	char data[OVERLAY_DATA_MAX + 1];
	struct legacy l = {
		.st = st, .data = data, .flags = tree->upper ? 0 : MS_RDONLY, .fd = -1, .err = ERROR_INIT
	};
	sigset_t all, before;
	pthread_t thread;
	int r = mountapi_data(st, tree, data, err);

	if (r < 0)
		return r;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, NULL, mount_in_own_namespace, &l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0)
		return error_sys(err, r, "cannot start a thread to mount the overlay");
	pthread_join(thread, NULL);
	if (l.fd >= 0)
		return l.fd;
	*err = l.err;
	return l.err.sys_errno ? -l.err.sys_errno : -EIO;
}

/* Options are tried on contexts that never become a mount. */
static bool understands(const struct gty_storage *st, bool by_fd)
{
	auto_close int fs = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	auto_close int fd = openat(st->root_fd, "empty", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fs < 0 || fd < 0)
		return false;
	if (by_fd)
		return sys_fsconfig(fs, SYS_FSCONFIG_FD, "lowerdir+", NULL, fd) == 0;
	return set_path(st, fs, "lowerdir+", "empty", 5, NULL) == 0;
}

int mountapi_detect(struct gty_storage *st, struct error *err)
{
	auto_close int fs = sys_fsopen("overlay", FSOPEN_CLOEXEC);

	if (fs < 0 && errno == ENODEV)
		return error_set(err, ERROR_UNSUPPORTED, ENODEV,
			"overlay is not in this kernel: load its module, or use the driver vfs");
	if (fs < 0)
		return error_sys(err, errno, "cannot ask the kernel for overlay");
	st->api = understands(st, false) ? OVERLAY_API_FSOPEN : OVERLAY_API_MOUNT2;
	st->by_fd = st->api == OVERLAY_API_FSOPEN && understands(st, true);
	return 0;
}
