/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compile/context.h"
#include "runtime/compile/mount_options.h"

#include "lib/base/path.h"
#include "lib/base/sys.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

/* What may be mounted over inside /proc: files that lxcfs and others stand in for.  All else there is where
 * the runtime and the kernel's guards write and read (CVE-2019-16884, CVE-2023-27561). */
static const char *const proc_allowed[] = {
	"/proc/cpuinfo",
	"/proc/diskstats",
	"/proc/meminfo",
	"/proc/stat",
	"/proc/swaps",
	"/proc/uptime",
	"/proc/loadavg",
	"/proc/slabinfo",
	"/proc/net/dev",
	"/proc/sys/kernel/ns_last_pid",
	"/proc/sys/crypto/fips_enabled",
};

/* A mount that is being read. */
struct mount {
	const char *type, *source;
	char target[PATH_MAX];
	struct mount_options options;
};

static bool is_bind(const struct mount *m)
{
	return m->options.bind || m->options.rbind || strcmp(m->type, "bind") == 0;
}

static int check_proc_source(const struct field *f, const struct mount *m)
{
	struct statfs fs;

	if (strcmp(m->type, "proc") == 0 && !is_bind(m))
		return 0;
	if (!is_bind(m))
		return field_invalid(f, "only a proc file system can be mounted at /proc, not '%s'", m->type);
	if (m->source && *m->source == '/' && statfs(m->source, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC)
		return 0;
	return field_invalid(f, "only a proc file system can be mounted at /proc, and '%s' is none",
		m->source ? m->source : "");
}

/* Judges the destination as text; the launcher judges again what links in the root make of it. */
static int check_target(const struct field *f, const struct mount *m)
{
	struct field at = field_any(f, "destination");

	if (strcmp(m->target, "/") == 0)
		return field_invalid(&at, "the root itself cannot be mounted over");
	if (strcmp(m->target, "/proc") == 0)
		return check_proc_source(&at, m);
	if (!path_is_below(m->target, "/proc"))
		return 0;
	for (size_t i = 0; i < sizeof proc_allowed / sizeof proc_allowed[0]; i++)
		if (strcmp(m->target, proc_allowed[i]) == 0)
			return 0;
	return field_invalid(&at, "'%s' is inside /proc and cannot be mounted over", m->target);
}

static int read_mount(struct compile *c, const struct field *f, struct mount *m)
{
	struct field at = field_any(f, "destination");
	const char *destination = NULL;
	int r;

	m->type = "";
	m->source = NULL;
	r = mount_options_read(f, &c->b, &m->options);
	if (r == 0)
		r = field_need_string(f, "destination", &destination);
	if (r == 0)
		r = field_string(f, "type", &m->type);
	if (r == 0)
		r = field_string(f, "source", &m->source);
	if (r < 0)
		return r;
	if (!*destination)
		return field_invalid(&at, "a destination is needed");
	if (path_clean(destination, m->target, sizeof m->target) < 0)
		return field_invalid(&at, "longer than %d bytes", PATH_MAX);
	if (*destination != '/')
		compile_warn(c, "mount destination '%s' is not absolute: taken from the root", destination);
	return check_target(f, m);
}

/* ---- kinds ----------------------------------------------------------------------- */
static int refuse_data(const struct field *f, const struct mount *m, const char *what)
{
	struct field list = field_any(f, "options");
	struct field at = { .up = &list, .index = m->options.first_data_index, .err = f->err };

	if (!m->options.first_data)
		return 0;
	return field_invalid(&at, "option '%s' is not one of %s", m->options.first_data, what);
}

static int compile_bind(struct compile *c, const struct field *f, struct mount *m, struct launch_mount *lm)
{
	struct field at = field_any(f, "source");
	int r = refuse_data(f, m, "a bind mount");

	if (r < 0)
		return r;
	if (m->options.copy_up)
		return field_invalid(f, "tmpcopyup is for a tmpfs");
	lm->kind = LAUNCH_MOUNT_BIND;
	if (m->options.rbind || m->options.ridmap)
		lm->flags |= LAUNCH_MOUNT_RECURSIVE;
	if (m->options.no_follow)
		lm->flags |= LAUNCH_MOUNT_NO_FOLLOW;
	if (strcmp(m->target, "/dev") == 0)
		c->dev_is_bound = true;
	if (!m->source || !*m->source)
		return field_invalid(&at, "a bind mount needs a source");
	return compile_bundle_path(c, &at, m->source, &lm->source);
}

/* SELinux: a new file system's files get the container's label, apart from those that know no labels of their
 * own. */
static int add_label(struct compile *c, const struct field *f, struct mount *m)
{
	struct field linux_ = field_any(f->up->up, "linux"), at = field_any(&linux_, "mountLabel");
	const char *label = NULL;
	char option[512];
	int r = field_string(&linux_, "mountLabel", &label);

	if (r < 0 || !label || !*label || strcmp(m->type, "proc") == 0 || strcmp(m->type, "sysfs") == 0 ||
		strcmp(m->type, "mqueue") == 0)
		return r;
	if (path_format(option, sizeof option, "context=%s", label) < 0)
		return field_invalid(&at, "longer than %zu bytes", sizeof option);
	mount_options_add(&c->b, &m->options, option);
	return 0;
}

static int compile_filesystem(
	struct compile *c, const struct field *f, struct mount *m, struct launch_mount *lm)
{
	struct field at = field_any(f, "type");
	int r;

	if (!*m->type)
		return field_invalid(&at, "a type is needed where neither bind nor rbind is an option");
	if (strchr(m->type, '/'))
		return field_invalid(&at, "'%s' is not the name of a file system", m->type);
	if (m->options.copy_up && strcmp(m->type, "tmpfs") != 0)
		return field_invalid(f, "tmpcopyup is for a tmpfs");
	lm->kind = LAUNCH_MOUNT_FS;
	lm->fstype = builder_str(&c->b, m->type);
	lm->source = builder_str(&c->b, m->source && *m->source ? m->source : NULL);
	if (m->options.copy_up)
		lm->flags |= LAUNCH_MOUNT_COPY_UP;
	/* As mount(2) with MS_RDONLY, the file system is read-only and not only its mount; a tmpfs is filled
	 * first (mount points, copied-up files). */
	if (m->options.read_only && strcmp(m->type, "tmpfs") != 0)
		mount_options_add(&c->b, &m->options, "ro");
	r = add_label(c, f, m);
	lm->options = builder_take(&c->b, &m->options.data, LAUNCH_LIST_MAX, "mount options");
	return r;
}

static int compile_remount(const struct field *f, const struct mount *m, struct launch_mount *lm)
{
	lm->kind = LAUNCH_MOUNT_REMOUNT;
	if (m->options.copy_up || m->options.idmap || m->options.ridmap)
		return field_invalid(f, "remount goes with attributes and propagation alone");
	return refuse_data(f, m, "those that a remount can change");
}

static int compile_kind(struct compile *c, const struct field *f, struct mount *m, struct launch_mount *lm)
{
	for (size_t i = 0; i < c->opts->n_mount_fds; i++) {
		if (strcmp(c->opts->mount_fds[i].destination, m->target) != 0)
			continue;
		lm->kind = LAUNCH_MOUNT_FD;
		lm->fd = c->opts->mount_fds[i].fd;
		if (strcmp(m->target, "/dev") == 0)
			c->dev_is_bound = true;
		return refuse_data(f, m, "a mount that is handed over");
	}
	if (m->options.remount)
		return compile_remount(f, m, lm);
	if (is_bind(m))
		return compile_bind(c, f, m, lm);
	if (strcmp(m->type, "cgroup") == 0) {
		lm->kind = LAUNCH_MOUNT_CGROUP;
		return refuse_data(f, m, "a cgroup mount");
	}
	return compile_filesystem(c, f, m, lm);
}

/* Mappings of the mount, or "idmap" alone: those of the container's user namespace. */
static int compile_idmap(
	struct compile *c, const struct field *f, const struct mount *m, struct launch_mount *lm)
{
	struct field linux_ = field_any(f->up->up, "linux");
	int r;

	r = idmap_compile(c, f, "uidMappings", &lm->uid_map);
	if (r == 0)
		r = idmap_compile(c, f, "gidMappings", &lm->gid_map);
	if (r == 0 && (m->options.idmap || m->options.ridmap) && lm->uid_map.n == 0 && lm->gid_map.n == 0) {
		r = idmap_compile(c, &linux_, "uidMappings", &lm->uid_map);
		if (r == 0)
			r = idmap_compile(c, &linux_, "gidMappings", &lm->gid_map);
		if (r == 0 && lm->uid_map.n == 0)
			return field_invalid(
				f, "an idmapped mount needs mappings, its own or the container's");
	}
	if (r < 0 || (lm->uid_map.n == 0 && lm->gid_map.n == 0))
		return r;
	if (lm->uid_map.n == 0 || lm->gid_map.n == 0)
		return field_invalid(f, "uidMappings and gidMappings are given together");
	if (lm->kind != LAUNCH_MOUNT_BIND && lm->kind != LAUNCH_MOUNT_FD)
		return field_unsupported(f, "only bind mounts can be idmapped");
	return 0;
}

static int compile_mount(struct compile *c, const struct field *f, struct builder_list *list)
{
	struct launch_mount lm = { .fd = LAUNCH_NO_FD };
	struct mount m;
	int r;

	r = read_mount(c, f, &m);
	if (r == 0)
		r = compile_kind(c, f, &m, &lm);
	if (r == 0)
		r = compile_idmap(c, f, &m, &lm);
	if (r == 0) {
		lm.target = builder_str(&c->b, m.target);
		lm.attr_set = m.options.attr_set;
		lm.attr_clr = m.options.attr_clr;
		lm.rec_set = m.options.rec_set;
		lm.rec_clr = m.options.rec_clr;
		lm.propagation = m.options.propagation;
		lm.prop_rec = m.options.prop_rec;
		builder_list_add(&c->b, list, &lm);
	}
	mount_options_done(&m.options);
	return r;
}

/* ---- root --------------------------------------------------------------------------- */
static int compile_root(struct compile *c, const struct field *config)
{
	struct launch_record *rec = &c->b.rec;
	const char *path = NULL, *propagation = NULL;
	struct field root, at, linux_ = field_any(config, "linux"),
			       propagation_at = field_any(&linux_, "rootfsPropagation");
	bool read_only = false;
	int r;

	r = field_need_object(config, "root", &root);
	if (r == 0)
		r = field_need_string(&root, "path", &path);
	if (r == 0)
		r = field_bool(&root, "readonly", &read_only);
	if (r == 0)
		r = field_string(&linux_, "rootfsPropagation", &propagation);
	if (r < 0)
		return r;
	at = field_any(&root, "path");
	if (read_only)
		rec->flags |= LAUNCH_F_ROOT_RDONLY;
	rec->root_fd = c->opts->root_fd;
	if (propagation && *propagation) {
		rec->root_propagation = mount_options_propagation(propagation);
		if (!rec->root_propagation)
			return field_invalid(&propagation_at, "unknown propagation '%s'", propagation);
	}
	if (rec->root_fd != LAUNCH_NO_FD)
		return 0;
	if (!*path)
		return field_invalid(&at, "a path is needed");
	return compile_bundle_path(c, &at, path, &rec->root);
}

int mounts_compile(struct compile *c, const struct field *config)
{
	struct builder_list mounts = BUILDER_LIST_INIT(struct launch_mount);
	struct field list, entry;
	int r;

	r = compile_root(c, config);
	if (r == 0)
		r = field_array(config, "mounts", &list);
	for (size_t i = 0; r == 0 && i < field_count(&list); i++) {
		r = field_object_at(&list, i, &entry);
		if (r == 0)
			r = compile_mount(c, &entry, &mounts);
	}
	c->b.rec.mounts = builder_take(&c->b, &mounts, LAUNCH_LIST_MAX, "mounts");
	return r;
}
