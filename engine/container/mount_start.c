/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts of a container that starts, and of one that has ended. */
#include "engine/container/mounts.h"
#include "engine/container/object.h"

#include "core/plugin/call.h"
#include "core/volume/volume.h"
#include "engine/volume/volume.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/str.h"
#include "lib/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOUNTINFO_MAX (16u << 20)

/* ---- binds ------------------------------------------------------------------------------- */
/* `-v /not/there:/x` makes the folder, as Docker does. */
static int make_folders(const char *path, struct error *err)
{
	char part[PATH_MAX];

	for (const char *p = path; *p;) {
		p = *p == '/' ? p + 1 : p;
		p += strcspn(p, "/");
		memcpy(part, path, (size_t)(p - path));
		part[p - path] = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return error_sys(err, errno, "error while creating mount source path '%s'", path);
	}
	return 0;
}

/* The optional fields of the mount that path lies on, " shared:12 master:3 ". */
static int optional_fields(const char *path, char *buf, size_t size, struct error *err)
{
	auto_free char *text = NULL;
	struct statx st;
	unsigned long long id;

	if (statx(AT_FDCWD, path, AT_NO_AUTOMOUNT, STATX_MNT_ID, &st) < 0)
		return error_sys(err, errno, "cannot look at '%s'", path);
	int r = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, NULL);
	if (r < 0)
		return error_sys(err, -r, "cannot read /proc/self/mountinfo");
	for (char *line = text, *next; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (sscanf(line, "%llu", &id) != 1 || id != st.stx_mnt_id)
			continue;
		char *end = strstr(line, " - ");
		if (end)
			end[1] = '\0';
		snprintf(buf, size, "%s", line);
		return 0;
	}
	return error_set(
		err, ERROR_INTERNAL, ENOENT, "the mount of '%s' is not in /proc/self/mountinfo", path);
}

/* What shall come and go with the host's mounts needs a mount that tells. */
static int check_propagation(const struct mount_point *m, struct error *err)
{
	bool shared = str_ends_with(m->propagation, "shared"), slave = str_ends_with(m->propagation, "slave");
	char fields[8192];

	if (m->defaulted || (!shared && !slave))
		return 0;
	int r = optional_fields(m->source, fields, sizeof fields, err);
	if (r < 0)
		return r;
	if (strstr(fields, " shared:") || (slave && strstr(fields, " master:")))
		return 0;
	return error_invalid(err, "path %s is mounted on a mount that is not a shared%s mount", m->source,
		slave ? " or slave" : "");
}

static int prepare_bind(const struct mount_point *m, struct error *err)
{
	struct stat st;

	if (stat(m->source, &st) < 0) {
		if (errno != ENOENT || !m->make_source)
			return error_invalid(err,
				"invalid mount config for type \"bind\": bind source path does not exist: %s",
				m->source);
		int r = make_folders(m->source, err);
		if (r < 0)
			return r;
	}
	return check_propagation(m, err);
}

/* ---- volumes -------------------------------------------------------------------------------- */
/* The launcher takes a detached mount; a folder becomes one. */
static int detach(struct gty_tree *t, const char *name, struct error *err)
{
	if (t->form == GTY_TREE_MOUNT)
		return 0;
	if (t->form != GTY_TREE_DIR)
		return error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
			"volume '%s': volumes that are mounted over a network are not built into "
			"gantry " GANTRY_VERSION,
			name);
	int fd = sys_open_tree(t->fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "cannot clone the tree of volume '%s'", name);
	close(t->fd);
	t->fd = fd;
	return 0;
}

static int set_attrs(const struct gty_tree *t, const char *name, struct error *err)
{
	struct sys_mount_attr attr = { .attr_set = t->attrs };

	if (t->attrs && sys_mount_setattr(t->fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr) < 0)
		return error_sys(err, errno, "cannot set the attributes of volume '%s'", name);
	return 0;
}

static int open_volume(
	struct container *c, const struct mount_point *m, struct gty_tree **ret, struct error *err)
{
	if (!m->volume)
		return error_set(err, ERROR_NOT_FOUND, ENOENT, "get %s: no such volume", m->name);
	int r = volume_use(m->volume, c->id, m->subpath ? m->subpath : "", m->read_only, ret, err);
	if (r == 0)
		r = detach(*ret, m->name, err);
	if (r == 0)
		r = set_attrs(*ret, m->name, err);
	if (r == 0)
		volume_event_mount(m->volume, c->id, m->destination, m->read_only);
	return r;
}

int mounts_open(struct container *c, struct mounts_open *ret, struct error *err)
{
	int r = 0;

	ret->n = c->mounts.n;
	memset(ret->trees, 0, sizeof ret->trees);
	for (size_t i = 0; r == 0 && i < c->mounts.n; i++) {
		const struct mount_point *m = &c->mounts.v[i];
		if (m->type == MOUNT_BIND)
			r = prepare_bind(m, err);
		else if (m->type == MOUNT_VOLUME)
			r = open_volume(c, m, &ret->trees[i], err);
	}
	return r;
}

void mounts_open_done(struct mounts_open *o)
{
	for (size_t i = 0; i < o->n; i++)
		reply_free(o->trees[i]);
	o->n = 0;
}

void mounts_unuse(struct container *c)
{
	for (size_t i = 0; i < c->mounts.n; i++)
		if (c->mounts.v[i].volume) {
			volume_unuse(c->mounts.v[i].volume, c->id);
			volume_event_unmount(c->mounts.v[i].volume, c->id);
		}
}
