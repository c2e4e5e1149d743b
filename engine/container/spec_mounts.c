/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mounts of a spec: those that every container has, without what the user mounts in their place; then
 * all others, a folder before what lies in it (docker 28.5: daemon/oci_linux.go, withMounts).
 */
#include "engine/container/mounts.h"
#include "engine/container/spec_state.h"

#include "engine/container/defaults.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/str.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define LIST_MAX (MOUNTS_MAX + 1024)

struct mount_list {
	struct spec *s;
	struct json *items[LIST_MAX];
	size_t n;
	bool failed;
};

/* ---- building ------------------------------------------------------------------------------ */
static struct json *add(struct mount_list *l, const char *type, const char *source, const char *destination)
{
	struct json *m = l->n < LIST_MAX ? json_new_object() : NULL;

	if (!m) {
		l->failed = true;
		return NULL;
	}
	json_set_string(m, "destination", destination);
	json_set_string(m, "type", type);
	json_set_string(m, "source", source);
	l->items[l->n++] = m;
	return json_set_array(m, "options");
}

static void add_options(struct json *list, const char *const *options)
{
	for (; list && *options; options++)
		json_add_string(list, *options);
}

static const char *destination(const struct json *m)
{
	return json_string(json_at(m, "destination"));
}

static bool is_tmpfs(const struct spec *s, const char *path)
{
	char clean[PATH_MAX];

	json_each (json_at(s->f->host_config, "Tmpfs"), it)
		if (path_clean(it.key, clean, sizeof clean) == 0 && strcmp(clean, path) == 0)
			return true;
	return false;
}

static bool is_users(const struct spec *s, const char *path)
{
	return mounts_at(s->f->mounts, path) || is_tmpfs(s, path);
}

/* ---- what every container has -------------------------------------------------------------- */
static void add_standard(struct mount_list *l)
{
	static const char *const proc[] = { "nosuid", "noexec", "nodev", NULL };
	static const char *const dev[] = { "nosuid", "strictatime", "mode=755", "size=65536k", NULL };
	static const char *const pts[] = { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620",
		"gid=5", NULL };
	static const char *const mqueue[] = { "nosuid", "noexec", "nodev", NULL };
	const char *const sys[] = { "nosuid", "noexec", "nodev", l->s->privileged ? "rw" : "ro", NULL };

	add_options(add(l, "proc", "proc", "/proc"), proc);
	add_options(add(l, "tmpfs", "tmpfs", "/dev"), dev);
	add_options(add(l, "devpts", "devpts", "/dev/pts"), pts);
	add_options(add(l, "sysfs", "sysfs", "/sys"), sys);
	add_options(add(l, "cgroup", "cgroup", "/sys/fs/cgroup"), sys);
	add_options(
		add(l, "mqueue", "mqueue", "/dev/mqueue"), mqueue); /* of whichever IPC namespace it has */
}

static bool is_replaced(const struct spec *s, const char *path)
{
	return is_users(s, path) || (strncmp(path, "/dev/", 5) == 0 && is_users(s, "/dev"));
}

static void drop_replaced(struct mount_list *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (is_replaced(l->s, destination(l->items[i])))
			json_free(l->items[i]);
		else
			l->items[kept++] = l->items[i];
	}
	l->n = kept;
}

/* ---- the others ----------------------------------------------------------------------------- */
static void add_shm(struct mount_list *l)
{
	static const char *const bind[] = { "rbind", NULL };
	static const char *const shm[] = { "nosuid", "noexec", "nodev", "mode=1777", NULL };
	const char *mode = spec_host_text(l->s, "IpcMode");
	char size[32];

	if (strcmp(mode, "none") == 0 || is_users(l->s, "/dev/shm"))
		return;
	/* Another container's: a descriptor stands for it. */
	if (strcmp(mode, "host") == 0 || str_after(mode, "container:")) {
		add_options(add(l, "bind", "/dev/shm", "/dev/shm"), bind);
		return;
	}
	struct json *options = add(l, "tmpfs", "shm", "/dev/shm");
	add_options(options, shm);
	snprintf(
		size, sizeof size, "size=%lld", (long long)spec_host_int(l->s, "ShmSize", DEFAULTS_SHM_SIZE));
	if (options)
		json_add_string(options, size);
}

