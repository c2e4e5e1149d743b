/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of replies that several kinds share: paths, names of links, addresses, trees. */
#include "core/plugin/kind.h"
#include "lib/base/path.h"
#include "lib/base/sys.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define STATX_MOUNT_ROOT 0x2000 /* STATX_ATTR_MOUNT_ROOT, kernel 5.8 */

/* Clean: what path_clean would not change. */
static bool is_clean(const char *path)
{
	size_t n = strlen(path);

	if (path[0] != '/' || (n > 1 && path[n - 1] == '/'))
		return false;
	for (const char *p = path; p; p = strchr(p + 1, '/'))
		if (strncmp(p, "//", 2) == 0 || strncmp(p, "/./", 3) == 0 || strncmp(p, "/../", 4) == 0 ||
			strcmp(p, "/.") == 0 || strcmp(p, "/..") == 0)
			return false;
	return true;
}

int reply_path(const char *name, const char *path, struct error *err)
{
	if (!path || is_clean(path))
		return 0;
	return error_invalid(err, "%s '%.200s' is not a clean absolute path", name, path);
}

int reply_path_below(const char *name, const char *path, const char *root, struct error *err)
{
	int r = reply_path(name, path, err);

	if (r < 0 || !path || !root || path_is_below(path, root))
		return r;
	return error_invalid(err, "%s '%.200s' is outside of the driver's folder '%.200s'", name, path, root);
}

int reply_link_name(const char *name, const char *link, struct error *err)
{
	if (!link)
		return error_invalid(err, "%s is missing", name);
	size_t n = strlen(link);
	bool bad = n == 0 || n >= IFNAMSIZ || strcmp(link, ".") == 0 || strcmp(link, "..") == 0;
	for (const char *p = link; *p && !bad; p++)
		bad = *p == '/' || *p == ':' || !isgraph((unsigned char)*p);
	return bad ? error_invalid(err, "%s '%.40s' is no name of a network link", name, link) : 0;
}

int reply_mac(const char *name, const char *mac, struct error *err)
{
	if (!mac)
		return 0;
	bool good = strlen(mac) == 17;
	for (int i = 0; good && i < 17; i++)
		good = i % 3 == 2 ? mac[i] == ':' : isxdigit((unsigned char)mac[i]) != 0;
	return good ? 0 : error_invalid(err, "%s '%.40s' is no MAC address", name, mac);
}

int reply_ip(const char *name, const char *ip, struct error *err)
{
	unsigned char bin[16];

	if (!ip || inet_pton(AF_INET, ip, bin) == 1 || inet_pton(AF_INET6, ip, bin) == 1)
		return 0;
	return error_invalid(err, "%s '%.60s' is no address", name, ip);
}

int reply_cidr(const char *name, const char *cidr, struct error *err)
{
	unsigned char bin[16];
	char ip[64];

	if (!cidr)
		return 0;
	const char *slash = strchr(cidr, '/');
	if (slash && (size_t)(slash - cidr) < sizeof ip && isdigit((unsigned char)slash[1])) {
		char *end;
		memcpy(ip, cidr, (size_t)(slash - cidr));
		ip[slash - cidr] = '\0';
		unsigned long bits = strtoul(slash + 1, &end, 10);
		unsigned long most = inet_pton(AF_INET, ip, bin) == 1    ? 32
				     : inet_pton(AF_INET6, ip, bin) == 1 ? 128
									 : 0;
		if (most && !*end && bits <= most)
			return 0;
	}
	return error_invalid(err, "%s '%.60s' is no address with a prefix length", name, cidr);
}

static int fd_is_below(const char *name, int fd, const char *below, struct error *err)
{
	char link[64], path[4096];

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof path - 1);
	if (n < 0)
		return error_sys(err, errno, "cannot read where %s is", name);
	path[n] = '\0';
	return reply_path_below(name, path, below, err);
}

int reply_folder(const char *name, int fd, const char *below, struct error *err)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_invalid(err, "%s is no open descriptor", name);
	if (!S_ISDIR(st.st_mode))
		return error_invalid(err, "%s is not a directory", name);
	return below ? fd_is_below(name, fd, below, err) : 0;
}

static int check_mount(int fd, struct error *err)
{
	struct statx stx;

	int r = reply_folder("fd", fd, NULL, err);
	if (r < 0)
		return r;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &stx) < 0)
		return error_sys(err, errno, "cannot look at fd");
	if (!(stx.stx_attributes_mask & STATX_MOUNT_ROOT) || (stx.stx_attributes & STATX_MOUNT_ROOT))
		return 0;
	return error_invalid(err, "fd is a folder, not the root of a mount (GTY_TREE_DIR is for folders)");
}

static int check_block(int fd, const char *fstype, struct error *err)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode))
		return error_invalid(err, "fd is no block device");
	return fstype ? 0 : error_invalid(err, "fstype is missing for a block device");
}

/* Steps mount storage.  What opens the kernel itself to a container is the runtime's to mount, never a
 * driver's; the types of storage are many, and the drivers' own to know. */
static bool is_storage_fstype(const char *fstype)
{
	static const char *const interfaces[] = { "proc", "sysfs", "cgroup", "cgroup2", "devpts", "devtmpfs",
		"mqueue", "debugfs", "tracefs", "securityfs", "configfs", "bpf", "binfmt_misc", "selinuxfs",
		"efivarfs", "pstore", "resctrl", "rpc_pipefs", "fusectl", "nsfs", "binder", NULL };

	if (!fstype || !*fstype || strlen(fstype) > 40)
		return false;
	for (int i = 0; interfaces[i]; i++)
		if (strcmp(fstype, interfaces[i]) == 0)
			return false;
	return fstype[strspn(fstype, "abcdefghijklmnopqrstuvwxyz0123456789_.-")] == '\0';
}

#define STEP_FLAGS                                                                                 \
	(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SYNCHRONOUS | MS_DIRSYNC | MS_NOATIME | \
		MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME | MS_LAZYTIME | MS_SILENT)

static int check_step(const struct gty_step *s, struct error *err)
{
	if (s->op < GTY_STEP_FSOPEN || s->op > GTY_STEP_REMOUNT2)
		return error_invalid(err, "op %u is unknown", s->op);
	if (s->op == GTY_STEP_FSOPEN && s->flags)
		return error_invalid(err, "flags are for the two old forms only");
	if (s->flags & ~(uint32_t)STEP_FLAGS)
		return error_invalid(err, "flags 0x%x are not allowed", s->flags & ~(uint32_t)STEP_FLAGS);
	if (s->op != GTY_STEP_REMOUNT2 && !is_storage_fstype(s->fstype))
		return error_invalid(err, "a file system of type '%.40s' may not be mounted by steps",
			s->fstype ? s->fstype : "");
	if (s->op == GTY_STEP_FSOPEN && s->data)
		return error_invalid(err, "data is for the two old forms only");
	if (s->data && strlen(s->data) > 4095)
		return error_invalid(err, "data is longer than 4095 bytes");
	for (uint32_t i = 0; i < s->opts_n; i++)
		if (s->opts[i].value && strlen(s->opts[i].value) > 255)
			return error_invalid(err, "opts[%u] '%.60s' is longer than the kernel's 255 bytes", i,
				s->opts[i].key);
	return 0;
}

static int check_steps(const struct gty_tree *tree, const char *below, struct error *err)
{
	if (tree->steps_n == 0)
		return error_invalid(err, "no steps");
	for (uint32_t i = 0; i < tree->steps_n; i++) {
		int r = check_step(&tree->steps[i], err);
		if (r < 0)
			return error_prefix(err, r, "steps[%u]", i);
	}
	return reply_path_below("base", tree->base, below, err);
}

static int check_form(
	const struct gty_tree *t, const char *below, bool no_steps, bool block, struct error *err)
{
	if (t->form == GTY_TREE_STEPS ? t->fd >= 0 : t->fd < 0)
		return error_invalid(err, "form %u and fd %d do not fit", t->form, t->fd);
	switch (t->form) {
	case GTY_TREE_MOUNT: return check_mount(t->fd, err);
	case GTY_TREE_DIR: return reply_folder("fd", t->fd, below, err);
	case GTY_TREE_STEPS:
		if (no_steps)
			return error_invalid(err, "steps, though a descriptor was asked for");
		return check_steps(t, below, err);
	case GTY_TREE_BLOCK:
		if (!block)
			return error_invalid(err, "a block device, though none was asked for");
		return check_block(t->fd, t->fstype, err);
	default: return error_invalid(err, "form %u is unknown", t->form);
	}
}

#define TREE_ATTRS                                                                                          \
	(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR__ATIME | \
		MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW)

int reply_tree(const struct gty_tree *tree, const char *below, const struct gty_idmaps *maps, bool no_steps,
	bool block, struct error *err)
{
	int r = check_form(tree, below, no_steps, block, err);

	if (r < 0)
		return r;
	if (tree->attrs & ~(uint64_t)TREE_ATTRS)
		return error_invalid(err, "attrs 0x%llx are not allowed", (unsigned long long)tree->attrs);
	if (tree->flags & ~(GTY_TREE_F_IDMAPPED | GTY_TREE_F_LABELLED))
		return error_invalid(err, "flags 0x%llx are unknown", (unsigned long long)tree->flags);
	if ((tree->flags & GTY_TREE_F_IDMAPPED) && !maps)
		return error_invalid(err, "idmapped, though no map was given");
	if (tree->subdir) {
		char whole[4096];
		if (tree->subdir[0] == '/' || path_format(whole, sizeof whole, "/%s", tree->subdir) < 0 ||
			!is_clean(whole))
			return error_invalid(
				err, "subdir '%.200s' is not a clean relative path", tree->subdir);
	}
	return reply_path("where", tree->where, err);
}