static void add_etc(struct mount_list *l)
{
	static const char *const files[] = { "resolv.conf", "hostname", "hosts" };
	char source[PATH_MAX], target[64];

	for (size_t i = 0; i < 3; i++) {
		path_format(source, sizeof source, "%s/%s", l->s->f->etc, files[i]);
		path_format(target, sizeof target, "/etc/%s", files[i]);
		if (is_users(l->s, target))
			continue;
		struct json *options = add(l, "bind", source, target);
		add_options(options, (const char *const[]){ "bind", "rprivate", NULL });
		if (options && spec_host_bool(l->s, "ReadonlyRootfs"))
			json_add_string(options, "ro");
	}
}

static void add_init(struct mount_list *l)
{
	if (spec_has_init(l->s->f->host_config))
		add_options(add(l, "bind", l->s->f->init ? l->s->f->init : SPEC_INIT, SPEC_INIT),
			(const char *const[]){ "bind", "ro", "rprivate", NULL });
}

static void add_words(struct json *out, const char *text, bool *failed)
{
	auto_str_list char **list = NULL;

	if (!*text)
		return;
	if (str_split(text, ',', 0, &list) < 0)
		*failed = true;
	else
		add_options(out, (const char *const *)list);
}

static int add_tmpfs(struct mount_list *l)
{
	struct spec *s = l->s;
	char clean[PATH_MAX];

	json_each (json_at(s->f->host_config, "Tmpfs"), it) {
		const char *options = json_string(it.value);
		if (it.key[0] != '/' || path_clean(it.key, clean, sizeof clean) < 0)
			return error_invalid(
				s->err, "invalid mount path: '%s' mount path must be absolute", it.key);
		if (strcmp(clean, "/") == 0)
			return error_invalid(s->err, "invalid specification: destination can't be '/'");
		struct json *out = add(l, "tmpfs", "tmpfs", clean);
		add_options(out, (const char *const[]){ "noexec", "nosuid", "nodev", NULL });
		add_words(out, options ? options : "", &l->failed);
	}
	return 0;
}

/* A volume's source is told by a descriptor. */
static void add_point(struct mount_list *l, const struct mount_point *m)
{
	struct json *out;

	if (m->type == MOUNT_TMPFS) {
		out = add(l, "tmpfs", "tmpfs", m->destination);
		add_words(out, m->tmpfs, &l->failed);
		return;
	}
	out = add(l, "bind", m->type == MOUNT_BIND ? m->source : m->name, m->destination);
	if (!out)
		return;
	json_add_string(out, m->non_recursive ? "bind" : "rbind");
	if (m->read_only)
		json_add_string(out, m->read_only_top || m->non_recursive ? "ro" : "rro");
	if (m->type == MOUNT_BIND)
		json_add_string(out, m->propagation);
}

/* ---- order ------------------------------------------------------------------------------------ */
static size_t depth(const struct json *m)
{
	size_t n = 0;

	for (const char *p = destination(m); *p; p++)
		n += *p == '/';
	return n;
}

/* Those of one depth stay as they are. */
static void sort(struct json **items, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct json *m = items[i];
		size_t k = i;
		for (; k > 0 && depth(items[k - 1]) > depth(m); k--)
			items[k] = items[k - 1];
		items[k] = m;
	}
}

static int add_all(struct mount_list *l)
{
	add_standard(l);
	drop_replaced(l);
	size_t standard = l->n;
	add_shm(l);
	add_etc(l);
	add_init(l);
	int r = add_tmpfs(l);
	for (size_t i = 0; i < l->s->f->mounts->n; i++)
		add_point(l, &l->s->f->mounts->v[i]);
	sort(l->items + standard, l->n - standard);
	return r;
}

int spec_add_mounts(struct spec *s)
{
	struct mount_list l = { .s = s };
	struct json *mounts = json_set_array(s->oci, "mounts");
	int r = add_all(&l);

	for (size_t i = 0; i < l.n; i++)
		json_add(mounts, l.items[i]);
	if (r == 0 && l.failed)
		r = error_invalid(s->err, "more mounts than a container can have");
	return r;
}
